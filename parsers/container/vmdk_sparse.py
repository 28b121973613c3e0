"""A sparse extent of a VMDK: grains found through a directory and tables, perhaps each of them compressed.

Specification: VMware, Virtual Disk Format 5.0, "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse
Extents"; all little-endian, counted in sectors of 512 bytes. Names of fields are the specification's.
Not done: the markers between grains (the directory says where they are), and the redundant directory, but for its
place when the first one is not in the file.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

import construct as c
import msgspec

from parsers.container.qcow2_compression import deflate_module
from parsers.container.runs import FileRun, joined, read_runs
from parsers.container.word_table import WordTable
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range

MAGIC: Final = b"KDMV"
SECTOR: Final = 512
AT_END: Final = 0xFFFF_FFFF_FFFF_FFFF
MAX_GRAIN: Final = 8 << 20
MAX_DIRECTORY: Final = 1 << 22  # entries: 16 MiB; a disk of 64 TiB in grains of 64 KiB takes two million
MAX_SIZE: Final = 64 << 40
MAX_SCANNED: Final = 1 << 19  # entries of grain tables: the first 32 GiB of grains of 64 KiB
MAX_DESCRIPTOR: Final = 1 << 20
TABLE_CACHE: Final = 4 << 20
GRAIN_CACHE: Final = 8 << 20

_HEADER: Final = c.Struct(
    "magic" / c.Bytes(4),
    "version" / c.Int32ul,
    "flags" / c.Int32ul,
    "capacity" / c.Int64ul,
    "grain_size" / c.Int64ul,
    "descriptor_offset" / c.Int64ul,
    "descriptor_size" / c.Int64ul,
    "gtes_per_gt" / c.Int32ul,
    "rgd_offset" / c.Int64ul,
    "gd_offset" / c.Int64ul,
    "overhead" / c.Int64ul,
    "unclean_shutdown" / c.Int8ul,
    "line_ends" / c.Bytes(4),
    "compression" / c.Int16ul,
)
_VALID_LINE_ENDS: Final = 1
_REDUNDANT: Final = 2
_ZERO_GRAINS: Final = 4
_COMPRESSED: Final = 1 << 16
_MARKERS: Final = 1 << 17
_LINE_ENDS: Final = b"\n \r\n"
_FOOTER_MARKER: Final = 3
_GRAIN_MARKER: Final = 12  # the sector of the disk, the length of the data that follows


class SparseHeader(msgspec.Struct, frozen=True):
    """The facts of a sparse extent; sizes and offsets in bytes."""

    version: int
    size: int
    grain_size: int
    compressed: bool
    markers: bool
    zero_grains: bool
    directory_offset: int
    directory_entries: int
    table_entries: int
    descriptor_offset: int
    descriptor_size: int
    dirty: bool
    truncated: bool
    problems: tuple[Problem, ...]


def parse_sparse_header(file: Source) -> SparseHeader:
    """Read the header of a sparse extent, or its footer where the header says so."""
    head = _header_at(file, 0)
    problems = []
    if head.gd_offset == AT_END:
        head = _footer(file, head)
    _check_header(file, head)
    grain_size = head.grain_size * SECTOR
    entries = -(-head.capacity // (head.grain_size * head.gtes_per_gt))
    if entries > MAX_DIRECTORY:
        raise _fail(file, 12, f"a grain directory of at most {MAX_DIRECTORY} entries wanted, {entries} found")
    directory, flaw = _directory(file, head, entries)
    problems += flaw
    outside = _table_flaws(file, directory, entries, head.gtes_per_gt)
    if head.unclean_shutdown:
        problems.append(Problem(Place(file.name, offset=72), "the disk was not closed cleanly"))
    return SparseHeader(
        version=head.version,
        size=head.capacity * SECTOR,
        grain_size=grain_size,
        compressed=bool(head.flags & _COMPRESSED),
        markers=bool(head.flags & _MARKERS),
        zero_grains=bool(head.flags & _ZERO_GRAINS),
        directory_offset=directory,
        directory_entries=entries,
        table_entries=head.gtes_per_gt,
        descriptor_offset=head.descriptor_offset * SECTOR,
        descriptor_size=head.descriptor_size * SECTOR,
        dirty=bool(head.unclean_shutdown),
        truncated=bool(outside or flaw),
        problems=(*problems, *outside),
    )


def _fail(file: Source, offset: int, message: str) -> ParseError:
    return ParseError(Place(file.name, offset=offset), message)


def _header_at(file: Source, at: int) -> Any:
    if at + SECTOR > file.size:
        raise _fail(file, at, f"a VMDK header of 512 bytes wanted, the file ends at byte {file.size}: truncated")
    head = _HEADER.parse(file.read_at(at, SECTOR))
    if head.magic != MAGIC:
        raise _fail(file, at, f"{MAGIC.decode()!r} wanted, {head.magic.hex(' ')} found")
    return head


def _footer(file: Source, head: Any) -> Any:
    """A stream's directory comes last: a marker, a copy of the header that knows where, a marker of the end."""
    at = file.size - 3 * SECTOR
    if at < SECTOR or file.size % SECTOR:
        raise _fail(file, 56, f"a footer at the end wanted, the file ends at byte {file.size}: truncated")
    marker, end = file.read_at(at, SECTOR), file.read_at(at + 2 * SECTOR, SECTOR)
    wanted = (1).to_bytes(8, "little") + bytes(4) + _FOOTER_MARKER.to_bytes(4, "little")
    if marker[:16] != wanted or end[:16] != bytes(16) or file.read_at(at + SECTOR, 4) != MAGIC:
        raise _fail(file, at, "a footer and the end-of-stream marker wanted, not found: truncated")
    foot = _header_at(file, at + SECTOR)
    same = ("version", "flags", "capacity", "grain_size", "gtes_per_gt", "compression")
    for field in same:
        if foot[field] != head[field]:
            raise _fail(file, at + SECTOR, f"{field} {head[field]} wanted as in the header, {foot[field]} found")
    if foot.gd_offset == AT_END:
        raise _fail(file, at + SECTOR + 56, "a grain directory's place wanted in the footer, none found")
    foot.descriptor_offset, foot.descriptor_size = head.descriptor_offset, head.descriptor_size
    return foot


