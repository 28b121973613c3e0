"""Regular expressions: by hand, and against regcomp(3) of the C library, which sudo calls."""

from __future__ import annotations

import ctypes
import random

import pytest

from parsers.linux.sudoers.expression import expression_flaw

PIECES = [
    "a", "b", "/", ".", "*", "+", "?", "(", ")", "|", "^", "$", "[", "]", "{", "}", "{2}", "{2,1}", "{,3}", "{1,}",
    "{x}", "\\(", "\\1", "\\2", "\\b", "[a-z]", "[z-a]", "[^]a]", "[[:alpha:]]", "[[:x:]]", "-", "[]", "[^", "\\",
    "1", ",", "[[.a.]]", "[a-]", "[-a]", "[a-c-e]", "[[=a=]-z]",
]  # fmt: skip
EXTENDED_WITHOUT_PLACES = 1 | 8


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("^/bin/(ls|cat)[a-z]{1,3}$", None),
        ("^(a)\\1$", None),
        ("^a**$", "something to repeat wanted before *, none found"),
        ("^(a$", "a ) wanted for each (, fewer found"),
        ("^[a$", "the end of [ wanted, none found"),
        ("^a{2,1}$", "numbers up to 32767 wanted, {2,1} found"),
        ("^[[:word:]]$", "a class of characters wanted, word found"),
        ("^[z-a]$", "a range that rises wanted, z-a found"),
        ("^a\\1$", "a group wanted for \\1, none found"),
    ],
)
def test_each_mistake_is_named(text: str, flaw: str | None) -> None:
    assert expression_flaw(text) == flaw


def test_the_library_agrees_on_random_expressions() -> None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        pytest.skip("this is no GNU C library: expressions were not compared with regcomp")
    chance = random.Random(1)
    buffer = ctypes.create_string_buffer(1024)
    for _ in range(20_000):
        text = "^" + "".join(chance.choices(PIECES, k=chance.randint(1, 7))) + "$"
        valid = library.regcomp(buffer, text.encode(), EXTENDED_WITHOUT_PLACES) == 0
        if valid:
            library.regfree(buffer)
        flaw = expression_flaw(text)
        # sudo refuses what is repeated twice, the library takes it
        assert (flaw is None) is valid or (flaw and valid and "to repeat" in flaw), text


def test_long_expressions_are_read_in_linear_time() -> None:
    for piece in ("[", "[[.", "{", "[a-", "\\", "(", "[^", "[:a", "{1", "a*", "(a)\\1"):
        expression_flaw(piece * 30_000)
