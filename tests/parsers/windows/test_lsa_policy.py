r"""The rights, the domain and the secrets of a real machine, and broken ones.

Its rights are those that Microsoft lists as the defaults of Windows 10 ("Allow log on through Remote Desktop Services",
"Deny access to this computer from the network"); the bytes are those that hivex reads.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.lsa_policy import REMOTE, parse_log_on_rights, parse_primary_domain, secret
from parsers.windows.registry import Hive, open_hive
from tests.parsers.windows.registry.building import Builder, Node
from tests.parsers.windows.registry.dumped import known, opened

SECRETS = ("DefaultPassword", "DPAPI_SYSTEM", "NL$KM")
SID = bytes.fromhex("010400000000000515000000") + struct.pack("<III", 1, 2, 3)
NAME = struct.pack("<HHI", 8, 10, 8) + "CORP\0".encode("utf-16-le")


def plain(data: bytes) -> Node:
    return Node(values=[("", 0, data)])


def machine(name: bytes = NAME, sid: bytes = SID, mask: bytes = b"\0\4\0\0", kept: bytes = b"x") -> Hive:
    policy = {
        "PolPrDmN": plain(name),
        "PolPrDmS": plain(sid),
        "Accounts": Node({"S-1-5-32-544": Node({"ActSysAc": plain(mask)}), "S-1-5-6": Node({"Privilgs": plain(b"")})}),
        "Secrets": Node({"DefaultPassword": Node({"CurrVal": plain(kept)})}),
    }
    return open_hive(Memory(Builder().build(Node({"Policy": Node(policy)})), "SECURITY"))


def empty() -> Hive:
    return open_hive(Memory(Builder().build(Node()), "SECURITY"))


def test_a_member_of_a_domain() -> None:
    domain = parse_primary_domain(machine())
    assert (domain.name, domain.sid, domain.place.key) == ("CORP", "S-1-5-21-1-2-3", r"Policy\PolPrDmS")
    assert parse_primary_domain(machine(sid=b"")).sid is None
    assert parse_primary_domain(machine(name=b"", sid=b"")).name == ""


def test_rights_and_secrets() -> None:
    (rights,) = parse_log_on_rights(machine())
    assert (rights.sid, rights.rights) == ("S-1-5-32-544", REMOTE)
    found = secret(machine(), "DefaultPassword")
    assert found is not None
    assert (found.place.key, found.is_filled) == (r"Policy\Secrets\DefaultPassword\CurrVal", False)
    assert secret(machine(), "NL$KM") is None
    assert secret(machine(kept=b""), "DefaultPassword") is None
    assert secret(empty(), "DefaultPassword") is None


@pytest.mark.parametrize(
    ("read", "hive", "message"),
    [
        (parse_primary_domain, empty, "a value wanted, none found"),
        (parse_primary_domain, lambda: machine(sid=SID[:9]), "a SID wanted"),
        (parse_primary_domain, lambda: machine(name=NAME[:-8]), "a text within 10 bytes wanted, 8 bytes at 8 found"),
        (parse_primary_domain, lambda: machine(name=b"\0" * 5), "a text within 5 bytes wanted"),
        (parse_primary_domain, lambda: machine(name=b"\xff" * 8), "a text within 8 bytes wanted"),
        (parse_log_on_rights, empty, "the rights of accounts wanted"),
        (parse_log_on_rights, lambda: machine(mask=b"\0\4"), "a mask of 4 bytes wanted, 2 found"),
    ],
)
def test_what_is_broken_is_said(read: Callable[[Hive], object], hive: Callable[[], Hive], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(hive())


@pytest.mark.corpus
def test_a_real_machine() -> None:
    hive = opened("known", known("hv-rp-SECURITY"))
    domain = parse_primary_domain(hive)
    assert (domain.name, domain.sid) == ("WORKGROUP", None)
    assert {item.sid: item.rights for item in parse_log_on_rights(hive)} == {
        "S-1-1-0": 0x2,  # everyone: over the network
        "S-1-5-21-1786693902-1815088602-2777321892-501": 0xC1,  # the guest: denied the console and the network
        "S-1-5-32-544": 0x407,  # administrators: the console, the network, jobs, Remote Desktop
        "S-1-5-32-545": 0x3,
        "S-1-5-32-551": 0x7,
        "S-1-5-32-555": 0x400,  # users of Remote Desktop
        "S-1-5-32-559": 0x4,
        "S-1-5-80-0": 0x10,  # all services: as a service
        "S-1-5-90-0": 0,
    }
    filled = {name: found.is_filled for name in SECRETS if (found := secret(hive, name))}
    assert filled == {"DefaultPassword": False, "DPAPI_SYSTEM": True, "NL$KM": True}
    assert secret(hive, "_SC_Backup") is None


def test_damage_ends_in_findings() -> None:
    """A hive with up to forty bytes changed by chance: what is read, or one ParseError."""
    good = Builder().build(
        Node(
            {
                "Policy": Node(
                    {
                        "PolPrDmN": plain(NAME),
                        "PolPrDmS": plain(SID),
                        "Accounts": Node({f"S-1-5-{n}": Node({"ActSysAc": plain(b"\1\2\0\0")}) for n in range(40)}),
                        "Secrets": Node({"DefaultPassword": Node({"CurrVal": plain(b"x" * 92)})}),
                    }
                )
            }
        )
    )
    chance = random.Random(5)
    read = 0
    for _ in range(400):
        content = bytearray(good)
        for _ in range(chance.choice((1, 2, 8, 40))):
            content[chance.randrange(4096 + 32, len(content))] = chance.randrange(256)
        for ask in (parse_primary_domain, parse_log_on_rights, lambda hive: secret(hive, "DefaultPassword")):
            try:
                ask(open_hive(Memory(bytes(content), "SECURITY")))
                read += 1
            except ParseError:
                continue
    assert 400 < read < 1200
