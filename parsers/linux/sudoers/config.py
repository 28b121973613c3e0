"""sudoers with the files that it includes: who may run what, and everything that `visudo -c` refuses.

Specification: sudoers(5) of sudo 1.9.13, its grammar in EBNF, and for other releases what it says of them; where it is
silent, what `visudo -c` of Debian 12 does with a table of files (the tests hold the two together).

Since 1.9.3 sudo passes over a line that it cannot read, before that it refuses to run at all. What it only complains of
(settings it does not know, aliases that nobody defined) are remarks.
Not done: whether users, groups, hosts and commands exist, and the arguments of commands, which may be anything.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from parsers.linux.sudoers import words
from parsers.linux.sudoers.expression import expression_flaw
from parsers.linux.sudoers.scanner import FlawError, LogicalLine, Scanner, logical_lines
from parsers.linux.sudoers.settings import DIRECTORIES, option_flaw, setting_flaw
from parsers.place import Place, Problem

Release = tuple[int, int, int]
DEBIAN_12: Final[Release] = (1, 9, 13)

_MAX_DEPTH: Final = 128
_MAX_FILES: Final = 1000
_MAX_PROBLEMS: Final = 1000
_MAX_PIECES: Final = 100
_INCLUDE: Final = re.compile(r"[ \t]*([#@])include(dir)?(?:[ \t]+|$)")
_STRAY_INCLUDE: Final = re.compile(r"[ \t]*@include")
_RESERVED: Final = frozenset({"ALL", "CHROOT", "CWD", "NOTAFTER", "NOTBEFORE", "ROLE", "TIMEOUT", "TYPE"})
_SINCE: Final[dict[str, Release]] = {
    "Cmd_Alias": (1, 9, 0), "@include": (1, 9, 1), "TIMEOUT": (1, 8, 20), "NOTBEFORE": (1, 8, 20),
    "NOTAFTER": (1, 8, 20), "CWD": (1, 9, 3), "CHROOT": (1, 9, 3), "APPARMOR_PROFILE": (1, 9, 15),
    "FOLLOW": (1, 8, 15), "MAIL": (1, 8, 13), "INTERCEPT": (1, 9, 8), "digest": (1, 8, 7), "^": (1, 9, 10),
    "list": (1, 9, 13),
}  # fmt: skip

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
        entry = _Entry(line.text.split("\0", 1)[0], self.release)
        try:
            entry.read(closed=line.closed)
        except FlawError as flaw:
            self.problems.append(Problem(Place(path, line.number_at(flaw.offset)), flaw.message))
            return None
        self._keep(entry, line, path)
        return line.after(entry.scanner.position)

    def _keep(self, entry: _Entry, line: LogicalLine, path: str) -> None:
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
        if include[1] == "@" and self.release < _SINCE["@include"]:
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


class _Entry:
    """One logical line."""

    def __init__(self, text: str, release: Release) -> None:
        self.scanner = Scanner(text)
        self.release = release
        self.defined: list[tuple[str, str, tuple[str, ...]]] = []
        self.used: list[tuple[str, str]] = []
        self.remarks: list[str] = []
        self.users: list[str] = []
        self.plain_until = 0

    def read(self, *, closed: bool) -> None:
        """Read the line, which is `closed` unless the file ends in it; raise `FlawError` at the first mistake."""
        scanner = self.scanner
        if not scanner.at_end():
            self._read_entry()
        if not scanner.at_end():
            raise scanner.flaw(f"the end of the line wanted, {scanner.rest()} found")
        if not closed and scanner.position >= len(scanner.text):
            raise scanner.flaw("a line behind the backslash wanted, none found")

    def _read_entry(self) -> None:
        scanner = self.scanner
        if scanner.take(words.DEFAULTS):
            self._defaults()
        elif match := scanner.take(words.ALIAS):
            self._since(f"{match[1]}_Alias")
            self._aliases("Cmnd" if match[1] == "Cmd" else match[1])
        else:
            self.users = self._members(lambda: self._user("User"))
            self._specifications()

    def _since(self, word: str) -> None:
        since = _SINCE.get(word)
        if since and self.release < since:
            raise self.scanner.flaw(f"what sudo {'.'.join(map(str, self.release))} knows wanted, {word} found")

    # -- lists -----------------------------------------------------------------------------------------------------

    def _members(self, member: Callable[[], str]) -> list[str]:
        """Read a list whose items may be negated."""
        found: list[str] = []
        while not found or self.scanner.sign(","):
            self.scanner.take(words.NOT)
            found.append(member())
        return found

    def _alias(self, kind: str) -> str | None:
        """Read ALL, or the name of an alias."""
        if self.scanner.take(words.ALL):
            return "ALL"
        if match := self.scanner.take(words.NAME):
            self.used.append((kind, match[0]))
            return match[0]
        return None

    def _user(self, kind: str) -> str:
        scanner = self.scanner
        if name := self._alias(kind):
            return name
        if match := scanner.take(words.USER_ID) or scanner.take(words.GROUP_ID):
            return match[0]
        begin = scanner.position
        if scanner.take(words.EMPTY):
            raise FlawError(begin, "a user or a group wanted, an empty name found")
        if match := scanner.take(words.STRING):
            return match[1]
        return (scanner.take(words.MANY) or self._word("a user or a group"))[0]

    def _host(self) -> str:
        scanner = self.scanner
        if name := self._alias("Host"):
            return name
        if match := scanner.take(words.IPV6):
            try:
                ipaddress.IPv6Address(match[0].partition("/")[0])
            except ValueError as error:
                raise scanner.flaw(f"an address wanted, {match[0]} found") from error
            return match[0]
        return (scanner.take(words.STRING) or self._word("a host"))[0]

    def _group(self) -> str:
        scanner = self.scanner
        scanner.blanks()
        begin = scanner.position
        name = self._user("Runas")
        if name.startswith(("%", "+")):
            raise FlawError(begin, f"the name of one group wanted, {name!r} found")
        return name

    def _word(self, what: str) -> re.Match[str]:
        """Read a word, which an expression is not, wherever it stands."""
        if self._expression():
            raise self.scanner.flaw(f"{what} wanted, {self.scanner.rest()} found")
        return self.scanner.want(words.WORD, what)

    def _expression(self) -> int:
        """Return where an expression ends that begins here; 0 where there is none, or a word that is longer."""
        self.scanner.blanks()
        text, begin = self.scanner.text, self.scanner.position
        if not text.startswith("^", begin) or self.release < _SINCE["^"] or begin < self.plain_until:
            return 0
        body = words.EXPRESSION.match(text, begin)
        stop = body.end() if body else begin
        end = stop + 1 if text.startswith("$", stop) else text.rfind("$", begin, stop) + 1
        if not end:
            self.plain_until = stop  # so that a line of many such words is not searched to its end for each
        word = words.WORD.match(text, begin)
        return 0 if word and word.end() > end else end

    def _command(self) -> str:
        """Read a command with its arguments, behind the digests that it must have."""
        scanner = self.scanner
        more = False
        while match := scanner.take(words.DIGEST):
            self._since("digest")
            if not words.DIGESTS[match[1]].fullmatch(match[2]):
                raise scanner.flaw(f"a digest of sha{match[1]} wanted, {match[2]!r} found")
            more = scanner.sign(",")
        if more:
            raise scanner.flaw(f"another digest wanted, {scanner.rest()} found")
        scanner.take(words.NOT)
        if name := self._alias("Cmnd"):
            return name
        return self._program()

    def _program(self) -> str:
        scanner = self.scanner
        scanner.blanks()
        begin = scanner.position
        if end := self._expression():
            if flaw := expression_flaw(scanner.text[begin:end]):
                raise scanner.flaw(flaw)
            scanner.position = end
            self._arguments()
        elif match := scanner.take(words.BUILT_IN):
            self._since(match[0])
            if match[0] != "list":
                self._arguments()
        else:
            path = scanner.want(words.COMMAND, "a command with its whole path")[0]
            if posixpath.basename(path) == "sudoedit":
                raise FlawError(begin, f"sudoedit without a path wanted, {path} found")
            if not path.endswith("/"):
                self._arguments()
        return scanner.text[begin : scanner.position].strip()

    def _arguments(self) -> None:
        """Read arguments, which a directory and `list` cannot have."""
        scanner = self.scanner
        scanner.blanks()
        if scanner.text.startswith("^", scanner.position) and self.release >= _SINCE["^"]:
            scanner.want(words.ARGUMENT_EXPRESSION, "an expression that ends with $")
        else:
            scanner.take(words.ARGUMENTS)

    # -- kinds of lines --------------------------------------------------------------------------------------------

    def _aliases(self, kind: str) -> None:
        scanner = self.scanner
        member = {"User": lambda: self._user("User"), "Runas": lambda: self._user("Runas"), "Host": self._host}
        while True:
            name = scanner.want(words.NAME_ALONE, "the name of an alias in capital letters")[0]
            if name in _RESERVED:
                raise scanner.flaw(f"a name that is not reserved wanted, {name} found")
            if not scanner.sign("="):
                raise scanner.flaw(f"= wanted, {scanner.rest()} found")
            self.defined.append((kind, name, tuple(self._members(member.get(kind, self._command)))))
            if not scanner.sign(":"):
                return

    def _defaults(self) -> None:
        scanner = self.scanner
        scope = scanner.text[scanner.position : scanner.position + 1]
        scopes: dict[str, Callable[[], str]] = {
            ":": lambda: self._user("User"), "@": self._host, ">": lambda: self._user("Runas"),
            "!": self._bare_command,
        }  # fmt: skip
        if scope in scopes:
            scanner.position += 1
            self._members(scopes[scope])
            if not scanner.parted():
                raise scanner.flaw(f"a blank wanted before a setting, {scanner.rest()} found")
        while True:
            self._setting()
            if not scanner.sign(","):
                return

    def _bare_command(self) -> str:
        """A command of `Defaults!`, which has no arguments."""
        return self._alias("Cmnd") or self.scanner.want(words.COMMAND, "a command with its whole path")[0]

    def _setting(self) -> None:
        scanner = self.scanner
        negated = scanner.take(words.NOT)
        off = negated is not None and len(negated[0]) % 2 == 1
        name = scanner.want(words.SETTING, "a setting")[0]
        operator = None if negated else scanner.take(words.OPERATOR)
        value = None
        if operator is not None:
            match = scanner.take(words.STRING) or scanner.want(words.VALUE, f"a value of {name}")
            value = match[match.lastindex or 0]
        sign = operator[0] if operator else "!" if off else ""
        if flaw := setting_flaw(name, sign, value):
            self.remarks.append(flaw)

    def _specifications(self) -> None:
        scanner = self.scanner
        while True:
            self._members(self._host)
            if not scanner.sign("="):
                raise scanner.flaw(f"= wanted, {scanner.rest()} found")
            self._commands()
            if not scanner.sign(":"):
                return

    def _commands(self) -> None:
        while True:
            if self.scanner.sign("("):
                self._run_as()
            self._options()
            while match := self.scanner.take(words.TAG):
                self._since(match[1])
            self._command()
            if not self.scanner.sign(","):
                return

    def _run_as(self) -> None:
        scanner = self.scanner
        if scanner.sign(")"):
            return
        users = not scanner.sign(":")
        if users:
            self._members(lambda: self._user("Runas"))
        if (users and scanner.sign(":")) or (not users and not scanner.sign(")")):
            self._members(self._group)
        elif not users:
            return
        if not scanner.sign(")"):
            raise scanner.flaw(f") wanted, {scanner.rest()} found")

    def _options(self) -> None:
        scanner = self.scanner
        while match := scanner.take(words.OPTION):
            self._since(match[1])
            value = self._option_value(match[1])
            if flaw := option_flaw(match[1], value):
                raise scanner.flaw(flaw)

    def _option_value(self, name: str) -> str:
        if match := self.scanner.take(words.STRING):
            return match[1]
        if name in DIRECTORIES:
            return self.scanner.want(words.DIRECTORY, f"a path with / or ~, or *, for {name}")[0]
        if self._alias("Cmnd"):
            raise self.scanner.flaw(f"a value of {name} in small letters wanted, none found")
        return self._word(f"a value of {name}")[0]
