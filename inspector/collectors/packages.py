"""Collects `Packages` from dpkg's database; the other managers' databases are recognised, not read so far."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.guest import Guest
from parsers.linux.dpkg import parse_dpkg_status
from parsers.place import Place

DPKG: Final = "/var/lib/dpkg/status"
DPKG_FOLDER: Final = "/var/lib/dpkg/status.d"
LIMIT: Final = 32 << 20
"""Bytes; a desktop with everything installed has some 10 MiB."""
_OTHERS: Final = (
    ("rpm", "/var/lib/rpm/rpmdb.sqlite"),
    ("rpm", "/usr/lib/sysimage/rpm/rpmdb.sqlite"),
    ("rpm", "/usr/share/rpm/rpmdb.sqlite"),
    ("rpm", "/var/lib/rpm/Packages.db"),
    ("rpm", "/usr/lib/sysimage/rpm/Packages.db"),
    ("rpm", "/var/lib/rpm/Packages"),
    ("apk", "/lib/apk/db/installed"),
    ("apk", "/usr/lib/apk/db/installed"),
    ("pacman", "/var/lib/pacman/local"),
    ("portage", "/var/db/pkg"),
)


def collect_packages(facts: Facts) -> Packages:
    """Read the database; `UnknownFact` where it is of a kind that is not read so far, or where none was found."""
    guest = facts[Guest]
    if guest.is_file(DPKG) and guest.stat(DPKG).size:
        return Packages("dpkg", DPKG, parse_dpkg_status(guest.read_text(DPKG, limit=LIMIT), DPKG).packages)
    paragraphs = guest.glob(f"{DPKG_FOLDER}/*")
    if paragraphs:
        packages = [
            package
            for path in paragraphs
            if not path.endswith(".md5sums") and guest.is_file(path)
            for package in parse_dpkg_status(guest.read_text(path), path).packages
        ]
        return Packages("dpkg", DPKG_FOLDER, packages)
    for manager, path in _OTHERS:
        if guest.exists(path):
            raise UnknownFact(f"the package database of {manager} is not read so far", Place(path))
    raise UnknownFact("no package database was found", Place(DPKG))
