"""Cells of a hive, read one by one; and the bins that hold them, checked all at once.

Specification: M. Suhanov, "Windows registry file format specification", "Hive bin" and "Cell". An offset counts from
the first bin. The file is read in blocks, the latest of which are kept; no bin is read that holds no wanted cell, so
that a cell which crosses the end of its bin is found by `check_bins` alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from parsers.place import ParseError, Place, Problem
from parsers.source import Source
from parsers.windows.registry.header import BASE_BLOCK_SIZE

MAX_CELL: Final = 16 << 20
"""Bytes of one cell; values of more than 1 MiB are in several."""
MAX_CELLS: Final = 10_000_000
"""Cells that `check_bins` goes through; the largest hives of Windows have a tenth of this."""
BIN_UNIT: Final = 4096
"""The size of a bin is a multiple of this."""
_BIN_HEADER: Final = 32
_BLOCK_SHIFT: Final = 14
_BLOCK: Final = 1 << _BLOCK_SHIFT
_MAX_BLOCKS: Final = 1024
_SIZE: Final = struct.Struct("<i")
_BIN: Final = struct.Struct("<4sII")


class Cells:
    """The cells of the bins in `source`, which are `size` bytes; fewer where the file ends earlier."""

    def __init__(self, source: Source, size: int) -> None:
        self.name = source.name
        self.size = max(0, min(size, source.size - BASE_BLOCK_SIZE))
        self._source = source
        self._blocks: dict[int, bytes] = {}

    def read(self, offset: int) -> bytes:
        """Return what the allocated cell at `offset` holds. Raises ParseError where there is none."""
        at = offset & (_BLOCK - 1)
        if not _BIN_HEADER <= offset < self.size - 4 or offset & 7:
            raise self.error(offset, f"a cell within {self.size} bytes of bins wanted, offset {offset:#x} found")
        number = offset >> _BLOCK_SHIFT
        block = self._blocks.get(number)
        if block is None:
            try:
                block = self._load(number)
            except ParseError:  # something around the cell cannot be read: the cell itself may be
                block, at = self._source.read_at(BASE_BLOCK_SIZE + offset, 4), 0
        length = -_SIZE.unpack_from(block, at)[0]
        if not 8 <= length <= MAX_CELL or offset + length > self.size:
            raise self.error(offset, self._flaw(length))
        if at + length <= len(block):
            return block[at + 4 : at + length]
        return self._source.read_at(BASE_BLOCK_SIZE + offset + 4, length - 4)

    def place(self, offset: int, key: str | None = None) -> Place:
        """Return where the cell at `offset`, which is what `key` names, stands in the file."""
        return Place(self.name, key=key, offset=BASE_BLOCK_SIZE + offset)

    def error(self, offset: int, message: str) -> ParseError:
        """Return an error about the cell at `offset`."""
        return ParseError(self.place(offset), message)

    def _flaw(self, length: int) -> str:
        if length <= 0:
            return "an allocated cell wanted, a free one found" if length else "a cell wanted, one of 0 bytes found"
        return f"a cell of 8 to {MAX_CELL} bytes within the bins wanted, one of {length} found"

    def _load(self, number: int) -> bytes:
        start = number << _BLOCK_SHIFT
        block = self._source.read_at(BASE_BLOCK_SIZE + start, min(_BLOCK, self.size - start))
        if len(self._blocks) >= _MAX_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        self._blocks[number] = block
        return block


def bins_end(source: Source, most: int = MAX_CELLS) -> int:
    """Return how many bytes of bins follow each other from the first one: what a wrong base block does not tell.

    At most `most` bins are looked at.
    """
    at = 0
    while most and at + BASE_BLOCK_SIZE + _BIN_HEADER <= source.size:
        most -= 1
        signature, offset, size = _BIN.unpack(source.read_at(BASE_BLOCK_SIZE + at, _BIN.size))
        if signature != b"hbin" or offset != at or size == 0 or size % BIN_UNIT:
            break
        at += size
    return at


def check_bins(source: Source, size: int) -> Iterator[Problem]:
    """Give what is wrong with the chain of bins, and with the cells that fill each; every bin is read.

    `size` is what the base block says that the bins take.
    """
    at, room = 0, MAX_CELLS
    while at < size:
        place = Place(source.name, offset=BASE_BLOCK_SIZE + at)
        if BASE_BLOCK_SIZE + at + _BIN_HEADER > source.size:
            yield Problem(place, f"{size} bytes of bins wanted, the file ends after {at}")
            return
        signature, offset, length = _BIN.unpack(source.read_at(BASE_BLOCK_SIZE + at, _BIN.size))
        if signature != b"hbin" or offset != at:
            yield Problem(place, f"a bin at offset {at:#x} wanted, {signature.hex(' ')} at {offset:#x} found")
            return
        if length == 0 or length % BIN_UNIT or at + length > size:
            yield Problem(place, f"a bin of whole pages within {size} bytes wanted, {length} bytes found")
            return
        count, flaw = _check_cells(source, at, length, room)
        if flaw:
            yield flaw
        room -= count
        if room <= 0:
            yield Problem(place, f"at most {MAX_CELLS} cells wanted, the rest was not checked")
            return
        at += length


def _check_cells(source: Source, start: int, length: int, room: int) -> tuple[int, Problem | None]:
    """Return how many cells of a bin were looked at, and what is wrong first: they fill it without a gap."""
    if BASE_BLOCK_SIZE + start + length > source.size:
        place = Place(source.name, offset=BASE_BLOCK_SIZE + start)
        return 0, Problem(place, "a whole bin wanted, the file ends in it")
    at, count = _BIN_HEADER, 0
    piece, piece_at = b"", 0
    while at < length and count < room:
        if not piece_at <= at <= piece_at + len(piece) - 4:
            piece_at, piece = at, source.read_at(BASE_BLOCK_SIZE + start + at, min(_BLOCK, length - at))
        size = abs(_SIZE.unpack_from(piece, at - piece_at)[0])
        if size < 8 or size % 8 or at + size > length:
            place = Place(source.name, offset=BASE_BLOCK_SIZE + start + at)
            return count, Problem(place, f"a cell of 8 to {length - at} bytes wanted, {size} found")
        at += size
        count += 1
    return count, None
