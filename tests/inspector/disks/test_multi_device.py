"""A file system of several devices is one, whichever of them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.disks.device import resolve
from inspector.disks.storage import Storage, open_storage
from inspector.target import Target
from inspector.view.overview import overview
from tests.inspector.storage_stacks import disk_of
from tests.parsers.filesystem.btrfs.reference import make, needs_progs

UUID = "0a1b2c3d-0000-4000-8000-00000000000b"
SIZE = 256


def devices(folder: Path, count: int, *options: str, uuid: str = UUID) -> list[Path]:
    images = [folder / f"{uuid[-1]}{number}.raw" for number in range(count)]
    make(images, SIZE, "-U", uuid, *options)
    return images


def opened(folder: Path, *parts: Path) -> Storage:
    return open_storage(Target((str(disk_of(folder / "disk.raw", *parts)),)))


@needs_progs
@pytest.mark.parametrize("profile", ["raid0", "raid1", "single"])
def test_its_devices_are_joined(tmp_path: Path, profile: str) -> None:
    storage = opened(tmp_path, *devices(tmp_path, 2, "-d", profile, "-m", "raid1"))
    first, second = storage.volumes
    assert first.tree is not None
    assert first.tree.problems == ()
    assert (second.tree, second.reason, second.holder, second.hides) == (None, None, "sda1", False)
    for spec in (f"UUID={UUID}", "/dev/sda1", "/dev/sda2", f"PARTUUID={second.partition and second.partition.uuid}"):
        assert resolve(spec, storage.volumes) is first
    view = overview(Target((str(tmp_path / "disk.raw"),)))
    assert [(volume["device"], volume["holder"]) for volume in view["volumes"]] == [("sda1", None), ("sda2", "sda1")]


@needs_progs
def test_devices_on_two_disks_are_joined(tmp_path: Path) -> None:
    storage = open_storage(Target(tuple(str(image) for image in devices(tmp_path, 2, "-d", "raid0", "-m", "raid0"))))
    first, second = storage.volumes
    assert first.tree is not None
    assert first.tree.problems == ()
    assert (first.name, second.name, second.holder) == ("sda", "sdb", "sda")


@needs_progs
def test_a_device_that_is_missing_is_told(tmp_path: Path) -> None:
    first, *_ = opened(tmp_path, devices(tmp_path, 2, "-d", "raid1", "-m", "raid1")[1]).volumes
    assert first.tree is not None
    assert any("not given" in problem.message for problem in first.tree.problems)


@needs_progs
def test_copies_of_one_device_and_other_file_systems_are_not_joined(tmp_path: Path) -> None:
    (single,) = devices(tmp_path, 1)
    (other,) = devices(tmp_path, 1, uuid=f"{UUID[:-1]}c")
    storage = opened(tmp_path, single, single, other)
    assert [(volume.holder, volume.others) for volume in storage.volumes] == [(None, ())] * 3


@needs_progs
def test_a_broken_device_leaves_the_others_alone(tmp_path: Path) -> None:
    one, two = devices(tmp_path, 2, "-d", "raid1", "-m", "raid1")
    with two.open("r+b") as file:
        for offset in (64 << 10, 64 << 20):
            file.seek(offset + 200)
            file.write(b"\xff" * 8)
    first, second = opened(tmp_path, one, two).volumes
    assert first.tree is not None
    assert any("not given" in problem.message for problem in first.tree.problems)
    assert second.holder is None
    assert "cannot be read" in (second.reason or "")
