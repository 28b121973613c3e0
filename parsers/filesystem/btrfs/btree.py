"""The b-trees that hold everything else.

Specification: btrfs on-disk format, "Tree structure" (header, nodes, leaves). Of every node that is read the
checksum, the file system's UUID, its own address, its level and its generation are verified, its keys must be in
order and lie within those of its parent, and its items must lie one after the other; where one copy fails, the next
one is tried. Since a key found twice is refused, no walk can go in circles, nor visit a node again.

A key is a tuple: object, type, offset.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice
from operator import add, ge, ne
from struct import Struct
from typing import Final
from uuid import UUID

import msgspec

from parsers.filesystem.btrfs.superblock import MAX_LEVEL
from parsers.filesystem.btrfs.volume import MissingDeviceError, Volume
from parsers.place import ParseError

Key = tuple[int, int, int]
Entry = tuple[int, int, int, int, int]
"""A key, then either address and generation of a child, or offset and size of an item."""

HEADER_SIZE: Final = 101
LAST: Final = (1 << 64, 0, 0)
_HEADER = Struct("<32s16sQQ16sQQIB")
_ITEM = Struct("<QBQII")
_POINTER = Struct("<QBQQQ")
_ABOVE: Final = 1 << 64
_CACHED_BYTES: Final = 4 << 20
_FIRST: Final = (0, 0, 0)


class Position(msgspec.Struct, frozen=True):
    """What a parent says about a node: address, level, generation, first key (None: a root), and the key after it."""

    logical: int
    level: int
    generation: int
    first: Key | None = None
    end: Key = LAST


class Node:
    """A node or leaf; `entries` are in the order of their keys."""

    __slots__ = ("data", "entries", "generation", "level")

    def __init__(self, level: int, generation: int, entries: list[Entry], data: bytes) -> None:
        self.level = level
        self.generation = generation
        self.entries = entries
        self.data = data

    def item(self, index: int) -> bytes:
        """Return the bytes of an item of a leaf."""
        entry = self.entries[index]
        start = HEADER_SIZE + entry[3]
        return self.data[start : start + entry[4]]


class _NodeError(Exception):
    """A copy of a node that is broken."""


class Nodes:
    """The nodes of all trees; some are kept."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._size = volume.superblock.node_size
        self._sector_size = volume.superblock.sector_size
        self._checksum = volume.superblock.checksum
        self._fsids = {uuid.bytes for uuid in volume.fsids}
        self._cache: dict[int, Node] = {}
        self._kept = _CACHED_BYTES // self._size

    def get(self, position: Position) -> Node:
        """Return the node at a position; raise `ParseError` where no copy of it is whole."""
        cache = self._cache
        node = cache.pop(position.logical, None)
        if node is None:
            node = self._read(position)
            if len(cache) >= self._kept:
                del cache[next(iter(cache))]
        else:
            try:
                _check_position(node, position)
            except _NodeError as error:
                raise self.volume.error(position.logical, f"node {position.logical}: {error}") from None
        cache[position.logical] = node
        return node

    def _read(self, position: Position) -> Node:
        volume, logical = self.volume, position.logical
        if logical % self._sector_size:
            text = f"a node at a multiple of {self._sector_size} wanted, {logical} found"
            raise volume.error(logical, text)
        flaws: list[tuple[int, str]] = []
        missing: set[int] = set()
        for copy in range(volume.copies(logical)):
            try:
                node = self._parse(volume.read_copy(logical, self._size, copy), position)
            except _NodeError as error:
                flaws.append((copy, str(error)))
            except MissingDeviceError as error:
                flaws.append((copy, error.message))
                missing.add(copy)
            except ParseError as error:
                flaws.append((copy, error.message))
            else:
                for bad, text in flaws:
                    if bad not in missing:
                        volume.report(volume.place(logical, bad), f"node {logical}: {text}; another copy is whole")
                return node
        bad, text = flaws[0]
        more = f"; none of {len(flaws)} copies is whole" if len(flaws) > 1 else ""
        raise ParseError(volume.place(logical, bad), f"node {logical}: {text}{more}")

    def _parse(self, data: bytes, position: Position) -> Node:
        checksum, fsid, logical, _, _, generation, _, count, level = _HEADER.unpack_from(data)
        wanted, found = self._checksum.digest(data[32:]), checksum[: self._checksum.size]
        if wanted != found:
            raise _NodeError(f"checksum {wanted.hex()} wanted, {found.hex()} found")
        if fsid not in self._fsids:
            raise _NodeError(f"file system {self.volume.superblock.metadata_uuid} wanted, {UUID(bytes=fsid)} found")
        if logical != position.logical:
            raise _NodeError(f"its own address wanted, {logical} found")
        if level > MAX_LEVEL:
            raise _NodeError(f"a level of at most {MAX_LEVEL} wanted, {level} found")
        layout = _POINTER if level else _ITEM
        most = (self._size - HEADER_SIZE) // layout.size
        if count > most or (level and not count):
            raise _NodeError(f"{1 if level else 0} to {most} entries wanted, {count} found")
        entries = list(layout.iter_unpack(data[HEADER_SIZE : HEADER_SIZE + count * layout.size]))
        if any(map(ge, entries, islice(entries, 1, None))):
            raise _NodeError("keys in ascending order wanted")
        if not level:
            self._check_items(entries)
        node = Node(level, generation, entries, data)
        _check_position(node, position)
        return node

    def _check_items(self, entries: list[Entry]) -> None:
        """Check that the items lie one before the other, from the end of the leaf on, and behind the last key."""
        if not entries:
            return
        offsets = [entry[3] for entry in entries]
        ends = list(map(add, offsets, [entry[4] for entry in entries]))
        if ends[0] != self._size - HEADER_SIZE or any(map(ne, offsets, islice(ends, 1, None))):
            raise _NodeError("items one before the other wanted, gaps found")
        if offsets[-1] < len(entries) * _ITEM.size:
            raise _NodeError(f"items behind their keys wanted, one at {offsets[-1]} found")


