"""What all parts of the ext4 reader share: the volume's blocks, its geometry, and what was found wrong.

Caches are bounded: blocks of metadata (4 MiB) and pieces of inode tables (8 MiB).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.ext4.superblock import Incompat, Superblock
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_SEED = Struct("<II")
_CACHED_BYTES: Final = 4 << 20
_MAX_PROBLEMS: Final = 100
_MAX_REMEMBERED: Final = 1 << 18  # pieces of metadata that are not verified twice


class Volume:
    """The blocks of one file system."""

    def __init__(self, source: Source, superblock: Superblock) -> None:
        self.source = source
        self.name = source.name
        self.superblock = superblock
        self.block_size = superblock.block_size
        self.blocks = superblock.blocks
        self.seed = superblock.seed
        self._cache: dict[int, bytes] = {}
        self._cached = max(16, _CACHED_BYTES // superblock.block_size)
        self._problems: dict[Problem, None] = dict.fromkeys(superblock.problems)
        size = superblock.blocks * superblock.block_size
        if size > source.size:
            self.report(source.size, f"a file system of {size} bytes wanted, the volume ends at byte {source.size}")
        # asked for each directory block and inode, where an IntFlag's arithmetic would be most of the work
        self.has_checksums = superblock.has_metadata_csum
        self.has_typed_entries = bool(superblock.incompat & Incompat.FILETYPE)
        self._verified: set[int] = set()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far, at most a hundred things."""
        return tuple(self._problems)

    def report(self, offset: int, message: str) -> None:
        """Note something that is wrong at a byte of the volume."""
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems[Problem(Place(self.name, offset=offset), message)] = None

    def error(self, offset: int, message: str) -> ParseError:
        """Make the error for a byte of the volume."""
        return ParseError(Place(self.name, offset=offset), message)

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

    def verifies(self, offset: int) -> bool:
        """Tell whether the metadata at `offset` are to be verified: they carry a checksum, and were not so far."""
        if not self.has_checksums or offset in self._verified:
            return False
        if len(self._verified) >= _MAX_REMEMBERED:
            self._verified.clear()
        self._verified.add(offset)
        return True

    def inode_seed(self, number: int, generation: int) -> int:
        """Start value of the checksums of all that belongs to an inode."""
        return crc32c(self.seed, _SEED.pack(number, generation))
