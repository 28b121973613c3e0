"""Directories: a b-tree of names, its root in the file record, its other nodes in blocks.

Layout: libfsntfs' documentation of the format, "The index". Names are looked up from the root down. A broken block
costs its own names and those below it; the rest of the directory is still read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.filesystem.ntfs.attribute import Type, value_of
from parsers.filesystem.ntfs.content import open_attribute
from parsers.filesystem.ntfs.name import DOS, UpperCase, decode_name
from parsers.filesystem.ntfs.records import Inode, Records
from parsers.place import ParseError
from parsers.source import Source

_NAME: Final = "$I30"
_ROOT: Final = struct.Struct("<III4x")
_NODE: Final = struct.Struct("<III")
_ENTRY: Final = struct.Struct("<QHHH2x8x48xI4xBB")  # with what stands before the name in its key, where it has one
_ENTRY_SIZE: Final = 16
_PADDING: Final = bytes(_ENTRY.size)  # so that an entry without a key is read like the others
_HAS_CHILD, _LAST = 1, 2
_BLOCK_HEADER: Final = 24
_MAX_BLOCK: Final = 64 << 10
_SMALLEST_UNIT: Final = 512  # numbers of blocks count these where blocks are smaller than clusters
_KEPT_NODES: Final = 32


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A name in a directory and the file it belongs to; `name`, `is_dos` and `flags` are those of a `FileName`."""

    reference: int
    name: str
    is_dos: bool
    flags: int


_Node = tuple["Entry | int", ...]
"""Entries of a node in order, each behind the number of the block that holds the names before it, if there is one."""


class Directory:
    """The names of one directory. `broken` is the first thing that could not be read, as far as was read."""

    def __init__(self, records: Records, inode: Inode) -> None:
        self.inode = inode
        self.broken: ParseError | None = None
        self._volume = records.volume
        volume, offset = self._volume, inode.record.offset
        root = inode.find(Type.INDEX_ROOT, _NAME)
        if root is None or not inode.is_directory:
            raise volume.error(offset, f"record {inode.number}: a directory wanted, a file found")
        value = value_of(volume, root)
        if len(value) < _ROOT.size + 16:
            raise volume.error(root.place, f"record {inode.number}: the root of an index wanted, it is cut off")
        kind, _, self._block_size = _ROOT.unpack_from(value)
        size = self._block_size
        if kind != Type.FILE_NAME or not 256 <= size <= _MAX_BLOCK or size & size - 1:
            raise volume.error(root.place, f"record {inode.number}: blocks of names wanted, {size} bytes found")
        self._nodes: dict[int, _Node] = {}
        self._root = self._parse(value, _ROOT.size, root.place)
        self._blocks: Source | None = None
        self._open_blocks(records)

    def walk(self, above: str | None = None, upper: UpperCase | None = None) -> Iterator[Entry]:
        """Give the entries in their order; with `above` only from this key on, reading what leads there."""
        waiting: list[Entry | int] = list(self._from(self._root, above, upper))
        seen: set[int] = set()
        while waiting:
            item = waiting.pop()
            if isinstance(item, Entry):
                yield item
            elif item in seen:
                self._note(self._volume.error(self.inode.record.offset, f"index block {item} is met twice"))
            else:
                seen.add(item)
                waiting += self._from(self._node(item), above, upper)

    def _from(self, node: _Node, above: str | None, upper: UpperCase | None) -> _Node:
        """Return what of a node is not before a key, the last first."""
        if above is None or upper is None:
            return node[::-1]
        start = 0
        for index, item in enumerate(node):
            if isinstance(item, Entry):
                if upper.key(item.name) >= above:
                    break
                start = index + 1
        return node[start:][::-1]

    def _open_blocks(self, records: Records) -> None:
        try:
            attribute = self.inode.find(Type.INDEX_ALLOCATION, _NAME)
            self._blocks = open_attribute(records, self.inode, attribute) if attribute else None
        except ParseError as error:
            self._note(error)

    def _note(self, error: ParseError) -> None:
        self.broken = self.broken or error
        self._volume.report(error.place.offset or 0, error.message)

    def _node(self, number: int) -> _Node:
        """Return a node; one that cannot be read is noted and taken for empty."""
        node = self._nodes.pop(number, None)
        if node is None:
            try:
                node = self._read(number)
            except ParseError as error:
                self._note(error)
                return ()
            if len(self._nodes) >= _KEPT_NODES:
                del self._nodes[next(iter(self._nodes))]
        self._nodes[number] = node
        return node

    def _read(self, number: int) -> _Node:
        volume, size = self._volume, self._block_size
        unit = volume.block_size if volume.block_size <= size else _SMALLEST_UNIT
        offset = self.inode.record.offset
        if self._blocks is None or (number + 1) * unit > self._blocks.size:
            raise volume.error(offset, f"record {self.inode.number}: index block {number} wanted, there is none")
        data = volume.whole(self._blocks.read_at(number * unit, size), offset, b"INDX")
        found = int.from_bytes(data[16:24], "little")
        if found != number:
            raise volume.error(offset, f"record {self.inode.number}: index block {number} wanted, {found} found")
        return self._parse(data, _BLOCK_HEADER, offset)

    def _parse(self, data: bytes, start: int, offset: int) -> _Node:
        """Decode the entries of a node whose header is at `start`; a broken one ends it, and is noted."""
        first, used, _ = _NODE.unpack_from(data, start)
        at, end = start + first, min(start + used, len(data))
        data += _PADDING
        node: list[Entry | int] = []
        while at + _ENTRY_SIZE <= end:
            reference, length, key, flags, of_file, units, namespace = _ENTRY.unpack_from(data, at)
            if not _ENTRY_SIZE <= length <= end - at:
                break
            if flags & _HAS_CHILD:
                if length < _ENTRY_SIZE + 8:
                    break
                node.append(int.from_bytes(data[at + length - 8 : at + length], "little"))
            if flags & _LAST:
                return tuple(node)
            if not units or _ENTRY.size + 2 * units > min(_ENTRY_SIZE + key, length):
                break
            name = data[at + _ENTRY.size : at + _ENTRY.size + 2 * units]
            node.append(Entry(reference, decode_name(name), namespace == DOS, of_file))
            at += length
        message = f"record {self.inode.number}: an entry of a directory wanted, {data[at : at + 16].hex()} found"
        self._note(self._volume.error(offset, message))
        return tuple(node)
