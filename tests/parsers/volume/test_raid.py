from __future__ import annotations

import random

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.extents import Chunked, Spot
from parsers.volume.raid import N_CONTINUE, N_RESTART, ZERO_RESTART, Parity, Raid10, Striped, Zoned


def test_parity_layouts_are_those_of_the_manual() -> None:
    """The tables of mdadm(8) and of the DDF specification, 4 legs, rows 0 to 3: data chunk, P and Q per leg."""
    left_symmetric = Parity("x", 4, 1, 2, 1)
    assert [[left_symmetric.copies(row * 3 + column)[0].leg for column in range(3)] for row in range(4)] == [
        [0, 1, 2], [3, 0, 1], [2, 3, 0], [1, 2, 3],
    ]  # fmt: skip
    right_asymmetric = Parity("x", 4, 1, 1, 1)
    assert [[right_asymmetric.copies(row * 3 + column)[0].leg for column in range(3)] for row in range(4)] == [
        [1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2],
    ]  # fmt: skip


@pytest.mark.parametrize("layout", [*range(6), ZERO_RESTART, N_RESTART, N_CONTINUE, 16, 17, 18, 19, 20])
@pytest.mark.parametrize("legs", [4, 5, 7])
def test_every_row_uses_every_leg_once(layout: int, legs: int) -> None:
    parity = Parity("x", legs, 1, layout, 2)
    for row in range(3 * legs):
        data = [parity.copies(row * parity.data_legs + column)[0] for column in range(parity.data_legs)]
        assert {spot.offset for spot in data} == {row}
        used = {spot.leg for spot in data} | {parity.parity(row * parity.data_legs)[-1].leg}
        assert len(used) == legs - 1
        assert used <= set(range(legs))


def test_a_missing_leg_comes_back_from_the_parity() -> None:
    rows, legs = 12, 4
    disks = [bytearray(rows) for _ in range(legs)]
    data = random.Random(1).randbytes(rows * 3)
    parity = Parity("x", legs, 1, 3, 1)
    for chunk, byte in enumerate(data):
        spot = parity.copies(chunk)[0]
        disks[spot.leg][spot.offset] = byte
    for row in range(rows):
        p = parity.parity(row * 3)[-1].leg
        for column in range(3):
            disks[p][row] ^= data[row * 3 + column]
    for gone in range(legs):
        members = [None if leg == gone else Memory(bytes(disk)) for leg, disk in enumerate(disks)]
        assert Chunked("x", len(data), 1, members, parity).read_at(0, len(data)) == data


def test_zones_over_legs_of_several_sizes() -> None:
    zoned = Zoned([20, 40, 41], 10, alternate=True)
    assert (zoned.size, zoned.zones) == (100, 2)
    spots = [(spot.leg, spot.offset) for chunk in range(10) for spot in zoned.copies(chunk)]
    assert spots == [(0, 0), (1, 0), (2, 0), (0, 10), (1, 10), (2, 10), (1, 20), (2, 20), (1, 30), (2, 30)]
    # Three members leave a remainder that the original layout carries into the second zone.
    original = Zoned([10, 20, 20], 10, alternate=False)
    assert [original.copies(chunk)[0].leg for chunk in (3, 4)] == [2, 1]
    assert Zoned([], 10, alternate=True).size == 0


def test_raid10_keeps_its_copies_apart() -> None:
    for layout in (0x102, 0x201, 0x10201, 0x103, 0x301, 0x10301):
        for legs in (3, 4, 5):
            raid = Raid10("x", legs, 1, layout, 60)
            seen: set[tuple[int, int]] = set()
            for chunk in range(raid.size):
                spots = {(spot.leg, spot.offset) for spot in raid.copies(chunk)}
                assert len({leg for leg, _ in spots}) == len(spots) == (layout & 0xFF) * (layout >> 8 & 0xFF)
                assert all(offset < 60 for _, offset in spots)
                assert not seen & spots
                seen |= spots


def test_the_first_of_many_copies_costs_no_more_than_one() -> None:
    raid = Raid10("x", 1920, 4096, 0x8F0, 1 << 30)
    copies = raid.copies(77)
    assert next(copies) == Spot(77 * 240 % 1920, 77 * 240 // 1920 * 4096)
    assert len(list(copies)) == 1919


def test_raid10_says_which_legs_suffice() -> None:
    raid = Raid10("x", 4, 1, 0x102, 60)
    assert raid.suffices([True, False, False, True])
    assert not raid.suffices([False, False, True, True])
    assert not Striped(2, 1).suffices([True, False])
    assert Parity("x", 3, 1, 2, 1).suffices([True, False, True])
    assert not Parity("x", 4, 1, 2, 2).suffices([True, False, True, False])


@pytest.mark.parametrize(("legs", "layout"), [(4, 0), (4, 0x502), (4, 0x60102), (4, 0x100), (4, 0x002)])
def test_layouts_that_cannot_be_are_refused(legs: int, layout: int) -> None:
    with pytest.raises(ParseError, match="RAID10"):
        Raid10("x", legs, 1, layout, 60)


def test_parity_needs_its_legs() -> None:
    for legs, layout, parities in ((1, 2, 1), (2, 2, 2), (4, 16, 1), (4, 7, 2), (4, 21, 2)):
        with pytest.raises(ParseError, match="layout of parity"):
            Parity("x", legs, 1, layout, parities)
