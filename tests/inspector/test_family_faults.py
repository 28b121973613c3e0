"""Every fault of a family turns exactly its checks, names its place, and is turned back by the advised fix."""

from __future__ import annotations

import functools
import shutil

import pytest

from fixtures.families import RECIPES, guest_of_family
from inspector.report import CheckResult
from inspector.verdict import Status
from tests.inspector.family_guests import judged, statuses
from tests.inspector.faults.families import FAULTS

pytestmark = pytest.mark.slow


@functools.cache
def good(name: str) -> dict[str, Status]:
    return statuses(judged(guest_of_family(name))[0])


def named_places(check: CheckResult) -> set[str]:
    places = (item for rule in check.rules if rule.status is not Status.OK for item in rule.evidence)
    return {item.path if item.line is None else f"{item.path}:{item.line}" for item in places}


@pytest.mark.parametrize("name", FAULTS)
def test_the_faults_of_a_family_turn_their_checks_and_their_fixes_turn_them_back(name: str) -> None:
    missing = [program for program in RECIPES[name].needs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    family = guest_of_family(name)
    faults = FAULTS[name](family)
    assert len({fault.name for fault in faults}) == len(faults) >= 8
    for fault in faults:
        faulty = family.changed(fault.change)
        checks, _ = judged(faulty)
        turned = {check.name: check for check in checks if check.status is not good(name)[check.name]}
        first, *_ = wanted = fault.checks.split()
        assert sorted(turned) == sorted(wanted), fault.name
        assert turned[first].status is fault.status, fault.name
        assert fault.place in named_places(turned[first]), fault.name
        assert all(rule.fix for rule in turned[first].rules)
        if fault.mended is not None:
            assert statuses(judged(faulty.changed(fault.mended))[0]) == good(name), fault.name


def test_every_family_has_faults() -> None:
    assert sorted(FAULTS) == sorted(RECIPES)
