from __future__ import annotations

import random
from typing import Any

import pytest

from parsers.place import ParseError
from parsers.source import Memory, Source, Window
from parsers.volume.mdraid import assemble, open_mdraid
from tests.corpus import corpus
from tests.oracles import needs
from tests.parsers.volume import appliance
from tests.parsers.volume.building import md_member
from tests.parsers.volume.file_source import FileSource, sha256

REDUNDANT = {"raid1", "raid4", "raid5", "raid6", "raid10"}


def member(role: int, legs: int, level: int, **fields: Any) -> Memory:
    return Memory(md_member(role, legs, level, name=b"host:7", **fields), f"sd{'abcdef'[role]}")


def test_a_mirror_reads_one_leg_and_names_the_missing() -> None:
    both = [member(0, 2, 1), member(1, 2, 1)]
    whole = assemble(both)
    assert (whole.name, whole.level, whole.label, whole.missing) == ("md7", "raid1", "host:7", 0)
    assert whole.read_at(0, 64) == both[0].read_at(8192, 64)
    half = assemble(both[1:])
    assert half.read_at(0, 64) == both[1].read_at(8192, 64)
    assert [problem.message for problem in half.problems] == ["2 members of md7 wanted, 0 missing"]


def test_a_member_that_fell_behind_is_left_out() -> None:
    stale = assemble([member(0, 2, 1, events=8), member(1, 2, 1)])
    assert stale.members == ("sdb",)
    assert "event count 10 wanted, 8 found" in stale.problems[0].message
    assert assemble([member(0, 2, 1, events=9), member(1, 2, 1)]).members == ("sda", "sdb")


def test_a_member_that_is_being_rebuilt_is_left_out() -> None:
    array = assemble([member(0, 2, 1, features=2, recovery=16), member(1, 2, 1)])
    assert array.members == ("sdb",)
    assert "rebuilt up to byte 8192" in array.problems[0].message


def test_members_of_an_array_that_lacks_others_are_told_from_those_that_cannot_be_read() -> None:
    assert open_mdraid([member(0, 3, 0), member(2, 3, 0)]).short == ("sda", "sdc")
    assert open_mdraid([member(0, 2, 0, events=3), member(1, 2, 0)]).short == ("sda", "sdb")
    assert open_mdraid([member(role, 2, 0, features=4) for role in range(2)]).short == ()
    assert open_mdraid([member(0, 2, 1)]).short == ()


def test_a_stripe_needs_every_member() -> None:
    legs = [member(role, 3, 0) for role in range(3)]
    assert assemble(legs).size == 3 * 65536
    with pytest.raises(ParseError, match="all 3 members wanted, 1 missing"):
        assemble([legs[0], legs[2]])


@pytest.mark.parametrize(("level", "layout", "chunk"), [(0, 2, 512), (5, 2, 2048), (5, 2, 12288), (10, 0x102, 0)])
def test_chunks_are_at_least_a_page_and_those_of_mirrors_and_parity_a_power_of_two(
    level: int, layout: int, chunk: int
) -> None:
    with pytest.raises(ParseError, match=f"chunks of a power of two from 4096 bytes wanted, {chunk} bytes"):
        assemble([member(role, 4, level, layout=layout, chunk=chunk) for role in range(4)])
    assert assemble([member(role, 4, 0, layout=2, chunk=12288, size=12288 * 5) for role in range(4)]).size == 12288 * 20


def test_parity_of_an_array_in_use_is_not_trusted() -> None:
    legs = [member(role, 3, 5, layout=2, resync=0) for role in range(3)]
    assert any("in use" in problem.message for problem in assemble(legs).problems)
    with pytest.raises(ParseError, match="parity may be stale"):
        assemble(legs[:2])


def test_what_cannot_be_assembled_is_named_with_its_members() -> None:
    found = open_mdraid([member(0, 2, 1, features=4), Memory(bytes(1 << 20), "sdx"), member(0, 3, 77)])
    assert found.arrays == ()
    assert set(found.unread) == {"sda", "sdx"}
    assert len(found.problems) == 2
    with pytest.raises(ParseError, match="reshape"):
        assemble([member(0, 2, 1, features=4)])
    with pytest.raises(ParseError, match="level 77"):
        assemble([member(0, 2, 77)])
    with pytest.raises(ParseError, match="none found"):
        assemble([])
    with pytest.raises(ParseError, match="one member as leg 0"):
        assemble([member(0, 2, 1), member(0, 2, 1)])


