from __future__ import annotations

import pytest

from fixtures.windows.golden import FIREWALL
from fixtures.windows.hive import Keys
from inspector.rules.windows.ipsec import windows_rdp_needs_no_ipsec
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

POLICY = r"Policies\Microsoft\WindowsFirewall\ConSecRules"
LOCAL = rf"{FIREWALL}\ConSecRules"
MDM = rf"{FIREWALL}\Mdm\ConSecRules"
OLD = r"Policies\Microsoft\Windows\IPSec\Policy\Local"
REQUIRE = "v2.31|Action=SecureServer|Name=X|Active=TRUE|"
EXEMPT = "v2.31|Action=DoNotSecure|Name=Y|Active=TRUE|Protocol=6|EP1Port=3389|"


@pytest.mark.parametrize(("hive", "key"), [("SYSTEM", LOCAL), ("SYSTEM", MDM), ("SOFTWARE", POLICY)])
def test_a_rule_of_each_place(hive: str, key: str) -> None:
    keys: Keys = {key: {"{1}": REQUIRE}}
    verdict = windows_rdp_needs_no_ipsec(golden(keys) if hive == "SYSTEM" else golden(software=keys))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert str(verdict.evidence[0].place) == rf"C:\Windows\System32\config\{hive} {key}\{{1}}"
    assert verdict.evidence[0].seen == "port 3389 with IPsec only, in every profile"


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ([REQUIRE.replace("TRUE", "FALSE")], Status.OK),
        ([f"{REQUIRE}Protocol=6|EP1Port=445|"], Status.OK),
        ([REQUIRE.replace("SecureServer", "Boundary")], Status.OK),
        ([REQUIRE, EXEMPT], Status.OK),
        ([REQUIRE, f"{EXEMPT}Profile=Domain|"], Status.WARNING),
        ([f"{REQUIRE}Profile=Domain|", f"{EXEMPT}Profile=Domain|Profile=Public|"], Status.OK),
        ([REQUIRE, f"{EXEMPT}EP2_4=LocalSubnet|"], Status.WARNING),
        ([REQUIRE, EXEMPT.replace("TRUE", "FALSE")], Status.WARNING),
    ],
)
def test_rules_together(rules: list[str], status: Status) -> None:
    facts = golden({LOCAL: {str(number): text for number, text in enumerate(rules)}})
    assert windows_rdp_needs_no_ipsec(facts).status is status


def test_an_older_policy_is_not_known() -> None:
    verdict = windows_rdp_needs_no_ipsec(golden(software={OLD: {"ActivePolicy": rf"SOFTWARE\{OLD}\ipsecPolicy{{1}}"}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert verdict.evidence[0].place.key == rf"{OLD}\ActivePolicy"
    assert windows_rdp_needs_no_ipsec(golden(software={OLD: {"ActivePolicy": ""}})).status is Status.OK


def test_a_rule_of_another_type_is_not_known() -> None:
    verdict = windows_rdp_needs_no_ipsec(golden({LOCAL: {"x": b"\1\2"}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
