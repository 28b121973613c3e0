"""How RAID levels lay chunks on their legs, as Linux md and LVM's raid segments do it.

Specifications: md(4) (linear, RAID0 zones, RAID10 near, far and offset); mdadm(8), --layout; SNIA DDF 2.0, 4.2
(rotating parity with restart and continuation). The numbers of the parity layouts are those of md superblocks.

Not done: RAID6 with two legs missing, which takes the second parity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.volume.extents import Spot

RAID0_ORIGINAL: Final = 1
RAID0_ALTERNATE: Final = 2

# Numbers of parity layouts. Those from 16 on are RAID6 as a RAID5 of all legs but the last, which holds Q.
LEFT_ASYMMETRIC, RIGHT_ASYMMETRIC, LEFT_SYMMETRIC, RIGHT_SYMMETRIC, PARITY_FIRST, PARITY_LAST = range(6)
ZERO_RESTART, N_RESTART, N_CONTINUE = 8, 9, 10
_Q_LAST: Final = 16
_RAID5: Final = frozenset(range(6))
_RAID6: Final = frozenset({*range(6), 8, 9, 10, 16, 17, 18, 19, 20})


class Striped:
    """RAID0 over legs of one size."""

    def __init__(self, legs: int, chunk: int) -> None:
        self._legs = legs
        self._chunk = chunk

    def copies(self, chunk: int) -> Sequence[Spot]:
        """The one spot of the chunk."""
        row, leg = divmod(chunk, self._legs)
        return (Spot(leg, row * self._chunk),)

    def parity(self, chunk: int) -> Sequence[Spot]:  # noqa: ARG002 - part of the protocol
        """There is none."""
        return ()

    def suffices(self, present: Sequence[bool]) -> bool:
        """Every leg is needed."""
        return all(present)


class _Zone(msgspec.Struct, frozen=True):
    first_chunk: int
    end_chunk: int
    leg_offset: int
    legs: tuple[int, ...]


class Zoned:
    """RAID0 over legs of several sizes: a zone over all, the next over those that are longer, and so on.

    `alternate` counts the legs of a chunk from the start of its zone, not from the start of the array.
    """

    def __init__(self, sizes: Sequence[int], chunk: int, *, alternate: bool) -> None:
        self._chunk = chunk
        self._alternate = alternate
        rows = [size // chunk for size in sizes]
        self._zones: list[_Zone] = []
        chunks = 0
        for low, high in pairwise([0, *sorted(set(rows) - {0})]):
            legs = tuple(index for index, row in enumerate(rows) if row > low)
            end = chunks + (high - low) * len(legs)
            self._zones.append(_Zone(chunks, end, low * chunk, legs))
            chunks = end
        self.size = chunks * chunk

    @property
    def zones(self) -> int:
        """How many zones there are."""
        return len(self._zones)

    def copies(self, chunk: int) -> Sequence[Spot]:
        """The one spot of the chunk."""
        zone = next(zone for zone in self._zones if chunk < zone.end_chunk)
        inner = chunk - zone.first_chunk
        leg = zone.legs[(inner if self._alternate else chunk) % len(zone.legs)]
        return (Spot(leg, zone.leg_offset + inner // len(zone.legs) * self._chunk),)

    def parity(self, chunk: int) -> Sequence[Spot]:  # noqa: ARG002 - part of the protocol
        """There is none."""
        return ()

    def suffices(self, present: Sequence[bool]) -> bool:
        """Every leg is needed."""
        return all(present)


class Raid10:
    """Near, far and offset copies. `layout` is md's: copies near, copies far << 8, and bit 16 for offset."""

    def __init__(self, name: str, legs: int, chunk: int, layout: int, leg_size: int) -> None:
        self._near, self._far = layout & 0xFF, layout >> 8 & 0xFF
        self._offset = bool(layout & 1 << 16)
        if layout >> 17 or not self._near or not self._far or not 0 < self._near * self._far <= legs:
            raise ParseError(Place(name), f"a layout of RAID10 that is known wanted, {layout:#x} on {legs} legs found")
        self._legs = legs
        self._chunk = chunk
        chunks = leg_size // chunk // self._far * legs // self._near
        self.size = chunks * chunk
        used = -(-chunks * self._near * self._far // legs)
        self._stride = 1 if self._offset else used // self._far

    def copies(self, chunk: int) -> Iterator[Spot]:
        """Every copy of the chunk: first the near ones, each followed by its far ones."""
        for near in range(self._near):
            row, leg = divmod(chunk * self._near + near, self._legs)
            if self._offset:
                row = chunk * self._near // self._legs * self._far + (row - chunk * self._near // self._legs)
            for far in range(self._far):
                yield Spot((leg + far * self._near) % self._legs, (row + far * self._stride) * self._chunk)

    def parity(self, chunk: int) -> Sequence[Spot]:  # noqa: ARG002 - part of the protocol
        """There is none."""
        return ()

    def suffices(self, present: Sequence[bool]) -> bool:
        """One copy of each chunk is needed; where they lie repeats after as many chunks as there are legs."""
        return all(any(present[spot.leg] for spot in self.copies(chunk)) for chunk in range(self._legs))


class Parity:
    """RAID4 and RAID5 (`parities` 1) and RAID6 (2) in one of md's layouts; RAID4 is PARITY_LAST."""

    def __init__(self, name: str, legs: int, chunk: int, layout: int, parities: int) -> None:
        if legs <= parities or layout not in (_RAID5 if parities == 1 else _RAID6):
            raise ParseError(Place(name), f"a layout of parity that is known wanted, {layout} on {legs} legs found")
        self._legs = legs
        self._chunk = chunk
        self._layout = layout
        self._parities = parities
        self.data_legs = legs - parities

    def copies(self, chunk: int) -> Sequence[Spot]:
        """The one spot of the chunk."""
        row, column = divmod(chunk, self.data_legs)
        return (Spot(self._leg(row, column), row * self._chunk),)

    def parity(self, chunk: int) -> Sequence[Spot]:
        """The other data chunks of the row and the first parity."""
        row, column = divmod(chunk, self.data_legs)
        others = [self._leg(row, other) for other in range(self.data_legs) if other != column]
        return [Spot(leg, row * self._chunk) for leg in (*others, self._p_leg(row))]

    def suffices(self, present: Sequence[bool]) -> bool:
        """One leg may be missing."""
        return len(present) - sum(present) <= 1

    def _leg(self, row: int, column: int) -> int:
        if self._parities == 1 or self._layout >= _Q_LAST:
            return self._single(row, column, self._legs - (self._parities - 1))
        return self._double(row, column)

    def _p_leg(self, row: int) -> int:
        if self._parities == 1 or self._layout >= _Q_LAST:
            return _rotated(self._layout % _Q_LAST, row, self._legs - (self._parities - 1))
        match self._layout:
            case 4:
                return 0
            case 5:
                return self._legs - 2
            case 1 | 3 | 8:
                return row % self._legs
            case 9:
                return self._legs - 1 - (row + 1) % self._legs
        return self._legs - 1 - row % self._legs

    def _single(self, row: int, column: int, legs: int) -> int:
        layout = self._layout % _Q_LAST
        parity = _rotated(layout, row, legs)
        if layout in (LEFT_SYMMETRIC, RIGHT_SYMMETRIC):
            return (parity + 1 + column) % legs
        return column + (column >= parity)

    def _double(self, row: int, column: int) -> int:
        parity, legs = self._p_leg(row), self._legs
        if self._layout in (LEFT_SYMMETRIC, RIGHT_SYMMETRIC):
            return (parity + 2 + column) % legs
        if self._layout == N_CONTINUE:
            return (parity + 1 + column) % legs
        if parity == legs - 1:  # Q is then the first leg
            return column + 1
        return column + 2 * (column >= parity)


def _rotated(layout: int, row: int, legs: int) -> int:
    match layout:
        case 4:
            return 0
        case 5:
            return legs - 1
        case 1 | 3:
            return row % legs
    return legs - 1 - row % legs
