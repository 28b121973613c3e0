"""The text of LVM2's metadata: sections of keys and values, as vgcfgbackup(8) writes it and lvm.conf(5) describes it.

`key = value`, `section { ... }`, `# comment`; a value is an integer, a float, a string in quotes with backslash
escapes, or a list of them in brackets. Depth, length and the number of nodes are bounded.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.place import ParseError, Place

Value = int | float | str | list["Value"]
Section = dict[str, "Value | Section"]

_MAX_TEXT: Final = 8 << 20
_MAX_DEPTH: Final = 12
_MAX_DIGITS: Final = 20
_TOKEN: Final = re.compile(
    r"""(?P<blank>[\s\0]+|\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'[^']*')
      | (?P<number>[-+]?\d+(?:\.\d*)?(?![\w.+-]))
      | (?P<name>[\w.+@-][\w.+@/-]*)
      | (?P<mark>[{}\[\]=,])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


class _Tokens:
    """The tokens of a text, one ahead."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._position = 0
        self.kind: str | None = None
        self.text = ""
        self.start = 0
        self.advance()

    def advance(self) -> tuple[str | None, str]:
        """Return the token at hand and read the next; the kind of none is None."""
        taken = self.kind, self.text
        while True:
            self.start = self._position
            if self._position >= len(self._text):
                self.kind, self.text = None, ""
                return taken
            match = _TOKEN.match(self._text, self._position)
            if match is None:
                raise self.error("a name, a value or a bracket")
            self._position = match.end()
            if match.lastgroup != "blank":
                self.kind, self.text = match.lastgroup, match[0]
                return taken

    def expect(self, mark: str) -> None:
        """Skip the punctuation `mark`."""
        if self.text != mark or self.kind != "mark":
            raise self.error(mark)
        self.advance()

    def error(self, wanted: str) -> ParseError:
        """Return the error that something else was found."""
        line = self._text.count("\n", 0, self.start) + 1
        found = self._text[self.start : self.start + 20].split("\n")[0] or "the end"
        return ParseError(Place(self._path, line), f"{wanted} wanted, {found} found")


def parse_lvm2_text(text: str, path: str = "metadata") -> Section:
    """Return the sections and values of a text as nested dicts; of a name that stands twice, the last.

    Raises:
        ParseError: it breaks the grammar, or is larger or deeper than any that LVM writes.
    """
    if len(text) > _MAX_TEXT:
        raise ParseError(Place(path), f"at most {_MAX_TEXT} characters wanted, {len(text)} found")
    tokens = _Tokens(text, path)
    root: Section = {}
    open_sections = [root]
    while tokens.kind is not None:
        if tokens.text == "}" and tokens.kind == "mark" and len(open_sections) > 1:
            open_sections.pop()
            tokens.advance()
            continue
        if tokens.kind not in ("name", "number", "string"):
            raise tokens.error("a name")
        name = _unquoted(*tokens.advance())
        if tokens.text == "{" and tokens.kind == "mark":
            if len(open_sections) >= _MAX_DEPTH:
                raise tokens.error(f"at most {_MAX_DEPTH} levels of sections")
            tokens.advance()
            section: Section = {}
            open_sections[-1][name] = section
            open_sections.append(section)
            continue
        tokens.expect("=")
        open_sections[-1][name] = _value(tokens)
    if len(open_sections) > 1:
        raise tokens.error("}")
    return root


def _value(tokens: _Tokens) -> Value:
    if tokens.text != "[" or tokens.kind != "mark":
        return _scalar(tokens)
    tokens.advance()
    values: list[Value] = []
    while not (tokens.text == "]" and tokens.kind == "mark"):
        values.append(_scalar(tokens))
        if tokens.text == "," and tokens.kind == "mark":
            tokens.advance()
        elif tokens.text != "]" or tokens.kind != "mark":
            raise tokens.error(", or ]")
    tokens.advance()
    return values


def _scalar(tokens: _Tokens) -> Value:
    if tokens.kind == "number":
        if len(tokens.text) > _MAX_DIGITS:
            raise tokens.error(f"a number of at most {_MAX_DIGITS} digits")
        text = tokens.advance()[1]
        return float(text) if "." in text else int(text)
    if tokens.kind not in ("string", "name"):
        raise tokens.error("a value")
    return _unquoted(*tokens.advance())


def _unquoted(kind: str | None, text: str) -> str:
    if kind != "string":
        return text
    return _ESCAPE.sub(r"\1", text[1:-1]) if text[0] == '"' else text[1:-1]
