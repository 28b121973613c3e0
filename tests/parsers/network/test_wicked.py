"""wicked's XML: the examples of its manual, and what a hostile document may do."""

from __future__ import annotations

import pytest

from parsers.network.interface import Kind, Method, Profile
from parsers.network.wicked import parse_wicked
from parsers.place import Place
from tests.parsers.damaged_text import damaged_texts

PATH = "/etc/wicked/ifconfig/eth0.xml"
TWO = """\
<?xml version="1.0"?>
<interface>
  <name>eth0</name>
  <control><mode>boot</mode></control>
  <firewall/>
  <ipv4:dhcp>
    <enabled>true</enabled>
  </ipv4:dhcp>
</interface>
<interface>
  <name>br0</name>
  <bridge><ports><port><device>eth1</device></port></ports></bridge>
  <control>
    <mode>hotplug</mode>
  </control>
  <ipv4:static>
    <address><local>192.168.1.2/24</local></address>
    <route><nexthop><gateway>192.168.1.1</gateway></nexthop></route>
  </ipv4:static>
</interface>
"""


def profiles(text: str) -> dict[str, Profile]:
    return {profile.name: profile for profile in parse_wicked(text, PATH).profiles}


def test_two_interfaces_of_one_file() -> None:
    found = profiles(TWO)
    eth0, bridge = found["eth0"], found["br0"]
    assert (eth0.ipv4, eth0.at_boot, eth0.kind, eth0.place) == (Method.DHCP, True, Kind.ETHERNET, Place(PATH, 8))
    assert (bridge.ipv4, bridge.kind, bridge.hotplug) == (Method.STATIC, Kind.BRIDGE, True)
    assert (bridge.addresses, bridge.gateway) == (("192.168.1.2/24",), "192.168.1.1")


@pytest.mark.parametrize(
    ("nodes", "method", "at_boot"),
    [
        ("<ipv4:dhcp/><control><mode>boot</mode></control>", Method.DHCP, True),
        ("<ipv4:dhcp/>", Method.DHCP, False),
        ("<ipv4:dhcp><enabled>false</enabled></ipv4:dhcp><control><mode>boot</mode></control>", Method.NONE, True),
        ("<ipv4:dhcp/><control><mode>manual</mode></control>", Method.DHCP, False),
        ("<ipv4:dhcp/><link><master>br0</master></link><control><mode>boot</mode></control>", Method.NONE, True),
    ],
)
def test_methods_and_modes(nodes: str, method: Method, at_boot: bool) -> None:
    profile = profiles(f"<interface><name>eth0</name>{nodes}</interface>")["eth0"]
    assert (profile.ipv4, profile.at_boot) == (method, at_boot)


@pytest.mark.parametrize(
    "text",
    [
        "<interface><name>eth0</name>",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><interface><name>&a;</name></interface>',
        "<interface/>",
        "<a>" * 100 + "</a>" * 100,
        "<interface>" + "<a/>" * 30_000 + "</interface>",
        "<policy><match/></policy>",
    ],
)
def test_what_cannot_be_read_is_a_problem(text: str) -> None:
    found = parse_wicked(text, PATH)
    assert (found.profiles, bool(found.problems)) == ((), True)


def test_damage_never_escapes() -> None:
    for damaged in damaged_texts(TWO, "<>&\0/\udcffx"):
        parse_wicked(damaged, PATH)
