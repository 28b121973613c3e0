"""The ifcfg files of the corpus: what augeas's Shellvars lens found in each, and what those assignments mean.

Not compared: values that only a running shell knows ($NAME, `command`). What NetworkManager's and insights-core's own
tests say of a file stands in tables here, as the corpus names those tests alone.
"""

from __future__ import annotations

import re
from ipaddress import ip_interface
from typing import Any, Final

import pytest

from parsers.linux.shell_assignments import parse_assignments
from parsers.network.ifcfg import interface_name, parse_redhat_ifcfg, parse_suse_ifcfg, suse_ports, with_ports
from parsers.network.interface import Method, Profile
from tests.corpus import corpus, entries
from tests.parsers.augeas import shell_variables, unquoted

SAMPLES: Final = tuple(entry for entry in entries("known") if "/ifcfg/" in entry["file"] and shell_variables(entry))
WITHOUT_ASSIGNMENTS: Final = {
    **dict.fromkeys(
        (
            "in-ifcfg-CONTEXT_PATH",
            "in-ifcfg-IFCFG_PATH_2",
            "in-ifcfg-IFCFG_PATH_ETH2",
            "in-sysconfig_ifcfg_static_route-CONTEXT_PATH_DEVICE_2",
        ),
        "insights-core gives a path of a file, where the corpus has a file",
    ),
    "nm-ifcfg-test-variables-corner-cases-1": "the lens refuses quotes that nothing closes",
}
"""Samples in which the lens finds no assignment, and why."""
REDHAT: Final = tuple(entry for entry in SAMPLES if "opensuse" not in entry["id"] and "wk-suse" not in entry["id"])


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SAMPLES, ids=[entry["id"] for entry in SAMPLES])
def test_augeas_reads_the_same_assignments(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    ours = parse_assignments(text, "/x")
    theirs = {
        name: value
        for name, value in ((n, unquoted(v)) for n, v in dict(shell_variables(entry)).items())
        if value is not None
    }
    assert theirs
    different = {name: (ours.value(name), value) for name, value in theirs.items() if ours.value(name) != value}
    assert different == {}


def meant(values: dict[str, str]) -> Method | None:
    """What sysconfig.txt and nm-settings-ifcfg-rh(5) say these assignments do about IPv4; None where neither does."""
    if any(values.get(key) for key in ("MASTER", "BRIDGE", "TEAM_MASTER")):
        return Method.NONE
    protocol = values.get("BOOTPROTO", "").lower()
    addresses = [key for key in values if re.fullmatch(r"IPADDR\d*", key) and values[key]]
    if protocol in {"dhcp", "bootp"}:
        return Method.DHCP
    if protocol in {"", "none", "static"}:
        return Method.STATIC if addresses else Method.NONE
    return None


@pytest.mark.corpus
@pytest.mark.parametrize("entry", REDHAT, ids=[entry["id"] for entry in REDHAT])
def test_the_method_that_red_hats_files_mean(entry: dict[str, Any]) -> None:
    values = {name: unquoted(value) or "" for name, value in dict(shell_variables(entry)).items()}
    name = re.sub(r"^.*ifcfg-", "", entry["id"])
    path = f"/etc/sysconfig/network-scripts/ifcfg-{name}"
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    found = parse_redhat_ifcfg(text, path)
    if interface_name(path) is None:
        assert found.profiles == ()
        return
    (profile,) = found.profiles
    method = meant(values)
    if method is not None:
        assert profile.ipv4 is method
    else:
        assert profile.ipv4 not in {Method.DHCP, Method.STATIC} or found.problems
    brought_up = values.get("ONBOOT", "yes").lower() not in {"no", "false", "n", "f", "off", "0"}
    assert profile.at_boot is brought_up


STATIC3: Final = {"ipv4": "manual", "addresses": ["1.2.3.4/24", "9.8.7.6/16", "3.3.3.3/8"], "kind": "ethernet"}
STATIC: Final = {
    "ipv4": "manual",
    "addresses": ["192.168.1.5/24"],
    "gateway": "192.168.1.1",
    "autoconnect": True,
    "mac": "00:11:22:33:44:ee",
}
ALIASES: Final = {"ipv4": "manual", "addresses": ["192.168.1.5/24"], "gateway": "192.168.1.1", "kind": "ethernet"}
WIFI: Final = {"kind": "wireless"}
NETWORKMANAGER: Final[dict[str, dict[str, Any]]] = {
    "netmask-1": {"addresses": ["102.0.2.2/15"], "kind": "ethernet"},
    "test-variables-corner-cases-1": {"ipv4": "disabled", "mac": "00:16:41:11:22:33", "autoconnect": True},
    "test-nm-controlled": {"mac": "00:11:22:33:f8:9f", "autoconnect": True, "managed": False},
    "test-wired-static": STATIC,
    "test-wired-static-bootproto": STATIC,
    "test-wired-dhcp": {"ipv4": "auto", "ipv6": "dhcp", "mac": "00:11:22:33:44:ee", "autoconnect": True},
    "test-wired-shared-plus-ip": {"ipv4": "shared", "addresses": ["10.20.30.5/24"], "gateway": "1.1.1.1"},
    "test-wired-defroute-no-gatewaydev-yes": {"ipv4": "auto", "ipv6": "auto"},
    "test-wired-ipv4-manual-2": STATIC3,
    "test-wired-ipv4-manual-3": STATIC3,
    "test-wired-ipv4-manual-4": STATIC3,
    "test-wired-ipv6-manual": {"ipv6": "manual"},
    "test-wired-ipv6-only": {"ipv4": "disabled", "ipv6": "manual"},
    "test-wired-ipv6-only-1": {"ipv4": "disabled", "ipv6": "manual"},
    "test-wired-dhcp6-only": {"ipv4": "disabled", "ipv6": "dhcp"},
    "test-wired-8021x-tls-agent": {"kind": "ethernet"},
    "aliasem1": ALIASES,
    "aliasem2": ALIASES,
    "test-bridge-component": {"master": "br0", "kind": "ethernet"},
    "test-bridge-missing-stp": {"name": "br0", "kind": "bridge"},
    "test-bond-eth-type": {"name": "bond0", "kind": "bond"},
    "test-bond-mode-numeric": {"name": "bond0", "kind": "bond"},
    "test-team-controller-1": {"name": "team0", "kind": "bond"},
    "test-team-port-1": {"master": "team0", "kind": "ethernet"},
    "test-team-port-2": {"master": "team0", "kind": "ethernet"},
    "test-vlan-interface": {"name": "vlan43", "kind": "vlan"},
    "test-vlan-only-vlanid": {"name": None, "kind": "vlan"},
    "test-vlan-only-device": {"name": "eth0.9", "kind": "vlan"},
    "test-vlan-vlanid-use": {"name": "eth0.9", "kind": "vlan"},
    "test-vlan-reorder-hdr-2": {"name": "vlan0.3", "kind": "vlan"},
    "test-vlan-flags-2": {"name": "super-vlan", "kind": "vlan"},
    "test-vlan-trailing-spaces": {"name": "vlan201", "kind": "vlan"},
    "test-wifi-open-ssid-hex": WIFI,
    "test-wifi-open-ssid-bad-hex": WIFI,
    "test-wifi-open-ssid-quoted": WIFI,
    "test-wifi-wep": {**WIFI, "ipv4": "auto", "mac": "00:16:41:11:22:33", "autoconnect": True},
    "test-wifi-wep-104-ascii": WIFI,
    "test-fcoe-vn2vn": {"kind": "ethernet"},
    "Test_Write_Bond_Main.cexpected": {
        "kind": "bond",
        "name": "bond0",
        "ipv4": "manual",
        "addresses": ["1.1.1.3/24"],
        "gateway": "1.1.1.1",
        "autoconnect": True,
    },
    "Test_Write_VLAN_reorder_hdr.cexpected": {"kind": "vlan", "autoconnect": False},
    "System_test-bridge-component-a.cexpected": {"master": "br0", "kind": "ethernet"},
    "Vlan_test-vlan-interface.cexpected": {"kind": "vlan", "name": "vlan43"},
    "dcb-test.cexpected": {"kind": "ethernet", "name": "eth0", "ipv4": "auto", "ipv6": "auto"},
    "test-dcb-bad-booleans": {"refused": True},
    "test-dcb-bad-uints": {"refused": True},
    "test-dcb-short-uints": {"refused": True},
    "test-dcb-bad-percent": {"refused": True},
    "test-dcb-short-percent": {"refused": True},
    "test-dcb-pgpct-not-100": {"refused": True},
    "test-wifi-open-ssid-long-quoted": {"refused": True},
}
"""What test-ifcfg-rh.c of NetworkManager asserts of its files, as far as the model says something about it."""
DIFFERENT: Final = {
    **{
        name: "NetworkManager refuses a profile for wrong values of data centre bridging, which no cloud's card has"
        for name in NETWORKMANAGER
        if name.startswith("test-dcb-")
    },
    "test-wifi-open-ssid-long-quoted": "NetworkManager refuses a network's name beyond 32 bytes; none is read",
}
_KINDS: Final = {"auto": Method.DHCP, "manual": Method.STATIC, "disabled": Method.NONE, "shared": Method.SHARED}
_KINDS6: Final = {"auto": Method.AUTO, "manual": Method.STATIC, "dhcp": Method.DHCP}
OF_NETWORKMANAGER: Final = tuple(
    entry for entry in entries("known") if entry["id"].removeprefix("nm-ifcfg-") in NETWORKMANAGER
)


def asserted(profile: Profile) -> dict[str, Any]:
    """Say of a profile what the tests of NetworkManager speak of."""
    return {
        "name": profile.match.names[0] if profile.match.names else None,
        "kind": str(profile.kind),
        "ipv4": profile.ipv4,
        "ipv6": profile.ipv6,
        "addresses": [str(ip_interface(it)) for it in profile.addresses],
        "gateway": profile.gateway,
        "mac": profile.match.macs[0] if profile.match.macs else None,
        "master": profile.master,
        "autoconnect": profile.at_boot,
        "managed": profile.renderer is None,
        "refused": False,
    }


@pytest.mark.corpus
@pytest.mark.parametrize("entry", OF_NETWORKMANAGER, ids=[entry["id"] for entry in OF_NETWORKMANAGER])
def test_networkmanagers_own_tests_say_the_same(entry: dict[str, Any]) -> None:
    name = entry["id"].removeprefix("nm-ifcfg-")
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    path = f"/etc/sysconfig/network-scripts/ifcfg-{name.removesuffix('.cexpected')}"
    (profile,) = parse_redhat_ifcfg(text, path, by_manager=True).profiles
    theirs = dict(NETWORKMANAGER[name])
    for key, methods in (("ipv4", _KINDS), ("ipv6", _KINDS6)):
        if key in theirs:
            theirs[key] = methods[theirs[key]]
    ours = asserted(profile)
    assert ({key: ours[key] for key in theirs} == theirs) is (name not in DIFFERENT), ours


@pytest.mark.corpus
def test_every_sample_has_assignments_or_a_reason_not_to() -> None:
    named = {entry["id"] for entry in entries("known") if "/ifcfg/" in entry["file"]}
    assert named - {entry["id"] for entry in SAMPLES} == WITHOUT_ASSIGNMENTS.keys()
    assert {f"nm-ifcfg-{name}" for name in NETWORKMANAGER} <= named


INSIGHTS: Final[dict[str, dict[str, Any]]] = {
    "in-ifcfg-IFCFG_TEST_MASTER": {"name": "eth0", "master": "bond0"},
    "in-ifcfg-IFCFG_TEST_RAW_MASTER_VALUE": {"name": "eth2", "master": "bond0"},
    "in-ifcfg-IFCFG_BLANK_LINE": {"name": "=eno2", "master": "team1", "autoconnect": False},
    "in-ifcfg-IFCFG_TEST_5": {"name": "eth0", "master": "heartbeat"},
    "in-ifcfg-IFCFG_TEST_6": {"name": "bond0", "kind": "bond", "addresses": ["10.11.96.172/22"]},
    "in-ifcfg-IFCFG_TEST_NAMED_BOND_MODE": {"name": "bond0", "kind": "bond"},
    "in-ifcfg-IFCFG_TEST_RAW_BONDING_VALUE": {"name": "bond0", "kind": "bond"},
    "in-ifcfg-IFCFG_TEST_BADLY_NAMED_BOND_MODE": {"name": "bond0", "kind": "bond"},
}
"""What test_ifcfg.py of insights-core asserts of its files."""


@pytest.mark.corpus
@pytest.mark.parametrize("name", INSIGHTS)
def test_insights_own_tests_say_the_same(name: str) -> None:
    text = corpus(f"known/configs/ifcfg/{name}").read_text()
    (profile,) = parse_redhat_ifcfg(text, "/etc/sysconfig/network-scripts/ifcfg-x").profiles
    assert INSIGHTS[name].items() <= asserted(profile).items()


QUOTED: Final = (
    ("'x'", "x"), ("'  '", "  "), ("a;   #", "a"), (";   ", ""), ("\t  #a", ""), ('\\"', '"'), ("\\$", "$"),
    ("\\a", "a"),
    ('"\\""', '"'), ('"\\a"', "\\a"), ("a#b", "a#b"), ('x"c"b', "xcb"), ("\"c\"\\'b", "c'b"), ("$''", ""),
    ("$'\\n'", "\n"),
    ("$'\\x12A'", "\x12A"), ("$'\\01'", "\x01"), ("$'\\''", "'"), ("$'\\uabt'", "\xabt"), ('"aa\\"b"c', 'aa"bc'),
    ('"\\~~"', "\\~~"), ("'  ''  '", "    "), ("Bob outside LAN", ""), ("'", ""), ('"', ""),
)  # fmt: skip
"""What NetworkManager's test of its own quoting says; a value that is badly quoted counts as empty."""


@pytest.mark.parametrize(("text", "value"), QUOTED)
def test_networkmanager_takes_the_same_quotes_away(text: str, value: str) -> None:
    found = parse_assignments(f"X={text}\nY=1\n", "/x").get("X")
    assert (found.value if found and found.known else "") == value


WICKED: Final[dict[str, dict[str, Any]]] = {
    "host1-ifcfg-lo": {"kind": "loopback", "addresses": ["127.0.0.1/8", "127.0.0.2/8"], "autoconnect": True},
    "host2-ifcfg-br0": {"kind": "bridge", "ipv4": Method.DHCP, "autoconnect": True},
    "host2-ifcfg-eth0": {
        "kind": "ethernet",
        "ipv4": Method.NONE,
        "addresses": [],
        "master": "br0",
        "autoconnect": True,
    },
    "host3-ifcfg-bond0": {"kind": "bond", "addresses": ["192.168.50.7/24"], "autoconnect": False},
    "host3-ifcfg-eth0": {"kind": "ethernet", "ipv4": Method.NONE, "master": "bond0", "autoconnect": True},
    "host3-ifcfg-eth1": {"kind": "ethernet", "ipv4": Method.NONE, "master": "bond0", "autoconnect": True},
    "host6-ifcfg-macvtap1": {"kind": "other", "ipv4": Method.NONE, "autoconnect": True},
}
"""What ifcfg(5), ifcfg-bridge(5), ifcfg-bonding(5) and ifcfg-macvlan(5) say of wicked's own samples, read by eye."""


@pytest.mark.corpus
def test_what_wickeds_samples_mean() -> None:
    folder = "/etc/sysconfig/network"
    found: dict[str, dict[str, Any]] = {}
    for host in sorted({name.partition("-")[0] for name in WICKED}):
        files = {
            name: corpus(f"known/configs/ifcfg/wk-suse-{name}").read_text() for name in WICKED if name.startswith(host)
        }
        paths = {name: f"{folder}/{name.partition('-')[2]}" for name in files}
        ports = {interface_name(paths[it]) or "": suse_ports(text, paths[it]) for it, text in files.items()}
        joined = with_ports((parse_suse_ifcfg(text, paths[name]) for name, text in files.items()), ports)
        assert joined.problems == ()
        found |= {name: asserted(profile) for name, profile in zip(files, joined.profiles, strict=True)}
    assert {name: {key: found[name][key] for key in wanted} for name, wanted in WICKED.items()} == WICKED
