"""The log of a VHDX, replayed in memory: what was to be written when the file was last in use.

Specification: [MS-VHDX] 2.3, Log. The log is a ring of entries; the active ones are the sequence of valid entries
with the highest numbers, from the one that the last of them calls its tail. Their descriptors say which sectors of
4 KiB of the file hold zeros or other data. The file itself is never written.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Final

import construct as c
import msgspec

from parsers.container.vhdx_header import VhdxHeader, checksum
from parsers.place import ParseError, Place
from parsers.source import Source, check_range

SECTOR: Final = 4096
MAX_LOG: Final = 64 << 20  # Hyper-V and QEMU make one of 1 MiB
MAX_ZEROS: Final = 2048
_ENTRY_LENGTH: Final = 64
_DESCRIPTOR_LENGTH: Final = 32

_ENTRY: Final = c.Struct(
    "signature" / c.Bytes(4),
    "checksum" / c.Int32ul,
    "entry_length" / c.Int32ul,
    "tail" / c.Int32ul,
    "sequence_number" / c.Int64ul,
    "descriptor_count" / c.Int32ul,
    "reserved" / c.Int32ul,
    "log_guid" / c.Bytes(16),
    "flushed_file_offset" / c.Int64ul,
    "last_file_offset" / c.Int64ul,
)
_DATA: Final = c.Struct(
    "signature" / c.Bytes(4),
    "trailing" / c.Bytes(4),
    "leading" / c.Bytes(8),
    "file_offset" / c.Int64ul,
    "sequence_number" / c.Int64ul,
)
_ZERO: Final = c.Struct(
    "signature" / c.Bytes(4),
    "reserved" / c.Int32ul,
    "length" / c.Int64ul,
    "file_offset" / c.Int64ul,
    "sequence_number" / c.Int64ul,
)


class LogEntry(msgspec.Struct, frozen=True):
    """A valid entry; `at` counts from the log's start, `data` are all its bytes."""

    at: int
    data: bytes
    tail: int
    sequence_number: int
    descriptor_count: int
    flushed_file_offset: int
    last_file_offset: int


class Replayed:
    """A file as it is after its log was replayed, as a `Source`; sectors and runs of zeros lie over the file."""

    def __init__(self, file: Source) -> None:
        self.name = file.name
        self.size = file.size
        self.entries = 0
        self._file = file
        self._sectors: dict[int, bytes] = {}
        self._order: list[int] = []
        self._zeros: list[tuple[int, int]] = []

    def put(self, offset: int, data: bytes) -> None:
        """Lay one sector over the file."""
        self._sectors[offset] = data
        self._grow(offset + len(data))

    def put_zeros(self, offset: int, length: int) -> None:
        """Lay zeros over the file, and over the sectors put so far."""
        if len(self._zeros) >= MAX_ZEROS:
            raise ParseError(Place(self.name, offset=offset), f"at most {MAX_ZEROS} runs of zeros in the log wanted")
        for at in [at for at in self._sectors if offset <= at < offset + length]:
            del self._sectors[at]
        self._zeros.append((offset, offset + length))
        self._grow(offset + length)

    def finish(self, size: int) -> None:
        """Make the file at least `size` long; nothing is put afterwards."""
        self._grow(size)
        self._order = sorted(self._sectors)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file as it would be."""
        check_range(self, offset, size)
        end = offset + size
        there = max(0, min(size, self._file.size - offset))
        first = bisect_left(self._order, offset - SECTOR + 1)
        last = bisect_left(self._order, end, lo=first)
        zeros = [(start, stop) for start, stop in self._zeros if start < end and offset < stop]
        data = self._file.read_at(offset, there) if there else b""
        if first == last and not zeros and there == size:
            return data
        whole = bytearray(data.ljust(size, b"\0"))
        for start, stop in zeros:
            start, stop = max(start, offset), min(stop, end)
            whole[start - offset : stop - offset] = bytes(stop - start)
        for at in self._order[first:last]:
            start, stop = max(at, offset), min(at + SECTOR, end)
            whole[start - offset : stop - offset] = self._sectors[at][start - at : stop - at]
        return bytes(whole)

    def _grow(self, end: int) -> None:
        self.size = max(self.size, end)


def replay(file: Source, header: VhdxHeader) -> Source:
    """Return `file` as it is after replaying the log that `header` names; `file` itself where there is none.

    Raises `ParseError` where no whole sequence of entries is found, and where the file is shorter than the log says.
    """
    if header.log_guid is None:
        return file
    if header.log_length > MAX_LOG:
        message = f"a log of at most {MAX_LOG} bytes wanted, {header.log_length} found"
        raise ParseError(Place(file.name, offset=header.offset + 68), message)
    sequence = _active(_valid_entries(file, header), header.log_length)
    if not sequence:
        raise ParseError(Place(file.name, offset=header.log_offset), "a log to replay wanted, no whole entry found")
    last = sequence[-1]
    if last.flushed_file_offset > file.size:
        message = f"a file of {last.flushed_file_offset} bytes wanted by the log, {file.size} found: truncated"
        raise ParseError(Place(file.name, offset=header.log_offset + last.at + 48), message)
    replayed = Replayed(file)
    for entry in sequence:
        _apply(replayed, entry, header.log_offset)
    replayed.entries = len(sequence)
    replayed.finish(last.last_file_offset)
    return replayed


def _valid_entries(file: Source, header: VhdxHeader) -> dict[int, LogEntry]:
    """Return the valid entries by where they begin in the log."""
    log = file.read_at(header.log_offset, header.log_length)
    found = {}
    budget = 4 * len(log)  # bytes to take checksums of: entries that overlap each other are no ring
    for at in range(0, len(log), SECTOR):
        if log[at : at + 4] != b"loge":
            continue
        head = _ENTRY.parse(log[at : at + _ENTRY_LENGTH])
        room = (head.entry_length - _ENTRY_LENGTH) // _DESCRIPTOR_LENGTH
        if (
            head.log_guid != header.log_guid
            or head.entry_length % SECTOR
            or not SECTOR <= head.entry_length <= len(log)
            or head.descriptor_count > room
            or head.sequence_number == 0
            or head.tail % SECTOR
            or head.tail >= len(log)
        ):
            continue
        budget -= head.entry_length
        if budget < 0:
            raise ParseError(Place(file.name, offset=header.log_offset + at), "log entries that overlap each other")
        data = log[at : at + head.entry_length]
        data += log[: head.entry_length - len(data)]
        if checksum(data) == head.checksum and _is_whole(data, head):
            found[at] = _entry(at, data, head)
    return found


def _entry(at: int, data: bytes, head: Any) -> LogEntry:
    return LogEntry(
        at=at,
        data=data,
        tail=head.tail,
        sequence_number=head.sequence_number,
        descriptor_count=head.descriptor_count,
        flushed_file_offset=head.flushed_file_offset,
        last_file_offset=head.last_file_offset,
    )


def _data_start(descriptor_count: int) -> int:
    return (_ENTRY_LENGTH + descriptor_count * _DESCRIPTOR_LENGTH + SECTOR - 1) & -SECTOR


def _is_whole(data: bytes, head: Any) -> bool:
    """Tell whether descriptors and data sectors carry the entry's own number, and none is missing."""
    sectors = _data_start(head.descriptor_count)
    for number in range(head.descriptor_count):
        at = _ENTRY_LENGTH + number * _DESCRIPTOR_LENGTH
        kind = data[at : at + 4]
        if kind not in (b"desc", b"zero"):
            return False
        if int.from_bytes(data[at + 24 : at + 32], "little") != head.sequence_number:
            return False
        if kind == b"desc":
            sector = data[sectors : sectors + SECTOR]
            sectors += SECTOR
            if len(sector) < SECTOR or sector[:4] != b"data":
                return False
            low, high = (int.from_bytes(part, "little") for part in (sector[-4:], sector[4:8]))
            if high << 32 | low != head.sequence_number:
                return False
    return sectors == len(data)


