"""Extended attributes: short-form, in leaves, below nodes, with remote values.

Specification: "XFS Algorithms & Data Structures", "Extended Attributes". Names are given as listxattr(2) gives
them to root: an ACL both under its own name, in the form of getxattr(2) (`posix_acl_xattr_header`, version 2), and
as stored under "trusted.". Deliberately not given: parent pointers, which the kernel keeps to itself, and
attributes that were not finished. The hashes of names are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from parsers.filesystem.xfs.hashed import MAX_LEVEL, NODE_MAGICS, magic_of, next_of, parse_node
from parsers.filesystem.xfs.inodes import FORMAT_LOCAL, Inode
from parsers.filesystem.xfs.mapping import Mapping, attribute_fork
from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.place import ParseError

_LOCAL: Final = 0x01
_ROOT: Final = 0x02
_SECURE: Final = 0x04
_PARENT: Final = 0x08
_INCOMPLETE: Final = 0x80
_LEAF_MAGICS: Final = (0xFBEE, 0x3BEE)
_LEAF_LAYOUT: Final = Layout("attribute leaf", checksum=12, uuid=32, owner=48, block=16)
_VALUE_LAYOUT: Final = Layout("attribute value", checksum=12, uuid=16, owner=32, block=40)
_VALUE_HEADER: Final = 56
_ENTRY = Struct(">IHBx")
_LOCAL_NAME = Struct(">HB")
_REMOTE_NAME = Struct(">IIB")
_MAX_VALUE: Final = 64 << 10  # XATTR_SIZE_MAX of the VFS
_MAX_VALUES: Final = 4 << 20  # all values of one inode together
_MAX_LEAVES: Final = 1 << 14
_ACLS: Final = {b"SGI_ACL_FILE": "system.posix_acl_access", b"SGI_ACL_DEFAULT": "system.posix_acl_default"}
_ACL_ENTRY = Struct(">IIHxx")
_ACL_OUT = Struct("<HHI")
_ACL_NAMED: Final = (0x02, 0x08)  # a named user, a named group: the others have no id

_Attribute = tuple[int, bytes, bytes]
"""Flags, name, value."""


class Xattrs:
    """The extended attributes of one inode."""

    def __init__(self, volume: Volume, inode: Inode) -> None:
        self._volume = volume
        self._inode = inode

    def all(self) -> dict[str, bytes]:
        """Return the attributes under their full names."""
        found: dict[str, bytes] = {}
        size = 0
        for flags, raw, value in self._attributes():
            if flags & (_PARENT | _INCOMPLETE):
                continue
            size += len(value)
            if size > _MAX_VALUES:
                raise self._error(self._inode.offset, f"attributes of at most {_MAX_VALUES} bytes wanted, more found")
            if flags & _ROOT and raw in _ACLS:
                found[_ACLS[raw]] = self._acl(value)
            prefix = "trusted." if flags & _ROOT else "security." if flags & _SECURE else "user."
            found[prefix + raw.decode("utf-8", "surrogateescape")] = value
        return found

    def _attributes(self) -> Iterator[_Attribute]:
        inode = self._inode
        fork = attribute_fork(inode)
        if not fork.data:
            return
        if fork.format == FORMAT_LOCAL:
            yield from self._short(fork.data, inode.offset + len(inode.raw) - len(fork.data))
        else:
            mapping = Mapping(self._volume, fork)
            if fork.extents or fork.format != 2:
                for data, offset in self._leaves(mapping):
                    yield from self._leaf(data, offset, mapping)

    def _short(self, data: bytes, offset: int) -> Iterator[_Attribute]:
        if len(data) < 4:
            raise self._error(offset, f"attributes of at least 4 bytes wanted, {len(data)} found")
        size, at = int.from_bytes(data[:2], "big"), 4
        if not 4 <= size <= len(data):
            raise self._error(offset, f"attributes of 4 to {len(data)} bytes wanted, {size} found")
        for _ in range(data[2]):
            names, values, flags = data[at : at + 3] if at + 3 <= size else (0, 0, 0)
            end = at + 3 + names + values
            if end > size or not names:
                raise self._error(offset + at, f"an attribute within {size} bytes wanted, one up to {end} found")
            yield flags, data[at + 3 : at + 3 + names], data[at + 3 + names : end]
            at = end

    def _leaves(self, mapping: Mapping) -> Iterator[tuple[bytes, int]]:
        """Give the leaves from the first one on; none twice, which bounds the walk."""
        logical, seen = self._first_leaf(mapping), set[int]()
        while len(seen) < _MAX_LEAVES:
            data, offset = mapping.read(logical, 1)
            wanted = _LEAF_MAGICS[self._volume.has_checksums]
            if magic_of(data) != wanted or offset in seen:
                raise self._error(offset, f"a new leaf {wanted:04x} wanted, {magic_of(data):04x} or one again found")
            seen.add(offset)
            self._volume.verify(data, offset, _LEAF_LAYOUT, self._inode.number)
            yield data, offset
            logical = next_of(data)
            if not logical:
                return

    def _first_leaf(self, mapping: Mapping) -> int:
        logical, level = 0, MAX_LEVEL + 1
        while True:
            data, offset = mapping.read(logical, 1)
            if magic_of(data) not in NODE_MAGICS:
                return logical
            node = parse_node(self._volume, data, offset, self._inode.number)
            if node.level >= level:
                raise self._error(offset, f"a level below {level} of the attributes wanted, {node.level} found")
            logical, level = node.children[0], node.level

    def _leaf(self, data: bytes, offset: int, mapping: Mapping) -> Iterator[_Attribute]:
        at, start = (56, 80) if self._volume.has_checksums else (12, 32)
        count = int.from_bytes(data[at : at + 2], "big")
        if count > (len(data) - start) // _ENTRY.size:
            raise self._error(offset + at, f"attributes within {len(data)} bytes wanted, {count} found")
        for number in range(count):
            _, where, flags = _ENTRY.unpack_from(data, start + number * _ENTRY.size)
            yield self._named(data, offset, (where, flags), mapping)

    def _named(self, data: bytes, offset: int, entry: tuple[int, int], mapping: Mapping) -> _Attribute:
        at, flags = entry
        head = _LOCAL_NAME if flags & _LOCAL else _REMOTE_NAME
        if at + head.size > len(data):
            raise self._error(offset, f"an attribute within {len(data)} bytes wanted, at {at} found")
        *where, length = head.unpack_from(data, at)
        at += head.size
        size = where[-1] if flags & _LOCAL else 0
        if at + length + size > len(data) or not length:
            raise self._error(offset + at, f"an attribute within {len(data)} bytes wanted, {length} + {size} found")
        name = data[at : at + length]
        if flags & _LOCAL:
            return flags, name, data[at + length : at + length + size]
        if flags & _INCOMPLETE:
            return flags, name, b""
        return flags, name, self._remote(where[0], where[1], mapping)

    def _remote(self, logical: int, size: int, mapping: Mapping) -> bytes:
        if size > _MAX_VALUE:
            raise self._error(self._inode.offset, f"an attribute of at most {_MAX_VALUE} bytes wanted, {size} found")
        header = _VALUE_HEADER if self._volume.has_checksums else 0
        value = b""
        while len(value) < size:
            data, offset = mapping.read(logical, 1)
            if header:
                held = int.from_bytes(data[8:12], "big")
                if data[:4] != b"XARM" or int.from_bytes(data[4:8], "big") != len(value):
                    raise self._error(offset, f"byte {len(value)} of a value wanted, {data[:8].hex()} found")
                if not 0 < held <= len(data) - header:
                    raise self._error(offset, f"1 to {len(data) - header} bytes of a value wanted, {held} found")
                self._volume.verify(data, offset, _VALUE_LAYOUT, self._inode.number)
                data = data[header : header + held]
            value += data
            logical += 1
        return value[:size]

    def _acl(self, value: bytes) -> bytes:
        """Turn an ACL as stored into the form of getxattr(2); leave alone what is none."""
        count = int.from_bytes(value[:4], "big")
        if len(value) < 4 + 12 * count or not value:
            return value
        entries = [b"\2\0\0\0"]
        for number in range(count):
            tag, identity, permissions = _ACL_ENTRY.unpack_from(value, 4 + 12 * number)
            named = tag in _ACL_NAMED
            entries.append(_ACL_OUT.pack(tag & 0xFFFF, permissions, identity if named else 0xFFFFFFFF))
        return b"".join(entries)

    def _error(self, offset: int, message: str) -> ParseError:
        return self._volume.error(offset, f"inode {self._inode.number}: {message}")
