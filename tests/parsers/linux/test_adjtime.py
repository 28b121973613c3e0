from __future__ import annotations

import pytest

from parsers.linux.adjtime import Adjtime, ClockMode, parse_adjtime
from parsers.place import Place, Problem


@pytest.mark.parametrize(
    ("word", "mode"), [("UTC", ClockMode.UTC), ("LOCAL", ClockMode.LOCAL), (" LOCAL ", ClockMode.LOCAL)]
)
def test_the_third_line_decides(word: str, mode: ClockMode) -> None:
    assert parse_adjtime(f"0.0 0 0.0\n0\n{word}\n") == Adjtime(mode, Place("/etc/adjtime", 3))


@pytest.mark.parametrize("text", ["", "0.0 0 0.0\n", "0.0 0 0.0\n0\n", "0.0 0 0.0\n0\n\n"])
def test_without_a_third_line_it_is_utc(text: str) -> None:
    assert parse_adjtime(text) == Adjtime(ClockMode.UTC, Place("/etc/adjtime"))


@pytest.mark.parametrize("word", ["local", "utc", "LOCALTIME", "0"])
def test_another_word_is_reported(word: str) -> None:
    place = Place("/a", 3)
    assert parse_adjtime(f"x\n0\n{word}\n", "/a") == Adjtime(
        None, place, (Problem(place, f"UTC or LOCAL wanted, {word} found"),)
    )