def _check_header(file: Source, head: Any) -> None:
    if not 1 <= head.version <= 3:
        raise _fail(file, 4, f"VMDK version 1, 2 or 3 wanted, {head.version} found")
    if head.flags & _VALID_LINE_ENDS and head.line_ends != _LINE_ENDS:
        raise _fail(
            file, 73, f"line ends {_LINE_ENDS!r} wanted, {head.line_ends!r} found: damaged in a transfer as text"
        )
    if head.compression not in (0, 1) or bool(head.flags & _COMPRESSED) != bool(head.compression):
        raise _fail(file, 77, f"deflate for compressed grains wanted, compression algorithm {head.compression} found")
    if head.compression and not head.flags & _MARKERS:
        raise _fail(file, 8, "markers wanted with compressed grains, none found")
    if not 0 < head.capacity <= MAX_SIZE // SECTOR:
        raise _fail(file, 12, f"a capacity of at most 64 TiB wanted, {head.capacity} sectors found")
    grain = head.grain_size
    if not 1 < grain <= MAX_GRAIN // SECTOR or grain & (grain - 1):
        raise _fail(file, 20, f"grains of 1 KiB to 8 MiB, a power of two, wanted, {grain} sectors found")
    if not 1 <= head.gtes_per_gt <= 512:
        raise _fail(file, 44, f"grain tables of at most 512 entries wanted, {head.gtes_per_gt} found")
    if head.descriptor_size * SECTOR > MAX_DESCRIPTOR:
        raise _fail(file, 36, f"a descriptor of at most 1 MiB wanted, {head.descriptor_size} sectors found")
    if head.descriptor_size and (head.descriptor_offset + head.descriptor_size) * SECTOR > file.size:
        raise _fail(file, 28, f"a descriptor inside the file wanted, sector {head.descriptor_offset} found")


def _directory(file: Source, head: Any, entries: int) -> tuple[int, list[Problem]]:
    """Return where the grain directory is; the redundant one where the first is not in the file."""
    offset = head.gd_offset * SECTOR
    if SECTOR <= offset <= file.size - entries * 4:
        return offset, []
    message = f"a grain directory inside the file wanted, byte {offset} found, the file ends at {file.size}: truncated"
    redundant = head.rgd_offset * SECTOR
    if not head.flags & _REDUNDANT or not SECTOR <= redundant <= file.size - entries * 4:
        raise _fail(file, 56, message)
    return redundant, [Problem(Place(file.name, offset=56), message)]


