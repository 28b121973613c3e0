"""The superblock of ext2, ext3 and ext4.

Specification: Linux Documentation/filesystems/ext4, "Super Block". All numbers are little-endian; it lies at
byte 1024 of the volume, whatever the block size. Deliberately not done: the backup superblocks are named in
the error when the primary one is broken, not read; multiple-mount protection, quotas, RAID hints and
encryption salts are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntFlag
from typing import Final
from uuid import UUID

import msgspec

from parsers.checksum import crc32c
from parsers.place import ParseError, Place, Problem, UnsupportedError
from parsers.source import Source

SUPERBLOCK_OFFSET: Final = 1024
SUPERBLOCK_SIZE: Final = 1024
MAGIC: Final = 0xEF53

_STATE_ERRORS: Final = 0x0002
_STATE_VALID: Final = 0x0001
_YEAR_9999: Final = 253_370_764_800
_FLAG_UNSIGNED_HASH: Final = 0x0002
_DEFAULT_FIRST_INODE: Final = 11


class Compat(IntFlag):
    """Features that a reader may ignore."""

    HAS_JOURNAL = 0x4
    EXT_ATTR = 0x8
    DIR_INDEX = 0x20
    SPARSE_SUPER2 = 0x200
    FAST_COMMIT = 0x400
    ORPHAN_FILE = 0x1000


class Incompat(IntFlag):
    """Features that a reader has to know."""

    COMPRESSION = 0x1
    FILETYPE = 0x2
    RECOVER = 0x4
    JOURNAL_DEV = 0x8
    META_BG = 0x10
    EXTENTS = 0x40
    BIT64 = 0x80
    MMP = 0x100
    FLEX_BG = 0x200
    EA_INODE = 0x400
    DIRDATA = 0x1000
    CSUM_SEED = 0x2000
    LARGEDIR = 0x4000
    INLINE_DATA = 0x8000
    ENCRYPT = 0x10000
    CASEFOLD = 0x20000


class RoCompat(IntFlag):
    """Features that only a writer has to know."""

    SPARSE_SUPER = 0x1
    GDT_CSUM = 0x10
    BIGALLOC = 0x200
    METADATA_CSUM = 0x400
    ORPHAN_PRESENT = 0x10000


# A plain number: the complement of a flag would leave out the bits that have no name.
_READABLE: Final = int(sum(Incompat) & ~(Incompat.COMPRESSION | Incompat.JOURNAL_DEV | Incompat.DIRDATA))
_INCOMPAT_NAMES: Final = {
    Incompat.COMPRESSION: "compression",
    Incompat.JOURNAL_DEV: "journal_dev (an external journal, no file system)",
    Incompat.DIRDATA: "dirdata",
}


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error that the kernel met and wrote down. `time` is in seconds since 1970; zeros where it is not known."""

    time: int
    inode: int
    block: int
    function: str
    line: int

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.time, UTC).isoformat(" ") if self.time < _YEAR_9999 else str(self.time)
        return f"at {when} in {self.function}:{self.line}, inode {self.inode}, block {self.block}"


