"""How the volume fared: its flags, and whether its log was closed.

Layout: libfsntfs' documentation of the format, "Volume information" and "Transaction journal ($LogFile)". The log's
records are not replayed.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.filesystem.ntfs.attribute import Type, value_of
from parsers.filesystem.ntfs.content import open_attribute
from parsers.filesystem.ntfs.name import decode_units
from parsers.filesystem.ntfs.records import Records
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_LOG: Final = 2
_VOLUME: Final = 3
_INFORMATION: Final = struct.Struct("<8xBBH")
_RESTART_PAGE: Final = struct.Struct("<16xIIH")
_RESTART_AREA: Final = struct.Struct("<QHHHH")
_NO_CLIENT: Final = 0xFFFF
_CLEAN: Final = 0x0002
_MAX_PAGE: Final = 64 << 10
_EMPTY: Final = b"\xff" * 4
_DIRTY: Final = 0x0001
_FLAGS: Final = {
    _DIRTY: "the volume is marked dirty: chkdsk is to run when it is mounted",
    0x4000: "chkdsk did not end",
}
_MODIFIED_BY_CHKDSK: Final = 0x8000


class VolumeState(msgspec.Struct, frozen=True):
    """What the file $Volume says.

    Attributes:
        version: major and minor version of the format; (3, 1) since Windows XP.
        label: its name; None where it has none.
        errors: the flags that tell of damage, in words.
        modified_by_chkdsk: whether chkdsk has changed something.
    """

    label: str | None
    version: tuple[int, int]
    errors: tuple[Problem, ...]
    modified_by_chkdsk: bool


def read_volume_state(records: Records) -> VolumeState:
    """Read $Volume; that it cannot be read is among the errors, for without it Windows does not mount the volume."""
    try:
        return _read_state(records)
    except ParseError as error:
        return VolumeState(None, (0, 0), (Problem(error.place, f"$Volume: {error.message}"),), modified_by_chkdsk=False)


def _read_state(records: Records) -> VolumeState:
    volume = records.volume
    inode = records.get(_VOLUME)
    label = inode.find(Type.VOLUME_NAME)
    information = inode.find(Type.VOLUME_INFORMATION)
    if information is None:
        raise volume.error(inode.record.offset, "the volume's version and flags wanted, none found")
    value = value_of(volume, information)
    if len(value) < _INFORMATION.size:
        raise volume.error(information.place, "the volume's version and flags wanted, they are cut off")
    major, minor, flags = _INFORMATION.unpack_from(value)
    place = Place(volume.name, offset=information.place)
    errors = tuple(Problem(place, text) for bit, text in _FLAGS.items() if flags & bit)
    name = decode_units(value_of(volume, label)) if label else ""
    return VolumeState(name or None, (major, minor), errors, bool(flags & _MODIFIED_BY_CHKDSK))


def log_trouble(records: Records) -> Problem | None:
    """Tell why the log may hold what the rest of the volume does not; None where it was closed."""
    volume = records.volume
    try:
        inode = records.get(_LOG)
        offset = inode.record.offset
        data = inode.find(Type.DATA)
        if data is None:
            raise volume.error(offset, "$LogFile: its data wanted, none found")
        flaw = _log_flaw(open_attribute(records, inode, data), records)
    except ParseError as error:
        return Problem(error.place, f"whether the log was closed is not known: {error.message}")
    return Problem(Place(volume.name, offset=offset), flaw) if flaw else None


def _log_flaw(log: Source, records: Records) -> str | None:
    """Read the two restart pages, of which the one with the higher sequence number counts."""
    head = log.read_at(0, min(4096, log.size))
    page_size = int.from_bytes(head[16:20], "little") if head[:4] in (b"RSTR", b"CHKD") else 4096
    if not 512 <= page_size <= _MAX_PAGE or page_size & page_size - 1:
        return f"the log cannot be read: restart pages of up to {_MAX_PAGE} bytes wanted, {page_size} found"
    if log.size < 4 * page_size:
        return f"the log cannot be read: {4 * page_size} bytes wanted, {log.size} found"
    if all(log.read_at(at, 4) == _EMPTY for at in range(0, 4 * page_size, page_size)):
        return None  # as mkntfs and chkdsk leave it
    areas = []
    for at in (0, page_size):
        try:
            areas.append(_restart_area(log, at, page_size, records))
        except ParseError:
            continue  # one of the two may be torn
    if not areas:
        return "the log cannot be read: neither of its restart pages is whole"
    _, client, flags = max(areas)
    if client == _NO_CLIENT or flags & _CLEAN:
        return None
    return "the log ($LogFile) was not closed: what it holds has to be replayed first"


def _restart_area(log: Source, at: int, page_size: int, records: Records) -> tuple[int, int, int]:
    """Return the sequence number, the first client and the flags of a restart page."""
    raw = log.read_at(at, page_size)
    magic = b"CHKD" if raw[:4] == b"CHKD" else b"RSTR"
    page = records.volume.whole(raw, 0, magic)
    _, _, start = _RESTART_PAGE.unpack_from(page)
    if start + _RESTART_AREA.size > page_size:
        raise records.volume.error(0, f"a restart area within {page_size} bytes wanted, one at {start} found")
    sequence, _, _, client, flags = _RESTART_AREA.unpack_from(page, start)
    return sequence, client, flags
