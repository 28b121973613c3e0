from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.first_boot import first_boot_asks_nothing
from inspector.verdict import Status
from tests.inspector.boots import facts


@pytest.mark.parametrize("flag", ["/.unconfigured", "/etc/reconfigSys"])
def test_a_flag_has_its_place_and_removing_it_mends_it(flag: str) -> None:
    verdict = first_boot_asks_nothing(facts({flag: ""}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, flag)
    assert first_boot_asks_nothing(facts()).status is Status.OK


def test_without_a_guest_nothing_is_ok() -> None:
    verdict = first_boot_asks_nothing(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
