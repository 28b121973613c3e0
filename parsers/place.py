"""Where something was read, what is wrong there, and the one error of all parsers.

Text is read tolerantly: a parser returns what it could read and a `Problem` for each thing that it could not.
A binary structure that is broken raises `ParseError`; nothing else may escape a parser.
"""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A spot in a guest or in an image.

    Attributes:
        path: the guest path of a file, or the name of a `Source` ("sda1", "disk.qcow2").
        line: 1-based line of a text file.
        key: a key within it: a section and option, a registry value, an account.
        offset: byte offset within `path`.
        volume: the volume that `path` lies on, where it is known.
    """

    path: str
    line: int | None = None
    key: str | None = None
    offset: int | None = None
    volume: str | None = None

    def __str__(self) -> str:
        text = self.path
        if self.line is not None:
            text += f":{self.line}"
        if self.key is not None:
            text += f" {self.key}"
        elif self.offset is not None:
            text += f" at byte {self.offset}"
        return text


class Problem(msgspec.Struct, frozen=True):
    """Something that is wrong at a place; what could be read around it was read."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ParseError(Exception):
    """A structure that cannot be read. `place` says where, `message` what was wanted and what was found."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(place, message)
        self.place = place
        self.message = message

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class UnsupportedError(ParseError):
    """What is not broken, as far as it was read, but needs something that this reader does not know."""