def _check_position(node: Node, position: Position) -> None:
    if node.level != position.level:
        raise _NodeError(f"level {position.level} wanted, {node.level} found")
    if node.generation != position.generation:
        raise _NodeError(f"generation {position.generation} wanted, {node.generation} found")
    entries = node.entries
    if position.first is None:
        return
    if not entries or entries[0][:3] != position.first:
        raise _NodeError(f"key {position.first} first wanted, {entries[0][:3] if entries else 'none'} found")
    if entries[-1][:3] >= position.end:
        raise _NodeError(f"keys before {position.end} wanted, {entries[-1][:3]} found")


class BTree:
    """One tree, by the address of its root."""

    def __init__(self, nodes: Nodes, root: Position) -> None:
        self._nodes = nodes
        self._root = root
        self._low: Key = LAST  # the leaf that was found last, and the keys that lead to it
        self._high: Key = LAST
        self._leaf: Node | None = None

    def get(self, key: Key) -> bytes | None:
        """Return the item of a key."""
        leaf, _ = self._find(key)
        entries = leaf.entries
        at = bisect_left(entries, key)
        if at < len(entries):
            entry = entries[at]
            if entry[2] == key[2] and entry[:3] == key:
                start = HEADER_SIZE + entry[3]
                return leaf.data[start : start + entry[4]]
        return None

    def floor(self, key: Key) -> tuple[Entry, bytes] | None:
        """Return the last entry that is not behind a key, and its item."""
        leaf, _ = self._find(key)
        at = bisect_right(leaf.entries, (*key, _ABOVE)) - 1
        return (leaf.entries[at], leaf.item(at)) if at >= 0 else None

    def items(self, start: Key, end: Key) -> Iterator[tuple[Entry, bytes]]:
        """Give the entries from `start` to before `end`, and their items."""
        while True:
            leaf, high = self._find(start)
            entries, data = leaf.entries, leaf.data
            for entry in islice(entries, bisect_left(entries, start), bisect_left(entries, end)):
                at = HEADER_SIZE + entry[3]
                yield entry, data[at : at + entry[4]]
            if high >= end:
                return
            start = high

    def next_key(self, start: Key, end: Key) -> Key | None:
        """Return the first key from `start` to before `end`."""
        for entry, _ in self.items(start, end):
            return entry[:3]
        return None

    def _find(self, key: Key) -> tuple[Node, Key]:
        """Return the leaf in which a key lies or would lie, and the first key behind it."""
        if self._leaf is not None and self._low <= key < self._high:
            return self._leaf, self._high
        low, position = _FIRST, self._root
        node = self._nodes.get(position)
        while node.level:
            entries = node.entries
            at = bisect_right(entries, (*key, _ABOVE)) - 1
            if at >= 0:
                low = entries[at][:3]
            else:
                at = 0
            end = entries[at + 1][:3] if at + 1 < len(entries) else position.end
            entry = entries[at]
            position = Position(entry[3], node.level - 1, entry[4], entry[:3], end)
            node = self._nodes.get(position)
        self._low, self._high, self._leaf = low, position.end, node
        return node, position.end
