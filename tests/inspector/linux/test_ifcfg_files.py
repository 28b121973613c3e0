"""Guests of the Red Hat and SUSE kind, as far as their network goes."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Link
from inspector.facts.network import NetworkConfig
from inspector.rules.dhcp import (
    network_config_parses,
    network_not_bound_to_mac,
    network_service_enabled,
    one_back_end_per_interface,
    primary_interface_uses_dhcp,
)
from inspector.rules.rule import Rule
from inspector.verdict import Status, Verdict
from parsers.network.interface import Method
from tests.inspector.rules.test_dhcp import NO_CLOUD_INIT, UNIT, WANTS, facts

GONE: dict[str, Any] = {
    "/etc/network/interfaces": None,
    "/etc/network/interfaces.d/eth0": None,
    "/etc/systemd/system/multi-user.target.wants/networking.service": None,
    "/usr/lib/systemd/system/networking.service": None,
    "/sbin/ifup": None,
    "/usr/sbin/ifup": None,
    **NO_CLOUD_INIT,
}
SCRIPTS = "/etc/sysconfig/network-scripts"
ETH0 = f"{SCRIPTS}/ifcfg-eth0"
DHCP = "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n"


def unit(name: str, program: str, *, enabled: bool = True) -> dict[str, Any]:
    path = f"/usr/lib/systemd/system/{name}"
    link = {f"{WANTS}/{name}": Link(path)} if enabled else {}
    return {path: UNIT.format(program), **link}


CENTOS7 = {
    **GONE,
    f"{SCRIPTS}/network-functions": "# functions\n",
    f"{SCRIPTS}/ifcfg-lo": "DEVICE=lo\nONBOOT=yes\nIPADDR=127.0.0.1\nNETMASK=255.0.0.0\n",
    ETH0: DHCP,
    **unit("network.service", "network"),
}
MANAGER = {
    **unit("NetworkManager.service", "NetworkManager"),
    "/usr/lib64/NetworkManager/1.18.8-1.el7/libnm-settings-plugin-ifcfg-rh.so": "",
}
SUSE = {
    **GONE,
    "/etc/sysconfig/network/config": "",
    "/etc/sysconfig/network/ifcfg-lo": "STARTMODE=nfsroot\nBOOTPROTO=static\nIPADDR=127.0.0.1/8\n",
    "/etc/sysconfig/network/ifcfg-eth0": "STARTMODE='auto'\nBOOTPROTO='dhcp'\n",
    **unit("wicked.service", "wicked"),
}


def test_an_alias_adds_its_address_to_the_interface() -> None:
    alias = "DEVICE=eth0:1\nIPADDR=192.0.2.9\nPREFIX=24\n"
    found = facts({**CENTOS7, f"{ETH0}:1": alias})[NetworkConfig]
    (scripts,) = found.enabled
    (eth0,) = (it for it in scripts.configuration.profiles if it.physical)
    assert (eth0.ipv4, eth0.addresses) == (Method.DHCP, ("192.0.2.9/24",))


def test_a_profile_without_device_is_for_any_card_where_networkmanager_reads_it() -> None:
    wired = {path: node for path, node in CENTOS7.items() if path != ETH0}
    wired[f"{SCRIPTS}/ifcfg-Wired_connection_1"] = "TYPE=Ethernet\nBOOTPROTO=dhcp\n"
    assert judge(primary_interface_uses_dhcp, {**wired, **MANAGER}).status is Status.OK
    assert judge(primary_interface_uses_dhcp, wired).status is Status.FAILED


def judge(rule: Rule, change: dict[str, Any]) -> Verdict:
    return rule(facts(change))


def places(verdict: Verdict) -> list[str]:
    return [str(item.place) for item in verdict.evidence]


@pytest.mark.parametrize(
    ("guest", "backend"),
    [
        (CENTOS7, "network-scripts"),
        ({**CENTOS7, **MANAGER}, "networkmanager"),
        ({**GONE, **MANAGER, ETH0: DHCP}, "networkmanager"),
        (SUSE, "wicked"),
    ],
)
def test_dhcp_by_an_ifcfg_file_is_ok(guest: dict[str, Any], backend: str) -> None:
    found = facts(guest)
    verdict = primary_interface_uses_dhcp(found)
    assert verdict.status is Status.OK
    assert verdict.evidence[0].seen == f"{backend}: eth0, IPv4 dhcp"
    assert str(verdict.evidence[0].place).endswith("/ifcfg-eth0:2")
    assert found[NetworkConfig].unread == ()
    assert one_back_end_per_interface(found).status is Status.OK
    assert network_service_enabled(found).status is Status.OK
    assert network_config_parses(found).status is Status.OK


@pytest.mark.parametrize(
    ("guest", "file", "text"),
    [
        (CENTOS7, ETH0, "DEVICE=eth0\nBOOTPROTO=static\nIPADDR=10.0.0.2\nPREFIX=24\n"),
        (CENTOS7, ETH0, "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=no\n"),
        (CENTOS7, ETH0, "DEVICE=eth1\nBOOTPROTO=dhcp\n"),
        (CENTOS7, ETH0, "DEVICE=eth0\nONBOOT=yes\n"),
        ({**CENTOS7, **MANAGER}, ETH0, "DEVICE=eth0\nBOOTPROTO=none\nIPADDR=10.0.0.2\n"),
        (SUSE, "/etc/sysconfig/network/ifcfg-eth0", "STARTMODE='manual'\nBOOTPROTO='dhcp'\n"),
        (SUSE, "/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='static'\nSTARTMODE=auto\nIPADDR='10.0.0.2/24'\n"),
    ],
)
def test_another_method_fails_with_its_place_and_dhcp_mends_it(guest: dict[str, Any], file: str, text: str) -> None:
    verdict = judge(primary_interface_uses_dhcp, {**guest, file: text})
    assert verdict.status is Status.FAILED
    assert any(place.startswith(file) for place in places(verdict))
    assert judge(primary_interface_uses_dhcp, guest).status is Status.OK


def test_what_the_manager_does_not_control_the_scripts_bring_up() -> None:
    guest = {**CENTOS7, **MANAGER, ETH0: f"{DHCP}NM_CONTROLLED=no\n"}
    verdict = judge(primary_interface_uses_dhcp, guest)
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, "network-scripts: eth0, IPv4 dhcp")
    alone = {**GONE, **MANAGER, ETH0: f"{DHCP}NM_CONTROLLED=no\n"}
    assert judge(primary_interface_uses_dhcp, alone).status is Status.FAILED  # nor does a default profile take it


def test_without_its_plugin_the_manager_reads_no_ifcfg_file() -> None:
    manager = unit("NetworkManager.service", "NetworkManager")
    for more in ({}, {"/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=keyfile\n"}):
        found = facts({**GONE, **manager, **more, ETH0: DHCP})
        assert [place.path for place in found[NetworkConfig].unread] == [ETH0]
        verdict = primary_interface_uses_dhcp(found)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
    other = {**GONE, **MANAGER, ETH0: DHCP, "/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=ibft\n"}
    assert judge(primary_interface_uses_dhcp, other).status is not Status.OK


def test_a_network_that_is_switched_off_is_not_enabled() -> None:
    off = {**CENTOS7, "/etc/sysconfig/network": "NETWORKING=no\n"}
    verdict = judge(network_service_enabled, off)
    assert (verdict.status, places(verdict)[-1]) == (Status.FAILED, "/etc/sysconfig/network:1")
    assert judge(network_service_enabled, {**off, "/etc/sysconfig/network": "NETWORKING=yes\n"}).status is Status.OK


def test_a_service_that_is_not_enabled_fails() -> None:
    for guest, name in ((CENTOS7, "network.service"), (SUSE, "wicked.service")):
        stopped = {**guest, f"{WANTS}/{name}": None}
        assert judge(network_service_enabled, stopped).status is Status.FAILED
        assert judge(primary_interface_uses_dhcp, stopped).status is Status.FAILED


def test_a_hardware_address_ties_the_profile_to_one_machine() -> None:
    bound = {**CENTOS7, ETH0: f"{DHCP}HWADDR=52:54:00:12:34:56\n"}
    verdict = judge(network_not_bound_to_mac, bound)
    assert (verdict.status, places(verdict)) == (Status.WARNING, [f"{ETH0}:4"])
    assert judge(network_not_bound_to_mac, CENTOS7).status is Status.OK


def test_a_mistake_in_an_ifcfg_file_is_a_warning() -> None:
    verdict = judge(network_config_parses, {**CENTOS7, ETH0: DHCP.replace("dhcp", "dchp")})
    assert (verdict.status, places(verdict)) == (Status.WARNING, [f"{ETH0}:2"])


def test_ports_of_a_bridge_of_wicked() -> None:
    bridged = {
        **SUSE,
        "/etc/sysconfig/network/ifcfg-eth0": "STARTMODE=hotplug\nBOOTPROTO=none\n",
        "/etc/sysconfig/network/ifcfg-br0": "STARTMODE=auto\nBOOTPROTO=dhcp\nBRIDGE=yes\nBRIDGE_PORTS=eth0\n",
    }
    assert judge(primary_interface_uses_dhcp, bridged).status is Status.OK


def test_files_that_no_back_end_reads_are_unknown() -> None:
    without = {**CENTOS7, f"{SCRIPTS}/network-functions": None}
    for rule in (primary_interface_uses_dhcp, network_service_enabled):
        verdict = judge(rule, without)
        assert (verdict.status, verdict.known, places(verdict)) == (Status.WARNING, False, [ETH0])
