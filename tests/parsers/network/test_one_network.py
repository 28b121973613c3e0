"""The corpus holds files of several back ends that cloud-init wrote from one configuration: all must read alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from parsers.linux.cloud_init import parse_cloud_config
from parsers.network.cloud_config import network_of_cloud_config
from parsers.network.connection import parse_connection
from parsers.network.ifupdown import parse_interfaces
from parsers.network.interface import Configuration, Method, Profile
from parsers.network.keyfile import parse_networkmanager_conf
from parsers.network.netplan import merge_netplan, parse_netplan
from parsers.network.networkd import networkd_configuration, parse_networkd
from parsers.yaml_document import parse_yaml, plain
from tests.corpus import corpus, entries

Network = dict[str, tuple[bool, frozenset[str]]]
"""Interface -> whether it uses DHCPv4, and its static IPv4 addresses."""


def read_cloud_config(text: str, path: str) -> Configuration:
    root = parse_yaml(text, path).root
    assert root is not None
    return network_of_cloud_config(root)


READERS: dict[str, Callable[[str, str], Configuration]] = {
    "interfaces": lambda text, path: parse_interfaces(text, path).configuration(),
    "netplan": lambda text, path: merge_netplan([parse_netplan(text, path)]),
    "networkd": lambda text, path: networkd_configuration([parse_networkd(text, path)]),
    "nmconnection": parse_connection,
    "cloud-init": read_cloud_config,
}


def name_of(profile: Profile, filename: str | None) -> str:
    if profile.backend == "networkmanager" and filename:
        return filename.removeprefix("cloud-init-").removesuffix(".nmconnection")
    if profile.backend == "networkd":
        return profile.match.names[0]
    return profile.renamed or profile.name


def network_of(configuration: Configuration, filename: str | None = None) -> Network:
    assert configuration.fatal is None
    found: Network = {}
    for profile in configuration.profiles:
        found[name_of(profile, filename)] = (profile.ipv4 is Method.DHCP, frozenset(profile.addresses))
    return found


def groups() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries("known"):
        group = entry["expected"].get("group") if isinstance(entry.get("expected"), dict) else None
        if group and entry["file"].split("/")[1] in READERS:
            found[group].append(entry)
    return found


GROUPS = groups()
SAMPLES = tuple(entry for group in GROUPS.values() for entry in group)
OTHERS = (
    "in-cloud_cfg-CONFIG_1",
    "in-cloud_cfg-CONFIG_2",
    "in-networkmanager_config-NETWORKMANAGER_CONF",
)


@pytest.mark.corpus
@pytest.mark.parametrize("group", sorted(GROUPS))
def test_all_back_ends_of_a_group_read_alike(group: str) -> None:
    compared = 0
    reference: Network = {}
    for entry in GROUPS[group]:
        kind = entry["file"].split("/")[1]
        text = corpus(f"known/{entry['file']}").read_text()
        source = entry["expected"].get("cloud_init_config")
        if source:
            reference = {**network_of(read_cloud_config(source, "/network")), **reference}
        if kind == "nmconnection" and "[ipv4]" not in text:
            # cloud-init leaves the group out for an interface without addresses; nmcli agrees that it means DHCP.
            continue
        found = network_of(READERS[kind](text, "/x"), entry["expected"].get("filename"))
        for name, network in found.items():
            if name != "lo" and name in reference:
                compared += 1
                assert (entry["id"], name, network) == (entry["id"], name, reference[name])
            reference.setdefault(name, network)
    assert compared >= 1


@pytest.mark.corpus
def test_the_other_samples_of_the_corpus() -> None:
    def text(name: str) -> str:
        return corpus(f"known/configs/{name}").read_text()

    disabled = parse_cloud_config(text("cloud/in-cloud_cfg-CONFIG_1"), "/a").root
    enabled = parse_cloud_config(text("cloud/in-cloud_cfg-CONFIG_2"), "/b").root
    assert disabled is not None
    assert enabled is not None
    assert plain(disabled) == {"ssh_deletekeys": 1, "network": {"config": "disabled"}}
    (profile,) = network_of_cloud_config(enabled.entries["network"]).profiles
    assert (profile.name, profile.ipv4, profile.ipv6) == ("eth0", Method.DHCP, Method.DHCP)
    conf = parse_networkmanager_conf([(text("network/in-networkmanager_config-NETWORKMANAGER_CONF"), "/c")])
    assert (conf.plugins, conf.problems) == (("keyfile",), ())
