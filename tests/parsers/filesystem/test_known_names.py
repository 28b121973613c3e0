from __future__ import annotations

import pytest

from parsers.filesystem.known_names import MAX_NAMES, KnownNames
from parsers.place import ParseError, Place


def test_names_are_found_and_the_oldest_directories_go_first() -> None:
    known = KnownNames()
    half = {str(number).encode(): number for number in range(MAX_NAMES // 2)}
    for directory in (1, 2, 3):
        known.keep(directory, half, None)
    assert [directory in known for directory in (1, 2, 3)] == [False, False, True]
    assert (known.find(3, b"7"), known.find(3, b"x")) == (7, None)
    known.keep(4, {b"a": 1}, None)
    assert [directory in known for directory in (3, 4)] == [True, True]


def test_one_directory_is_kept_however_large_it_is() -> None:
    known = KnownNames()
    known.keep(1, {str(number).encode(): number for number in range(MAX_NAMES + 1)}, None)
    assert known.find(1, b"5") == 5


def test_what_is_not_among_the_names_of_a_broken_directory_is_not_known() -> None:
    known = KnownNames()
    known.keep(1, {b"a": 1}, ParseError(Place("sda1", offset=5), "broken"))
    assert known.find(1, b"a") == 1
    with pytest.raises(ParseError, match="broken"):
        known.find(1, b"b")
