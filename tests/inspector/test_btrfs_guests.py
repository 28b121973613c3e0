"""The golden guest on btrfs, whole and with faults; the kernel and GRUB's own reader are the oracles."""

from __future__ import annotations

import os
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.btrfs import GUESTS, Guest, build, forget, run
from fixtures.disk import MIB, build_disk
from fixtures.golden import GOLDEN
from inspector.disks.storage import open_storage
from inspector.engine import inspect_machine, open_facts
from inspector.facts.boot import DefaultKernel
from inspector.mounts import find_guest
from inspector.report import Report
from inspector.target import Target
from inspector.verdict import Status
from inspector.view.overview import overview
from parsers.filesystem.tree import FileType
from parsers.linux.fstab import parse_fstab
from tests.inspector.faults.btrfs import BTRFS_FAULTS, BtrfsFault
from tests.inspector.test_faults import named_places, statuses
from tests.oracles import needs
from tests.parsers.filesystem.btrfs.reference import needs_kernel, needs_progs

pytestmark = [needs_kernel, needs_progs, needs("sfdisk", "mke2fs")]

OF_BTRFS = {
    "btrfs-devices-are-complete",
    "fstab-subvolumes-exist",
    "kernel-mounts-the-root-subvolume",
    "root-arguments-fit-file-system",
    "root-subvolume-is-writable",
}
"""Rules that judge a guest on btrfs and not one on ext4."""
OF_THE_TYPE = {"ext4-features-are-accepted", "root-lies-on-one-disk", "system-file-systems-are-accepted"}
EXPECTED = {"FileSystemType": Status.WARNING}
"""The vendor names ext4 and XFS, not btrfs."""


def inspect(guest: Guest, folder: Path, given: int | None = None) -> Report:
    folder.mkdir()
    return inspect_machine(Target(tuple(map(str, build(guest, folder)[:given]))))


def turned(report: Report) -> dict[str, Status]:
    found: dict[str, Status] = {name: one for name, one in statuses(report).items() if one is not Status.OK}
    assert {name: found.pop(name) for name in EXPECTED} == EXPECTED
    return found


def by_rule(report: Report) -> dict[str, Status]:
    found = {rule.rule: rule.status for check in report.checks for rule in check.rules}
    return {name: status for name, status in found.items() if name not in OF_BTRFS | OF_THE_TYPE}


@pytest.mark.parametrize("guest", GUESTS.values(), ids=lambda guest: guest.name)
def test_the_verdicts_are_those_of_the_guest_on_ext4(guest: Guest, tmp_path: Path) -> None:
    report = inspect(guest, tmp_path / "btrfs")
    assert turned(report) == ({"Volumes": Status.FAILED} if guest.devices > 1 else {})
    assert report.problems == []
    plain = inspect_machine(Target((str(build_disk(GOLDEN, tmp_path / "plain.raw", "raw")),)))
    assert by_rule(report) == by_rule(plain)


@pytest.mark.parametrize("fault", BTRFS_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_turns_exactly_its_checks_and_its_fix_turns_them_back(fault: BtrfsFault, tmp_path: Path) -> None:
    report = inspect(fault.guest, tmp_path / "faulty", fault.given)
    bad = turned(report)
    first, *_ = wanted = fault.checks.split()
    assert sorted(bad) == sorted(wanted)
    assert bad[first] is fault.status
    assert fault.place in named_places(next(check for check in report.checks if check.name == first))

    if fault.mended is None:
        return  # the advice is to undo the fault, which gives the guest above again
    mended = inspect(fault.mended(fault.guest), tmp_path / "mended")
    assert turned(mended) == ({} if fault.left is Status.OK else {first: fault.left})


@contextmanager
def mounted_as_fstab_says(guest: Guest, disks: list[Path], folder: Path) -> Iterator[Path]:
    """Let the kernel mount the guest: its root, and the subvolumes of its fstab."""
    offset = MIB + (384 * MIB if guest.boot is not None else 0)
    devices = [run("losetup", "-f", "--show", "-r", "-o", str(offset), str(disk)).strip() for disk in disks]
    mounts: list[Path] = []
    try:
        run("btrfs", "device", "scan", *devices)
        entries = parse_fstab(str(guest.files["/etc/fstab"])).entries
        for entry in (one for one in entries if one.kind == "btrfs"):
            options = ",".join(("ro", *(one for one in entry.options if one.startswith("subvol"))))
            if entry.mount_point == "/" and guest.root != guest.default:
                options = f"ro,subvol=/{guest.root}"
            run("mount", "-t", "btrfs", "-o", options, devices[0], f"{folder}{entry.mount_point}")
            mounts.append(folder / entry.mount_point.lstrip("/"))
        yield folder
    finally:
        for point in reversed(mounts):
            run("umount", str(point))
        forget(devices)
        for device in devices:
            run("losetup", "-d", device)


def listing(top: Path) -> dict[str, tuple[int, int, bytes]]:
    found: dict[str, tuple[int, int, bytes]] = {}
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(folder, name)
            stat = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[f"/{path.relative_to(top)}"] = (stat.st_mode & 0o7777, stat.st_uid, content)
    return found


@pytest.mark.parametrize("name", ["ubuntu", "opensuse", "two devices", "snapshots"])
def test_the_tree_is_what_the_kernel_mounts(name: str, tmp_path: Path) -> None:
    guest = GUESTS[name]
    disks = build(guest, tmp_path)
    found = find_guest(open_storage(Target(tuple(map(str, disks)))))
    ours = {
        path: (stat.mode, stat.uid, found.read_bytes(path) if stat.type is FileType.FILE else b"")
        for path, _, stat in found.walk()
        if path != "/"
    }
    (tmp_path / "top").mkdir()
    with mounted_as_fstab_says(guest, disks, tmp_path / "top") as top:
        assert ours == listing(top)
    nested = {"ubuntu": "/var/lib/portables/x", "opensuse": "/var/lib/machines/inner"}
    assert nested.get(name, "/etc/fstab") in ours


@needs("grub-fstest")
@pytest.mark.parametrize("name", ["ubuntu", "debian", "fedora", "top level", "two devices"])
def test_grub_finds_the_files_that_are_said_to_be_there(name: str, tmp_path: Path) -> None:
    guest = GUESTS[name]
    disks = build(guest, tmp_path)
    storage = open_storage(Target(tuple(map(str, disks))))
    kernel = open_facts(storage)[DefaultKernel]
    for file in (kernel.image, *kernel.initramfs):
        assert file.exists
        named = file.named.replace("(sda1)", "(loop0,msdos1)")
        command = ["grub-fstest", *(["-c", str(len(disks))] if len(disks) > 1 else []), *map(str, disks)]
        said = subprocess.run([*command, "crc", named], capture_output=True, text=True, check=True).stdout
        assert file.path
        assert int(said, 16) == zlib.crc32(find_guest(storage).read_bytes(file.path))


def test_a_root_is_chosen_by_its_name(tmp_path: Path) -> None:
    disks = build(GUESTS["snapshots"], tmp_path)
    storage = open_storage(Target((str(disks[0]),)))
    for subvolume in ("@", "@old", "timeshift/1/@"):
        assert find_guest(storage, f"sda1[/{subvolume}]").mount_of("/").device == f"sda1[/{subvolume}]"
    view = overview(Target((str(disks[0]),)))
    assert view["mounts"][0] == {"path": "/", "device": "sda1[/@]", "reason": None}