class Superblock(msgspec.Struct, frozen=True):
    """What the superblock says; sizes in bytes, counts of blocks in blocks, those of clusters in clusters.

    Attributes:
        clean: the state says that it was unmounted cleanly. A frozen snapshot is not, and needs no recovery.
        errors: the state says that errors were found.
        needs_recovery: the journal has to be replayed.
        last_orphan: first inode of the list of inodes that were deleted while open; 0: none.
        seed: start value of every metadata checksum (0 without metadata_csum).
        hash_seed: the four words that seed the directory hashes; None: the built-in ones.
    """

    label: str
    uuid: str
    block_size: int
    cluster_size: int
    blocks: int
    reserved_blocks: int
    free_blocks: int
    inodes: int
    free_inodes: int
    first_data_block: int
    blocks_per_group: int
    clusters_per_group: int
    inodes_per_group: int
    inode_size: int
    first_inode: int
    descriptor_size: int
    reserved_gdt_blocks: int
    first_meta_bg: int
    backup_groups: tuple[int, int]
    compat: int
    incompat: int
    ro_compat: int
    clean: bool
    errors: bool
    last_orphan: int
    orphan_file_inode: int
    journal_inode: int
    journal_device: int
    journal_uuid: str
    hash_seed: tuple[int, int, int, int] | None
    unsigned_hash: bool
    overhead_clusters: int
    seed: int
    last_mounted: str
    error_count: int
    first_error: ErrorRecord | None
    last_error: ErrorRecord | None
    problems: tuple[Problem, ...]

    @property
    def needs_recovery(self) -> bool:
        """Whether the journal has to be replayed before the file system is consistent."""
        return bool(self.incompat & Incompat.RECOVER)

    @property
    def groups(self) -> int:
        """Number of block groups."""
        return -(-(self.blocks - self.first_data_block) // self.blocks_per_group)

    @property
    def has_metadata_csum(self) -> bool:
        """Whether metadata carry CRC-32C checksums."""
        return bool(self.ro_compat & RoCompat.METADATA_CSUM)

    def has_super(self, group: int) -> bool:
        """Tell whether a block group holds a copy of the superblock."""
        if group == 0:
            return True
        if self.compat & Compat.SPARSE_SUPER2:
            return group in self.backup_groups
        if group == 1 or not self.ro_compat & RoCompat.SPARSE_SUPER:
            return True
        return any(_is_power(group, base) for base in (3, 5, 7))


def error_problems(superblock: Superblock, name: str) -> tuple[Problem, ...]:
    """Return the errors that the kernel recorded in a superblock, as problems of the volume `name`."""
    problems = []
    if superblock.errors:
        place = Place(name, offset=SUPERBLOCK_OFFSET + 0x3A)
        problems.append(Problem(place, "the state says that the file system has errors"))
    if superblock.error_count:
        place = Place(name, offset=SUPERBLOCK_OFFSET + 0x194)
        text = f"{superblock.error_count} errors were recorded"
        for word, record in (("first", superblock.first_error), ("last", superblock.last_error)):
            text += f"; the {word} {record}" if record else ""
        problems.append(Problem(place, text))
    return tuple(problems)


def _is_power(number: int, base: int) -> bool:
    power = base
    while power < number:
        power *= base
    return power == number


def parse_superblock(source: Source) -> Superblock:
    """Decode the superblock of a volume; raise `ParseError` where no reader could go on from it."""
    raw = source.read_at(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE)
    fields = _Fields(raw, source.name)
    if fields.u16(0x38) != MAGIC:
        raise fields.error(0x38, f"superblock magic ef53 wanted, {fields.u16(0x38):04x} found{_BACKUP}")
    incompat = _incompat(fields)
    wide = bool(incompat & Incompat.BIT64)
    high = fields.u32 if wide else _nothing
    block_size, cluster_size = _sizes(fields)
    block = Superblock(
        label=_text(raw[0x78:0x88]),
        uuid=str(UUID(bytes=raw[0x68:0x78])),
        block_size=block_size,
        cluster_size=cluster_size,
        blocks=fields.u32(0x4) | high(0x150) << 32,
        reserved_blocks=fields.u32(0x8) | high(0x154) << 32,
        free_blocks=fields.u32(0xC) | high(0x158) << 32,
        inodes=fields.u32(0x0),
        free_inodes=fields.u32(0x10),
        first_data_block=fields.u32(0x14),
        blocks_per_group=fields.u32(0x20),
        clusters_per_group=fields.u32(0x24),
        inodes_per_group=fields.u32(0x28),
        inode_size=fields.u16(0x58) if fields.u32(0x4C) else 128,
        first_inode=fields.u32(0x54) if fields.u32(0x4C) else _DEFAULT_FIRST_INODE,
        descriptor_size=fields.u16(0xFE) if wide else 32,
        reserved_gdt_blocks=fields.u16(0xCE),
        first_meta_bg=fields.u32(0x104),
        backup_groups=(fields.u32(0x24C), fields.u32(0x250)),
        compat=fields.u32(0x5C),
        incompat=incompat,
        ro_compat=fields.u32(0x64),
        clean=bool(fields.u16(0x3A) & _STATE_VALID),
        errors=bool(fields.u16(0x3A) & _STATE_ERRORS),
        last_orphan=fields.u32(0xE8),
        orphan_file_inode=fields.u32(0x280),
        journal_inode=fields.u32(0xE0),
        journal_device=fields.u32(0xE4),
        journal_uuid=str(UUID(bytes=raw[0xD0:0xE0])),
        hash_seed=(fields.u32(0xEC), fields.u32(0xF0), fields.u32(0xF4), fields.u32(0xF8))
        if any(raw[0xEC:0xFC])
        else None,
        unsigned_hash=bool(fields.u32(0x160) & _FLAG_UNSIGNED_HASH),
        overhead_clusters=fields.u32(0x248),
        seed=_seed(fields, incompat),
        last_mounted=_text(raw[0x88:0xC8]),
        error_count=fields.u32(0x194),
        first_error=_error_record(fields, 0x198, 0x278),
        last_error=_error_record(fields, 0x1CC, 0x279),
        problems=_checksum_problem(fields),
    )
    _check(block, fields)
    return block


_BACKUP: Final = "; a backup superblock may be intact (e2fsck -b 32768, or 8193 with 1 KiB blocks)"


class _Fields:
    """The raw superblock with the name of its volume, for places."""

    def __init__(self, raw: bytes, name: str) -> None:
        self.raw = raw
        self.name = name

    def u16(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 2], "little")

    def u32(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 4], "little")

    def u64(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 8], "little")

    def error(self, at: int, message: str) -> ParseError:
        return ParseError(Place(self.name, offset=SUPERBLOCK_OFFSET + at), message)


