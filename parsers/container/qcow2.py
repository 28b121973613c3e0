"""qcow2: a guest's disk in clusters, some of them absent, zero, compressed, or divided into subclusters.

Specification: QEMU's docs/interop/qcow2.txt, versions 2 and 3. A guest offset goes through the L1 table to an L2
table to a cluster of the file; whatever has no cluster reads as zeros, or from the backing file.
Both tables are read in slices, so that a lookup in a large image costs little; the caches are bounded in bytes.
Not done: encrypted clusters (reading raises `ParseError`), snapshots' contents, writing, and repairing: an entry
that contradicts the specification raises `ParseError` when the bytes behind it are asked for.
"""

from __future__ import annotations

import sys
from array import array
from collections import OrderedDict
from typing import Final

from parsers.container.qcow2_compression import BadCluster, inflater
from parsers.container.qcow2_header import Qcow2, parse_qcow2
from parsers.place import ParseError, Place
from parsers.source import Source, check_range

SLICE_BYTES: Final = 16 << 10
TABLE_CACHE_BYTES: Final = 4 << 20
CLUSTER_CACHE_BYTES: Final = 12 << 20

_OFFSET_MASK: Final = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED: Final = 1 << 62
_COPIED: Final = 1 << 63
_ZERO_FLAG: Final = 1
_SUBCLUSTERS: Final = 32
_ALL: Final = 0xFFFF_FFFF

# What a run of guest bytes is made of. A run's position is a file offset for DATA, a guest offset for the others.
_DATA: Final = 0
_ZEROS: Final = 1
_BACKING: Final = 2
_PACKED: Final = 3

Run = tuple[int, int, int]


def open_qcow2(
    file: Source, *, name: str | None = None, backing: Source | None = None, data_file: Source | None = None
) -> Qcow2Disk:
    """Return the guest's disk in the qcow2 `file`; `name` is what a `Place` calls it, the file's name by default.

    Raises `ParseError` when the header is broken, asks for an unknown incompatible feature, or names another file
    that the caller did not open and give: nothing that a header names is ever opened here.
    """
    info = parse_qcow2(file)
    refuse(file, info, backing=backing is not None, data_file=data_file is not None)
    return Qcow2Disk(file, info, backing, data_file, name)


def refuse(file: Source, info: Qcow2, *, backing: bool, data_file: bool) -> None:
    """Raise `ParseError` when reading `info`'s guest needs what is not there."""
    if info.unknown_incompatible:
        names = ", ".join(
            f"bit {feature.bit}" + (f" ({feature.name!r})" if feature.name else "")
            for feature in info.unknown_incompatible
        )
        raise ParseError(Place(file.name, offset=72), f"known incompatible features wanted, unknown found: {names}")
    if info.external_data and not data_file:
        raise ParseError(
            Place(file.name, offset=72), f"refused: the guest's data lies in an external data file, {info.data_file!r}"
        )
    if info.backing_file is not None and not backing:
        raise ParseError(Place(file.name, offset=8), f"refused: the image has a backing file, {info.backing_file!r}")


