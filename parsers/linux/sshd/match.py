"""The criteria of a Match block.

Specification: sshd_config(5) and the release notes of OpenSSH. Up to 9.8 the words are parted as keywords are, so that
one `=` may stand between a criterion and its value; since 9.9 as arguments are, and `criterion=value` is one word,
which the first packages of 9.9 did not take.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from parsers.linux.sshd.address import address_list_flaw, port
from parsers.linux.sshd.algorithms import Release
from parsers.linux.sshd.line import QuoteError, next_word, split_arguments

COMMENTS_SINCE: Final[Release] = (8, 7)
"""Since when a comment may follow the arguments of a line."""

_WORDS_SINCE: Final[Release] = (9, 9)
_ADDRESSES: Final = frozenset({"address", "localaddress"})
_SINCE: Final[dict[str, Release]] = {
    "user": (0, 0), "group": (0, 0), "host": (0, 0), "address": (0, 0), "localaddress": (6, 1), "localport": (6, 1),
    "all": (6, 5), "rdomain": (7, 7), "invalid-user": (9, 9), "version": (10, 0),
}  # fmt: skip
_ALONE: Final = frozenset({"all", "invalid-user"})

Pairs = tuple[tuple[str, str], ...]
"""The criteria in lower case, each with its value; "" for those that have none."""


class Criteria(msgspec.Struct, frozen=True):
    """The criteria of a line, what is wrong with them, and what only some packages of this release take."""

    pairs: Pairs = ()
    flaw: str | None = None
    doubt: str | None = None

    @property
    def everything(self) -> bool:
        """Whether the block counts for everybody."""
        return self.flaw is None and self.pairs == (("all", ""),)


def read_criteria(text: str, release: Release) -> Criteria:
    """Take apart what follows Match."""
    if release >= _WORDS_SINCE:
        try:
            words = split_arguments(text)
        except QuoteError:
            return Criteria(flaw=f"closed quotes wanted, {text.strip()!r} found")
        return _checked(list(_pairs_of_words(words)), release, _doubt(words, release))
    return _checked(_pairs_of_keywords(text, release), release)


def _checked(pairs: list[tuple[str, str | None]], release: Release, doubt: str | None = None) -> Criteria:
    if not pairs:
        return Criteria(flaw="criteria wanted, none found")
    flaws = (_flaw(name, value, release, alone=len(pairs) == 1) for name, value in pairs)
    return Criteria(tuple((name, value or "") for name, value in pairs), next(filter(None, flaws), None), doubt)


def _pairs_of_words(words: list[str]) -> Iterable[tuple[str, str | None]]:
    pending = iter(words)
    for word in pending:
        name, equals, value = word.partition("=")
        if equals and name.lower() in _SINCE:
            yield name.lower(), value
        else:
            yield word.lower(), None if word.lower() in _ALONE else next(pending, None)


def _doubt(words: list[str], release: Release) -> str | None:
    joined = next((word for word in words if word.partition("=")[0].lower() in _SINCE and "=" in word), None)
    return f"not every sshd 9.9 takes {joined}" if joined and release == _WORDS_SINCE else None


def _pairs_of_keywords(text: str, release: Release) -> list[tuple[str, str | None]]:
    comment = "#" if release >= COMMENTS_SINCE else "\n"  # which stands in no line
    pairs: list[tuple[str, str | None]] = []
    word, rest = next_word(text)
    while word and not word.startswith(comment):
        name = word.lower()
        value = None
        if name != "all":
            value, rest = next_word(rest)
        pairs.append((name, value))
        word, rest = next_word(rest)
    return pairs


def _flaw(name: str, value: str | None, release: Release, *, alone: bool) -> str | None:
    since = _SINCE.get(name)
    if since is None or release < since:
        return f"a criterion of sshd {release[0]}.{release[1]} wanted, {name!r} found"
    if name == "all" and (value is not None or not alone):
        return "all alone wanted, more found beside it"
    if name in _ALONE:
        return None if value is None else f"nothing behind {name} wanted, {value!r} found"
    if not value or value.startswith("#"):
        return f"a pattern for {name} wanted, none found"
    if name in _ADDRESSES:
        return address_list_flaw(value)
    if name == "localport" and value != "0" and port(value) is None:
        return f"a port wanted, {value!r} found"
    return None
