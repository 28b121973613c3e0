"""Values as real hives have them: a disk of a BIOS machine, one of UEFI, a CD drive."""

from __future__ import annotations

import pytest

from parsers.source import Memory
from parsers.windows.mounted_devices import Device, GptPartition, MbrPartition, drive_of, parse_unique_id, volume_of
from parsers.windows.registry import open_hive
from tests.corpus import corpus


@pytest.mark.parametrize(
    ("data", "device"),
    [
        (bytes.fromhex("efbeadde0000100000000000"), MbrPartition("deadbeef", 1 << 20)),
        (
            b"DMIO:ID:" + bytes.fromhex("d4a2c1b300000040800000000000beef"),
            GptPartition("b3c1a2d4-0000-4000-8000-00000000beef"),
        ),
        (r"\??\IDE#CdRomQEMU".encode("utf-16-le"), None),
        (b"DMIO:ID:short", None),
        (b"", None),
    ],
)
def test_unique_ids(data: bytes, device: Device | None) -> None:
    assert parse_unique_id(data) == device


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
    drives = {drive: parse_unique_id(value.data) for value in key.values() if (drive := drive_of(value.name))}
    assert drives == {"A:": None, "C:": MbrPartition("5cbea03e", 1 << 20), "D:": None, "E:": None}
