"""A hive as it is after its transaction logs were replayed, in memory: the files are never written.

Specification: M. Suhanov, "Windows registry file format specification", "Dirty state of a hive" and "Multiple
transaction log files". A hive that is clean ignores its logs. Of logs in the old format the first counts whose time is
the hive's, as the boot loader has it. Of logs in the new format the one with the earlier entries is replayed first, and
the other where its entries follow. A base block whose checksum is wrong is taken from a log: of the new format from
the one with the latest entries, which then is replayed alone.
Not done: a second log in the old format that is newer than the hive, which kernels from Windows 8 on prefer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range
from parsers.windows.registry import log_new, log_old
from parsers.windows.registry.header import BASE_BLOCK_SIZE, BaseBlock, FileType, parse_base_block

_SECTOR_SIZES: Final = frozenset({512, 1024, 2048, 4096})
_PAGE: Final = log_old.PAGE
_FIRST_BIN_TIME: Final = BASE_BLOCK_SIZE + 20


class Replay(msgspec.Struct, frozen=True):
    """What came of the logs.

    Attributes:
        source: the hive with all pages in their places.
        base: the base block as it is then.
        applied: names of the logs that were used.
        entries: how many writes were replayed; a log in the old format holds one.
        problems: what was wrong with the logs.
    """

    source: Source
    base: BaseBlock
    applied: tuple[str, ...] = ()
    entries: int = 0
    problems: tuple[Problem, ...] = ()


class Overlay:
    """A hive with pages laid over it; it may be longer than its file, and what lies in neither is zeros."""

    def __init__(self, file: Source) -> None:
        self.name = file.name
        self.size = file.size
        self._file = file
        self._pages: dict[int, bytes] = {}

    def put(self, pages: Iterable[log_old.Page], bins_size: int) -> None:
        """Lay pages over the hive, whose bins take `bins_size` bytes then."""
        for offset, data in pages:
            for at in range(0, len(data), _PAGE):
                self._pages[(BASE_BLOCK_SIZE + offset + at) // _PAGE] = data[at : at + _PAGE]
        self.size = max(self.size, BASE_BLOCK_SIZE + bins_size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the hive as it would be."""
        check_range(self, offset, size)
        there = max(0, min(size, self._file.size - offset))
        data = self._file.read_at(offset, there) if there else b""
        changed = [number for number in range(offset // _PAGE, -(-(offset + size) // _PAGE)) if number in self._pages]
        if there == size and not changed:
            return data
        whole = bytearray(data.ljust(size, b"\0"))
        for number in changed:
            start = max(offset, number * _PAGE)
            end = min(offset + size, (number + 1) * _PAGE)
            whole[start - offset : end - offset] = self._pages[number][start - number * _PAGE : end - number * _PAGE]
        return bytes(whole)


def replay(hive: Source, base: BaseBlock, logs: Sequence[Source]) -> Replay:
    """Replay `logs` over `hive`, whose base block is `base`; logs that cannot be used are told as problems.

    `logs` stand in the order of their names: .LOG1, .LOG2, or the single .LOG.
    """
    problems: list[Problem] = []
    usable = []
    for log in logs:
        try:
            if log.size:
                usable.append((log, _log_base(log)))
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
    if not base.checksum_is_right:
        base = _recovered(hive, base, usable)
    overlay = Overlay(hive)
    done = Replay(overlay, base)
    if any(head.file_type == FileType.LOG_ENTRIES for _, head in usable):
        done = _replay_entries(overlay, base, usable)
    elif usable:
        done = _replay_pages(overlay, base, usable)
    return msgspec.structs.replace(done, problems=(*problems, *done.problems))


def _log_base(log: Source) -> BaseBlock:
    """Return the base block of a log. Raises ParseError where the log cannot be used."""
    base = parse_base_block(log)
    kinds = {FileType.LOG, FileType.LOG_OF_WINDOWS_2000, FileType.LOG_ENTRIES}
    if not base.checksum_is_right:
        raise ParseError(Place(log.name, offset=508), "the checksum of the log's base block is wrong")
    if base.file_type not in kinds:
        raise ParseError(Place(log.name, offset=28), f"a transaction log wanted, type {base.file_type:#x} found")
    if base.sector_size not in _SECTOR_SIZES:
        raise ParseError(Place(log.name, offset=44), f"sectors of 512 to 4096 bytes wanted, {base.sector_size} found")
    if log.size > log_new.MAX_LOG:
        raise ParseError(Place(log.name), f"a log of at most {log_new.MAX_LOG} bytes wanted, {log.size} found")
    return base


def _recovered(hive: Source, base: BaseBlock, usable: list[tuple[Source, BaseBlock]]) -> BaseBlock:
    """Return the base block that a log has for a hive whose own is wrong."""
    if not usable:
        return base
    newest = max(usable, key=lambda item: item[1].primary_sequence)[1]
    found = newest if newest.file_type == FileType.LOG_ENTRIES else usable[0][1]
    written = int.from_bytes(hive.read_at(_FIRST_BIN_TIME, 8), "little") if hive.size >= _FIRST_BIN_TIME + 8 else 0
    return msgspec.structs.replace(
        found, file_type=FileType.PRIMARY, written=written, checksum_is_right=False, file_name=base.file_name
    )


def _replay_entries(overlay: Overlay, base: BaseBlock, usable: list[tuple[Source, BaseBlock]]) -> Replay:
    """Replay logs of entries, whose base blocks tell the number of their first entry."""
    logs = [
        (head.primary_sequence, log, head.sector_size)
        for log, head in usable
        if head.file_type == FileType.LOG_ENTRIES and head.primary_sequence >= base.secondary_sequence
    ]
    applied: list[str] = []
    problems: list[Problem] = []
    entries, wanted = 0, base.secondary_sequence
    for first, log, sector_size in sorted(logs, key=lambda item: item[0]):
        if first > wanted:
            problems.append(Problem(Place(log.name), f"entry {wanted} wanted first in the logs, {first} found"))
        if applied and first != wanted:
            continue
        try:
            for entry in log_new.read_entries(log, sector_size, first):
                overlay.put(entry.pages, entry.bins_size)
                numbers = {"primary_sequence": entry.sequence, "secondary_sequence": entry.sequence}
                base = msgspec.structs.replace(base, **numbers, bins_size=entry.bins_size, checksum_is_right=True)
                entries, wanted = entries + 1, entry.sequence + 1
                if log.name not in applied:
                    applied.append(log.name)
        except ParseError as error:  # the rest of the log cannot be read
            problems.append(Problem(error.place, error.message))
    if not applied:
        problems.append(Problem(Place(overlay.name), f"entry {wanted} wanted in the logs, not found"))
    return Replay(overlay, base, tuple(applied), entries, tuple(problems))


def _replay_pages(overlay: Overlay, base: BaseBlock, usable: list[tuple[Source, BaseBlock]]) -> Replay:
    """Replay a log of pages: the one that was written whole, at the time of the hive."""
    problems = []
    for log, head in usable:
        if head.primary_sequence != head.secondary_sequence or head.written != base.written:
            problems.append(Problem(Place(log.name), "a whole log of the time of the hive wanted, another one found"))
            continue
        try:
            pages = log_old.read_pages(log, head)
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
            continue
        overlay.put(pages, head.bins_size)
        base = msgspec.structs.replace(
            base, secondary_sequence=base.primary_sequence, bins_size=head.bins_size, checksum_is_right=True
        )
        return Replay(overlay, base, (log.name,), 1, tuple(problems))
    return Replay(overlay, base, (), 0, tuple(problems))
