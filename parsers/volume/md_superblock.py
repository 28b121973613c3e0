"""The superblock of a member of a Linux md array: formats 0.90, 1.0, 1.1 and 1.2.

Specifications: md(4); Linux Documentation/admin-guide/md.rst; include/uapi/linux/raid/md_p.h (the user-space ABI,
which names the fields); the Linux RAID wiki, "RAID superblock formats". 0.90 is written in the byte order of the
machine; of 1.x every field is little-endian.

Not done: bitmaps, journals and logs of bad blocks are seen, not read.
"""

from __future__ import annotations

import struct
from enum import IntFlag
from typing import Final, Literal

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source

_MAGIC: Final = 0xA92B4EFC
_SECTOR: Final = 512
_RESERVED_090: Final = 0x10000
_SIZE_090: Final = 4096
_MAX_LEGS_090: Final = 27
_SIZE_1: Final = 256
_MAX_ROLES: Final = (4096 - _SIZE_1) // 2
_HEAD_1: Final = struct.Struct("<4sIII16s32sQiIQIIIIQIIII")
_MEMBER_1: Final = struct.Struct("<QQQQII16s8sQQQII32s")
_ALL: Final = (1 << 64) - 1

ROLE_SPARE: Final = 0xFFFF
ROLE_FAULTY: Final = 0xFFFE
ROLE_JOURNAL: Final = 0xFFFD


class Feature(IntFlag):
    """What the feature map of a 1.x superblock says."""

    BITMAP = 1
    RECOVERY = 2
    RESHAPE = 4
    BAD_BLOCKS = 8
    REPLACEMENT = 16
    RESHAPE_BACKWARDS = 32
    NEW_OFFSET = 64
    RECOVERY_BITMAP = 128
    CLUSTERED = 256
    JOURNAL = 512
    PPL = 1024
    MULTIPLE_PPLS = 2048
    RAID0_LAYOUT = 4096


_KNOWN: Final = 8191


class MdSuperblock(msgspec.Struct, frozen=True):
    """What a member says about itself and about its array. Sizes and offsets in bytes.

    Attributes:
        version: "0.90", "1.0", "1.1" or "1.2".
        uuid: of the array, as blkid spells it.
        name: of the array, of 1.x ("host:data"); None where it has none.
        minor: the number of the device (md0), of 0.90.
        level: -1 linear, 0, 1, 4, 5, 6, 10.
        layout: md's number; its meaning depends on the level.
        chunk: 0 where the level knows none.
        component: how much of each member the array uses; 0 for levels that use all of it.
        legs: how many members the array has.
        role: which leg the member is; ROLE_SPARE, ROLE_FAULTY or ROLE_JOURNAL where it is none.
        member: the member's number, which `roles` is indexed by.
        roles: the role of every member as this one knows it.
        data_offset, data_size: where the member's data lies.
        events: counts changes of the array; who lags behind was left out.
        recovered: how much of a member that is being rebuilt is done; None where it is whole.
        clean: whether the legs were in step when it was written.
    """

    version: str
    uuid: str
    name: str | None
    minor: int | None
    level: int
    layout: int
    chunk: int
    component: int
    legs: int
    role: int
    member: int
    roles: tuple[int, ...]
    data_offset: int
    data_size: int
    events: int
    recovered: int | None
    clean: bool
    features: Feature
    reshaping: bool


def parse_md_superblock(source: Source) -> MdSuperblock:
    """Decode the superblock of a member, which has one of four places.

    Raises:
        ParseError: there is none, its checksum or one of its numbers is wrong.
    """
    sectors = source.size // _SECTOR
    if sectors >= _RESERVED_090 // _SECTOR and (found := _parse_090(source)):
        return found
    places: tuple[tuple[str, int], ...] = (("1.0", (sectors - 16) & ~7), ("1.1", 0), ("1.2", 8))
    for version, sector in places:
        if 0 <= sector <= sectors - 8 and (found := _parse_1(source, version, sector * _SECTOR)):
            return found
    raise ParseError(Place(source.name), "a superblock of md wanted, none found")


def _parse_090(source: Source) -> MdSuperblock | None:
    offset = (source.size & ~(_RESERVED_090 - 1)) - _RESERVED_090
    raw = source.read_at(offset, _SIZE_090)
    order: Literal["<", ">"]
    if int.from_bytes(raw[:4], "little") == _MAGIC:
        order = "<"
    elif int.from_bytes(raw[:4], "big") == _MAGIC:
        order = ">"
    else:
        return None
    words = struct.unpack(f"{order}1024I", raw)
    # A 1.0 superblock may stand at the very same place.
    if words[1] != 0:
        return None
    _check_sum(Place(source.name, offset=offset), _folded(sum(words) - words[38]), words[38])
    return _decode_090(source, offset, words, "little" if order == "<" else "big")


