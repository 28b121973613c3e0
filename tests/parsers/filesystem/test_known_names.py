from __future__ import annotations

from collections.abc import Iterator

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


class Folder:
    """A directory in memory, which notes how often it was opened."""

    opened = 0

    def __init__(self, names: int, broken: ParseError | None = None) -> None:
        self.broken = broken
        self._names = names
        Folder.opened += 1

    def entries(self) -> Iterator[tuple[bytes, int, int]]:
        return ((str(number).encode(), number, 0) for number in range(self._names))


@pytest.mark.parametrize(("names", "times"), [(10, 1), (MAX_NAMES + 10, 4)])
def test_a_directory_is_read_again_only_where_its_names_are_too_many(names: int, times: int) -> None:
    known, Folder.opened = KnownNames(), 0
    for _ in range(2):
        found = known.find(1, b"9") if 1 in known else known.look_up(1, lambda: Folder(names), b"9")
        assert found == 9
    assert Folder.opened == times


@pytest.mark.parametrize("names", [10, MAX_NAMES + 10])
def test_a_name_that_may_be_among_what_is_broken_is_not_known(names: int) -> None:
    broken = ParseError(Place("sda1", offset=5), "broken")
    assert KnownNames().look_up(1, lambda: Folder(names, broken), b"9") == 9
    with pytest.raises(ParseError, match="broken"):
        KnownNames().look_up(1, lambda: Folder(names, broken), b"x")
    assert KnownNames().look_up(1, lambda: Folder(names), b"x") is None
