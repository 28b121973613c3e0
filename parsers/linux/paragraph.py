"""Paragraphs of `Name: value` lines, parted by blank lines, in which dpkg and apk keep their databases.

Format: deb822(5). Lines that begin with a blank go on from the one before. A database has tens of thousands of lines
of which few are wanted, so paragraphs and fields are searched for, not split: many times faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from parsers.linux.package import MAX_PACKAGES, Package, PackageList
from parsers.place import ParseError, Place, Problem

_BLANK_LINE: Final = re.compile(r"\n[ \t]+(?=\n)")


def parse_packages(text: str, path: str, key: str, package: Callable[[Place, str, str], Package]) -> PackageList:
    """Give `package` the place, the name (the field `key`) and the text of each paragraph; one without is a problem.

    Raise `ParseError` on more than `MAX_PACKAGES` of them.
    """
    packages: list[Package] = []
    problems: list[Problem] = []
    for line, paragraph in paragraphs(text):
        place = Place(path, line)
        if len(packages) + len(problems) >= MAX_PACKAGES:
            raise ParseError(place, f"at most {MAX_PACKAGES} packages wanted, more found")
        if name := field(paragraph, key):
            packages.append(package(place, name, paragraph))
        else:
            problems.append(Problem(place, f"{key}: wanted, none found in the paragraph"))
    return PackageList(tuple(packages), tuple(problems))


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Give each paragraph that holds anything, with the number of its first line."""
    line = 1
    for paragraph in _BLANK_LINE.sub("\n", text).split("\n\n"):
        if paragraph.strip():
            yield line + len(paragraph) - len(paragraph.lstrip("\n")), paragraph
        line += paragraph.count("\n") + 2


def field(paragraph: str, name: str) -> str:
    """Return the first line of the first field `name`, stripped; "" where there is none."""
    start = 0 if paragraph.startswith(f"{name}:") else paragraph.find(f"\n{name}:") + 1
    if not start and not paragraph.startswith(f"{name}:"):
        return ""
    end = paragraph.find("\n", start)
    return paragraph[start + len(name) + 1 : end if end >= 0 else len(paragraph)].strip()
