"""What a VHDX says about itself: headers, region tables and metadata.

Specification: [MS-VHDX], Virtual Hard Disk v2 (VHDX) File Format; all little-endian. Names of fields are its own.
Regions and metadata are read as they are after the log was replayed (`parsers.container.vhdx_log`).
Differencing disks are refused by the names of their parent, which is never looked for.
Not done: user metadata, and version 0 of the log as written before Windows Server 2012.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

import construct as c
import msgspec

from parsers.checksum import crc32c
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

MAGIC: Final = b"vhdxfile"
MIB: Final = 1 << 20
HEADERS: Final = (64 << 10, 128 << 10)
REGION_TABLES: Final = (192 << 10, 256 << 10)
HEADER_LENGTH: Final = 4096
TABLE_LENGTH: Final = 64 << 10
MAX_ENTRIES: Final = 2047
MAX_DISK: Final = 64 << 40
NO_GUID: Final = bytes(16)

_HEADER: Final = c.Struct(
    "signature" / c.Bytes(4),
    "checksum" / c.Int32ul,
    "sequence_number" / c.Int64ul,
    "file_write_guid" / c.Bytes(16),
    "data_write_guid" / c.Bytes(16),
    "log_guid" / c.Bytes(16),
    "log_version" / c.Int16ul,
    "version" / c.Int16ul,
    "log_length" / c.Int32ul,
    "log_offset" / c.Int64ul,
)
_REGION_HEADER: Final = c.Struct(
    "signature" / c.Bytes(4), "checksum" / c.Int32ul, "entry_count" / c.Int32ul, "reserved" / c.Int32ul
)
_REGION: Final = c.Struct("guid" / c.Bytes(16), "file_offset" / c.Int64ul, "length" / c.Int32ul, "required" / c.Int32ul)
_METADATA_HEADER: Final = c.Struct("signature" / c.Bytes(8), "reserved" / c.Int16ul, "entry_count" / c.Int16ul)
_ITEM: Final = c.Struct(
    "item_id" / c.Bytes(16), "offset" / c.Int32ul, "length" / c.Int32ul, "flags" / c.Int32ul, "reserved" / c.Int32ul
)
_LOCATOR: Final = c.Struct("type" / c.Bytes(16), "reserved" / c.Int16ul, "count" / c.Int16ul)
_LOCATOR_ENTRY: Final = c.Struct(
    "key_offset" / c.Int32ul, "value_offset" / c.Int32ul, "key_length" / c.Int16ul, "value_length" / c.Int16ul
)


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


_BAT: Final = _guid("2dc27766-f623-4200-9d64-115e9bfd4a08")
_METADATA: Final = _guid("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_FILE_PARAMETERS: Final = _guid("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
_DISK_SIZE: Final = _guid("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
_DISK_ID: Final = _guid("beca12ab-b2e6-4523-93ef-c309e000c746")
_LOGICAL_SECTOR: Final = _guid("8141bf1d-a96f-4709-ba47-f233a8faab5f")
_PHYSICAL_SECTOR: Final = _guid("cda348c7-445d-4471-9cc9-e9885251c556")
_PARENT_LOCATOR: Final = _guid("a8d35f2d-b30b-454d-abf7-d3d84834ab0c")
_KNOWN_ITEMS: Final = frozenset(
    {_FILE_PARAMETERS, _DISK_SIZE, _DISK_ID, _LOGICAL_SECTOR, _PHYSICAL_SECTOR, _PARENT_LOCATOR}
)
_REQUIRED: Final = 4
_IS_USER: Final = 1
_LEAVE_ALLOCATED: Final = 1
_HAS_PARENT: Final = 2
_MAX_LOCATOR: Final = 64 << 10
_MAX_KEYS: Final = 64
_PATH_KEYS: Final = ("relative_path", "absolute_win32_path", "volume_path")


class VhdxHeader(msgspec.Struct, frozen=True):
    """The current one of the two headers; `offset` is where it stands, `log_guid` None where there is no log."""

    offset: int
    sequence_number: int
    log_guid: bytes | None
    log_length: int
    log_offset: int
    problems: tuple[Problem, ...]


class VhdxLayout(msgspec.Struct, frozen=True):
    """What region tables and metadata say; sizes and offsets in bytes, `disk_id` as a UUID."""

    bat_offset: int
    bat_length: int
    block_size: int
    leave_allocated: bool
    virtual_size: int
    logical_sector_size: int
    physical_sector_size: int
    disk_id: str | None
    problems: tuple[Problem, ...]


def parse_header(file: Source) -> tuple[VhdxHeader, str]:
    """Return the current header, and the program that made the file."""
    if file.size < REGION_TABLES[1] + TABLE_LENGTH:
        raise _fail(file, 0, f"a VHDX of at least 320 KiB wanted, the file ends at byte {file.size}: truncated")
    identifier = file.read_at(0, 520)
    if identifier[:8] != MAGIC:
        raise _fail(file, 0, f"{MAGIC.decode()!r} wanted, {identifier[:8].hex(' ')} found")
    creator = identifier[8:].decode("utf-16-le", "replace").split("\0", 1)[0]
    found = []
    problems = []
    for at in HEADERS:
        header, flaw = _header_at(file, at)
        if header is None:
            problems.append(Problem(Place(file.name, offset=at), flaw))
        else:
            found.append((header.sequence_number, at, header))
    if not found:
        raise _fail(file, HEADERS[0], f"a header wanted, none found: {problems[0].message}")
    if len(found) == 2 and found[0][0] == found[1][0] and found[0][2] != found[1][2]:
        raise _fail(file, HEADERS[0] + 8, "one current header wanted, two found that contradict each other")
    _, at, header = max(found, key=lambda item: item[:2])
    if header.version != 1:
        raise _fail(file, at + 66, f"VHDX version 1 wanted, {header.version} found")
    if len(found) == 1 and header.sequence_number == 0:
        problems = []  # a file that was just made may hold one header alone
    log_guid = None if header.log_guid == NO_GUID else header.log_guid
    if log_guid is not None:
        _check_log(file, header, at)
    current = VhdxHeader(
        offset=at,
        sequence_number=header.sequence_number,
        log_guid=log_guid,
        log_length=header.log_length,
        log_offset=header.log_offset,
        problems=tuple(problems),
    )
    return current, creator


def parse_layout(file: Source) -> VhdxLayout:
    """Read region tables and metadata of `file`, on which the log was replayed."""
    regions, problems = _regions(file)
    if _BAT not in regions or _METADATA not in regions:
        raise _fail(file, REGION_TABLES[0], "a block allocation table and a metadata region wanted, not both found")
    metadata = regions[_METADATA]
    items = _items(file, metadata.file_offset, metadata.length)
    parameters = _item(file, items, _FILE_PARAMETERS, 8, "file parameters")
    block_size, flags = int.from_bytes(parameters[:4], "little"), int.from_bytes(parameters[4:], "little")
    at = items[_FILE_PARAMETERS].offset
    if not MIB <= block_size <= 256 * MIB or block_size & (block_size - 1):
        raise _fail(file, at, f"a block size of 1 MiB to 256 MiB, a power of two, wanted, {block_size} found")
    if flags & _HAS_PARENT:
        raise _fail(file, at + 4, f"refused: a differencing disk, whose parent is {_parent(file, items)}")
    logical, physical, size = (
        int.from_bytes(_item(file, items, guid, length, what), "little")
        for guid, length, what in (
            (_LOGICAL_SECTOR, 4, "a logical sector size"),
            (_PHYSICAL_SECTOR, 4, "a physical sector size"),
            (_DISK_SIZE, 8, "a virtual disk size"),
        )
    )
    for guid, value in ((_LOGICAL_SECTOR, logical), (_PHYSICAL_SECTOR, physical)):
        if value not in (512, 4096):
            raise _fail(file, items[guid].offset, f"sectors of 512 or 4096 bytes wanted, {value} found")
    if not 0 < size <= MAX_DISK or size % logical:
        message = f"a size of at most 64 TiB in sectors of {logical} wanted, {size} bytes found"
        raise _fail(file, items[_DISK_SIZE].offset, message)
    identity = items.get(_DISK_ID)
    return VhdxLayout(
        bat_offset=regions[_BAT].file_offset,
        bat_length=regions[_BAT].length,
        block_size=block_size,
        leave_allocated=bool(flags & _LEAVE_ALLOCATED),
        virtual_size=size,
        logical_sector_size=logical,
        physical_sector_size=physical,
        disk_id=str(uuid.UUID(bytes_le=file.read_at(identity.offset, 16))) if identity else None,
        problems=tuple(problems),
    )


def checksum(data: bytes) -> int:
    """Return the CRC-32C of a structure whose field at bytes 4 to 8 counts as zeros."""
    return crc32c(0xFFFF_FFFF, data[:4] + bytes(4) + data[8:]) ^ 0xFFFF_FFFF


def _fail(file: Source, offset: int, message: str) -> ParseError:
    return ParseError(Place(file.name, offset=offset), message)


def _header_at(file: Source, at: int) -> tuple[Any | None, str]:
    data = file.read_at(at, HEADER_LENGTH)
    header = _HEADER.parse(data)
    if header.signature != b"head":
        return None, f"'head' wanted, {header.signature.hex(' ')} found"
    if checksum(data) != header.checksum:
        return None, f"checksum {checksum(data):#010x} of the header wanted, {header.checksum:#010x} found"
    return header, ""


def _check_log(file: Source, header: Any, at: int) -> None:
    offset, length = header.log_offset, header.log_length
    if header.log_version != 0:
        raise _fail(file, at + 64, f"log version 0 wanted, {header.log_version} found")
    if offset % MIB or length % MIB or not length or offset < MIB:
        raise _fail(file, at + 68, f"a log on a boundary of 1 MiB wanted, {length} bytes at {offset} found")
    if offset + length > file.size:
        message = f"the log at bytes {offset} to {offset + length}, but the file ends at {file.size}: truncated"
        raise _fail(file, at + 68, message)


def _regions(file: Source) -> tuple[dict[bytes, Any], list[Problem]]:
    """Return the regions of the first whole table, by GUID."""
    problems: list[Problem] = []
    for at in REGION_TABLES:
        data = file.read_at(at, TABLE_LENGTH)
        head = _REGION_HEADER.parse(data)
        if head.signature == b"regi" and checksum(data) == head.checksum and head.entry_count <= MAX_ENTRIES:
            return _regions_of(file, at, data, head.entry_count), problems
        message = "a region table with the right checksum wanted, none found"
        problems.append(Problem(Place(file.name, offset=at), message))
    raise _fail(file, REGION_TABLES[0], "a region table wanted, both are broken")


def _regions_of(file: Source, at: int, data: bytes, count: int) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    ends: list[tuple[int, int]] = []
    for number in range(count):
        place = at + 16 + number * 32
        region = _REGION.parse(data[16 + number * 32 : 48 + number * 32])
        name = uuid.UUID(bytes_le=region.guid)
        if region.guid not in (_BAT, _METADATA):
            if region.required & 1:
                raise _fail(file, place, f"known regions wanted, unknown required region {name} found")
            continue
        if region.guid in found:
            raise _fail(file, place, f"one region {name} wanted, two found")
        start, end = region.file_offset, region.file_offset + region.length
        if start % MIB or region.length % MIB or start < MIB or not region.length:
            raise _fail(file, place + 16, f"a region on a boundary of 1 MiB wanted, bytes {start} to {end} found")
        if end > file.size:
            raise _fail(file, place, f"region {name} ends at byte {end}, the file at {file.size}: truncated")
        ends.append((start, end))
        found[region.guid] = region
    if len(ends) == 2 and ends[0][0] < ends[1][1] and ends[1][0] < ends[0][1]:
        raise _fail(file, at, "regions that lie apart wanted, they overlap")
    return found


def _items(file: Source, start: int, length: int) -> dict[bytes, Any]:
    """Return the system's metadata items by GUID, their offsets counted from the beginning of the file."""
    data = file.read_at(start, TABLE_LENGTH)
    head = _METADATA_HEADER.parse(data)
    if head.signature != b"metadata" or head.entry_count > MAX_ENTRIES:
        raise _fail(file, start, f"a metadata table wanted, {head.signature.hex(' ')} found")
    found: dict[bytes, Any] = {}
    for number in range(head.entry_count):
        place = start + 32 + number * 32
        item = _ITEM.parse(data[32 + number * 32 : 64 + number * 32])
        if item.flags & _IS_USER:
            continue
        name = uuid.UUID(bytes_le=item.item_id)
        if item.item_id not in _KNOWN_ITEMS:
            if item.flags & _REQUIRED:
                raise _fail(file, place, f"known metadata wanted, unknown required item {name} found")
            continue
        if item.offset < TABLE_LENGTH or item.offset + item.length > length:
            raise _fail(file, place + 16, f"metadata inside its region wanted, {item.length} at {item.offset} found")
        if item.item_id in found:
            raise _fail(file, place, f"one metadata item {name} wanted, two found")
        item.offset += start
        found[item.item_id] = item
    if _DISK_ID in found and found[_DISK_ID].length != 16:
        raise _fail(file, start, f"a disk id of 16 bytes wanted, {found[_DISK_ID].length} found")
    return found


