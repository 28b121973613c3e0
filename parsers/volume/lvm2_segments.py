"""Logical volumes opened as sources, segment by segment, from the text of their group.

A volume is opened once, whoever leans on it; legs of RAID must be plain volumes, so that no text can make one read
cost more than the legs of one array. A volume that needs what is not there, or what is not read, raises `ParseError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from parsers.place import ParseError, Place, Problem
from parsers.source import Source, Window
from parsers.volume.dm_raid import parse_dm_raid, unusable
from parsers.volume.extents import Chunked, Extent, Extents, Leg, Mirror
from parsers.volume.lvm2_group import GroupText, LogicalText, Segment
from parsers.volume.lvm2_label import SECTOR
from parsers.volume.raid import (
    LEFT_ASYMMETRIC,
    LEFT_SYMMETRIC,
    N_CONTINUE,
    N_RESTART,
    PARITY_FIRST,
    PARITY_LAST,
    RIGHT_ASYMMETRIC,
    RIGHT_SYMMETRIC,
    ZERO_RESTART,
    Parity,
    Raid10,
    Striped,
)
from parsers.volume.thin import ThinPool

_MAX_DEPTH: Final = 8
_NEAR: Final = 2
_MAX_LEGS: Final = 256  # more than lvcreate(8) takes, of stripes as of mirrors
_PARITY: Final = {
    "raid4": (PARITY_FIRST, 1),
    "raid5": (LEFT_SYMMETRIC, 1),
    "raid5_la": (LEFT_ASYMMETRIC, 1),
    "raid5_ra": (RIGHT_ASYMMETRIC, 1),
    "raid5_ls": (LEFT_SYMMETRIC, 1),
    "raid5_rs": (RIGHT_SYMMETRIC, 1),
    "raid5_n": (PARITY_LAST, 1),
    "raid6": (ZERO_RESTART, 2),
    "raid6_zr": (ZERO_RESTART, 2),
    "raid6_nr": (N_RESTART, 2),
    "raid6_nc": (N_CONTINUE, 2),
    "raid6_la_6": (16 + LEFT_ASYMMETRIC, 2),
    "raid6_ra_6": (16 + RIGHT_ASYMMETRIC, 2),
    "raid6_ls_6": (16 + LEFT_SYMMETRIC, 2),
    "raid6_rs_6": (16 + RIGHT_SYMMETRIC, 2),
    "raid6_n_6": (PARITY_LAST, 2),
}
_UNREAD: Final = {
    "cache": "a cached volume, whose newest data may lie in its cache, is not read",
    "writecache": "a volume behind a write cache is not read",
    "vdo": "a deduplicated (VDO) volume is not read",
    "integrity": "a volume with integrity checksums is not read",
    "error": "a segment of errors holds nothing",
}


class MissingError(ParseError):
    """Something that the group names is not among what was given."""


class Segments:
    """Opens the logical volumes of one group. `problems` are legs that could not be used."""

    def __init__(self, group: GroupText, present: Mapping[str, Source]) -> None:
        self._group: Final = group
        self._present: Final = present
        self._opened: dict[str, Source | ParseError] = {}
        self._pools: dict[str, ThinPool] = {}
        self._depth = 0
        self.problems: list[Problem] = []

    def open(self, name: str) -> Source:
        """Return the logical volume `name`; raise `ParseError` where it cannot be read."""
        found = self._opened.get(name)
        if found is None:
            try:
                found = self._open(name)
            except ParseError as error:
                found = error
            self._opened[name] = found
        if isinstance(found, MissingError):
            raise MissingError(found.place, found.message)
        if isinstance(found, ParseError):
            raise ParseError(found.place, found.message)
        return found

    def _open(self, name: str) -> Source:
        volume = self._volume(name)
        # Until it is open, whatever leans on it leans on itself.
        self._opened[name] = ParseError(volume.place, "a volume that does not contain itself wanted, a loop found")
        if self._depth >= _MAX_DEPTH:
            raise ParseError(volume.place, f"volumes of at most {_MAX_DEPTH} layers wanted, more found")
        self._depth += 1
        try:
            extents = [extent for segment in volume.segments for extent in self._segment(volume, segment)]
        finally:
            self._depth -= 1
        return Extents(f"{self._group.name}/{name}", extents)

    def _volume(self, name: str) -> LogicalText:
        if error := self._group.broken.get(name):
            raise ParseError(error.place, error.message)
        if name not in self._group.logical:
            raise ParseError(Place(self._group.name, key=name), f"a volume called {name} wanted, none found")
        return self._group.logical[name]

    def _segment(self, volume: LogicalText, segment: Segment) -> list[Extent]:
        size = segment.count * self._group.extent_size
        name = f"{self._group.name}/{volume.name}"
        kind = segment.type
        opener: Callable[[str, Segment, int], Source]
        if kind in ("striped", "linear"):
            return self._striped(name, segment, size)
        if kind == "zero":
            return [Extent(size, None)]
        if kind == "mirror":
            opener = self._mirror
        elif kind in ("raid0", "raid0_meta", "raid1", "raid10", "raid10_near", *_PARITY):
            opener = self._raid
        elif kind == "thin":
            opener = self._thin
        else:
            raise ParseError(volume.place, _UNREAD.get(kind, f"a segment of type {kind} is not read"))
        return [Extent(size, opener(name, segment, size))]

    def _striped(self, name: str, segment: Segment, size: int) -> list[Extent]:
        areas = segment.areas("stripes")
        if not 0 < len(areas) <= _MAX_LEGS or segment.number("stripe_count", len(areas)) != len(areas):
            raise ParseError(segment.place, f"1 to {_MAX_LEGS} stripes wanted, {len(areas)} found")
        if segment.count % len(areas):
            raise ParseError(segment.place, f"{segment.count} extents over stripes wanted, {len(areas)} found")
        length = size // len(areas)
        if len(areas) == 1:
            source, offset = self._area(segment, *areas[0])
            return [Extent(size, source, offset)]
        chunk = segment.number("stripe_size") * SECTOR
        legs = [self._window(segment, volume, extent, length) for volume, extent in areas]
        return [Extent(size, Chunked(name, size, chunk, legs, Striped(len(legs), chunk)))]

    def _window(self, segment: Segment, volume: str, extent: int, length: int) -> Source:
        source, offset = self._area(segment, volume, extent)
        return Window(source, offset, length)

    def _area(self, segment: Segment, volume: str, extent: int) -> tuple[Source, int]:
        """Where an area begins: on a physical volume, or on another logical one."""
        physical = self._group.physical.get(volume)
        if physical is None:
            return self.open(volume), extent * self._group.extent_size
        source = self._present.get(volume)
        if source is None:
            message = f"physical volume {physical.device or volume} ({physical.uuid}) wanted, it is missing"
            raise MissingError(segment.place, message)
        if extent >= physical.extents:
            raise ParseError(segment.place, f"an extent below {physical.extents} wanted, {extent} found")
        return source, physical.first_byte + extent * self._group.extent_size

    def _mirror(self, name: str, segment: Segment, size: int) -> Source:
        legs = [self._leg(name, segment, *area, size) for area in segment.areas("mirrors")]
        return Mirror(name, size, legs)

    def _leg(self, name: str, segment: Segment, volume: str, extent: int, size: int) -> Leg:
        """A leg of an array, or None where it is missing."""
        try:
            return self._window(segment, volume, extent, size)
        except MissingError as error:
            self.problems.append(Problem(Place(name), f"a leg is missing: {error.message}"))
            return None

    def _raid(self, name: str, segment: Segment, size: int) -> Source:
        if segment.number("reshape_count", 0) or segment.number("data_offset", 0):
            raise ParseError(segment.place, "an array that is not being reshaped wanted, one that is found")
        images, states = self._images(segment)
        data_legs = _data_legs(segment, len(images))
        if segment.count * data_legs[1] % data_legs[0]:
            raise ParseError(segment.place, f"extents for {data_legs[0]} legs wanted, {segment.count} found")
        length = size * data_legs[1] // data_legs[0]
        legs = [self._leg(name, segment, image, 0, length) for image in images]
        self._leave_out(name, legs, states)
        if segment.type == "raid1":
            return Mirror(name, size, legs)
        chunk = segment.number("stripe_size") * SECTOR
        if not chunk:
            raise ParseError(segment.place, "a size of stripes wanted, none found")
        return Chunked(name, size, chunk, legs, _layout(name, segment, len(legs), chunk, length))

    def _images(self, segment: Segment) -> tuple[Sequence[str], Sequence[str]]:
        """The names of the volumes that hold data, and of those that hold their superblocks (none for raid0)."""
        names: tuple[str, ...]
        states: tuple[str, ...]
        if segment.type == "raid0":
            names, states = _without_extents(segment, "raid0_lvs"), ()
        else:
            both = _without_extents(segment, "raids" if "raids" in segment.keys else "raid0_lvs")
            names, states = both[1::2], both[::2]
        count = segment.number("device_count", segment.number("stripe_count", len(names)))
        if not 0 < len(names) <= _MAX_LEGS or count != len(names) or (states and len(states) != len(names)):
            raise ParseError(segment.place, f"{count} legs wanted, {len(names)} found")
        for image in names:
            if not self._is_plain(image):
                raise ParseError(segment.place, f"a plain volume as a leg wanted, {image} found")
        return names, states

    def _is_plain(self, name: str) -> bool:
        """Tell whether a volume lies on physical ones, or is being moved between them (pvmove: a mirror of such)."""
        areas: list[tuple[str, int]] = []
        for part in self._volume(name).segments:
            if part.type in ("striped", "linear"):
                areas += part.areas("stripes")
            elif part.type != "error":
                return False
        moved = {volume for volume, _ in areas if volume not in self._group.physical}
        return all(self._is_move(volume) for volume in moved)

    def _is_move(self, name: str) -> bool:
        parts = self._volume(name).segments
        return all(part.type in ("mirror", "striped", "linear") for part in parts) and all(
            volume in self._group.physical
            for part in parts
            for volume, _ in part.areas("mirrors" if part.type == "mirror" else "stripes")
        )

    def _leave_out(self, name: str, legs: list[Leg], states: Sequence[str]) -> None:
        known = []
        for state in states:
            try:
                known.append(parse_dm_raid(self.open(state)))
            except MissingError:
                known.append(None)
        for index, reason in unusable(known).items():
            if index < len(legs) and legs[index] is not None:
                self.problems.append(Problem(Place(name), f"leg {index} is left out: {reason}"))
                legs[index] = None
        if None in legs and any(state and not state.in_step for state in known):
            raise ParseError(Place(name), "all legs of an array that is not in step wanted, some are missing")

    def _thin(self, name: str, segment: Segment, size: int) -> Source:
        pool_name, origin = segment.name("thin_pool"), segment.name("external_origin")
        if pool_name is None:
            raise ParseError(segment.place, "the name of a thin pool wanted, none found")
        if segment.name("merge"):
            raise ParseError(segment.place, "a volume that a snapshot is being merged into is not read")
        pool = self._pool(pool_name)
        return pool.volume(name, segment.number("device_id"), size, self.open(origin) if origin else None)

    def _pool(self, name: str) -> ThinPool:
        if name in self._pools:
            return self._pools[name]
        (segment,) = self._volume(name).segments[:1]
        metadata, data = segment.name("metadata"), segment.name("pool")
        if segment.type != "thin-pool" or metadata is None or data is None:
            raise ParseError(segment.place, "a thin pool with metadata and data wanted, none found")
        pool = ThinPool(self.open(metadata), self.open(data))
        if pool.chunk != segment.number("chunk_size") * SECTOR:
            raise ParseError(segment.place, f"chunks of {pool.chunk} bytes as in the pool wanted, others found")
        if pool.transaction != segment.number("transaction_id", 0):
            message = f"transaction {pool.transaction} as in the pool wanted, another found"
            self.problems.append(Problem(segment.place, message))
        self.problems += pool.problems
        self._pools[name] = pool
        return pool


def _without_extents(segment: Segment, key: str) -> tuple[str, ...]:
    """The names under `key`, which older versions write with an extent behind each."""
    value = segment.keys.get(key)
    if isinstance(value, list) and any(isinstance(item, int) for item in value):
        return tuple(name for name, _ in segment.areas(key))
    return segment.names(key)


def _data_legs(segment: Segment, legs: int) -> tuple[int, int]:
    """How a leg's length follows from the volume's: (divisor, factor)."""
    if segment.type == "raid1":
        return 1, 1
    if segment.type.startswith("raid10"):
        return legs, segment.number("data_copies", _NEAR)
    parities = _PARITY[segment.type][1] if segment.type in _PARITY else 0
    if legs <= parities:
        raise ParseError(segment.place, f"more than {parities} legs wanted, {legs} found")
    return legs - parities, 1


def _layout(name: str, segment: Segment, legs: int, chunk: int, length: int) -> Striped | Raid10 | Parity:
    if segment.type in ("raid0", "raid0_meta"):
        return Striped(legs, chunk)
    if segment.type.startswith("raid10"):
        copies = segment.number("data_copies", _NEAR)
        return Raid10(name, legs, chunk, 0x100 | copies if copies < 256 else 0, length)
    layout, parities = _PARITY[segment.type]
    return Parity(name, legs, chunk, layout, parities)
