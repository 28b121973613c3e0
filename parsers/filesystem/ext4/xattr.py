"""Extended attributes: in the inode, in a block of their own, in inodes of their own.

Specification: Linux Documentation/filesystems/ext4, "Extended Attributes". Names are given as listxattr(2) gives
them, and ACLs in the form of getxattr(2) (`posix_acl_xattr_header`, version 2). Deliberately not done: hashes of
entries are not compared, and the attributes that the kernel keeps to itself (inline data, the encryption
context) are not given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

import msgspec

from parsers.checksum import crc32c
from parsers.filesystem.ext4.inodes import Inode
from parsers.filesystem.ext4.volume import Volume
from parsers.place import ParseError

MAGIC: Final = 0xEA020000
_ENTRY = Struct("<BBHIII")
_HEADER_SIZE: Final = 32
_MAX_VALUE: Final = 64 << 10  # XATTR_SIZE_MAX of the VFS
_MAX_VALUES: Final = 4 << 20  # all values of one inode together
_SYSTEM: Final = 7
_PREFIXES: Final = {
    1: "user.",
    2: "system.posix_acl_access",
    3: "system.posix_acl_default",
    4: "trusted.",
    6: "security.",
    _SYSTEM: "system.",
    8: "system.richacl",
    10: "gnu.",
}
_ACL_LONG_TAGS: Final = (0x02, 0x08)  # a named user, a named group

ReadInode = Callable[[int, int], bytes]
"""Returns the first so many bytes of an inode that holds a value."""


class _Entry(msgspec.Struct, frozen=True):
    index: int
    name: bytes
    value_offset: int
    value_inode: int
    value_size: int


class Xattrs:
    """The extended attributes of one inode."""

    def __init__(self, volume: Volume, inode: Inode, read_inode: ReadInode) -> None:
        self._volume = volume
        self._inode = inode
        self._read_inode = read_inode

    def all(self) -> dict[str, bytes]:
        """Return every attribute under its full name; the one in the inode wins over the one in the block."""
        found: dict[str, bytes] = {}
        total = 0
        for region, base, entry in self._entries():
            prefix = _PREFIXES.get(entry.index)
            if prefix is None or (entry.index == _SYSTEM and entry.name == b"data"):
                continue
            name = prefix + entry.name.decode("utf-8", "surrogateescape")
            if name not in found:
                value = self._value(region, base, entry)
                total += len(value)
                if total > _MAX_VALUES:
                    raise self._error(base, f"attributes of at most {_MAX_VALUES} bytes wanted, {total} found")
                found[name] = _acl(value) if entry.index in (2, 3) else value
        return found

    def inline_data(self) -> bytes:
        """Return the part of inline data that lies among the attributes."""
        for region, base, entry in self._entries(blocks=False):
            if entry.index == _SYSTEM and entry.name == b"data":
                return self._value(region, base, entry)
        return b""

    def _entries(self, *, blocks: bool = True) -> Iterator[tuple[bytes, int, _Entry]]:
        """Give the region that holds the entry, where values count from in it, and the entry."""
        inode = self._inode
        start = 128 + inode.extra
        raw = inode.raw
        if len(raw) > 128 and inode.extra and raw[start : start + 4] == MAGIC.to_bytes(4, "little"):
            region = raw[start + 4 :]
            for entry in self._parse(region, 0, inode.offset + start + 4):
                yield region, inode.offset + start + 4, entry
        if blocks and inode.xattr_block:
            region = self._block(inode.xattr_block)
            offset = inode.xattr_block * self._volume.block_size
            for entry in self._parse(region, _HEADER_SIZE, offset):
                yield region, offset, entry

    def _block(self, number: int) -> bytes:
        volume = self._volume
        data = volume.read_block(number)
        offset = number * volume.block_size
        magic, blocks = int.from_bytes(data[:4], "little"), int.from_bytes(data[8:12], "little")
        if magic != MAGIC or blocks != 1:
            raise volume.error(offset, f"attribute magic ea020000 and 1 block wanted, {magic:08x} and {blocks} found")
        if volume.verifies(offset):
            body = number.to_bytes(8, "little") + data[:0x10] + bytes(4) + data[0x14:]
            wanted, found = crc32c(volume.seed, body), int.from_bytes(data[0x10:0x14], "little")
            if wanted != found:
                volume.report(offset + 0x10, f"attribute block checksum {wanted:08x} wanted, {found:08x} found")
        return data

    def _parse(self, region: bytes, at: int, offset: int) -> list[_Entry]:
        entries = []
        while region[at : at + 4].strip(b"\0"):
            if at + _ENTRY.size > len(region):
                raise self._error(offset + at, f"an attribute of {_ENTRY.size} bytes wanted, {len(region) - at} found")
            length, index, value_offset, value_inode, size, _ = _ENTRY.unpack_from(region, at)
            end = at + _ENTRY.size + length
            if end > len(region):
                raise self._error(offset + at, f"a name within {len(region)} bytes wanted, one up to {end} found")
            entries.append(_Entry(index, region[at + _ENTRY.size : end], value_offset, value_inode, size))
            at = (end + 3) & ~3
        return entries

    def _value(self, region: bytes, base: int, entry: _Entry) -> bytes:
        if entry.value_size > _MAX_VALUE:
            raise self._error(base, f"an attribute of at most {_MAX_VALUE} bytes wanted, {entry.value_size} found")
        if entry.value_inode:
            return self._read_inode(entry.value_inode, entry.value_size)
        end = entry.value_offset + entry.value_size
        if end > len(region):
            raise self._error(
                base + entry.value_offset, f"an attribute within {len(region)} bytes wanted, one up to {end} found"
            )
        return region[entry.value_offset : end]

    def _error(self, offset: int, message: str) -> ParseError:
        return self._volume.error(offset, f"inode {self._inode.number}: {message}")


def _acl(value: bytes) -> bytes:
    """Turn an ACL as stored (version 1, short entries) into the form of getxattr(2); leave alone what is neither."""
    if value[:4] != b"\1\0\0\0":
        return value
    entries, at = [b"\2\0\0\0"], 4
    while at + 4 <= len(value):
        tag = int.from_bytes(value[at : at + 2], "little")
        named = tag in _ACL_LONG_TAGS
        size = 8 if named else 4
        if at + size > len(value):
            return value
        entries.append(value[at : at + size] if named else value[at : at + 4] + b"\xff\xff\xff\xff")
        at += size
    return b"".join(entries)
