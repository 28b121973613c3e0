"""A package as the database of a package manager knows it, whichever manager that is.

Versions are taken apart the way each family writes them: `epoch:version-release` (deb-version(7), rpm's EVR,
vercmp(8) of pacman), and `version-rN` of apk-package(5), which has no epoch.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

INSTALLED: Final = "installed"
MAX_PACKAGES: Final = 100_000
"""In one database; more than any distribution has."""
_HAVE_FILES: Final = frozenset({INSTALLED, "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})
_EPOCH: Final = re.compile(r"([0-9]{1,10}):(.+)", re.DOTALL)


class Package(msgspec.Struct, frozen=True):
    """A package.

    Attributes:
        place: the file of the database, and where in it.
        epoch: what outweighs the version in a comparison; None where none is given, which counts as 0.
        version: the version of the software.
        release: which packaging of that version ("2+b7", "7.el9", "r4"); "" where the version stands alone.
        architecture: in the manager's own words ("amd64", "x86_64", "noarch").
        state: "installed", or of dpkg also "unpacked", "config-files" and others.
        source: what it was built from: the name of a source package, or the file name of a source rpm.
        source_version: of the source package, where it is another than the package's own.
        licence: in the packager's own words; dpkg's database has none.
        vendor: who is responsible for it, packager: who built it or takes care of it.
        installed_at: seconds since 1970; None where the database does not say.
    """

    place: Place
    name: str
    version: str
    release: str = ""
    epoch: int | None = None
    architecture: str = ""
    state: str = INSTALLED
    source: str = ""
    source_version: str = ""
    licence: str = ""
    vendor: str = ""
    packager: str = ""
    summary: str = ""
    url: str = ""
    installed_at: int | None = None

    @property
    def full_version(self) -> str:
        """Epoch, version and release, as the manager writes them."""
        epoch = "" if self.epoch is None else f"{self.epoch}:"
        return f"{epoch}{self.version}-{self.release}" if self.release else epoch + self.version

    @property
    def installed(self) -> bool:
        """Whether its files are there; not so for one of which only the configuration is left."""
        return self.state in _HAVE_FILES


class PackageList(msgspec.Struct, frozen=True):
    """What a database holds: the packages that could be read, and a problem for each that could not."""

    packages: tuple[Package, ...]
    problems: tuple[Problem, ...] = ()


def split_version(text: str) -> tuple[int | None, str, str]:
    """Take `epoch:version-release` apart; the release begins after the last dash."""
    epoch = None
    if match := _EPOCH.fullmatch(text):
        epoch, text = int(match[1]), match[2]
    version, _, release = text.rpartition("-")
    return (epoch, version, release) if version and release else (epoch, text, "")


def is_key(package: Package) -> bool:
    """Tell whether this is a signing key, which rpm keeps among the packages."""
    return package.name == "gpg-pubkey"
