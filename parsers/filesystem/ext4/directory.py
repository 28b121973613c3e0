"""The blocks of a directory, and the entries in one.

Specification: Linux Documentation/filesystems/ext4, "Linear (Classic) Directories", "Inline Directories". Index
blocks of hashed directories look like blocks with one empty entry, so that a linear walk needs no case for
them. A broken entry ends its block, as in the kernel; the rest of the directory is still read.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.ext4.inodes import FLAG_INDEX, FLAG_INLINE_DATA, Inode
from parsers.filesystem.ext4.mapping import ENDLESS, open_mapping
from parsers.filesystem.ext4.volume import Volume
from parsers.filesystem.ext4.xattr import Xattrs
from parsers.place import ParseError

Entry = tuple[bytes, int, int]
"""Name, inode, and the type as the entry gives it (0: unknown)."""

_ENTRY = Struct("<IHBB")
_TAIL = b"\0\0\0\0\x0c\0\0\xde"
_INLINE_PARENT: Final = 4
_LONGEST: Final = 65536
_MAX_FLAWS: Final = 1000


class Directory:
    """One directory. `broken` is the first error met while walking; what could be read around it was given."""

    def __init__(self, volume: Volume, inode: Inode, xattrs: Xattrs) -> None:
        if not inode.is_directory:
            raise volume.error(inode.offset, f"inode {inode.number}: a directory wanted, a {inode.type} found")
        self._volume = volume
        self._xattrs = xattrs
        self.inode = inode
        self.broken: ParseError | None = None
        self._flaws = 0
        self.inline = bool(inode.flags & FLAG_INLINE_DATA)
        self.blocks = 0 if self.inline else min(-(-inode.size // volume.block_size), ENDLESS)
        self._mapping = None if self.inline else open_mapping(volume, inode)

    def entries(self) -> Iterator[Entry]:
        """Give every entry but "." and ".."."""
        regions = self._inline_regions() if self.inline else self._block_regions()
        for data, offset in regions:
            yield from self.parse(data, offset)

    def block(self, logical: int) -> tuple[bytes, int]:
        """Return a block of the directory and its byte on the volume."""
        found = self._mapping.find(logical)[0] if self._mapping and logical < self.blocks else None
        if found is None:
            raise self.error(self.inode.offset, f"block {logical} of the directory wanted, a hole found")
        data, offset = self._volume.read_block(found), found * self._volume.block_size
        self._verify(data, offset, logical)
        return data, offset

    def parse(self, data: bytes, offset: int) -> list[Entry]:
        """Return the entries of one block, up to the first that is broken."""
        unpack, end, at = _ENTRY.unpack_from, len(data), 0
        long_names = end >= _LONGEST
        typed = self._volume.has_typed_entries
        inodes = self._volume.superblock.inodes
        found: list[Entry] = []
        while at + 8 <= end:
            inode, length, size, kind = unpack(data, at)
            if long_names:
                length = _LONGEST if length in (0, 0xFFFF) else (length & 0xFFFC) | (length & 3) << 16
            if length < size + 8 or length & 3 or at + length > end or length < 12 or inode > inodes:
                self._flaw(offset + at, f"entry of {length} bytes, a name of {size}, inode {inode}")
                break
            if inode:
                name = data[at + 8 : at + 8 + size]
                if b"/" in name or b"\0" in name or not name:
                    self._flaw(offset + at, f"a file name wanted, {name!r} found")
                elif name not in (b".", b".."):
                    found.append((name, inode, kind if typed else 0))
            at += length
        return found

    def error(self, offset: int, message: str) -> ParseError:
        """Make the error for a byte of the volume."""
        return self._volume.error(offset, f"directory {self.inode.number}: {message}")

    def _flaw(self, offset: int, message: str) -> None:
        self._note(self.error(offset, f"a directory entry wanted, found: {message}"))

    def _note(self, error: ParseError) -> None:
        if self.broken is None:
            self.broken = error
        self._flaws += 1
        self._volume.report(error.place.offset or 0, error.message)

    def _inline_regions(self) -> Iterator[tuple[bytes, int]]:
        yield self.inode.block[_INLINE_PARENT:], self.inode.offset + 0x28 + _INLINE_PARENT
        yield self._xattrs.inline_data(), self.inode.offset + 128

    def _block_regions(self) -> Iterator[tuple[bytes, int]]:
        """Give the blocks; no block of the volume can be part of a directory twice, which bounds the walk."""
        logical, seen = 0, set[int]()
        if not self.blocks:  # even an empty directory has one, for "." and ".."
            self._note(self.error(self.inode.offset, "a directory of at least one block wanted, none found"))
        while logical < self.blocks and self._mapping is not None and self._flaws < _MAX_FLAWS:
            try:
                block, count = self._mapping.find(logical)
            except ParseError as error:
                self._note(error)
                return
            if block is None:
                self._note(self.error(self.inode.offset, f"block {logical} of the directory wanted, a hole found"))
                logical += count
                continue
            for number in range(block, block + min(count, self.blocks - logical)):
                if number in seen or self._flaws >= _MAX_FLAWS:
                    message = f"block {number} found twice, or too much else is wrong"
                    self._note(self.error(number * self._volume.block_size, message))
                    return
                seen.add(number)
                try:
                    yield self.block(logical)
                except ParseError as error:
                    self._note(error)
                logical += 1

    def _verify(self, data: bytes, offset: int, logical: int) -> None:
        """Compare the checksum of a leaf block; those of index blocks are compared by the index."""
        volume, inode = self._volume, self.inode
        if not volume.has_checksums or (inode.flags & FLAG_INDEX and _is_index(data, logical)):
            return
        if not volume.verifies(offset):
            return
        if data[-12:-4] != _TAIL:
            volume.report(offset, f"directory {inode.number}: a block with a checksum wanted, one without found")
            return
        wanted = crc32c(volume.inode_seed(inode.number, inode.generation), data[:-12])
        found = int.from_bytes(data[-4:], "little")
        if wanted != found:
            volume.report(offset, f"directory {inode.number}: block checksum {wanted:08x} wanted, {found:08x} found")


def _is_index(data: bytes, logical: int) -> bool:
    """Tell the root of a hash index, and its inner nodes: one empty entry as long as the block."""
    if logical == 0:
        return True
    length = 0xFFFF if len(data) == _LONGEST else len(data)
    return data[:8] == bytes(4) + length.to_bytes(2, "little") + bytes(2)
