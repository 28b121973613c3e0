"""What all parts of the XFS reader share: the volume's blocks and their checksums.

A block is called here by its number counted through the whole volume; `Volume.linear` makes it from the number
as stored, whose upper bits are the allocation group. Caches are bounded (4 MiB of metadata).
"""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.checksum import crc32c
from parsers.filesystem.block_volume import BlockVolume
from parsers.filesystem.xfs.superblock import Superblock
from parsers.source import Source

_CACHED_BYTES: Final = 4 << 20
_ONES: Final = 0xFFFFFFFF
_ZEROS: Final = bytes(4)


class Layout(msgspec.Struct, frozen=True):
    """Where a piece of version 5 metadata says what it is: bytes within it, of the four fields.

    Attributes:
        noun: what it is, for messages.
        checksum: CRC-32C of the piece with this field zero.
        uuid: the UUID of the file system.
        owner: the inode that it belongs to; None: it has none.
        block: its own place on the volume, in units of 512 bytes; None: it does not say.
    """

    noun: str
    checksum: int
    uuid: int
    owner: int | None = None
    block: int | None = None


class Volume(BlockVolume):
    """The blocks of one file system."""

    def __init__(self, source: Source, superblock: Superblock) -> None:
        checksums = superblock.has_checksums
        super().__init__(source, superblock.block_size, superblock.blocks, superblock.problems, checksums=checksums)
        self.superblock = superblock
        self._agblocks = superblock.agblocks
        self._agblock_log = superblock.agblock_log
        self._agblock_mask = (1 << superblock.agblock_log) - 1
        self._cache: dict[tuple[int, int], bytes] = {}
        self._cached = 0

    def linear(self, stored: int, count: int = 1) -> int:
        """Return the number of the first of some stored blocks, all of which have to lie in one group."""
        group, block = stored >> self._agblock_log, stored & self._agblock_mask
        first = group * self._agblocks + block
        if block + count > self._agblocks or first + count > self.blocks:
            raise self.error(0, f"blocks within {self.blocks} wanted, {count} from {stored:#x} on found")
        return first

    def read_blocks(self, first: int, count: int = 1) -> bytes:
        """Return blocks of metadata that follow one another; they are kept for a while."""
        cache = self._cache
        key = first, count
        data = cache.pop(key, None)
        if data is None:
            data = self.source.read_at(first * self.block_size, count * self.block_size)
            self._cached += len(data)
            while self._cached > _CACHED_BYTES and cache:
                self._cached -= len(cache.pop(next(iter(cache))))
        cache[key] = data
        return data

    def verify(self, data: bytes, offset: int, layout: Layout, owner: int | None = None) -> None:
        """Report what a piece of metadata says of itself and what is not so; nothing in version 4."""
        if not self.verifies(offset):
            return
        at = layout.checksum
        wanted = crc32c(_ONES, data[:at] + _ZEROS + data[at + 4 :]) ^ _ONES
        found = int.from_bytes(data[at : at + 4], "little")
        if wanted != found:
            self.report(offset + at, f"{layout.noun}: checksum {wanted:08x} wanted, {found:08x} found")
        if data[layout.uuid : layout.uuid + 16] != self.superblock.metadata_uuid:
            uuid = data[layout.uuid : layout.uuid + 16].hex()
            self.report(offset + layout.uuid, f"{layout.noun}: the UUID of this file system wanted, {uuid} found")
        if layout.owner is not None:
            self._verify_number(data, offset, layout, "the owner", (layout.owner, owner))
        if layout.block is not None:
            self._verify_number(data, offset, layout, "the place", (layout.block, offset >> 9))

    def _verify_number(
        self, data: bytes, offset: int, layout: Layout, what: str, where: tuple[int, int | None]
    ) -> None:
        at, wanted = where
        found = int.from_bytes(data[at : at + 8], "big")
        if wanted is not None and found != wanted:
            self.report(offset + at, f"{layout.noun}: {what} {wanted} wanted, {found} found")
