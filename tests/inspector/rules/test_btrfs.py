from __future__ import annotations

import pytest

from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.btrfs import (
    RULES,
    btrfs_devices_are_complete,
    fstab_subvolumes_exist,
    kernel_mounts_the_root_subvolume,
    root_subvolume_is_writable,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.linux.fstab import Fstab
from tests.subvolume_tree import SubvolumeTree
from tests.volumes import storage_of, volume_of

CFG = "/boot/grub/grub.cfg"
FSTAB = "/etc/fstab"


def facts(
    rootflags: str = "rootflags=subvol=@",
    *lines: str,
    root: str = "subvol=@",
    default: str = "",
    read_only: frozenset[str] = frozenset(),
    missing: tuple[str, ...] = (),
) -> Facts:
    """Ubuntu's layout: / in @, /home in @home, an older system in @old."""
    fstab = [f"UUID=aaaa / btrfs defaults,{root} 0 0", *lines]
    system = {
        "/etc/os-release": "ID=ubuntu\n",
        FSTAB: "\n".join([*fstab, ""]),
        CFG: f"menuentry a {{\nsearch --set=root --fs-uuid aaaa\nlinux /@/boot/k root=UUID=aaaa ro {rootflags}\n}}\n",
        "/boot/k": "k",
    }
    tree = SubvolumeTree({"@": system, "@home": {}, "@old": {}}, default, read_only=read_only, missing=missing)
    storage = storage_of(volume_of(tree, 1, "btrfs", "aaaa"), volume_of({}, 2, uuid="bbbb"))
    return Facts({Storage: storage, Guest: find_guest(storage, "sda1[/@]")}, COLLECTORS)


def places(verdict: Verdict) -> list[str]:
    return [f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence]


@pytest.mark.parametrize(
    ("rootflags", "default", "message"),
    [
        ("rootflags=subvol=@old", "", "the kernel mounts /@old but the system lies in /@"),
        ("rootflags=subvol=@gone", "", "the kernel cannot mount its root: subvolume '@gone' wanted, none found"),
        ("rootflags=subvolid=999", "", "the kernel cannot mount its root: subvolume 999 wanted, none found"),
        ("rootflags=subvol=@,subvolid=257", "", "the kernel cannot mount its root: subvolume 257 wanted at @"),
        ("", "", "the kernel mounts the default subvolume, /, but the system lies in /@"),
        ("rootflags=noatime", "@home", "the kernel mounts the default subvolume, /@home, but the system lies in /@"),
    ],
)
def test_the_kernel_must_mount_the_subvolume_of_the_system(rootflags: str, default: str, message: str) -> None:
    verdict = kernel_mounts_the_root_subvolume(facts(rootflags, default=default))
    assert (verdict.status, places(verdict)) == (Status.FAILED, [f"{CFG}:3"])
    assert verdict.message.startswith(message)


@pytest.mark.parametrize(
    ("rootflags", "default"),
    [  # the advised fixes: the right rootflags=, or the right default
        ("rootflags=subvol=@", ""),
        ("rootflags=noatime,subvol=/@/", ""),
        ("rootflags=subvolid=256", "@old"),
        ('rootflags="subvol=@,compress=zstd"', ""),
        ("rootflags=subvol=@old rootflags=subvol=@", ""),
        ("", "@"),
    ],
)
def test_the_subvolume_of_the_system_is_mounted(rootflags: str, default: str) -> None:
    verdict = kernel_mounts_the_root_subvolume(facts(rootflags, default=default))
    assert (verdict.status, places(verdict)) == (Status.OK, [f"{CFG}:3"])


def test_a_root_that_is_read_only_is_of_no_use() -> None:
    read_only = frozenset({"@"})
    verdict = root_subvolume_is_writable(facts(read_only=read_only))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/"])
    assert verdict.evidence[0].seen == "/@: ro=true"
    assert root_subvolume_is_writable(facts()).status is Status.OK  # btrfs property set -ts / ro false
    assert root_subvolume_is_writable(facts(read_only=frozenset({"@home"}))).status is Status.OK
    with pytest.raises(NotApplicable, match="fstab mounts the root read-only as well"):
        root_subvolume_is_writable(facts(root="subvol=@,ro", read_only=read_only))


@pytest.mark.parametrize(
    ("lines", "root", "status", "where"),
    [
        (("UUID=aaaa /home btrfs subvol=@home 0 0",), "subvol=@", Status.OK, [1, 2]),
        (("UUID=aaaa /home btrfs subvol=/@home,subvolid=257 0 0",), "subvol=@", Status.OK, [1, 2]),
        (("UUID=aaaa /home btrfs subvol=@gone 0 0",), "subvol=@", Status.FAILED, [2]),
        (("UUID=aaaa /home btrfs subvolid=999 0 0",), "subvol=@", Status.FAILED, [2]),
        (("UUID=aaaa /home btrfs subvol=@home,subvolid=256 0 0",), "subvol=@", Status.FAILED, [2]),
        (("UUID=bbbb /home auto subvol=@home 0 0",), "subvol=@", Status.FAILED, [2]),
        (("UUID=aaaa /home btrfs subvol=@gone,nofail 0 0",), "subvol=@", Status.WARNING, [2]),
        ((), "subvol=@gone", Status.WARNING, [1]),
        ((), "subvol=@old", Status.WARNING, [1]),
        (("UUID=ffff /home btrfs subvol=@home 0 0", "tmpfs /tmp tmpfs subvol=x 0 0"), "subvol=@", Status.OK, [1, 2]),
    ],
)
def test_the_subvolumes_of_fstab(lines: tuple[str, ...], root: str, status: Status, where: list[int]) -> None:
    verdict = fstab_subvolumes_exist(facts("rootflags=subvol=@", *lines, root=root))
    assert (verdict.status, places(verdict)) == (status, [f"{FSTAB}:{line}" for line in where])


def test_a_device_that_is_missing_stops_the_boot() -> None:
    verdict = btrfs_devices_are_complete(facts(missing=("device 2 (x)",)))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["sda1"])
    assert verdict.evidence[0].seen == "device 2 (x) is missing"
    degraded = btrfs_devices_are_complete(facts("rootflags=degraded,subvol=@", missing=("device 2 (x)",)))
    assert (degraded.status, places(degraded)) == (Status.WARNING, ["sda1"])
    assert btrfs_devices_are_complete(facts()).status is Status.OK  # the disk added


