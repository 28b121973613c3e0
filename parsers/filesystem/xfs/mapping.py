"""From the logical blocks of a fork to the blocks of the volume: lists of extents, and b-trees of them.

Specification: "XFS Algorithms & Data Structures", "Data Extents". A map answers one question: where is logical
block N, and how many blocks from there on go the same way. Nothing is expanded beforehand, so that a map which
claims exabytes costs nothing; the level of a b-tree falls by one at each step, so that it cannot loop.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.xfs.inodes import FORMAT_BTREE, FORMAT_EXTENTS, Inode
from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.place import ParseError

ENDLESS: Final = 1 << 54
"""Length of a hole that has no end; logical blocks are numbers of 54 bits."""

_RECORD: Final = 16
_MAX_LEVEL: Final = 9
_KEPT_BYTES: Final = 256 << 10  # of b-tree blocks that one fork keeps parsed
_NODE = Struct(">4sHH")
_LAYOUT: Final = Layout("extent b-tree block", checksum=64, uuid=40, owner=56, block=24)


class Fork(msgspec.Struct, frozen=True):
    """The part of an inode that holds a map. `format` says how, `extents` how many a list has."""

    inode: Inode
    data: bytes
    format: int
    extents: int


def data_fork(inode: Inode) -> Fork:
    """Return the fork of data."""
    return Fork(inode, inode.fork, inode.format, inode.extents)


def attribute_fork(inode: Inode) -> Fork:
    """Return the fork of attributes."""
    return Fork(inode, inode.attribute_fork, inode.attribute_format, inode.attribute_extents)


class _Node(msgspec.Struct, frozen=True):
    """Of a leaf `entries` are (first logical, count, block or None), else (first logical, 0, child as stored)."""

    level: int
    starts: list[int]
    entries: list[tuple[int, int, int | None]]


class Mapping:
    """Where the blocks of one fork are."""

    def __init__(self, volume: Volume, fork: Fork) -> None:
        self._volume = volume
        self._inode = fork.inode
        self._nodes: dict[int, _Node] = {}
        self._kept = max(4, _KEPT_BYTES // volume.block_size)
        self._header = 72 if volume.has_checksums else 24
        if fork.format == FORMAT_EXTENTS:
            self._root = self._list(fork)
        elif fork.format == FORMAT_BTREE:
            self._root = self._tree(fork)
        else:
            raise self._error(fork.inode.offset, f"extents or a b-tree of them wanted, format {fork.format} found")

    def find(self, logical: int) -> tuple[int | None, int]:
        """Return the block of the volume (None: a hole or unwritten, reads as zeros) and how many follow it in step."""
        node = self._root
        end = ENDLESS
        while True:
            starts = node.starts
            at = bisect_right(starts, logical) - 1
            if at + 1 < len(starts):
                end = min(end, starts[at + 1])
            if at < 0:
                return None, max(end - logical, 1)
            first, count, block = node.entries[at]
            if node.level:
                node = self._child(block or 0, node.level - 1)
                continue
            if logical >= first + count:
                return None, max(end - logical, 1)
            return (None if block is None else block + logical - first), first + count - logical

    def read(self, logical: int, count: int) -> tuple[bytes, int]:
        """Return blocks of metadata, and the byte of the volume where they begin; raise `ParseError` at a hole."""
        block, left = self.find(logical)
        if block is not None and left >= count:
            return self._volume.read_blocks(block, count), block * self._volume.block_size
        pieces, offset = [], None
        while count:
            block, left = self.find(logical)
            if block is None:
                raise self._error(self._inode.offset, f"logical block {logical} wanted, a hole found")
            left = min(left, count)
            pieces.append(self._volume.read_blocks(block, left))
            offset = block * self._volume.block_size if offset is None else offset
            logical += left
            count -= left
        return b"".join(pieces), offset or 0

    def _list(self, fork: Fork) -> _Node:
        room = len(fork.data) // _RECORD
        if fork.extents > room:
            raise self._error(fork.inode.offset, f"at most {room} extents in the inode wanted, {fork.extents} found")
        return self._leaf(fork.data, 0, fork.extents, fork.inode.offset)

    def _tree(self, fork: Fork) -> _Node:
        offset = fork.inode.offset
        room = (len(fork.data) - 4) // _RECORD
        if room < 1:
            raise self._error(offset, f"room for a b-tree of extents wanted, {len(fork.data)} bytes found")
        level, count = int.from_bytes(fork.data[:2], "big"), int.from_bytes(fork.data[2:4], "big")
        if not 1 <= level <= _MAX_LEVEL or not 1 <= count <= room:
            raise self._error(
                offset, f"a b-tree of 1 to {_MAX_LEVEL} levels, 1 to {room} records wanted, {level} and {count} found"
            )
        return self._inner(fork.data, 4, (level, count, room), offset)

    def _child(self, stored: int, level: int) -> _Node:
        node = self._nodes.get(stored)
        if node is None:
            block = self._volume.linear(stored)
            offset = block * self._volume.block_size
            data = self._volume.read_blocks(block)
            self._volume.verify(data, offset, _LAYOUT, self._inode.number)
            node = self._parse(data, offset)
            if len(self._nodes) >= self._kept:
                del self._nodes[next(iter(self._nodes))]
            self._nodes[stored] = node
        if node.level != level:
            offset = self._volume.linear(stored) * self._volume.block_size
            raise self._error(offset, f"level {level} of the b-tree of extents wanted, {node.level} found")
        return node

    def _parse(self, data: bytes, offset: int) -> _Node:
        wanted = b"BMA3" if self._volume.has_checksums else b"BMAP"
        magic, level, count = _NODE.unpack_from(data)
        if magic != wanted:
            raise self._error(offset, f"magic {wanted.hex()} of a b-tree of extents wanted, {magic.hex()} found")
        room = (len(data) - self._header) // _RECORD
        if not 1 <= count <= room:
            raise self._error(offset, f"1 to {room} records in a b-tree block wanted, {count} found")
        if level:
            return self._inner(data, self._header, (level, count, room), offset)
        return self._leaf(data, self._header, count, offset)

    def _inner(self, data: bytes, at: int, size: tuple[int, int, int], offset: int) -> _Node:
        level, count, room = size
        starts = list(Struct(f">{count}Q").unpack_from(data, at))
        children = Struct(f">{count}Q").unpack_from(data, at + 8 * room)
        self._check_order(starts, offset)
        return _Node(level, starts, [(first, 0, child) for first, child in zip(starts, children, strict=True)])

    def _leaf(self, data: bytes, at: int, count: int, offset: int) -> _Node:
        words = Struct(f">{2 * count}Q").unpack_from(data, at)
        linear = self._volume.linear
        entries: list[tuple[int, int, int | None]] = []
        end = 0
        for high, low in zip(words[::2], words[1::2], strict=True):
            first = (high >> 9) & (ENDLESS - 1)
            length = low & 0x1FFFFF
            if not length or first < end:
                raise self._error(offset, f"an extent from block {end} on wanted, {length} at {first} found")
            end = first + length
            block = linear((high & 0x1FF) << 43 | low >> 21, length)
            entries.append((first, length, None if high >> 63 else block))
        return _Node(0, [entry[0] for entry in entries], entries)

    def _check_order(self, starts: list[int], offset: int) -> None:
        if any(one >= two for one, two in pairwise(starts)):
            raise self._error(offset, "keys of a b-tree in ascending order wanted")

    def _error(self, offset: int, message: str) -> ParseError:
        return self._volume.error(offset, f"inode {self._inode.number}: {message}")
