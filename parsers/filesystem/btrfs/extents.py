"""The content of a file: its extents, and the holes between them.

Specification: btrfs on-disk format, "EXTENT_DATA". Holes, preallocated extents and what lies behind the last extent
read as zeros; the size of the inode alone allocates nothing.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.btrfs.btree import BTree
from parsers.filesystem.btrfs.compression import NAMES
from parsers.filesystem.btrfs.data import Data
from parsers.filesystem.btrfs.inodes import NO_CHECKSUMS, Inode
from parsers.place import ParseError, Place
from parsers.source import check_range

EXTENT_DATA: Final = 108
_HEAD = Struct("<QQBBHB")
_REGULAR = Struct("<QQQQ")
_INLINE, _PREALLOCATED = 0, 2
_LAST: Final = 1 << 64


class _Extent(msgspec.Struct, frozen=True):
    """A range of a file; `inline` are its bytes, or `logical` 0 says that it is a hole."""

    start: int
    length: int
    logical: int = 0
    stored: int = 0
    offset: int = 0
    size: int = 0
    compression: int = 0
    inline: bytes | None = None


class ExtentContent:
    """The content of one file."""

    def __init__(self, name: str, inode: Inode, tree: BTree, data: Data, sector_size: int) -> None:
        self.name = name
        self.size = inode.size
        self._number = inode.within
        self._tree = tree
        self._data = data
        self._sector_size = sector_size
        self._summed = not inode.flags & NO_CHECKSUMS
        self._last = _Extent(0, 0)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file."""
        check_range(self, offset, size)
        pieces: list[bytes] = []
        while size:
            extent = self._last
            if not extent.start <= offset < extent.start + extent.length:
                extent = self._last = self._find(offset)
            within = offset - extent.start
            piece = self._read(extent, within, min(size, extent.length - within))
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, extent: _Extent, within: int, size: int) -> bytes:
        if extent.inline is not None:
            return extent.inline[within : within + size].ljust(size, b"\0")
        if not extent.logical:
            return bytes(size)
        if not extent.compression:
            return self._data.read(extent.logical + extent.offset + within, size, summed=self._summed)
        whole = self._data.expand(extent.compression, extent.logical, extent.stored, extent.size, summed=self._summed)
        return whole[extent.offset + within : extent.offset + within + size]

    def _find(self, offset: int) -> _Extent:
        """Return the extent that holds a byte, or the hole around it."""
        found = self._tree.floor((self._number, EXTENT_DATA, offset))
        if found is not None and found[0][:2] == (self._number, EXTENT_DATA):
            extent = self._parse(found[0][2], found[1])
            if offset < extent.start + extent.length:
                return extent
        following = self._tree.next_key((self._number, EXTENT_DATA, offset + 1), (self._number, EXTENT_DATA + 1, 0))
        return _Extent(offset, (following[2] if following else _LAST) - offset)

    def _parse(self, start: int, item: bytes) -> _Extent:
        if len(item) < _HEAD.size:
            raise self._error(start, f"{_HEAD.size} bytes of an extent wanted, {len(item)} found")
        _, size, compression, encryption, encoding, kind = _HEAD.unpack_from(item)
        if encryption or encoding or compression not in NAMES:
            found = f"compression {compression}, encryption {encryption}, encoding {encoding}"
            raise self._error(start, f"compression none, zlib, lzo or zstd alone wanted, {found} found")
        if kind == _INLINE:
            return self._parse_inline(start, size, compression, item[_HEAD.size :])
        if kind > _PREALLOCATED or len(item) < _HEAD.size + _REGULAR.size:
            raise self._error(start, f"an extent of type 0 to 2 wanted, type {kind} of {len(item)} bytes found")
        logical, stored, offset, length = _REGULAR.unpack_from(item, _HEAD.size)
        if start + length > _LAST or not length:
            raise self._error(start, f"an extent within a file wanted, {length} bytes found")
        if kind == _PREALLOCATED or not logical:
            return _Extent(start, length)
        if offset + length > (size if compression else stored):
            raise self._error(start, f"bytes of an extent of {size} wanted, {length} at {offset} found")
        return _Extent(start, length, logical, stored, offset, size, compression)

    def _parse_inline(self, start: int, size: int, compression: int, data: bytes) -> _Extent:
        if start or size > self._sector_size:
            wanted = f"at most {self._sector_size} bytes at 0 wanted"
            raise self._error(start, f"inline: {wanted}, {size} at {start} found")
        if compression:
            data = self._data.decompress(compression, data, size, 0)
        elif len(data) < size:
            raise self._error(start, f"inline: {size} bytes wanted, {len(data)} found")
        return _Extent(start, self._sector_size, inline=data[:size])

    def _error(self, start: int, message: str) -> ParseError:
        return ParseError(Place(self.name, offset=start), f"extent: {message}")
