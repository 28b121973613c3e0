"""Sources give exactly what was asked for, or an error."""

from __future__ import annotations

import pytest

from parsers.place import ParseError
from parsers.source import Memory, Source, Window


def test_memory_gives_the_bytes_asked_for() -> None:
    source = Memory(b"0123456789", "sda")
    assert (source.name, source.size) == ("sda", 10)
    assert source.read_at(3, 4) == b"3456"
    assert source.read_at(10, 0) == b""


def test_a_window_counts_from_its_start_and_ends_where_it_ends() -> None:
    window = Window(Memory(b"0123456789", "sda"), 2, 5, "sda1")
    assert (window.name, window.size) == ("sda1", 5)
    assert window.read_at(0, 5) == b"23456"
    assert Window(window, 1, 2).read_at(0, 2) == b"34"
    assert Window(window, 1, 2).name == "sda1"


@pytest.mark.parametrize("source", [Memory(b"01234"), Window(Memory(b"0123456789"), 1, 5)], ids=["memory", "window"])
@pytest.mark.parametrize(("offset", "size"), [(0, 6), (5, 1), (6, 0), (-1, 1), (0, -1), (1 << 70, 1)])
def test_anything_outside_is_an_error(source: Source, offset: int, size: int) -> None:
    with pytest.raises(ParseError) as caught:
        source.read_at(offset, size)
    assert caught.value.place.offset == offset


def test_a_window_must_lie_inside() -> None:
    for offset, size in ((0, 11), (11, 0), (5, 6), (-1, 2)):
        with pytest.raises(ParseError):
            Window(Memory(b"0123456789"), offset, size)