def test_damage_raises_nothing_else() -> None:
    wholes = [(level, md_member(0, 2, level, layout=0x102 if level == 10 else 2)) for level in (-1, 0, 1, 4, 5, 10)]
    dice = random.Random(8)
    for _ in range(300):
        level, whole = dice.choice(wholes)
        raw = bytearray(whole)
        # damage behind the checksum's back: the sum is made good by what follows
        at = 4096 + dice.choice((72, 76, 80, 88, 92, 128, 136, 152, 160, 200, 208))
        change = dice.randrange(1, 1 << 16)
        value = int.from_bytes(raw[at : at + 4], "little") ^ change
        delta = value - int.from_bytes(raw[at : at + 4], "little")
        raw[at : at + 4] = value.to_bytes(4, "little")
        total = int.from_bytes(raw[4312:4316], "little") + delta
        raw[4312:4316] = ((total & 0xFFFFFFFF) + (total >> 32) & 0xFFFFFFFF).to_bytes(4, "little")
        try:
            array = assemble([Memory(bytes(raw), "a"), Memory(md_member(1, 2, level), "b")])
            array.read_at(0, min(array.size, 4096))
        except ParseError:
            continue


@pytest.mark.corpus
def test_the_known_member_is_a_stripe_of_one() -> None:
    found = open_mdraid([FileSource(corpus("known/images/ul/ul-fs-mdraid-1.raw.xz"), "sda")])
    (array,) = found.arrays
    assert (array.name, array.level, array.size) == ("md0", "raid0", 8 << 20)


@pytest.mark.soak  # minutes in an appliance under software emulation
@pytest.mark.timeout(1800)
@needs("guestfish")
def test_every_array_reads_as_the_kernel_reads_it() -> None:
    told = appliance.lines("md", "MD")
    assert len(told) == 41
    assert appliance.lines("md", "FAIL") == []
    for name, size, digest, *slots in told:
        members = _members(slots)
        array = assemble(members)
        assert (name, array.size, sha256(array)) == (name, int(size), digest)
        assert array.members == tuple(item.name for item in members) or name == "stale"
        if array.level in REDUNDANT and name != "stale":
            for gone in range(len(members)):
                degraded = assemble(members[:gone] + members[gone + 1 :])
                assert (name, gone, sha256(degraded, 4 << 20)) == (name, gone, digest)


@pytest.mark.slow
@needs("guestfish")
def test_a_sample_of_arrays_reads_as_the_kernel_reads_it() -> None:
    told = appliance.lines("sample", "MD")
    assert appliance.lines("sample", "FAIL") == []
    assert len(told) == 5
    for name, size, digest, *slots in told:
        array = assemble(_members(slots, "sample"))
        assert (name, array.size, sha256(array)) == (name, int(size), digest)
        assert array.missing == (name == "stale")


@pytest.mark.soak  # minutes in an appliance under software emulation
@pytest.mark.timeout(1800)
@needs("guestfish")
def test_levels_and_uuids_are_those_that_mdadm_tells() -> None:
    details: dict[str, dict[str, str]] = {}
    for name, pair in appliance.lines("md", "DETAIL"):
        key, _, value = pair.partition("=")
        details.setdefault(name, {})[key] = value
    for name, _, _, *slots in appliance.lines("md", "MD"):
        array, told = assemble(_members(slots)), details[name]
        assert (array.level, str(array.legs)) == (told["MD_LEVEL"], told["MD_DEVICES"])
        assert array.version == told["MD_METADATA"]
        assert array.label == told.get("MD_NAME")
        if array.version != "0.90":
            assert array.uuid.replace("-", "") == told["MD_UUID"].replace(":", "")


@pytest.mark.soak  # minutes in an appliance under software emulation
@pytest.mark.timeout(1800)
@needs("guestfish")
def test_many_arrays_on_many_members_are_told_apart() -> None:
    told = appliance.lines("md", "MD")
    members = [item for line in told for item in _members(line[3:])]
    random.Random(1).shuffle(members)
    found = open_mdraid(members)
    assert found.unread == {}
    assert {(array.size, array.level) for array in found.arrays} >= {(int(line[1]), "raid1") for line in told[5:9]}
    assert len(found.arrays) == len(told)
    assert len({array.name for array in found.arrays}) == len(told)
    assert sum("fell behind" in problem.message for problem in found.problems) == 1


def _members(slots: list[str], kind: str = "md") -> list[Source]:
    disk = appliance.disk(kind, "m")
    pairs = [tuple(map(int, slot.split(":"))) for slot in slots]
    return [Window(disk, number * appliance.SLOT, sectors * 512, f"m{number}") for number, sectors in pairs]
