"""One package of pacman's database: /var/lib/pacman/local/NAME-VERSION/desc.

Format: as libalpm writes it: `%FIELD%` on a line, its values on the lines after it, then a blank line.
Not done: files, dependencies.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.linux.package import Package, split_version
from parsers.place import ParseError, Place

_FIELD: Final = re.compile(r"%([A-Z0-9]+)%")
_TIME: Final = re.compile(r"[0-9]{1,12}")


def parse_pacman_desc(text: str, path: str) -> Package:
    """Read the description of a package. Raise `ParseError` where it names no package or no version."""
    fields: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    values: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if match := _FIELD.fullmatch(line.strip()):
            values = fields.setdefault(match[1], [])
            lines.setdefault(match[1], number)
        elif line.strip():
            values.append(line.strip())

    def first(name: str) -> str:
        return next(iter(fields.get(name, ())), "")

    for wanted in ("NAME", "VERSION"):
        if not first(wanted):
            raise ParseError(Place(path), f"%{wanted}% with a value wanted, none found")
    epoch, version, release = split_version(first("VERSION"))
    time = first("INSTALLDATE")
    return Package(
        Place(path, lines["NAME"]),
        first("NAME"),
        version,
        release,
        epoch,
        architecture=first("ARCH"),
        source=first("BASE") or first("NAME"),
        licence=", ".join(fields.get("LICENSE", ())),
        packager=first("PACKAGER"),
        summary=first("DESC"),
        url=first("URL"),
        installed_at=int(time) if _TIME.fullmatch(time) else None,
    )
