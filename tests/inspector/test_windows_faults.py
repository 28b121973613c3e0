"""Every fault of Windows turns exactly its check, names its place, and is turned back by putting right what it did."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import pytest

from fixtures.windows.golden import SECURITY, SOFTWARE, SYSTEM, changed
from fixtures.windows.hive import Data, Keys, merged
from inspector import engine
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.profile import load_profile
from inspector.report import CheckResult
from inspector.verdict import Status
from tests.inspector.faults.windows import FAULTS, Fault, store_of
from tests.inspector.faults.windows_drivers import DRIVER_FAULTS
from tests.inspector.faults.windows_policies import POLICY_FAULTS
from tests.inspector.faults.windows_services import SERVICE_FAULTS
from tests.windows import CONFIG, Changes, golden_storage, hive

pytestmark = pytest.mark.corpus

ALL = (*FAULTS, *DRIVER_FAULTS, *POLICY_FAULTS, *SERVICE_FAULTS)


def judged(storage: Storage, profile: str = "ecs") -> dict[str, CheckResult]:
    facts = Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)
    return {check.name: check for check in engine.judge(facts, load_profile(profile))[0]}


@functools.cache
def good(profile: str = "ecs") -> dict[str, Status]:
    return {name: check.status for name, check in judged(golden_storage(), profile).items()}


def places(check: CheckResult) -> set[str]:
    found = (item for rule in check.rules if rule.status is not Status.OK for item in rule.evidence)
    return {f"{item.path} {item.key}" if item.key else item.path for item in found}


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_a_fault_turns_its_check_and_its_fix_turns_it_back(fault: Fault) -> None:
    boot: Changes = {**fault.boot, **({"/Boot/BCD": hive(store_of(fault))} if fault.store or fault.others else {})}
    found = judged(golden_storage(fault.system, fault.software, fault.files, boot, fault.security), fault.profile)
    turned = {name: check for name, check in found.items() if check.status is not good(fault.profile)[name]}
    first, *_ = wanted = fault.checks.split()
    assert sorted(turned) == sorted(wanted)
    assert turned[first].status is fault.status
    assert fault.place in places(turned[first])
    assert all(rule.fix for rule in turned[first].rules)
    mended = {
        f"{CONFIG}/{name}": merged(hive({"Select": {"Current": 1}, **broken}), fix(golden, changes))
        for name, golden, changes, broken in (
            ("SYSTEM", SYSTEM, fault.system, changed(SYSTEM, fault.system)),
            ("SOFTWARE", SOFTWARE, fault.software, changed(SOFTWARE, fault.software)),
            ("SECURITY", SECURITY, fault.security, changed(SECURITY, fault.security)),
        )
        if changes
    }
    again = judged(golden_storage(files=mended), fault.profile)
    assert {name: check.status for name, check in again.items()} == good(fault.profile)


def fix(golden: Mapping[str, Mapping[str, Data]], changes: Keys) -> Keys:
    """Return what puts the changes right: what the golden guest has at their places; what it has not is taken away."""
    keys: dict[str, Mapping[str, Data] | None] = {}
    for path, values in changes.items():
        if values is None:
            keys |= {name: found for name, found in golden.items() if f"{name}\\".startswith(f"{path}\\")}
        elif path in golden:
            keys[path] = {name: golden[path].get(name) for name in values}
        elif not any(path.startswith(f"{parent}\\") for parent, found in keys.items() if found is None):
            keys[path] = None
    return keys


def test_there_are_enough_and_each_has_its_name() -> None:
    assert len({fault.name for fault in ALL}) == len(ALL) >= 60


def test_the_golden_windows_is_good_as_far_as_it_is_a_disk() -> None:
    about_windows = {name: status for name, status in good().items() if name not in NOT_A_DISK}
    assert set(about_windows.values()) == {Status.OK}


NOT_A_DISK = {"BootMode", "DiskUsage", "PartitionTable", "ImageFormat", "FileSystemState", "DiskLayout", "SystemImage"}
"""Checks of the disk itself, which these files in memory have none of."""
