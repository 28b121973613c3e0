"""Every fault of a copy turns exactly its check of the profile `clone`, and its fix turns it back."""

from __future__ import annotations

import pytest

from fixtures.families.family import Family
from fixtures.golden import GOLDEN
from inspector.report import CheckResult
from inspector.verdict import Status
from tests.inspector.family_guests import judged as judged_family
from tests.inspector.faults.clones import CLONE_FAULTS
from tests.inspector.faults.mutation import Change, Mutation

NOT_JUDGED = {
    "no-proxy-is-set": {"/etc/environment": "http_proxy=http://proxy:3128/\n"},
    "package-archives-are-public": {"/etc/apt/sources.list": "deb http://mirror.lan/debian bookworm main\n"},
    "mail-spools-are-empty": {"/var/mail/root": "From x\n"},
    "caches-are-empty": {"/var/tmp/x": "x"},
}
"""What is told of, and is no fault: rule -> what it tells of."""


def judged(change: Change) -> dict[str, CheckResult]:
    checks, _ = judged_family(Family("debian-12", GOLDEN).changed(change), "clone")
    return {check.name: check for check in checks}


def turned(checks: dict[str, CheckResult]) -> dict[str, Status]:
    return {name: check.status for name, check in checks.items() if check.status is not Status.OK}


def test_the_golden_guest_may_be_copied() -> None:
    assert turned(judged({"/etc/hostname": ""})) == {}


@pytest.mark.parametrize("fault", CLONE_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_turns_exactly_its_check_and_its_fix_turns_it_back(fault: Mutation) -> None:
    good = {"/etc/hostname": ""}
    checks = judged({**good, **fault.change})
    assert turned(checks) == {fault.checks: fault.status}
    evidence = [item for rule in checks[fault.checks].rules if rule.status is not Status.OK for item in rule.evidence]
    assert fault.place in {item.path if item.line is None else f"{item.path}:{item.line}" for item in evidence}
    assert turned(judged({**good, **fault.change, **fault.mended} if fault.mended else good)) == {}


@pytest.mark.parametrize("rule", NOT_JUDGED)
def test_what_is_told_of_without_being_judged(rule: str) -> None:
    checks = judged({"/etc/hostname": "", **NOT_JUDGED[rule]})
    (found,) = [it for check in checks.values() for it in check.rules if it.rule == rule]
    assert (turned(checks), found.status, found.known) == ({}, Status.OK, True)
    assert set(NOT_JUDGED[rule]) & {item.path for item in found.evidence} or "/var/tmp" in str(found.evidence)
