"""A good guest of each Linux family: its report as it was read by eye, in memory and from a real disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from fixtures.disk import TOOLS, build_disk
from fixtures.families import RECIPES, guest_of_family
from fixtures.families.family import Family
from inspector import inspect_image
from inspector.facts.packages import Packages
from inspector.identity import identify_guest
from inspector.verdict import Status
from tests.inspector.family_guests import MIB, disk_bytes, explained, facts_of, judged, statuses
from tests.oracles import needs

GOLDEN: Final = Path(__file__).parent / "golden" / "families"
NAMES: Final = tuple(RECIPES)


def good(name: str) -> Family:
    """Return a family's guest; skip where a program that makes it is missing."""
    missing = [program for program in RECIPES[name].needs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    return guest_of_family(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_report_of_a_good_guest_is_the_one_that_was_read_by_eye(name: str) -> None:
    family = good(name)
    report = f"{identify_guest(facts_of(family))}\n{explained(*judged(family))}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN") == "1":
        path.write_text(report)
        pytest.skip(f"{path.name} was written anew: read it, line by line")
    assert report == path.read_text()


ENDED: Final = {"OSVersion": Status.WARNING}
OLD_CLOUD_INIT: Final = ENDED | {"CloudInit": Status.WARNING}
LEFT: Final = {
    "centos-6": OLD_CLOUD_INIT | {"Nvme": Status.WARNING}, "ubuntu-14.04": OLD_CLOUD_INIT | {"Nvme": Status.WARNING},
    "centos-7.9": ENDED, "amazon-2": ENDED, "opensuse-15.6": ENDED, "sles-12": ENDED, "alpine-3.20": ENDED,
}  # fmt: skip
"""What is rightly found in a guest with nothing wrong: its release has ended, its cloud-init is older than 0.7.9,
or its driver of NVMe disks than the arguments that are asked for."""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_good_guest_but_its_age(name: str) -> None:
    checks, _ = judged(good(name))
    assert {check: status for check, status in statuses(checks).items() if status is not Status.OK} == LEFT.get(
        name, {}
    )
    assert all(rule.known and rule.evidence for check in checks for rule in check.rules)


@pytest.mark.parametrize("name", NAMES)
def test_its_packages_are_those_of_the_recipe(name: str) -> None:
    packages = facts_of(good(name))[Packages]
    assert packages.problems == ()
    assert len(packages) >= 11
    assert packages.find("cloud-init") is not None


def real_disk(family: Family, path: Path) -> Path:
    """Build the guest on a disk with ext4, with the boot code of its loader."""
    if family.kind != "ext4":  # the line of fstab is the one difference
        family = family.changed({"/etc/fstab": family.text("/etc/fstab").replace("xfs", "ext4")})
    disk = build_disk(family.files, path, "raw")
    code = disk_bytes(family.loader)
    with disk.open("r+b") as file:
        file.write(code[:440])
        if family.loader != "grub2":
            file.seek(512)
            file.write(code[512 : 64 * 512])
            file.seek(MIB)
            file.write(code[MIB : MIB + 512])
    return disk


@needs(*TOOLS)
@pytest.mark.parametrize("name", NAMES)
def test_a_real_disk_gives_the_verdicts_of_memory(name: str, tmp_path: Path) -> None:
    report = inspect_image(str(real_disk(good(name), tmp_path / "disk.raw")))
    found = {check: status for check, status in statuses(report.checks).items() if status is not Status.OK}
    assert found == LEFT.get(name, {})
    assert report.problems == []


NINETEEN: Final = """\
------------------------------------------------------------
    OS: CentOS Linux 7 (Core)   Kernel: 3.10.0-1160.119.1.el7.x86_64
    Arch: x86_64   RTC-Mode: utc   Boot-Mode: bios
------------------------------------------------------------
Image check result
Virtio                    [OK]
Nvme                      [OK]
Fstab                     [OK]
Grub                      [OK]
Dhcp                      [OK]
Selinux                   [OK]
OnlineResizeFS            [OK]
CloudAssistant            [OK]
CloudInit                 [OK]
SecurityCenterAgent       [OK]
SupportMocInstanceTypes   [OK]
DiskUsage                 [OK]
InodeUsage                [OK]
SystemFileAttribute       [OK]
CriticalUser              [OK]
QemuGuestAgent            [OK]
SshConfig                 [OK]
Firewall                  [OK]
LibDirectory              [OK]
        Total checks: 19   Success: 19   Failed: 0   Warning: 0
------------------------------------------------------------
"""


@needs(*TOOLS)
def test_centos_7_9_with_nothing_wrong_gives_nineteen_times_ok(tmp_path: Path) -> None:
    disk = build_disk(good("centos-7.9").files, tmp_path / "disk.qcow2")
    command = [sys.executable, "-m", "inspector", "check", str(disk), "--profile", "ecs-tool"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(NINETEEN)
