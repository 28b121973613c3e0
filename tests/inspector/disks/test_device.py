from __future__ import annotations

import pytest

from inspector.disks.device import another, is_kernel_name, resolve
from inspector.disks.disk import Volume
from inspector.facts import UnknownFact
from parsers.filesystem.superblock import Superblock
from parsers.partition.table import Partition
from parsers.source import Memory

SIZE = 1 << 20


def volume(number: int, kind: str, uuid: str | None = None, label: str | None = None) -> Volume:
    partition = Partition(number, 0, SIZE, "0x83", f"deadbeef-{number:02}", f"part {number}")
    superblock = Superblock(kind, 0, uuid, label)
    return Volume(f"sda{number}", Memory(bytes(SIZE), f"sda{number}"), number * SIZE, partition, superblock)


ROOT = volume(1, "ext4", "0a1b2c3d-0000-4000-8000-00000000000a", "root fs")
ESP = volume(2, "vfat", "ABCD-1234", "EFI")
LVM = volume(3, "LVM2_member", "xxxx")


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("UUID=0a1b2c3d-0000-4000-8000-00000000000a", ROOT),
        ('UUID="0a1b2c3d-0000-4000-8000-00000000000a"', ROOT),
        ("UUID=0A1B2C3D-0000-4000-8000-00000000000A", None),
        ("UUID=ABCD-1234", ESP),
        ("UUID=abcd-1234", None),
        ("UUID=", None),
        ("LABEL=root fs", ROOT),
        ("LABEL=nothing", None),
        ("PARTUUID=deadbeef-02", ESP),
        ("PARTLABEL=part 1", ROOT),
        ("/dev/disk/by-uuid/ABCD-1234", ESP),
        (r"/dev/disk/by-label/root\x20fs", ROOT),
        ("/dev/disk/by-partuuid/deadbeef-01", ROOT),
        ("/dev/disk/by-path/pci-0000:00:05.0-part1", None),
        ("/dev/sda1", ROOT),
        ("/dev/vda2", ESP),
        ("/dev/xvda1", ROOT),
        ("/dev/nvme0n1p2", ESP),
        ("/dev/sdb1", None),
        ("/dev/nvme1n1p1", None),
        ("/dev/sda9", None),
        ("/dev/mapper/vg-root", None),
        ("tmpfs", None),
        ("ID=whatever", None),
    ],
)
def test_a_specification_names_a_volume_to_the_letter(spec: str, found: Volume | None) -> None:
    assert resolve(spec, [ROOT, ESP]) is found


def test_what_may_lie_inside_lvm_is_unknown() -> None:
    for spec in ("UUID=ffff", "LABEL=x", "/dev/mapper/vg-root", "/dev/vg/root"):
        with pytest.raises(UnknownFact, match="may lie inside sda3"):
            resolve(spec, [ROOT, LVM])
    assert resolve("LABEL=root fs", [LVM, ROOT]) is ROOT
    assert resolve("/dev/sdc1", [ROOT, LVM]) is None


def test_kernel_names() -> None:
    assert all(
        map(is_kernel_name, ["/dev/sda1", "/dev/vda", "/dev/hda3", "/dev/xvdb1", "/dev/nvme0n1p1", "/dev/mmcblk0p1"])
    )
    assert not any(map(is_kernel_name, ["/dev/mapper/x", "UUID=sda1", "/dev/disk/by-id/sda1", "/dev/sda1x"]))


def test_a_second_volume_of_a_name() -> None:
    first, copy, device, sleeping = (volume(number, "ext4", "aaaa") for number in range(1, 5))
    device.holder = first.name
    sleeping.dormant = True
    assert another("UUID=aaaa", first, [sleeping, first, device, copy]) is copy
    assert another("UUID=aaaa", first, [sleeping, first, device]) is None
    assert another("UUID=aaaa", first, [first, volume(5, "LVM2_member")]) is None
    assert resolve("UUID=aaaa", [sleeping]) is None
