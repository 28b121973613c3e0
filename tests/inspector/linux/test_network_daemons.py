"""dhcpcd, ConnMan, wicked's XML and ifupdown-ng as back ends, and what the rule on DHCP makes of each."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Dir, File
from inspector.facts.network import NetworkConfig
from inspector.rules.dhcp import network_config_parses, one_back_end_per_interface, primary_interface_uses_dhcp
from inspector.verdict import Status
from parsers.place import Place
from tests.inspector.collectors.test_network import backend, facts, running

ETH0 = "net.ifnames=0"
OFF = {"/etc/network/interfaces.d/eth0": None, "/etc/cloud/cloud-init.disabled": ""}
DHCPCD = {**OFF, **running("dhcpcd.service")}
CONNMAN = {**OFF, **running("connman.service")}
CONNMAN["/usr/lib/systemd/system/connman.service"] = CONNMAN["/usr/lib/systemd/system/connman.service"].replace(
    "connman\n", "connmand\n"
)
CONFIG = "/var/lib/connman/wired.config"
SERVICE = "[service_a]\nType=ethernet\n"
WICKED = {**OFF, **running("wicked.service")}
XML = "/etc/wicked/ifconfig/eth0.xml"
BOOT = "<control><mode>boot</mode></control>"
NG = {"/usr/libexec/ifupdown-ng": Dir(), "/etc/cloud/cloud-init.disabled": ""}
INTERFACES = "/etc/network/interfaces"


def judged(change: dict[str, Any]) -> tuple[Status, Place | None]:
    verdict = primary_interface_uses_dhcp(facts(change, ETH0))
    return verdict.status, verdict.evidence[0].place


@pytest.mark.parametrize(
    ("change", "status", "place"),
    [
        ({**DHCPCD, "/etc/dhcpcd.conf": "interface eth0\n"}, Status.OK, Place("/etc/dhcpcd.conf", 1)),
        (
            {**DHCPCD, "/etc/dhcpcd.conf": "hostname\ninterface eth0\nstatic ip_address=10.0.0.2/24\n"},
            Status.FAILED,
            Place("/etc/dhcpcd.conf", 3),
        ),
        ({**DHCPCD, "/etc/dhcpcd.conf": "noipv4\n"}, Status.FAILED, Place("/etc/dhcpcd.conf", 1)),
        ({**CONNMAN, CONFIG: SERVICE + "IPv4=dhcp\n"}, Status.OK, Place(CONFIG, 3)),
        ({**CONNMAN, CONFIG: SERVICE + "IPv4=10.0.0.2/24/10.0.0.1\n"}, Status.FAILED, Place(CONFIG, 3)),
        (
            {**WICKED, XML: f"<interface><name>eth0</name>\n{BOOT}<ipv4:dhcp/></interface>\n"},
            Status.OK,
            Place(XML, 2),
        ),
        (
            {**WICKED, XML: f"<interface><name>eth0</name>{BOOT}\n<ipv4:static><address><local>10.0.0.2/24</local>"
             "</address></ipv4:static></interface>\n"},
            Status.FAILED,
            Place(XML, 2),
        ),
        ({**NG, INTERFACES: "auto eth0\niface eth0\n  use dhcp\n"}, Status.OK, Place(INTERFACES, 3)),
        ({**NG, INTERFACES: "auto eth0\niface eth0\n  address 10.0.0.2/24\n"}, Status.FAILED, Place(INTERFACES, 3)),
        ({**NG, INTERFACES: "iface eth0\n  use dhcp\n"}, Status.FAILED, Place(INTERFACES, 2)),
    ],
    ids=["dhcpcd", "dhcpcd static", "dhcpcd off", "connman", "connman static", "wicked", "wicked static",
         "ng", "ng static", "ng down"],
)  # fmt: skip
def test_the_first_interface(change: dict[str, Any], status: Status, place: Place) -> None:
    assert judged(change) == (status, place)


@pytest.mark.parametrize("change", [DHCPCD, CONNMAN], ids=["dhcpcd", "connman"])
def test_a_default_is_no_profile_for_the_interface(change: dict[str, Any]) -> None:
    assert judged(change)[0] is Status.WARNING


@pytest.mark.parametrize(
    "change",
    [
        {**DHCPCD, "/etc/dhcpcd.conf": "denyinterfaces eth*\n"},
        {**DHCPCD, "/etc/dhcpcd.conf": "allowinterfaces wlan0\n"},
        {**CONNMAN, "/etc/connman/main.conf": "[General]\nNetworkInterfaceBlacklist=eth\n"},
        {**CONNMAN, "/etc/connman/main.conf": "[General]\nDefaultAutoConnectTechnologies=wifi\n"},
        {**CONNMAN, "/var/lib/connman/settings": "[Wired]\nEnable=false\n"},
    ],
    ids=["denied", "not allowed", "blacklist", "no technology", "switched off"],
)
def test_an_interface_that_is_left_alone_gets_nothing(change: dict[str, Any]) -> None:
    assert judged(change)[0] is Status.FAILED


def test_what_connman_remembers_is_of_one_card() -> None:
    path = "/var/lib/connman/ethernet_000c29aabbcc_cable/settings"
    text = "[ethernet_000c29aabbcc_cable]\nIPv4.method=manual\nIPv4.local_address=10.0.0.2\n"
    (profile,) = backend({**CONNMAN, path: text}, "connman").configuration.profiles
    assert profile.match.macs == ("00:0c:29:aa:bb:cc",)
    assert judged({**CONNMAN, path: text})[0] is Status.WARNING


def test_a_policy_of_wicked_is_told() -> None:
    change = {**WICKED, XML: f"<interface><name>eth0</name>{BOOT}<ipv4:dhcp/></interface>\n<policy/>\n"}
    verdict = network_config_parses(facts(change, ETH0))
    assert (verdict.status, verdict.evidence[0].place) == (Status.WARNING, Place(XML, 2))


def test_a_daemon_that_is_not_started_is_no_back_end_of_the_boot() -> None:
    path = "/usr/lib/systemd/system/dhcpcd.service"
    found = facts({path: DHCPCD[path], "/etc/dhcpcd.conf": ""}, ETH0)[NetworkConfig]
    assert "dhcpcd" not in [it.name for it in found.backends]


def test_two_that_configure_the_same_interface() -> None:
    both = {**running("dhcpcd.service"), "/etc/dhcpcd.conf": "interface eth0\n"}
    assert one_back_end_per_interface(facts(both, ETH0)).status is Status.WARNING
    left = {**both, "/etc/dhcpcd.conf": "denyinterfaces eth0\n"}
    assert one_back_end_per_interface(facts(left, ETH0)).status is Status.OK


def test_the_priority_of_a_profile_decides_for_networkmanager() -> None:
    folder = "/etc/NetworkManager/system-connections"

    def profile(name: str, method: str, more: str = "") -> dict[str, Any]:
        text = f"[connection]\nid={name}\ntype=ethernet\n{more}[ipv4]\nmethod={method}\n"
        text += "address1=10.0.0.2/24\n" if method == "manual" else ""
        return {f"{folder}/{name}.nmconnection": File(text, 0o600)}

    base = {**OFF, **running("NetworkManager.service"), **profile("a", "auto", "interface-name=eth0\n")}
    assert judged({**base, **profile("b", "manual")})[0] is Status.OK
    low = {**base, **profile("b", "manual", "autoconnect-priority=-5\n")}
    assert judged(low)[0] is Status.OK
    high = {**base, **profile("b", "manual", "autoconnect-priority=5\n")}
    assert judged(high) == (Status.FAILED, Place(f"{folder}/b.nmconnection", 6))
