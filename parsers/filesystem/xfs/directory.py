"""Directories: short-form, block, leaf, node and b-tree.

Specification: "XFS Algorithms & Data Structures", "Directories". The names of all but short-form directories lie
in directory blocks (of one or more blocks) in the first 32 GiB of the directory; from there on comes the index by
hash, in which names are looked up. A broken entry ends its block; the rest of the directory is still read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.xfs.hashed import MAX_LEVEL, NODE_MAGICS, hash_name, magic_of, next_of, parse_node
from parsers.filesystem.xfs.inodes import FORMAT_LOCAL, Inode
from parsers.filesystem.xfs.mapping import Mapping, data_fork
from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.place import ParseError

Entry = tuple[bytes, int, int]
"""Name, inode, and the type as the entry gives it (0: unknown)."""

_SEGMENT: Final = 32 << 30  # bytes of a directory that hold names; the index comes behind them
_BLOCK_MAGICS: Final = (b"XD2B", b"XDB3")  # version 4, version 5
_DATA_MAGICS: Final = (b"XD2D", b"XDD3")
_LEAF_MAGICS: Final = ((0xD2F1, 0xD2FF), (0x3DF1, 0x3DFF))  # a single leaf, a leaf below nodes
_DATA_LAYOUT: Final = Layout("directory block", checksum=4, uuid=24, owner=40, block=8)
_LEAF_LAYOUT: Final = Layout("directory leaf", checksum=12, uuid=32, owner=48, block=16)
_HEAD = Struct(">QB")
_FREE: Final = 0xFFFF
_MAX_FLAWS: Final = 1000
_MAX_HOLES: Final = 1 << 16
_MAX_COMPARED: Final = 20_000  # names that are compared for one hash
_KEPT_LEAVES: Final = 32
_MAX_INODE: Final = (1 << 56) - 1


class Leaf(msgspec.Struct, frozen=True):
    """A leaf of the index: hashes in ascending order, and for each the eighth of a directory's byte it leads to."""

    hashes: tuple[int, ...]
    addresses: tuple[int, ...]
    next: int


