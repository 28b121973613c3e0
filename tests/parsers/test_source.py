from __future__ import annotations

import pytest

from parsers.place import ParseError
from parsers.source import Memory, Source, Window

DATA = bytes(range(64))


@pytest.mark.parametrize(
    ("source", "content"),
    [
        (Memory(DATA, "m"), DATA),
        (Window(Memory(DATA), 16, 32, "w"), DATA[16:48]),
        (Window(Window(Memory(DATA), 16, 32), 8, 8), DATA[24:32]),
        (Window(Memory(DATA), 64, 0), b""),
    ],
)
def test_exactly_what_was_asked_for_is_read(source: Source, content: bytes) -> None:
    assert source.size == len(content)
    assert source.read_at(0, source.size) == content
    for offset in range(source.size):
        assert source.read_at(offset, 1) == content[offset : offset + 1]
    assert source.read_at(source.size, 0) == b""


@pytest.mark.parametrize("source", [Memory(DATA, "disk"), Window(Memory(DATA + DATA, "disk"), 0, 64)])
@pytest.mark.parametrize(("offset", "size"), [(60, 5), (65, 0), (-1, 1), (0, -1), (1 << 70, 1), (0, 1 << 70)])
def test_nothing_outside_is_read_and_no_read_is_short(source: Source, offset: int, size: int) -> None:
    with pytest.raises(ParseError, match="the source ends at byte 64") as caught:
        source.read_at(offset, size)
    assert caught.value.place.path == "disk"
    assert caught.value.place.offset == offset


def test_a_window_must_lie_inside_its_source() -> None:
    with pytest.raises(ParseError):
        Window(Memory(DATA), 60, 8)


def test_a_window_is_called_as_its_source_unless_named() -> None:
    assert Window(Memory(DATA, "disk"), 0, 1).name == "disk"
    assert Window(Memory(DATA, "disk"), 0, 1, "sda1").name == "sda1"
