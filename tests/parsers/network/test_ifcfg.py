from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parsers.network.ifcfg import (
    interface_name,
    parse_redhat_alias,
    parse_redhat_ifcfg,
    parse_suse_ifcfg,
    suse_ports,
    with_aliases,
    with_ports,
)
from parsers.network.ifupdown import parse_interfaces
from parsers.network.interface import Configuration, Kind, Method, Profile
from parsers.place import Place
from tests.corpus import corpus, entries

REDHAT = "/etc/sysconfig/network-scripts"
SUSE = "/etc/sysconfig/network"


def redhat(text: str, name: str = "eth0") -> Profile:
    (profile,) = parse_redhat_ifcfg(text, f"{REDHAT}/ifcfg-{name}").profiles
    return profile


def suse(text: str, name: str = "eth0") -> Profile:
    (profile,) = parse_suse_ifcfg(text, f"{SUSE}/ifcfg-{name}").profiles
    return profile


@pytest.mark.parametrize(
    ("text", "method", "at_boot"),
    [
        ("DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n", Method.DHCP, True),
        ('DEVICE="eth0"\nBOOTPROTO="dhcp"\nONBOOT="no"\n', Method.DHCP, False),
        ("BOOTPROTO=DHCP\n", Method.DHCP, True),
        ("BOOTPROTO='bootp' # old\n", Method.DHCP, True),
        ("BOOTPROTO=none\nIPADDR=10.0.0.2\nPREFIX=24\n", Method.STATIC, True),
        ("BOOTPROTO=static\n", Method.NONE, True),
        ("ONBOOT=yes\n", Method.NONE, True),
        ("IPADDR0=10.0.0.2\nNETMASK0=255.0.0.0\n", Method.STATIC, True),
        ("BOOTPROTO=ibft\n", Method.OTHER, True),
        ("BOOTPROTO=dchp\n", Method.OTHER, True),
        ("BOOTPROTO=dhcp\nMASTER=bond0\nSLAVE=yes\n", Method.NONE, True),
    ],
)
def test_what_red_hats_scripts_are_told(text: str, method: Method, at_boot: bool) -> None:
    profile = redhat(text)
    assert (profile.ipv4, profile.at_boot, profile.match.names) == (method, at_boot, ("eth0",))


@pytest.mark.parametrize(
    ("text", "methods", "at_boot"),
    [
        ("BOOTPROTO='dhcp'\nSTARTMODE='auto'\n", (Method.DHCP, Method.DHCP), True),
        ("BOOTPROTO='dhcp4'\nSTARTMODE='hotplug'\n", (Method.DHCP, Method.NONE), True),
        ("BOOTPROTO='dhcp6'\nSTARTMODE='onboot'\n", (Method.NONE, Method.DHCP), True),
        ("BOOTPROTO='dhcp'\n", (Method.DHCP, Method.DHCP), False),
        ("BOOTPROTO='dhcp'\nSTARTMODE='off'\n", (Method.DHCP, Method.DHCP), False),
        ("BOOTPROTO='static'\nIPADDR='10.0.0.2/24'\nSTARTMODE=auto\n", (Method.STATIC, Method.NONE), True),
        ("BOOTPROTO='none'\nSTARTMODE=auto\n", (Method.NONE, Method.NONE), True),
        ("BOOTPROTO='dhcp+autoip'\nSTARTMODE=auto\n", (Method.DHCP, Method.DHCP), True),
    ],
)
def test_what_wicked_is_told(text: str, methods: tuple[Method, Method], at_boot: bool) -> None:
    profile = suse(text)
    assert ((profile.ipv4, profile.ipv6), profile.at_boot) == (methods, at_boot)


def test_the_hardware_address_alone_picks_the_card() -> None:
    profile = redhat("HWADDR=52:54:00:AB:cd:01\nBOOTPROTO=dhcp\nNAME='System x'\n", "System_x")
    assert (profile.match.names, profile.match.macs) == ((), ("52:54:00:ab:cd:01",))
    assert redhat("DEVICE=eth0\nHWADDR=52:54:00:AB:cd:01\n").match.names == ("eth0",)


