"""Names of packages of the servicing stack: `Package_for_KB4474419~31bf3856ad364e35~amd64~~6.1.3.2`.

Source: Microsoft's documentation of DISM ("DISM Operating System Package Servicing": a package identity is its name,
public key token, architecture, language and version, with `~` between them), and its lists of installed packages
("How to download updates that include drivers and hotfixes", "Windows startup issues"). A monthly or cumulative rollup
is `Package_for_RollupFix`, whose version begins with the build and revision that it makes
(`~~17134.345.1.5`); other updates bear the number of their article. What a package consists of, `Package_12_for_KB...`,
is not the update as a whole.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_ARTICLE: Final = re.compile(r"(?i)Package_for_(KB\d{6,8})(?:_|\Z)")
_ROLLUP: Final = "package_for_rollupfix"
_VERSION: Final = re.compile(r"\d{1,9}(?:\.\d{1,9}){3}")
_PARTS: Final = 5


class PackageIdentity(msgspec.Struct, frozen=True):
    """The identity of a package.

    Attributes:
        language: "" where the package is for all.
        version: four numbers, the most significant first.
    """

    name: str
    token: str
    architecture: str
    language: str
    version: tuple[int, int, int, int]

    @property
    def article(self) -> str | None:
        """The article that the update is called after, "KB4474419"; None where it bears none."""
        found = _ARTICLE.match(self.name)
        return found[1].upper() if found else None

    @property
    def rollup(self) -> tuple[int, int] | None:
        """The build and revision that a rollup makes; None of any other package."""
        return (self.version[0], self.version[1]) if self.name.lower() == _ROLLUP else None


def parse_package_identity(text: str) -> PackageIdentity | None:
    """Take the identity of a package apart; None where it is none."""
    parts = text.split("~")
    if len(parts) != _PARTS or not parts[0] or not _VERSION.fullmatch(parts[4]):
        return None
    name, token, architecture, language, version = parts
    first, second, third, fourth = map(int, version.split("."))
    return PackageIdentity(name, token, architecture, language, (first, second, third, fourth))
