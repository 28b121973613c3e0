"""The script language of GRUB 2: text to statements, nothing evaluated.

Language: GNU GRUB manual 2.12, section 16.1 "Writing full configuration files directly" (words, quoting, variable
expansion, comments, reserved words) and 16.2 (shell-like commands). As GRUB reads line by line, a syntax error
costs the statement it lies in, and reading goes on at the next line. `grub-script-check` agrees on what is an error.

The statements are named tuples: they are made in number and at each start, and stay within this package.

Deliberately not done: `case` and `select` are reserved but have no grammar in GRUB: they are errors here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from parsers.place import Place, Problem

MAX_DEPTH: Final = 40
MAX_PROBLEMS: Final = 100
MAX_TEXT: Final = 4 * 1024 * 1024

_LITERAL: Final = re.compile(r"[^{}|&$;<> \t\n'\"\\]+")
_VARIABLE: Final = re.compile(
    r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#])\}|([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#]))"
)
_BLANK: Final = re.compile(r"(?:[ \t]|\\\n)+")
_IN_QUOTES: Final = re.compile(r"[^\"\\$]+")


class Part(NamedTuple):
    """A piece of a word: literal text, or the name of a variable to put in its place."""

    text: str
    variable: bool = False
    quoted: bool = False


class Word(NamedTuple):
    """One word of a command. A word without parts is an empty one in quotes."""

    parts: tuple[Part, ...]
    line: int

    @property
    def bare(self) -> str | None:
        """The text of a word that is neither quoted nor expanded: only such a word can be a reserved one."""
        if len(self.parts) == 1 and not self.parts[0].variable and not self.parts[0].quoted:
            return self.parts[0].text
        return None


class Command(NamedTuple):
    """A simple command; `block` is the part in braces of a menu entry."""

    words: tuple[Word, ...]
    line: int
    block: Script | None = None


class If(NamedTuple):
    """`if`: pairs of condition and body, then what `else` holds."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script
    line: int


class For(NamedTuple):
    """`for NAME in WORDS; do BODY; done`."""

    name: str
    words: tuple[Word, ...]
    body: Script
    line: int


class While(NamedTuple):
    """`while` or `until`."""

    condition: Script
    body: Script
    until: bool
    line: int


class Function(NamedTuple):
    """`function NAME { BODY }`."""

    name: str
    body: Script
    line: int


Statement = Command | If | For | While | Function
Script = tuple[Statement, ...]


