"""The subvolumes of a file system and how full its chunks are by profile, for `show`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from inspector.console.printable import iso_time
from inspector.disks.disk import Volume
from inspector.view.size import size
from parsers.filesystem.subvolume import Subvolume, Subvolumed, has_subvolumes
from parsers.place import ParseError

Fields = dict[str, Any]


def subvolume_facts(volume: Volume) -> Fields:
    """Return `subvolumes` and `profiles` of a volume; both are None where its file system has none, or none readable.

    A snapshot names what it was taken of by its UUID (`snapshot_of`); `used` and `total` are bytes, each counted once.
    """
    tree = volume.tree
    if tree is None or not has_subvolumes(tree):
        return {"subvolumes": None, "profiles": None}
    return {"subvolumes": _subvolumes(tree), "profiles": _profiles(tree)}


def _subvolumes(tree: Subvolumed) -> list[Fields] | None:
    try:
        default = tree.default_subvolume
        return [_subvolume(one, is_default=one.id == default) for one in tree.subvolumes]
    except ParseError:  # which is among the problems of the volume
        return None


def _subvolume(found: Subvolume, *, is_default: bool) -> Fields:
    return {
        "id": found.id,
        "parent": found.parent,
        "path": None if found.path is None else f"/{found.path}",
        "default": is_default,
        "read_only": found.read_only,
        "uuid": str(found.uuid) if found.uuid else None,
        "snapshot_of": str(found.parent_uuid) if found.parent_uuid else None,
        "received_uuid": str(found.received_uuid) if found.received_uuid else None,
        "generation": found.generation,
        "created": iso_time(found.otime),
    }


def _profiles(tree: Subvolumed) -> list[Fields] | None:
    try:
        found = tree.profiles
    except ParseError:
        return None
    return [{"kind": one.kind, "profile": one.profile, "total": one.total, "used": one.used} for one in found]


def subvolume_lines(volumes: Sequence[Fields]) -> Iterator[str]:
    """Give the lines about them for a person; none where there are none."""
    for volume in volumes:
        if profiles := volume.get("profiles"):
            yield f"space of {volume['device']}:"
            for one in profiles:
                yield f"  {one['kind']}, {one['profile']}: {size(one['used'])} of {size(one['total'])} used"
        if subvolumes := volume.get("subvolumes"):
            yield f"subvolumes of {volume['device']}:"
            paths = {one["uuid"]: one["path"] for one in subvolumes if one["uuid"]}
            yield from (f"  {_line(one, paths)}" for one in subvolumes)


def _line(one: Fields, paths: Fields) -> str:
    words = [f"id {one['id']}", one["default"] and "default", one["read_only"] and "read-only"]
    if one["snapshot_of"]:
        words.append(f"snapshot of {paths.get(one['snapshot_of']) or one['snapshot_of']}")
    return f"{one['path'] or 'path unknown'}: {', '.join(word for word in words if word)}"
