"""Values as real hives have them: a disk of a BIOS machine, one of UEFI, a CD drive."""

from __future__ import annotations

import pytest

from parsers.place import ParseError, Place
from parsers.source import Memory
from parsers.windows.mounted_devices import (
    Device,
    GptPartition,
    MbrPartition,
    OtherDevice,
    drive_of,
    parse_unique_id,
    volume_of,
)
from parsers.windows.registry import open_hive
from tests.corpus import corpus

PLACE = Place("SYSTEM", key=r"MountedDevices\\DosDevices\C:")


@pytest.mark.parametrize(
    ("data", "device"),
    [
        (bytes.fromhex("efbeadde0000100000000000"), MbrPartition("deadbeef", 1 << 20)),
        (
            b"DMIO:ID:" + bytes.fromhex("d4a2c1b300000040800000000000beef"),
            GptPartition("b3c1a2d4-0000-4000-8000-00000000beef"),
        ),
        (r"\??\IDE#CdRomQEMU".encode("utf-16-le"), OtherDevice(r"\??\IDE#CdRomQEMU")),
        ("_??_USBSTOR#Disk".encode("utf-16-le"), OtherDevice("_??_USBSTOR#Disk")),
    ],
)
def test_unique_ids(data: bytes, device: Device) -> None:
    assert parse_unique_id(data, PLACE) == device


@pytest.mark.parametrize(
    "data", [b"DMIO:ID:short", b"", bytes(11), bytes(13), r"\??\IDE".encode("utf-16-le") + b"x", b"CdRom"]
)
def test_data_of_no_known_form(data: bytes) -> None:
    with pytest.raises(
        ParseError, match=f"a partition or the path of a device wanted, {len(data)} bytes found"
    ) as caught:
        parse_unique_id(data, PLACE)
    assert caught.value.place == PLACE


def test_names() -> None:
    assert [drive_of(name) for name in (r"\DosDevices\c:", r"\DosDevices\CC:", r"\??\C:", "C:", r"\DosDevices\é:")] == [
        "C:", None, None, None, None,
    ]  # fmt: skip
    guid = "Volume{3558506B-6ae4-11eb-8698-806e6f6e6963}"
    assert [volume_of(name) for name in (rf"\??\{guid}", guid, r"\??\C:")] == [guid.lower(), None, None]


@pytest.mark.corpus
def test_the_drives_of_a_real_machine() -> None:
    hive = open_hive(Memory(corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()))
    key = hive.key("MountedDevices")
    assert key is not None
    drives = {drive: parse_unique_id(it.data, it.place) for it in key.values() if (drive := drive_of(it.name))}
    assert drives.pop("C:") == MbrPartition("5cbea03e", 1 << 20)
    begins = {drive: device.path[:10] for drive, device in drives.items() if isinstance(device, OtherDevice)}
    assert begins == {"A:": r"\??\FDC#GE", "D:": r"\??\IDE#Cd", "E:": "_??_USBSTO"}
