from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from parsers.network.cloud_config import network_of_cloud_config
from parsers.network.interface import Configuration, Kind, Match, Method
from parsers.network.netplan import merge_netplan, parse_netplan
from parsers.place import Place
from parsers.yaml_document import parse_yaml
from tests.corpus import entries


def read(text: str) -> Configuration:
    root = parse_yaml(text, "/etc/cloud/cloud.cfg.d/n.cfg").root
    assert root is not None
    return network_of_cloud_config(root)


def test_version_1() -> None:
    text = (
        "version: 1\nconfig:\n"
        "  - type: physical\n    name: eth0\n    mac_address: AA:BB:CC:DD:EE:0F\n    subnets:\n      - type: dhcp4\n"
        "  - type: physical\n    name: eth1\n    subnets:\n"
        "      - {type: static, address: 10.0.0.2/24, gateway: 10.0.0.1}\n"
        "  - type: bond\n    name: bond0\n    subnets: [{type: dhcp, control: manual}]\n"
        "  - type: nameserver\n    address: 10.0.0.9\n"
    )
    eth0, eth1, bond0 = read(text).profiles
    assert (eth0.match, eth0.ipv4) == (Match(macs=("aa:bb:cc:dd:ee:0f",)), Method.DHCP)
    assert eth0.place == Place("/etc/cloud/cloud.cfg.d/n.cfg", 3)
    assert (eth1.match, eth1.ipv4, eth1.addresses, eth1.gateway) == (
        Match(("eth1",)),
        Method.STATIC,
        ("10.0.0.2/24",),
        "10.0.0.1",
    )
    assert (bond0.kind, bond0.at_boot) == (Kind.BOND, False)


def test_version_2_is_netplans_language_and_network_may_be_nested() -> None:
    for text in (
        "version: 2\nethernets: {eth0: {dhcp4: true}}\n",
        "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n",
    ):
        (profile,) = read(text).profiles
        assert profile.ipv4 is Method.DHCP


@pytest.mark.parametrize("text", ["[]", "a", "{}", "version: 3", "version: 1", "version: 1\nconfig: x"])
def test_a_mistake_is_fatal(text: str) -> None:
    assert read(text).fatal is not None


def test_ports_know_their_bond_and_routes_to_everywhere_are_gateways() -> None:
    text = (
        "version: 1\nconfig:\n"
        "  - {type: physical, name: eth0}\n  - {type: physical, name: eth1}\n"
        "  - {type: bond, name: bond0, bond_interfaces: [eth0], subnets: [{type: dhcp}]}\n"
        "  - {type: bridge, name: br0, bridge_interfaces: [eth1], subnets: [{type: static, address: 10.0.0.2/24,\n"
        "     routes: [{network: 10.9.0.0/16, gateway: 10.0.0.9},\n"
        "              {network: 0.0.0.0, netmask: 0.0.0.0, gateway: 10.0.0.1}]}]}\n"
    )
    found = {it.name: it for it in read(text).profiles}
    assert (found["eth0"].master, found["eth1"].master, found["bond0"].master) == ("bond0", "br0", None)
    assert found["br0"].gateway == "10.0.0.1"


PYTHON = "/usr/bin/python3"
PACKAGE = Path("/usr/lib/python3/dist-packages/cloudinit/net/netplan.py")
PROGRAM = """
import json, logging, sys, yaml
from cloudinit.net.netplan import Renderer
from cloudinit.net.network_state import parse_net_config_data
logging.disable(logging.CRITICAL)
configs = [yaml.safe_load(text) for text in json.load(sys.stdin)]
print(json.dumps([Renderer()._render_content(parse_net_config_data(it.get("network", it))) for it in configs]))
"""
CASES = (
    "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: dhcp}]}]",
    "version: 1\nconfig: [{type: physical, name: eth0, mac_address: 'AA:BB:CC:DD:EE:0F', subnets: [{type: dhcp4}]}]",
    "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: dhcp6}]}]",
    "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: manual}]}]",
    "version: 1\nconfig: [{type: physical, name: eth0}]",
    "version: 1\nconfig:\n- type: physical\n  name: e\n"
    "  subnets: [{type: static, address: 10.0.0.2/24, gateway: 10.0.0.1}]",
    "version: 1\nconfig: [{type: physical, name: e, subnets: [{type: static6, address: 'fd00::2/64'}, {type: dhcp}]}]",
    "version: 1\nconfig:\n- {type: physical, name: a}\n- {type: physical, name: b}\n"
    "- {type: bond, name: bond0, bond_interfaces: [a, b], subnets: [{type: dhcp}], params: {bond-mode: 802.3ad}}\n"
    "- {type: vlan, name: bond0.5, vlan_link: bond0, vlan_id: 5, subnets: [{type: dhcp4}]}",
    "version: 1\nconfig:\n- {type: physical, name: a}\n"
    "- {type: bridge, name: br0, bridge_interfaces: [a], subnets: [{type: dhcp}]}",
    "version: 2\nethernets: {e: {match: {name: 'e*'}, dhcp4: true}}",
)
CORPUS = tuple(
    dict.fromkeys(source for it in entries("known") if (source := (it.get("expected") or {}).get("cloud_init_config")))
)


def meant(found: Configuration) -> dict[str, object]:
    """What is told of interfaces. For netplan cloud-init leaves out InfiniBand and `control: manual`."""
    assert found.fatal is None
    return {
        it.renamed or it.name: (it.kind, it.ipv4, it.addresses, it.gateway, it.match.macs, it.master)
        for it in found.profiles
        if it.kind is not Kind.OTHER
    }


@pytest.mark.parametrize("texts", [CASES, pytest.param(CORPUS, marks=pytest.mark.corpus)], ids=["cases", "corpus"])
def test_cloud_init_writes_the_same_for_netplan(texts: tuple[str, ...]) -> None:
    if not PACKAGE.is_file():
        pytest.skip("cloud-init (Debian package) is absent: the oracle was not asked")
    run = subprocess.run([PYTHON, "-c", PROGRAM], input=json.dumps(texts), capture_output=True, text=True, check=True)
    for text, written in zip(texts, json.loads(run.stdout), strict=True):
        assert meant(read(text)) == meant(merge_netplan([parse_netplan(written, "/50-cloud-init.yaml")])), text


def test_damage_inside_is_passed_over() -> None:
    assert read("version: 1\nconfig: [x, {type: wat}, {type: physical, subnets: x}, {type: {}}]\n").fatal is None
