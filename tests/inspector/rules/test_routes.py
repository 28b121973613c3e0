from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File
from inspector.facts import Facts, UnknownFact
from inspector.facts.network import NetworkConfig
from inspector.guest import Guest
from inspector.rules.routes import addresses_and_routes_come_from_dhcp as rule
from inspector.verdict import Status
from tests.facts_of import facts_of
from tests.inspector.boots import facts, text

ETH0 = "/etc/network/interfaces.d/eth0"
ETH1 = "/etc/network/interfaces.d/eth1"
ROUTE = "/etc/sysconfig/network-scripts/route-eth0"
PROFILE = "/etc/NetworkManager/system-connections/eth0.nmconnection"


def judge(change: dict[str, Any]) -> tuple[Status, list[tuple[str, int | None]]]:
    verdict = rule(facts(change))
    assert verdict.known
    return verdict.status, [(item.place.path, item.place.line) for item in verdict.evidence]


@pytest.mark.parametrize(
    ("change", "path", "line"),
    [
        ({ETH1: "auto eth1\niface eth1 inet static\n address 10.0.0.2/24\n gateway 10.0.0.1\n"}, ETH1, 2),
        ({ETH0: text(ETH0) + "    up ip route add 10.9.0.0/16 via 10.0.0.254\n"}, ETH0, text(ETH0).count("\n") + 1),
        ({ETH0: text(ETH0) + "    post-up route add default gw 10.0.0.1\n"}, ETH0, text(ETH0).count("\n") + 1),
        ({"/etc/sysconfig/network": "NETWORKING=yes\nGATEWAY=10.0.0.1\n"}, "/etc/sysconfig/network", 2),
        ({ROUTE: "# site\n10.9.0.0/16 via 10.0.0.254\n"}, ROUTE, 2),
        ({"/etc/sysconfig/network/routes": "default 10.0.0.1 - -\n"}, "/etc/sysconfig/network/routes", 1),
        ({PROFILE: File("[ipv4]\nmethod=auto\nroute1=10.9.0.0/16,10.0.0.254\n", 0o600)}, PROFILE, 3),
        ({"/etc/netplan/x.yaml": "network:\n  e:\n    routes:\n    - to: default\n      via: 10.0.0.1\n"},
         "/etc/netplan/x.yaml", 5),
        ({"/etc/systemd/network/x.network": "[Route]\nDestination=10.9.0.0/16\nGateway=10.0.0.1\n"},
         "/etc/systemd/network/x.network", 2),
        ({"/etc/dhcp/dhclient.conf": "supersede routers 10.0.0.1;\n"}, "/etc/dhcp/dhclient.conf", 1),
    ],
)  # fmt: skip
def test_a_fixed_route_has_its_line_and_taking_it_out_mends_it(change: dict[str, Any], path: str, line: int) -> None:
    status, places = judge(change)
    assert status is Status.WARNING
    assert (path, line) in places
    assert judge({})[0] is Status.OK


@pytest.mark.parametrize(
    "change",
    [
        {ETH0: "auto eth0\niface eth0 inet static\n address 10.0.0.2/24\n gateway 10.0.0.1\n"},
        {ETH0: text(ETH0) + "    up ip route add 169.254.169.254 dev eth0\n"},
        {"/etc/sysconfig/network": "NOZEROCONF=yes\n#GATEWAY=10.0.0.1\nGATEWAYDEV=eth0\n"},
        {PROFILE: File("[ipv4]\nmethod=auto\nroute-metric=100\n", 0o600)},
        {"/etc/systemd/network/x.network": "[Network]\nDHCP=yes\n[DHCPv4]\nUseRoutes=yes\n"},
        {"/etc/dhcp/dhclient.conf": "request subnet-mask, routers;\n#supersede routers 10.0.0.1;\n"},
    ],
    ids=["the first interface alone", "metadata", "comment", "metric", "dhcp", "request"],
)
def test_what_other_rules_tell_of_and_what_is_no_route(change: dict[str, Any]) -> None:
    assert judge(change)[0] is Status.OK


def test_without_a_back_end_and_without_a_guest_nothing_is_ok() -> None:
    missing = UnknownFact("no root file system")
    for made in (facts_of({"/etc/passwd": ""}), Facts({Guest: missing, NetworkConfig: missing})):
        verdict = rule(made)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
