from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, FIREWALL
from fixtures.windows.hive import Data, Keys
from inspector.rules.windows.firewall import windows_firewall_lets_rdp_in
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

SERVER = rf"{CONTROL}\Terminal Server"
LISTENER = rf"{SERVER}\WinStations\RDP-Tcp"
MANAGED = rf"{FIREWALL}\Mdm"
STATIC = rf"{FIREWALL}\RestrictedServices\Static\System"
SERVICE = r"V2.0|Action={}|Dir=in|LPORT=3389|app=%windir%\System32\svchost.exe|Svc=TermService|Name=x|"
FIREWALL_POLICY = r"Policies\Microsoft\WindowsFirewall"
ALLOW = "RemoteDesktop-UserMode-In-TCP"
BLOCK = "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=x|"
OPEN = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=System|Name=x|"


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ({ALLOW: None}, Status.WARNING),
        ({ALLOW: OPEN}, Status.OK),
        ({ALLOW: OPEN.replace("TRUE", "FALSE")}, Status.WARNING),
        ({ALLOW: OPEN.replace("Dir=In", "Dir=Out")}, Status.WARNING),
        ({ALLOW: OPEN.replace("Protocol=6", "Protocol=17")}, Status.WARNING),
        ({ALLOW: OPEN.replace("3389", "22")}, Status.WARNING),
        ({ALLOW: OPEN.replace("Dir=In", "Dir=In|Profile=Domain")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", r"App=C:\other.exe")}, Status.WARNING),
        ({ALLOW: OPEN.replace("LPort=3389|", "")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", "App=System|Security=Authenticate")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", "App=System|IF={x}")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", "App=System|IFType=Wireless")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", "App=System|IFType=Lan")}, Status.OK),
        ({ALLOW: OPEN.replace("App=System", "App=System|RA4=LocalSubnet|RA6=LocalSubnet")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", "App=System|RA4=192.0.2.0/255.255.255.0")}, Status.OK),
        ({ALLOW: OPEN.replace("App=System", "App=System|RA4=10.2.0.0/255.255.0.0")}, Status.WARNING),
        ({ALLOW: OPEN.replace("App=System", "App=System|RA4=10.2.0.0/255.255.0.0"), "all": OPEN}, Status.OK),
        ({"x": "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort2_20=Ply2Disc|App=System|"}, Status.OK),
        ({"x": OPEN.replace("Allow", "Block")}, Status.WARNING),
        ({"x": "v2.10|Action=Block|Active=TRUE|Dir=In|"}, Status.WARNING),
        ({"x": OPEN.replace("Allow", "Block").replace("3389", "445")}, Status.OK),
        ({"IPBan_Block_0": "v2.30|Action=Block|Active=TRUE|Dir=In|RA4=203.0.113.7|RA4=203.0.113.9|"}, Status.OK),
        ({"x": "v2.30|Action=Block|Active=TRUE|Dir=In|AppPkgId=S-1-15-2-1|"}, Status.OK),
        ({ALLOW: OPEN.replace("App=System", "App=System|LA4=10.0.0.5")}, Status.WARNING),
    ],
)
def test_the_firewall(rules: dict[str, Data], status: Status) -> None:
    verdict = windows_firewall_lets_rdp_in(golden({rf"{FIREWALL}\FirewallRules": rules}))
    assert verdict.status is status


def test_a_firewall_that_is_off_lets_in() -> None:
    off: dict[str, dict[str, Data]] = {
        rf"{FIREWALL}\{name}Profile": {"EnableFirewall": 0} for name in ("Domain", "Standard", "Public")
    }
    none: dict[str, dict[str, Data]] = {rf"{FIREWALL}\FirewallRules": {ALLOW: None}}
    assert windows_firewall_lets_rdp_in(golden({**off, **none})).status is Status.OK
    policy: Keys = {rf"{FIREWALL_POLICY}\PublicProfile": {"EnableFirewall": 1}}
    verdict = windows_firewall_lets_rdp_in(golden({**off, **none}, policy))
    assert (verdict.status, verdict.evidence[0].place.key) == (
        Status.WARNING, rf"{FIREWALL_POLICY}\PublicProfile\EnableFirewall",
    )  # fmt: skip


