"""Internal snapshots of a qcow2 file: listed, not read.

Layout: QEMU's docs/interop/qcow2.txt, "Snapshots".
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source

MAX_LISTED: Final = 1000  # a name each is enough to show; the header's count says how many there are
_MAX_EXTRA: Final = 1024

_ENTRY: Final = Struct(">QIHHIIQII")


class _Entry(msgspec.Struct, frozen=True):
    """The fields of `_ENTRY` under the specification's names."""

    l1_table_offset: int
    l1_size: int
    id_size: int
    name_size: int
    date_sec: int
    date_nsec: int
    vm_clock_nsec: int
    vm_state_size: int
    extra_data_size: int


class Qcow2Snapshot(msgspec.Struct, frozen=True):
    """An internal snapshot.

    Attributes:
        id, name: as the user gave them.
        date: seconds since 1970.
        vm_state_size: bytes of saved memory, 0 for a disk-only snapshot.
        disk_size: bytes of the guest's disk then, where the entry says so.
    """

    id: str
    name: str
    date: int
    vm_state_size: int
    disk_size: int | None


def snapshots(file: Source, offset: int, count: int) -> tuple[tuple[Qcow2Snapshot, ...], Problem | None]:
    """List at most `MAX_LISTED` of the `count` snapshots, and say what kept the rest from being listed."""
    found: list[Qcow2Snapshot] = []
    at = offset
    if count and offset % 512:
        return (), Problem(Place(file.name, offset=64), f"a snapshot table on a boundary wanted, offset {offset} found")
    for _ in range(min(count, MAX_LISTED)):
        try:
            snapshot, at = _snapshot(file, at)
        except ParseError as error:
            return tuple(found), Problem(error.place, f"{count} snapshots wanted, {len(found)} found: {error.message}")
        found.append(snapshot)
    if count > MAX_LISTED:
        return tuple(found), Problem(Place(file.name, offset=60), f"{count} snapshots, {MAX_LISTED} of them listed")
    return tuple(found), None


def _snapshot(file: Source, at: int) -> tuple[Qcow2Snapshot, int]:
    """Return the snapshot at byte `at` and where the next one begins."""
    entry = _Entry(*_ENTRY.unpack(file.read_at(at, _ENTRY.size)))
    if entry.extra_data_size > _MAX_EXTRA:
        raise ParseError(Place(file.name, offset=at + 36), f"{entry.extra_data_size} bytes of extra data")
    at += _ENTRY.size
    extra = file.read_at(at, entry.extra_data_size)
    at += entry.extra_data_size
    strings = file.read_at(at, entry.id_size + entry.name_size)
    at += len(strings)
    vm_state_size = int.from_bytes(extra[:8], "big") if len(extra) >= 8 else entry.vm_state_size
    disk_size = int.from_bytes(extra[8:16], "big") if len(extra) >= 16 else None
    snapshot = Qcow2Snapshot(
        id=strings[: entry.id_size].decode("utf-8", "surrogateescape"),
        name=strings[entry.id_size :].decode("utf-8", "surrogateescape"),
        date=entry.date_sec,
        vm_state_size=vm_state_size,
        disk_size=disk_size,
    )
    return snapshot, at + 7 & ~7
