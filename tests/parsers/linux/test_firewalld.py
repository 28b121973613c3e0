"""firewalld's files: by hand, and against the standard library's reader of XML."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET  # our own text

from parsers.linux.firewalld import parse_firewalld_conf, parse_firewalld_zone
from parsers.place import Place

PUBLIC = """<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <description>For use in public areas. You do not trust the other computers.</description>
  <service name="ssh"/>
  <service name='dhcpv6-client'/>
  <!-- <service name="http"/> -->
  <port port="8000-8010" protocol="tcp"/>
  <rule family="ipv4"><source address="10.0.0.0/8"/><service name="ftp"/><accept/></rule>
  <forward/>
</zone>
"""


def test_a_zone_lets_in_services_and_ports() -> None:
    zone = parse_firewalld_zone(PUBLIC, "/x.xml")
    assert (zone.target, zone.services, zone.ports, zone.narrow, zone.problems) == (
        "default", ("ssh", "dhcpv6-client"), ("8000-8010/tcp",), False, (),
    )  # fmt: skip
    assert [zone.lets_in("ssh", 22), zone.lets_in("x", 8005), zone.lets_in("ftp", 21)] == [True, True, False]
    assert parse_firewalld_zone('<zone target="ACCEPT">\n<source address="::/0"/></zone>', "/x").lets_in("ssh", 22)
    assert parse_firewalld_zone('<zone target="DROP"><interface name="eth0"/></zone>', "/x").narrow


def test_what_is_no_zone_is_a_problem() -> None:
    for text in ("", "zone", '<!DOCTYPE z [<!ENTITY a "b">]><zone/>', "<!-- <zone/> "):
        assert parse_firewalld_zone(text, "/x").problems


def test_the_default_zone_is_the_last_that_is_set() -> None:
    assert (parse_firewalld_conf("# DefaultZone=drop\n").default_zone, parse_firewalld_conf("").place) == (
        "public",
        None,
    )
    conf = parse_firewalld_conf("DefaultZone=public\nLockdown=no\n DefaultZone = drop \n", "/c")
    assert (conf.default_zone, conf.place) == ("drop", Place("/c", 3))


def test_zones_are_read_as_by_a_reader_of_xml() -> None:
    chance = random.Random(12)
    pieces = ['<service name="ssh"/>', "<service name='http' />", '<port protocol="tcp" port="22"/>', "<forward/>",
              '<!-- <service name="no"/> -->', "<rule><service name=\"ftp\"/></rule>", "<masquerade/>",
              '<interface name="eth0"/>', '<service\n name="dns"></service>']  # fmt: skip
    for _ in range(200):
        head = chance.choice(["<zone>", '<zone target="DROP">'])
        text = f"{head}{''.join(chance.choices(pieces, k=6))}</zone>"
        root = ET.fromstring(text)  # noqa: S314 - our own text
        zone = parse_firewalld_zone(text, "/x")
        assert zone.services == tuple(item.get("name") for item in root.findall("service"))
        assert zone.ports == tuple(f"{item.get('port')}/{item.get('protocol')}" for item in root.findall("port"))
        assert zone.target == root.get("target", "default")
        assert zone.narrow is (root.find("interface") is not None)


def test_long_texts_end() -> None:
    for piece in ("<service ", "<!--", "<rule>", '<port port="', "<zone a=", "=", "<"):
        parse_firewalld_zone(piece * 100_000, "/x")
        parse_firewalld_conf(piece * 100_000)
