"""Subvolumes and profiles as `show` tells them; btrfs(8) on the file system that the kernel mounted is the oracle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.btrfs import GUESTS, build
from fixtures.files import Files
from inspector.target import Target
from inspector.view.overview import overview, overview_text
from inspector.view.subvolumes import subvolume_facts, subvolume_lines
from parsers.filesystem.btrfs.usage import ProfileUsage
from parsers.place import ParseError, Place
from tests.parsers.filesystem.btrfs.reference import btrfs, mounted, needs_kernel, needs_progs
from tests.subvolume_tree import SubvolumeTree
from tests.volumes import volume_of

ROOTS: dict[str, Files] = {"@": {}, "@/var": {}, "snap\x1b": {}}


def tree() -> SubvolumeTree:
    return SubvolumeTree(ROOTS, "@", snapshots={"snap\x1b": "@"}, read_only=frozenset({"snap\x1b"}))


def test_every_subvolume_has_its_fields() -> None:
    found = subvolume_facts(volume_of(tree(), 1, "btrfs"))["subvolumes"]
    assert [one["path"] for one in found] == ["/", "/@", "/@/var", "/snap\x1b"]
    assert [one["id"] for one in found if one["default"]] == [256]
    assert [one["id"] for one in found if one["read_only"]] == [258]
    assert found[3]["snapshot_of"] == found[1]["uuid"]


def test_the_lines_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    used = (ProfileUsage("data", "single", 8 << 20, 4096), ProfileUsage("metadata", "DUP", 1 << 30, 0))
    monkeypatch.setattr(SubvolumeTree, "profiles", used)
    facts = {"device": "sda1", **subvolume_facts(volume_of(tree(), 1, "btrfs"))}
    facts["subvolumes"][2] |= {"path": None, "snapshot_of": "elsewhere"}
    assert list(subvolume_lines([facts, {"device": "sda2", "subvolumes": None, "profiles": None}])) == [
        "space of sda1:",
        "  data, single: 4.0 KiB of 8.0 MiB used",
        "  metadata, DUP: 0 B of 1.0 GiB used",
        "subvolumes of sda1:",
        "  /: id 5",
        "  /@: id 256, default",
        "  path unknown: id 257, snapshot of elsewhere",
        "  /snap\x1b: id 258, read-only, snapshot of /@",
    ]


def test_what_has_none_and_what_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"subvolumes": None, "profiles": None}
    assert subvolume_facts(volume_of({}, 1)) == none
    assert subvolume_facts(volume_of(None, 1, "btrfs", reason="torn")) == none

    def broken(tree: SubvolumeTree) -> object:
        raise ParseError(Place(tree.name), "torn")

    for name in ("subvolumes", "profiles"):
        monkeypatch.setattr(SubvolumeTree, name, property(broken))
    assert subvolume_facts(volume_of(tree(), 1, "btrfs")) == none


LISTED = re.compile(r"ID (\d+) .* parent_uuid (\S+) +received_uuid (\S+) +uuid (\S+) path (.+)")


@needs_kernel
@needs_progs
@pytest.mark.parametrize("name", ["opensuse", "snapshots"])
def test_show_tells_what_btrfs_tells(name: str, tmp_path: Path) -> None:
    guest = GUESTS[name]
    (disk,) = build(guest, tmp_path)
    view = overview(Target((str(disk),)))
    (volume,) = view["volumes"]
    with mounted(disk, "ro", "subvol=/", f"offset={volume['offset']}", f"sizelimit={volume['size']}") as top:
        listed = [LISTED.match(line) for line in btrfs("subvolume", "list", "-uqR", top).splitlines()]
        default = btrfs("subvolume", "get-default", top)
        read_only = btrfs("subvolume", "list", "-r", top)
        usage = btrfs("filesystem", "df", "-b", top)
    wanted = {match.groups() for match in listed if match}
    assert len(wanted) == len(listed) > 0
    found = [one for one in volume["subvolumes"] if one["id"] != 5]
    dashed = [(one["snapshot_of"] or "-", one["received_uuid"] or "-") for one in found]
    assert wanted == {
        (str(one["id"]), *uuids, one["uuid"], one["path"][1:]) for one, uuids in zip(found, dashed, strict=True)
    }
    assert [f"ID {one['id']} " in default for one in volume["subvolumes"] if one["default"]] == [True]
    assert {one["path"][1:] for one in found if one["read_only"]} == set(re.findall(r"path (.+)", read_only))
    profiles = {(one["kind"], one["profile"], str(one["total"]), str(one["used"])) for one in volume["profiles"]}
    lines = re.findall(r"(\w+), (\w+): total=(\d+), used=(\d+)", usage)
    assert profiles == {(kind.lower(), *rest) for kind, *rest in lines if kind != "GlobalReserve"}
    assert f"  /{guest.root}: id " in overview_text(view)
    assert view["stack"][0]["children"][0]["mounts"][0] == "/"


@needs_kernel
@needs_progs
def test_the_devices_of_one_file_system_are_its_members(tmp_path: Path) -> None:
    disks = build(GUESTS["two devices"], tmp_path)
    view = overview(Target(tuple(map(str, disks))))
    assert [(one["device"], one["members"], one["holder"]) for one in view["volumes"]] == [
        ("sda1", ["sda1", "sdb1"], None),
        ("sdb1", [], "sda1"),
    ]
    assert {one["profile"] for one in view["volumes"][0]["profiles"]} == {"RAID1"}
    assert view["volumes"][1]["subvolumes"] is None
    assert "of sda1 and sdb1" in overview_text(view)
