from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from inspector.boot.dracut import asked_for, left_out
from inspector.disks.disk import LUKS, Volume
from inspector.disks.storage import Stack, Storage
from inspector.facts.boot import BootFile, DefaultKernel
from parsers.place import Place
from parsers.volume.mdraid import Array
from tests.volumes import disk_of, volume_of

UUID = "5f0e1d2c-3b4a-4958-8766-554433221100"
DIGITS = "01234567:89abcdef:01234567:89abcdef"


def kernel(arguments: str) -> DefaultKernel:
    place = Place("/boot/grub/grub.conf", 9)
    image = BootFile(place, "/vmlinuz", "/vmlinuz", None, mounted=True, size=1)
    return DefaultKernel("1", image, (), tuple(arguments.split()), place)


def encrypted() -> tuple[Storage, Volume]:
    """A root on a LUKS volume on sda1."""
    below = volume_of(None, 1, LUKS, uuid=UUID)
    root = volume_of({"/etc/os-release": ""}, 2)
    root.name, root.members = "luks-root", ("sda1",)
    return Storage((disk_of(below),), (below, root)), root


def on_array() -> tuple[Storage, Volume]:
    """A root on an array of sda1."""
    root = volume_of({"/etc/os-release": ""}, 2)
    root.name, root.members = "md0", ("sda1",)
    array = cast("Array", SimpleNamespace(name="md0", level="raid1", members=("sda1",), version="1.2", uuid=DIGITS))
    return Storage((disk_of(volume_of(None, 1)),), (root,), Stack(arrays=(array,))), root


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        ("", False), (f"rd.luks.uuid={UUID}", False), (f"rd.luks.uuid=luks-{UUID}", False),
        ("rd.luks.uuid=5f0e1d2c", False), (f"rd_LUKS_UUID=luks-{UUID.upper()}", False), ("rd.luks.uuid=deadbeef", True),
        ("rd.luks=0", True), ("rd.luks=1", False), ("rd_NO_LUKS", True), ("rd.lvm=0 rd.md=0", False),
        ("rd.lvm.lv=vg/swap", False),
    ],
)  # fmt: skip
def test_an_encrypted_root(arguments: str, out: bool) -> None:
    assert bool(list(left_out(kernel(arguments), *encrypted()))) is out


@pytest.mark.parametrize(
    ("arguments", "out"),
    [("", False), (f"rd.md.uuid={DIGITS}", False), ("rd.md.uuid=0:0:0:1", True), ("rd.md=0", True), ("rd_NO_MD", True)],
)
def test_a_root_on_an_array(arguments: str, out: bool) -> None:
    assert bool(list(left_out(kernel(arguments), *on_array()))) is out


def test_a_root_on_a_partition_needs_nothing() -> None:
    root = volume_of({"/etc/os-release": ""}, 1)
    storage = Storage((disk_of(root),), (root,))
    assert list(left_out(kernel("rd.lvm=0 rd.luks=0 rd.lvm.lv=vg/root"), storage, root)) == []


def test_the_volumes_that_are_named_in_both_spellings() -> None:
    assert asked_for(kernel("rd_LVM_LV=a/b rd.lvm.lv=c/d rd.lvm.lv= rd.md.uuid=1")) == [
        ("rd.lvm.lv", "c/d"), ("rd.lvm.lv", "a/b"), ("rd.md.uuid", "1"),
    ]  # fmt: skip
