"""The package database of Alpine and its kin: /lib/apk/db/installed, since 3.22 also /usr/lib/apk/db/installed.

Format: apk-package(5) and the index format of the Alpine wiki: paragraphs of fields of one letter; what belongs to
the package comes before the folders (`F:`) and files (`R:`) of it. Versions are `version-rN`.
Not done: files, dependencies, triggers.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.linux.package import Package, PackageList
from parsers.linux.paragraph import field, parse_packages
from parsers.place import Place

_VERSION: Final = re.compile(r"(.+)-(r[0-9]+)", re.DOTALL)


def parse_apk_installed(text: str, path: str = "/lib/apk/db/installed") -> PackageList:
    """Read every paragraph; one without a name is a problem. `path` only labels the places.

    Raise `ParseError` on more than `MAX_PACKAGES` of them.
    """
    return parse_packages(text, path, "P", _package)


def _package(place: Place, name: str, paragraph: str) -> Package:
    text = field(paragraph, "V")
    match = _VERSION.fullmatch(text)
    version, release = match.groups() if match else (text, "")
    return Package(
        place,
        name,
        version,
        release,
        architecture=field(paragraph, "A"),
        source=field(paragraph, "o"),
        licence=field(paragraph, "L"),
        packager=field(paragraph, "m"),
        summary=field(paragraph, "T"),
        url=field(paragraph, "U"),
    )
