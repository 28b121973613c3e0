"""Block group descriptors: where the inode tables are, and what is free.

Specification: Linux Documentation/filesystems/ext4, "Block Group Descriptors", "Meta Block Groups". Descriptors
are read as they are needed; each is checked (CRC-32C or CRC-16) when it is. Bitmaps are not read.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from parsers.checksum import crc32c
from parsers.filesystem.ext4.checksum import crc16
from parsers.filesystem.ext4.superblock import Incompat, RoCompat
from parsers.filesystem.ext4.volume import Volume

_LOW = Struct("<3I4HI4H")
_HIGH = Struct("<3I2H")
_CHECKSUM_AT: Final = 0x1E


class GroupDescriptor(msgspec.Struct, frozen=True):
    """A block group: where its bitmaps and its inode table begin, free clusters and free inodes."""

    block_bitmap: int
    inode_bitmap: int
    inode_table: int
    free_clusters: int
    free_inodes: int


class Groups:
    """The group descriptors of a volume."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._size = volume.superblock.descriptor_size
        self._per_block = volume.block_size // self._size
        self._uuid = bytes.fromhex(volume.superblock.uuid.replace("-", ""))
        self.count = volume.superblock.groups

    @property
    def descriptor_blocks(self) -> int:
        """Number of blocks that the descriptors take."""
        return -(-self.count // self._per_block)

    def descriptor_block(self, index: int) -> int:
        """Return the block that holds the `index`th block of descriptors."""
        superblock = self._volume.superblock
        first = 1 if self._volume.block_size == 1024 else 0  # the block that holds the superblock
        if not superblock.incompat & Incompat.META_BG or index < superblock.first_meta_bg:
            return first + index + 1
        group = index * self._per_block
        skipped = int(superblock.has_super(group))
        if self._volume.block_size == 1024 and index == 0 and superblock.first_data_block == 0:
            skipped += 1
        return skipped + superblock.first_data_block + group * superblock.blocks_per_group

    def get(self, group: int) -> GroupDescriptor:
        """Return the descriptor of a group, checked."""
        return self._parse(group, self._raw(group))

    def _raw(self, group: int) -> tuple[bytes, int]:
        index, slot = divmod(group, self._per_block)
        block = self.descriptor_block(index)
        at = slot * self._size
        return self._volume.read_block(block)[at : at + self._size], block * self._volume.block_size + at

    def _parse(self, group: int, found: tuple[bytes, int]) -> GroupDescriptor:
        raw, offset = found
        block_bitmap, inode_bitmap, table, free_blocks, free_inodes, *_, checksum = _LOW.unpack_from(raw)
        if self._size >= 64:
            block_bitmap_high, inode_bitmap_high, table_high, blocks_high, inodes_high = _HIGH.unpack_from(raw, 0x20)
            block_bitmap |= block_bitmap_high << 32
            inode_bitmap |= inode_bitmap_high << 32
            table |= table_high << 32
            free_blocks |= blocks_high << 16
            free_inodes |= inodes_high << 16
        wanted = self._checksum(group, raw, offset)
        if wanted is not None and wanted != checksum:
            self._volume.report(
                offset + _CHECKSUM_AT, f"group {group}: descriptor checksum {wanted:04x} wanted, {checksum:04x} found"
            )
        return GroupDescriptor(block_bitmap, inode_bitmap, table, free_blocks, free_inodes)

    def _checksum(self, group: int, raw: bytes, offset: int) -> int | None:
        number = group.to_bytes(4, "little")
        if self._volume.has_checksums:
            if not self._volume.verifies(offset):
                return None
            zeroed = number + raw[:_CHECKSUM_AT] + b"\0\0" + raw[_CHECKSUM_AT + 2 :]
            return crc32c(self._volume.seed, zeroed) & 0xFFFF
        if self._volume.superblock.ro_compat & RoCompat.GDT_CSUM:
            return crc16(0xFFFF, self._uuid + number + raw[:_CHECKSUM_AT] + raw[_CHECKSUM_AT + 2 :])
        return None
