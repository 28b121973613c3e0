from __future__ import annotations

import pytest

from inspector.boot.grub_devices import GrubDevices
from inspector.disks.storage import Storage
from inspector.guest import Guest, Mount
from inspector.mounts import find_guest
from tests.subvolume_tree import SubvolumeTree
from tests.volumes import storage_of, volume_of

FSTAB = """\
UUID=aaaa / btrfs subvol=@ 0 0
UUID=aaaa /.snapshots btrfs subvol=@/.snapshots 0 0
/srv /mnt none bind 0 0
"""
SYSTEM = {"/etc/os-release": "", "/etc/fstab": FSTAB, "/boot/vmlinuz": "kernel", "/srv/x": "x"}


@pytest.fixture
def storage() -> Storage:
    tree = SubvolumeTree({"@": SYSTEM, "@/.snapshots": {"/1/boot/vmlinuz": "older"}, "@other": {"/k": "k"}}, "@other")
    return storage_of(volume_of(tree, 1, "btrfs", "aaaa"), volume_of({"/k": ""}, 2, uuid="bbbb"))


@pytest.fixture
def devices(storage: Storage) -> GrubDevices:
    return GrubDevices(storage, find_guest(storage, "sda1[/@]"))


def test_paths_begin_at_the_top_level_whatever_is_the_default(devices: GrubDevices) -> None:
    assert devices.size("sda1", "/@/boot/vmlinuz") == 6
    assert devices.size("sda1", "/boot/vmlinuz") is devices.size("sda1", "/k") is None
    assert devices.search("file", "/@other/k") == "sda1"
    assert (devices.default_subvolume("sda1"), devices.default_subvolume("sda2")) == ("@other", "")
    assert devices.default_subvolume("hd0,msdos9") == ""


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/@/boot/vmlinuz", "/boot/vmlinuz"),
        ("/@/.snapshots/1/boot/vmlinuz", "/.snapshots/1/boot/vmlinuz"),
        ("/@other/k", None),
        ("/boot/vmlinuz", None),
    ],
)
def test_the_guest_sees_a_path_through_its_mounts(path: str, wanted: str | None, devices: GrubDevices) -> None:
    assert devices.guest_path("sda1", path) == wanted


def test_a_guest_path_lies_below_its_subvolume(devices: GrubDevices) -> None:
    assert devices.of_guest("/boot/vmlinuz") == ("sda1", "/@/boot/vmlinuz")
    assert devices.of_guest("/.snapshots/1/boot/vmlinuz") == ("sda1", "/@/.snapshots/1/boot/vmlinuz")
    assert devices.of_guest("/mnt/x") is None  # a bind: where it lies on the volume is not worked out


def test_a_subvolume_without_a_known_path_has_no_place(storage: Storage) -> None:
    volume = storage.volumes[0]
    tree = SubvolumeTree({"@": SYSTEM}, "@")
    devices = GrubDevices(storage, Guest([Mount("/", volume, tree, tree.root)]))
    assert devices.of_guest("/boot/vmlinuz") is None
    assert devices.guest_path("sda1", "/@/boot/vmlinuz") is None
