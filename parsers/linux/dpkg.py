"""The package database of Debian and its kin: /var/lib/dpkg/status.

Format: deb-control(5), one paragraph for each package; `Status` is three words (dpkg(1)): what is wanted, a flag, and
the state. Images without dpkg itself hold one paragraph, without `Status`, in each file of /var/lib/dpkg/status.d.
What dpkg changes it writes to files of /var/lib/dpkg/updates first, numbered with as many digits each; they stay there
where it was interrupted, and every reader of dpkg's takes them into account.
Not done: dependencies, conffiles, long descriptions; licences, which stand in /usr/share/doc/*/copyright as prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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


def with_updates(status: PackageList, updates: Iterable[PackageList]) -> PackageList:
    """Return the packages of the status file as the updates, in their order, leave them."""
    found = {(package.name, package.architecture): package for package in status.packages}
    problems = list(status.problems)
    for update in updates:
        problems += update.problems
        for package in update.packages:
            named = [key for key in found if key[0] == package.name]
            if len(named) == 1:  # its architecture may have changed
                del found[named[0]]
            found[package.name, package.architecture] = package
    return PackageList(tuple(found.values()), tuple(problems))


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