def test_the_place_is_where_the_method_stands() -> None:
    assert str(redhat("DEVICE=eth0\n\nBOOTPROTO=static\n").place) == f"{REDHAT}/ifcfg-eth0:3"
    assert str(redhat("DEVICE=eth0\n").place) == f"{REDHAT}/ifcfg-eth0"


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ("BOOTPROTO=dchp\n", 1, "BOOTPROTO: dhcp, bootp, static or none wanted, 'dchp' found"),
        ("\nHWADDR=52:54\n", 2, "HWADDR: a hardware address wanted, '52:54' found"),
        ("BOOTPROTO='dhcp\n", 1, "closing ' wanted, end of file found"),
        ("BOOTPROTO=$(proto)\n", 1, "a value wanted, a command for BOOTPROTO found"),
        ("if true\nBOOTPROTO=dhcp\n", 1, "an assignment wanted, 'if true' found"),
    ],
)
def test_a_mistake_is_named_and_the_rest_is_read(text: str, line: int, wanted: str) -> None:
    configuration = parse_redhat_ifcfg(text, f"{REDHAT}/ifcfg-eth0")
    assert (configuration.problems[0].place.line, configuration.problems[0].message) == (line, wanted)
    assert len(configuration.profiles) == 1


def test_wickeds_mistakes_are_named() -> None:
    found = parse_suse_ifcfg("BOOTPROTO=dchp\nSTARTMODE=atuo\n", f"{SUSE}/ifcfg-eth0")
    assert [problem.message for problem in found.problems] == [
        "BOOTPROTO: dhcp, dhcp4, dhcp6, static or none wanted, 'dchp' found",
        "STARTMODE: auto, hotplug, manual or off wanted, 'atuo' found",
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("TYPE=Bond\n", Kind.BOND),
        ("BONDING_OPTS='mode=1'\n", Kind.BOND),
        ("TYPE=Bridge\n", Kind.BRIDGE),
        ("VLAN=yes\n", Kind.VLAN),
        ("TYPE=Wireless\n", Kind.WIRELESS),
        ("DEVICETYPE=Team\n", Kind.BOND),
        ("TYPE=GRE\n", Kind.OTHER),
        ("DEVICE=lo\n", Kind.LOOPBACK),
        ("TYPE=Ethernet\n", Kind.ETHERNET),
    ],
)
def test_the_kinds_of_interfaces(text: str, kind: Kind) -> None:
    assert redhat(text).kind is kind


def test_ports_of_wicked_get_their_addresses_from_their_bond_or_bridge() -> None:
    files = {
        "br0": "BRIDGE=yes\nBRIDGE_PORTS='eth0 eth1'\nBOOTPROTO=dhcp\nSTARTMODE=auto\n",
        "eth0": "BOOTPROTO=none\nSTARTMODE=hotplug\n",
        "bond0": "BONDING_MASTER=yes\nBONDING_SLAVE_0=eth2\nBOOTPROTO=dhcp\n",
        "eth2": "BOOTPROTO=dhcp\n",
        "eth3": "BOOTPROTO=dhcp\n",
    }
    parsed = [parse_suse_ifcfg(text, f"{SUSE}/ifcfg-{name}") for name, text in files.items()]
    ports = {name: suse_ports(text, f"{SUSE}/ifcfg-{name}") for name, text in files.items()}
    assert ports["br0"] == ("eth0", "eth1")
    joined = with_ports(parsed, ports)
    assert {it.name: (it.kind, it.master, it.ipv4) for it in joined.profiles} == {
        "br0": (Kind.BRIDGE, None, Method.DHCP),
        "eth0": (Kind.ETHERNET, "br0", Method.NONE),
        "bond0": (Kind.BOND, None, Method.DHCP),
        "eth2": (Kind.ETHERNET, "bond0", Method.NONE),
        "eth3": (Kind.ETHERNET, None, Method.DHCP),
    }


