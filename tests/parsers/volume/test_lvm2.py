from __future__ import annotations

import random

import pytest

from inspector.image import open_image
from parsers.place import ParseError
from parsers.source import Memory, Source
from parsers.volume.lvm2 import VolumeGroups, open_lvm2
from tests.corpus import corpus
from tests.oracles import needs
from tests.parsers.volume import appliance
from tests.parsers.volume.building import MIB, group_text, linear, logical, lvm_crc, physical_volume, pv_id, segment
from tests.parsers.volume.file_source import FileSource, sha256

_UNREAD = {"vg0/oldsnap": "snapshot", "vg0/slow": "cache"}


def names(found: VolumeGroups) -> list[str]:
    return [volume.name for volume in found.volumes]


def test_a_group_of_two_with_metadata_on_one() -> None:
    text = group_text(linear("root", 1) + linear("data", 2, pv="pv1") + linear("sub", 3, visible=False), pvs=2)
    bare = bytearray(physical_volume("", 1))
    bare[4096:8192] = bytes(4096)
    found = open_lvm2([Memory(physical_volume(text), "sda1"), Memory(bytes(bare), "sdb1")])
    assert names(found) == ["vg/root", "vg/data"]
    assert [volume.type for volume in found.volumes] == ["linear", "linear"]
    root, data = (volume.source for volume in found.volumes)
    assert root is not None
    assert data is not None
    assert (root.read_at(0, 1), data.read_at(0, 1)) == (b"\x01", b"\x12")
    assert found.groups[0].members == ("sda1", "sdb1")


def test_a_missing_member_is_a_problem_and_who_does_without_it_opens() -> None:
    text = group_text(linear("root", 1) + linear("data", 2, pv="pv1"), pvs=2)
    found = open_lvm2([Memory(physical_volume(text), "sda1")])
    root, data = found.volumes
    assert root.source is not None
    assert data.source is None
    assert "/dev/sd1" in (data.reason or "")
    assert found.groups[0].missing == ("/dev/sd1",)
    assert ["not found" in problem.message for problem in found.problems] == [True]


def test_the_newest_text_counts() -> None:
    old = group_text(linear("old", 1), pvs=2, seqno=3)
    new = group_text(linear("new", 1), pvs=2, seqno=4)
    for pair in ((old, new), (new, old)):
        found = open_lvm2([Memory(physical_volume(text, n), f"sd{n}") for n, text in enumerate(pair)])
        assert names(found) == ["vg/new"]
        assert "sequence number 4" in found.problems[0].message


def test_a_member_that_is_there_twice_is_not_read() -> None:
    text = group_text(linear("root", 1) + linear("data", 2, pv="pv1"), pvs=2)
    pvs = [Memory(physical_volume(text, number), name) for number, name in ((0, "sda"), (0, "sdb"), (1, "sdc"))]
    found = open_lvm2(pvs)
    root, data = found.volumes
    assert (root.source, data.reason) == (None, None)
    assert "found 2 times: sda, sdb" in found.problems[0].message
    assert found.groups[0].members == ("sda", "sdb", "sdc")


def test_two_groups_of_one_name_are_not_guessed_between() -> None:
    text = group_text(linear("root", 1))
    other = text.replace("GROUP0", "GROUP1").replace(pv_id(0), pv_id(1))
    found = open_lvm2([Memory(physical_volume(text), "sda"), Memory(physical_volume(other, 1), "sdb")])
    assert [(volume.name, volume.source) for volume in found.volumes] == [("vg/root", None)] * 2
    assert {volume.reason for volume in found.volumes} == {"one group called vg wanted, 2 found"}
    assert [group.members for group in found.groups] == [("sda",), ("sdb",)]


def test_texts_of_one_number_that_differ_are_told() -> None:
    texts = [group_text(linear("root", extent), pvs=2) for extent in (1, 2)]
    found = open_lvm2([Memory(physical_volume(text, number), f"sd{number}") for number, text in enumerate(texts)])
    assert names(found) == ["vg/root"]
    assert "one text of vg of number 1 wanted, two that differ found" in found.problems[0].message


def test_pools_are_not_listed_and_snapshots_are_named() -> None:
    text = group_text(
        linear("root", 1)
        + linear("cow", 2, visible=False)
        + logical("snapshot0", segment(0, 1, "snapshot", 'origin = "root" cow_store = "cow" chunk_size = 8'))
        + logical("pool", segment(0, 1, "thin-pool", 'metadata = "m" pool = "d"'))
    )
    root, snapshot = open_lvm2([Memory(physical_volume(text), "sda")]).volumes
    assert root.reason is None
    assert (snapshot.name, snapshot.type) == ("vg/cow", "snapshot")
    assert snapshot.reason == "a copy-on-write snapshot of root is not read"


def test_a_broken_member_is_unread_and_an_empty_one_is_not() -> None:
    broken = bytearray(physical_volume(group_text(linear("root", 1))))
    broken[4096 + 700] ^= 1
    found = open_lvm2([Memory(bytes(broken), "sda"), Memory(bytes(MIB), "sdb")])
    assert set(found.unread) == {"sda", "sdb"}
    assert open_lvm2([]) == VolumeGroups((), {}, ())