def _nothing(_at: int) -> int:
    return 0


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _incompat(fields: _Fields) -> int:
    if fields.u32(0x4C) == 0:  # revision 0 has no feature words
        return 0
    incompat = fields.u32(0x60)
    unknown = incompat & ~_READABLE
    if unknown:
        names = [name for bit, name in _INCOMPAT_NAMES.items() if bit & unknown]
        named = ", ".join(names) or f"incompatible feature bits {unknown:#x}"
        error = fields.error(0x60, f"features that can be read wanted, {named} found")
        raise UnsupportedError(error.place, error.message)
    return incompat


def _sizes(fields: _Fields) -> tuple[int, int]:
    log_block, log_cluster = fields.u32(0x18), fields.u32(0x1C)
    if log_block > 6:
        raise fields.error(0x18, f"a block size of 1 to 64 KiB wanted, 2^{10 + log_block} found{_BACKUP}")
    if not fields.u32(0x64) & RoCompat.BIGALLOC:
        return 1024 << log_block, 1024 << log_block
    if not log_block <= log_cluster <= 20:
        raise fields.error(0x1C, f"a cluster size of one block to 1 GiB wanted, 2^{10 + log_cluster} found")
    return 1024 << log_block, 1024 << log_cluster


def _seed(fields: _Fields, incompat: int) -> int:
    if not fields.u32(0x64) & RoCompat.METADATA_CSUM:
        return 0
    if incompat & Incompat.CSUM_SEED:
        return fields.u32(0x270)
    return crc32c(0xFFFFFFFF, fields.raw[0x68:0x78])


def _checksum_problem(fields: _Fields) -> tuple[Problem, ...]:
    if not fields.u32(0x64) & RoCompat.METADATA_CSUM:
        return ()
    wanted, found = crc32c(0xFFFFFFFF, fields.raw[:0x3FC]), fields.u32(0x3FC)
    if wanted == found:
        return ()
    place = Place(fields.name, offset=SUPERBLOCK_OFFSET + 0x3FC)
    return (Problem(place, f"superblock checksum {wanted:08x} wanted, {found:08x} found"),)


def _error_record(fields: _Fields, at: int, high_at: int) -> ErrorRecord | None:
    """First error: time, inode, block (64 bit), function, line; the last error has its line before its block."""
    if not fields.u32(at) and not fields.raw[high_at]:
        return None
    time = fields.u32(at) | fields.raw[high_at] << 32
    if at == 0x198:
        return ErrorRecord(
            time, fields.u32(at + 4), fields.u64(at + 8), _text(fields.raw[at + 16 : at + 48]), fields.u32(at + 48)
        )
    return ErrorRecord(
        time, fields.u32(at + 4), fields.u64(at + 12), _text(fields.raw[at + 20 : at + 52]), fields.u32(at + 8)
    )


def _check(block: Superblock, fields: _Fields) -> None:
    size = block.inode_size
    if size < 128 or size > block.block_size or size & (size - 1):
        raise fields.error(0x58, f"an inode size of 128 bytes to one block wanted, {size} found")
    _check_descriptors(block, fields)
    if not 1 <= block.blocks_per_group <= 8 * block.block_size * (block.cluster_size // block.block_size):
        raise fields.error(0x20, f"1 to {8 * block.block_size} blocks per group wanted, {block.blocks_per_group} found")
    if not 1 <= block.inodes_per_group <= 8 * block.block_size:
        raise fields.error(0x28, f"1 to {8 * block.block_size} inodes per group wanted, {block.inodes_per_group} found")
    if block.blocks <= block.first_data_block or block.first_data_block > 1:
        raise fields.error(0x4, f"blocks after block {block.first_data_block} wanted, {block.blocks} blocks found")
    limit = block.groups * block.inodes_per_group
    if not 2 <= block.inodes <= limit:
        raise fields.error(0x0, f"2 to {limit} inodes in {block.groups} groups wanted, {block.inodes} found")


def _check_descriptors(block: Superblock, fields: _Fields) -> None:
    size = block.descriptor_size
    lowest = 64 if block.incompat & Incompat.BIT64 else 32
    if not lowest <= size <= 1024 or size & (size - 1):
        raise fields.error(0xFE, f"a group descriptor size of {lowest} to 1024 bytes wanted, {size} found")
