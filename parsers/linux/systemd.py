"""systemd unit files and their kin: sections of repeated assignments.

Syntax: systemd.syntax(7). A line that ends in a backslash goes on in the next one, the two joined by a space;
comment lines in between are left out. `#` and `;` begin a comment only as the first character of a line. A key
may be assigned many times; an empty value takes back what the list has so far.
Not done: specifiers (`%i`) are left as they are, and no value is interpreted; `.include`, which systemd before 246
followed, is a problem.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

LINE_MAX: Final = 1024 * 1024
"""systemd refuses longer lines."""

_SECTION: Final = re.compile(r"\[([^\[\]\x00-\x1f]+)\]\Z")
_WORD: Final = re.compile(r"""\s*((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+)""", re.DOTALL)
_QUOTED: Final = re.compile(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'', re.DOTALL)
_BLANK: Final = " \t\r\n"


class Assignment(msgspec.Struct, frozen=True):
    """One `key=value`; `value` has no blanks around it and may be empty."""

    place: Place
    section: str
    key: str
    value: str


class Unit(msgspec.Struct, frozen=True):
    """What one unit file says, or, after `with_drop_in`, a unit file and its drop-ins."""

    assignments: tuple[Assignment, ...]
    problems: tuple[Problem, ...] = ()

    def all(self, section: str, key: str) -> tuple[Assignment, ...]:
        """Return the assignments of a key that count: those after the last empty one."""
        found: list[Assignment] = []
        for assignment in self.assignments:
            if assignment.section == section and assignment.key == key:
                if assignment.value:
                    found.append(assignment)
                else:
                    found.clear()
        return tuple(found)

    def last(self, section: str, key: str) -> Assignment | None:
        """Return the assignment that decides a key with a single value, or None."""
        found = self.all(section, key)
        return found[-1] if found else None

    def words(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of all values of a list such as `Wants=`."""
        return tuple(word for assignment in self.all(section, key) for word in split_words(assignment.value))

    def with_drop_in(self, drop_in: Unit) -> Unit:
        """Return the unit with the assignments of a drop-in after its own."""
        return Unit(self.assignments + drop_in.assignments, self.problems + drop_in.problems)


def split_words(value: str) -> tuple[str, ...]:
    """Split a value at blanks. Quotes are taken away; backslashes stay, as they are part of unit names."""
    return tuple(_unquote(match[1]) for match in _WORD.finditer(value))


def _unquote(word: str) -> str:
    return _QUOTED.sub(lambda match: match[1] or match[2] or "", word)


def parse_unit(text: str, path: str) -> Unit:
    """Read every assignment that can be read; `path` only labels the places."""
    assignments: list[Assignment] = []
    problems: list[Problem] = []
    section: str | None = None
    for number, line in _logical_lines(text):
        place = Place(path, number)
        if len(line) > LINE_MAX:
            problems.append(Problem(place, f"a line of at most {LINE_MAX} characters wanted, {len(line)} found"))
        elif line.startswith("["):
            header = _SECTION.match(line)
            section = header[1] if header else None
            if header is None:
                problems.append(Problem(place, f"a section header wanted, {line[:80]} found"))
        elif flaw := _flaw(line, section):
            problems.append(Problem(place, flaw))
        else:
            key, _, value = line.partition("=")
            assignments.append(Assignment(place, section or "", key.rstrip(_BLANK), value.strip(_BLANK)))
    return Unit(tuple(assignments), tuple(problems))


def _flaw(line: str, section: str | None) -> str | None:
    if "=" not in line:
        return f"key=value wanted, {line[:80]} found"
    if section is None:
        return "a section wanted before the first assignment, none found"
    if line.startswith("="):
        return "a key wanted before =, none found"
    return None


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Join continued lines; each comes with the number of its first line, blanks around it taken away."""
    lines: list[tuple[int, str]] = []
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.lstrip(_BLANK).removesuffix("\r")
        if line.startswith(("#", ";")) or (not line and not parts):
            continue
        first = first if parts else number
        if (len(line) - len(line.rstrip("\\"))) % 2:
            parts.append(line[:-1])
            continue
        parts.append(line)
        lines.append((first, " ".join(parts).strip(_BLANK)))
        parts = []
    if parts:
        lines.append((first, " ".join(parts).strip(_BLANK)))
    return [(number, line) for number, line in lines if line]
