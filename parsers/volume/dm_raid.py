"""The superblock that device-mapper's raid target keeps on each leg's metadata volume.

Written from Linux Documentation/admin-guide/device-mapper/dm-raid.rst and from what `dmsetup status` and LVM show of
arrays in each state. It tells which legs failed, fell behind, or are still being rebuilt.

Not done: reshaping, which is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source

_SUPERBLOCK: Final = struct.Struct("<4sIIIQQQQIIII")
_MAGIC: Final = b"DmRd"
_ALL: Final = (1 << 64) - 1
_RESHAPING: Final = 1


class LegState(msgspec.Struct, frozen=True):
    """What the superblock of a leg says; `behind` are the legs that it knows as failed, one bit each."""

    position: int
    events: int
    failed: int
    rebuilt: bool
    in_step: bool


def parse_dm_raid(source: Source) -> LegState | None:
    """Decode a leg's superblock; None where the array was never in use."""
    if source.size < _SUPERBLOCK.size:
        return None
    fields = _SUPERBLOCK.unpack(source.read_at(0, _SUPERBLOCK.size))
    magic, _, legs, position, events, failed, recovery, resync, *_, flags = fields
    if magic != _MAGIC:
        return None
    if position >= legs:
        raise ParseError(Place(source.name, offset=12), f"a leg below {legs} wanted, {position} found")
    if flags & _RESHAPING:
        raise ParseError(Place(source.name), "an array at rest wanted, one in the middle of a reshape found")
    return LegState(position, events, failed, recovery == _ALL, resync == _ALL)


def unusable(states: Sequence[LegState | None]) -> dict[int, str]:
    """Return which legs must not be read, and why."""
    known = [state for state in states if state]
    if not known:
        return {}
    fresh = max(known, key=lambda state: state.events)
    flaws = {}
    for index, state in enumerate(states):
        if fresh.failed >> index & 1:
            flaws[index] = "it failed"
        elif state and state.events + 1 < fresh.events:
            flaws[index] = "it fell behind"
        elif state and not state.rebuilt:
            flaws[index] = "it is not rebuilt yet"
    return flaws
