"""sudoers with the files that it includes: who may run what, and everything that `visudo -c` refuses.

Specification: sudoers(5) of sudo 1.9.13, its grammar in EBNF, and for other releases what it says of them; where it is
silent, what `visudo -c` of Debian 12 does with a table of files (the tests hold the two together).

Since 1.9.3 sudo passes over a line that it cannot read, before that it refuses to run at all. What it only complains of
(settings it does not know, aliases that nobody defined) are remarks.
Not done: whether users, groups, hosts and commands exist, and the arguments of commands, which may be anything.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from parsers.linux.sudoers import words
from parsers.linux.sudoers.entry import SINCE, Entry, Release
from parsers.linux.sudoers.scanner import FlawError, LogicalLine, Scanner, logical_lines
from parsers.place import Place, Problem

DEBIAN_12: Final[Release] = (1, 9, 13)

_MAX_DEPTH: Final = 128
_MAX_FILES: Final = 1000
_MAX_PROBLEMS: Final = 1000
_MAX_PIECES: Final = 100
_INCLUDE: Final = re.compile(r"[ \t]*(?:([#@])include(dir)?[ \t]+|@include(?:dir)?$)")

ReadIncluded = Callable[[str, bool], Sequence[tuple[str, str | None]]]
"""Takes a path, and whether it is one of a folder; returns the files that sudo reads: path, and text or None."""


class Grant(msgspec.Struct, frozen=True):
    """A line that lets users run commands: the users as written, and what follows them."""

    place: Place
    users: tuple[str, ...]
    text: str


class Sudoers(msgspec.Struct, frozen=True):
    """The policy.

    Attributes:
        grants: the valid lines that let somebody run something, in order.
        problems: what sudo cannot read.
        remarks: what sudo complains of, and passes over.
        files: the files that were read, the main one first.
    """

    grants: tuple[Grant, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]
    files: tuple[str, ...]


def parse_sudoers(
    text: str,
    path: str = "/etc/sudoers",
    read_included: ReadIncluded = lambda _path, _folder: (),
    release: Release = DEBIAN_12,
) -> Sudoers:
    """Read a policy as sudo of a release does; `path` labels the places."""
    reader = _Reader(read_included, release)
    reader.read_file(text, path, 0)
    reader.check_aliases()
    return Sudoers(tuple(reader.grants), tuple(reader.problems), tuple(reader.remarks), tuple(reader.files))


class _Reader(msgspec.Struct):
    read_included: ReadIncluded
    release: Release
    grants: list[Grant] = msgspec.field(default_factory=list)
    problems: list[Problem] = msgspec.field(default_factory=list)
    remarks: list[Problem] = msgspec.field(default_factory=list)
    files: list[str] = msgspec.field(default_factory=list)
    aliases: dict[tuple[str, str], tuple[str, ...]] = msgspec.field(default_factory=dict)
    used: list[tuple[str, str, Place]] = msgspec.field(default_factory=list)

    def read_file(self, text: str, path: str, depth: int) -> None:
        self.files.append(path)
        for line in logical_lines(text):
            rest: LogicalLine | None = line
            for _ in range(_MAX_PIECES):
                if rest is None or len(self.problems) >= _MAX_PROBLEMS:
                    break
                rest = self._read_line(rest, path, depth)
            else:
                place = Place(path, line.number)
                self.problems.append(Problem(place, f"at most {_MAX_PIECES} comments wanted that end in a backslash"))

    def _read_line(self, line: LogicalLine, path: str, depth: int) -> LogicalLine | None:
        """Read a line; return what comes after a comment at its end, which a backslash does not continue."""
        if include := _INCLUDE.match(line.text):
            self._include(line, include, path, depth)
            return None
        entry = Entry(line.text.split("\0", 1)[0], self.release)
        try:
            entry.read(closed=line.closed)
        except FlawError as flaw:
            self.problems.append(Problem(Place(path, line.number_at(flaw.offset)), flaw.message))
            return None
        self._keep(entry, line, path)
        return line.after(entry.scanner.position)

    def _keep(self, entry: Entry, line: LogicalLine, path: str) -> None:
        place = Place(path, line.number)
        for kind, name, members in entry.defined:
            if (kind, name) in self.aliases:
                self.problems.append(Problem(place, f"one {kind}_Alias {name} wanted, a second one found"))
            self.aliases.setdefault((kind, name), members)
        self.used += [(kind, name, place) for kind, name in entry.used]
        self.remarks += [Problem(place, remark) for remark in entry.remarks]
        if entry.users:
            self.grants.append(Grant(place, tuple(entry.users), line.text.strip()))

    def _include(self, line: LogicalLine, include: re.Match[str], path: str, depth: int) -> None:
        place = Place(path, line.number)
        if include[1] == "@" and self.release < SINCE["@include"]:
            self.problems.append(Problem(place, "#include wanted by this sudo, @include found"))
            return
        try:
            target = _path(Scanner(line.text), include.end())
        except FlawError as flaw:
            self.problems.append(Problem(place, flaw.message))
            return
        if "%h" in target:
            self.remarks.append(Problem(place, f"which file {target} is depends on the name of the host"))
            return
        absolute = posixpath.join(posixpath.dirname(path), target)
        for found, text in self.read_included(absolute, include[2] is not None):
            if depth >= _MAX_DEPTH or len(self.files) >= _MAX_FILES:
                limit = f"{_MAX_DEPTH} levels" if depth >= _MAX_DEPTH else f"{_MAX_FILES} files"
                self.problems.append(Problem(place, f"at most {limit} of included files wanted, more found"))
                return
            if text is None:
                self.problems.append(Problem(place, f"a file {found} wanted, none found"))
            else:
                self.read_file(text, found, depth + 1)

    def check_aliases(self) -> None:
        """Check that each alias in use is defined."""
        for kind, name, place in self.used:
            if (kind, name) not in self.aliases:
                self.remarks.append(Problem(place, f"{kind}_Alias {name} wanted, which nothing defines"))


def _path(scanner: Scanner, begin: int) -> str:
    """The path of an included file, in quotes or with its blanks escaped."""
    scanner.position = begin
    match = scanner.take(words.STRING) or scanner.want(words.PATH, "the path of a file")
    if not scanner.at_end():
        raise scanner.flaw(f"nothing more wanted, {scanner.rest()} found")
    return re.sub(r"\\(.)", r"\1", match[match.lastindex or 0])
