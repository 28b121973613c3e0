"""Every fault of what the system lies on turns exactly its checks, names its place, and is turned back by its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.engine import inspect_machine
from inspector.report import Report
from inspector.target import Target
from inspector.verdict import Status
from tests.inspector.faults.machine import STACKED, XFS, Recipe, copied_while_mounted, lvm, mirror, plain, xfs
from tests.inspector.faults.storage import LVM, STACK, STORAGE_FAULTS, StorageFault
from tests.inspector.test_faults import named_places, statuses
from tests.oracles import needs

pytestmark = needs("mke2fs", "debugfs")


def inspected(recipe: Recipe, folder: Path) -> Report:
    folder.mkdir()
    return inspect_machine(Target(tuple(map(str, recipe(folder)))))


def turned(report: Report) -> dict[str, Status]:
    return {name: status for name, status in statuses(report).items() if status is not Status.OK}


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        pytest.param(plain(), "", id="plain"),
        pytest.param(lvm(), LVM, id="lvm"),
        pytest.param(lvm(pvs=2, disks=((0, 1),)), LVM, id="lvm-of-two-partitions"),
        pytest.param(lvm(skipped=True), LVM, id="lvm-with-a-sleeping-snapshot"),
        pytest.param(mirror(0, 1), STACK, id="mirror"),
        pytest.param(xfs(), "", id="xfs", marks=needs("mkfs.xfs")),
    ],
)
def test_a_sound_machine_has_no_failure_and_only_the_warnings_of_its_layout(
    recipe: Recipe, wanted: str, tmp_path: Path
) -> None:
    report = inspected(recipe, tmp_path / "machine")
    assert turned(report) == dict.fromkeys(wanted.split(), Status.WARNING)


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=needs(*fault.programs), id=fault.name) for fault in STORAGE_FAULTS]
)
def test_a_fault_turns_exactly_its_checks_and_its_fix_turns_them_back(fault: StorageFault, tmp_path: Path) -> None:
    report = inspected(fault.faulty, tmp_path / "faulty")
    first, *_ = wanted = fault.checks.split()
    assert sorted(turned(report)) == sorted(wanted)
    assert turned(report)[first] is fault.status
    check = next(check for check in report.checks if check.name == first)
    assert fault.place in named_places(check)

    assert sorted(turned(inspected(fault.mended, tmp_path / "mended"))) == sorted(fault.left.split())


@needs("mkfs.xfs", "losetup")
def test_nothing_of_a_file_system_is_ok_that_was_copied_while_mounted(tmp_path: Path) -> None:
    report = inspected(xfs(damage=copied_while_mounted), tmp_path / "machine")
    assert set(statuses(report)) - set(turned(report)) == {"ImageFormat", "PartitionTable"}
    assert set(turned(report).values()) == {Status.WARNING}
    state = next(check for check in report.checks if check.name == "FileSystemState")
    assert named_places(state) == {"sda1"}


def test_the_names_differ() -> None:
    names = [fault.name for fault in STORAGE_FAULTS]
    assert len(set(names)) == len(names)
    assert STACKED != XFS