@pytest.mark.parametrize(
    "name", ["ifcfg-eth0.bak", "ifcfg-eth0~", "ifcfg-eth0.rpmsave", "ifcfg-eth0.rpmnew", "route-eth0", "ifup-eth"]
)
def test_what_the_scripts_pass_over(name: str) -> None:
    assert interface_name(f"{REDHAT}/{name}") is None
    assert parse_redhat_ifcfg("BOOTPROTO=dhcp\n", f"{REDHAT}/{name}").profiles == ()
    assert parse_suse_ifcfg("BOOTPROTO=dhcp\n", f"{SUSE}/{name}").profiles == ()


def test_an_alias_and_a_template_bring_nothing_up() -> None:
    assert parse_redhat_ifcfg("DEVICE=eth0:1\nIPADDR=10.0.0.9\n", f"{REDHAT}/ifcfg-eth0:1").profiles == ()
    assert parse_suse_ifcfg("BOOTPROTO=dhcp\n", f"{SUSE}/ifcfg-template").profiles == ()


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(7)
    pieces = [
        "BOOTPROTO=",
        "dhcp",
        "'",
        '"',
        "$",
        "${",
        "`",
        "\\",
        "\n",
        ";",
        " ",
        "#",
        "IPADDR",
        "=",
        "1.2.3.4",
        "ONBOOT=no",
    ]
    for _ in range(500):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(40)))
        parse_redhat_ifcfg(text, f"{REDHAT}/ifcfg-eth0")
        parse_suse_ifcfg(text, f"{SUSE}/ifcfg-eth0")


# -- aliases


def aliased(base: str, *aliases: tuple[str, str]) -> Configuration:
    return with_aliases(
        parse_redhat_ifcfg(base, f"{REDHAT}/ifcfg-eth0"),
        filter(None, (parse_redhat_alias(text, f"{REDHAT}/ifcfg-{name}") for name, text in aliases)),
    )


@pytest.mark.parametrize(
    ("base", "alias", "method", "addresses"),
    [
        ("BOOTPROTO=dhcp\n", "DEVICE=eth0:1\nIPADDR=10.0.0.9\nPREFIX=24\n", Method.DHCP, ("10.0.0.9/24",)),
        ("BOOTPROTO=none\n", "DEVICE=eth0:1\nIPADDR=10.0.0.9\n", Method.STATIC, ("10.0.0.9",)),
        ("IPADDR=10.0.0.2\n", "DEVICE=eth0:1\nIPADDR=10.0.0.9\n", Method.STATIC, ("10.0.0.2", "10.0.0.9")),
        ("MASTER=bond0\n", "DEVICE=eth0:1\nIPADDR=10.0.0.9\n", Method.NONE, ("10.0.0.9",)),
        ("BOOTPROTO=dhcp\n", "DEVICE=eth0:1\nONPARENT=no\nIPADDR=10.0.0.9\n", Method.DHCP, ()),
        # As NetworkManager's own tests have it: no DEVICE, or that of another interface.
        ("BOOTPROTO=dhcp\n", "IPADDR=10.0.0.9\n", Method.DHCP, ()),
        ("BOOTPROTO=dhcp\n", "DEVICE=eth1:1\nIPADDR=10.0.0.9\n", Method.DHCP, ()),
    ],
)
def test_an_alias_adds_its_addresses(base: str, alias: str, method: Method, addresses: tuple[str, ...]) -> None:
    (profile,) = aliased(base, ("eth0:1", alias)).profiles
    assert (profile.ipv4, profile.addresses) == (method, addresses)


