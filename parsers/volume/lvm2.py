"""LVM2: physical volumes joined to groups, whose logical volumes are sources named "group/volume".

Read are linear and striped volumes, mirrors, raid0, raid1, raid4, raid5, raid6 and raid10, thin volumes with their
snapshots and external origins, and the origins of old snapshots. Of the texts of all members, the one with the highest
sequence number counts. A member that is missing is a problem; volumes that do without it open all the same.

Specifications: lvm(8), lvmraid(7), lvmthin(7), and the formats that the other modules of this package cite.

Not done, and said of the volume: old copy-on-write snapshots, caches, write caches, VDO, integrity. Thin pools and
cache pools, as well as the hidden parts of other volumes, are not listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source
from parsers.volume.lvm2_group import GroupText, LogicalText, PhysicalText, parse_group
from parsers.volume.lvm2_label import PhysicalVolume, parse_physical_volume, sequence
from parsers.volume.lvm2_segments import Segments
from parsers.volume.lvm2_text import Section

_MAX_NAMED: Final = 8
_POOLS: Final = frozenset({"thin-pool", "cache-pool", "vdo-pool"})


class LogicalVolume(msgspec.Struct, frozen=True):
    """A logical volume that a person sees.

    Attributes:
        name: "group/volume".
        size: bytes.
        uuid: its own, with dashes; `group_uuid` likewise.
        type: of its segments as lvs(8) calls them ("linear", "striped", "raid5", "thin", ...).
        source: its bytes; None where it cannot be read, and `reason` says why.
        skipped: it is not activated at boot, as thin snapshots are not unless told otherwise.
    """

    name: str
    size: int
    uuid: str
    group_uuid: str
    type: str
    source: Source | None
    reason: str | None
    skipped: bool = False


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
    texts = _groups(members, problems)
    names = Counter(text.name for text in texts)
    groups = [_open_group(text, members, problems, names[text.name]) for text in texts]
    joined = {name for group in groups for name in group.members}
    for member in members:
        if member.source.name not in joined and member.problems:
            unread[member.source.name] = member.problems[0].message
    return VolumeGroups(tuple(groups), unread, tuple(problems))


def _groups(members: list[PhysicalVolume], problems: list[Problem]) -> list[GroupText]:
    """The newest text of each group."""
    newest: dict[str, GroupText] = {}
    texts: dict[str, Section] = {}
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
                texts[group.uuid] = text
            elif group.sequence == known.sequence and text != texts[group.uuid]:
                message = f"one text of {group.name} of number {group.sequence} wanted, two that differ found"
                problems.append(Problem(Place(member.source.name), message))
    return list(newest.values())


def _open_group(text: GroupText, members: list[PhysicalVolume], problems: list[Problem], namesakes: int) -> VolumeGroup:
    clash = f"one group called {text.name} wanted, {namesakes} found" if namesakes > 1 else None
    if clash:
        problems.append(Problem(Place(text.name), clash))
    by_uuid: dict[str, list[PhysicalVolume]] = {}
    for member in members:
        by_uuid.setdefault(member.uuid, []).append(member)
    present, missing, names = {}, [], []
    for key, physical in text.physical.items():
        found = by_uuid.get(physical.uuid, [])
        names += [member.source.name for member in found]
        if state := _absence(physical, found):
            missing.append(physical.device or key)
            message = f"physical volume {physical.device or key} of {text.name} wanted, {state}"
            problems.append(Problem(Place(text.name), message))
        else:
            present[key] = found[0].source
    segments = Segments(text, present)
    volumes = tuple(
        _open_volume(text, volume, segments, clash)
        for volume in text.logical.values()
        if volume.visible and volume.segments[0].type not in _POOLS
    )
    problems += segments.problems
    problems += [Problem(error.place, error.message) for error in text.broken.values()]
    return VolumeGroup(text.name, text.uuid, text.extent_size, volumes, tuple(names), tuple(missing))


def _absence(physical: PhysicalText, found: list[PhysicalVolume]) -> str | None:
    """Why a member must be done without; None where it is there. LVM activates nothing on one that is there twice."""
    if not found:
        return "not found"
    if len(found) > 1:
        return f"found {len(found)} times: {', '.join(member.source.name for member in found[:_MAX_NAMED])}"
    return "marked as missing" if physical.missing else None


def _open_volume(text: GroupText, volume: LogicalText, segments: Segments, clash: str | None) -> LogicalVolume:
    """Open a volume; none of a group whose name another one has, since nobody can tell which is meant."""
    first = volume.segments[0]
    name, source, reason = volume.name, None, clash
    if clash:
        pass
    elif first.type == "snapshot":
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
        skipped=volume.skipped,
    )