def test_policies_that_leave_the_rules_out() -> None:
    public = rf"{FIREWALL}\PublicProfile"
    verdict = windows_firewall_lets_rdp_in(golden({public: {"DoNotAllowExceptions": 1}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{public}\DoNotAllowExceptions")
    alone: Keys = {rf"{FIREWALL_POLICY}\PublicProfile": {"AllowLocalPolicyMerge": 0}}
    verdict = windows_firewall_lets_rdp_in(golden(software=alone))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "Public: on, and no rule lets port 3389 in")
    allowed: Keys = {**alone, rf"{FIREWALL_POLICY}\FirewallRules": {"x": OPEN}}
    assert windows_firewall_lets_rdp_in(golden(software=allowed)).status is Status.OK


def test_the_policy_of_the_private_profile_has_a_key_of_its_own() -> None:
    private: Keys = {rf"{FIREWALL_POLICY}\PrivateProfile": {"DoNotAllowExceptions": 1}}
    verdict = windows_firewall_lets_rdp_in(golden(software=private))
    assert verdict.evidence[0].place.key == rf"{FIREWALL_POLICY}\PrivateProfile\DoNotAllowExceptions"


def test_the_old_policy_is_for_private_and_public_networks_where_no_newer_one_is_there() -> None:
    old: Keys = {rf"{FIREWALL_POLICY}\StandardProfile": {"DoNotAllowExceptions": 1}}
    verdict = windows_firewall_lets_rdp_in(golden(software=old))
    assert [item.seen for item in verdict.evidence] == [
        f"{name}: no rule counts, everything is blocked" for name in ("Private", "Public")
    ]
    assert verdict.evidence[0].place.key == rf"{FIREWALL_POLICY}\StandardProfile\DoNotAllowExceptions"
    newer: Keys = {**old, rf"{FIREWALL_POLICY}\PublicProfile": {}}
    assert windows_firewall_lets_rdp_in(golden(software=newer)).status is Status.OK


def test_a_profile_that_allows_what_no_rule_is_about() -> None:
    profiles = ("DomainProfile", "StandardProfile", "PublicProfile")
    changes: dict[str, dict[str, Data]] = {rf"{FIREWALL}\{name}": {"DefaultInboundAction": 0} for name in profiles}
    changes[rf"{FIREWALL}\FirewallRules"] = {ALLOW: None}
    verdict = windows_firewall_lets_rdp_in(golden(changes))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, "Domain: on, let in by default")
    changes[rf"{FIREWALL}\FirewallRules"] = {ALLOW: OPEN.replace("Allow", "Block")}
    assert windows_firewall_lets_rdp_in(golden(changes)).status is Status.WARNING


def test_a_rule_for_another_port_goes_with_the_listener() -> None:
    changes: Keys = {
        LISTENER: {"PortNumber": 3390}, rf"{FIREWALL}\FirewallRules": {"x": OPEN.replace("3389", "3390"), ALLOW: None},
    }  # fmt: skip
    assert windows_firewall_lets_rdp_in(golden(changes)).status is Status.OK


def test_what_a_management_by_mdm_sets_counts_as_a_policy() -> None:
    closed: Keys = {rf"{FIREWALL}\FirewallRules": {ALLOW: None}}
    opened: Keys = {rf"{MANAGED}\FirewallRules": {"x": OPEN}}
    assert windows_firewall_lets_rdp_in(golden(closed)).status is Status.WARNING
    assert windows_firewall_lets_rdp_in(golden({**closed, **opened})).status is Status.OK
    assert windows_firewall_lets_rdp_in(golden({rf"{MANAGED}\FirewallRules": {"x": BLOCK}})).status is Status.WARNING
    off: Keys = {rf"{FIREWALL}\StandardProfile": {"EnableFirewall": 0}}
    on: Keys = {rf"{MANAGED}\StandardProfile": {"EnableFirewall": 1}}
    assert windows_firewall_lets_rdp_in(golden({**closed, **off})).status is Status.WARNING
    alone: Keys = {rf"{MANAGED}\StandardProfile": {"AllowLocalPolicyMerge": 0}}
    assert windows_firewall_lets_rdp_in(golden(alone)).status is Status.WARNING
    assert windows_firewall_lets_rdp_in(golden({**alone, **opened})).status is Status.OK
    verdict = windows_firewall_lets_rdp_in(golden({**closed, **on, **off}))
    assert rf"{MANAGED}\StandardProfile\EnableFirewall" in {item.place.key for item in verdict.evidence}


def test_what_restricts_the_service_itself() -> None:
    """The rules of restricted services are written in any case, as on a real machine, and have no field Active."""
    verdict = windows_firewall_lets_rdp_in(golden({STATIC: {"TermService-1": SERVICE.format("Block")}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{STATIC}\TermService-1")
    both: Keys = {STATIC: {"a": SERVICE.format("Allow"), "b": SERVICE.format("block").replace("LPORT=3389|", "")}}
    assert windows_firewall_lets_rdp_in(golden(both)).status is Status.OK
    other = SERVICE.format("Block").replace("TermService", "HidServ")
    assert windows_firewall_lets_rdp_in(golden({STATIC: {"HidServ-1": other}})).status is Status.OK


def test_a_rule_in_any_case_blocks() -> None:
    rule = (
        BLOCK.replace("Dir=In", "dir=IN").replace("Active=TRUE", "ACTIVE=true").replace("Action=Block", "action=block")
    )
    assert windows_firewall_lets_rdp_in(golden({rf"{FIREWALL}\FirewallRules": {"b": rule}})).status is Status.WARNING