def test_what_is_wrong_in_an_alias_is_told_and_other_files_are_none() -> None:
    found = aliased("BOOTPROTO=dhcp\n", ("eth0:1", "DEVICE=eth0:1\nIPADDR=`x`\n"), ("eth1", "DEVICE=eth1\n"))
    assert [str(it.place) for it in found.problems] == [f"{REDHAT}/ifcfg-eth0:1:2"]
    assert parse_redhat_alias("DEVICE=eth0:1\n", f"{REDHAT}/ifcfg-eth0:1.rpmsave") is None


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("sample", "name", "addresses"),
    [
        ("nm-ifcfg-aliasem0_2", "aliasem0:2", ("192.168.1.9",)),
        ("wk-redhat-host4-ifcfg-eth0_0", "eth0:0", ("192.168.4.1/255.255.255.0",)),
    ],
)
def test_the_aliases_of_the_corpus(sample: str, name: str, addresses: tuple[str, ...]) -> None:
    alias = parse_redhat_alias(corpus(f"known/configs/ifcfg/{sample}").read_text(), f"{REDHAT}/ifcfg-{name}")
    assert alias is not None
    assert (alias.base, alias.addresses) == (name.partition(":")[0], addresses)


def test_masters_by_their_uuid() -> None:
    assert redhat("MASTER_UUID=A\n").master == "A"
    assert redhat("MASTER=bond0\nMASTER_UUID=A\n").master == "bond0"
    assert redhat("UUID=AB-1\n").uuid == "ab-1"


def test_users_have_networkmanager_wait_for_them() -> None:
    text = "BOOTPROTO=dhcp\nONBOOT=yes\nUSERS=root\n"
    (profile,) = parse_redhat_ifcfg(text, f"{REDHAT}/ifcfg-eth0", by_manager=True).profiles
    assert (profile.at_boot, profile.said.at_boot) == (False, Place(f"{REDHAT}/ifcfg-eth0", 3))
    assert redhat(text).at_boot


def test_without_a_device_networkmanager_takes_any_card() -> None:
    path = f"{REDHAT}/ifcfg-Wired_connection_1"
    (profile,) = parse_redhat_ifcfg("TYPE=Ethernet\nBOOTPROTO=dhcp\n", path, by_manager=True).profiles
    assert (profile.name, profile.match.any) == ("Wired_connection_1", True)
    assert redhat("TYPE=Ethernet\nBOOTPROTO=dhcp\n", "eth5").match.names == ("eth5",)


# -- the same network in several formats


@cache
def groups() -> dict[str, dict[str, str]]:
    """Group -> what a file is called in it -> the file."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in entries("known"):
        expected: Any = entry.get("expected")
        if isinstance(expected, dict) and "group" in expected:
            group = str(expected["group"])
            found[group][entry["id"].removeprefix(f"{group}-")] = entry["file"]
    return found


def described(profiles: list[Profile]) -> dict[str, str]:
    """What each card, bond or VLAN does about IPv4: an address of its own, DHCP, or nothing."""
    kinds = (Kind.ETHERNET, Kind.BOND, Kind.VLAN)
    plain = {Method.DHCP: "dhcp", Method.STATIC: "static"}
    return {it.name: plain.get(it.ipv4, "nothing") for it in profiles if it.kind in kinds}


def of_group(group: str, mark: str) -> list[Profile]:
    found: list[Profile] = []
    for name, file in groups()[group].items():
        if mark not in name:
            continue
        text = Path(corpus(f"known/{file}")).read_text()
        if mark == "eni_ip_cmd":
            found += parse_interfaces(text, "interfaces").configuration().profiles
        else:
            parse = parse_redhat_ifcfg if mark == "rhel" else parse_suse_ifcfg
            found += parse(text, f"{REDHAT}/ifcfg-{name.partition('ifcfg-')[2]}").profiles
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("group", sorted(name for name, files in groups().items() if "ifcfg" in str(files)))
def test_cloud_init_means_the_same_by_every_format(group: str) -> None:
    marks = ("sysconfig_rhel", "sysconfig_opensuse", "eni_ip_cmd")
    said = {mark: described(of_group(group, mark.removeprefix("sysconfig_"))) for mark in marks}
    said = {mark: methods for mark, methods in said.items() if methods}
    assert len(said) >= 2
    first = next(iter(said.values()))
    for methods in said.values():
        shared = first.keys() & methods.keys()
        assert shared
        assert {name: methods[name] for name in shared} == {name: first[name] for name in shared}
