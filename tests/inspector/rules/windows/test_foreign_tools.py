from __future__ import annotations

import pytest

from fixtures.windows.golden import SERVICES
from fixtures.windows.hive import Data
from inspector.rules.windows.foreign_tools import RULES
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

(RULE,) = RULES
OWN = ["alibaba"]


def service(start: int) -> dict[str, Data]:
    return {"Type": 0x10, "Start": start, "ErrorControl": 1, "ImagePath": r"C:\x\x.exe"}


def test_the_golden_guest_has_the_agents_of_its_cloud_alone() -> None:
    verdict = RULE(golden(), own=OWN)
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, "none of the known tools is there")


def test_elsewhere_they_are_foreign() -> None:
    verdict = RULE(golden(), own=[])
    assert verdict.status is Status.WARNING
    assert {item.seen.partition(" ")[0] for item in verdict.evidence} == {"AliyunService", "vminit"}


@pytest.mark.parametrize(
    "name",
    ["VMTools", "VGAuthService", "VBoxService", "VBoxGuest", "prl_tools", "xenagent", "Amazon EC2Launch",
     "AmazonSSMAgent", "WindowsAzureGuestAgent", "RdAgent", "GCEAgent", "GCEAgentManager",
     "GCEWindowsCompatManager", "google_osconfig_agent"],
)  # fmt: skip
@pytest.mark.parametrize("start", [1, 2, 3])
def test_tools_of_others(name: str, start: int) -> None:
    key = rf"{SERVICES}\{name}"
    verdict = RULE(golden({key: service(start)}), own=OWN)
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [item.place.key for item in verdict.evidence] == [rf"{key}\Start"]
    assert name in verdict.evidence[0].seen


def test_disabled_tools_are_at_rest() -> None:
    verdict = RULE(golden({rf"{SERVICES}\VMTools": service(4)}), own=OWN)
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, "disabled: VMTools")
    assert RULE(golden({rf"{SERVICES}\VMTools": None}), own=OWN).status is Status.OK


def test_a_hive_without_services_is_not_known() -> None:
    verdict = RULE(golden({"ControlSet001": None}), own=OWN)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
