"""The superblock of XFS, versions 4 and 5.

Specification: "XFS Algorithms & Data Structures", "Superblocks". All numbers are big-endian but the checksums; it
lies at byte 0 of the volume, and a copy at the start of each allocation group. Deliberately not done: the copies
are named in the error when the primary one is broken, not read; quotas and stripe hints are left out. Versions 1
to 3, and version 4 with the first format of directories (IRIX before 6.2), are refused by name, as by Linux.
"""

from __future__ import annotations

from enum import IntFlag
from struct import Struct
from typing import Final
from uuid import UUID

import msgspec

from parsers.checksum import crc32c
from parsers.place import ParseError, Place, Problem, UnsupportedError
from parsers.source import Source

MAGIC: Final = b"XFSB"
_SIZE: Final = 512
_ONES: Final = 0xFFFFFFFF
_FIELDS = Struct(">4sIQQQ16sQQQQIIIIIHHHH12sBBBBBBBBQQQQQQHBBIIIBBHIIIIIIIIIQQ16s")
_CRC_AT: Final = 224
_BACKUP: Final = "; each allocation group begins with a copy, which may be intact (xfs_repair -n looks for one)"


class Version(IntFlag):
    """Bits of the version number."""

    ATTR = 0x10
    NLINK = 0x20
    LOGV2 = 0x400
    DIRV2 = 0x2000
    ASCII_CI = 0x4000
    MORE = 0x8000


class Features2(IntFlag):
    """More features of version 4."""

    LAZY_COUNTERS = 0x2
    FTYPE = 0x200


class Incompat(IntFlag):
    """Features that a reader has to know."""

    FTYPE = 0x1
    SPARSE_INODES = 0x2
    META_UUID = 0x4
    BIGTIME = 0x8
    NEEDS_REPAIR = 0x10
    NREXT64 = 0x20
    EXCHANGE_RANGE = 0x40
    PARENT = 0x80
    METADIR = 0x100


class RoCompat(IntFlag):
    """Features that only a writer has to know."""

    FINOBT = 0x1
    RMAPBT = 0x2
    REFLINK = 0x4
    INOBTCNT = 0x8


_READABLE: Final = int(sum(Incompat))
_WRITABLE: Final = int(sum(RoCompat))
_INCOMPAT_NAMES: Final = {0x200: "zoned", 0x400: "zone_gaps"}


class Superblock(msgspec.Struct, frozen=True):
    """What the superblock says; sizes in bytes, counts of blocks in blocks of the file system.

    Attributes:
        metadata_uuid: the UUID that stands in the metadata; `uuid` may have been changed afterwards.
        log_start: first block of the log; 0: it lies on another device.
        agblocks: blocks of an allocation group; the last group may be smaller.
        inode_percent: how much of the capacity may be inodes; 0: all of it.
        directory_block_size: bytes of a block of a directory, one or more blocks.
    """

    version: int
    label: str
    uuid: str
    metadata_uuid: bytes
    block_size: int
    block_log: int
    sector_size: int
    inode_size: int
    inodes_per_block: int
    inodes_per_block_log: int
    blocks: int
    root: int
    agblocks: int
    agblock_log: int
    agcount: int
    log_start: int
    log_blocks: int
    directory_block_size: int
    inode_percent: int
    inodes: int
    free_inodes: int
    free_blocks: int
    features: int
    features2: int
    incompat: int
    ro_compat: int
    problems: tuple[Problem, ...]

    @property
    def has_checksums(self) -> bool:
        """Whether metadata carry checksums, their owner and their place: version 5."""
        return self.version == 5

    @property
    def has_typed_entries(self) -> bool:
        """Whether directory entries give the type of their inode."""
        if self.has_checksums:
            return bool(self.incompat & Incompat.FTYPE)
        return bool(self.features & Version.MORE and self.features2 & Features2.FTYPE)

    @property
    def has_lazy_counters(self) -> bool:
        """Whether the counters of the superblock are right only after an unmount."""
        return self.has_checksums or bool(self.features & Version.MORE and self.features2 & Features2.LAZY_COUNTERS)

    @property
    def needs_repair(self) -> bool:
        """Whether a repair was begun and not finished; the kernel refuses to mount it."""
        return bool(self.incompat & Incompat.NEEDS_REPAIR)


