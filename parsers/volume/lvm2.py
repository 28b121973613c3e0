"""LVM2: physical volumes joined to groups, whose logical volumes are sources named "group/volume".

Read are linear and striped volumes, mirrors, raid0, raid1, raid4, raid5, raid6 and raid10, thin volumes with their
snapshots and external origins, and the origins of old snapshots. Of the texts of all members, the one with the highest
sequence number counts. A member that is missing is a problem; volumes that do without it open all the same.

Specifications: lvm(8), lvmraid(7), lvmthin(7), and the formats that the other modules of this package cite.

Not done, and said of the volume: old copy-on-write snapshots, caches, write caches, VDO, integrity. Thin pools and
cache pools, as well as the hidden parts of other volumes, are not listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source
from parsers.volume.lvm2_group import GroupText, LogicalText, parse_group
from parsers.volume.lvm2_label import PhysicalVolume, parse_physical_volume, sequence
from parsers.volume.lvm2_segments import Segments
from parsers.volume.lvm2_text import Section

_POOLS: Final = frozenset({"thin-pool", "cache-pool", "vdo-pool"})


class LogicalVolume(msgspec.Struct, frozen=True):
    """A logical volume that a person sees.

    Attributes:
        name: "group/volume".
        size: bytes.
        uuid: its own, with dashes; `group_uuid` likewise.
        type: of its segments as lvs(8) calls them ("linear", "striped", "raid5", "thin", ...).
        source: its bytes; None where it cannot be read, and `reason` says why.
    """

    name: str
    size: int
    uuid: str
    group_uuid: str
    type: str
    source: Source | None
    reason: str | None


class VolumeGroup(msgspec.Struct, frozen=True):
    """A volume group: its volumes, the members that were found by name, and those that are missing."""

    name: str
    uuid: str
    extent_size: int
    volumes: tuple[LogicalVolume, ...]
    members: tuple[str, ...]
    missing: tuple[str, ...]


class VolumeGroups(msgspec.Struct, frozen=True):
    """Every group of some physical volumes.

    `unread` are the physical volumes whose content is not known, with the reason; one that belongs to no group is none.
    """

    groups: tuple[VolumeGroup, ...]
    unread: dict[str, str]
    problems: tuple[Problem, ...]

    @property
    def volumes(self) -> tuple[LogicalVolume, ...]:
        """The volumes of every group."""
        return tuple(volume for group in self.groups for volume in group.volumes)


def open_lvm2(pvs: Sequence[Source]) -> VolumeGroups:
    """Join physical volumes to groups and open their logical volumes. What is broken stands in `problems`."""
    members: list[PhysicalVolume] = []
    unread: dict[str, str] = {}
    problems: list[Problem] = []
    known: dict[bytes, Section] = {}
    for source in pvs:
        try:
            member = parse_physical_volume(source, known)
        except ParseError as error:
            unread[source.name] = error.message
            problems.append(Problem(error.place, error.message))
            continue
        members.append(member)
        problems += member.problems
    groups = []
    for text in _groups(members, problems):
        groups.append(_open_group(text, members, problems))
    joined = {name for group in groups for name in group.members}
    for member in members:
        if member.source.name not in joined and member.problems:
            unread[member.source.name] = member.problems[0].message
    return VolumeGroups(tuple(groups), unread, tuple(problems))


def _groups(members: list[PhysicalVolume], problems: list[Problem]) -> list[GroupText]:
    """The newest text of each group."""
    newest: dict[str, GroupText] = {}
    for member in members:
        for text in member.metadata:
            try:
                if sequence(text) < 0:
                    continue
                group = parse_group(text, member.source.name)
            except ParseError as error:
                problems.append(Problem(error.place, error.message))
                continue
            known = newest.get(group.uuid)
            if known and known.sequence != group.sequence:
                message = (
                    f"sequence number {max(known.sequence, group.sequence)} of {group.name} wanted, an older found"
                )
                problems.append(Problem(Place(member.source.name), message))
            if known is None or group.sequence > known.sequence:
                newest[group.uuid] = group
    return list(newest.values())


def _open_group(text: GroupText, members: list[PhysicalVolume], problems: list[Problem]) -> VolumeGroup:
    by_uuid: dict[str, PhysicalVolume] = {}
    for member in members:
        if member.uuid in by_uuid:
            message = f"one physical volume {member.uuid} wanted, {by_uuid[member.uuid].source.name} is a second"
            problems.append(Problem(Place(member.source.name), message))
        by_uuid.setdefault(member.uuid, member)
    present, missing = {}, []
    for key, physical in text.physical.items():
        found = by_uuid.get(physical.uuid)
        if found is None or physical.missing:
            missing.append(physical.device or key)
            state = "not found" if found is None else "marked as missing"
            message = f"physical volume {physical.device or key} of {text.name} wanted, {state}"
            problems.append(Problem(Place(text.name), message))
        else:
            present[key] = found.source
    segments = Segments(text, present)
    volumes = tuple(
        _open_volume(text, volume, segments)
        for volume in text.logical.values()
        if volume.visible and volume.segments[0].type not in _POOLS
    )
    problems += segments.problems
    problems += [Problem(error.place, error.message) for error in text.broken.values()]
    names = tuple(source.name for source in present.values())
    return VolumeGroup(text.name, text.uuid, text.extent_size, volumes, names, tuple(missing))


def _open_volume(text: GroupText, volume: LogicalText, segments: Segments) -> LogicalVolume:
    first = volume.segments[0]
    name, source, reason = volume.name, None, None
    if first.type == "snapshot":
        # The text has the snapshot under a number of its own, and its name at the store of what was overwritten.
        name = first.name("cow_store") or name
        reason = f"a copy-on-write snapshot of {first.name('origin')} is not read"
    else:
        try:
            source = segments.open(volume.name)
        except ParseError as error:
            reason = error.message
    stripes = first.keys.get("stripes")
    linear = first.type == "striped" and isinstance(stripes, list) and len(stripes) == 2
    return LogicalVolume(
        name=f"{text.name}/{name}",
        size=volume.extents * text.extent_size,
        uuid=volume.uuid,
        group_uuid=text.uuid,
        type="linear" if linear else first.type,
        source=source,
        reason=reason,
    )
