"""The transaction log of Windows up to 8: a bitmap of changed pages and the pages themselves, after "DIRT".

Specification: M. Suhanov, "Windows registry file format specification", "Format of transaction log files", "Old
format". Pages have 512 bytes. Such a log has no checksum of its pages; those that begin a bin are looked at, and a
log with one that is none is not used at all, where Windows would use what comes before it.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.place import ParseError, Place
from parsers.source import Source
from parsers.windows.registry.header import BaseBlock

PAGE: Final = 512
Page = tuple[int, bytes]
"""Where bytes go, counted from the first bin; and the bytes."""

_BIN: Final = struct.Struct("<4sII")
_BIN_UNIT: Final = 4096


def read_pages(log: Source, base: BaseBlock) -> list[Page]:
    """Return the changed pages of `log`, whose own base block is `base`. Raises ParseError where they are not whole."""
    start = base.sector_size
    signature = log.read_at(start, 4)
    if signature != b"DIRT":
        raise ParseError(Place(log.name, offset=start), f"DIRT wanted, {signature.hex(' ')} found")
    if base.bins_size % _BIN_UNIT:
        raise ParseError(Place(log.name, offset=40), f"bins of whole pages wanted, {base.bins_size} bytes found")
    bitmap = log.read_at(start + 4, -(-base.bins_size // (PAGE * 8)))
    numbers = [8 * at + bit for at, byte in enumerate(bitmap) if byte for bit in range(8) if byte >> bit & 1]
    first = -(-(start + 4 + len(bitmap)) // base.sector_size) * base.sector_size
    data = log.read_at(first, len(numbers) * PAGE)
    pages = [(number * PAGE, data[at * PAGE : (at + 1) * PAGE]) for at, number in enumerate(numbers)]
    for position, page in pages:
        _check_bin(log, position, page)
    return pages


def _check_bin(log: Source, position: int, page: bytes) -> None:
    """Raise ParseError where a page looks like the start of a bin, but of another one."""
    signature, offset, size = _BIN.unpack_from(page)
    if position % _BIN_UNIT or signature != b"hbin":
        return
    if offset != position or size < _BIN_UNIT:
        message = f"a bin at offset {position:#x} wanted, one of {size} bytes at {offset:#x} found"
        raise ParseError(Place(log.name), message)