@pytest.mark.parametrize(
    ("options", "status"),
    [("defaults", Status.FAILED), ("nofail", Status.WARNING), ("degraded", Status.WARNING), (None, Status.WARNING)],
)
def test_a_device_of_another_file_system(options: str | None, status: Status) -> None:
    known = facts("rootflags=subvol=@", *([f"UUID=cccc /data btrfs {options} 0 0"] if options else []))
    data = volume_of(SubvolumeTree({}, missing=("device 1 (y)",)), 3, "btrfs", "cccc")
    storage = storage_of(*known[Storage].volumes, data)
    verdict = btrfs_devices_are_complete(Facts({Storage: storage, Guest: find_guest(storage, "sda1[/@]")}, COLLECTORS))
    assert (verdict.status, places(verdict)) == (status, ["sda3"])


def test_what_cannot_be_opened_may_lack_a_device() -> None:
    storage = storage_of(*facts()[Storage].volumes, volume_of(None, 3, "btrfs", "cccc", reason="torn"))
    verdict = btrfs_devices_are_complete(Facts({Storage: storage, Guest: find_guest(storage, "sda1[/@]")}, COLLECTORS))
    assert (verdict.status, verdict.known, places(verdict)) == (Status.WARNING, False, ["sda3"])


def test_what_has_no_subvolumes_is_not_judged() -> None:
    storage = storage_of(volume_of({"/etc/os-release": "", FSTAB: "UUID=aaaa / ext4 defaults 0 1\n"}, uuid="aaaa"))
    plain = Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)
    for rule in RULES:
        with pytest.raises(NotApplicable):
            rule(plain)


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    known = facts()
    dark = Facts({Storage: known[Storage], Guest: known[Guest], DefaultKernel: reason}, COLLECTORS)
    assert not kernel_mounts_the_root_subvolume(dark).known
    for rule in (kernel_mounts_the_root_subvolume, root_subvolume_is_writable, fstab_subvolumes_exist):
        assert not rule(Facts({Guest: reason, Fstab: reason})).known
    hidden = volume_of(None, 3, "LVM2_member", reason="torn")
    lines = ("UUID=cccc /home btrfs subvol=@home 0 0",)
    storage = storage_of(*facts("", *lines)[Storage].volumes, hidden)
    verdict = fstab_subvolumes_exist(Facts({Storage: storage, Guest: find_guest(storage, "sda1[/@]")}, COLLECTORS))
    assert (verdict.status, verdict.known, places(verdict)) == (Status.WARNING, False, [f"{FSTAB}:2"])
