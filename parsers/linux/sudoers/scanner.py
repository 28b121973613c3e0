"""The lines and words of sudoers.

A line that ends with a backslash goes on in the next one, except in a comment. A # begins a comment unless digits
follow it, which make it the number of a user: "#1 of these" is a mistake, and no remark. So is "#-" alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

_BLANKS: Final = re.compile(r"(?:[ \t\r]|\\[ \t]*\r?\n)*")
_CONTINUED: Final = re.compile(r"\\[ \t]*\r?$")
_COMMENT: Final = re.compile(r"#(?!-?[0-9]|-\r?(?:\n|\Z))")
_MAX_SHOWN: Final = 40


class FlawError(ValueError):
    """A mistake at an offset of a logical line."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class LogicalLine(msgspec.Struct, frozen=True):
    """One or more lines that belong together, parted by a backslash and a line break.

    `closed` is False where the file ends with a line that should go on.
    """

    text: str
    number: int
    closed: bool = True

    def number_at(self, offset: int) -> int:
        """Return the number of the line that holds an offset."""
        return self.number + self.text.count("\n", 0, offset)

    def after(self, offset: int) -> LogicalLine | None:
        """Return the lines that follow the one which holds an offset; None where there are none."""
        end = self.text.find("\n", offset)
        return None if end < 0 else LogicalLine(self.text[end + 1 :], self.number_at(end + 1), self.closed)


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Give the lines with their continuations."""
    parts: list[str] = []
    lines = text.removesuffix("\n").split("\n")
    for index, line in enumerate(lines, start=1):
        comment = not parts and _COMMENT.match(line.lstrip(" \t"))
        match = None if comment else _CONTINUED.search(line)
        parts.append(line)
        if match is None or index == len(lines):
            yield LogicalLine("\n".join(parts), index - len(parts) + 1, closed=match is None)
            parts = []


class Scanner:
    """A place in a line that only moves on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.end = 0
        """Where the last word or sign ended."""

    def blanks(self) -> bool:
        """Pass over blanks, and tell whether there were any."""
        begin = self.position
        match = _BLANKS.match(self.text, begin)
        self.position = match.end() if match else begin
        return self.position > begin

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what matches here, after blanks, and move behind it."""
        self.blanks()
        match = pattern.match(self.text, self.position)
        if match:
            self.position = self.end = match.end()
        return match

    def want(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """Return what matches here; raise `FlawError` where it does not."""
        match = self.take(pattern)
        if match is None:
            raise self.flaw(f"{what} wanted, {self.rest()} found")
        return match

    def sign(self, text: str) -> bool:
        """Pass over a sign, and tell whether it was there."""
        self.blanks()
        found = self.text.startswith(text, self.position)
        if found:
            self.position += len(text)
            self.end = self.position
        return found

    def parted(self) -> bool:
        """Tell whether blanks stand between here and the last word or sign; a line break is none."""
        self.blanks()
        return not {" ", "\t"}.isdisjoint(self.text[self.end : self.position])

    def at_end(self) -> bool:
        """Tell whether nothing follows but a comment."""
        self.blanks()
        return self.position >= len(self.text) or _COMMENT.match(self.text, self.position) is not None

    def rest(self) -> str:
        """Return what follows, to be shown."""
        rest = self.text[self.position : self.position + _MAX_SHOWN]
        return repr(rest) if rest else "nothing more"

    def flaw(self, message: str) -> FlawError:
        """Return a mistake at this place."""
        return FlawError(self.position, message)
