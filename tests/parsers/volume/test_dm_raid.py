from __future__ import annotations

import struct

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.dm_raid import LegState, parse_dm_raid, unusable

ALL = (1 << 64) - 1


def leg(
    position: int, events: int = 5, failed: int = 0, recovery: int = ALL, resync: int = ALL, flags: int = 0
) -> Memory:
    raw = struct.pack("<4sIIIQQQQIIII", b"DmRd", 1, 3, position, events, failed, recovery, resync, 5, 2, 128, flags)
    return Memory(raw.ljust(4096, b"\0"))


def test_the_state_of_a_leg() -> None:
    assert parse_dm_raid(leg(1)) == LegState(1, 5, 0, True, True)
    assert parse_dm_raid(Memory(bytes(4096))) is None
    assert parse_dm_raid(Memory(b"DmRd")) is None


def test_a_reshape_and_a_leg_too_many_are_refused() -> None:
    with pytest.raises(ParseError, match="reshape"):
        parse_dm_raid(leg(0, flags=1))
    with pytest.raises(ParseError, match="a leg below 3 wanted, 3 found"):
        parse_dm_raid(leg(3))


def test_which_legs_must_not_be_read() -> None:
    def states(*legs: Memory | None) -> dict[int, str]:
        return unusable([parse_dm_raid(item) if item else None for item in legs])

    assert states(leg(0), leg(1), leg(2)) == {}
    assert states(leg(0), leg(1, events=4), None) == {}
    assert states(leg(0), leg(1, events=3), leg(2)) == {1: "it fell behind"}
    assert states(leg(0), leg(1, recovery=8), leg(2)) == {1: "it is not rebuilt yet"}
    assert states(leg(0, failed=4), leg(1), None) == {2: "it failed"}
    assert states(None, None) == {}
