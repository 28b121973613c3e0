"""File records of the master file table, and files whose attributes are spread over several of them.

Layout: libfsntfs' documentation of the format, "The MFT entry" and "The attribute list". A list names the record of
each attribute, or of each piece of one; the table's own list is followed first, piece by piece, so that no record is
looked for before it is known where it lies.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Final

import msgspec

from parsers.filesystem.mapped import MappedContent
from parsers.filesystem.ntfs.attribute import Attribute, Extent, Runs, Type, extent_of, parse_attributes, value_of
from parsers.filesystem.ntfs.name import decode_name
from parsers.filesystem.ntfs.volume import Volume
from parsers.place import ParseError

_HEADER: Final = struct.Struct("<16xHHHHIIQ")
_ENTRY: Final = struct.Struct("<IHBBQQH")
_IN_USE: Final = 1
_DIRECTORY: Final = 2
_NUMBER: Final = (1 << 48) - 1
_MAX_LIST: Final = 256 << 10  # what Windows allows
_PIECE: Final = 16 << 10  # of the table, read at once
_KEPT_PIECES: Final = 512  # 8 MiB: a walk comes back to them, directory by directory
_KEPT_INODES: Final = 1024
_KEPT_RUNS: Final = 64


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record that is in use.

    Attributes:
        sequence: how often the record was used for a new file; references carry it.
        base: the number of the record that this one extends; None: it stands for itself.
        offset: where it lies on the volume.
    """

    number: int
    sequence: int
    is_directory: bool
    base: int | None
    attributes: tuple[Attribute, ...]
    offset: int


class _Listed(msgspec.Struct, frozen=True):
    """An entry of an attribute list: the piece of an attribute from cluster `lowest` on, and its record."""

    type: int
    name: str
    lowest: int
    record: int
    id: int


class Inode:
    """A file: its base record, and what others hold of it."""

    __slots__ = ("_list", "_records", "is_directory", "number", "record")

    def __init__(self, records: Records, record: Record) -> None:
        self.record = record
        self.number = record.number
        self.is_directory = record.is_directory
        self._records = records
        self._list: list[_Listed] | None = None
        for item in record.attributes:
            if item.type == Type.ATTRIBUTE_LIST:
                self._list = records.parse_list(item)

    def all(self, kind: int) -> list[Attribute]:
        """Return the attributes of a type, the first piece of each."""
        if self._list is None:
            return [item for item in self.record.attributes if item.type == kind]
        return [self._fetch(item) for item in self._list if item.type == kind and not item.lowest]

    def find(self, kind: int, name: str = "") -> Attribute | None:
        """Return an attribute, its first piece; None where there is none of that name."""
        if self._list is None:
            for item in self.record.attributes:
                if item.type == kind and item.name == name:
                    return item
            return None
        for listed in self._list:
            if listed.type == kind and listed.name == name and not listed.lowest:
                return self._fetch(listed)
        return None

    def pieces(self, attribute: Attribute) -> list[_Listed]:
        """Return where the pieces of an attribute are, in order; nothing for one that lies in one piece."""
        found = [item for item in self._list or () if (item.type, item.name) == (attribute.type, attribute.name)]
        return sorted(found, key=lambda item: item.lowest) if len(found) > 1 else []

    def _fetch(self, item: _Listed) -> Attribute:
        return self._records.fetch(self.record, item)


class Mapping:
    """Where the clusters of an attribute lie; the runs of its pieces are read when they are needed."""

    def __init__(self, records: Records, inode: Inode, attribute: Attribute) -> None:
        self._records = records
        self._base = inode.record
        self._volume = records.volume
        self._pieces = inode.pieces(attribute)
        self._starts = [piece.lowest for piece in self._pieces]
        self._place = attribute.place
        self._runs = {0: Runs(self._volume, attribute)}

    def find(self, logical: int) -> tuple[int | None, int]:
        """Return the cluster of the volume, None where it is sparse, and how many follow it in step."""
        index = max(bisect_right(self._starts, logical) - 1, 0)
        runs = self._runs.get(index)
        if runs is None:
            runs = Runs(self._volume, self._records.fetch(self._base, self._pieces[index]))
            if len(self._runs) >= _KEPT_RUNS:
                del self._runs[next(iter(self._runs))]
            self._runs[index] = runs
        if not runs.first <= logical < runs.end:
            raise self._volume.error(self._place, f"cluster {logical} of the value wanted, it is not mapped")
        return runs.find(logical)