def _item(file: Source, items: dict[bytes, Any], guid: bytes, length: int, what: str) -> bytes:
    item = items.get(guid)
    if item is None or item.length != length:
        at = item.offset if item else None
        raise ParseError(Place(file.name, offset=at), f"{what} of {length} bytes wanted, {item and item.length} found")
    return file.read_at(item.offset, length)


def _parent(file: Source, items: dict[bytes, Any]) -> str:
    """Name the parent for a message."""
    names = dict(_locator(file, items[_PARENT_LOCATOR])) if _PARENT_LOCATOR in items else {}
    named = [repr(names[key]) for key in _PATH_KEYS if key in names]
    return " or ".join(named) or "not named"


def _locator(file: Source, item: Any) -> Iterator[tuple[str, str]]:
    data = file.read_at(item.offset, min(item.length, _MAX_LOCATOR))
    if len(data) < 20:
        return
    for number in range(min(_LOCATOR.parse(data).count, _MAX_KEYS, (len(data) - 20) // 12)):
        entry = _LOCATOR_ENTRY.parse(data[20 + number * 12 : 32 + number * 12])
        key, value = (
            data[at : at + length].decode("utf-16-le", "replace")
            for at, length in ((entry.key_offset, entry.key_length), (entry.value_offset, entry.value_length))
        )
        yield key, value[:1000]
