"""A long table, read in slices."""

from __future__ import annotations

import struct

import pytest

from parsers.container.word_table import CACHE_BYTES, SLICE_BYTES, WordTable
from parsers.place import ParseError
from parsers.source import Memory


class Counting(Memory):
    """Counts what is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.total = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.total += size
        return super().read_at(offset, size)


def test_words_of_both_widths_and_orders() -> None:
    words = list(range(7, 10_007))
    for width, order, code in ((4, "big", ">I"), (4, "little", "<I"), (8, "big", ">Q"), (8, "little", "<Q")):
        data = b"xyz" + b"".join(struct.pack(code, word) for word in words)
        table = WordTable(Memory(data), 3, len(words), width, order)  # type: ignore[arg-type]  # of the loop above
        assert [table[number] for number in (0, 1, 2047, 2048, 9999, 5)] == [7, 8, 2054, 2055, 10_006, 12]
        assert [word for piece in table.scan(1 << 30) for word in piece] == words
        assert [word for piece in table.scan(3) for word in piece] == words[:3]


def test_only_what_is_asked_for_is_read_and_kept() -> None:
    file = Counting(bytes(2 * CACHE_BYTES))
    table = WordTable(file, 0, 2 * CACHE_BYTES // 4, 4, "little")
    assert table[5] == table[6] == 0
    assert file.total == SLICE_BYTES
    for number in range(0, table.count, SLICE_BYTES // 4):
        assert table[number] == 0
    assert len(table._slices) == CACHE_BYTES // SLICE_BYTES


def test_a_table_outside_the_file() -> None:
    with pytest.raises(ParseError):
        WordTable(Memory(bytes(100)), 0, 26, 4, "little")