def _decode_090(source: Source, offset: int, words: tuple[int, ...], order: str) -> MdSuperblock:
    place = Place(source.name, offset=offset)
    if words[2] not in (90, 91):
        raise ParseError(place, f"version 0.90 wanted, {words[1]}.{words[2]} found")
    legs, component = words[10], words[8] * 1024
    if not 0 < legs <= _MAX_LEGS_090:
        raise ParseError(place, f"1 to {_MAX_LEGS_090} members wanted, {legs} found")
    disks = [words[128 + 32 * index :][:5] for index in range(_MAX_LEGS_090)]
    own = words[992:997]
    high, low = (words[40], words[39]) if order == "little" else (words[39], words[40])
    uuid = struct.pack(">4I", words[5], *words[13:16]).hex()
    return MdSuperblock(
        version="0.90",
        uuid=_uuid(uuid),
        name=None,
        minor=words[11],
        level=words[7] - (1 << 32) if words[7] >> 31 else words[7],
        layout=words[64],
        chunk=words[65],
        component=component,
        legs=legs,
        role=_role_090(own),
        member=own[0],
        roles=tuple(_role_090(disk) for disk in disks),
        data_offset=0,
        data_size=offset,
        events=high << 32 | low,
        recovered=None,
        clean=bool(words[33] & 1),
        features=Feature(0),
        reshaping=words[2] == 91,
    )


def _role_090(disk: tuple[int, ...]) -> int:
    role, state = disk[3], disk[4]
    if state & 1:
        return ROLE_FAULTY
    return role if state & 4 and role < _MAX_LEGS_090 else ROLE_SPARE


def _parse_1(source: Source, version: str, offset: int) -> MdSuperblock | None:
    raw = source.read_at(offset, 4096)
    if int.from_bytes(raw[:4], "little") != _MAGIC or int.from_bytes(raw[4:8], "little") != 1:
        return None
    if int.from_bytes(raw[144:152], "little") * _SECTOR != offset:
        return None
    place = Place(source.name, offset=offset)
    roles = int.from_bytes(raw[220:224], "little")
    if roles > _MAX_ROLES:
        raise ParseError(place, f"at most {_MAX_ROLES} roles wanted, {roles} found")
    raw = raw[: _SIZE_1 + 2 * roles]
    summed = raw[:216] + bytes(4) + raw[220:]
    total = sum(struct.unpack(f"<{len(summed) // 4}I", summed[: len(summed) & ~3]))
    total += int.from_bytes(summed[len(summed) & ~3 :], "little")
    _check_sum(place, _folded(total), int.from_bytes(raw[216:220], "little"))
    return _decode_1(source, version, place, raw)


def _decode_1(source: Source, version: str, place: Place, raw: bytes) -> MdSuperblock:
    head, own = _HEAD_1.unpack_from(raw), _MEMBER_1.unpack_from(raw, 128)
    features, uuid, name, level, layout, size, chunk, legs = (head[i] for i in (2, 4, 5, 7, 8, 9, 10, 11))
    if features & ~_KNOWN:
        raise ParseError(place, f"features that are known wanted, {features:#x} found")
    if not 0 < legs <= _MAX_ROLES:
        raise ParseError(place, f"1 to {_MAX_ROLES} members wanted, {legs} found")
    roles = struct.unpack_from(f"<{own[12]}H", raw, _SIZE_1)
    data_offset, data_size, recovery, member = own[0] * _SECTOR, own[1] * _SECTOR, own[3], own[4]
    if data_offset > source.size or data_size > source.size - data_offset:
        raise ParseError(place, f"data inside {source.size} bytes wanted, {data_size} at {data_offset} found")
    rebuilt = features & Feature.RECOVERY and recovery != _ALL
    return MdSuperblock(
        version=version,
        uuid=_uuid(uuid.hex()),
        name=name.split(b"\0", 1)[0].decode("utf-8", "surrogateescape") or None,
        minor=None,
        level=level,
        layout=layout,
        chunk=chunk * _SECTOR,
        component=size * _SECTOR,
        legs=legs,
        role=roles[member] if member < len(roles) else ROLE_SPARE,
        member=member,
        roles=roles,
        data_offset=data_offset,
        data_size=data_size,
        events=own[9],
        recovered=recovery * _SECTOR if rebuilt else None,
        clean=own[10] == _ALL,
        features=Feature(features),
        reshaping=bool(features & Feature.RESHAPE),
    )


def _folded(total: int) -> int:
    total = (total & 0xFFFFFFFF) + (total >> 32)
    return (total & 0xFFFFFFFF) + (total >> 32) & 0xFFFFFFFF


def _check_sum(place: Place, wanted: int, found: int) -> None:
    if wanted != found:
        raise ParseError(place, f"checksum {wanted:#010x} wanted, {found:#010x} found")


def _uuid(text: str) -> str:
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
