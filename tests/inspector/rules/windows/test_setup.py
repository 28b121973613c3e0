from __future__ import annotations

import pytest

from fixtures.windows.hive import Data, Keys
from inspector.rules.rule import Rule
from inspector.rules.windows.setup import (
    RULES,
    windows_image_can_be_deployed,
    windows_image_is_generalised,
    windows_setup_is_not_under_way,
    windows_sysprep_was_not_interrupted,
)
from inspector.verdict import NotApplicable, Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

STATE = r"Microsoft\Windows\CurrentVersion\Setup\State"
SYSPREP = r"Setup\Status\SysprepStatus"
GENERALISED: Keys = {STATE: {"ImageState": "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"}}
SETUP: dict[str, Data] = {"SystemSetupInProgress": 1, "SetupType": 2, "CmdLine": r"oobe\windeploy.exe"}
NEXT: Keys = {"Setup": SETUP}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_generalised_guest_is_ok(rule: Rule) -> None:
    assert rule(golden(NEXT, GENERALISED)).status is Status.OK


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("IMAGE_STATE_UNDEPLOYABLE", Status.FAILED),
        ("IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE", Status.WARNING),
        ("IMAGE_STATE_SPECIALIZE_RESEAL_TO_AUDIT", Status.WARNING),
        ("IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT", Status.WARNING),
        ("x", Status.WARNING),
    ],
)
def test_states(state: str, status: Status) -> None:
    verdict = windows_image_can_be_deployed(golden(software={STATE: {"ImageState": state}}))
    assert (verdict.status, verdict.evidence[0].place.key, verdict.evidence[0].seen) == (
        status, rf"{STATE}\ImageState", state,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["SystemSetupInProgress", "SetupType"])
def test_a_setup_that_is_to_run_though_it_was_finished(name: str) -> None:
    verdict = windows_setup_is_not_under_way(golden({"Setup": {name: 1}}))
    assert verdict.status is Status.FAILED
    assert {str(item.place.key) for item in verdict.evidence} >= {rf"Setup\{name}"}


def test_another_program_in_place_of_setup() -> None:
    other: Keys = {"Setup": {**SETUP, "CmdLine": r"C:\x\y.exe"}}
    verdict = windows_setup_is_not_under_way(golden(other, GENERALISED))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, r"C:\x\y.exe")


def test_a_sysprep_that_was_interrupted() -> None:
    verdict = windows_sysprep_was_not_interrupted(golden({SYSPREP: {"GeneralizationState": 4}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{SYSPREP}\GeneralizationState")
    assert windows_sysprep_was_not_interrupted(golden({SYSPREP: {"GeneralizationState": 3}})).status is Status.FAILED
    for number, status in ((3, Status.OK), (4, Status.OK), (5, Status.WARNING)):
        verdict = windows_sysprep_was_not_interrupted(golden({SYSPREP: {"GeneralizationState": number}}, GENERALISED))
        assert verdict.status is status
    with pytest.raises(NotApplicable):
        windows_sysprep_was_not_interrupted(golden({SYSPREP: None}))


def test_a_guest_that_tells_no_state_is_not_known() -> None:
    for rule in (windows_image_can_be_deployed, windows_image_is_generalised, windows_setup_is_not_under_way):
        verdict = rule(golden(software={STATE: None}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_generalised_image_whose_setup_was_taken_away() -> None:
    verdict = windows_setup_is_not_under_way(golden(software=GENERALISED))
    assert verdict.status is Status.WARNING


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (r"oobe\windeploy.exe", Status.OK),
        (r'"C:\Windows\System32\oobe\windeploy.exe" /x', Status.OK),
        ("cmd.exe", Status.WARNING),
        (r"cmd.exe /c evil.cmd & rem windeploy.exe", Status.WARNING),
    ],
)
def test_the_program_that_runs_instead_of_windows(line: str, status: Status) -> None:
    changes: Keys = {"Setup": {"SystemSetupInProgress": 1, "SetupType": 2, "CmdLine": line}}
    assert windows_setup_is_not_under_way(golden(changes, GENERALISED)).status is status


def test_without_the_key_of_setup_nothing_is_known() -> None:
    verdict = windows_setup_is_not_under_way(golden({"Setup": None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
