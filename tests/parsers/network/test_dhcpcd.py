"""dhcpcd.conf(5): what is said of all interfaces, what of one, and which are left alone."""

from __future__ import annotations

import random

import pytest

from parsers.network.dhcpcd import DhcpcdConf, parse_dhcpcd
from parsers.network.interface import Method
from parsers.place import Place

PATH = "/etc/dhcpcd.conf"
RASPBIAN = """\
# A sample configuration for dhcpcd.
hostname
clientid
persistent
option rapid_commit
option domain_name_servers, domain_name, domain_search, host_name
require dhcp_server_identifier
slaac private
"""
STATIC = """
interface eth0
static ip_address=192.168.0.10/24\t
static ip6_address=fd51:42f8:caae:d92e::ff/64
static routers=192.168.0.1
"""


def read(text: str) -> DhcpcdConf:
    return parse_dhcpcd(text, PATH)


def test_every_interface_asks_where_nothing_is_said() -> None:
    found = read(RASPBIAN)
    assert (found.default, found.configuration.profiles, found.configuration.problems) == (Method.DHCP, (), ())
    assert found.takes("eth0")


def test_a_static_address_of_one_interface() -> None:
    found = read(RASPBIAN + STATIC)
    (profile,) = found.configuration.profiles
    assert (found.default, profile.ipv4, profile.addresses) == (Method.DHCP, Method.STATIC, ("192.168.0.10/24",))
    assert (profile.gateway, profile.match.names, profile.place) == ("192.168.0.1", ("eth0",), Place(PATH, 11))


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("interface eth0\n", Method.DHCP),
        ("interface eth0\nnodhcp\n", Method.NONE),
        ("noipv4\ninterface eth0\n", Method.NONE),
        ("nodhcp\ninterface eth0\ndhcp\n", Method.DHCP),
        ("interface eth0\ninform 10.0.0.2/24\n", Method.STATIC),
        ("interface eth0\nfallback static_eth0\nprofile static_eth0\nstatic ip_address=10.0.0.2/24\n", Method.DHCP),
        ("interface eth0\nstatic ip_address=10.0.0.2/24\nnodhcp\n", Method.STATIC),
        ("interface eth0\nstatic \\\n  ip_address=10.0.0.2/24\n", Method.STATIC),
    ],
)
def test_the_method_of_an_interface(text: str, method: Method) -> None:
    assert read(text).configuration.profiles[0].ipv4 is method


def test_what_is_said_of_all_interfaces() -> None:
    found = read("static ip_address=10.0.0.2/24\n")
    assert (found.default, found.place) == (Method.STATIC, Place(PATH, 1))
    assert found.configuration.profiles[0].match.any


def test_names_that_are_left_alone() -> None:
    denied = read("denyinterfaces veth*, eth0\n")
    assert (denied.takes("eth0"), denied.takes("veth1"), denied.takes("ens3")) == (False, False, True)
    allowed = read("allowinterfaces en* eth0\ndenyinterfaces ens3\n")
    assert (allowed.takes("eth0"), allowed.takes("ens5"), allowed.takes("ens3"), allowed.takes("wlan0")) == (
        True, True, False, False,
    )  # fmt: skip


def test_a_mistake_is_named() -> None:
    (problem,) = read("interface eth0\nstatic ip_address=here\n").configuration.problems
    assert problem.place == Place(PATH, 2)


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(5)
    for _ in range(300):
        text = "".join(chance.choice([*(RASPBIAN + STATIC), "\0", "\\\n", "\udcff"]) for _ in range(200))
        read(text)
