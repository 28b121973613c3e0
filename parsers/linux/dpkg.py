"""The package database of Debian and its kin: /var/lib/dpkg/status.

Format: deb-control(5), one paragraph for each package; `Status` is three words (dpkg(1)): what is wanted, a flag, and
the state. Images without dpkg itself hold one paragraph, without `Status`, in each file of /var/lib/dpkg/status.d.
Not done: dependencies, conffiles, descriptions.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem

_FIELDS: Final = ("Package", "Version", "Architecture", "Status")
MAX_PACKAGES: Final = 100_000
"""More than any distribution has."""
_BLANK_LINE: Final = re.compile(r"\n[ \t]+(?=\n)")
_HAVE_FILES: Final = frozenset({"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})


class Package(msgspec.Struct, frozen=True):
    """A package that the database knows. `status` is dpkg's three words; "" where the database keeps none."""

    place: Place
    name: str
    version: str
    architecture: str
    status: str

    @property
    def installed(self) -> bool:
        """Whether its files are there; not so for one of which only the configuration is left."""
        return not self.status or self.status.rpartition(" ")[2] in _HAVE_FILES


class DpkgStatus(msgspec.Struct, frozen=True):
    """The packages of one database file."""

    packages: tuple[Package, ...]
    problems: tuple[Problem, ...] = ()


def parse_dpkg_status(text: str, path: str = "/var/lib/dpkg/status") -> DpkgStatus:
    """Read every paragraph; one without a name is a problem. `path` only labels the places.

    Raise `ParseError` on more than `MAX_PACKAGES` of them.
    """
    packages: list[Package] = []
    problems: list[Problem] = []
    line = 1
    # Plain searches of a paragraph at a time: many times faster than looking at each of 20,000 lines.
    for paragraph in _BLANK_LINE.sub("\n", text).split("\n\n"):
        if len(packages) + len(problems) >= MAX_PACKAGES:
            raise ParseError(Place(path, line), f"at most {MAX_PACKAGES} packages wanted, more found")
        _read(paragraph, path, line, packages, problems)
        line += paragraph.count("\n") + 2
    return DpkgStatus(tuple(packages), tuple(problems))


def _read(paragraph: str, path: str, line: int, packages: list[Package], problems: list[Problem]) -> None:
    if not paragraph.strip():
        return
    name, version, architecture, status = (_field(paragraph, field) for field in _FIELDS)
    place = Place(path, line + len(paragraph) - len(paragraph.lstrip("\n")))
    if name:
        packages.append(Package(place, name, version, architecture, status))
    else:
        problems.append(Problem(place, "Package: wanted, none found in the paragraph"))


def _field(paragraph: str, name: str) -> str:
    """The value of the first field `name`; the lines that go on from others begin with a blank."""
    start = 0 if paragraph.startswith(f"{name}:") else paragraph.find(f"\n{name}:") + 1
    if not start and not paragraph.startswith(f"{name}:"):
        return ""
    end = paragraph.find("\n", start)
    return paragraph[start + len(name) + 1 : end if end >= 0 else len(paragraph)].strip()