class Directory:
    """One directory. `broken` is the first error met while walking; what could be read around it was given."""

    def __init__(self, volume: Volume, inode: Inode) -> None:
        if not inode.is_directory:
            raise volume.error(inode.offset, f"inode {inode.number}: a directory wanted, a {inode.type} found")
        superblock = volume.superblock
        self._volume = volume
        self._typed = superblock.has_typed_entries
        self._size = superblock.directory_block_size
        self._step = self._size // volume.block_size
        self._flaws = 0
        self._leaves: dict[int, Leaf] = {}
        self._data_at = 64 if volume.has_checksums else 16
        self.inode = inode
        self.short = inode.format == FORMAT_LOCAL
        self.broken: ParseError | None = None

    @cached_property
    def _map(self) -> Mapping:
        return Mapping(self._volume, data_fork(self.inode))

    @property
    def indexed(self) -> bool:
        """Whether it has an index by hash: all that is larger than one block."""
        return not self.short and self.inode.size != self._size

    def entries(self) -> Iterator[Entry]:
        """Give every entry but "." and ".."."""
        if self.short:
            yield from self._short_entries()
            return
        for data, offset in self._blocks():
            yield from self._parse(data, offset)

    def find(self, name: bytes) -> int | None:
        """Return the inode of a name by the index; raise `ParseError` where that is broken."""
        wanted = hash_name(name)
        logical: int | None = _SEGMENT >> self._volume.superblock.block_log
        level: int | None = None
        for _ in range(MAX_LEVEL + 1):
            if logical is None:
                return None
            data, offset = self._read(logical)
            if magic_of(data) not in NODE_MAGICS:
                if level not in (None, 1):
                    raise self.error(offset, f"level {level} of the index wanted, a leaf found")
                return self._find_in_leaves(name, wanted, logical)
            node = parse_node(self._volume, data, offset, self.inode.number)
            if level is not None and node.level != level - 1:
                raise self.error(offset, f"level {level - 1} of the index wanted, {node.level} found")
            level = node.level
            logical = node.child(wanted)
        raise self.error(self.inode.offset, f"an index of at most {MAX_LEVEL} levels wanted, a deeper one found")

    def error(self, offset: int, message: str) -> ParseError:
        """Make the error for a byte of the volume."""
        return self._volume.error(offset, f"directory {self.inode.number}: {message}")

    def _find_in_leaves(self, name: bytes, wanted: int, logical: int) -> int | None:
        """Compare the names of one hash, which may go on in the leaves that follow."""
        compared, seen = 0, set[int]()
        while logical not in seen and compared < _MAX_COMPARED:
            seen.add(logical)
            leaf = self._leaf(logical)
            for at in range(bisect_left(leaf.hashes, wanted), len(leaf.hashes)):
                if leaf.hashes[at] != wanted:
                    return None
                compared += 1
                if leaf.addresses[at]:  # 0: a stale one
                    found, inode = self._entry(leaf.addresses[at] << 3)
                    if found == name:
                        return inode
            if not leaf.next:
                return None
            logical = leaf.next
        raise self.error(self.inode.offset, f"fewer than {_MAX_COMPARED} names of one hash wanted, more found")

    def _leaf(self, logical: int) -> Leaf:
        leaf = self._leaves.get(logical)
        if leaf is None:
            leaf = self._leaves[logical] = self._parse_leaf(*self._read(logical))
            if len(self._leaves) > _KEPT_LEAVES:
                del self._leaves[next(iter(self._leaves))]
        return leaf

    def _parse_leaf(self, data: bytes, offset: int) -> Leaf:
        new = self._volume.has_checksums
        if magic_of(data) not in _LEAF_MAGICS[new]:
            raise self.error(offset, f"a leaf of the index wanted, magic {magic_of(data):04x} found")
        self._volume.verify(data, offset, _LEAF_LAYOUT, self.inode.number)
        counts_at, at = (56, 64) if new else (12, 16)
        count = int.from_bytes(data[counts_at : counts_at + 2], "big")
        room = (len(data) - at) // 8
        if count > room:
            raise self.error(offset, f"at most {room} entries in a leaf wanted, {count} found")
        words = Struct(f">{2 * count}I").unpack_from(data, at)
        following = next_of(data) if magic_of(data) == _LEAF_MAGICS[new][1] else 0
        return Leaf(words[::2], words[1::2], following)

    def _entry(self, place: int) -> tuple[bytes, int]:
        """Return name and inode of the entry at a byte of the directory."""
        number, at = divmod(place, self._size)
        data, offset = self._data(number * self._step)
        inode, size = _HEAD.unpack_from(data, at) if self._data_at <= at <= self._size - 16 else (0, 0)
        if not size or at + 9 + size > self._size or inode > _MAX_INODE or inode >> 48 == _FREE:
            raise self.error(offset + at, f"an entry where the index points wanted, a name of {size} bytes found")
        return data[at + 9 : at + 9 + size], inode

    def _read(self, logical: int) -> tuple[bytes, int]:
        return self._map.read(logical, self._step)

    def _data(self, logical: int) -> tuple[bytes, int]:
        """Return a block of names and its byte on the volume."""
        data, offset = self._read(logical)
        new = self._volume.has_checksums
        if data[:4] not in (_BLOCK_MAGICS[new], _DATA_MAGICS[new]):
            raise self.error(offset, f"a block of names wanted, magic {data[:4].hex()} found")
        self._volume.verify(data, offset, _DATA_LAYOUT, self.inode.number)
        return data, offset

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Give the blocks of names; no block of the volume can be part of a directory twice: that bounds the walk."""
        logical, seen, holes = 0, set[int](), 0
        end = _SEGMENT >> self._volume.superblock.block_log
        while logical < end and self._flaws < _MAX_FLAWS and holes < _MAX_HOLES:
            try:
                block, count = self._map.find(logical)
            except ParseError as error:
                self._note(error)
                return
            if block is None:  # all names of a block were removed; the next one begins where a block may begin
                logical = -(-(logical + count) // self._step) * self._step
                holes += 1
                continue
            if block in seen:
                self._note(self.error(block * self._volume.block_size, f"block {block} found twice"))
                return
            seen.add(block)
            try:
                yield self._data(logical)
            except ParseError as error:
                self._note(error)
            logical += self._step
        if holes == _MAX_HOLES:
            self._note(self.error(self.inode.offset, f"fewer than {holes} holes in a directory wanted, more found"))
        if not seen:  # even an empty directory has a block, for "." and ".."
            self._note(self.error(self.inode.offset, "a directory of at least one block wanted, none found"))

    def _parse(self, data: bytes, offset: int) -> list[Entry]:
        """Return the entries of one block, up to the first that is broken."""
        found: list[Entry] = []
        at, end = self._data_at, self._end(data, offset)
        unpack, typed = _HEAD.unpack_from, int(self._typed)
        while at + 16 <= end:  # no entry is shorter; free space of 8 bytes may be left
            inode, size = unpack(data, at)
            if inode >> 48 == _FREE:
                length = (inode >> 32) & 0xFFFF
                if length < 8 or length & 7 or at + length > end:
                    self._flaw(offset + at, f"free space of {length} bytes")
                    break
                at += length
                continue
            name = data[at + 9 : at + 9 + size]
            length = (11 + size + typed + 7) & ~7
            if at + length > end or not self._sound(name, inode):
                self._flaw(offset + at, f"name {name!r}, inode {inode}")
                break
            if name not in (b".", b".."):
                found.append((name, inode, data[at + 9 + size] if typed else 0))
            at += length
        return found

    def _end(self, data: bytes, offset: int) -> int:
        """Return where the names of a block end: in a directory of one block the index stands behind them."""
        if data[:4] not in _BLOCK_MAGICS:
            return len(data)
        count = int.from_bytes(data[-8:-4], "big")
        if count > (len(data) - self._data_at - 8) // 8:
            self._flaw(offset + len(data) - 8, f"an index of {count} names")
            return self._data_at
        return len(data) - 8 - 8 * count

    def _sound(self, name: bytes, inode: int) -> bool:
        return bool(name) and b"/" not in name and b"\0" not in name and 0 < inode <= _MAX_INODE

    def _short_entries(self) -> Iterator[Entry]:
        fork, inode = self.inode.fork, self.inode
        if not 6 <= inode.size <= len(fork):
            raise self.error(inode.offset, f"names of 6 to {len(fork)} bytes wanted, {inode.size} found")
        width = 8 if fork[1] else 4
        at, typed = 2 + width, int(self._typed)
        for _ in range(fork[0]):
            size = fork[at] if at < inode.size else 0
            name = fork[at + 3 : at + 3 + size]
            number_at = at + 3 + size + typed
            number = int.from_bytes(fork[number_at : number_at + width], "big")
            if number_at + width > inode.size or not self._sound(name, number):
                self._flaw(inode.offset + inode.fork_at + at, f"name {name!r}, inode {number}")
                return
            yield name, number, fork[number_at - 1] if typed else 0
            at = number_at + width

    def _flaw(self, offset: int, message: str) -> None:
        self._note(self.error(offset, f"a directory entry wanted, found: {message}"))

    def _note(self, error: ParseError) -> None:
        if self.broken is None:
            self.broken = error
        self._flaws += 1
        self._volume.report(error.place.offset or 0, error.message)
