from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest

from parsers.network.connection import parse_connection
from parsers.network.ifcfg import parse_redhat_ifcfg, parse_suse_ifcfg
from parsers.network.ifupdown import parse_interfaces
from parsers.network.interface import (
    Configuration,
    Kind,
    Match,
    Profile,
    is_ipv4,
    literal_name,
    name_matches,
    normal_mac,
)
from parsers.network.netplan import merge_netplan, parse_netplan
from parsers.network.networkd import networkd_configuration, parse_networkd
from parsers.network.wicked import parse_wicked
from parsers.place import Place


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("AA:BB:CC:DD:EE:0F", "aa:bb:cc:dd:ee:0f"),
        ("aa-bb-cc-dd-ee-0f", "aa:bb:cc:dd:ee:0f"),
        ("0:1:2:3:4:5", "00:01:02:03:04:05"),
        ("aa:bb:cc:dd:ee", None),
        ("aa:bb-cc:dd:ee:ff", None),
        (":".join(["11"] * 20), ":".join(["11"] * 20)),
        ("", None),
    ],
)
def test_hardware_addresses(text: str, mac: str | None) -> None:
    assert normal_mac(text) == mac


@pytest.mark.parametrize(("name", "other"), [("e*", "eth0"), ("e?", "e1"), ("e[01]", "e0"), ("eth0", "eth1")])
def test_a_literal_name_matches_itself_alone(name: str, other: str) -> None:
    assert name_matches(name, literal_name(name))
    assert not name_matches(other, literal_name(name))


def test_addresses() -> None:
    assert [is_ipv4(it) for it in ("10.0.0.1", "10.0.0.1/24", "fd00::1", "dhcp", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_match_without_conditions_takes_everything() -> None:
    assert Match().any
    assert Match().takes_name("eth0")
    assert not Match(drivers=("virtio_net",)).any


def test_globs_and_inverted_lists() -> None:
    assert Match(("en*", "eth0")).takes_name("eth0")
    assert not Match(("en*",)).takes_name("eth0")
    assert Match(("!lo", "docker*")).takes_name("eth0")
    assert not Match(("!lo", "docker*")).takes_name("docker0")


def test_a_glob_cannot_take_forever() -> None:
    start = time.process_time()
    assert not name_matches("a" * 200, "*a" * 100 + "b")
    assert name_matches("eth0", "e" + "*" * 1000)
    assert time.process_time() - start < 1


def test_what_is_physical() -> None:
    assert Profile(Place("/x"), "netplan", "e", Match()).physical
    assert not Profile(Place("/x"), "netplan", "b", Match(), Kind.BRIDGE).physical


READERS: Final[dict[str, Callable[[str], Configuration]]] = {
    "redhat": lambda text: parse_redhat_ifcfg(text, "/f/ifcfg-x"),
    "suse": lambda text: parse_suse_ifcfg(text, "/f/ifcfg-x"),
    "keyfile": lambda text: parse_connection(text, "/f/x.nmconnection"),
    "netplan": lambda text: merge_netplan([parse_netplan(text, "/f/x.yaml")]),
    "networkd": lambda text: networkd_configuration([parse_networkd(text, "/f/x.network")]),
    "ifupdown": lambda text: parse_interfaces(text, "/f/interfaces").configuration(),
    "wicked": lambda text: parse_wicked(text, "/f/x.xml"),
}
MAC: Final = "00:16:3e:00:00:01"


@pytest.mark.parametrize(
    ("reader", "text", "name", "mac", "at_boot"),
    [
        ("redhat", f"BOOTPROTO=dhcp\nDEVICE=eth0\nHWADDR={MAC}\nONBOOT=no\n", 2, 3, 4),
        ("redhat", "BOOTPROTO=dhcp\n", None, None, None),
        ("suse", "BOOTPROTO=dhcp\nSTARTMODE=off\n", None, None, 2),
        (
            "keyfile",
            "[connection]\ntype=ethernet\ninterface-name=eth0\nautoconnect=false\n"
            f"[ethernet]\nmac-address={MAC}\n[ipv4]\nmethod=auto\n",
            3,
            6,
            4,
        ),
        (
            "netplan",
            "network:\n ethernets:\n  a:\n   dhcp4: true\n   match:\n    name: e*\n"
            f"    macaddress: {MAC}\n   activation-mode: manual\n",
            6,
            7,
            8,
        ),
        ("networkd", f"[Match]\nMACAddress={MAC}\nName=e*\n[Link]\nUnmanaged=yes\n[Network]\nDHCP=yes\n", 3, 2, 5),
        ("ifupdown", f"iface a inet dhcp\nauto mac/{MAC}=a\n", None, 2, None),
        ("wicked", "<interface>\n<name>x</name>\n<control><mode>off</mode>\n</control></interface>", 2, None, 3),
    ],
)
def test_where_a_profile_says_what_it_is_for(
    reader: str, text: str, name: int | None, mac: int | None, at_boot: int | None
) -> None:
    (profile,) = READERS[reader](text).profiles
    said = profile.said
    assert [it.line if it else None for it in (said.name, said.mac, said.at_boot)] == [name, mac, at_boot]
