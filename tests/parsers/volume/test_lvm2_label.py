from __future__ import annotations

import random

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.lvm2_label import lvm_crc, parse_physical_volume, sequence, spell_uuid
from tests.parsers.volume import building
from tests.parsers.volume.building import MIB, group_text, linear, physical_volume, pv_uuid

TEXT = group_text(linear("root", 0))


def test_the_checksum() -> None:
    assert lvm_crc(b"") == 0xF597A6CF
    assert lvm_crc(bytes(range(256))) == building.lvm_crc(bytes(range(256)))


@pytest.mark.parametrize("label", [0, 1, 2, 3])
def test_a_label_may_stand_in_any_of_the_first_sectors(label: int) -> None:
    found = parse_physical_volume(Memory(physical_volume(TEXT, label=label)))
    assert (found.uuid, found.size, found.problems) == (pv_uuid(0), 9 * MIB, ())
    assert sequence(found.metadata[0]) == 1


def test_a_text_that_passes_the_end_of_the_ring_goes_on_behind_the_header() -> None:
    for at in (65535, 65000, 65536 - len(TEXT)):
        found = parse_physical_volume(Memory(physical_volume(TEXT, at=at)))
        assert found.problems == ()
        assert len(found.metadata) == 1


def test_damage_is_found_by_the_checksums() -> None:
    raw = bytearray(physical_volume(TEXT))
    raw[4096 + 600] ^= 1
    found = parse_physical_volume(Memory(bytes(raw), "sda2"))
    assert found.metadata == ()
    assert "of the text wanted" in found.problems[0].message
    raw[4096 + 30] ^= 1
    assert "checksum" in parse_physical_volume(Memory(bytes(raw))).problems[0].message
    raw[4096 + 5] ^= 1
    assert "header of a metadata area" in parse_physical_volume(Memory(bytes(raw))).problems[0].message
    raw[600] ^= 1
    with pytest.raises(ParseError, match="label"):
        parse_physical_volume(Memory(bytes(raw)))


def test_a_uuid_is_spelled_with_its_dashes() -> None:
    assert spell_uuid("Vynv4kAPH8xQERHSBb8VJ3SvFFPB5O1U") == "Vynv4k-APH8-xQER-HSBb-8VJ3-SvFF-PB5O1U"


def test_mutations_with_good_checksums_raise_nothing_else() -> None:
    whole = physical_volume(TEXT)
    dice = random.Random(4)
    for _ in range(300):
        raw = bytearray(whole[: dice.choice([len(whole), dice.randrange(len(whole)), 1024, 4096])])
        for _ in range(dice.randrange(1, 4)):
            spot = dice.choice([544 + dice.randrange(120), 4100 + dice.randrange(60)])
            if spot < len(raw):
                raw[spot] = dice.randrange(256)
        if len(raw) >= 4608:
            raw[528:532] = building.lvm_crc(bytes(raw[532:1024])).to_bytes(4, "little")
            raw[4096:4100] = building.lvm_crc(bytes(raw[4100:4608])).to_bytes(4, "little")
        try:
            parse_physical_volume(Memory(bytes(raw)))
        except ParseError:
            continue
