"""Data as they lie in extents, verified if that is asked for, and expanded.

Specification: btrfs on-disk format, "EXTENT_CSUM". A checksum covers one sector as it is stored, thus compressed
data before they are expanded. Files without checksums (nodatasum) cannot be verified.
"""

from __future__ import annotations

from typing import Final

from parsers.filesystem.btrfs.btree import BTree
from parsers.filesystem.btrfs.compression import MAX_EXTENT, CompressionError, decompress
from parsers.filesystem.btrfs.volume import Volume
from parsers.place import ParseError

_CHECKSUMS: Final = (1 << 64) - 10
_ITEM: Final = 128
_PIECE: Final = 256 << 10  # of data that are verified at once
_KEPT: Final = 32  # expanded extents, of 128 KiB at most


class Data:
    """Reads data by their logical addresses."""

    def __init__(self, volume: Volume, checksums: BTree | None) -> None:
        self._volume = volume
        self._checksums = checksums  # None: data are not verified
        self._checksum = volume.superblock.checksum
        self._sector_size = volume.superblock.sector_size
        self._expanded: dict[tuple[int, int, int, int], bytes] = {}

    def read(self, logical: int, size: int, *, summed: bool) -> bytes:
        """Return bytes as they are stored; `summed` tells whether there have to be checksums of them."""
        if self._checksums is None or not summed:
            return self._volume.read(logical, size)
        sector = self._sector_size
        start = logical // sector * sector
        end = -(-(logical + size) // sector) * sector
        sums = self._checksums
        pieces = [self._read_verified(sums, at, min(_PIECE, end - at)) for at in range(start, end, _PIECE)]
        return b"".join(pieces)[logical - start : logical - start + size]

    def expand(self, kind: int, logical: int, stored: int, size: int, *, summed: bool) -> bytes:
        """Return the content of a compressed extent of `stored` bytes; some extents are kept."""
        key = (logical, stored, size, kind)
        data = self._expanded.pop(key, None)
        if data is None:
            if not 0 < stored <= MAX_EXTENT or size > MAX_EXTENT:
                text = f"a compressed extent of 1 to {MAX_EXTENT} bytes wanted, {stored} for {size} found"
                raise self._volume.error(logical, text)
            compressed = self.read(logical, stored, summed=summed)
            data = self.decompress(kind, compressed, size, logical)
            if len(self._expanded) >= _KEPT:
                del self._expanded[next(iter(self._expanded))]
        self._expanded[key] = data
        return data

    def decompress(self, kind: int, compressed: bytes, size: int, logical: int) -> bytes:
        """Expand data; `logical` is where they lie, for the error."""
        try:
            return decompress(kind, compressed, size, self._sector_size)
        except CompressionError as error:
            raise self._volume.error(logical, f"extent {logical}: {error}") from None

    def _read_verified(self, tree: BTree, logical: int, size: int) -> bytes:
        """Return whole sectors whose checksums are right, each from the first copy of which that is so."""
        volume, sector, length = self._volume, self._sector_size, self._checksum.size
        sums = self._sums(tree, logical, size // sector)
        flaws: dict[int, str] = {}
        found: dict[int, bytes] = {}
        for copy in range(volume.copies(logical)):
            for index in range(size // sector):
                if index in found:
                    continue
                at = logical + index * sector
                try:
                    data = volume.read_copy(at, sector, copy)
                except ParseError as error:
                    flaws.setdefault(index, error.message)
                    continue
                wanted, seen = sums[index * length : (index + 1) * length], self._checksum.digest(data)
                if wanted == seen:
                    found[index] = data
                else:
                    flaws[index] = f"checksum {wanted.hex()} wanted, {seen.hex()} found"
                    volume.report(volume.place(at, copy), f"data at {at}: {flaws[index]}")
            if len(found) == size // sector:
                return b"".join(found[index] for index in sorted(found))
        index = min(flaws.keys() - found.keys())
        raise volume.error(logical + index * sector, f"data at {logical + index * sector}: {flaws[index]}")

    def _sums(self, tree: BTree, logical: int, count: int) -> bytes:
        """Return the checksums of so many sectors, one behind the other."""
        sums = bytearray()
        end = logical + count * self._sector_size
        while logical < end:
            found = tree.floor((_CHECKSUMS, _ITEM, logical))
            if found is None or found[0][:2] != (_CHECKSUMS, _ITEM):
                raise self._volume.error(logical, f"a checksum of the data at {logical} wanted, none found")
            index = (logical - found[0][2]) // self._sector_size
            covered = len(found[1]) // self._checksum.size
            last = min(covered, index + (end - logical) // self._sector_size)
            if index >= last:
                raise self._volume.error(logical, f"a checksum of the data at {logical} wanted, none found")
            sums += found[1][index * self._checksum.size : last * self._checksum.size]
            logical += (last - index) * self._sector_size
        return bytes(sums)
