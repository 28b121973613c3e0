"""The transaction log of Windows 8.1 and later: entries ("HvLE") with their own checksums, one after another.

Specification: M. Suhanov, "Windows registry file format specification", "Format of transaction log files", "New
format". An entry counts when both its checksums are right and its pages lie in the bins; what follows one that does
not count, or whose number does not follow the last, is of an earlier use of the log.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.source import Source
from parsers.windows.registry.log_old import PAGE, Page
from parsers.windows.registry.marvin32 import marvin32

MAX_LOG: Final = 64 << 20
"""Bytes of a log; its checksums take a quarter of a second for each MiB."""
_ENTRY: Final = struct.Struct("<4sIIIIIQQ")
_REFERENCE: Final = struct.Struct("<II")
_BIN_UNIT: Final = 4096


class LogEntry(msgspec.Struct, frozen=True):
    """An entry: its number, the size that the bins have after it, and its pages."""

    sequence: int
    bins_size: int
    pages: tuple[Page, ...]


def read_entries(log: Source, sector_size: int, first: int) -> Iterator[LogEntry]:
    """Give the entries of `log` as long as each is whole and follows the last; the first one has the number `first`."""
    at = sector_size
    while at + _ENTRY.size <= log.size:
        head = log.read_at(at, _ENTRY.size)
        signature, size, _, sequence, bins_size, count, data_hash, head_hash = _ENTRY.unpack(head)
        if signature != b"HvLE" or size < _ENTRY.size or size % PAGE or at + size > log.size:
            return
        if sequence != first or marvin32(head[:32]) != head_hash:
            return
        data = log.read_at(at + _ENTRY.size, size - _ENTRY.size)
        pages = _pages(data, count, bins_size)
        if pages is None or marvin32(data) != data_hash:
            return
        yield LogEntry(sequence, bins_size, pages)
        first = first + 1 & 0xFFFFFFFF
        at += size


def _pages(data: bytes, count: int, bins_size: int) -> tuple[Page, ...] | None:
    """Return the pages of an entry; None where they are not within it, or not within the bins."""
    at = count * _REFERENCE.size
    if at > len(data) or bins_size % _BIN_UNIT:
        return None
    pages = []
    for offset, size in _REFERENCE.iter_unpack(data[:at]):
        if offset % PAGE or size % PAGE or offset + size > bins_size or at + size > len(data):
            return None
        pages.append((offset, data[at : at + size]))
        at += size
    return tuple(pages)
