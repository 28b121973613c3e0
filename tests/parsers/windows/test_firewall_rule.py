"""Rules as Windows writes them, and the examples of [MS-GPFAS]."""

from __future__ import annotations

import pytest

from parsers.windows.firewall_rule import parse_firewall_rule

RDP = (
    "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|"
    "Name=@FirewallAPI.dll,-28775|Desc=@FirewallAPI.dll,-28756|EmbedCtxt=@FirewallAPI.dll,-28752|"
)
BLOCK = "v2.10|Action=Block|Active=TRUE|Dir=In|Profile=Private|Profile=Public|LPort=80|Name=x|"


def test_fields() -> None:
    rule = parse_firewall_rule(RDP)
    assert rule is not None
    assert (rule.version, rule.is_active, rule.is_inbound, rule.allows, rule.profiles) == (
        "v2.30",
        True,
        True,
        True,
        (),
    )
    assert rule.first("Svc") == "termservice"
    assert rule.first("none") == ""
    other = parse_firewall_rule(BLOCK)
    assert other is not None
    assert (other.allows, other.profiles) == (False, ("Private", "Public"))


@pytest.mark.parametrize(
    ("fields", "partial"),
    [
        ("Protocol=6", False),
        ("Profile=Public", False),
        ("Platform=2:6:1", False),
        ("RA4=203.0.113.7|RA4=203.0.113.9", True),
        ("RA42=Internet", False),
        ("RA4=0.0.0.0-255.255.255.255", False),
        ("RA6=2001:db8::1", True),
        ("LA4=10.0.0.5", True),
        ("AppPkgId=S-1-15-2-1", True),
        ("RPort=445", True),
        ("IFType=Wireless", True),
        ("IFType=Lan", False),
    ],
)
def test_rules_that_leave_connections_out(fields: str, partial: bool) -> None:
    rule = parse_firewall_rule(f"v2.30|Action=Block|Active=TRUE|{fields}|")
    assert rule is not None
    assert rule.is_partial is partial


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ("Protocol=6|LPort=3389", True),
        ("Protocol=6|LPort=3390", False),
        ("Protocol=17|LPort=3389", False),
        ("Protocol=6", True),
        ("Dir=In", True),
        ("Protocol=6|LPort=80|LPort=3389", True),
        ("Protocol=6|LPort2_10=3000-4000", True),
        ("Protocol=6|LPort2_10=4000-5000", False),
        ("Protocol=6|LPort=RPC", False),
        ("Protocol=6|LPort2_20=Ply2Disc", False),
        ("Protocol=6|LPort2_24=mDNS", False),
        (f"Protocol=6|LPort={'9' * 5000}", False),
        (f"Protocol=6|LPort=3389-{'9' * 5000}", True),
    ],
)
def test_ports(fields: str, holds: bool) -> None:
    rule = parse_firewall_rule(f"v2.30|Action=Allow|Active=TRUE|{fields}|")
    assert rule is not None
    assert rule.holds_for_port(3389) is holds


@pytest.mark.parametrize(
    "limit",
    [
        "Security=Authenticate",
        "RUAuth=O:LSD:",
        "RMauth=O:LSD:",
        "IF={x}",
        "IFType=Wireless|IFType=RemoteAccess",
        "Platform=2:6:1",
        "AppPkgId=S-1-15-2-1",
        "RPort=1024",
        "RA4=LocalSubnet",
        "RA6=fe80::/64",
        "RA4=10.20.0.0/255.255.0.0",
        "RA4=10.20.0.0/16|RA4=192.168.7.9|RA42=DefaultGateway",
        "RA4=172.16.0.1-172.31.255.255",
    ],
)
def test_a_rule_for_some_connections_only(limit: str) -> None:
    rule = parse_firewall_rule(f"v2.30|Action=Allow|{limit}|")
    assert rule is not None
    assert rule.is_limited
    assert not rule.names_ports


@pytest.mark.parametrize(
    "field",
    [
        "IFType=Lan|IFType=Wireless",
        "RA4=LocalSubnet|RA4=192.0.2.1",
        "RA42=IntErnet",
        "Edge=TRUE",
        "RA4=10.0.0.0-11.0.0.0",
        "RA4=0.0.0.0/0.0.0.0",
        "RA4=172.32.0.0/16",
        "RA4=10.20.0.0/16|RA4=203.0.113.7",
    ],
)
def test_a_rule_that_is_not_limited(field: str) -> None:
    rule = parse_firewall_rule(f"v2.30|Action=Allow|{field}|")
    assert rule is not None
    assert not rule.is_limited


@pytest.mark.parametrize("text", ["", "v2.30", "|", "Action=Allow|", "x" * 100])
def test_what_is_no_rule(text: str) -> None:
    assert parse_firewall_rule(text) is None


def test_words_have_no_case() -> None:
    """As a real Windows 7 has its rules of restricted services."""
    rule = parse_firewall_rule(
        r"V2.0|Action=Block|Dir=in|LPORT=68|app=%windir%\System32\svchost.exe|SVC=DHCP|profile=private|"
    )
    assert rule is not None
    assert (rule.is_inbound, rule.allows, rule.first("Svc"), rule.profiles) == (True, False, "DHCP", ("Private",))
    assert rule.holds_for_port(68)
    assert not rule.holds_for_port(69)
