"""GUID partition table: a header with its entries at the start of the disk, and a backup of both at the end.

Layout: UEFI 2.10, section 5.3. Little-endian; the last LBA of an entry is inclusive. A header counts when its
signature, its checksum, its own address and the checksum of its entries are right; where the primary does not, the
backup is used. A header may lie at LBA 1 of sectors of 512 or of 4096 bytes.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.partition.table import Flaw, Partition, PartitionTable, Scheme, TableProblem, outside, overlaps, peek
from parsers.place import ParseError, Place
from parsers.source import Source

SIGNATURE: Final = b"EFI PART"
HEADER_SIZE: Final = 92
ENTRY_SIZE: Final = 128
SECTOR_SIZES: Final = (512, 4096)
MAX_PARTITIONS: Final = 255  # Linux numbers no more, and each one is looked into
MAX_ENTRIES_BYTES: Final = 4 << 20  # 16 KiB are usual

_HEADER: Final = struct.Struct("<8sIII4xQQQQ16sQIII")
_ENTRY: Final = struct.Struct("<16s16sQQQ72s")  # type, unique, first LBA, last LBA, attributes, name
_UNUSED: Final = bytes(16)
_LEGACY_BOOTABLE: Final = 1 << 2


class _Header(msgspec.Struct, frozen=True):
    """The fields of `_HEADER` under the specification's names."""

    signature: bytes
    revision: int
    header_size: int
    header_crc32: int
    my_lba: int
    alternate_lba: int
    first_usable_lba: int
    last_usable_lba: int
    disk_guid: bytes
    entries_lba: int
    entries_count: int
    entry_size: int
    entries_crc32: int


class GptHeader(msgspec.Struct, frozen=True):
    """A header whose checksums are right, with its `entries` as raw bytes; `offset` is its own, in bytes."""

    offset: int
    sector_size: int
    backup: bool
    alternate_lba: int
    first_usable_lba: int
    last_usable_lba: int
    disk_guid: str
    entry_size: int
    entries: bytes


class FoundGpt(msgspec.Struct, frozen=True):
    """The header to use, if any, and what is wrong with the others."""

    header: GptHeader | None
    problems: tuple[TableProblem, ...]


class _BadHeader(Exception):  # noqa: N818 - becomes a problem, as the other copy may be good
    def __init__(self, offset: int, message: str, flaw: Flaw) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.flaw = flaw


def find_gpt(disk: Source, *, primary_only: bool = False) -> FoundGpt:
    """Look for a valid primary header, then for a valid backup at the end of the disk."""
    problems: list[TableProblem] = []
    for sector_size in SECTOR_SIZES:
        if not _signed(disk, sector_size):
            continue
        try:
            return FoundGpt(_read_header(disk, 1, sector_size), tuple(problems))
        except _BadHeader as bad:
            problems.append(_problem(disk, bad, "primary GPT"))
    if primary_only:
        return FoundGpt(None, tuple(problems))
    if not problems:
        missing = Place(disk.name, offset=512)
        problems.append(TableProblem(missing, "a primary GPT header wanted, none found", Flaw.STRUCTURE))
    for sector_size in SECTOR_SIZES:
        last = disk.size // sector_size - 1
        if last < 2 or not _signed(disk, last * sector_size):
            continue
        try:
            return FoundGpt(_read_header(disk, last, sector_size), tuple(problems))
        except _BadHeader as bad:
            problems.append(_problem(disk, bad, "backup GPT"))
    return FoundGpt(None, tuple(problems))


def parse_gpt(disk: Source, header: GptHeader, problems: tuple[TableProblem, ...] = ()) -> PartitionTable:
    """Decode the entries of `header`, check them and the other copy; `problems` go in front."""
    partitions = tuple(_partitions(header))
    found = [*problems, *_entry_flaws(disk, header, partitions)]
    if not header.backup:
        found += _backup_flaws(disk, header)
    found += overlaps(disk.name, partitions)
    found += outside(disk.name, partitions, disk.size)
    return PartitionTable(Scheme.GPT, header.sector_size, header.disk_guid, partitions, tuple(found))


def _signed(disk: Source, offset: int) -> bool:
    return peek(disk, offset, 8) == SIGNATURE


def _problem(disk: Source, bad: _BadHeader, what: str) -> TableProblem:
    return TableProblem(Place(disk.name, offset=bad.offset), f"{what}: {bad.message}", bad.flaw)


def _read_header(disk: Source, lba: int, sector_size: int) -> GptHeader:
    offset = lba * sector_size
    if offset < 0 or offset + sector_size > disk.size:
        raise _BadHeader(offset, f"a header wanted, the disk ends at byte {disk.size}", Flaw.OUTSIDE)
    sector = _read(disk, offset, sector_size)
    raw = _Header(*_HEADER.unpack_from(sector))
    if raw.signature != SIGNATURE:
        raise _BadHeader(offset, "the signature EFI PART wanted, it is missing", Flaw.STRUCTURE)
    if not HEADER_SIZE <= raw.header_size <= sector_size:
        raise _BadHeader(
            offset, f"a header of 92 to {sector_size} bytes wanted, {raw.header_size} found", Flaw.STRUCTURE
        )
    checksum = zlib.crc32(sector[:16] + bytes(4) + sector[20 : raw.header_size])
    if checksum != raw.header_crc32:
        raise _BadHeader(offset, f"header checksum {checksum:08x} wanted, {raw.header_crc32:08x} found", Flaw.CHECKSUM)
    if raw.my_lba != lba:
        raise _BadHeader(offset, f"a header of LBA {lba} wanted, one of LBA {raw.my_lba} found", Flaw.STRUCTURE)
    return GptHeader(
        offset=offset,
        sector_size=sector_size,
        backup=lba != 1,
        alternate_lba=raw.alternate_lba,
        first_usable_lba=raw.first_usable_lba,
        last_usable_lba=raw.last_usable_lba,
        disk_guid=_guid(raw.disk_guid),
        entry_size=raw.entry_size,
        entries=_read_entries(disk, raw, offset, sector_size),
    )


