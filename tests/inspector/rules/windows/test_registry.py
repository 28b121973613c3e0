from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT
from fixtures.windows.hive import Keys
from inspector.rules.rule import Rule
from inspector.rules.windows.registry import (
    RULES,
    windows_control_set_is_good,
    windows_hives_are_written_completely,
    windows_hives_load,
)
from inspector.verdict import Status
from tests.corpus import corpus
from tests.windows import CONFIG, Changes, golden, hive

pytestmark = pytest.mark.corpus

FOLDER = r"C:\Windows\System32\config"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    assert rule(golden()).status is Status.OK


@pytest.mark.parametrize("name", ["SOFTWARE", "SAM", "SECURITY", "DEFAULT"])
@pytest.mark.parametrize(("content", "seen"), [(None, "does not exist"), (b"", "wanted"), (b"regf" * 2000, "wanted")])
def test_a_hive_that_does_not_load(name: str, content: bytes | None, seen: str) -> None:
    verdict = windows_hives_load(golden(files={f"{CONFIG}/{name}": content}))
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place.path == rf"{FOLDER}\{name}"
    assert seen in verdict.evidence[0].seen


@pytest.mark.parametrize(
    ("system", "software", "files", "place"),
    [
        ({r"ControlSet001\Services": None}, {}, {}, rf"{FOLDER}\SYSTEM ControlSet001\Services"),
        ({}, {CURRENT: None}, {}, rf"{FOLDER}\SOFTWARE {CURRENT}"),
        ({}, {}, {f"{CONFIG}/SAM": {"SAM": {}}}, rf"{FOLDER}\SAM SAM\Domains\Account\Users"),
    ],
)
def test_a_hive_without_what_windows_starts_with(
    system: Keys, software: Keys, files: dict[str, Keys], place: str
) -> None:
    changes: Changes = {path: hive(keys) for path, keys in files.items()}
    verdict = windows_hives_load(golden(system, software, changes))
    assert (verdict.status, str(verdict.evidence[0].place)) == (Status.FAILED, place)


def test_a_write_that_was_not_completed() -> None:
    folder = "known/hives/hv-yp-NewDirtyHive1"
    dirty: Changes = {f"{CONFIG}/SECURITY": corpus(f"{folder}.hive.xz").read_bytes()}
    logs: Changes = {
        f"{CONFIG}/SECURITY.LOG{number}": corpus(f"{folder}.NewDirtyHive.LOG{number}.log.xz").read_bytes()
        for number in (1, 2)
    }
    verdict = windows_hives_are_written_completely(golden(files=dirty))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    verdict = windows_hives_are_written_completely(golden(files={**dirty, **logs}))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(item.place.path, item.seen) for item in verdict.evidence] == [(rf"{FOLDER}\SECURITY", "replayed")]


def test_control_sets() -> None:
    verdict = windows_control_set_is_good(golden({"Select": {"Default": 2}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "ControlSet002")
    assert verdict.evidence[0].place.key == r"Select\Default"
    verdict = windows_control_set_is_good(golden({"Select": {"Current": 2}}))
    assert (verdict.status, verdict.evidence[1].seen) == (Status.WARNING, "2")
    verdict = windows_control_set_is_good(golden({"Select": {"Failed": 1}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, r"Select\Failed")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_hive_nothing_is_ok(rule: Rule, content: bytes | None) -> None:
    assert rule(golden(files={f"{CONFIG}/SYSTEM": content})).status is not Status.OK
