"""ifupdown-ng: the examples of its interfaces(5), and what it takes over from ifupdown."""

from __future__ import annotations

import random

import pytest

from parsers.network.ifupdown_ng import parse_interfaces_ng
from parsers.network.interface import Configuration, Kind, Method, Profile
from parsers.place import Place

PATH = "/etc/network/interfaces"
MANUAL = """\
# the loopback
auto lo
iface lo
  use loopback

auto eth0
iface eth0
  use dhcp

auto bond0
iface bond0
  bond-members eth1 eth2
  address 203.0.113.2/24
  address 2001:db8::2/64
  gateway 203.0.113.1

template ports
  mtu 9000
iface eth1
  inherit ports
"""


def read(text: str, **files: str) -> Configuration:
    return parse_interfaces_ng(text, PATH, lambda pattern, _within: [(pattern, files[pattern])])


def profiles(text: str, **files: str) -> dict[str, Profile]:
    return {profile.name: profile for profile in read(text, **files).profiles}


def test_the_examples_of_the_manual() -> None:
    found = profiles(MANUAL)
    assert list(found) == ["lo", "eth0", "bond0", "eth1"]
    eth0, bond = found["eth0"], found["bond0"]
    assert (eth0.ipv4, eth0.at_boot, eth0.place) == (Method.DHCP, True, Place(PATH, 8))
    assert (found["lo"].kind, bond.kind, bond.ipv4, bond.gateway) == (
        Kind.LOOPBACK, Kind.BOND, Method.STATIC, "203.0.113.1",
    )  # fmt: skip
    assert bond.addresses == ("203.0.113.2/24",)
    assert (found["eth1"].ipv4, found["eth1"].at_boot) == (Method.NONE, False)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("auto eth0\niface eth0 inet dhcp\n", Method.DHCP),
        ("auto eth0\niface eth0 inet static\n\taddress 10.0.0.2/24\n", Method.STATIC),
        ("auto eth0\niface eth0 inet manual\n", Method.NONE),
        ("auto eth0\niface eth0 inet6 auto\niface eth0 inet dhcp\n", Method.DHCP),
        ("template d\n use dhcp\nauto eth0\niface eth0 inherits d\n", Method.DHCP),
        ("iface eth0\n auto\n use dhcp\n", Method.DHCP),
        ("auto eth*\niface eth0\n use dhcp # asks\n", Method.DHCP),
    ],
)
def test_methods(text: str, method: Method) -> None:
    eth0 = profiles(text)["eth0"]
    assert (eth0.ipv4, eth0.at_boot) == (method, True)


def test_other_files_are_read_once() -> None:
    found = profiles("source b\nauto eth0\n", b="source b\niface eth0\n  use dhcp\n")
    assert found["eth0"].place == Place("b", 3)


def test_a_mistake_hides_nothing() -> None:
    found = read("address 10.0.0.2/24\niface\niface eth0\n use dhcp\n")
    assert [problem.place.line for problem in found.problems] == [1, 2]
    assert found.profiles[0].ipv4 is Method.DHCP


def test_circles_end_and_any_text_is_read() -> None:
    assert profiles("iface a inherits b\niface b inherits a\n use dhcp\n")["a"].ipv4 is Method.DHCP
    chance = random.Random(7)
    for _ in range(300):
        parse_interfaces_ng("".join(chance.choice([*MANUAL, "iface ", "inherits ", "\0"]) for _ in range(200)), PATH)
