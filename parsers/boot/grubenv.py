"""The environment block of GRUB 2, `grubenv`: what it remembers between boots (`saved_entry`, `next_entry`, ...).

Format: GNU GRUB manual, "The GRUB environment block": a preallocated file, 1024 bytes as a rule, that begins with
the line `# GRUB Environment Block`; then `name=value` lines, in which a backslash quotes a backslash or a line end;
lines that begin with `#` are comments and the filling. GRUB loads nothing from a file without that first line; the
other lines are given all the same, with `valid` False.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

SIGNATURE: Final = "# GRUB Environment Block\n"
BLOCK_SIZE: Final = 1024
MAX_TEXT: Final = 1024 * 1024

_LINE: Final = re.compile(r"((?:[^\\\n]|\\.|\\\Z)*)(?:\n|\Z)", re.DOTALL)


class GrubenvVariable(msgspec.Struct, frozen=True):
    """One remembered variable."""

    place: Place
    name: str
    value: str


class Grubenv(msgspec.Struct, frozen=True):
    """An environment block. `valid` tells whether GRUB would load it."""

    path: str
    variables: tuple[GrubenvVariable, ...]
    valid: bool
    problems: tuple[Problem, ...] = ()

    def get(self, name: str) -> GrubenvVariable | None:
        """Return the last variable called `name`."""
        return next((variable for variable in reversed(self.variables) if variable.name == name), None)


def parse_grubenv(text: str, path: str = "/boot/grub/grubenv") -> Grubenv:
    """Read the variables of an environment block; `path` only labels the places."""
    problems: list[Problem] = []
    variables: list[GrubenvVariable] = []
    valid = text.startswith(SIGNATURE)
    if not valid:
        problems.append(Problem(Place(path, 1), f"{SIGNATURE.strip()!r} wanted, {text[:30]!r} found"))
    elif len(text.encode("utf-8", "surrogatepass")) % BLOCK_SIZE:
        problems.append(Problem(Place(path), f"a multiple of {BLOCK_SIZE} bytes wanted, {len(text)} found"))
    line = 1
    for match in _LINE.finditer(text[:MAX_TEXT]):
        content, place = match.group(1), Place(path, line)
        line += match.group().count("\n")
        if not content or content.startswith("#"):
            continue
        name, separator, value = content.partition("=")
        if separator and name:
            variables.append(GrubenvVariable(place, name, re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)))
        else:
            problems.append(Problem(place, f"name=value wanted, {content[:40]!r} found"))
    return Grubenv(path, tuple(variables), valid, tuple(problems[:100]))
