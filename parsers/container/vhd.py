"""VHD: a raw disk with a footer, or a disk in blocks, each behind a bitmap of its sectors.

Specification: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0 (2006).
A sector whose bit is clear was never written and reads as zeros. (QEMU looks at no bit when it reads; programs that
write a block fill it with zeros first, so that both ways give the same.)
`parsers.container.vhd_footer` says how the size is chosen, and what is not done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parsers.container.runs import FileRun, read_runs
from parsers.container.vhd_footer import ABSENT, SECTOR, Vhd, bitmap_size, parse_vhd
from parsers.container.word_table import WordTable
from parsers.place import ParseError, Place
from parsers.source import Source, check_range

BITMAP_CACHE_BYTES: Final = 4 << 20


def open_vhd(file: Source, *, name: str | None = None) -> VhdDisk:
    """Return the guest's disk in the VHD `file`; `name` is what a `Place` calls it, the file's name by default.

    Raises `ParseError` when footer or header are broken, and for a differencing disk.
    """
    return VhdDisk(file, parse_vhd(file), file.name if name is None else name)


class VhdDisk:
    """The guest's disk as a `Source`; `info` holds the facts of the footer."""

    def __init__(self, file: Source, info: Vhd, name: str) -> None:
        self.name = name
        self.info = info
        self.size = info.virtual_size
        self._file = file
        self._table = WordTable(file, info.table_offset, info.blocks, 4, "big") if info.blocks else None
        self._bitmap_size = bitmap_size(info.block_size)
        self._bitmaps: dict[int, bytes] = {}
        self._max_bitmaps = max(1, BITMAP_CACHE_BYTES // self._bitmap_size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the guest's bytes; what lies side by side in the file is read at once."""
        check_range(self, offset, size)
        if self._table is None:
            return self._file.read_at(offset, size)
        return read_runs(self._file, self._runs(self._table, offset, offset + size))

    def _runs(self, table: WordTable, offset: int, end: int) -> Iterator[FileRun]:
        block_size = self.info.block_size
        while offset < end:
            block, inner = divmod(offset, block_size)
            length = min(block_size - inner, end - offset)
            sector = table[block]
            if sector == ABSENT:
                yield None, length
            else:
                yield from self._block_runs(block, sector * SECTOR, inner, inner + length)
            offset += length

    def _block_runs(self, block: int, at: int, inner: int, end: int) -> Iterator[FileRun]:
        """Describe bytes `inner` to `end` of the block whose bitmap is at byte `at` of the file."""
        data = at + self._bitmap_size
        if at < SECTOR or data + self.info.block_size > self._file.size:
            raise ParseError(
                Place(self.name, offset=block * self.info.block_size),
                f"a block inside the file wanted, byte {at} found, the file ends at {self._file.size}: truncated",
            )
        bitmap = self._bitmap(block, at)
        first, last = inner // SECTOR, (end - 1) // SECTOR
        part = bitmap[first >> 3 : (last >> 3) + 1]
        if part.count(0xFF) == len(part):
            yield data + inner, end - inner
            return
        while inner < end:
            sector = inner // SECTOR
            stop = min((sector + 1) * SECTOR, end)
            written = bitmap[sector >> 3] & 0x80 >> (sector & 7)
            yield (data + inner if written else None), stop - inner
            inner = stop

    def _bitmap(self, block: int, at: int) -> bytes:
        bitmap = self._bitmaps.get(block)
        if bitmap is None:
            bitmap = self._file.read_at(at, self._bitmap_size)
            if len(self._bitmaps) >= self._max_bitmaps:
                del self._bitmaps[next(iter(self._bitmaps))]
            self._bitmaps[block] = bitmap
        return bitmap
