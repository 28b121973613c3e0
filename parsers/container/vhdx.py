"""VHDX: a guest's disk in blocks of 1 MiB to 256 MiB, found through a block allocation table.

Specification: [MS-VHDX], Virtual Hard Disk v2 (VHDX) File Format. A log that is not empty is replayed in memory
(`parsers.container.vhdx_log`), and everything but the headers is read as it is afterwards.
Blocks that are absent, undefined, unmapped or zero read as zeros. Sector bitmaps serve differencing disks alone, which
are refused; their entries in the table are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.container.runs import FileRun, read_runs
from parsers.container.vhdx_header import MIB, VhdxHeader, VhdxLayout, parse_header, parse_layout
from parsers.container.vhdx_log import Replayed, replay
from parsers.container.word_table import WordTable
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range

MAX_SCANNED: Final = 1 << 20  # entries of the table that are looked at when the file is opened
_CHUNK: Final = 1 << 23  # sectors behind one sector bitmap

_FULLY_PRESENT: Final = 6
_ZEROS: Final = frozenset({0, 1, 2, 3, 5})  # not present, undefined, zero, unmapped, and unmapped as of version 0.95
_STATE: Final = 7
_OFFSET: Final = 0xFFFF_FFFF_FFF0_0000


class Vhdx(msgspec.Struct, frozen=True):
    """The facts of a VHDX; sizes in bytes.

    Attributes:
        creator: the program that made the file, as it calls itself.
        dirty: the log was not empty: the file was not closed cleanly.
        log_entries: how many entries of it were replayed.
        leave_allocated: blocks are meant to stay allocated, as in a fixed disk.
        truncated: blocks of the disk are not in the file.
    """

    creator: str
    virtual_size: int
    block_size: int
    logical_sector_size: int
    physical_sector_size: int
    disk_id: str | None
    leave_allocated: bool
    dirty: bool
    log_entries: int
    truncated: bool
    problems: tuple[Problem, ...]


def open_vhdx(file: Source, *, name: str | None = None) -> VhdxDisk:
    """Return the guest's disk in the VHDX `file`; `name` is what a `Place` calls it, the file's name by default.

    Raises `ParseError` when a structure that is needed is broken or cut off, and for a differencing disk.
    """
    header, creator = parse_header(file)
    replayed = replay(file, header)
    layout = parse_layout(replayed)
    table = _table(replayed, layout)
    flaws = tuple(_table_flaws(replayed, layout, table))
    info = Vhdx(
        creator=creator,
        virtual_size=layout.virtual_size,
        block_size=layout.block_size,
        logical_sector_size=layout.logical_sector_size,
        physical_sector_size=layout.physical_sector_size,
        disk_id=layout.disk_id,
        leave_allocated=layout.leave_allocated,
        dirty=header.log_guid is not None,
        log_entries=replayed.entries if isinstance(replayed, Replayed) else 0,
        truncated=bool(flaws),
        problems=(*header.problems, *_log_problem(file, header), *layout.problems, *flaws),
    )
    return VhdxDisk(replayed, info, table, file.name if name is None else name)


class VhdxDisk:
    """The guest's disk as a `Source`; `info` holds the facts of the file."""

    def __init__(self, file: Source, info: Vhdx, table: WordTable, name: str) -> None:
        self.name = name
        self.info = info
        self.size = info.virtual_size
        self._file = file
        self._table = table
        self._bits = info.block_size.bit_length() - 1
        self._ratio = _chunk_ratio(info.logical_sector_size, info.block_size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the guest's bytes; blocks that lie side by side in the file are read at once."""
        check_range(self, offset, size)
        return read_runs(self._file, self._runs(offset, offset + size))

    def _runs(self, offset: int, end: int) -> Iterator[FileRun]:
        block_size = self.info.block_size
        while offset < end:
            block = offset >> self._bits
            inner = offset & (block_size - 1)
            length = min(block_size - inner, end - offset)
            entry = self._table[block + block // self._ratio]
            state = entry & _STATE
            if state == _FULLY_PRESENT:
                yield self._present(entry & _OFFSET, offset) + inner, length
            elif state in _ZEROS:
                yield None, length
            else:
                raise ParseError(Place(self.name, offset=offset), f"a known state of a block wanted, {state} found")
            offset += length

    def _present(self, at: int, offset: int) -> int:
        if at < MIB or at + self.info.block_size > self._file.size:
            raise ParseError(
                Place(self.name, offset=offset),
                f"a block inside the file wanted, byte {at} found, the file ends at {self._file.size}: truncated",
            )
        return at


def _chunk_ratio(sector_size: int, block_size: int) -> int:
    """Return after how many entries of the table one for a sector bitmap follows."""
    return _CHUNK * sector_size // block_size


def _table(file: Source, layout: VhdxLayout) -> WordTable:
    blocks = -(-layout.virtual_size // layout.block_size)
    count = blocks + (blocks - 1) // _chunk_ratio(layout.logical_sector_size, layout.block_size)
    if count * 8 > layout.bat_length:
        raise ParseError(
            Place(file.name, offset=layout.bat_offset),
            f"a block allocation table of {count * 8} bytes wanted, {layout.bat_length} found",
        )
    return WordTable(file, layout.bat_offset, count, 8, "little")


def _table_flaws(file: Source, layout: VhdxLayout, table: WordTable) -> Iterator[Problem]:
    """Say where the first blocks of the table lie outside the file, in one problem."""
    room = file.size - layout.block_size
    outside = last = 0
    for words in table.scan(MAX_SCANNED):
        found = [word & _OFFSET for word in words if word & _STATE == _FULLY_PRESENT and word & _OFFSET > room]
        outside += len(found)
        last = max(found, default=last)
    if outside:
        message = f"{outside} blocks lie behind the end of the file, one at byte {last}: truncated"
        yield Problem(Place(file.name, offset=layout.bat_offset), message)


def _log_problem(file: Source, header: VhdxHeader) -> Iterator[Problem]:
    if header.log_guid is not None:
        yield Problem(Place(file.name, offset=header.offset + 48), "the log is not empty: replayed in memory")
