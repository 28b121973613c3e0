"""Sources put together of other sources: one range after the other, or chunk by chunk over several legs.

The layouts of chunks are in `parsers.volume.raid`. A leg that is missing is None; what only it holds cannot be read,
unless a copy or the parity gives it back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source, check_range

Leg = Source | None


class Extent(msgspec.Struct, frozen=True):
    """`size` bytes of `source` from `offset`; without a source, zeros. `missing` says what is not there, if so."""

    size: int
    source: Leg
    offset: int = 0
    missing: str | None = None


class Extents:
    """Extents of other sources, one after the other."""

    def __init__(self, name: str, extents: Sequence[Extent]) -> None:
        self.name = name
        self._extents = [extent for extent in extents if extent.size]
        self._starts: list[int] = []
        self.size = 0
        for extent in self._extents:
            if extent.source is not None:
                check_range(extent.source, extent.offset, extent.size)
            self._starts.append(self.size)
            self.size += extent.size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes across the extents; a missing one raises `ParseError`."""
        check_range(self, offset, size)
        pieces = []
        index = bisect_right(self._starts, offset) - 1
        while size:
            extent = self._extents[index]
            skip = offset - self._starts[index]
            count = min(size, extent.size - skip)
            pieces.append(self._piece(extent, offset, skip, count))
            offset, size, index = offset + count, size - count, index + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, extent: Extent, offset: int, skip: int, count: int) -> bytes:
        if extent.missing:
            raise ParseError(Place(self.name, offset=offset), extent.missing)
        if extent.source is None:
            return bytes(count)
        return extent.source.read_at(extent.offset + skip, count)


class Spot(msgspec.Struct, frozen=True):
    """Where a chunk lies: which leg, and at which byte of it."""

    leg: int
    offset: int


class Layout(Protocol):
    """How the chunks of an array lie on its legs."""

    def copies(self, chunk: int) -> Iterable[Spot]:
        """Where the chunk lies, in the order in which it is asked for; at least one spot."""
        ...

    def parity(self, chunk: int) -> Sequence[Spot]:
        """The spots whose exclusive or gives the chunk; none where there is no parity."""
        ...

    def suffices(self, present: Sequence[bool]) -> bool:
        """Tell whether the legs that are present give every chunk."""
        ...


class Chunked:
    """An array of chunks of `chunk` bytes on `legs`. A missing leg is replaced by a copy or by the parity."""

    def __init__(self, name: str, size: int, chunk: int, legs: Sequence[Leg], layout: Layout) -> None:
        if chunk <= 0:
            raise ParseError(Place(name), f"a chunk of at least one byte wanted, {chunk} found")
        present = [leg is not None for leg in legs]
        if not layout.suffices(present):
            found = ", ".join(str(index) for index, is_there in enumerate(present) if not is_there)
            raise ParseError(Place(name), f"enough of {len(legs)} legs to read wanted, {found} missing")
        self.name = name
        self.size = size
        self._chunk: Final = chunk
        self._legs: Final = legs
        self._layout: Final = layout

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the array; what no leg can give raises `ParseError`."""
        check_range(self, offset, size)
        pieces = []
        while size:
            chunk, skip = divmod(offset, self._chunk)
            count = min(size, self._chunk - skip)
            pieces.append(self._piece(chunk, skip, count))
            offset, size = offset + count, size - count
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, chunk: int, skip: int, count: int) -> bytes:
        for spot in self._layout.copies(chunk):
            leg = self._legs[spot.leg]
            if leg is not None:
                return leg.read_at(spot.offset + skip, count)
        siblings = [(self._legs[spot.leg], spot.offset) for spot in self._layout.parity(chunk)]
        total = 0
        for leg, offset in siblings:
            if leg is None:
                break
            total ^= int.from_bytes(leg.read_at(offset + skip, count), "little")
        else:
            if siblings:
                return total.to_bytes(count, "little")
        place = Place(self.name, offset=chunk * self._chunk + skip)
        raise ParseError(place, "a leg that holds these bytes wanted, all of them are missing")


class Mirror:
    """Legs that hold the same; the first that is there is read."""

    def __init__(self, name: str, size: int, legs: Sequence[Leg]) -> None:
        self.name = name
        self.size = size
        self._legs: Final = [leg for leg in legs if leg is not None]
        if not self._legs:
            raise ParseError(Place(name), "at least one leg of the mirror wanted, none found")
        check_range(self._legs[0], 0, size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the first leg."""
        check_range(self, offset, size)
        return self._legs[0].read_at(offset, size)


class Unreadable:
    """A volume of which the size is known, and why nothing of it can be read."""

    def __init__(self, name: str, size: int, reason: str) -> None:
        self.name = name
        self.size = size
        self._reason = reason

    def read_at(self, offset: int, size: int) -> bytes:
        """Raise `ParseError`."""
        check_range(self, offset, size)
        raise ParseError(Place(self.name, offset=offset), self._reason)
