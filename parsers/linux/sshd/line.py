r"""One line of sshd_config taken apart: keyword, and arguments in quotes or without.

Reading follows what `sshd -t` of OpenSSH 9.2p1 does with a line, which is more than sshd_config(5) tells:

- The keyword ends at white space, at one `=` (white space around it is skipped), or at a quote; it may itself stand in
  double quotes. A keyword whose quote is never closed makes the whole line vanish.
- Arguments are separated by blanks and tabs. Both kinds of quotes may stand anywhere in a word; `\"`, `\'`, `\\`, and
  outside quotes `\ `, lose their backslash. A word that begins with `#` ends the line.
- The criteria of Match are read by the rule for keywords instead.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

import msgspec

_SPACE: Final = " \t\r\n"
_TRAILING: Final = " \t\r\n\f"
_SPECIAL: Final = re.compile(r"[\"'\\]")
_PLAIN_WORD: Final = re.compile(r"[^ \t]+")
_END_OF_WORD: Final = re.compile(r'[ \t\r\n"=]')


_EQUALS_WORD: Final = re.compile(
    r'(?P<head>[^ \t\r\n"=]*)(?:"(?P<quoted>[^"]*)"[ \t\r\n]*|=[ \t\r\n]*|[ \t\r\n]+(?:=[ \t\r\n]*)?|(?P<open>")|$)'
)
_BLANK_WORD: Final = re.compile(r'(?P<head>[^ \t\r\n"]*)(?:"(?P<quoted>[^"]*)"[ \t\r\n]*|[ \t\r\n]+|(?P<open>")|$)')


class QuoteError(ValueError):
    """A quote that is never closed."""


class Line(msgspec.Struct, frozen=True):
    """A line with a keyword on it.

    Attributes:
        keyword: as written.
        rest: what follows it, unparsed.
        arguments: the words of `rest`; None where a quote in it is never closed.
    """

    keyword: str
    rest: str
    arguments: tuple[str, ...] | None


def split_line(text: str, *, old: bool = False) -> Line | None:
    """Return the parts of a line; None for an empty line, a comment, or a line that sshd passes over.

    `old` is for sshd before 8.7, which reads arguments as it reads keywords: a # begins no comment among them.
    """
    rest = text.rstrip(_TRAILING)
    word, rest = next_word(rest)
    if word == "":
        word, rest = next_word(rest)
    if not word or word.startswith("#"):
        return None
    try:
        arguments = _old_arguments(word, rest) if old else split_arguments(rest)
    except QuoteError:
        return Line(word, rest, None)
    return Line(word, rest, tuple(arguments))


def next_word(text: str) -> tuple[str | None, str]:
    """Return the first word, read as a keyword is, and what follows it.

    The word is empty where `text` begins with a separator, and None where a quote is never closed.
    """
    match = _END_OF_WORD.search(text)
    if match is None:
        return text, ""
    head, mark, tail = text[: match.start()], match.group(), text[match.end() :]
    if mark == '"':
        quoted, closing, tail = tail.partition('"')
        return (head + quoted, tail.lstrip(_SPACE)) if closing else (None, "")
    tail = tail.lstrip(_SPACE)
    if mark != "=" and tail.startswith("="):
        tail = tail[1:].lstrip(_SPACE)
    return head, tail


def split_arguments(text: str) -> list[str]:
    """Return the arguments of a line; raise `QuoteError` where a quote is never closed."""
    words: list[str] = []
    if _SPECIAL.search(text) is None:
        # by far the most lines, at a tenth of the cost
        return list(itertools.takewhile(lambda word: not word.startswith("#"), _PLAIN_WORD.findall(text)))
    position = 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        if text[position] == "#":
            break
        word, position = _argument(text, position)
        words.append(word)
    return words


def _old_arguments(keyword: str, text: str) -> list[str]:
    """Words in double quotes or between blanks, parted by one = as well, unless they may hold one."""
    pattern = _BLANK_WORD if keyword.lower() == "setenv" else _EQUALS_WORD
    words = []
    for match in pattern.finditer(text):
        if match["open"]:
            raise QuoteError
        if match[0]:
            words.append(match["head"] + (match["quoted"] or ""))
    return words


def _argument(text: str, position: int) -> tuple[str, int]:
    """Return the argument that begins at `position`, and where it ends."""
    letters: list[str] = []
    quote = ""
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text) and _escapable(text[position + 1], quote):
            position += 1
            letters.append(text[position])
        elif not quote and char in " \t":
            break
        elif not quote and char in "\"'":
            quote = char
        elif char == quote:
            quote = ""
        else:
            letters.append(char)
        position += 1
    if quote:
        raise QuoteError
    return "".join(letters), position


def _escapable(char: str, quote: str) -> bool:
    return char in "\"'\\" or (char == " " and not quote)
