"""Files of shell assignments that a script sources: /etc/default/*, /etc/sysconfig/*, ifcfg files.

Format: assignments and quoting of the shell command language (POSIX 2.2, 2.9.1), and $'...' of POSIX 2024. A later
assignment wins, and may build upon an earlier one; those before a command on its line are for that command alone.

Deliberately not done: commands. What a command substitution would give is not known, nor what the script was given
($1) and the shell knows of itself ($$); such a value has `known` False.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAX_TEXT: Final = 1024 * 1024
MAX_VALUE: Final = 64 * 1024
MAX_PROBLEMS: Final = 100
MAX_ASSIGNMENTS: Final = 5_000

_START: Final = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_PLAIN: Final = re.compile(r"[^\s;'\"\\$`#&|<>()]+|(?<=[^\s;])#")
_SPACE: Final = re.compile(r"(?:[ \t\n;]|\\\n|#[^\n]*)+")
_REFERENCE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_SPECIAL: Final = re.compile(r"\$[0-9@*#?$!-]")
_ENDS_COMMAND: Final = re.compile(r"(?<!\\)[\n;]")
_DOLLAR_QUOTED: Final = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPES: Final = dict(zip("abeEfnrtv\\'\"?", "\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))
_IN_QUOTES: Final = re.compile(r"[^\"\\$`]+")


class Assignment(msgspec.Struct, frozen=True):
    """One assignment, with the variables in its value put in. `known` False: the value needs a command to be run."""

    place: Place
    name: str
    value: str
    known: bool = True


class Assignments(msgspec.Struct, frozen=True):
    """The assignments of one or more files, in order."""

    assignments: tuple[Assignment, ...]
    problems: tuple[Problem, ...] = ()

    def get(self, name: str) -> Assignment | None:
        """Return the last assignment to `name`."""
        return next((item for item in reversed(self.assignments) if item.name == name), None)

    def value(self, name: str) -> str:
        """Return the value of `name`; empty where it was not assigned."""
        found = self.get(name)
        return found.value if found else ""


def parse_assignments(text: str, path: str, before: Assignments | None = None) -> Assignments:
    """Read the assignments of a file, after those of `before`; `path` only labels the places."""
    reader = _Reader(text[:MAX_TEXT].replace("\r", ""), path, before or Assignments(()))
    reader.run()
    return Assignments(tuple(reader.assignments), tuple(reader.problems))


class _Reader:
    def __init__(self, text: str, path: str, before: Assignments) -> None:
        self._text = text
        self._path = path
        self._at = 0
        self._line, self._counted = 1, 0
        self._known = {item.name: item for item in before.assignments}
        self._command = 0
        self.assignments = list(before.assignments)
        self.problems = list(before.problems)

    @property
    def _place(self) -> Place:
        if self._at >= self._counted:
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
        return Place(self._path, self._line)

    def run(self) -> None:
        """Read everything."""
        while True:
            if match := _SPACE.match(self._text, self._at):
                self._at = match.end()
                self._command = 0 if _ENDS_COMMAND.search(match.group()) else self._command
            if self._at >= len(self._text) or len(self.problems) >= MAX_PROBLEMS:
                return
            place = self._place
            if len(self.assignments) >= MAX_ASSIGNMENTS:
                self.problems.append(Problem(place, f"at most {MAX_ASSIGNMENTS} assignments wanted, more found"))
                return
            match = _START.match(self._text, self._at)
            if match is None:
                self._skip_line(place)
                continue
            self._at = match.end()
            self._assign(place, match.group(1), append=bool(match.group(2)))
            # What `export` is given are names, and no command.
            self._command = 0 if match.group().startswith("export") else self._command + 1

    def _skip_line(self, place: Place) -> None:
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        self.problems.append(Problem(place, f"an assignment wanted, {self._text[self._at : end][:80]!r} found"))
        self._at = end
        if self._command:
            del self.assignments[-self._command :]
            self._known = {item.name: item for item in self.assignments}
            self._command = 0

    def _assign(self, place: Place, name: str, *, append: bool) -> None:
        parts, known = [], True
        before = self._known.get(name)
        if append and before:
            parts.append(before.value)
            known = before.known
        while piece := self._piece():
            parts.append(piece[0])
            known = known and piece[1]
        value = "".join(parts)
        if len(value) > MAX_VALUE:
            self.problems.append(Problem(place, f"a value of at most {MAX_VALUE} characters wanted, more found"))
            value, known = value[:MAX_VALUE], False
        item = Assignment(place, name, value, known)
        self._known[name] = item
        self.assignments.append(item)

    def _piece(self) -> tuple[str, bool] | None:
        """Read one piece of a value; None at its end."""
        character = self._text[self._at : self._at + 1]
        if character == "'":
            return self._single()
        if character == '"':
            return self._double()
        if character == "\\":
            return self._escaped()
        if quoted := _DOLLAR_QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            return _ESCAPE.sub(_unescaped, quoted.group(1)), True
        if character in {"$", "`"} and character:
            return self._expansion()
        match = _PLAIN.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match.group(), True

    def _escaped(self) -> tuple[str, bool]:
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        return "" if following == "\n" else following, True

    def _single(self) -> tuple[str, bool]:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            return self._unclosed("'")
        value = self._text[self._at + 1 : end]
        self._at = end + 1
        return value, True

    def _unclosed(self, quote: str) -> tuple[str, bool]:
        self.problems.append(Problem(self._place, f"closing {quote} wanted, end of file found"))
        self._at = len(self._text)
        return "", False

    def _double(self) -> tuple[str, bool]:
        start = self._at
        self._at += 1
        parts, known = [], True
        while True:
            if match := _IN_QUOTES.match(self._text, self._at):
                parts.append(match.group())
                self._at = match.end()
            character = self._text[self._at : self._at + 1]
            if character == '"':
                self._at += 1
                return "".join(parts), known
            if not character:
                self._at = start
                return self._unclosed('"')
            if character == "\\":
                parts.append(self._escaped_in_quotes())
            else:
                value, certain = self._expansion()
                parts.append(value)
                known = known and certain

    def _escaped_in_quotes(self) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if following == "\n":
            return ""
        return following if following in {"$", "`", '"', "\\"} else "\\" + following

    def _expansion(self) -> tuple[str, bool]:
        """Read a `$NAME`, or go past a command substitution."""
        if match := _REFERENCE.match(self._text, self._at):
            self._at = match.end()
            item = self._known.get(match.group(1) or match.group(2))
            return (item.value, item.known) if item else ("", True)
        if match := _SPECIAL.match(self._text, self._at):
            self._at = match.end()
            return "", False
        for opening, closing in (("$(", ")"), ("${", "}"), ("`", "`")):
            if self._text.startswith(opening, self._at):
                end = self._text.find(closing, self._at + len(opening))
                if end < 0:
                    return self._unclosed(closing)
                self._at = end + 1
                return "", False
        self._at += 1
        return "$", True


def _unescaped(match: re.Match[str]) -> str:
    hexadecimal, unicode, octal, character = match.groups()
    if hexadecimal or unicode:
        return chr(int(hexadecimal or unicode, 16))
    return chr(int(octal, 8) & 0xFF) if octal else _ESCAPES.get(character, match.group())
