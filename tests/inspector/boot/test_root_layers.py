from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from inspector.boot.root_layers import Layer, layers_of
from inspector.disks.disk import Volume
from inspector.disks.storage import Stack, Storage
from parsers.source import Memory
from parsers.volume.lvm2 import LogicalVolume, VolumeGroup
from parsers.volume.mdraid import Array
from tests.volumes import disk_of, volume_of


def group(kind: str, *members: str) -> VolumeGroup:
    volume = LogicalVolume("vg0/root", 1, "", "", kind, None, None)
    return VolumeGroup("vg0", "", 1, (volume,), members, ())


def array(name: str, level: str, *members: str, version: str = "1.2") -> Array:
    return cast("Array", SimpleNamespace(name=name, level=level, members=members, version=version))


def layers(stack: Stack, name: str) -> tuple[Layer, ...]:
    volume = Volume(name, Memory(b"", name), None)
    return layers_of(Storage((disk_of(volume_of(None, 1)),), (volume,), stack), volume)


@pytest.mark.parametrize(
    ("kind", "drivers"),
    [
        ("linear", ("dm_mod",)),
        ("striped", ("dm_mod",)),
        ("mirror", ("dm_mirror", "dm_mod")),
        ("raid1", ("dm_raid", "dm_mod")),
        ("raid6_zr", ("dm_raid", "dm_mod")),
        ("thin", ("dm_thin_pool", "dm_mod")),
    ],
)
def test_the_drivers_of_a_logical_volume(kind: str, drivers: tuple[str, ...]) -> None:
    assert layers(Stack(groups=(group(kind, "sda1"),)), "vg0/root") == (
        Layer("LVM volume", "vg0/root", drivers, ("lvm",)),
    )


@pytest.mark.parametrize(
    ("level", "driver"), [("raid1", "raid1"), ("raid10", "raid10"), ("raid5", "raid456"), ("linear", "linear")]
)
def test_the_drivers_of_an_array(level: str, driver: str) -> None:
    assert layers(Stack(arrays=(array("md0", level, "sda1", "sdb1"),)), "md0") == (
        Layer("md array", "md0", (driver, "md_mod"), ("mdadm",)),
    )
    old = layers(Stack(arrays=(array("md0", level, "sda1", version="0.90"),)), "md0")
    assert [layer.alone for layer in old] == ["md_mod"]


def test_a_group_on_arrays_and_arrays_that_hold_one_another() -> None:
    stack = Stack(
        arrays=(array("md0", "raid1", "sda1"), array("md1", "raid0", "md0", "md1")),
        groups=(group("linear", "md0", "md1"),),
    )
    assert [layer.name for layer in layers(stack, "vg0/root")] == ["vg0/root", "md0", "md1"]


def test_an_encrypted_volume_that_was_opened_and_a_group_in_it() -> None:
    opened = Volume("luks", Memory(b"", "luks"), None)
    opened.members = ("sda2",)
    member = volume_of(None, 2, "crypto_LUKS")
    storage = Storage((disk_of(member),), (member, opened), Stack(groups=(group("linear", "luks"),)))
    top = Volume("vg0/root", Memory(b"", "vg0/root"), None)
    assert layers_of(storage, top) == (
        Layer("LVM volume", "vg0/root", ("dm_mod",), ("lvm",)),
        Layer("encrypted volume", "luks", ("dm_crypt", "dm_mod"), ("cryptsetup", "systemd-cryptsetup")),
    )


def test_a_partition_is_made_of_nothing() -> None:
    assert layers(Stack(groups=(group("linear", "sda1"),)), "sda2") == ()
    assert layers_of(Storage((disk_of(volume_of(None, 1)),), ()), None) == ()
