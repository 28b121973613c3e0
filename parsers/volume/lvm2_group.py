"""The text of a volume group as typed values: physical volumes, logical volumes and their segments.

Written from what vgcfgbackup(8) writes for groups of every kind. Sizes in the text are sectors and extents; here they
are bytes and extents. Keys that are not read are left alone.
"""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.volume.lvm2_label import SECTOR, spell_uuid
from parsers.volume.lvm2_text import Section

_MAX_EXTENTS: Final = 1 << 52
_MAX_VOLUMES: Final = 8192
_MAX_EXTENT_SIZE: Final = 1 << 32  # sectors


class Segment(msgspec.Struct, frozen=True):
    """A run of extents of a logical volume; `keys` are those of its type."""

    start: int
    count: int
    type: str
    keys: Section
    place: Place

    def number(self, key: str, default: int | None = None) -> int:
        """Return the number under `key`, which is none below zero."""
        return _number(self.keys, key, self.place, default)

    def name(self, key: str) -> str | None:
        """Return the name under `key`, or None."""
        value = self.keys.get(key)
        return value if isinstance(value, str) else None

    def areas(self, key: str) -> tuple[tuple[str, int], ...]:
        """Return the pairs of a volume and its first extent that the list under `key` holds."""
        value = self.keys.get(key)
        if not isinstance(value, list) or len(value) % 2:
            raise ParseError(self.place, f"a list of pairs under {key} wanted, none found")
        pairs = []
        for volume, extent in zip(value[::2], value[1::2], strict=True):
            if not isinstance(volume, str) or not isinstance(extent, int) or not 0 <= extent < _MAX_EXTENTS:
                raise ParseError(self.place, f"a volume and its extent under {key} wanted, {volume} {extent} found")
            pairs.append((volume, extent))
        return tuple(pairs)

    def names(self, key: str) -> tuple[str, ...]:
        """Return the names that the list under `key` holds."""
        value = self.keys.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ParseError(self.place, f"a list of names under {key} wanted, none found")
        return tuple(str(item) for item in value)


class LogicalText(msgspec.Struct, frozen=True):
    """A logical volume as the text has it; `extents` long. One that is `skipped` is not activated at boot."""

    name: str
    uuid: str
    visible: bool
    extents: int
    segments: tuple[Segment, ...]
    place: Place
    skipped: bool = False


class PhysicalText(msgspec.Struct, frozen=True):
    """A physical volume as the text has it: where its extents begin (bytes), and whether it was lost before."""

    uuid: str
    device: str
    first_byte: int
    extents: int
    missing: bool


class GroupText(msgspec.Struct, frozen=True):
    """A volume group as the text has it; `extent_size` in bytes."""

    name: str
    uuid: str
    sequence: int
    extent_size: int
    physical: dict[str, PhysicalText]
    logical: dict[str, LogicalText]
    broken: dict[str, ParseError]


def parse_group(text: Section, path: str) -> GroupText:
    """Return the group that a text describes; a logical volume that cannot be read stands in `broken`.

    Raises:
        ParseError: the text describes no group, or one without extents.
    """
    for name, section in text.items():
        if isinstance(section, dict) and "seqno" in section:
            return _group(name, section, Place(path, key=name))
    raise ParseError(Place(path), "a volume group wanted, none found")


def _group(name: str, section: Section, place: Place) -> GroupText:
    extent = _number(section, "extent_size", place)
    if not 0 < extent <= _MAX_EXTENT_SIZE:
        raise ParseError(place, f"extents of at least a sector wanted, {extent} found")
    physical = {key: _physical(value, place) for key, value in _sections(section, "physical_volumes")}
    logical, broken = {}, {}
    volumes = _sections(section, "logical_volumes")
    if len(volumes) > _MAX_VOLUMES:
        raise ParseError(place, f"at most {_MAX_VOLUMES} logical volumes wanted, {len(volumes)} found")
    for key, value in volumes:
        own = Place(place.path, key=f"{name}/{key}")
        try:
            logical[key] = _logical(key, value, own)
        except ParseError as error:
            broken[key] = error
    return GroupText(
        name=name,
        uuid=_uuid(section),
        sequence=_number(section, "seqno", place),
        extent_size=extent * SECTOR,
        physical=physical,
        logical=logical,
        broken=broken,
    )


def _sections(section: Section, key: str) -> list[tuple[str, Section]]:
    inner = section.get(key)
    return (
        [(name, value) for name, value in inner.items() if isinstance(value, dict)] if isinstance(inner, dict) else []
    )


def _physical(section: Section, place: Place) -> PhysicalText:
    device = section.get("device")
    return PhysicalText(
        uuid=_uuid(section).replace("-", ""),
        device=device if isinstance(device, str) else "",
        first_byte=_number(section, "pe_start", place) * SECTOR,
        extents=_number(section, "pe_count", place),
        missing="MISSING" in _words(section, "flags"),
    )


def _logical(name: str, section: Section, place: Place) -> LogicalText:
    segments = [
        Segment(
            start=_number(value, "start_extent", place),
            count=_number(value, "extent_count", place),
            type=_type(value, place),
            keys=value,
            place=place,
        )
        for key, value in section.items()
        if isinstance(value, dict) and key.startswith("segment")
    ]
    segments.sort(key=lambda segment: segment.start)
    extents = 0
    for segment in segments:
        if segment.start != extents or not segment.count:
            raise ParseError(place, f"a segment from extent {extents} wanted, one from {segment.start} found")
        extents += segment.count
    if not segments or extents > _MAX_EXTENTS:
        raise ParseError(place, f"segments of at most {_MAX_EXTENTS} extents wanted, {extents} found")
    visible = "VISIBLE" in _words(section, "status")
    skipped = "ACTIVATION_SKIP" in _words(section, "flags")
    return LogicalText(name, _uuid(section), visible, extents, tuple(segments), place, skipped)


def _type(section: Section, place: Place) -> str:
    kind = section.get("type")
    if not isinstance(kind, str):
        raise ParseError(place, "a segment with a type wanted, none found")
    # Flags that an old reader must not overlook are written behind the type.
    return kind.partition("+")[0]


def _number(section: Section, key: str, place: Place, default: int | None = None) -> int:
    value = section.get(key, default)
    if not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise ParseError(place, f"a number under {key} wanted, {value} found")
    return value


def _words(section: Section, key: str) -> list[str]:
    value = section.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _uuid(section: Section) -> str:
    value = section.get("id")
    text = value if isinstance(value, str) else ""
    return text if "-" in text else spell_uuid(text)
