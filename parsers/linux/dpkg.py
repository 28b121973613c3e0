"""The package database of Debian and its kin: /var/lib/dpkg/status.

Format: deb-control(5), one paragraph for each package; `Status` is three words (dpkg(1)): what is wanted, a flag, and
the state. Images without dpkg itself hold one paragraph, without `Status`, in each file of /var/lib/dpkg/status.d.
Not done: dependencies, conffiles, long descriptions; licences, which stand in /usr/share/doc/*/copyright as prose.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.linux.package import INSTALLED, Package, PackageList, split_version
from parsers.linux.paragraph import field, parse_packages
from parsers.place import Place

_SOURCE: Final = re.compile(r"(\S+)(?:\s+\((.*)\))?")


def parse_dpkg_status(text: str, path: str = "/var/lib/dpkg/status") -> PackageList:
    """Read every paragraph; one without a name is a problem. `path` only labels the places.

    Raise `ParseError` on more than `MAX_PACKAGES` of them.
    """
    return parse_packages(text, path, "Package", _package)


def _package(place: Place, name: str, paragraph: str) -> Package:
    epoch, version, release = split_version(field(paragraph, "Version"))
    source = _SOURCE.match(field(paragraph, "Source"))
    return Package(
        place,
        name,
        version,
        release,
        epoch or None,  # dpkg itself writes no epoch of 0
        architecture=field(paragraph, "Architecture"),
        state=field(paragraph, "Status").rpartition(" ")[2] or INSTALLED,
        source=source[1] if source else name,
        source_version=source[2] or "" if source else "",
        vendor=field(paragraph, "Origin"),
        packager=field(paragraph, "Maintainer"),
        summary=field(paragraph, "Description"),
        url=field(paragraph, "Homepage"),
    )
