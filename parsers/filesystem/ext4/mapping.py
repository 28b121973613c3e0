"""From the logical blocks of a file to the blocks of the volume: extent trees and block maps.

Specification: Linux Documentation/filesystems/ext4, "The Contents of inode.i_block". A map answers one question:
where is logical block N, and how many blocks from there on go the same way. Nothing is expanded beforehand, so
that a map which claims terabytes costs nothing; the depth of every walk is fixed by the format.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.ext4.inodes import FLAG_EXTENTS, Inode
from parsers.filesystem.ext4.volume import Volume
from parsers.filesystem.mapped import Mapping
from parsers.place import ParseError

ENDLESS: Final = 1 << 32
"""Length of a hole that has no end; logical blocks are numbers of 32 bits."""

_EXTENT_MAGIC: Final = 0xF30A
_EXTENT_HEADER = Struct("<4HI")
_ENTRY = Struct("<IHHI")
_MAX_DEPTH: Final = 5
_MAX_WRITTEN: Final = 32768
_KEPT_NODES: Final = 256 << 10  # bytes of tree blocks that one file keeps parsed
_DIRECT: Final = 12


def open_mapping(volume: Volume, inode: Inode) -> Mapping:
    """Return the map of an inode that has one; fast symbolic links and inline data have none."""
    return ExtentMap(volume, inode) if inode.flags & FLAG_EXTENTS else BlockMap(volume, inode)


# Leaf entries are (first logical, count, block or None); index entries (first logical, 0, child).
_Node = tuple[list[int], list[tuple[int, int, int | None]], int]


class ExtentMap:
    """An extent tree. Its root lies in the inode; the depth falls by one at each step, so that it cannot loop."""

    def __init__(self, volume: Volume, inode: Inode) -> None:
        self._volume = volume
        self._inode = inode
        self._root = self._parse(inode.block, inode.offset + 0x28, None)
        self._nodes: dict[int, _Node] = {}
        self._kept = _KEPT_NODES // volume.block_size

    def find(self, logical: int) -> tuple[int | None, int]:
        """See `Mapping.find`."""
        starts, entries, depth = self._root
        end = ENDLESS
        while True:
            at = bisect_right(starts, logical) - 1
            if at + 1 < len(starts):
                end = min(end, starts[at + 1])
            if at < 0:
                return None, max(end - logical, 1)
            first, count, block = entries[at]
            if depth:
                starts, entries, depth = self._child(block or 0, depth)
                continue
            if logical >= first + count:
                return None, max(end - logical, 1)
            left = first + count - logical
            return (None if block is None else block + logical - first), left

    def _child(self, block: int, depth: int) -> _Node:
        node = self._nodes.get(block)
        if node is None:
            data = self._volume.read_block(block)
            offset = block * self._volume.block_size
            node = self._parse(data, offset, depth - 1)
            self._verify(data, offset)
            if len(self._nodes) >= self._kept:
                del self._nodes[next(iter(self._nodes))]
            self._nodes[block] = node
        if node[2] != depth - 1:
            raise self._error(block * self._volume.block_size, f"depth {depth - 1} wanted, {node[2]} found")
        return node

    def _parse(self, data: bytes, offset: int, wanted_depth: int | None) -> _Node:
        magic, count, capacity, depth, _ = _EXTENT_HEADER.unpack_from(data)
        if magic != _EXTENT_MAGIC:
            raise self._error(offset, f"extent magic f30a wanted, {magic:04x} found")
        room = len(data) // 12 - 1
        if not count <= capacity <= room:
            raise self._error(offset, f"at most {room} extents wanted, {count} of {capacity} found")
        if depth > _MAX_DEPTH or (wanted_depth is not None and depth != wanted_depth):
            wanted = f"0 to {_MAX_DEPTH}" if wanted_depth is None else str(wanted_depth)
            raise self._error(offset, f"an extent depth of {wanted} wanted, {depth} found")
        if depth and not count:
            raise self._error(offset, "extents wanted in an index of the extent tree, none found")
        entries = self._indexes(data, count) if depth else self._leaves(data, count, offset)
        starts = [entry[0] for entry in entries]
        if any(one >= two for one, two in pairwise(starts)):
            raise self._error(offset, "extents in ascending order wanted")
        return starts, entries, depth

    def _indexes(self, data: bytes, count: int) -> list[tuple[int, int, int | None]]:
        entries: list[tuple[int, int, int | None]] = []
        for at in range(12, 12 + 12 * count, 12):
            first, low, low_high, high = _ENTRY.unpack_from(data, at)
            entries.append((first, 0, low | low_high << 16 | (high & 0xFFFF) << 32))
        return entries

    def _leaves(self, data: bytes, count: int, offset: int) -> list[tuple[int, int, int | None]]:
        entries: list[tuple[int, int, int | None]] = []
        end = 0
        for at in range(12, 12 + 12 * count, 12):
            first, length, high, low = _ENTRY.unpack_from(data, at)
            written = length <= _MAX_WRITTEN
            length -= 0 if written else _MAX_WRITTEN
            if not length or first < end:
                raise self._error(offset + at, f"an extent from block {end} on wanted, {length} at {first} found")
            end = first + length
            block = low | high << 32
            self._volume.check_block(block, length)
            entries.append((first, length, block if written else None))
        return entries

    def _verify(self, data: bytes, offset: int) -> None:
        capacity = int.from_bytes(data[4:6], "little")
        at = 12 + 12 * capacity
        if at + 4 > len(data) or not self._volume.verifies(offset):
            return
        seed = self._volume.inode_seed(self._inode.number, self._inode.generation)
        wanted, found = crc32c(seed, data[:at]), int.from_bytes(data[at : at + 4], "little")
        if wanted != found:
            message = f"inode {self._inode.number}: extent block checksum {wanted:08x} wanted, {found:08x} found"
            self._volume.report(offset + at, message)

    def _error(self, offset: int, message: str) -> ParseError:
        return self._volume.error(offset, f"inode {self._inode.number}: {message}")


class BlockMap:
    """The map of ext2 and ext3: twelve blocks, then trees of one, two and three levels."""

    def __init__(self, volume: Volume, inode: Inode) -> None:
        self._volume = volume
        self._inode = inode
        self._fan = volume.block_size // 4
        self._top = Struct("<15I").unpack(inode.block)
        self._node = Struct(f"<{self._fan}I")
        self._nodes: dict[int, tuple[int, ...]] = {}
        self._kept = _KEPT_NODES // volume.block_size

    def find(self, logical: int) -> tuple[int | None, int]:
        """See `Mapping.find`."""
        if logical < _DIRECT:
            return self._run(self._top[:_DIRECT], logical)
        rest, span = logical - _DIRECT, self._fan
        for level in range(3):
            if rest < span:
                return self._descend(self._top[_DIRECT + level], rest, span)
            rest -= span
            span *= self._fan
        raise self._volume.error(
            self._inode.offset, f"inode {self._inode.number}: a block within three levels wanted, {logical} found"
        )

    def _descend(self, block: int, rest: int, span: int) -> tuple[int | None, int]:
        while block:
            pointers = self._pointers(block)
            span //= self._fan
            if span == 1:
                return self._run(pointers, rest)
            slot, rest = divmod(rest, span)
            block = pointers[slot]
        return None, span - rest

    def _pointers(self, block: int) -> tuple[int, ...]:
        pointers = self._nodes.get(block)
        if pointers is None:
            pointers = self._node.unpack(self._volume.read_block(block))
            if len(self._nodes) >= self._kept:
                del self._nodes[next(iter(self._nodes))]
            self._nodes[block] = pointers
        return pointers

    def _run(self, pointers: tuple[int, ...], at: int) -> tuple[int | None, int]:
        first = pointers[at]
        step = 1 if first else 0
        end, wanted = at + 1, first + step
        while end < len(pointers) and pointers[end] == wanted:
            end += 1
            wanted += step
        if not first:
            return None, end - at
        self._volume.check_block(first, end - at)
        return first, end - at
