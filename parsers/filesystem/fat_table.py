"""The file allocation table of a FAT volume, and the content that its chains give.

Specification: Microsoft FAT32 File System Specification 1.03, "FAT Data Structure". Only the first copy of the
table is read, by the page; every chain is counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from sys import byteorder
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source, check_range

_PAGE: Final = 4096
_MAX_PAGES: Final = 1024  # of the table, kept
_MAX_PIECES: Final = 1 << 20  # of one file
_MAX_COUNTED_TABLE: Final = 32 << 20  # larger tables are not read to count what is free


class Geometry(msgspec.Struct, frozen=True):
    """Where things lie; offsets and sizes in bytes. `bits` is 12, 16 or 32."""

    bits: int
    table: int
    table_bytes: int
    root: int
    root_bytes: int
    root_cluster: int
    data: int
    cluster_bytes: int
    clusters: int
    information: int
    state: int


class Table:
    """The file allocation table, read by the page."""

    def __init__(self, source: Source, geometry: Geometry) -> None:
        self._source = source
        self._geometry = geometry
        self._pages: dict[int, bytes] = {}

    def __getitem__(self, cluster: int) -> int:
        """Return the entry of a cluster; the caller has checked the number."""
        bits = self._geometry.bits
        at = cluster * bits // 8
        if bits == 32:
            return int.from_bytes(self._bytes(at, 4), "little") & 0x0FFF_FFFF
        value = int.from_bytes(self._bytes(at, 2), "little")
        if bits == 16:
            return value
        return value >> 4 if cluster & 1 else value & 0xFFF

    def chain(self, cluster: int) -> Iterator[int]:
        """Give the clusters of a chain, `cluster` first; each is checked, and no more are given than exist."""
        end = (1 << min(self._geometry.bits, 28)) - 8
        last = self._geometry.clusters + 1
        for _ in range(self._geometry.clusters):
            if not 2 <= cluster <= last:
                raise ParseError(self._place(cluster), f"a cluster from 2 to {last} wanted, {cluster} found")
            yield cluster
            following = self[cluster]
            if following >= end:
                return
            cluster = following
        raise ParseError(self._place(cluster), "a chain that ends wanted, one that loops found")

    def count_free(self) -> int | None:
        """Count the free clusters; None where the table is too large to be read for it."""
        geometry = self._geometry
        size = (geometry.clusters + 2) * geometry.bits // 8
        if size > _MAX_COUNTED_TABLE:
            return None
        if geometry.bits == 12:
            return sum(not self[cluster] for cluster in range(2, geometry.clusters + 2))
        width = geometry.bits // 8
        entries = array("H" if width == 2 else "I", self._source.read_at(geometry.table, size))
        if byteorder == "big":
            entries.byteswap()
        return entries[2:].count(0)

    def _bytes(self, at: int, size: int) -> bytes:
        page, start = divmod(at, _PAGE)
        data = self._page(page)[start : start + size]
        return data if len(data) == size else data + self._page(page + 1)[: size - len(data)]

    def _page(self, page: int) -> bytes:
        data = self._pages.get(page)
        if data is None:
            if len(self._pages) >= _MAX_PAGES:
                self._pages.clear()
            start = page * _PAGE
            size = max(min(_PAGE, self._geometry.table_bytes - start), 0)
            data = self._pages[page] = self._source.read_at(self._geometry.table + start, size)
        return data

    def _place(self, cluster: int) -> Place:
        return Place(self._source.name, key=f"cluster {cluster}")


class Content:
    """The bytes of a file: pieces of the volume, found as far along the chain as was asked for."""

    def __init__(self, source: Source, geometry: Geometry, table: Table, cluster: int, size: int) -> None:
        self.name = source.name
        self.size = size
        self._source = source
        self._geometry = geometry
        self._chain = table.chain(cluster)
        self._pieces: list[list[int]] = []  # start in the file, offset in the volume, length
        self._mapped = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file; a chain that ends before the file does is a `ParseError`."""
        check_range(self, offset, size)
        self._map(offset + size)
        parts = []
        for start, place, length in self._pieces[self._first(offset) :]:
            if size <= 0:
                break
            within = offset - start
            part = self._source.read_at(place + within, min(length - within, size))
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return b"".join(parts)

    def _first(self, offset: int) -> int:
        low, high = 0, len(self._pieces)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._pieces[middle][0] <= offset else (low, middle)
        return low

    def _map(self, end: int) -> None:
        length = self._geometry.cluster_bytes
        while self._mapped < end:
            cluster = next(self._chain, None)
            if cluster is None:
                raise ParseError(
                    Place(self.name), f"a file of {self.size} bytes wanted, its chain ends after {self._mapped}"
                )
            place = self._geometry.data + (cluster - 2) * length
            last = self._pieces[-1] if self._pieces else None
            if last and last[1] + last[2] == place:
                last[2] += length
            elif len(self._pieces) < _MAX_PIECES:
                self._pieces.append([self._mapped, place, length])
            else:
                raise ParseError(Place(self.name), f"a file of at most {_MAX_PIECES} pieces wanted")
            self._mapped += length
