"""The guests of Red Hat's and Amazon's families on the disks of their official cloud images: real, and judged as such.

The reports in `golden/cloud_disks` were read line by line: each menu leads from what firmware starts to the kernel on
/boot, and says at which UUID; what is left are things that the vendor of the cloud asks otherwise of an image.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from fixtures.disk import BOOT_UUID, ROOT_UUID
from fixtures.families import RECIPES, guest_of_family
from fixtures.families.boot_entry import MACHINE
from fixtures.families.red_hat_disk import DISKS, SWAP_UUID, build_cloud_disk, on_cloud_disk
from fixtures.families.family import Family
from inspector import inspect_image
from inspector.report import Report
from inspector.verdict import Status
from tests.inspector.family_guests import statuses
from tests.inspector.faults.families.fault import OTHER_UUID
from tests.inspector.test_families import LEFT
from tests.oracles import missing
from tests.parsers.filesystem.btrfs.reference import needs_kernel, needs_progs

GOLDEN: Final = Path(__file__).parent / "golden" / "cloud_disks"
TOOLS: Final = ("grub-mkimage", "mcopy", "mke2fs", "mkfs.fat", "mkfs.xfs", "mkswap", "sfdisk")
NAMES: Final = tuple(
    pytest.param(name, marks=[needs_kernel, needs_progs] if name == "fedora-43" else []) for name in DISKS
)
READ: Final = ("Fstab", "Grub", "OnlineResizeFS", "BootMode", "KernelVersion")
BOOT_MODES: Final = {"centos-7.9": "bios", "oracle-8": "bios", "amazon-2": "bios"}
"""That of the others is "both"."""
ASKED_OTHERWISE: Final = {"oracle-8": {"DiskLayout": Status.WARNING}, "fedora-43": {"FileSystemType": Status.WARNING}}
"""A swap partition, and btrfs: what the vendor advises against in images."""


def good(name: str) -> Family:
    if absent := missing(*TOOLS):
        pytest.skip(f"not installed: {', '.join(absent)}")
    if absent := [program for program in RECIPES[name].needs if shutil.which(program) is None]:
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(absent)}")
    return on_cloud_disk(guest_of_family(name))


def judged(family: Family, folder: Path) -> Report:
    return inspect_image(str(build_cloud_disk(family, folder / "disk.raw")))


def told(report: Report) -> str:
    """Return what the rules of the checks `READ` say, with their evidence, whatever UUID the root was given."""
    lines = [f"boot mode {report.guest.boot_mode}\n"]
    for check in [check for check in report.checks if check.name in READ]:
        for rule in check.rules:
            lines.append(f"{check.name} [{rule.status}]  {rule.rule}: {rule.message}\n")
            for item in rule.evidence:
                place = f"{item.volume or ''} {item.path}".strip() + (f":{item.line}" if item.line else "")
                lines.append(f"    {place}{f' ({item.key})' if item.key else ''}  {item.seen}\n")
    text = "".join(lines)
    root = re.search(r"root=UUID=([0-9a-f-]{36})", text)
    return text.replace(root[1], ROOT_UUID) if root else text


@pytest.mark.parametrize("name", NAMES)
def test_a_good_guest_is_good_on_the_disk_of_its_cloud_image(name: str, tmp_path: Path) -> None:
    report = judged(good(name), tmp_path)
    found = {check: status for check, status in statuses(report.checks).items() if status is not Status.OK}
    assert found == LEFT.get(name, {}) | ASKED_OTHERWISE.get(name, {})
    assert report.problems == []
    assert report.guest.boot_mode == BOOT_MODES.get(name, "both")
    assert all(rule.known and rule.evidence for check in report.checks for rule in check.rules)
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN") == "1":
        path.write_text(told(report))
        pytest.skip(f"{path.name} was written anew: read it, line by line")
    assert told(report) == path.read_text()


def entry_of(family: Family) -> str:
    assert family.kernel is not None
    return f"/boot/loader/entries/{MACHINE}-{family.kernel.version}.conf"


def stub_of(family: Family) -> str:
    return f"/boot/efi/EFI/{DISKS[family.name].vendor}/grub.cfg"


def fstab_of(_: Family) -> str:
    return "/etc/fstab"


Fault = tuple[str, str, Callable[[Family], str], str, str, str, Status, str]
FAULTS: Final[tuple[Fault, ...]] = (
    # name, guest, file, what is there, what is there instead, the checks that turn, the first's status, its evidence
    ("the menu on the EFI system partition is of another disk", "rocky-8", stub_of, BOOT_UUID, OTHER_UUID, "Grub",
     Status.WARNING, "no volume of the image has the fs-uuid"),
    ("the stub searches for another disk", "almalinux-9", stub_of, BOOT_UUID, OTHER_UUID, "Grub",
     Status.FAILED, "no volume of the image has the fs-uuid"),
    ("the entry names /boot, which is a partition of its own", "almalinux-9", entry_of, "linux /", "linux /boot/",
     "Grub KernelVersion", Status.FAILED, "/boot/vmlinuz-"),
    ("the entry names no subvolume", "fedora-43", entry_of, " rootflags=subvol=root", "", "Grub", Status.FAILED,
     "no rootflags=subvol="),
    ("fstab names a subvolume that is not there", "fedora-43", fstab_of, "subvol=home", "subvol=homes",
     "Fstab SystemFileAttribute Leftovers ForeignAgents", Status.FAILED, "homes"),
    ("the prefix leads beside the menu", "amazon-2023", stub_of, "/boot/grub2", "/grub2", "Grub",
     Status.FAILED, "/grub2"),
    ("the swap partition is of another disk", "oracle-8", fstab_of, SWAP_UUID, OTHER_UUID, "Fstab", Status.WARNING,
     OTHER_UUID),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault, id=fault[0].replace(" ", "-"), marks=[needs_kernel, needs_progs] if fault[1] == "fedora-43" else []
        )
        for fault in FAULTS
    ],
)
def test_a_fault_of_the_layout_turns_its_check_at_its_place(fault: Fault, tmp_path: Path) -> None:
    _, name, path_of, old, new, checks, status, seen = fault
    family = good(name)
    path = path_of(family)
    assert old in family.text(path)
    first, *_ = wanted = checks.split()
    report = judged(family.changed({path: family.text(path).replace(old, new)}), tmp_path)
    expected = LEFT.get(name, {}) | ASKED_OTHERWISE.get(name, {})
    turned = {
        check: found for check, found in statuses(report.checks).items() if found is not expected.get(check, Status.OK)
    }
    assert sorted(turned) == sorted(wanted)
    assert turned[first] is status
    places = [
        item
        for check in report.checks
        if check.name == first
        for rule in check.rules
        if rule.status is not Status.OK
        for item in rule.evidence
    ]
    assert any(seen in item.seen and item.path == path and item.line for item in places), places
