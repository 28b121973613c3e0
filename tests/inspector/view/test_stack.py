from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from inspector.disks.disk import Volume
from inspector.disks.storage import Stack, Storage
from inspector.view.stack import add_problems, storage_tree, tree_lines, unplaced
from parsers.filesystem.superblock import Superblock
from parsers.source import Memory
from parsers.volume.lvm2 import LogicalVolume, VolumeGroup
from tests.volumes import disk_of, volume_of


def stacked(name: str, kind: str, *members: str) -> Volume:
    volume = Volume(name, Memory(bytes(4096), name), None, None, Superblock(kind, 0))
    volume.members = members
    return volume


def group(name: str, volumes: list[Volume], members: tuple[str, ...], missing: tuple[str, ...] = ()) -> VolumeGroup:
    logical = tuple(cast("LogicalVolume", SimpleNamespace(name=volume.name)) for volume in volumes)
    return VolumeGroup(name, f"uuid-of-{name}", 4 << 20, logical, members, missing)


def described(*volumes: Volume) -> list[dict[str, Any]]:
    return [
        {"device": volume.name, "size": volume.size, "type": volume.type, "uuid": volume.uuid, "label": None,
         "members": list(volume.members), "holder": volume.holder, "used": None, "total": None, "backend": None,
         "reason": None}
        for volume in volumes
    ]  # fmt: skip


def test_a_group_on_an_array_hangs_below_the_first_member() -> None:
    first, second = volume_of(None, 1, "linux_raid_member"), volume_of(None, 2, "linux_raid_member")
    first.holder = second.holder = "md0"
    array = stacked("md0", "LVM2_member", "sda1", "sda2")
    array.holder = "vg"
    root, swap = stacked("vg/root", "xfs", "md0"), stacked("vg/swap", "swap", "md0")
    stack = Stack(
        volumes=(array, root, swap),
        arrays=(cast("Any", SimpleNamespace(name="md0", members=("sda1", "sda2"))),),
        groups=(group("vg", [root, swap], ("md0",), ("lost-uuid",)),),
    )
    volumes = (first, second, array, root, swap)
    storage = Storage((disk_of(first, second),), volumes, stack)
    tree = storage_tree(storage, described(*volumes), [{"path": "/", "device": "vg/root"}])
    problems = [
        {"path": "vg/root", "volume": None, "message": "the log is dirty"},
        {"path": "image", "volume": None, "message": "dirty bit"},
    ]
    add_problems(tree, problems)
    assert unplaced(tree, problems) == problems[1:]
    assert list(tree_lines(tree)) == [
        "sda: 1.0 MiB, mbr, sectors of 512 bytes, id deadbeef",
        "├─ sda1: 1.0 MiB, linux_raid_member, member of md0",
        "│  └─ md0 (array): 4.0 KiB, of sda1 and sda2, LVM2_member, member of vg",
        "│     └─ vg (volume group): UUID uuid-of-vg",
        "│        │  ! its physical volume lost-uuid is missing",
        "│        ├─ vg/root: 4.0 KiB, xfs, on /",
        "│        │     ! the log is dirty",
        "│        └─ vg/swap: 4.0 KiB, swap",
        "└─ sda2: 1.0 MiB, linux_raid_member, member of md0",
    ]


def test_a_group_without_any_member_in_sight_is_left_out_and_one_over_two_names_both() -> None:
    first, second = volume_of(None, 1, "LVM2_member"), volume_of(None, 2, "LVM2_member")
    volume = stacked("vg/data", "ext4", "sda1", "sda2")
    groups = (group("vg", [volume], ("sda1", "sda2")), group("gone", [], ("elsewhere",)))
    volumes = (first, second, volume)
    storage = Storage((disk_of(first, second),), volumes, Stack((volume,), (), groups))
    text = "\n".join(tree_lines(storage_tree(storage, described(*volumes), [])))
    assert "vg (volume group): of sda1 and sda2" in text
    assert "gone" not in text


def test_an_extended_partition_is_a_node_without_a_volume() -> None:
    inner = volume_of({"/x": ""}, 5)
    disk = disk_of(volume_of({"/x": ""}, 1), volume_of(None, 2, None), inner)
    storage = Storage((disk,), tuple(volume for volume in disk.volumes if volume.name != "sda2"))
    tree = storage_tree(storage, described(*storage.volumes), [])
    assert [child["name"] for child in tree[0]["children"]] == ["sda1", "sda2", "sda5"]
    assert tree[0]["children"][1]["partition"]["number"] == 2
