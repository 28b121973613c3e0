"""The families' guests on the disks that their own cloud images have: what differs is the disk, not the verdicts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest

from fixtures.disk import ROOT_UUID
from fixtures.families.cloud_images import CLOUD_IMAGES, cloud_image
from fixtures.families.cloud_layout import TOOLS, build_image
from fixtures.families.rpm_database import NEEDS as RPM
from inspector import inspect_image
from inspector.report import Report
from inspector.verdict import Status
from tests.inspector.family_guests import explained, statuses
from tests.inspector.faults.cloud_images import IMAGE_FAULTS, ImageFault
from tests.inspector.test_family_faults import named_places
from tests.oracles import missing
from tests.parsers.filesystem.btrfs.reference import needs_kernel

GOLDEN: Final = Path(__file__).parent / "golden" / "cloud_images"
NEEDS: Final = {"arch": ("pacman", "mkfs.btrfs"), "arch unified": ("pacman",), "opensuse-15.6": (*RPM, "mkfs.btrfs")}
PARAMETERS: Final = [pytest.param(name, marks=needs_kernel if name == "opensuse-15.6" else ()) for name in CLOUD_IMAGES]
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
FAULTS: Final = [
    pytest.param(fault, id=fault.name, marks=needs_kernel if fault.image == "opensuse-15.6" else ())
    for fault in IMAGE_FAULTS
]
OF_THE_DISK: Final = frozenset({
    "Virtio", "Nvme", "Fstab", "Grub", "OnlineResizeFS", "BootMode", "KernelVersion", "PartitionTable",
    "FileSystemState", "DiskLayout", "Volumes", "FileSystemType",
})  # fmt: skip
"""The checks whose evidence the disk decides."""
ENDED: Final = {"OSVersion": Status.WARNING}
LEFT: Final = {
    "ubuntu-14.04": ENDED | {"CloudInit": Status.WARNING, "Nvme": Status.WARNING},
    "alpine-3.20 bios": ENDED | {"PartitionTable": Status.WARNING},
    "alpine-3.20 uefi": ENDED,
    "arch": {"FileSystemType": Status.WARNING},
    "opensuse-15.6": ENDED | {"FileSystemType": Status.WARNING},
}
"""What the vendor asks for and such an image rightly lacks: a partition table, a root on ext4 or XFS."""
MODES: Final = {"ubuntu-14.04": "bios", "alpine-3.20 bios": "bios", "alpine-3.20 uefi": "uefi", "arch unified": "uefi"}
"""How an image boots that does not boot both ways."""


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """The reports that were asked for, each made once."""
    return {}


def report(name: str, made: dict[str, Report], folder: Path) -> Report:
    if absent := missing(*TOOLS, *NEEDS.get(name, ())):
        pytest.skip(f"not installed: {', '.join(absent)}")
    if name not in made:
        image = build_image(cloud_image(name), folder / "disk.raw")
        made[name] = inspect_image(str(image))
        assert cloud_image(name).wants_kernel is (name == "opensuse-15.6")
        image.unlink()
    return made[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_verdicts_are_those_of_a_good_guest(name: str, reports: dict[str, Report], tmp_path: Path) -> None:
    found = report(name, reports, tmp_path)
    turned = {check: status for check, status in statuses(found.checks).items() if status is not Status.OK}
    assert turned == LEFT.get(name, {})
    assert all(rule.known and rule.evidence for check in found.checks for rule in check.rules)
    assert found.problems == []
    assert found.guest is not None
    assert found.guest.boot_mode == MODES.get(name, "both")


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_the_disk_decides_was_read_by_eye(name: str, reports: dict[str, Report], tmp_path: Path) -> None:
    found = report(name, reports, tmp_path)
    text = explained(found.checks, found.not_applicable, OF_THE_DISK)
    text = _UUID.sub(ROOT_UUID, text) if cloud_image(name).wants_kernel else text
    path = GOLDEN / f"{name.replace(' ', '-')}.txt"
    if os.environ.get("REWRITE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        pytest.skip(f"{path.name} was written anew: read it, line by line")
    assert text == path.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_turns_exactly_its_checks(fault: ImageFault, tmp_path: Path) -> None:
    if absent := missing(*TOOLS, *NEEDS.get(fault.image, ())):
        pytest.skip(f"not installed: {', '.join(absent)}")
    found = inspect_image(str(build_image(fault.faulty(), tmp_path / "disk.raw")))
    (tmp_path / "disk.raw").unlink()
    good = LEFT.get(fault.image, {})
    turned = {check.name: check for check in found.checks if check.status is not good.get(check.name, Status.OK)}
    first, *_ = wanted = fault.checks.split()
    assert sorted(turned) == sorted(wanted)
    assert turned[first].status is fault.status
    assert fault.place in named_places(turned[first])
