from __future__ import annotations

import pytest

from parsers.network.cloud_config import network_of_cloud_config
from parsers.network.interface import Configuration, Kind, Match, Method
from parsers.place import Place
from parsers.yaml_document import parse_yaml


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


def test_damage_inside_is_passed_over() -> None:
    assert read("version: 1\nconfig: [x, {type: wat}, {type: physical, subnets: x}, {type: {}}]\n").fatal is None
