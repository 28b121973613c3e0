"""The guests of Red Hat's and Amazon's families on the disks of their official cloud images: real, and judged as such.

The reports in `golden/cloud_images` were read line by line: each menu leads from what firmware starts to the kernel on
/boot, and says at which UUID; what is left are things that the vendor of the cloud asks otherwise of an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from fixtures.disk import BOOT_UUID, ROOT_UUID
from fixtures.families.cloud_layout import TOOLS, CloudImage, build_image, own_uuid
from fixtures.families.red_hat_images import NAMES, SWAP_UUID, cloud_image, entry, stub
from fixtures.families.rpm_database import NEEDS as RPM
from inspector import inspect_image
from inspector.report import Report
from inspector.verdict import Status
from tests.inspector.family_guests import explained, statuses
from tests.inspector.faults.families.fault import OTHER_UUID
from tests.inspector.test_families import LEFT
from tests.oracles import missing
from tests.parsers.filesystem.btrfs.reference import needs_kernel, needs_progs

GOLDEN: Final = Path(__file__).parent / "golden" / "cloud_images"
MARKED: Final = [pytest.param(name, marks=[needs_kernel, needs_progs] if name == "fedora-43" else []) for name in NAMES]
OF_THE_DISK: Final = frozenset({"Fstab", "Grub", "OnlineResizeFS", "BootMode", "KernelVersion", "FileSystemType"})
"""The checks whose evidence the disk decides."""
BOOT_MODES: Final = {"centos-7.9": "bios", "oracle-8": "bios", "amazon-2": "bios"}
"""That of the others is "both"."""
ASKED_OTHERWISE: Final = {"oracle-8": {"DiskLayout": Status.WARNING}, "fedora-43": {"FileSystemType": Status.WARNING}}
"""A swap partition, and btrfs: what the vendor advises against in images."""


def good(name: str) -> CloudImage:
    if absent := missing(*TOOLS, *RPM, "mkfs.xfs", "mkswap"):
        pytest.skip(f"not installed: {', '.join(absent)}")
    return cloud_image(name)


def judged(image: CloudImage, folder: Path) -> Report:
    disk = build_image(image, folder / "disk.raw")
    report = inspect_image(str(disk))
    disk.unlink()
    return report


@pytest.mark.parametrize("name", MARKED)
def test_a_good_guest_is_good_on_the_disk_of_its_cloud_image(name: str, tmp_path: Path) -> None:
    report = judged(good(name), tmp_path)
    found = {check: status for check, status in statuses(report.checks).items() if status is not Status.OK}
    assert found == LEFT.get(name, {}) | ASKED_OTHERWISE.get(name, {})
    assert report.problems == []
    assert report.guest.boot_mode == BOOT_MODES.get(name, "both")
    assert all(rule.known and rule.evidence for check in report.checks for rule in check.rules)
    text = explained(report.checks, report.not_applicable, OF_THE_DISK)
    text = text.replace(own_uuid(tmp_path / "disk.raw"), ROOT_UUID)
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN") == "1":
        path.write_text(text)
        pytest.skip(f"{path.name} was written anew: read it, line by line")
    assert text == path.read_text()


def fstab(_: str) -> str:
    return "/etc/fstab"


Fault = tuple[str, str, Callable[[str], str], str, str, str, Status, str]
FAULTS: Final[tuple[Fault, ...]] = (
    # name, guest, file, what is there, what is there instead, the checks that turn, the first's status, its evidence
    ("the menu on the EFI system partition is of another disk", "rocky-8", stub, BOOT_UUID, OTHER_UUID, "Grub",
     Status.WARNING, "no volume of the image has the fs-uuid"),
    ("the stub searches for another disk", "almalinux-9", stub, BOOT_UUID, OTHER_UUID, "Grub",
     Status.FAILED, "no volume of the image has the fs-uuid"),
    ("the entry names /boot, which is a partition of its own", "almalinux-9", entry, "linux /", "linux /boot/",
     "Grub KernelVersion", Status.FAILED, "/boot/vmlinuz-"),
    ("the stub leads to the root", "centos-stream-10", stub, "($dev)/grub2", "($dev)/boot/grub2", "Grub", Status.FAILED,
     "/boot/grub2"),
    ("the entry names no subvolume of btrfs", "fedora-43", entry, " rootflags=subvol=root", "", "Grub", Status.FAILED,
     "no rootflags=subvol="),
    ("fstab names a subvolume of btrfs that is not there", "fedora-43", fstab, "subvol=home", "subvol=homes",
     "Fstab SystemFileAttribute Leftovers ForeignAgents", Status.FAILED, "homes"),
    ("the prefix leads beside the menu", "amazon-2023", stub, "/boot/grub2", "/grub2", "Grub", Status.FAILED, "/grub2"),
    ("the swap partition is of another disk", "oracle-8", fstab, SWAP_UUID, OTHER_UUID, "Fstab", Status.WARNING,
     OTHER_UUID),
    ("the EFI system partition is of another disk", "amazon-2023", fstab, "7B77-95E7", "DEAD-BEEF", "Fstab",
     Status.WARNING, "DEAD-BEEF"),  # x-systemd.automount: the boot does not wait for it
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault, id=re.sub(r"\W+", "-", fault[0]), marks=[needs_kernel, needs_progs] if "btrfs" in fault[0] else []
        )
        for fault in FAULTS
    ],
)  # fmt: skip
def test_a_fault_of_the_layout_turns_its_check_at_its_place(fault: Fault, tmp_path: Path) -> None:
    _, name, path_of, old, new, checks, status, seen = fault
    image, path = good(name), path_of(name)
    text = image.files[path]
    assert isinstance(text, str)
    assert old in text
    first, *_ = wanted = checks.split()
    report = judged(replace(image, files={**image.files, path: text.replace(old, new)}), tmp_path)
    left = LEFT.get(name, {}) | ASKED_OTHERWISE.get(name, {})
    turned = {
        check: found for check, found in statuses(report.checks).items() if found is not left.get(check, Status.OK)
    }
    assert sorted(turned) == sorted(wanted)
    assert turned[first] is status
    rules = [rule for check in report.checks if check.name == first for rule in check.rules]
    places = [item for rule in rules if rule.status is not Status.OK for item in rule.evidence]
    assert any(seen in item.seen and item.path == path and item.line for item in places), places
