"""The SID and the administrators of three real machines, and broken ones."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import Hive, open_hive
from parsers.windows.sam_domain import parse_administrators, parse_machine_sid
from tests.parsers.windows.registry.building import Builder, Node
from tests.parsers.windows.registry.dumped import known, opened

SID = bytes.fromhex("010400000000000515000000") + struct.pack("<III", 1, 2, 3)


def machine(members: bytes = SID + SID, count: int = 2, domain: bytes = bytes(40) + SID) -> Hive:
    group = bytes(40) + struct.pack("<III", 4, len(members), count) + bytes(4) + members
    aliases = Node({"00000220": Node(values=[("C", 3, group)])})
    domains = Node({"Account": Node(values=[("V", 3, domain)]), "Builtin": Node({"Aliases": aliases})})
    return open_hive(Memory(Builder().build(Node({"SAM": Node({"Domains": domains})})), "SAM"))


def test_a_machine_and_its_administrators() -> None:
    assert parse_machine_sid(machine()) == "S-1-5-21-1-2-3"
    assert parse_administrators(machine()) == ("S-1-5-21-1-2-3", "S-1-5-21-1-2-3")
    assert parse_administrators(machine(b"", 0)) == ()


@pytest.mark.parametrize(
    ("read", "hive", "message"),
    [
        (parse_machine_sid, lambda: machine(domain=bytes(10)), "the SID of the machine in 24 bytes wanted"),
        (parse_machine_sid, lambda: machine(domain=bytes(40)), "a SID wanted"),
        (parse_administrators, lambda: machine(SID[:-1]), "a SID wanted"),
        (parse_administrators, lambda: machine(SID, 2), "a SID wanted"),
        (parse_administrators, lambda: machine(SID, 0xFFFFFFFF), "a SID wanted"),
        (parse_machine_sid, lambda: open_hive(Memory(Builder().build(Node()))), "a value wanted"),
        (parse_administrators, lambda: open_hive(Memory(Builder().build(Node()))), "a value wanted"),
    ],
)
def test_what_is_broken_is_said(read: Callable[[Hive], object], hive: Callable[[], Hive], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(hive())


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "sid", "others"),
    [
        ("hv-pl-regf_SAM", "S-1-5-21-4070822719-3404542230-2541167049",
         {"{sid}-1001", "S-1-5-21-226059406-2984137831-1201299043-512"}),
        ("hv-rp-SAM", "S-1-5-21-1760460187-1592185332-161725925", {"{sid}-1000"}),
        ("hv-vr-SAM", "S-1-5-21-3442094626-3791537600-2028639842", {"{sid}-1001"}),
    ],
)  # fmt: skip
def test_real_machines(name: str, sid: str, others: set[str]) -> None:
    """The SIDs are those that regipy gives (6.5.0, its plugin local_sid); the hive lists members a second time."""
    hive = opened("known", known(name))
    members = parse_administrators(hive)
    assert parse_machine_sid(hive) == sid
    assert set(members) == {f"{sid}-500"} | {other.format(sid=sid) for other in others}
    again = hive.key(r"SAM\Domains\Builtin\Aliases\Members")
    assert again is not None
    listed = {f"{key.name}-{int(rid.name, 16)}" for key in again.subkeys() for rid in key.subkeys()}
    assert set(members) <= listed
