"""The package database of Debian and its kin: /var/lib/dpkg/status.

Format: deb-control(5), one paragraph for each package; `Status` is three words (dpkg(1)): what is wanted, a flag, and
the state. Images without dpkg itself hold one paragraph, without `Status`, in each file of /var/lib/dpkg/status.d.
Not done: dependencies, conffiles, long descriptions; licences, which stand in /usr/share/doc/*/copyright as prose.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.linux.package import INSTALLED, Package, PackageList, split_version
from parsers.linux.paragraph import field, paragraphs
from parsers.place import ParseError, Place, Problem

MAX_PACKAGES: Final = 100_000
"""More than any distribution has."""
_SOURCE: Final = re.compile(r"(\S+)(?:\s+\((.*)\))?")


def parse_dpkg_status(text: str, path: str = "/var/lib/dpkg/status") -> PackageList:
    """Read every paragraph; one without a name is a problem. `path` only labels the places.

    Raise `ParseError` on more than `MAX_PACKAGES` of them.
    """
    packages: list[Package] = []
    problems: list[Problem] = []
    for line, paragraph in paragraphs(text):
        place = Place(path, line)
        if len(packages) + len(problems) >= MAX_PACKAGES:
            raise ParseError(place, f"at most {MAX_PACKAGES} packages wanted, more found")
        if name := field(paragraph, "Package"):
            packages.append(_package(place, name, paragraph))
        else:
            problems.append(Problem(place, "Package: wanted, none found in the paragraph"))
    return PackageList(tuple(packages), tuple(problems))


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