def _active(entries: dict[int, LogEntry], length: int) -> list[LogEntry]:
    """Return the entries to replay, in order: the valid sequence whose last number is the highest."""
    best: list[LogEntry] = []
    followed = {id(following) for entry in entries.values() if (following := _next(entries, entry, length))}
    for start, entry in sorted(entries.items()):
        if id(entry) in followed:
            continue  # part of a longer sequence
        chain = _chain(entries, start, length)
        head = chain[-1]
        tail = next((number for number, item in enumerate(chain) if item.at == head.tail), None)
        if tail is not None and (not best or head.sequence_number > best[-1].sequence_number):
            best = chain[tail:]
    return best


def _chain(entries: dict[int, LogEntry], start: int, length: int) -> list[LogEntry]:
    """Return the entries that follow each other from `start`, their numbers rising by one."""
    chain = [entries[start]]
    while following := _next(entries, chain[-1], length):
        chain.append(following)
    return chain


def _next(entries: dict[int, LogEntry], entry: LogEntry, length: int) -> LogEntry | None:
    following = entries.get((entry.at + len(entry.data)) % length)
    if following is None or following.sequence_number != entry.sequence_number + 1:
        return None
    return following


def _apply(replayed: Replayed, entry: LogEntry, log_offset: int) -> None:
    sectors = _data_start(entry.descriptor_count)
    for number in range(entry.descriptor_count):
        at = _ENTRY_LENGTH + number * _DESCRIPTOR_LENGTH
        place = Place(replayed.name, offset=log_offset + entry.at + at)
        raw = entry.data[at : at + _DESCRIPTOR_LENGTH]
        if raw[:4] == b"zero":
            zero = _ZERO.parse(raw)
            if zero.file_offset % SECTOR or zero.length % SECTOR:
                raise ParseError(place, f"zeros in sectors of 4 KiB wanted, {zero.length} at {zero.file_offset} found")
            replayed.put_zeros(zero.file_offset, zero.length)
            continue
        data = _DATA.parse(raw)
        if data.file_offset % SECTOR:
            raise ParseError(place, f"a sector of 4 KiB wanted, file offset {data.file_offset} found")
        sector = entry.data[sectors : sectors + SECTOR]
        replayed.put(data.file_offset, data.leading + sector[8:-4] + data.trailing)
        sectors += SECTOR
