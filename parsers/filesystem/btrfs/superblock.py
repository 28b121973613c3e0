"""The superblock, its copies, and the features that it names.

Specification: btrfs on-disk format, "Superblock". Copies lie at 64 KiB, 64 MiB and 256 GiB. The kernel mounts by
the first alone; here the newest one that is whole is taken, and what is wrong with the others is said.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from struct import Struct
from typing import Any, Final
from uuid import UUID

import msgspec

from parsers.filesystem.btrfs.checksum import CHECKSUMS, Checksum
from parsers.place import ParseError, Place, Problem, UnsupportedError
from parsers.source import Source

MAGIC: Final = b"_BHRfS_M"
OFFSETS: Final = (64 << 10, 64 << 20, 256 << 30)
SIZE: Final = 4096
MAX_LEVEL: Final = 7
_FIELDS = Struct("<32s16sQQ8sQQQQQQQQQIIIIIQQQQHBBB")
_DEVICE = Struct("<QQQIIIQQQIBB16s16s")
_DEVICE_AT: Final = 201
_LABEL: Final = slice(299, 555)
_METADATA_UUID: Final = slice(571, 587)
_ARRAY_AT: Final = 811
_MAX_ARRAY: Final = 2048
_REWRITING_FSID: Final = 1 << 35  # every node is being given another UUID; the kernel does not mount this


class Incompat(IntFlag):
    """Features without which the file system cannot be read."""

    MIXED_BACKREF = 1 << 0
    DEFAULT_SUBVOL = 1 << 1
    MIXED_GROUPS = 1 << 2
    COMPRESS_LZO = 1 << 3
    COMPRESS_ZSTD = 1 << 4
    BIG_METADATA = 1 << 5
    EXTENDED_IREF = 1 << 6
    RAID56 = 1 << 7
    SKINNY_METADATA = 1 << 8
    NO_HOLES = 1 << 9
    METADATA_UUID = 1 << 10
    RAID1C34 = 1 << 11
    ZONED = 1 << 12
    EXTENT_TREE_V2 = 1 << 13
    RAID_STRIPE_TREE = 1 << 14
    SIMPLE_QUOTA = 1 << 16


class CompatRo(IntFlag):
    """Features without which the file system can be read, but not written."""

    FREE_SPACE_TREE = 1 << 0
    FREE_SPACE_TREE_VALID = 1 << 1
    VERITY = 1 << 2
    BLOCK_GROUP_TREE = 1 << 3


UNSUPPORTED: Final = Incompat.ZONED | Incompat.EXTENT_TREE_V2 | Incompat.RAID_STRIPE_TREE
_NAMED: Final = sum(int(feature) for feature in Incompat)


class Flag(IntFlag):
    """Flags of the superblock that are asked for."""

    ERROR = 1 << 2
    SEEDING = 1 << 32
    METADUMP = 1 << 33
    METADUMP_V2 = 1 << 34
    CHANGING_FSID = 1 << 36


class DeviceItem(msgspec.Struct, frozen=True):
    """A device of the file system, as written down; sizes in bytes."""

    id: int
    total_bytes: int
    bytes_used: int
    uuid: UUID
    fsid: UUID


class Superblock(msgspec.Struct, frozen=True):
    """One superblock; sizes in bytes, `root`, `chunk_root` and `log_root` are logical addresses.

    Attributes:
        fsid: the UUID that users see.
        metadata_uuid: the UUID in the headers of metadata blocks.
        chunks: the keys and items of the system chunks.
        offset: where it was read.
    """

    fsid: UUID
    metadata_uuid: UUID
    flags: int
    generation: int
    root: int
    root_level: int
    chunk_root: int
    chunk_root_level: int
    chunk_root_generation: int
    log_root: int
    total_bytes: int
    bytes_used: int
    root_directory: int
    devices: int
    sector_size: int
    node_size: int
    incompat: Incompat
    compat_ro: int
    checksum: Checksum
    device: DeviceItem
    label: str
    chunks: bytes
    offset: int


def read_superblock(source: Source) -> tuple[Superblock, tuple[Problem, ...]]:
    """Return the newest superblock that is whole, and what is wrong with the others; raise `ParseError` without one."""
    found: list[Superblock] = []
    flaws: list[ParseError] = []
    for offset in OFFSETS:
        if offset + SIZE > min(source.size, found[0].device.total_bytes if found else source.size):
            continue  # a device that is larger than what is used of it has copies in the part in use alone
        try:
            found.append(parse_superblock(source.read_at(offset, SIZE), source.name, offset))
        except ParseError as error:
            flaws.append(error)
    if not found:
        raise flaws[0] if flaws else ParseError(Place(source.name), "a btrfs superblock wanted, a shorter volume found")
    best, problems = _newest(found, source.name)
    if best.flags & (Flag.METADUMP | Flag.METADUMP_V2):
        place = Place(source.name, offset=best.offset + 56)
        problems.append(
            Problem(place, "superblock: restored from a dump (btrfs-image), which holds no content of files")
        )
    if best.flags & Flag.CHANGING_FSID:
        place = Place(source.name, offset=best.offset + 56)
        problems.append(
            Problem(place, "superblock: a settled UUID wanted, an unfinished change of it found (btrfstune)")
        )
    problems += [Problem(flaw.place, f"superblock: {flaw.message}") for flaw in flaws]
    return _supported(best, source.name), tuple(problems)


def _newest(found: list[Superblock], name: str) -> tuple[Superblock, list[Problem]]:
    first, problems = found[0], []
    same = [one for one in found if (one.fsid, one.device.uuid) == (first.fsid, first.device.uuid)]
    best = max(same, key=lambda one: (one.generation, -one.offset))
    for one in found:
        place = Place(name, offset=one.offset)
        if one not in same:
            problems.append(Problem(place, f"superblock: file system {first.fsid} wanted, {one.fsid} found"))
        elif one.generation != best.generation:
            text = f"superblock: generation {best.generation} wanted, {one.generation} found"
            problems.append(Problem(place, text))
    return best, problems


def parse_superblock(data: bytes, name: str, offset: int) -> Superblock:
    """Parse the 4096 bytes at `offset`; raise `ParseError` where they are no superblock that is whole."""

    def error(at: int, message: str) -> ParseError:
        return ParseError(Place(name, offset=offset + at), message)

    fields = _FIELDS.unpack_from(data)
    if fields[4] != MAGIC:
        raise error(64, f"magic {MAGIC.hex()} wanted, {fields[4].hex()} found")
    checksum = CHECKSUMS.get(fields[23])
    if checksum is None:
        raise error(196, f"a checksum of type 0 to {max(CHECKSUMS)} wanted, {fields[23]} found")
    wanted, found = checksum.digest(data[32:]), data[: checksum.size]
    if wanted != found:
        raise error(0, f"checksum {wanted.hex()} wanted, {found.hex()} found")
    if fields[2] != offset:
        raise error(48, f"its own address {offset} wanted, {fields[2]} found")
    _check_geometry(fields, error)
    fsid = UUID(bytes=fields[1])
    incompat = Incompat(fields[22])
    metadata_uuid = UUID(bytes=data[_METADATA_UUID]) if incompat & Incompat.METADATA_UUID else fsid
    return Superblock(
        fsid=fsid,
        metadata_uuid=metadata_uuid,
        flags=fields[3],
        generation=fields[5],
        root=fields[6],
        root_level=fields[24],
        chunk_root=fields[7],
        chunk_root_level=fields[25],
        chunk_root_generation=fields[19],
        log_root=fields[8],
        total_bytes=fields[10],
        bytes_used=fields[11],
        root_directory=fields[12],
        devices=fields[13],
        sector_size=fields[14],
        node_size=fields[15],
        incompat=incompat,
        compat_ro=fields[21],
        checksum=checksum,
        device=parse_device(data, _DEVICE_AT),
        label=data[_LABEL].split(b"\0", 1)[0].decode("utf-8", "surrogateescape"),
        chunks=data[_ARRAY_AT : _ARRAY_AT + fields[18]],
        offset=offset,
    )


def parse_device(data: bytes, at: int = 0) -> DeviceItem:
    """Parse a device item, of which `data` holds all 98 bytes."""
    fields = _DEVICE.unpack_from(data, at)
    return DeviceItem(fields[0], fields[1], fields[2], UUID(bytes=fields[12]), UUID(bytes=fields[13]))


DEVICE_ITEM_SIZE: Final = _DEVICE.size


def _check_geometry(fields: tuple[Any, ...], error: Callable[[int, str], ParseError]) -> None:
    sector, node, array = fields[14], fields[15], fields[18]
    if not (512 <= sector <= 65536 and sector & sector - 1 == 0):
        raise error(144, f"sectors of a power of two from 512 to 65536 bytes wanted, {sector} found")
    if not (max(sector, 4096) <= node <= 65536 and node & node - 1 == 0):
        raise error(148, f"nodes of a power of two from {max(sector, 4096)} to 65536 bytes wanted, {node} found")
    if not 0 < array <= _MAX_ARRAY:
        raise error(160, f"system chunks of 1 to {_MAX_ARRAY} bytes wanted, {array} found")
    for at, address in ((80, fields[6]), (88, fields[7])):
        if address % sector:
            raise error(at, f"the address of a tree in multiples of {sector} wanted, {address} found")
    for at, level in ((198, fields[24]), (199, fields[25])):
        if level > MAX_LEVEL:
            raise error(at, f"a tree of level 0 to {MAX_LEVEL} wanted, {level} found")
    if not fields[10] or not fields[13]:
        raise error(112, f"at least one byte and one device wanted, {fields[10]} and {fields[13]} found")


def _supported(superblock: Superblock, name: str) -> Superblock:
    """Return the superblock, or raise `ParseError` where it needs what is not read here."""
    refused = superblock.incompat & UNSUPPORTED
    unknown = int(superblock.incompat) & ~_NAMED
    names = [str(feature.name).lower().replace("_", "-") for feature in UNSUPPORTED if feature in refused]
    if unknown:
        names.append(f"{unknown:#x}")
    if names:
        place = Place(name, offset=superblock.offset + 188)
        raise UnsupportedError(place, f"features that can be read wanted, {', '.join(names)} found")
    if superblock.flags & _REWRITING_FSID:
        place = Place(name, offset=superblock.offset + 56)
        raise ParseError(place, "one UUID in all nodes wanted, an unfinished change of it found (btrfstune)")
    return superblock
