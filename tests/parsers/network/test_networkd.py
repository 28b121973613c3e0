"""systemd-networkd: systemd.network(5); the corpus holds files of one group that describe the same network."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.network.interface import Kind, Match, Method, Profile, Said
from parsers.network.networkd import link_files, networkd_configuration, parse_networkd
from parsers.place import Place
from tests.corpus import corpus, entries
from tests.parsers.damaged_text import damaged_texts

ENTRIES = tuple(entry for entry in entries("known") if "/networkd/" in entry["file"])
PATH = "/etc/systemd/network/10-x.network"


def one(text: str, *drop_ins: tuple[str, str]) -> Profile:
    (profile,) = networkd_configuration([parse_networkd(text, PATH, drop_ins)]).profiles
    return profile


def test_dhcp_points_at_its_line() -> None:
    assert one("[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n") == Profile(
        Place(PATH, 5),
        "networkd",
        "10-x.network",
        Match(names=("en*", "eth*")),
        ipv4=Method.DHCP,
        ipv6=Method.DHCP,
        said=Said(name=Place(PATH, 2)),
    )


@pytest.mark.parametrize(
    ("value", "ipv4", "ipv6"),
    [
        ("ipv4", Method.DHCP, Method.AUTO),
        ("ipv6", Method.NONE, Method.DHCP),
        ("both", Method.DHCP, Method.DHCP),
        ("no", Method.NONE, Method.AUTO),
        ("nonsense", Method.NONE, Method.AUTO),
    ],
)
def test_values_of_dhcp(value: str, ipv4: Method, ipv6: Method) -> None:
    found = one(f"[Match]\nName=e\n[Network]\nDHCP={value}\n")
    assert (found.ipv4, found.ipv6) == (ipv4, ipv6)


def test_static_addresses_in_both_sections() -> None:
    found = one(
        "[Match]\nMACAddress=AA-BB-CC-00-11-22\nDriver=virtio_net\nPath=pci-*\n"
        "[Network]\nAddress=10.0.0.2/24\n[Address]\nAddress=10.0.0.3/24\n[Address]\nAddress=fd00::1/64\n"
        "[Route]\nGateway=10.0.0.1\n"
    )
    assert found.match == Match(macs=("aa:bb:cc:00:11:22",), drivers=("virtio_net",), other=("Path=pci-*",))
    assert (found.ipv4, found.ipv6, found.gateway) == (Method.STATIC, Method.STATIC, "10.0.0.1")
    assert found.addresses == ("10.0.0.2/24", "10.0.0.3/24")


def test_drop_ins_come_after_the_file() -> None:
    text = "[Match]\nName=e\n[Network]\nDHCP=yes\n"
    drop_in = ("[Network]\nDHCP=no\nAddress=10.0.0.2/24\n", PATH + ".d/a.conf")
    assert one(text, drop_in).ipv4 is Method.STATIC


def test_unmanaged_and_policies_keep_it_down() -> None:
    for setting in ("Unmanaged=yes", "ActivationPolicy=manual", "ActivationPolicy=always-down"):
        assert one(f"[Match]\nName=e\n[Link]\n{setting}\n[Network]\nDHCP=yes\n").at_boot is False


def test_a_file_that_matches_nothing_is_ignored_and_reported() -> None:
    for text in ("[Network]\nDHCP=yes\n", "[Match]\n[Network]\nDHCP=yes\n"):
        found = networkd_configuration([parse_networkd(text, PATH)])
        assert found.profiles == ()
        assert "ignores the file" in found.problems[0].message


def test_a_masked_file_says_nothing() -> None:
    found = networkd_configuration([parse_networkd("", PATH)])
    assert (found.profiles, found.problems) == ((), ())


def test_an_inverted_list_of_names() -> None:
    match = one("[Match]\nName=!lo docker*\n[Network]\nDHCP=yes\n").match
    assert [match.takes_name(name) for name in ("lo", "docker0", "eth0")] == [False, False, True]


def test_kinds_come_from_netdev_files() -> None:
    networks = [parse_networkd("[Match]\nName=br0\n[Network]\nDHCP=yes\n", PATH)]
    netdevs = [parse_networkd("[NetDev]\nName=br0\nKind=bridge\n", "/etc/systemd/network/br0.netdev")]
    (profile,) = networkd_configuration(networks, netdevs).profiles
    assert profile.kind is Kind.BRIDGE
    assert one("[Match]\nName=e\n[Network]\nBridge=br0\n").master == "br0"


def test_link_files_give_names() -> None:
    text = "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep kernel database onboard slot path\n"
    fixed = "[Match]\nMACAddress=52:54:00:00:00:01\n[Link]\nName=lan0\n"
    default, lan = link_files([parse_networkd(text, "/99-default.link"), parse_networkd(fixed, "/10-lan.link")])
    assert (default.policy[:2], default.match) == (("keep", "kernel"), Match(names=("*",)))
    assert (lan.renamed, lan.name) == ("lan0", Place("/10-lan.link", 4))


def test_damage_never_escapes() -> None:
    text = (
        "[Match]\nName=!en* eth0\nMACAddress=52:54:00:00:00:01\nType=ether\n[Network]\nDHCP=yes\nAddress=10.0.0.1/24\n"
    )
    for damaged in damaged_texts(text, "[]=!*\\\"' \n\0\udc80:"):
        file = parse_networkd(damaged, PATH)
        networkd_configuration([file])
        link_files([file])


@pytest.mark.corpus
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_the_corpus(entry: dict[str, Any]) -> None:
    """The names, addresses and DHCP of each file, read by eye from its group's cloud-init source."""
    text = corpus(f"known/{entry['file']}").read_text()
    (profile,) = networkd_configuration([parse_networkd(text, "/x.network")]).profiles
    names, ipv4, addresses = EXPECTED[entry["id"]]
    assert (profile.match.names, profile.ipv4, profile.addresses) == (names, ipv4, addresses)


EXPECTED = {
    "ci-small_v1-networkd_eth1": (("eth1",), Method.NONE, ()),
    "ci-small_v2-networkd_eth1": (("eth1",), Method.NONE, ()),
    "ci-small_v1-networkd_eth99": (("eth99",), Method.DHCP, ("192.168.21.3/24",)),
    "ci-small_v2-networkd_eth99": (("eth99",), Method.DHCP, ("192.168.21.3/24",)),
    "ci-v4_and_v6-networkd": (("iface0",), Method.DHCP, ()),
}
