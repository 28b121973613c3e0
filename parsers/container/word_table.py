"""A long table of words in a file, such as a block allocation table, of which only what is asked for is read."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from typing import Final, Literal

from parsers.source import Source, check_range

SLICE_BYTES: Final = 16 << 10
CACHE_BYTES: Final = 4 << 20


class WordTable:
    """`count` unsigned words of `width` bytes (4 or 8) at `offset`; the cache is bounded.

    Raises `ParseError` where the table does not lie inside the file.
    """

    def __init__(
        self, file: Source, offset: int, count: int, width: Literal[4, 8], order: Literal["big", "little"]
    ) -> None:
        check_range(file, offset, count * width)
        self.offset = offset
        self.count = count
        self._file = file
        self._width = width
        self._code = "Q" if width == 8 else "I"
        self._swap = order != sys.byteorder
        self._bits = (SLICE_BYTES // width).bit_length() - 1
        self._slices: dict[int, array[int]] = {}

    def __getitem__(self, index: int) -> int:
        """Return one word; the caller has checked the index."""
        key = index >> self._bits
        words = self._slices.get(key)
        if words is None:
            words = self._read(key << self._bits, 1 << self._bits)
            if len(self._slices) >= CACHE_BYTES // SLICE_BYTES:
                del self._slices[next(iter(self._slices))]
            self._slices[key] = words
        return words[index - (key << self._bits)]

    def scan(self, limit: int) -> Iterator[array[int]]:
        """Yield the first `limit` words in pieces; they are not kept."""
        step = (1 << 20) // self._width
        for first in range(0, min(limit, self.count), step):
            yield self._read(first, min(step, limit - first))

    def _read(self, first: int, count: int) -> array[int]:
        count = min(count, self.count - first)
        words = array(self._code, self._file.read_at(self.offset + first * self._width, count * self._width))
        if self._swap:
            words.byteswap()
        return words