class Qcow2Disk:
    """The guest's disk as a `Source`; `info` holds the facts of the header."""

    def __init__(
        self,
        file: Source,
        info: Qcow2,
        backing: Source | None = None,
        data_file: Source | None = None,
        name: str | None = None,
    ) -> None:
        self.name = file.name if name is None else name
        self.info = info
        # QEMU gives the guest whole sectors.
        self.size = info.virtual_size & ~511
        self._file = file
        self._data = data_file if info.external_data and data_file is not None else file
        self._backing = backing
        self._bits = info.cluster_bits
        self._mask = info.cluster_size - 1
        self._words = 2 if info.extended_l2 else 1  # 64-bit words of an L2 entry
        self._l2_bits = info.cluster_bits - 3 - (self._words - 1)
        slice_bytes = min(info.cluster_size, SLICE_BYTES)
        self._slice_words = slice_bytes // 8
        self._slice_bits = (slice_bytes // (8 * self._words)).bit_length() - 1
        self._slices: dict[int, array[int]] = {}
        self._max_slices = max(2, TABLE_CACHE_BYTES // slice_bytes)
        self._no_slice = array("Q", bytes(slice_bytes))
        self._l1_slices: dict[int, array[int]] = {}
        self._clusters: OrderedDict[int, bytes] = OrderedDict()
        self._max_clusters = max(1, CLUSTER_CACHE_BYTES // info.cluster_size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the guest's bytes; clusters that lie side by side in the file are read at once."""
        check_range(self, offset, size)
        if self.info.encryption is not None:
            raise ParseError(
                Place(self._file.name, offset=32), f"the image is encrypted ({self.info.encryption}); not read"
            )
        inner = offset & self._mask
        if inner + size <= self._mask + 1:
            cluster = self._clusters.get(offset >> self._bits)
            if cluster is not None:
                return cluster[inner : inner + size]
        runs = self._runs(offset, offset + size)
        if len(runs) == 1:
            return self._read_run(*runs[0])
        return b"".join([self._read_run(*run) for run in runs])

    def _runs(self, offset: int, end: int) -> list[Run]:
        """Describe the guest's bytes from `offset` to `end`, neighbours of one kind joined."""
        runs: list[Run] = []
        kind = at = length = -1
        while offset < end:
            inner = offset & self._mask
            step = min(self._mask + 1 - inner, end - offset)
            for part_kind, part_at, part_length in self._cluster_runs(offset, inner, step):
                if part_kind == kind and at + length == part_at and kind != _PACKED:
                    length += part_length
                    continue
                if length > 0:
                    runs.append((kind, at, length))
                kind, at, length = part_kind, part_at, part_length
            offset += step
        if length > 0:
            runs.append((kind, at, length))
        return runs

    def _cluster_runs(self, offset: int, inner: int, length: int) -> tuple[Run, ...] | list[Run]:
        """Describe `length` bytes of one cluster, `inner` bytes after its start."""
        table, slot = self._l2_entry(offset >> self._bits)
        entry = table[slot]
        if entry & _COMPRESSED:
            return ((_PACKED, offset, length),)
        host = entry & _OFFSET_MASK
        if host & self._mask:
            raise self._broken(offset, f"a cluster on a cluster boundary wanted, file offset {host} found")
        allocated = bool(host) or (self._data is not self._file and bool(entry & _COPIED))
        if self._words == 2:
            return self._subcluster_runs(table[slot + 1], offset, inner, length, host if allocated else None)
        if entry & _ZERO_FLAG:
            if self.info.version < 3:
                raise self._broken(offset, "a zero cluster wants version 3, version 2 found")
            return ((_ZEROS, offset, length),)
        if allocated:
            return ((_DATA, host + inner, length),)
        return ((_BACKING, offset, length),)

    def _subcluster_runs(self, bitmap: int, offset: int, inner: int, length: int, host: int | None) -> list[Run]:
        allocated, zeros = bitmap & _ALL, bitmap >> 32
        if allocated & zeros or (allocated and host is None):
            raise self._broken(offset, f"the subcluster bitmap {bitmap:#018x} contradicts itself")
        runs: list[Run] = []
        sub_bits = self._bits - 5
        end = inner + length
        base = offset - inner
        while inner < end:
            number = inner >> sub_bits
            stop = min((number + 1) << sub_bits, end)
            if host is not None and allocated >> number & 1:
                runs.append((_DATA, host + inner, stop - inner))
            else:
                kind = _ZEROS if zeros >> number & 1 else _BACKING
                runs.append((kind, base + inner, stop - inner))
            inner = stop
        return runs

    def _l2_entry(self, cluster: int) -> tuple[array[int], int]:
        """Return the slice that holds the guest cluster's L2 entry, and the entry's index within it."""
        key = cluster >> self._slice_bits
        table = self._slices.get(key)
        if table is None:
            table = self._load_slice(key, cluster)
        return table, (cluster & (1 << self._slice_bits) - 1) * self._words

    def _load_slice(self, key: int, cluster: int) -> array[int]:
        l2_offset = self._l1_entry(cluster >> self._l2_bits) & _OFFSET_MASK
        if l2_offset & self._mask:
            raise self._broken(cluster << self._bits, f"an L2 table on a cluster boundary wanted, {l2_offset} found")
        if l2_offset:
            first = (cluster & (1 << self._l2_bits) - 1) >> self._slice_bits
            table = self._words_at(l2_offset + first * self._slice_words * 8, self._slice_words, "L2")
        else:
            table = self._no_slice
        if len(self._slices) >= self._max_slices:
            del self._slices[next(iter(self._slices))]
        self._slices[key] = table
        return table

    def _l1_entry(self, index: int) -> int:
        per_slice = SLICE_BYTES // 8
        key, slot = divmod(index, per_slice)
        table = self._l1_slices.get(key)
        if table is None:
            count = min(per_slice, self.info.l1_entries - key * per_slice)
            table = self._words_at(self.info.l1_offset + key * SLICE_BYTES, count, "L1")
            if len(self._l1_slices) >= TABLE_CACHE_BYTES // SLICE_BYTES:
                del self._l1_slices[next(iter(self._l1_slices))]
            self._l1_slices[key] = table
        return table[slot]

    def _words_at(self, offset: int, count: int, what: str) -> array[int]:
        """Read big-endian 64-bit words of a table."""
        if offset + count * 8 > self._file.size:
            raise ParseError(
                Place(self._file.name, offset=offset),
                f"an {what} table wanted, but the file ends at byte {self._file.size}: truncated",
            )
        table = array("Q", self._file.read_at(offset, count * 8))
        if sys.byteorder == "little":
            table.byteswap()
        return table

    def _read_run(self, kind: int, at: int, length: int) -> bytes:
        if kind == _DATA:
            return self._read_data(at, length)
        if kind == _PACKED:
            inner = at & self._mask
            return self._unpacked(at >> self._bits)[inner : inner + length]
        if kind == _BACKING and self._backing is not None:
            there = max(0, min(length, self._backing.size - at))
            return (self._backing.read_at(at, there) if there else b"") + bytes(length - there)
        return bytes(length)

    def _read_data(self, at: int, length: int) -> bytes:
        """Read the file; a last cluster that was never written to its end reads as zeros there, as in QEMU."""
        end = self._data.size
        if at + length <= end:
            return self._data.read_at(at, length)
        if at + length > (end + self._mask) & ~self._mask:
            raise ParseError(
                Place(self._data.name, offset=at), f"{length} bytes wanted, the file ends at byte {end}: truncated"
            )
        there = max(0, end - at)
        return (self._data.read_at(at, there) if there else b"") + bytes(length - there)

    def _unpacked(self, cluster: int) -> bytes:
        """Return a compressed cluster's content, from the cache of the last ones used."""
        content = self._clusters.get(cluster)
        if content is not None:
            self._clusters.move_to_end(cluster)
            return content
        table, slot = self._l2_entry(cluster)
        if self._data is not self._file:
            raise self._broken(cluster << self._bits, "no compressed cluster wanted with an external data file")
        shift = 62 - (self._bits - 8)
        at = table[slot] & (1 << shift) - 1
        sectors = ((table[slot] & _COMPRESSED - 1) >> shift) + 1
        stored = min(sectors * 512 - (at & 511), self._file.size - at)
        if stored <= 0:
            raise self._broken(
                cluster << self._bits,
                f"a compressed cluster at byte {at}, the file ends at {self._file.size}: truncated",
            )
        try:
            content = inflater(self.info.compression)(self._file.read_at(at, stored), self._mask + 1)
        except BadCluster as error:
            raise ParseError(Place(self._file.name, offset=at), f"compressed cluster: {error}") from error
        if len(self._clusters) >= self._max_clusters:
            self._clusters.popitem(last=False)
        self._clusters[cluster] = content
        return content

    def _broken(self, guest_offset: int, message: str) -> ParseError:
        return ParseError(Place(self.name, offset=guest_offset), message)
