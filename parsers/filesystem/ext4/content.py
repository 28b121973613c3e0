"""The bytes of an inode: mapped blocks, or data that lie in the inode itself.

Specification: Linux Documentation/filesystems/ext4, "The Contents of inode.i_block", "Inline Data". Holes,
unwritten extents and what lies behind inline data read as zeros; the size of the inode alone allocates nothing.
Runs of blocks that follow one another on the volume are read at once.
"""

from __future__ import annotations

from parsers.filesystem.ext4.mapping import Mapping
from parsers.filesystem.ext4.volume import Volume
from parsers.source import check_range


class MappedContent:
    """Content that lies in blocks of the volume."""

    def __init__(self, volume: Volume, mapping: Mapping, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._volume = volume
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
                    pieces.append(self._volume.source.read_at(wanted_at, wanted))
                wanted_at, wanted = (where, left) if where is not None else (0, 0)
                if where is None:
                    pieces.append(bytes(left))
            offset += left
            size -= left
        if wanted:
            pieces.append(self._volume.source.read_at(wanted_at, wanted))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _locate(self, offset: int, size: int) -> tuple[int | None, int]:
        """Return where the bytes at `offset` are on the volume, and how many of `size` lie there together."""
        block_size = self._volume.block_size
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


class InlineContent:
    """Content that lies in the inode; whatever the size claims beyond it is a hole."""

    def __init__(self, data: bytes, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._data = data[:size]

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file."""
        check_range(self, offset, size)
        return self._data[offset : offset + size].ljust(size, b"\0")
