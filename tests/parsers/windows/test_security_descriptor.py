"""Security descriptors: those of real keys as SDDL, and damaged ones."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from parsers.place import ParseError, Place
from parsers.windows.security_descriptor import FULL_ACCESS, alias, file_rights, parse_security_descriptor

HERE = Place("SYSTEM", key="Select")
MSDN = bytes.fromhex(
    # [MS-DTYP] 2.5.1.4: "O:BAG:BAD:P(A;CIOI;GRGX;;;BU)(A;CIOI;GA;;;BA)(A;CIOI;GA;;;SY)(A;CIOI;GA;;;CO)"
    "01 00 04 90 00 00 00 00 00 00 00 00 00 00 00 00 14 00 00 00"
    "02 00 60 00 04 00 00 00"
    "00 03 18 00 00 00 00 A0 01 02 00 00 00 00 00 05 20 00 00 00 21 02 00 00"
    "00 03 18 00 00 00 00 10 01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00"
    "00 03 14 00 00 00 00 10 01 01 00 00 00 00 00 05 12 00 00 00"
    "00 03 14 00 00 00 00 10 01 01 00 00 00 00 00 03 00 00 00 00"
)


def test_the_documented_descriptor() -> None:
    """The bytes that [MS-DTYP] gives for its text; the owner and group of the text are not in the bytes."""
    descriptor = parse_security_descriptor(MSDN, HERE)
    assert descriptor.sddl() == "D:P(A;OICI;GRGX;;;BU)(A;OICI;GA;;;BA)(A;OICI;GA;;;SY)(A;OICI;GA;;;CO)"
    assert descriptor.dacl is not None
    assert [ace.sid for ace in descriptor.dacl] == ["S-1-5-32-545", "S-1-5-32-544", "S-1-5-18", "S-1-3-0"]
    assert all(ace.allows for ace in descriptor.dacl)
    assert descriptor.owner is descriptor.group is None


def built(*aces: str, control: int = 0x8004) -> bytes:
    raw = [bytes.fromhex(ace) for ace in aces]
    size = 8 + sum(map(len, raw))
    head = bytes([1, 0]) + control.to_bytes(2, "little") + bytes(12) + (20).to_bytes(4, "little")
    return head + bytes([2, 0]) + size.to_bytes(2, "little") + len(raw).to_bytes(2, "little") + bytes(2) + b"".join(raw)


@pytest.mark.parametrize(
    ("ace", "text", "allows"),
    [
        ("00 00 14 00 3f000f00 01 01 000000000005 12000000", "(A;;KA;;;SY)", True),
        ("01 00 14 00 19000200 01 01 000000000001 00000000", "(D;;KR;;;WD)", False),
        ("00 0b 14 00 00000010 01 01 000000000003 00000000", "(A;OICIIO;GA;;;CO)", False),
        ("00 10 14 00 00000400 01 01 000000000005 0b000000", "(A;ID;WD;;;AU)", True),
        ("00 00 14 00 00000001 01 01 000000000005 0b000000", "(A;;0x1000000;;;AU)", True),
        (f"05 00 28 00 00010000 01000000 {'1f' * 16} 01 01 000000000005 0a000000", "(OA;;CR;;;PS)", True),
        ("63 00 14 00 01000000 01 01 000000000005 13000000", "(0x63;;CC;;;LS)", False),
        ("00 00 1c 00 01000000 01 03 000000000005 15000000 01000000 f4010000", "(A;;CC;;;S-1-5-21-1-500)", True),
        ("00 00 14 00 01000000 01 01 0123456789ab 01000000", "(A;;CC;;;S-1-0x123456789ab-1)", True),
    ],
)  # fmt: skip
def test_entries(ace: str, text: str, allows: bool) -> None:
    descriptor = parse_security_descriptor(built(ace), HERE)
    assert descriptor.sddl() == f"D:{text}"
    assert descriptor.dacl is not None
    assert descriptor.dacl[0].allows is allows


def test_no_dacl_is_not_an_empty_one() -> None:
    nothing = bytes([1, 0, 4, 0x80]) + bytes(16)
    assert parse_security_descriptor(nothing, HERE).dacl is None
    assert parse_security_descriptor(nothing, HERE).sddl() == "D:NO_ACCESS_CONTROL"
    assert parse_security_descriptor(built(), HERE).dacl == ()
    assert parse_security_descriptor(built(control=0x8010), HERE).has_sacl


def test_aliases_are_of_sids_that_are_the_same_everywhere() -> None:
    assert alias("S-1-5-18") == "SY"
    assert alias("S-1-5-21-1-2-3-500") == "S-1-5-21-1-2-3-500"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\1", "20 bytes wanted"),
        (bytes(20), "revision 1"),
        (MSDN[:40], "an ACL of 96 bytes wanted"),
        (MSDN[:21], "an ACL wanted"),
        (MSDN[:24] + b"\xff\xff" + MSDN[26:], "65535 entries"),
        (MSDN[:4] + b"\xff\0\0\0" + MSDN[8:], "a SID wanted"),
        (MSDN[:37] + b"\x10" + MSDN[38:], "with 16 parts"),
    ],
)
def test_what_is_broken_is_said(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_security_descriptor(data, HERE)


def test_damage_raises_nothing_else() -> None:
    dice = random.Random(1)
    for _ in range(3000):
        data = bytearray(MSDN)
        for _ in range(dice.randrange(1, 4)):
            data[dice.randrange(len(data))] = dice.choice((0, 1, 255, dice.randrange(256)))
        with suppress(ParseError):
            parse_security_descriptor(bytes(data[: dice.randrange(len(data) + 1)]), HERE).sddl()


SY, BA, WD = "01 01 000000000005 12000000", "01 02 000000000005 20000000 20020000", "01 01 000000000001 00000000"
ME = frozenset({"S-1-5-18", "S-1-5-32-544", "S-1-1-0"})


def entry(kind: int, mask: int, sid: str, flags: int = 0) -> str:
    who = bytes.fromhex(sid)
    head = bytes((kind, flags)) + (8 + len(who)).to_bytes(2, "little") + mask.to_bytes(4, "little")
    return (head + who).hex()


@pytest.mark.parametrize(
    ("entries", "rights"),
    [
        ([entry(0, FULL_ACCESS, SY)], FULL_ACCESS),
        ([entry(0, 0x10000000, SY)], FULL_ACCESS),
        ([entry(0, 0x80000000, SY), entry(0, 0x20000000, WD)], 0x1200A9),
        ([entry(0, 0x40000000, BA)], 0x120116),
        ([entry(0, FULL_ACCESS, SY, 0x0B)], 0),
        ([entry(1, 0x116, WD), entry(0, FULL_ACCESS, SY)], FULL_ACCESS & ~0x116),
        ([entry(0, FULL_ACCESS, SY), entry(1, FULL_ACCESS, WD)], FULL_ACCESS),
        ([entry(9, FULL_ACCESS, SY)], 0),
        ([entry(10, 1, SY), entry(0, 3, SY)], 2),
        ([], 0),
    ],
    ids=["all", "generic", "added up", "of a group", "inherited by others", "denied", "denied later", "conditional",
         "denied on a condition", "nothing"],
)  # fmt: skip
def test_rights_to_a_file(entries: list[str], rights: int) -> None:
    assert file_rights(parse_security_descriptor(built(*entries), HERE), ME) == rights


def test_who_has_all_rights_without_entries_of_their_own() -> None:
    assert file_rights(parse_security_descriptor(built(control=0x8000), HERE), ME) == FULL_ACCESS
    assert file_rights(parse_security_descriptor(built(entry(0, FULL_ACCESS, WD)), HERE), {"S-1-5-18"}) == 0
