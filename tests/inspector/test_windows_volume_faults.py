"""Faults on the bytes of a whole disk of Windows turn exactly their checks, and are turned back by what was there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.windows.disk import copy_sparsely
from inspector import inspect_image
from inspector.report import CheckResult
from inspector.verdict import Status
from tests.inspector.faults.windows_volumes import BIOS_FAULTS, Patches, VolumeFault
from tests.oracles import needs
from tests.windows_disk import windows_disk

pytestmark = pytest.mark.corpus

BIOS, UEFI = "server-2016", "server-2022"


def copied(name: str, factory: pytest.TempPathFactory) -> Path:
    disk = windows_disk(name, factory)
    copy = factory.mktemp("volumes") / "disk.raw"
    with copy.open("wb") as file:
        file.truncate(disk.stat().st_size)
    copy_sparsely(disk, copy, size=disk.stat().st_size)
    return copy


@pytest.fixture(scope="module")
def bios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(BIOS, tmp_path_factory)


@pytest.fixture(scope="module")
def uefi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(UEFI, tmp_path_factory)


def judged(image: Path) -> dict[str, CheckResult]:
    return {check.name: check for check in inspect_image(str(image)).checks}


def turned(image: Path, good: dict[str, CheckResult]) -> dict[str, CheckResult]:
    return {name: check for name, check in judged(image).items() if check.status is not good[name].status}


def places(check: CheckResult) -> set[str]:
    return {item.path for rule in check.rules if rule.status is not Status.OK for item in rule.evidence}


def write(image: Path, patches: Patches) -> Patches:
    """Write bytes, and return what stood there."""
    before: Patches = {}
    with image.open("r+b") as file:
        for at, data in patches.items():
            file.seek(at)
            before[at] = file.read(len(data))
            file.seek(at)
            file.write(data)
    assert before != patches
    return before


@pytest.mark.parametrize("fault", BIOS_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_turns_its_check_and_its_fix_turns_it_back(fault: VolumeFault, bios: Path) -> None:
    good = judged(bios)
    before = write(bios, fault.patches(bios))
    try:
        found = turned(bios, good)
    finally:
        write(bios, before)
    first, *_ = wanted = fault.checks.split()
    assert sorted(found) == sorted(wanted)
    assert found[first].status is fault.status
    assert fault.place in places(found[first])
    assert turned(bios, good) == {}


@needs("sfdisk")
@pytest.mark.parametrize(
    ("number", "attributes", "turns"),
    [(3, "GUID:62", True), (3, "GUID:63", True), (1, "NoBlockIOProtocol", True), (1, "GUID:63", False)],
)
def test_attributes_of_partitions(number: int, attributes: str, turns: bool, uefi: Path) -> None:
    good = judged(uefi)
    before = subprocess.check_output(["sfdisk", "--part-attrs", uefi, str(number)], text=True).strip()
    subprocess.run(["sfdisk", "-q", "--part-attrs", uefi, str(number), attributes], check=True)
    try:
        found = turned(uefi, good)
    finally:
        subprocess.run(["sfdisk", "-q", "--part-attrs", uefi, str(number), before], check=True)
    assert list(found) == (["WindowsVolumes"] if turns else [])
    for check in found.values():
        assert (check.status, places(check)) == (Status.WARNING, {f"sda{number}"})
    assert turned(uefi, good) == {}
