"""Inodes: their table, their fields, their flags and times.

Specification: Linux Documentation/filesystems/ext4, "Index Nodes". The checksum of every inode that is read is
verified (see `Volume.verifies`). Project ids, quotas and the block count are not looked at.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.ext4.groups import Groups
from parsers.filesystem.ext4.superblock import Incompat
from parsers.filesystem.ext4.volume import Volume
from parsers.filesystem.tree import TYPES_BY_MODE, FileType, Stat

FLAG_ENCRYPT: Final = 0x800
FLAG_INDEX: Final = 0x1000
FLAG_EXTENTS: Final = 0x80000
FLAG_EA_INODE: Final = 0x200000
FLAG_INLINE_DATA: Final = 0x10000000
FLAG_CASEFOLD: Final = 0x40000000

# Flags that say something about the file; how it is stored (extents, index, inline data) is not among them.
FLAG_NAMES: Final = {
    0x1: "secure-deletion",
    0x2: "undelete",
    0x4: "compressed",
    0x8: "sync",
    0x10: "immutable",
    0x20: "append",
    0x40: "nodump",
    0x80: "noatime",
    0x400: "nocompress",
    0x800: "encrypted",
    0x4000: "journal-data",
    0x8000: "notail",
    0x10000: "dirsync",
    0x20000: "topdir",
    0x100000: "verity",
    0x800000: "nocow",
    0x2000000: "dax",
    0x20000000: "project-inherit",
    0x40000000: "casefold",
}

_NAMED_FLAGS: Final = sum(FLAG_NAMES)

S_IFDIR: Final = 0x4000
S_IFREG: Final = 0x8000
S_IFLNK: Final = 0xA000
_CLASSIC = Struct("<HHIiiiIHHIII60sIIIIHHHHHH")
_EXTRA = Struct("<HHIIIiI")
_TABLE_PIECE: Final = 64 << 10
_TABLE_PIECES: Final = 128
_KEPT_INODES: Final = 256 << 10  # bytes
_SECOND: Final = 1_000_000_000


class Inode:
    """One inode; `raw` is all of it, `block` the 60 bytes that hold its map, its target or its first data."""

    __slots__ = (
        "block",
        "extra",
        "fields",
        "flags",
        "generation",
        "mode",
        "number",
        "offset",
        "raw",
        "size",
        "xattr_block",
    )

    def __init__(self, number: int, raw: bytes, offset: int, *, large_directories: bool) -> None:
        fields = _CLASSIC.unpack_from(raw)
        self.fields = fields
        self.number = number
        self.offset = offset
        self.raw = raw
        self.mode: int = fields[0]
        self.flags: int = fields[10]
        self.block: bytes = fields[12]
        self.generation: int = fields[13]
        self.xattr_block: int = fields[14] | fields[18] << 32
        wide = self.mode & 0xF000 == S_IFREG or large_directories
        self.size: int = fields[2] | fields[15] << 32 if wide else fields[2]
        self.extra: int = int.from_bytes(raw[128:130], "little") if len(raw) > 128 else 0

    @property
    def type(self) -> FileType:
        """Type by the mode."""
        return TYPES_BY_MODE.get(self.mode & 0xF000, FileType.UNKNOWN)

    @property
    def sectors(self) -> int:
        """Sectors of 512 bytes that it counts as its own (blocks, where the flag huge_file is set)."""
        return int(self.fields[9] | self.fields[17] << 32)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.mode & 0xF000 == S_IFDIR

    def stat(self) -> Stat:
        """Return the metadata in the terms of `Tree`."""
        fields = self.fields
        ctime, mtime, atime, btime = self._times()
        kind = TYPES_BY_MODE.get(self.mode & 0xF000, FileType.UNKNOWN)
        return Stat(
            self.number,
            kind,
            self.mode & 0o7777,
            fields[1] | fields[19] << 16,
            fields[7] | fields[20] << 16,
            self.size,
            fields[8],
            mtime,
            atime,
            ctime,
            btime,
            _device(self.block) if kind is FileType.CHAR or kind is FileType.BLOCK else None,
            _flag_names(self.flags) if self.flags & _NAMED_FLAGS else (),
        )

    def _times(self) -> tuple[int, int, int, int | None]:
        fields = self.fields
        if self.extra < 8:
            return fields[4] * _SECOND, fields[5] * _SECOND, fields[3] * _SECOND, None
        raw = self.raw
        if self.extra < _EXTRA.size:
            raw = raw[: 128 + self.extra].ljust(128 + _EXTRA.size, b"\0")
        _, _, ctime_extra, mtime_extra, atime_extra, birth, birth_extra = _EXTRA.unpack_from(raw, 128)
        return (
            (fields[4] + ((ctime_extra & 3) << 32)) * _SECOND + (ctime_extra >> 2),
            (fields[5] + ((mtime_extra & 3) << 32)) * _SECOND + (mtime_extra >> 2),
            (fields[3] + ((atime_extra & 3) << 32)) * _SECOND + (atime_extra >> 2),
            (birth + ((birth_extra & 3) << 32)) * _SECOND + (birth_extra >> 2) if self.extra >= 20 else None,
        )


def _flag_names(flags: int) -> tuple[str, ...]:
    return tuple(sorted(name for bit, name in FLAG_NAMES.items() if flags & bit))


def _device(block: bytes) -> tuple[int, int]:
    old, new = int.from_bytes(block[:4], "little"), int.from_bytes(block[4:8], "little")
    if old:
        return (old >> 8) & 0xFF, old & 0xFF
    return (new >> 8) & 0xFFF, (new & 0xFF) | ((new >> 12) & 0xFFF00)


class Inodes:
    """The inode tables of a volume, read in pieces of 64 KiB."""

    def __init__(self, volume: Volume, groups: Groups) -> None:
        superblock = volume.superblock
        self._volume = volume
        self._groups = groups
        self._per_group = superblock.inodes_per_group
        self._size = superblock.inode_size
        self._count = superblock.inodes
        self._large_directories = bool(superblock.incompat & Incompat.LARGEDIR)
        self._tables: dict[int, int] = {}
        self._pieces: dict[int, bytes] = {}
        self._kept: dict[int, Inode] = {}
        self._most_kept = max(4, _KEPT_INODES // superblock.inode_size)

    def get(self, number: int) -> Inode:
        """Return an inode that is in use; raise `ParseError` for one that is free or broken."""
        inode = self._kept.get(number)
        if inode is None:
            inode = self._read(number)
            if len(self._kept) >= self._most_kept:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = inode
        return inode

    def _read(self, number: int) -> Inode:
        if not 1 <= number <= self._count:
            raise self._volume.error(0, f"an inode of 1 to {self._count} wanted, {number} found")
        group, index = divmod(number - 1, self._per_group)
        table = self._tables.get(group)
        if table is None:
            table = self._table(group)
        offset = table + index * self._size
        piece_number, at = divmod(offset, _TABLE_PIECE)
        piece = self._pieces.get(piece_number)
        if piece is None:
            piece = self._piece(piece_number)
        raw = piece[at : at + self._size]
        if len(raw) < self._size:  # the volume ends here
            raw = self._volume.source.read_at(offset, self._size)
        inode = Inode(number, raw, offset, large_directories=self._large_directories)
        self._check(inode)
        return inode

    def _table(self, group: int) -> int:
        volume = self._volume
        block = self._groups.get(group).inode_table
        volume.check_block(block, -(-self._per_group * self._size // volume.block_size))
        offset = block * volume.block_size
        self._tables[group] = offset
        return offset

    def _piece(self, number: int) -> bytes:
        source = self._volume.source
        start = number * _TABLE_PIECE
        piece = source.read_at(start, max(0, min(_TABLE_PIECE, source.size - start)))
        if len(self._pieces) >= _TABLE_PIECES:
            del self._pieces[next(iter(self._pieces))]
        self._pieces[number] = piece
        return piece

    def _check(self, inode: Inode) -> None:
        volume = self._volume
        if inode.fields[8] == 0 and (inode.mode == 0 or inode.fields[6]):
            raise volume.error(inode.offset, f"inode {inode.number}: an inode in use wanted, a deleted one found")
        if 128 + inode.extra > self._size or inode.extra & 3:
            raise volume.error(
                inode.offset + 128,
                f"inode {inode.number}: extra fields of at most {self._size - 128} bytes wanted, {inode.extra} found",
            )
        if volume.verifies(inode.offset):
            self._check_checksum(inode)

    def _check_checksum(self, inode: Inode) -> None:
        volume, raw = self._volume, inode.raw
        found = inode.fields[21]
        if inode.extra >= 4:
            found |= int.from_bytes(raw[0x82:0x84], "little") << 16
            body = raw[:0x7C] + b"\0\0" + raw[0x7E:0x82] + b"\0\0" + raw[0x84:]
        else:
            body = raw[:0x7C] + b"\0\0" + raw[0x7E:]
        wanted = crc32c(volume.inode_seed(inode.number, inode.generation), body)
        if inode.extra < 4:
            wanted &= 0xFFFF
        if wanted != found:
            volume.report(inode.offset + 0x7C, f"inode {inode.number}: checksum {wanted:08x} wanted, {found:08x} found")
