"""Every fault of the table turns exactly its checks, names its place, and is turned back by the advised fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.disk import Ext, Layout, build_disk
from fixtures.files import Files
from fixtures.golden import GOLDEN
from inspector import inspect_image
from inspector.report import CheckResult, Report
from inspector.verdict import Status
from tests.inspector.faults import FAULTS
from tests.inspector.faults.mutation import Mutation
from tests.oracles import needs

pytestmark = needs("mke2fs", "debugfs", "sfdisk")

Inspect = Callable[[Files, Ext, Layout], Report]


@pytest.fixture
def inspect(tmp_path: Path) -> Inspect:
    def build_and_inspect(files: Files, ext: Ext, layout: Layout) -> Report:
        disk = build_disk(files, tmp_path / "disk.raw", "raw", ext=ext, layout=layout)
        return inspect_image(str(disk))

    return build_and_inspect


def statuses(report: Report) -> dict[str, Status]:
    return {check.name: check.status for check in report.checks}


def named_places(check: CheckResult) -> set[str]:
    bad = [rule for rule in check.rules if rule.status is not Status.OK]
    places = [item for rule in bad for item in rule.evidence]
    return {item.path if item.line is None else f"{item.path}:{item.line}" for item in places}


def test_the_golden_guest_is_ok_in_every_check(inspect: Inspect) -> None:
    report = inspect(GOLDEN, Ext(), Layout())
    assert {name: status for name, status in statuses(report).items() if status is not Status.OK} == {}
    assert report.verdict is Status.OK
    assert report.problems == []
    assert all(rule.known and rule.evidence for check in report.checks for rule in check.rules)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_turns_exactly_its_checks_and_its_fix_turns_them_back(fault: Mutation, inspect: Inspect) -> None:
    report = inspect(fault.files, fault.ext, fault.layout)
    turned = {name: status for name, status in statuses(report).items() if status is not Status.OK}
    first, *_ = wanted = fault.checks.split()
    assert sorted(turned) == sorted(wanted)
    assert turned[first] is fault.status
    check = next(check for check in report.checks if check.name == first)
    assert fault.place in named_places(check)
    assert all(rule.fix for rule in check.rules)

    if fault.mended is None:
        return  # the advice is to undo the fault, which gives the golden guest again
    mended = inspect(fault.mended_files, Ext(), Layout())
    assert {n: s for n, s in statuses(mended).items() if s is not Status.OK} == (
        {} if fault.left is Status.OK else {first: fault.left}
    )


def test_the_table_has_fifty_faults_of_different_names() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 50