def _table_flaws(file: Source, directory: int, entries: int, table_entries: int) -> list[Problem]:
    """Say that tables or grains lie outside the file; of the tables, those of the first gibibytes are looked at."""
    room = (file.size - table_entries * 4) // SECTOR
    tables: list[int] = []
    outside = last = 0
    for words in WordTable(file, directory, entries, 4, "little").scan(MAX_SCANNED):
        found = [word for word in words if word > room]
        outside += len(found)
        last = max(found, default=last)
        tables += [word for word in words if 1 < word <= room][: MAX_SCANNED // table_entries - len(tables)]
    what = "grain tables"
    if not outside:
        what = "grains"
        for at, length in joined((sector * SECTOR, table_entries * 4) for sector in tables):
            for words in WordTable(file, at or 0, length // 4, 4, "little").scan(MAX_SCANNED):
                found = [word for word in words if word * SECTOR >= file.size]
                outside += len(found)
                last = max(found, default=last)
    if not outside:
        return []
    message = f"{outside} {what} lie behind the end of the file, one at byte {last * SECTOR}: truncated"
    return [Problem(Place(file.name, offset=directory), message)]


class SparseExtent:
    """What a sparse extent holds, as a `Source`; `header` are its facts."""

    def __init__(self, file: Source, header: SparseHeader, name: str | None = None) -> None:
        self.name = file.name if name is None else name
        self.header = header
        self.size = header.size
        self._file = file
        self._directory = WordTable(file, header.directory_offset, header.directory_entries, 4, "little")
        self._tables: dict[int, WordTable | None] = {}
        self._max_tables = TABLE_CACHE // (header.table_entries * 4 + 512)
        self._grains: OrderedDict[int, bytes] = OrderedDict()
        self._max_grains = max(1, GRAIN_CACHE // header.grain_size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes; grains that lie side by side in the file are read at once."""
        check_range(self, offset, size)
        if self.header.compressed:
            return b"".join(self._unpacked(offset, offset + size))
        return read_runs(self._file, self._runs(offset, offset + size))

    def _pieces(self, offset: int, end: int) -> Iterator[tuple[int, int, int | None]]:
        """Yield where each piece begins in its grain, its length, and the grain's byte in the file."""
        grain_size = self.header.grain_size
        while offset < end:
            grain, inner = divmod(offset, grain_size)
            length = min(grain_size - inner, end - offset)
            yield inner, length, self._grain(grain)
            offset += length

    def _runs(self, offset: int, end: int) -> Iterator[FileRun]:
        for inner, length, at in self._pieces(offset, end):
            yield (None if at is None else at + inner), length

    def _grain(self, grain: int) -> int | None:
        """Return where a grain begins in the file, None for zeros."""
        number, slot = divmod(grain, self.header.table_entries)
        table = self._tables[number] if number in self._tables else self._table(number)
        sector = 0 if table is None else table[slot]
        if sector == 0 or (sector == 1 and self.header.zero_grains):
            return None
        at = sector * SECTOR
        there = (
            12 if self.header.compressed else min(self.header.grain_size, self.size - grain * self.header.grain_size)
        )
        if at + there > self._file.size:
            raise ParseError(
                Place(self.name, offset=grain * self.header.grain_size),
                f"a grain inside the file wanted, byte {at} found, the file ends at {self._file.size}: truncated",
            )
        return at

    def _table(self, number: int) -> WordTable | None:
        sector = self._directory[number]
        table = None
        if sector and not (sector == 1 and self.header.zero_grains):
            table = WordTable(self._file, sector * SECTOR, self.header.table_entries, 4, "little")
        if len(self._tables) >= self._max_tables:
            del self._tables[next(iter(self._tables))]
        self._tables[number] = table
        return table

    def _unpacked(self, offset: int, end: int) -> Iterator[bytes]:
        for inner, length, at in self._pieces(offset, end):
            if at is None:
                yield bytes(length)
            else:
                content = self._content(offset // self.header.grain_size, at)
                yield content if length == len(content) else content[inner : inner + length]
            offset += length

    def _content(self, grain: int, at: int) -> bytes:
        """Return a compressed grain's content, from the cache of the last ones used."""
        content = self._grains.get(grain)
        if content is not None:
            self._grains.move_to_end(grain)
            return content
        content = self._inflated(grain, at)
        if len(self._grains) >= self._max_grains:
            self._grains.popitem(last=False)
        self._grains[grain] = content
        return content

    def _inflated(self, grain: int, at: int) -> bytes:
        """Expand the grain at byte `at`; the disk's last one may be as short as the disk."""
        start = grain * self.header.grain_size
        marker = self._file.read_at(at, _GRAIN_MARKER)
        sector, stored = int.from_bytes(marker[:8], "little"), int.from_bytes(marker[8:], "little")
        if sector * SECTOR != start:
            raise _fail(self._file, at, f"the grain of sector {start // SECTOR} wanted, that of {sector} found")
        if not 0 < stored <= 2 * self.header.grain_size + SECTOR:
            raise _fail(self._file, at + 8, f"a compressed grain of 1 byte to two grains wanted, {stored} bytes found")
        module = deflate_module()
        try:
            data = self._file.read_at(at + _GRAIN_MARKER, stored)
            content: bytes = module.decompressobj().decompress(data, self.header.grain_size)
        except module.error as error:
            raise _fail(self._file, at, f"compressed grain: broken deflate data ({error})") from error
        wanted = min(self.header.grain_size, self.size - start)
        if len(content) < wanted:
            raise _fail(self._file, at, f"{wanted} bytes of a grain wanted, its data gives {len(content)}")
        return content
