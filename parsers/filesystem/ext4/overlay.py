"""A volume as it would be after its journal was replayed."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from parsers.filesystem.ext4.journal import MAGIC
from parsers.source import Source, check_range

_ESCAPED_START: Final = MAGIC.to_bytes(4, "big")


class Overlay:
    """A source some of whose blocks are read from the journal. Only their whereabouts are kept, not their bytes."""

    def __init__(self, source: Source, journal: Source, block_size: int, blocks: dict[int, tuple[int, bool]]) -> None:
        self.name = source.name
        self.size = source.size
        self._source = source
        self._journal = journal
        self._block_size = block_size
        self._blocks = blocks
        self._numbers = sorted(blocks)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the volume."""
        check_range(self, offset, size)
        block_size = self._block_size
        at = bisect_left(self._numbers, offset // block_size)
        end = bisect_left(self._numbers, -(-(offset + size) // block_size))
        if at == end:
            return self._source.read_at(offset, size)
        data = bytearray(self._source.read_at(offset, size))
        for number in self._numbers[at:end]:
            start = number * block_size
            first, last = max(start, offset), min(start + block_size, offset + size)
            data[first - offset : last - offset] = self._read_block(number)[first - start : last - start]
        return bytes(data)

    def _read_block(self, number: int) -> bytes:
        source, escaped = self._blocks[number]
        data = self._journal.read_at(source * self._block_size, self._block_size)
        return _ESCAPED_START + data[4:] if escaped else data
