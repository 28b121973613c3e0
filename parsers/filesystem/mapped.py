"""The bytes of a file that lie in blocks of a volume.

Holes and unwritten extents read as zeros; the size of the file alone allocates nothing. Runs of blocks that follow
one another on the volume are read at once.
"""

from __future__ import annotations

from typing import Protocol

from parsers.source import Source, check_range


class Mapping(Protocol):
    """Where the blocks of one file are."""

    def find(self, logical: int) -> tuple[int | None, int]:
        """Return the block of the volume (None: a hole or unwritten, reads as zeros) and how many follow it in step."""
        ...


class MappedContent:
    """Content that lies in blocks of the volume."""

    def __init__(self, source: Source, block_size: int, mapping: Mapping, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._source = source
        self._block_size = block_size
        self._mapping = mapping
        self._run: tuple[int, int, int | None] = (0, 0, None)  # first logical block, blocks, block of the volume

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file."""
        check_range(self, offset, size)
        pieces: list[bytes] = []
        wanted_at, wanted = 0, 0  # what is to be read next, once it is known how far it goes
        while size:
            where, left = self._locate(offset, size)
            if where is not None and where == wanted_at + wanted:
                wanted += left
            else:
                if wanted:
                    pieces.append(self._source.read_at(wanted_at, wanted))
                wanted_at, wanted = (where, left) if where is not None else (0, 0)
                if where is None:
                    pieces.append(bytes(left))
            offset += left
            size -= left
        if wanted:
            pieces.append(self._source.read_at(wanted_at, wanted))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _locate(self, offset: int, size: int) -> tuple[int | None, int]:
        """Return where the bytes at `offset` are on the volume, and how many of `size` lie there together."""
        block_size = self._block_size
        logical, within = divmod(offset, block_size)
        first, count, block = self._run
        if not first <= logical < first + count:
            block, count = self._mapping.find(logical)
            first = logical
            self._run = (first, count, block)
        left = min(size, (first + count) * block_size - offset)
        if block is None:
            return None, left
        return (block + logical - first) * block_size + within, left
