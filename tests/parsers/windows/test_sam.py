"""Local accounts: those of three real machines, and built ones with each kind of damage."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import open_hive
from parsers.windows.sam import ADMINISTRATOR, GUEST, Sam, parse_sam
from tests.parsers.windows.registry.building import Builder, Node
from tests.parsers.windows.registry.dumped import known, opened

SID = bytes.fromhex("010400000000000515000000") + struct.pack("<III", 1, 2, 3)
NO_HASH_RC4, HASH_RC4 = struct.pack("<HH", 1, 1), struct.pack("<HH", 1, 1) + bytes(16)
NO_HASH_AES, HASH_AES = struct.pack("<HHI", 1, 2, 0) + bytes(16), struct.pack("<HHI", 1, 2, 16) + bytes(48)


def variable(name: str, full_name: str = "", comment: str = "", nt_hash: bytes = HASH_AES) -> bytes:
    fields = [b""] * 17
    fields[0] = bytes(20)
    fields[1:4] = [text.encode("utf-16-le") for text in (name, full_name, comment)]
    fields[14] = nt_hash
    table, data = b"", b""
    for field in fields:
        table += struct.pack("<III", len(data), len(field), 0)
        data += field.ljust(-(-len(field) // 4) * 4, b"\0")
    return table + data


def fixed(rid: int, flags: int = 0x10, password_set: int = 7) -> bytes:
    return struct.pack("<8xQ8xQQQIII", 5, password_set, 0, 0, rid, 513, flags).ljust(80, b"\0")


def account(rid: int, v: bytes, flags: int = 0x10) -> Node:
    return Node(values=[("F", 3, fixed(rid, flags)), ("V", 3, v)])


def machine(users: dict[str, Node], members: bytes = SID + SID, count: int = 2, domain: bytes = bytes(40) + SID) -> Sam:
    group = bytes(40) + struct.pack("<III", 4, len(members), count) + bytes(4) + members
    aliases = Node({"00000220": Node(values=[("C", 3, group)])})
    account_key = Node({"Users": Node(users)}, [("V", 3, domain)])
    domains = Node({"Account": account_key, "Builtin": Node({"Aliases": aliases})})
    hive = Builder().build(Node({"SAM": Node({"Domains": domains})}))
    return parse_sam(open_hive(Memory(hive, "SAM")))


def test_accounts_and_what_is_known_of_them() -> None:
    sam = machine(
        {
            "000003E8": account(1000, variable("Jörg", "Jörg Müller", "who\nknows"), 0x214),
            "000001F4": account(500, variable("Administrator", nt_hash=NO_HASH_AES), 0x11),
            "Names": Node({"Jörg": Node()}),
        }
    )
    first, second = sam.accounts
    assert (first.rid, first.name, first.is_disabled, first.has_password) == (500, "Administrator", True, False)
    assert (second.name, second.full_name, second.comment) == ("Jörg", "Jörg Müller", "who\nknows")
    assert (second.is_disabled, second.has_password, second.flags) == (False, True, 0x214)
    assert (second.last_logon, second.password_set, second.expires) == (5, 7, 0)
    assert str(second.place) == r"SAM SAM\Domains\Account\Users\000003E8"
    assert sam.machine_sid == "S-1-5-21-1-2-3"
    assert sam.administrators == ("S-1-5-21-1-2-3", "S-1-5-21-1-2-3")
    assert sam.problems == ()


@pytest.mark.parametrize(
    ("field", "has"),
    [
        (b"", False), (NO_HASH_RC4, False), (HASH_RC4, True), (NO_HASH_AES, False), (HASH_AES, True),
        (b"\1", None), (struct.pack("<HH", 1, 3) + bytes(60), None),
    ],
)  # fmt: skip
def test_whether_there_is_a_password_shows_in_the_length(field: bytes, has: bool | None) -> None:
    (found,) = machine({"000001F4": account(500, variable("A", nt_hash=field))}).accounts
    assert found.has_password is has


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Node(values=[("F", 3, fixed(501))]), "the value V of the account wanted"),
        (Node(values=[("V", 3, variable("x"))]), "the value F of the account wanted"),
        (Node(values=[("F", 3, bytes(10)), ("V", 3, variable("x"))]), "60 bytes wanted, 10 found"),
        (account(502, variable("x")), "account 000001F5 wanted, 000001f6 found"),
        (account(501, bytes(100)), "a table of 204 bytes wanted"),
        (account(501, variable("x")[:16] + b"\xff\xff\xff\xff" + variable("x")[20:]), "field 1 within"),
    ],
)
def test_an_account_that_is_broken_does_not_hide_the_others(node: Node, message: str) -> None:
    sam = machine({"000001F4": account(500, variable("Administrator")), "000001F5": node})
    assert [found.name for found in sam.accounts] == ["Administrator"]
    assert [problem for problem in sam.problems if message in problem.message]


@pytest.mark.parametrize(
    ("sam", "message"),
    [
        (lambda: machine({}, domain=bytes(10)), "the SID of the machine in 24 bytes wanted"),
        (lambda: machine({}, domain=bytes(40)), "a SID wanted"),
        (lambda: machine({}, members=SID[:-1]), "a SID wanted"),
        (lambda: machine({}, members=bytes(24)), "a SID wanted"),
    ],
)
def test_a_broken_sid_is_said(sam: object, message: str) -> None:
    assert callable(sam)
    assert [problem for problem in sam().problems if message in problem.message]


def test_a_hive_without_accounts_is_an_error() -> None:
    for root in (Node(), Node({"SAM": Node({"Domains": Node({"Account": Node()})})})):
        with pytest.raises(ParseError, match="the key of the accounts wanted"):
            parse_sam(open_hive(Memory(Builder().build(root), "SYSTEM")))


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "sid", "flags", "with_password"),
    [
        ("hv-pl-regf_SAM", "S-1-5-21-4070822719-3404542230-2541167049", {500: 529, 501: 533, 1001: 532}, {500, 1001}),
        ("hv-rp-SAM", "S-1-5-21-1760460187-1592185332-161725925", {500: 529, 501: 533, 1000: 16}, {500, 1000}),
        ("hv-vr-SAM", "S-1-5-21-3442094626-3791537600-2028639842",
         {500: 529, 501: 533, 503: 533, 504: 17, 1001: 532}, {504, 1001}),
    ],
)  # fmt: skip
def test_accounts_of_real_machines(name: str, sid: str, flags: dict[int, int], with_password: set[int]) -> None:
    """SIDs and flags as regipy's plugins gave them (6.5.0, samparse and local_sid); the hive says the names again.

    Each account has a key of its name, whose default value has the RID for its type.
    """
    hive = opened("known", known(name))
    sam = parse_sam(hive)
    names = hive.key(r"SAM\Domains\Account\Users\Names")
    assert names is not None
    again = {key.name: value.type for key in names.subkeys() if (value := key.value(""))}
    assert {account.name: account.rid for account in sam.accounts} == again
    assert sam.problems == ()
    assert sam.machine_sid == sid
    assert {account.rid: account.flags for account in sam.accounts} == flags
    assert {account.rid for account in sam.accounts if account.has_password} == with_password
    assert all(bool(account.password_set) == bool(account.has_password) for account in sam.accounts)
    assert all(member.startswith("S-1-5-21-") for member in sam.administrators)
    assert f"{sid}-{ADMINISTRATOR}" in sam.administrators
    guest = next(account for account in sam.accounts if account.rid == GUEST)
    assert guest.is_disabled
    assert guest.comment.startswith("Built-in account for guest access")


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["hv-pl-regf_SAM", "hv-rp-SAM", "hv-vr-SAM"])
def test_damage_raises_nothing_else(name: str) -> None:
    source = opened("known", known(name))._source
    raw = source.read_at(0, min(source.size, 49152))
    for seed in range(100):
        dice = random.Random(seed)
        data = bytearray(raw)
        for _ in range(dice.randrange(1, 20)):
            data[dice.randrange(4096, len(data))] = dice.choice((0, 255, dice.randrange(256)))
        with suppress(ParseError):
            parse_sam(open_hive(Memory(bytes(data))))
