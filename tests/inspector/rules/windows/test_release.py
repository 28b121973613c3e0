from __future__ import annotations

from typing import Any

import pytest

from fixtures.windows.golden import CURRENT
from fixtures.windows.pe import program
from inspector.facts import Facts
from inspector.rules.rule import Rule
from inspector.rules.windows.release import (
    windows_edition_does_not_expire,
    windows_release_is_maintained,
    windows_release_is_supported,
)
from inspector.verdict import Status, Verdict
from tests.windows import golden

pytestmark = pytest.mark.corpus

KERNEL = "/Windows/System32/ntoskrnl.exe"
CALENDAR: dict[str, Any] = {
    "as_of": "2026-11-01", "server": {"20348": "2031-10-14", "9600": "2023-10-10"}, "client": {"20348": "2000-01-01"},
    "enterprise": {"20348": "2027-01-01"}, "long_term": {"20348": "2029-01-01"},
    "iot": {"20348": "2032-01-01"},
}  # fmt: skip


def judge(rule: Rule, facts: Facts) -> Verdict:
    return rule(facts, **(CALENDAR if rule is windows_release_is_maintained else {}))


@pytest.mark.parametrize(
    ("current", "machine", "status"),
    [
        ({"CurrentMajorVersionNumber": None, "CurrentVersion": "6.0"}, "x86_64", Status.FAILED),
        ({"CurrentMajorVersionNumber": None, "CurrentVersion": "5.2"}, "i386", Status.FAILED),
        ({"CurrentMajorVersionNumber": None, "CurrentVersion": "6.1"}, "x86_64", Status.OK),
        ({"InstallationType": "Client"}, "i386", Status.FAILED),
        ({"InstallationType": "Client"}, "x86_64", Status.OK),
    ],
)
def test_releases(current: Any, machine: str, status: Status) -> None:
    facts = golden(software={CURRENT: current}, files={KERNEL: program(machine)})
    assert windows_release_is_supported(facts).status is status


@pytest.mark.parametrize(
    ("current", "status", "seen"),
    [
        ({"CurrentBuild": "9600"}, Status.WARNING, "ended on 2023-10-10"),
        ({"CurrentBuild": "1"}, Status.WARNING, "build 1"),
        ({"InstallationType": "Client"}, Status.WARNING, "ended on 2000-01-01"),
        ({"InstallationType": "Client", "EditionID": "Professional"}, Status.WARNING, "ended on 2000-01-01"),
        ({"InstallationType": "Client", "EditionID": None}, Status.WARNING, "ended on 2000-01-01"),
        ({"InstallationType": "Client", "EditionID": "Enterprise"}, Status.OK, "until 2027-01-01"),
        ({"InstallationType": "Client", "EditionID": "EnterpriseS"}, Status.OK, "until 2029-01-01"),
        ({"InstallationType": "Client", "EditionID": "EnterpriseSEval"}, Status.OK, "until 2029-01-01"),
        ({"InstallationType": "Client", "EditionID": "IoTEnterprise"}, Status.OK, "until 2027-01-01"),
        ({"InstallationType": "Client", "EditionID": "IoTEnterpriseS"}, Status.OK, "until 2032-01-01"),
        ({"InstallationType": "Client", "EditionID": "ProfessionalEducation"}, Status.WARNING, "ended on 2000-01-01"),
        ({}, Status.OK, "until 2031-10-14"),
    ],
)
def test_the_calendar(current: Any, status: Status, seen: str) -> None:
    verdict = judge(windows_release_is_maintained, golden(software={CURRENT: current}))
    assert verdict.status is status
    assert verdict.evidence[0].seen.endswith(seen)
    assert verdict.evidence[0].place.key == rf"{CURRENT}\CurrentBuild"


@pytest.mark.parametrize(
    "edition", ["ServerStandardEval", "ServerDatacenterEval", "EnterpriseEval", "SERVERSTANDARDEVAL"]
)
def test_an_evaluation_ends(edition: str) -> None:
    verdict = windows_edition_does_not_expire(golden(software={CURRENT: {"EditionID": edition}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, edition)
    assert verdict.evidence[0].place.key == rf"{CURRENT}\EditionID"


def test_an_edition_that_is_not_told_is_not_known() -> None:
    for change in ({"EditionID": None}, {"EditionID": ""}, {"EditionID": 1}):
        verdict = windows_edition_does_not_expire(golden(software={CURRENT: change}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
