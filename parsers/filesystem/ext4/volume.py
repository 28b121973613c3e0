"""What all parts of the ext4 reader share: the volume's blocks and its geometry.

Caches are bounded: blocks of metadata (4 MiB) and pieces of inode tables (8 MiB).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.block_volume import BlockVolume
from parsers.filesystem.ext4.superblock import Incompat, Superblock
from parsers.source import Source

_SEED = Struct("<II")
_CACHED_BYTES: Final = 4 << 20


class Volume(BlockVolume):
    """The blocks of one file system."""

    def __init__(self, source: Source, superblock: Superblock) -> None:
        checksums = superblock.has_metadata_csum
        super().__init__(source, superblock.block_size, superblock.blocks, superblock.problems, checksums=checksums)
        self.superblock = superblock
        self.seed = superblock.seed
        self._cache: dict[int, bytes] = {}
        self._cached = max(16, _CACHED_BYTES // superblock.block_size)
        self.has_typed_entries = bool(superblock.incompat & Incompat.FILETYPE)

    def check_block(self, block: int, count: int = 1) -> None:
        """Raise `ParseError` unless the blocks lie in the file system; block 0 holds no data of a file."""
        if block < 1 or block + count > self.blocks:
            raise self.error(
                block * self.block_size,
                f"blocks 1 to {self.blocks - 1} wanted, {block}{f' to {block + count - 1}' if count > 1 else ''} found",
            )

    def read_block(self, block: int) -> bytes:
        """Return a block of metadata; it is kept for a while."""
        cache = self._cache
        data = cache.pop(block, None)
        if data is None:
            self.check_block(block)
            data = self.source.read_at(block * self.block_size, self.block_size)
            if len(cache) >= self._cached:
                del cache[next(iter(cache))]
        cache[block] = data
        return data

    def inode_seed(self, number: int, generation: int) -> int:
        """Start value of the checksums of all that belongs to an inode."""
        return crc32c(self.seed, _SEED.pack(number, generation))