def parse_superblock(source: Source) -> Superblock:
    """Decode the superblock of a volume; raise `ParseError` where no reader could go on from it."""
    raw = source.read_at(0, _SIZE)
    if raw[:4] != MAGIC:
        raise _error(source, 0, f"superblock magic 58465342 wanted, {raw[:4].hex()} found{_BACKUP}")
    (
        _, block_size, blocks, _, _, uuid, log_start, root, _, _, _, agblocks, agcount, _, log_blocks,
        features, sector_size, inode_size, inodes_per_block, label, block_log, sector_log, inode_log,
        inodes_per_block_log, agblock_log, _, in_progress, percent, inodes, free_inodes, free_blocks, *_,
        directory_log, _, _, _, features2, _, _, ro_compat, incompat, _, _, _, _, _, metadata_uuid,
    ) = _FIELDS.unpack_from(raw)  # fmt: skip
    version = features & 0xF
    _check_version(source, version, features)
    if version != 5:
        ro_compat = incompat = 0
    _check_incompat(source, incompat)
    if in_progress:
        raise _error(source, 126, f"a finished mkfs.xfs wanted, one in progress found ({in_progress})")
    for size, log, least, most, at, what in (
        (block_size, block_log, 9, 16, 4, "a block"),
        (sector_size, sector_log, 9, 15, 102, "a sector"),
        (inode_size, inode_log, 9 if version == 5 else 8, 11, 104, "an inode"),
    ):
        _check_power(source, size, log, (least, most), (at, what))
    if directory_log + block_log > 16:
        raise _error(source, 192, f"directory blocks of at most 64 KiB wanted, 2^{directory_log + block_log} found")
    superblock = Superblock(
        version=version,
        label=label.split(b"\0", 1)[0].decode("utf-8", "surrogateescape"),
        uuid=str(UUID(bytes=uuid)),
        metadata_uuid=metadata_uuid if incompat & Incompat.META_UUID else uuid,
        block_size=block_size,
        block_log=block_log,
        sector_size=sector_size,
        inode_size=inode_size,
        inodes_per_block=inodes_per_block,
        inodes_per_block_log=inodes_per_block_log,
        blocks=blocks,
        root=root,
        agblocks=agblocks,
        agblock_log=agblock_log,
        agcount=agcount,
        log_start=log_start,
        log_blocks=log_blocks,
        directory_block_size=block_size << directory_log,
        inode_percent=percent,
        inodes=inodes,
        free_inodes=free_inodes,
        free_blocks=free_blocks,
        features=features,
        features2=features2,
        incompat=incompat,
        ro_compat=ro_compat,
        problems=(),
    )
    _check_geometry(source, superblock)
    return msgspec.structs.replace(superblock, problems=tuple(_problems(source, superblock)))


def error_problems(superblock: Superblock, name: str) -> tuple[Problem, ...]:
    """Return what the superblock records of trouble, as problems of the volume `name`."""
    if not superblock.needs_repair:
        return ()
    message = "the superblock says that a repair was begun and not finished (needsrepair)"
    return (Problem(Place(name, offset=216), message),)


def _error(source: Source, at: int, message: str) -> ParseError:
    return ParseError(Place(source.name, offset=at), message)


def _check_version(source: Source, version: int, features: int) -> None:
    if version not in (4, 5):
        raise _error(source, 100, f"version 4 or 5 wanted, {version} found{_BACKUP}")
    if not features & Version.DIRV2:
        raise _error(source, 100, "directories of version 2 wanted, those of version 1 found")


def _check_incompat(source: Source, incompat: int) -> None:
    unknown = incompat & ~_READABLE
    if unknown:
        names = [name for bit, name in _INCOMPAT_NAMES.items() if bit & unknown]
        rest = unknown & ~sum(_INCOMPAT_NAMES)
        names += [f"incompatible feature bits {rest:#x}"] if rest else []
        error = _error(source, 216, f"features that can be read wanted, {', '.join(names)} found")
        raise UnsupportedError(error.place, error.message)


def _check_power(source: Source, size: int, log: int, range_: tuple[int, int], what: tuple[int, str]) -> None:
    least, most = range_
    at, noun = what
    if not least <= log <= most or size != 1 << log:
        raise _error(
            source, at, f"{noun} of {1 << least} to {1 << most} bytes wanted, {size} found (2^{log} besides){_BACKUP}"
        )


def _check_geometry(source: Source, superblock: Superblock) -> None:
    block = superblock
    if block.inodes_per_block != block.block_size // block.inode_size or (
        block.inodes_per_block != 1 << block.inodes_per_block_log if block.inodes_per_block_log < 9 else True
    ):
        raise _error(
            source, 106, f"{block.block_size // block.inode_size} inodes in a block wanted, {block.inodes_per_block} "
            f"(2^{block.inodes_per_block_log}) found{_BACKUP}",
        )  # fmt: skip
    if not 16 <= block.agblocks <= (1 << 40) // block.block_size or block.agblock_log != _log(block.agblocks):
        raise _error(
            source, 84, f"allocation groups of 16 blocks to 1 TiB wanted, {block.agblocks} blocks "
            f"(2^{block.agblock_log}) found{_BACKUP}",
        )  # fmt: skip
    most = block.agcount * block.agblocks
    if not block.agcount or not most - block.agblocks < block.blocks <= most:
        raise _error(
            source, 8, f"blocks in {block.agcount} groups of {block.agblocks} wanted, {block.blocks} found{_BACKUP}"
        )
    if block.inode_percent > 100:
        raise _error(source, 127, f"at most 100 per cent of inodes wanted, {block.inode_percent} found{_BACKUP}")


def _log(number: int) -> int:
    return (number - 1).bit_length()


def _problems(source: Source, superblock: Superblock) -> list[Problem]:
    found = []
    name = source.name
    unknown = superblock.ro_compat & ~_WRITABLE
    if unknown:
        message = f"unknown features found, with which it can be mounted only for reading: bits {unknown:#x}"
        found.append(Problem(Place(name, offset=212), message))
    if superblock.has_checksums:
        raw = source.read_at(0, superblock.sector_size)
        wanted = crc32c(_ONES, raw[:_CRC_AT] + bytes(4) + raw[_CRC_AT + 4 :]) ^ _ONES
        seen = int.from_bytes(raw[_CRC_AT : _CRC_AT + 4], "little")
        if wanted != seen:
            message = f"superblock checksum {wanted:08x} wanted, {seen:08x} found"
            found.append(Problem(Place(name, offset=_CRC_AT), message))
    return found