class SyntaxFlaw(Exception):  # noqa: N818 - an event within this module; outside it is a Problem
    """A statement that cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def parse_script(text: str, path: str) -> tuple[Script, tuple[Problem, ...]]:
    """Read the statements of a script; each statement that is broken is a problem at its line.

    At most `MAX_PROBLEMS` problems are given, and a text longer than `MAX_TEXT` characters is cut there, which is
    one of them.
    """
    problems: list[Problem] = []
    if len(text) > MAX_TEXT:
        problems.append(Problem(Place(path), f"at most {MAX_TEXT} characters wanted, {len(text)} found"))
        text = text[:MAX_TEXT]
    parser = _Parser(text.replace("\r", ""))
    statements: list[Statement] = []
    while True:
        try:
            statement = parser.statement()
        except SyntaxFlaw as flaw:
            problems.append(Problem(Place(path, flaw.line), flaw.message))
            if len(problems) >= MAX_PROBLEMS:
                break
            parser.skip_line()
            continue
        if statement is None:
            break
        statements.append(statement)
    return tuple(statements), tuple(problems)


class _Parser:
    """Recursive descent over the text; the depth is bounded by MAX_DEPTH."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._depth = 0

    # -- characters and words

    def skip_line(self) -> None:
        """Go on after the next line end, with nothing open."""
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end + 1
        self._line += end >= 0
        self._depth = 0

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _flaw(self, message: str, line: int | None = None) -> NoReturn:
        raise SyntaxFlaw(line or self._line, message)

    def _blanks(self) -> None:
        """Skip blanks, continued line ends, and a comment."""
        if match := _BLANK.match(self._text, self._at):
            self._line += match.group().count("\n")
            self._at = match.end()
        if self._peek() == "#":
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end

    def _line_ends(self) -> None:
        """Skip empty lines and comments before a statement."""
        self._blanks()
        while self._peek() == "\n":
            self._line += 1
            self._at += 1
            self._blanks()

    def _semicolon(self) -> None:
        """Skip the one semicolon that may follow a statement."""
        self._blanks()
        if self._peek() == ";":
            self._at += 1

    def _word(self) -> Word | None:
        """Read a word; None at anything that ends a command."""
        line, parts = self._line, list[Part]()
        start = self._at
        while character := self._peek():
            if character == "'":
                parts.append(self._single())
            elif character == '"':
                parts.extend(self._double())
            elif character == "\\":
                self._escape(parts)
            elif character == "$":
                parts.append(self._variable(quoted=False))
            elif match := _LITERAL.match(self._text, self._at):
                parts.append(Part(match.group()))
                self._at = match.end()
            else:
                break
        return Word(tuple(parts), line) if self._at > start else None

    def _escape(self, parts: list[Part]) -> None:
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if following == "\n":
            self._line += 1
        elif following:
            parts.append(Part(following, quoted=True))
        else:
            self._flaw("a character wanted after the backslash, end of file found")

    def _single(self) -> Part:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            line, self._at = self._line, len(self._text)
            self._flaw("closing ' wanted, end of file found", line)
        text = self._text[self._at + 1 : end]
        self._at = end + 1
        self._line += text.count("\n")
        return Part(text, quoted=True)

    def _double(self) -> list[Part]:
        line, parts = self._line, [Part("", quoted=True)]
        self._at += 1
        while True:
            if match := _IN_QUOTES.match(self._text, self._at):
                parts.append(Part(match.group(), quoted=True))
                self._at = match.end()
                self._line += match.group().count("\n")
            character = self._peek()
            if character == '"':
                self._at += 1
                return parts
            if character == "$":
                parts.append(self._variable(quoted=True))
            elif character == "\\":
                parts.append(self._quoted_escape())
            else:
                self._flaw('closing " wanted, end of file found', line)

    def _quoted_escape(self) -> Part:
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if following == "\n":
            self._line += 1
            return Part("", quoted=True)
        return Part(following if following in {"$", '"', "\\"} else "\\" + following, quoted=True)

    def _variable(self, *, quoted: bool) -> Part:
        match = _VARIABLE.match(self._text, self._at)
        if match is None:
            self._flaw("a variable's name wanted after $")
        self._at = match.end()
        return Part(match.group(1) or match.group(2), variable=True, quoted=quoted)

    # -- statements

    def statement(self) -> Statement | None:
        """Read the next statement; None at the end of the text."""
        self._line_ends()
        if not self._peek():
            return None
        line = self._line
        word = self._word()
        if word is None:
            self._flaw(f"a command wanted, {self._peek()!r} found")
        if word.bare in _STRAY:
            self._flaw(f"a command wanted, {word.bare!r} found", line)
        reader = self._READERS.get(word.bare or "")
        if reader is None:
            statement: Statement = self._command(word)
        else:
            self._deeper(line)
            statement = reader(self, line)
            self._depth -= 1
        self._semicolon()
        return statement

    def _deeper(self, line: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._flaw(f"at most {MAX_DEPTH} nested statements wanted, more found", line)

    def _command(self, first: Word) -> Command:
        words, block = [first], None
        while True:
            self._blanks()
            character = self._peek()
            if character == "{" and block is None:
                block = self._block()
            elif character in {"", "\n", ";", "}"}:
                return Command(tuple(words), first.line, block)
            elif word := self._word() if block is None else None:
                words.append(word)
            else:
                self._flaw(f"the end of a command wanted, {character!r} found")

    def _block(self) -> Script:
        line = self._line
        self._at += 1
        self._deeper(line)
        statements: list[Statement] = []
        while True:
            self._line_ends()
            if statements and self._peek() == "}":
                self._at += 1
                self._depth -= 1
                return tuple(statements)
            statement = self.statement()
            if statement is None:
                self._flaw("closing } wanted, end of file found", line)
            statements.append(statement)

    def _until(self, *ends: str) -> tuple[Script, str]:
        """Read statements up to one of the reserved words `ends`; give them and the word."""
        line, statements = self._line, list[Statement]()
        while True:
            self._line_ends()
            before = self._at, self._line
            word = self._word()
            if word is not None and word.bare in ends:
                if not statements:
                    self._flaw(f"a command wanted, {word.bare!r} found")
                return tuple(statements), word.bare
            self._at, self._line = before
            statement = self.statement()
            if statement is None:
                self._flaw(f"{ends[-1]!r} wanted, end of file found", line)
            statements.append(statement)

    def _if(self, line: int) -> If:
        branches: list[tuple[Script, Script]] = []
        end = "elif"
        while end == "elif":
            condition, _ = self._until("then")
            body, end = self._until("elif", "else", "fi")
            branches.append((condition, body))
        otherwise: Script = ()
        if end == "else":
            otherwise, _ = self._until("fi")
        return If(tuple(branches), otherwise, line)

    def _name(self, what: str) -> str:
        self._blanks()
        word = self._word()
        if word is None or word.bare is None:
            self._flaw(f"{what} wanted")
        return word.bare

    def _identifier(self, what: str) -> str:
        name = self._name(what)
        if name in _STRAY or name in self._READERS:
            self._flaw(f"{what} wanted, {name!r} found")
        return name

    def _for(self, line: int) -> For:
        name = self._identifier("a variable's name")
        if self._name("'in'") != "in":
            self._flaw("'in' wanted")
        words: list[Word] = []
        while True:
            self._blanks()
            word = self._word()
            if word is None:
                break
            words.append(word)
        if self._peek() not in {"\n", ";"}:
            self._flaw("the end of the list wanted")
        self._semicolon()
        self._reserved("do")
        return For(name, tuple(words), self._until("done")[0], line)

    def _reserved(self, wanted: str) -> None:
        self._line_ends()
        if self._name(repr(wanted)) != wanted:
            self._flaw(f"{wanted!r} wanted")

    def _while(self, line: int, *, until: bool = False) -> While:
        condition, _ = self._until("do")
        return While(condition, self._until("done")[0], until, line)

    def _function(self, line: int) -> Function:
        name = self._identifier("a function's name")
        self._line_ends()
        if self._peek() != "{":
            self._flaw("opening { wanted")
        return Function(name, self._block(), line)

    _READERS: Final[dict[str, Callable[[_Parser, int], Statement]]] = {
        "if": _if,
        "for": _for,
        "while": _while,
        "until": lambda self, line: self._while(line, until=True),
        "function": _function,
    }


_STRAY: Final = frozenset({"then", "elif", "else", "fi", "do", "done", "in", "case", "esac", "select", "[[", "]]"})
