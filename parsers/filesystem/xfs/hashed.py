"""Blocks of the b-trees that are keyed by the hash of a name: those of directories and of attributes.

Specification: "XFS Algorithms & Data Structures", "Directories" (leaf and node directories), "Extended
Attributes". Directory leaves give (hash, address) pairs; what leaves of attributes hold is the affair of `xattr`.
"""

from __future__ import annotations

from bisect import bisect_left
from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.place import ParseError

NODE_MAGICS: Final = (0xFEBE, 0x3EBE)
MAX_LEVEL: Final = 5
_INFO = Struct(">IIH")
_COUNTS = Struct(">HH")
_NODE_LAYOUT: Final = Layout("hash index block", checksum=12, uuid=32, owner=48, block=16)
_MASK: Final = 0xFFFFFFFF


class Node(msgspec.Struct, frozen=True):
    """An inner block: the highest hash below each child, and the child's logical block."""

    level: int
    hashes: tuple[int, ...]
    children: tuple[int, ...]

    def child(self, wanted: int) -> int | None:
        """Return the first child that may hold a hash; None where all are lower."""
        at = bisect_left(self.hashes, wanted)
        return self.children[at] if at < len(self.children) else None


def hash_name(name: bytes) -> int:
    """Return the hash of a name."""
    value = 0
    for byte in name:
        value = byte ^ ((value << 7 | value >> 25) & _MASK)
    return value


def magic_of(data: bytes) -> int:
    """Return the magic of a block of the tree."""
    return int.from_bytes(data[8:10], "big")


def next_of(data: bytes) -> int:
    """Return the logical block of the next leaf; 0: there is none."""
    return int.from_bytes(data[:4], "big")


def parse_node(volume: Volume, data: bytes, offset: int, owner: int) -> Node:
    """Decode an inner block; raise `ParseError` where it is none."""
    magic = magic_of(data)
    wanted = NODE_MAGICS[volume.has_checksums]
    if magic != wanted:
        raise volume.error(offset, f"inode {owner}: magic {wanted:04x} of a hash index wanted, {magic:04x} found")
    volume.verify(data, offset, _NODE_LAYOUT, owner)
    counts_at, at = (56, 64) if volume.has_checksums else (12, 16)
    count, level = _COUNTS.unpack_from(data, counts_at)
    room = (len(data) - at) // 8
    if not 1 <= count <= room or not 1 <= level <= MAX_LEVEL:
        raise _counts(volume, offset, owner, f"1 to {room} entries, level 1 to {MAX_LEVEL}", f"{count}, level {level}")
    words = Struct(f">{2 * count}I").unpack_from(data, at)
    return Node(level, words[::2], words[1::2])


def _counts(volume: Volume, offset: int, owner: int, wanted: str, found: str) -> ParseError:
    return volume.error(offset, f"inode {owner}: {wanted} of a hash index wanted, {found} found")
