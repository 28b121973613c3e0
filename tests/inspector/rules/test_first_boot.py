from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Link
from inspector.facts import Facts, UnknownFact
from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.rules.first_boot import first_boot_asks_nothing
from inspector.verdict import Status
from tests.inspector.boots import arguments, facts

UNIT = "/usr/lib/systemd/system/systemd-firstboot.service"
FIRST: dict[str, Any] = {
    UNIT: "[Unit]\nDefaultDependencies=no\nConditionFirstBoot=yes\n[Service]\nType=oneshot\n"
    "ExecStart=systemd-firstboot --prompt-locale --prompt-timezone --prompt-root-password\nStandardInput=tty\n",
    "/usr/lib/systemd/system/multi-user.target.wants/systemd-firstboot.service": Link("../systemd-firstboot.service"),
    "/usr/share/zoneinfo/zone1970.tab": "AD\t+4230+00131\tEurope/Andorra\n",
    "/etc/machine-id": "uninitialized\n",
    "/etc/localtime": None,
}
"""A first boot without a time zone."""


@pytest.mark.parametrize("flag", ["/.unconfigured", "/etc/reconfigSys"])
def test_a_flag_has_its_place_and_removing_it_mends_it(flag: str) -> None:
    verdict = first_boot_asks_nothing(facts({flag: ""}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, flag)
    assert first_boot_asks_nothing(facts()).status is Status.OK


def test_systemd_asks_for_a_time_zone_and_one_that_is_set_mends_it() -> None:
    verdict = first_boot_asks_nothing(facts(FIRST))
    assert (verdict.status, [item.place.path for item in verdict.evidence]) == (
        Status.WARNING,
        [UNIT, "/etc/localtime", "/etc/machine-id"],
    )
    zone = {"/etc/localtime": Link("../usr/share/zoneinfo/UTC")}
    assert first_boot_asks_nothing(facts({**FIRST, **zone})).status is Status.OK


@pytest.mark.parametrize(
    "change",
    [
        {"/etc/machine-id": ""},
        {"/usr/share/zoneinfo/zone1970.tab": None},
        {UNIT: FIRST[UNIT].replace("--prompt-timezone", "")},
        {"/etc/systemd/system/systemd-firstboot.service": Link("/dev/null")},
        arguments("systemd.firstboot=off"),
        arguments("systemd.condition-first-boot=no"),
    ],
    ids=["no first boot", "no list of zones", "another build", "masked", "off", "condition"],
)
def test_what_keeps_systemd_from_asking(change: dict[str, Any]) -> None:
    assert first_boot_asks_nothing(facts({**FIRST, **change})).status is Status.OK


def test_without_a_guest_and_without_its_services_nothing_is_ok() -> None:
    missing = UnknownFact("no root file system")
    for made in (Facts({Guest: missing}), Facts({Guest: facts()[Guest], Services: missing})):
        verdict = first_boot_asks_nothing(made)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