class _TableMapping:
    """Where the clusters of the master file table lie: pieces that are known so far."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._runs: list[Runs] = []

    def add(self, runs: Runs) -> None:
        """Put the next piece behind the others."""
        end = self._runs[-1].end if self._runs else 0
        if runs.first != end:
            wanted = f"the piece of the master file table from cluster {end} on wanted"
            raise self._volume.error(0, f"{wanted}, {runs.first} found")
        self._runs.append(runs)

    def find(self, logical: int) -> tuple[int | None, int]:
        """Return a cluster and how many follow it in step."""
        for runs in self._runs:
            if logical < runs.end:
                return runs.find(logical)
        raise self._volume.error(0, f"cluster {logical} of the master file table wanted, it is not mapped")


class Records:
    """Reads records by their numbers; some are kept."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._size = volume.boot.record_size
        self._piece = max(_PIECE, self._size)
        self._pieces: dict[int, tuple[bytes, int | None]] = {}
        self._inodes: dict[int, Inode] = {}
        self._mapping = _TableMapping(volume)
        first = self._first_record()
        extent = self._open_table(first)
        self.count = extent.initialised // self._size
        name = f"{volume.name} $MFT"
        size = max(min(extent.initialised, extent.size), 0)
        self._table = MappedContent(volume.source, volume.block_size, self._mapping, name, size)
        self._follow_list(first)

    def get(self, number: int) -> Inode:
        """Return the file whose base record has a number; raise `ParseError` where it is not in use, or none."""
        inode = self._inodes.get(number)
        if inode is None:
            record = self.record(number)
            if record.base is not None:
                raise self.volume.error(record.offset, f"record {number}: a file wanted, a part of {record.base} found")
            inode = Inode(self, record)
            if len(self._inodes) >= _KEPT_INODES:
                self._inodes.clear()  # to find the oldest one costs more than to read a few again
            self._inodes[number] = inode
        return inode

    def resolve(self, reference: int) -> Inode:
        """Return the file of a reference; raise `ParseError` where its record is another file's by now."""
        inode = self.get(reference & _NUMBER)
        sequence = reference >> 48
        if sequence and inode.record.sequence != sequence:
            text = f"record {inode.number}: sequence {sequence} wanted, {inode.record.sequence} found: a stale entry"
            raise self.volume.error(inode.record.offset, text)
        return inode

    def record(self, number: int) -> Record:
        """Read a record."""
        if not 0 <= number < self.count:
            raise self.volume.error(0, f"a record below {self.count} wanted, {number} found")
        size, length = self._size, self._piece
        at = number * size
        index = at // length
        piece = self._pieces.get(index) or self._read_piece(index)
        if piece is None:
            return self._parse(self._table.read_at(at, size), number, self._place(at)[0])
        data, start = piece
        within = at - index * length
        offset = self._place(at)[0] if start is None else start + within
        return self._parse(data[within : within + size], number, offset)

    def fetch(self, base: Record, item: _Listed) -> Attribute:
        """Return what an entry of the attribute list of `base` names."""
        record = base
        if item.record != base.number:
            known = self._inodes.get(item.record)
            record = known.record if known else self.record(item.record)
            if record.base != base.number:
                text = f"a part of record {base.number} wanted, one of {record.base} found"
                raise self.volume.error(record.offset, f"record {item.record}: {text}")
        for attribute in record.attributes:
            if (attribute.type, attribute.id, attribute.name) == (item.type, item.id, item.name):
                return attribute
        wanted = f"attribute {item.type:#x} of id {item.id} wanted, as record {base.number} lists it"
        raise self.volume.error(record.offset, f"record {item.record}: {wanted}, none found")

    def parse_list(self, attribute: Attribute) -> list[_Listed]:
        """Return the entries of an attribute list."""
        volume = self.volume
        if attribute.resident:
            data = value_of(volume, attribute)
        else:
            extent, runs = extent_of(volume, attribute), Runs(volume, attribute)
            if runs.first or extent.size > min(_MAX_LIST, runs.end * volume.block_size):
                text = f"an attribute list of up to {_MAX_LIST} bytes wanted, {extent.size} found"
                raise volume.error(attribute.place, text)
            name = f"{volume.name} attribute list"
            data = MappedContent(volume.source, volume.block_size, runs, name, extent.size).read_at(0, extent.size)
        entries, at = [], 0
        while at + _ENTRY.size <= len(data):
            kind, length, name_length, name_at, lowest, reference, number = _ENTRY.unpack_from(data, at)
            if not _ENTRY.size <= length <= len(data) - at or name_at + 2 * name_length > length:
                raise volume.error(attribute.place, f"an entry of the attribute list wanted, {length} bytes found")
            name = decode_name(data[at + name_at : at + name_at + 2 * name_length])
            entries.append(_Listed(kind, name, lowest, reference & _NUMBER, number))
            at += length
        return entries

    def _first_record(self) -> Record:
        """Read the table's own record, or its copy where that is broken."""
        volume, boot = self.volume, self.volume.boot
        try:
            return self._parse_at(boot.mft * boot.cluster_size)
        except ParseError as error:
            try:
                record = self._parse_at(boot.mirror * boot.cluster_size)
            except ParseError:
                raise error from None
            volume.report(error.place.offset or 0, f"{error.message}; the copy of the record was read instead")
            return record

    def _parse_at(self, offset: int) -> Record:
        return self._parse(self.volume.source.read_at(offset, self._size), 0, offset)

    def _open_table(self, record: Record) -> Extent:
        data = next((item for item in record.attributes if item.type == Type.DATA and not item.name), None)
        if data is None or data.resident:
            raise self.volume.error(record.offset, "the data of the master file table wanted, none found")
        self._mapping.add(Runs(self.volume, data))
        return extent_of(self.volume, data)

    def _follow_list(self, first: Record) -> None:
        listed = next((item for item in first.attributes if item.type == Type.ATTRIBUTE_LIST), None)
        if listed is None:
            return
        entries = [item for item in self.parse_list(listed) if item.type == Type.DATA and not item.name and item.lowest]
        for item in sorted(entries, key=lambda item: item.lowest):
            self._mapping.add(Runs(self.volume, self.fetch(first, item)))

    def _read_piece(self, index: int) -> tuple[bytes, int | None] | None:
        """Return a piece of the table, and where it begins on the volume (None: it lies in several places).

        Nothing is returned where not all of it can be read, or is mapped so far; the record that is wanted may be.
        """
        start = index * self._piece
        try:
            data = self._table.read_at(start, min(self._piece, self._table.size - start))
            place, left = self._place(start)
        except ParseError:
            return None
        if len(self._pieces) >= _KEPT_PIECES:
            del self._pieces[next(iter(self._pieces))]
        self._pieces[index] = data, place if len(data) <= left else None
        return self._pieces[index]

    def _place(self, start: int) -> tuple[int, int]:
        """Return where a byte of the table is on the volume, and how many follow it in step."""
        block_size = self.volume.block_size
        cluster, within = divmod(start, block_size)
        place, left = self._mapping.find(cluster)
        return (place or 0) * block_size + within, left * block_size - within

    def _parse(self, raw: bytes, number: int, offset: int) -> Record:
        volume = self.volume
        if len(raw) < 48:
            raise volume.error(offset, f"record {number}: {self._size} bytes wanted, {len(raw)} found")
        data = volume.whole(raw, offset, b"FILE")
        sequence, _, first, flags, used, _, base = _HEADER.unpack_from(data)
        if not flags & _IN_USE:
            raise volume.error(offset + 22, f"record {number}: one in use wanted, a free one found")
        if not 42 <= first < used <= len(data):
            text = f"{len(data)} bytes wanted, {used} with attributes from {first} on found"
            raise volume.error(offset + 20, f"record {number}: {text}")
        attributes = parse_attributes(volume, data, first, used, offset)
        return Record(number, sequence, bool(flags & _DIRECTORY), base & _NUMBER if base else None, attributes, offset)
