"""Inodes: where they are, their fields, their flags and times.

Specification: "XFS Algorithms & Data Structures", "On-disk Inode". An inode's number says where it lies, so that
the inode b-trees are not walked: an inode that is free is known by its mode of zero. The checksum of every inode
that is read is verified. Project ids, quotas and extent size hints are not looked at.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.tree import TYPES_BY_MODE, FileType, Stat
from parsers.filesystem.xfs.superblock import Incompat
from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.place import ParseError

FORMAT_DEVICE: Final = 0
FORMAT_LOCAL: Final = 1
FORMAT_EXTENTS: Final = 2
FORMAT_BTREE: Final = 3
FLAG_REALTIME: Final = 0x1
FLAG2_BIGTIME: Final = 0x8
FLAG2_NREXT64: Final = 0x10
S_IFDIR: Final = 0x4000
S_IFREG: Final = 0x8000
S_IFLNK: Final = 0xA000

_CORE = Struct(">HHBBHIIIHHQQQQQQIIHBbIHHII")
_OLD_CORE: Final = 100
_NEW_CORE: Final = 176
_LAYOUT: Final = Layout("inode", checksum=100, uuid=160)
_MAX_SIZE: Final = (1 << 63) - 1
_SECOND: Final = 1_000_000_000
_BIGTIME_EPOCH: Final = (1 << 31) * _SECOND
_ONES: Final = 0xFFFFFFFF
_ZEROS: Final = bytes(4)
_SIGN: Final = 1 << 63
_PIECE: Final = 64 << 10
_PIECES: Final = 128
_KEPT: Final = 512
# Flags that say something about the file; how it is stored is not among them but for the realtime device.
FLAG_NAMES: Final = {
    0x1: "realtime",
    0x8: "immutable",
    0x10: "append",
    0x20: "sync",
    0x40: "noatime",
    0x80: "nodump",
    0x200: "project-inherit",
    0x400: "nosymlinks",
    0x2000: "nodefrag",
}
FLAG2_NAMES: Final = {0x1: "dax"}


class Inode:
    """One inode; `raw` is all of it, `fork` the bytes that hold its map, its target or its names."""

    __slots__ = ("fields", "flags", "flags2", "fork_at", "format", "mode", "number", "offset", "raw", "size")

    def __init__(self, number: int, raw: bytes, offset: int) -> None:
        fields = _CORE.unpack_from(raw)
        self.number = number
        self.raw = raw
        self.offset = offset
        self.fields = fields
        self.mode: int = fields[1]
        self.format: int = fields[3]
        self.size: int = fields[14]
        self.flags: int = fields[23]
        new = fields[2] >= 3
        self.fork_at = _NEW_CORE if new else _OLD_CORE
        self.flags2: int = int.from_bytes(raw[120:128], "big") if new else 0

    @property
    def type(self) -> FileType:
        """Type by the mode."""
        return TYPES_BY_MODE.get(self.mode & 0xF000, FileType.UNKNOWN)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.mode & 0xF000 == S_IFDIR

    @property
    def fork(self) -> bytes:
        """The fork of data."""
        split = self.fields[19] << 3
        return self.raw[self.fork_at : self.fork_at + split] if split else self.raw[self.fork_at :]

    @property
    def extents(self) -> int:
        """How many extents the fork of data has."""
        return int(self.fields[10] if self.flags2 & FLAG2_NREXT64 else self.fields[17])

    @property
    def attribute_fork(self) -> bytes:
        """The fork of attributes; empty where there is none."""
        split = self.fields[19] << 3
        return self.raw[self.fork_at + split :] if split else b""

    @property
    def attribute_format(self) -> int:
        """How the fork of attributes is stored."""
        return int(self.fields[20])

    @property
    def attribute_extents(self) -> int:
        """How many extents the fork of attributes has."""
        return int(self.fields[17] if self.flags2 & FLAG2_NREXT64 else self.fields[18])

    def stat(self) -> Stat:
        """Return the metadata."""
        fields = self.fields
        decode = _bigtime if self.flags2 & FLAG2_BIGTIME else _time
        links = fields[4] if fields[2] == 1 else fields[7]  # the first version had only 16 bits
        kind = self.type
        return Stat(
            inode=self.number,
            type=kind,
            mode=self.mode & 0o7777,
            uid=fields[5],
            gid=fields[6],
            size=self.size,
            links=links,
            mtime=decode(fields[12]),
            atime=decode(fields[11]),
            ctime=decode(fields[13]),
            btime=decode(int.from_bytes(self.raw[144:152], "big")) if fields[2] >= 3 else None,
            rdev=_device(self.raw, self.fork_at) if kind in (FileType.CHAR, FileType.BLOCK) else None,
            flags=_names(self.flags, self.flags2) if self.flags or self.flags2 & 1 else (),
        )


def _time(stored: int) -> int:
    """Seconds, with their sign, and nanoseconds, of 32 bits each."""
    seconds = (stored ^ _SIGN) - _SIGN >> 32
    return seconds * _SECOND + (stored & 0xFFFFFFFF)


def _bigtime(stored: int) -> int:
    return stored - _BIGTIME_EPOCH


def _device(raw: bytes, at: int) -> tuple[int, int]:
    device = int.from_bytes(raw[at : at + 4], "big")
    return device >> 18, device & 0x3FFFF


def _names(flags: int, flags2: int) -> tuple[str, ...]:
    names = [name for bit, name in FLAG_NAMES.items() if flags & bit]
    return tuple(sorted(names + [name for bit, name in FLAG2_NAMES.items() if flags2 & bit]))


class Inodes:
    """The inodes of a volume, read in pieces of 64 KiB."""

    def __init__(self, volume: Volume) -> None:
        superblock = volume.superblock
        self._volume = volume
        self._size = superblock.inode_size
        self._log = superblock.inodes_per_block_log
        self._mask = superblock.inodes_per_block - 1
        self._uuid = superblock.metadata_uuid
        self._wide = bool(superblock.incompat & Incompat.NREXT64)
        self._pieces: dict[int, bytes] = {}
        self._kept: dict[int, Inode] = {}

    def get(self, number: int) -> Inode:
        """Return an inode that is in use; raise `ParseError` for one that is free or broken."""
        inode = self._kept.get(number)
        if inode is None:
            inode = self._read(number)
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = inode
        return inode

    def _read(self, number: int) -> Inode:
        volume = self._volume
        if number < 1:
            raise volume.error(0, f"the number of an inode wanted, {number} found")
        block = volume.linear(number >> self._log)
        offset = block * volume.block_size + (number & self._mask) * self._size
        at = offset % _PIECE
        raw = self._piece(offset // _PIECE)[at : at + self._size]
        if len(raw) < self._size:  # the volume ends here
            raw = volume.source.read_at(offset, self._size)
        if raw[:2] != b"IN":
            raise volume.error(offset, f"inode {number}: magic 494e wanted, {raw[:2].hex()} found")
        inode = Inode(number, raw, offset)
        self._check(inode)
        return inode

    def _piece(self, number: int) -> bytes:
        piece = self._pieces.get(number)
        if piece is None:
            source = self._volume.source
            start = number * _PIECE
            piece = source.read_at(start, max(0, min(_PIECE, source.size - start)))
            if len(self._pieces) >= _PIECES:
                del self._pieces[next(iter(self._pieces))]
            self._pieces[number] = piece
        return piece

    def _check(self, inode: Inode) -> None:
        volume = self._volume
        version = inode.fields[2]
        if (version == 3) != volume.has_checksums or not 1 <= version <= 3:
            wanted = "3" if volume.has_checksums else "1 or 2"
            raise self._error(inode, 4, f"an inode of version {wanted} wanted, {version} found")
        if not inode.mode:
            raise self._error(inode, 2, "an inode in use wanted, a free one found")
        if inode.size > _MAX_SIZE:
            raise self._error(inode, 56, f"a size of at most {_MAX_SIZE} bytes wanted, {inode.size} found")
        room = self._size - inode.fork_at
        if inode.fields[19] << 3 >= room:
            raise self._error(inode, 82, f"attributes within {room} bytes wanted, at {inode.fields[19] << 3} found")
        if inode.flags2 & FLAG2_NREXT64 and not self._wide:
            raise self._error(inode, 120, "extent counters of 32 bits wanted, those of 64 bits found")
        if volume.has_checksums:
            found = int.from_bytes(inode.raw[152:160], "big")
            if found != inode.number:
                raise self._error(inode, 152, f"its own number wanted, {found} found")
            raw = inode.raw
            sealed = crc32c(_ONES, raw[:100] + _ZEROS + raw[104:]) ^ _ONES
            if raw[100:104] != sealed.to_bytes(4, "little") or raw[160:176] != self._uuid:
                volume.verify(raw, inode.offset, _LAYOUT)  # says what is wrong

    def _error(self, inode: Inode, at: int, message: str) -> ParseError:
        return self._volume.error(inode.offset + at, f"inode {inode.number}: {message}")
