"""The examples of [MS-GPFAS] 2.2.6.2 and rules as `New-NetIPsecRule` writes them."""

from __future__ import annotations

import pytest

from parsers.windows.connection_security_rule import parse_connection_security_rule

WRITTEN = (
    "v2.31|Action=SecureServer|Name=X|Desc=|Active=TRUE|Profile=Domain|profile=PRIVATE|EP1Port=3389|Protocol=6|"
    "Auth1Set={E5A5D32A-4BCE-4e4d-B07F-4AB1BA7E5FE3}|Crypto2Set={E5A5D32A-4BCE-4e4d-B07F-4AB1BA7E5FE2}|EmbedCtxt=|"
)


def test_a_rule_that_requires_ipsec() -> None:
    rule = parse_connection_security_rule(WRITTEN)
    assert rule is not None
    assert (rule.version, rule.is_active, rule.requires, rule.exempts) == ("v2.31", True, True, False)
    assert rule.profiles == ("Domain", "Private")
    assert rule.holds_for_port(3389)
    assert not rule.holds_for_port(3390)


@pytest.mark.parametrize(
    ("fields", "requires", "exempts"),
    [
        ("Action=Secure", True, False),
        ("ACTION=secureserver", True, False),
        ("Action=Boundary", False, False),
        ("Action=DoNotSecure", False, True),
        ("Action=DoNotSecure|EP2_4=10.0.0.0-10.0.0.9", False, False),
        ("Name=none", False, False),
    ],
)
def test_actions(fields: str, requires: bool, exempts: bool) -> None:
    rule = parse_connection_security_rule(f"v2.30|Active=TRUE|{fields}|")
    assert rule is not None
    assert (rule.requires, rule.exempts) == (requires, exempts)


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ("Protocol=6|EP2Port=3389", True),
        ("Protocol=6|EP1Port=80|EP2Port2_10=3000-4000", True),
        ("Protocol=6|EP1Port=80", False),
        ("Protocol=17", False),
        ("Name=all", True),
        (f"EP1Port={'9' * 5000}", False),
    ],
)
def test_ports(fields: str, holds: bool) -> None:
    rule = parse_connection_security_rule(f"v2.30|Action=Secure|Active=TRUE|{fields}|")
    assert rule is not None
    assert rule.holds_for_port(3389) is holds


@pytest.mark.parametrize("text", ["", "x", "v2.30", "Action=Secure|Active=TRUE|"])
def test_what_is_no_rule(text: str) -> None:
    assert parse_connection_security_rule(text) is None
