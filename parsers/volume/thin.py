"""Thin provisioning: the metadata of a dm-thin pool, and the thin volumes that it maps onto the pool's data.

Specifications: Linux Documentation/admin-guide/device-mapper/thin-provisioning.rst and persistent-data.rst; the layout
of superblock and b-tree nodes is what thin_dump(8) and thin_check(8) document by their output. Every block of 4 KiB
that is read has its checksum (CRC-32C, not inverted, with a number for the kind of block) and its own number verified.

Not done: space maps, since reading needs no free space; a held root (a metadata snapshot) is not followed.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import OrderedDict
from itertools import pairwise
from typing import Final

import msgspec

from parsers.checksum import crc32c
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range

_BLOCK: Final = 4096
_SUPERBLOCK: Final = struct.Struct("<IIQ16sQIIQQ128s128sQQIIQIII")
_MAGIC: Final = 27022010
_SUPERBLOCK_SALT: Final = 160774
_NODE_SALT: Final = 121107
_NODE: Final = struct.Struct("<IIQIIII")
_INTERNAL: Final = 1
_LEAF: Final = 2
_DETAILS: Final = struct.Struct("<QQII")
_MAX_DEPTH: Final = 16
_CACHED_NODES: Final = 512
_NEEDS_CHECK: Final = 1
_SECTOR: Final = 512
_CHUNK_UNIT: Final = 64 << 10
_MAX_CHUNK: Final = 1 << 30


class _Node(msgspec.Struct, frozen=True):
    internal: bool
    keys: tuple[int, ...]
    values: bytes
    value_size: int


class ThinPool:
    """An opened pool: `chunk` bytes per block, `transaction` as its superblock has it, and what it warns of."""

    def __init__(self, metadata: Source, data: Source) -> None:
        raw = metadata.read_at(0, _BLOCK)
        place = Place(metadata.name, offset=0)
        fields = _SUPERBLOCK.unpack_from(raw)
        if fields[4] != _MAGIC:
            raise ParseError(place, f"the magic of thin metadata {_MAGIC:#x} wanted, {fields[4]:#x} found")
        _check(place, raw, fields[0], _SUPERBLOCK_SALT)
        if fields[5] not in (1, 2) or fields[18]:
            raise ParseError(place, f"version 1 or 2 wanted, {fields[5]} with features {fields[18]:#x} found")
        self.transaction: Final = fields[7]
        self.chunk: Final = fields[13] * _SECTOR
        whole = self.chunk and self.chunk % _CHUNK_UNIT == 0 and self.chunk <= _MAX_CHUNK
        if not whole or fields[14] * _SECTOR != _BLOCK:
            found = f"blocks of {fields[13]} and {fields[14]} sectors found"
            raise ParseError(place, f"data blocks of 64 KiB to 1 GiB and metadata blocks of 8 sectors wanted, {found}")
        self.data: Final = data
        self.problems: tuple[Problem, ...] = ()
        if fields[1] & _NEEDS_CHECK:
            self.problems = (Problem(place, "thin metadata in order wanted, it is marked as in need of a check"),)
        self._metadata: Final = metadata
        self._mapping_root: Final = fields[11]
        self._details_root: Final = fields[12]
        self._nodes: OrderedDict[int, _Node] = OrderedDict()

    def volume(self, name: str, device: int, size: int, origin: Source | None = None) -> Source:
        """Return the thin volume with the number `device`; what is not mapped is the external `origin`'s, or zeros.

        Raises:
            ParseError: the pool knows no such device, or its metadata is broken on the way there.
        """
        if self._value(self._details_root, device, _DETAILS.size) is None:
            raise ParseError(Place(self._metadata.name), f"thin device {device} wanted, the pool has none")
        root = self._value(self._mapping_root, device, 8)
        if root is None:
            raise ParseError(Place(self._metadata.name), f"a mapping of thin device {device} wanted, none found")
        return ThinVolume(name, size, self, int.from_bytes(root, "little"), origin)

    def leaf(self, root: int, key: int) -> tuple[tuple[int, ...], bytes, int]:
        """Return keys and values of the leaf where `key` would stand, and the first key behind that leaf."""
        block, end = root, 1 << 64
        for _ in range(_MAX_DEPTH):
            node = self._node(block)
            if not node.internal:
                return node.keys, node.values, end
            if not node.keys:
                raise ParseError(self._place(block), "an inner node with entries wanted, an empty one found")
            index = max(bisect_right(node.keys, key) - 1, 0)
            if index + 1 < len(node.keys):
                end = min(end, node.keys[index + 1])
            block = int.from_bytes(node.values[index * 8 : index * 8 + 8], "little")
        raise ParseError(self._place(root), f"a tree of at most {_MAX_DEPTH} levels wanted, a deeper one found")

    def _value(self, root: int, key: int, size: int) -> bytes | None:
        keys, values, _ = self.leaf(root, key)
        index = bisect_right(keys, key) - 1
        if index < 0 or keys[index] != key:
            return None
        if len(values) != size * len(keys):
            raise ParseError(self._place(root), f"values of {size} bytes wanted, others found")
        return values[index * size : index * size + size]

    def _place(self, block: int) -> Place:
        return Place(self._metadata.name, offset=block * _BLOCK)

    def _node(self, block: int) -> _Node:
        if node := self._nodes.get(block):
            self._nodes.move_to_end(block)
            return node
        node = self._parse_node(block)
        self._nodes[block] = node
        if len(self._nodes) > _CACHED_NODES:
            self._nodes.popitem(last=False)
        return node

    def _parse_node(self, block: int) -> _Node:
        place = self._place(block)
        raw = self._metadata.read_at(block * _BLOCK, _BLOCK)
        csum, flags, number, count, most, value_size, _ = _NODE.unpack_from(raw)
        _check(place, raw, csum, _NODE_SALT)
        if number != block:
            raise ParseError(place, f"a node that calls itself block {block} wanted, {number} found")
        if flags & (_INTERNAL | _LEAF) not in (_INTERNAL, _LEAF) or (flags & _INTERNAL and value_size != 8):
            raise ParseError(place, f"an inner node or a leaf wanted, flags {flags:#x} found")
        if not 0 < value_size <= _BLOCK or count > most or most * (8 + value_size) > _BLOCK - _NODE.size:
            raise ParseError(place, f"entries within the block wanted, {count} of {most} of {value_size} bytes found")
        keys = struct.unpack_from(f"<{count}Q", raw, _NODE.size)
        if any(low >= high for low, high in pairwise(keys)):
            raise ParseError(place, "keys in rising order wanted, others found")
        start = _NODE.size + 8 * most
        return _Node(bool(flags & _INTERNAL), keys, raw[start : start + value_size * count], value_size)


class ThinVolume:
    """A thin volume, or a thin snapshot, of a pool."""

    def __init__(self, name: str, size: int, pool: ThinPool, root: int, origin: Source | None) -> None:
        self.name = name
        self.size = size
        self._pool = pool
        self._root = root
        self._origin = origin

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the volume; the mapping is looked up leaf by leaf."""
        check_range(self, offset, size)
        chunk = self._pool.chunk
        pieces = []
        position, end = offset, offset + size
        while position < end:
            key = position // chunk
            keys, values, behind = self._pool.leaf(self._root, key)
            if len(values) != 8 * len(keys):
                raise ParseError(Place(self.name, offset=position), "mappings of 8 bytes wanted, others found")
            index = bisect_right(keys, key) - 1
            if index >= 0 and keys[index] == key:
                stop = min(end, (key + 1) * chunk)
                # 40 bits of block number above 24 bits of the time at which it was mapped
                block = int.from_bytes(values[index * 8 : index * 8 + 8], "little") >> 24
                pieces.append(self._pool.data.read_at(block * chunk + position % chunk, stop - position))
            else:
                following = keys[index + 1] if index + 1 < len(keys) else max(behind, key + 1)
                stop = min(end, following * chunk)
                pieces.append(self._unmapped(position, stop - position))
            position = stop
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _unmapped(self, offset: int, size: int) -> bytes:
        if self._origin is None or offset >= self._origin.size:
            return bytes(size)
        count = min(size, self._origin.size - offset)
        return self._origin.read_at(offset, count) + bytes(size - count)


def _check(place: Place, raw: bytes, found: int, salt: int) -> None:
    wanted = crc32c(0xFFFFFFFF, raw[4:]) ^ salt
    if wanted != found:
        raise ParseError(place, f"checksum {wanted:#010x} wanted, {found:#010x} found")