def test_mutated_texts_with_good_checksums_raise_nothing() -> None:
    raid = 'device_count = 3 stripe_size = 8 raids = ["s0", "i0", "s1", "i1", "s2", "i2"]'
    parts = "".join(linear(f"i{n}", n, visible=False) + linear(f"s{n}", 5, visible=False) for n in range(3))
    keys = 'stripe_count = 2 stripe_size = 64 stripes = ["pv0", 1, "pv0", 4]'
    text = group_text(
        parts
        + logical("raid", segment(0, 2, "raid5", raid))
        + logical("stripe", segment(0, 2, "striped", keys))
        + logical("thin", segment(0, 2, "thin", 'thin_pool = "pool" device_id = 1'))
        + logical("pool", segment(0, 2, "thin-pool", 'metadata = "i0" pool = "i1" chunk_size = 8'))
    )
    dice = random.Random(7)
    whole = bytearray(physical_volume(text))
    for _ in range(400):
        raw = list(text)
        for _ in range(dice.randrange(1, 5)):
            spot = dice.randrange(len(raw))
            raw[spot : spot + dice.randrange(3)] = dice.choice(
                ["9", "0", "-", '"', "{", "}", "pv0", "raid", "i1", "99"]
            )
        changed = "".join(raw).encode()
        disk = whole[:]
        disk[4096 + 512 : 4096 + 512 + len(changed)] = changed
        disk[4136:4160] = (512).to_bytes(8, "little") + len(changed).to_bytes(8, "little") + _crc(changed) + bytes(4)
        disk[4096:4100] = _crc(bytes(disk[4100:4608]))
        for volume in open_lvm2([Memory(bytes(disk), "sda")]).volumes:
            if volume.source is None:
                continue
            try:
                volume.source.read_at(0, min(volume.source.size, 9000))
            except ParseError:
                continue


def _crc(data: bytes) -> bytes:
    return lvm_crc(data).to_bytes(4, "little")


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("known/crafted/cr-l-ok.raw.xz", {"vg0/root": 262144, "vg0/swap": 131072}),
        (
            "known/images/dv/dv-h-f90126-lvmtest.qcow2.qcow2.xz",
            {"vg_test/lv_test1": 8388608, "vg_test/lv_test2": 4194304},
        ),
        ("known/images/ul/ul-fs-lvm2.raw.xz", {}),
    ],
)
def test_the_known_groups(name: str, sizes: dict[str, int]) -> None:
    with open_image(corpus(name)) as image:
        found = open_lvm2([image.source])
        assert {volume.name: volume.size for volume in found.volumes if volume.source} == sizes
        assert (found.unread, found.problems) == ({}, ())


def physical(letters: str) -> list[Source]:
    return [appliance.disk("lvm", letter) for letter in letters]


@pytest.mark.soak  # minutes in an appliance under software emulation
@pytest.mark.timeout(1800)
@needs("guestfish")
def test_every_logical_volume_reads_as_the_kernel_reads_it() -> None:
    told = {name: (int(size), digest) for name, size, digest in appliance.lines("lvm", "LV")}
    assert len(told) == 33
    assert appliance.lines("lvm", "FAIL") == []
    found = open_lvm2(physical("hgfedcb"))
    assert (found.unread, found.problems) == ({}, ())
    assert {volume.name for volume in found.volumes} == set(told)
    for volume in found.volumes:
        if volume.name in _UNREAD:
            assert (volume.source, volume.type) == (None, _UNREAD[volume.name])
            continue
        assert volume.source is not None
        # A step that is no multiple of any chunk.
        assert (volume.name, volume.size, sha256(volume.source, 1_000_000)) == (volume.name, *told[volume.name])


@pytest.mark.slow
@needs("guestfish")
def test_a_sample_of_logical_volumes_reads_as_the_kernel_reads_it() -> None:
    told = {name: (int(size), digest) for name, size, digest in appliance.lines("sample", "LV")}
    assert appliance.lines("sample", "FAIL") == []
    found = open_lvm2([appliance.disk("sample", letter) for letter in "hgfedcb"])
    assert (found.unread, found.problems) == ({}, ())
    read = {item.name: (item.size, sha256(item.source, 1_000_000)) for item in found.volumes if item.source}
    assert read == told
    assert {"vg0/linear", "vg0/raid6", "v-2/lo-gi", "thin/t1", "thin/snap"} <= set(told)


@pytest.mark.soak  # minutes in an appliance under software emulation
@pytest.mark.timeout(1800)
@needs("guestfish")
@pytest.mark.parametrize("present", ["bcef", "cdef", "bdef", "bcde"])
def test_what_redundancy_gives_back_without_a_member_is_the_same(present: str) -> None:
    told = {name: digest for name, _, digest in appliance.lines("lvm", "LV")}
    (group,) = open_lvm2(physical(present)).groups
    assert len(group.missing) == 1
    read = {volume.name: sha256(volume.source, 1 << 22) for volume in group.volumes if volume.source}
    assert read == {name: told[name] for name in read}
    assert {name for name in told if name.startswith(("vg0/raid1", "vg0/raid4", "vg0/raid5", "vg0/raid6"))} <= set(read)


@pytest.mark.soak  # minutes in an appliance under software emulation
@pytest.mark.timeout(1800)
@needs("guestfish")
def test_damaged_thin_metadata_ends_in_an_error_or_in_bytes() -> None:
    source = appliance.disk("lvm", "h")
    whole = source.read_at(0, 8 * MIB)
    dice = random.Random(2)
    for _ in range(40):
        raw = bytearray(whole)
        for _ in range(30):
            raw[dice.randrange(MIB, len(raw))] = dice.randrange(256)
        for volume in open_lvm2([_Patched(source, bytes(raw))]).volumes:
            if volume.source is None:
                continue
            try:
                volume.source.read_at(0, 4 * MIB)
            except ParseError:
                continue


class _Patched:
    """A source whose first bytes are others."""

    def __init__(self, source: FileSource, head: bytes) -> None:
        self.name, self.size = source.name, source.size
        self._source, self._head = source, head

    def read_at(self, offset: int, size: int) -> bytes:
        data = bytearray(self._source.read_at(offset, size))
        known = self._head[offset : offset + size]
        data[: len(known)] = known
        return bytes(data)
