"""What lies on members of arrays, on encrypted volumes and on physical ones: md first, then what keys open, then LVM.

Logical volumes may be encrypted in turn. Not done: md on LVM, LVM inside LVM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.disks.disk import Volume
from inspector.disks.encryption import Keys
from inspector.disks.storage import Stack
from parsers.filesystem.superblock import Superblock, identify
from parsers.place import ParseError, Place, Problem
from parsers.source import Source
from parsers.volume.extents import Unreadable
from parsers.volume.lvm2 import LogicalVolume, VolumeGroup, open_lvm2
from parsers.volume.mdraid import Array, open_mdraid

MD: Final = "linux_raid_member"
LVM: Final = "LVM2_member"


def stack_of(volumes: Sequence[Volume], keys: tuple[bytes, ...] = ()) -> Stack:
    """Return the arrays, the encrypted volumes that `keys` open, and the logical volumes on `volumes`.

    Each of `volumes` that is a member learns whose (`holder`), or why what it holds is not known (`flaw`).
    """
    md = _arrays([volume for volume in volumes if volume.type == MD])
    ring = Keys(keys) if keys else None
    opened = _opened((*volumes, *md.volumes), ring)
    below = (*volumes, *md.volumes, *opened)
    lvm = _logical([volume for volume in below if volume.type == LVM], {volume.name for volume in below})
    inner = _opened(lvm.volumes, ring)
    found = (*md.volumes, *opened, *lvm.volumes, *inner)
    return Stack(found, md.arrays, lvm.groups, (*md.problems, *lvm.problems), md.short, (*opened, *inner))


def _opened(volumes: Sequence[Volume], ring: Keys | None) -> list[Volume]:
    found = ring.open(volumes) if ring else ()
    return [_stacked(item.source, item.name, (item.member,), item.aliases) for item in found]


def _arrays(members: list[Volume]) -> Stack:
    if not members:
        return Stack()
    found = open_mdraid([volume.source for volume in members])
    for volume in members:
        holders = [array for array in found.arrays if volume.uuid == array.uuid]
        volume.holder = holders[0].name if holders else None
        _note(volume, found.unread)
    volumes = (_stacked(array, array.name, array.members, _array_aliases(array)) for array in found.arrays)
    return Stack(tuple(volumes), tuple(found.arrays), (), tuple(found.problems), found.short)


def _logical(members: list[Volume], taken: set[str]) -> Stack:
    if not members:
        return Stack()
    found = open_lvm2([volume.source for volume in members])
    groups, clashes = _told_apart(found.groups, taken)
    for volume in members:
        holders = [group.name for group in groups if volume.name in group.members]
        # One that no group names holds nothing: pvcreate was all that was done to it.
        volume.holder = holders[0] if holders else ""
        _note(volume, {**found.unread, **clashes})
    volumes = (_logical_volume(group, volume) for group in groups for volume in group.volumes)
    problems = (Problem(Place(name), message) for name, message in clashes.items())
    return Stack(tuple(volumes), (), groups, (*found.problems, *problems))


def _told_apart(groups: Sequence[VolumeGroup], taken: set[str]) -> tuple[tuple[VolumeGroup, ...], dict[str, str]]:
    """Leave out the groups with a volume that is called like another one, say an array "md/x"; say so of members."""
    kept: list[VolumeGroup] = []
    clashes: dict[str, str] = {}
    for group in groups:
        names = sorted(taken & {volume.name for volume in group.volumes})
        if names:
            clashes |= dict.fromkeys(group.members, f"one volume called {names[0]} wanted, a second found")
        else:
            kept.append(group)
    return tuple(kept), clashes


def _logical_volume(group: VolumeGroup, logical: LogicalVolume) -> Volume:
    source = logical.source or Unreadable(logical.name, logical.size, logical.reason or "it is not read")
    volume = _stacked(source, logical.name, group.members, _logical_aliases(group, logical), logical.reason)
    volume.dormant = logical.skipped
    return volume


def _note(volume: Volume, unread: dict[str, str]) -> None:
    if reason := unread.get(volume.name):
        volume.holder = None
        volume.flaw = f"{volume.type} cannot be read: {reason}"


def _stacked(
    source: Source, name: str, members: tuple[str, ...], aliases: frozenset[str], flaw: str | None = None
) -> Volume:
    superblock: Superblock | None = None
    if flaw is None:
        try:
            superblock = identify(source)
        except ParseError as error:
            flaw = f"it cannot be read: {error}"
    volume = Volume(name, source, None, None, superblock, flaw)
    volume.members = members
    volume.aliases = aliases
    return volume


def mapper_name(group: str, volume: str) -> str:
    """Return the name below /dev/mapper: dashes within names are doubled, since one joins the two."""
    return f"{group.replace('-', '--')}-{volume.replace('-', '--')}"


def _logical_aliases(group: VolumeGroup, volume: LogicalVolume) -> frozenset[str]:
    mapper = mapper_name(group.name, volume.name.removeprefix(f"{group.name}/"))
    plain = f"{group.uuid}{volume.uuid}".replace("-", "")
    return frozenset(
        {
            f"/dev/{volume.name}",
            f"/dev/mapper/{mapper}",
            f"/dev/disk/by-id/dm-name-{mapper}",
            f"/dev/disk/by-id/dm-uuid-LVM-{plain}",
            f"lvm/{mapper}",
            f"lvmid/{group.uuid}/{volume.uuid}",
        }
    )


def _array_aliases(array: Array) -> frozenset[str]:
    digits = array.uuid.replace("-", "")
    quads = ":".join(digits[start : start + 8] for start in range(0, 32, 8))
    aliases = {f"/dev/{array.name}", f"/dev/disk/by-id/md-uuid-{quads}", f"mduuid/{digits}"}
    if array.name.startswith("md/"):
        aliases.add(array.name)
    elif array.label or array.version == "0.90":
        number = array.name.removeprefix("md")
        aliases |= {f"/dev/md/{number}", f"md/{number}"}
    if array.label:
        aliases |= {f"/dev/disk/by-id/md-name-{array.label}", f"/dev/md/{array.label.rpartition(':')[2]}"}
    return frozenset(aliases)