def _read(disk: Source, offset: int, size: int) -> bytes:
    try:
        return disk.read_at(offset, size)
    except ParseError as error:
        raise _BadHeader(offset, f"it cannot be read: {error.message}", Flaw.STRUCTURE) from error


def _read_entries(disk: Source, raw: _Header, offset: int, sector_size: int) -> bytes:
    if raw.entry_size < ENTRY_SIZE or raw.entry_size % 8:
        raise _BadHeader(offset, f"entries of 128 bytes or more wanted, {raw.entry_size} found", Flaw.STRUCTURE)
    length = raw.entries_count * raw.entry_size
    if length > MAX_ENTRIES_BYTES:
        raise _BadHeader(offset, f"at most {MAX_ENTRIES_BYTES} bytes of entries wanted, {length} found", Flaw.STRUCTURE)
    start = raw.entries_lba * sector_size
    if start + length > disk.size:
        raise _BadHeader(start, f"entries at byte {start} wanted, the disk ends at byte {disk.size}", Flaw.OUTSIDE)
    entries = _read(disk, start, length)
    checksum = zlib.crc32(entries)
    if checksum != raw.entries_crc32:
        raise _BadHeader(start, f"entries checksum {raw.entries_crc32:08x} wanted, {checksum:08x} found", Flaw.CHECKSUM)
    return entries


def _partitions(header: GptHeader) -> Iterator[Partition]:
    for index in range(min(len(header.entries) // header.entry_size, MAX_PARTITIONS)):
        at = index * header.entry_size
        kind, unique, first, last, attributes, name = _ENTRY.unpack_from(header.entries, at)
        if kind == _UNUSED:
            continue
        yield Partition(
            number=index + 1,
            offset=first * header.sector_size,
            size=max(last - first + 1, 0) * header.sector_size,
            type=_guid(kind),
            uuid=_guid(unique),
            name=_name(name),
            bootable=bool(attributes & _LEGACY_BOOTABLE),
            attributes=attributes,
        )


def _entry_flaws(disk: Source, header: GptHeader, partitions: tuple[Partition, ...]) -> Iterator[TableProblem]:
    place = Place(disk.name, offset=header.offset)
    if header.entry_size != ENTRY_SIZE:
        yield TableProblem(
            place, f"entries of 128 bytes wanted, {header.entry_size} found: Linux does not take them", Flaw.STRUCTURE
        )
    if any(header.entries[MAX_PARTITIONS * header.entry_size :]):
        yield TableProblem(place, f"at most {MAX_PARTITIONS} partitions wanted, more found", Flaw.STRUCTURE)
    first = header.first_usable_lba * header.sector_size
    end = (header.last_usable_lba + 1) * header.sector_size
    for partition in partitions:
        if partition.size == 0:
            yield TableProblem(place, f"partition {partition.number} ends before it begins", Flaw.STRUCTURE)
        elif partition.offset < first or partition.end > end:
            yield TableProblem(
                Place(disk.name, offset=partition.offset),
                f"partition {partition.number} between bytes {first} and {end} wanted, it ends at {partition.end}",
                Flaw.STRUCTURE,
            )


def _backup_flaws(disk: Source, primary: GptHeader) -> Iterator[TableProblem]:
    """Compare the backup with the primary; a disk that has grown since has it where the old end was."""
    place = Place(disk.name, offset=primary.offset)
    last = disk.size // primary.sector_size - 1
    if primary.alternate_lba > last:
        yield TableProblem(
            place,
            f"the backup GPT is at LBA {primary.alternate_lba}, the disk ends at LBA {last}: truncated",
            Flaw.OUTSIDE,
        )
        return
    try:
        backup = _read_header(disk, primary.alternate_lba, primary.sector_size)
    except _BadHeader as bad:
        yield TableProblem(place, f"backup GPT: {bad.message}", Flaw.BACKUP)
        return
    if (backup.disk_guid, backup.entries) != (primary.disk_guid, primary.entries):
        yield TableProblem(place, "backup GPT: the primary's entries wanted, others found", Flaw.BACKUP)
    if primary.alternate_lba < last:
        yield TableProblem(place, f"the backup GPT at LBA {last} wanted, LBA {primary.alternate_lba} found", Flaw.SLACK)


def _guid(raw: bytes) -> str:
    return str(uuid.UUID(bytes_le=raw))


def _name(raw: bytes) -> str | None:
    """The name up to its NUL, where a 16-bit unit is NUL only as a whole."""
    text = raw.decode("utf-16-le", "replace").split("\0", 1)[0]
    return text or None
