"""ConnMan: the examples of connman-service.config(5) and connman.conf(5), and what it remembers."""

from __future__ import annotations

import random

from parsers.network.connman import parse_connman_config, parse_connman_main, parse_connman_settings
from parsers.network.interface import Method
from parsers.place import Place

PATH = "/var/lib/connman/wired.config"
CONFIG = """\
[global]
Name = Example
Description = Example network configuration

[service_home_ethernet]
Type = ethernet
IPv4 = 192.168.1.42/255.255.255.0/192.168.1.1
IPv6 = 2001:db8::42/64/2001:db8::1
MAC = 01:02:03:04:05:06
Nameservers = 10.2.3.4,192.168.1.99

[service_home_wifi]
Type = wifi
Name = my_home_wifi
"""


def test_a_provisioned_service() -> None:
    found = parse_connman_config(CONFIG, PATH)
    (profile,) = found.profiles
    assert (profile.ipv4, profile.addresses, profile.gateway) == (
        Method.STATIC, ("192.168.1.42/255.255.255.0",), "192.168.1.1",
    )  # fmt: skip
    assert (profile.match.macs, profile.place) == (("01:02:03:04:05:06",), Place(PATH, 7))
    assert found.problems == ()


def test_dhcp_off_and_a_mistake() -> None:
    service = "[service_a]\nType=ethernet\n"
    assert parse_connman_config(service, PATH).profiles[0].ipv4 is Method.DHCP
    assert parse_connman_config(service + "IPv4=dhcp\n", PATH).profiles[0].match.any
    assert parse_connman_config(service + "IPv4=off\n", PATH).profiles[0].ipv4 is Method.NONE
    wrong = parse_connman_config(service + "IPv4=here\n", PATH)
    assert (wrong.profiles, wrong.problems[0].place) == ((), Place(PATH, 3))


def test_what_is_remembered_of_a_service() -> None:
    text = "[ethernet_000c29aabbcc_cable]\nName=Wired\nAutoConnect=false\nIPv4.method=manual\n"
    (profile,) = parse_connman_settings(text + "IPv4.local_address=10.0.0.2\n", PATH).profiles
    assert (profile.ipv4, profile.addresses, profile.at_boot) == (Method.STATIC, ("10.0.0.2",), False)
    assert profile.match.macs == ("00:0c:29:aa:bb:cc",)
    (auto,) = parse_connman_settings("[ethernet_000c29aabbcc_cable]\nIPv4.method=dhcp\n", PATH).profiles
    assert (auto.ipv4, auto.at_boot) == (Method.DHCP, True)


def test_main_conf() -> None:
    main = parse_connman_main("[General]\nNetworkInterfaceBlacklist=vmnet,eth\n", "/etc/connman/main.conf")
    assert (main.ignored, main.connects_wired) == (("vmnet", "eth"), True)
    off = parse_connman_main("[General]\nDefaultAutoConnectTechnologies=wifi,cellular\n", "/x")
    assert not off.connects_wired
    assert parse_connman_main("nonsense\n", "/x").problems


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(6)
    for _ in range(200):
        text = "".join(chance.choice([*CONFIG, "\0", "\udcff", "[ethernet_"]) for _ in range(200))
        for parse in (parse_connman_config, parse_connman_settings, parse_connman_main):
            parse(text, PATH)
