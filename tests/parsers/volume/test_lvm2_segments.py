from __future__ import annotations

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.lvm2_group import parse_group
from parsers.volume.lvm2_segments import Segments
from parsers.volume.lvm2_text import parse_lvm2_text
from tests.parsers.volume.building import MIB, group_text, linear, logical, physical_volume, segment, thin_metadata


def opened(text: str, pvs: int = 1, *, missing: tuple[int, ...] = (), data: dict[int, bytes] | None = None) -> Segments:
    group = parse_group(parse_lvm2_text(group_text(text, pvs)), "sda")
    present = {
        f"pv{n}": Memory((data or {}).get(n) or physical_volume("", n), f"sd{n}")
        for n in range(pvs)
        if n not in missing
    }
    return Segments(group, present)


def first_bytes(segments: Segments, name: str, step: int = MIB) -> list[int]:
    source = segments.open(name)
    return [source.read_at(offset, 1)[0] for offset in range(0, source.size, step)]


def test_linear_segments_over_two_volumes() -> None:
    text = logical(
        "root",
        segment(0, 2, "striped", 'stripe_count = 1 stripes = ["pv0", 6]'),
        segment(2, 1, "striped", 'stripe_count = 1 stripes = ["pv1", 3]', 2),
        segment(3, 1, "zero", "", 3),
    )
    assert first_bytes(opened(text, 2), "root") == [6, 7, 0x13, 0]


def test_stripes() -> None:
    keys = 'stripe_count = 2 stripe_size = 1024 stripes = ["pv0", 1, "pv1", 4]'
    segments = opened(logical("root", segment(0, 2, "striped", keys)), 2)
    assert first_bytes(segments, "root", MIB // 2) == [1, 0x14, 1, 0x14]


def test_mirrors_do_without_a_missing_leg() -> None:
    images = linear("m0", 2, visible=False) + linear("m1", 3, pv="pv1", visible=False)
    keys = 'mirror_count = 2 mirrors = ["m0", 0, "m1", 0]'
    text = images + logical("root", segment(0, 1, "mirror", keys))
    assert first_bytes(opened(text, 2), "root") == [2]
    segments = opened(text, 2, missing=(0,))
    assert first_bytes(segments, "root") == [0x13]
    assert "a leg is missing" in segments.problems[0].message


def raid(kind: str, legs: int, keys: str) -> str:
    parts = "".join(linear(f"i{n}", 2 + n, visible=False) + linear(f"s{n}", 0, visible=False) for n in range(legs))
    names = ", ".join(f'"s{n}", "i{n}"' for n in range(legs))
    return parts + logical("root", segment(0, 2, kind, f"device_count = {legs} {keys} raids = [{names}]"))


def test_raid_of_several_levels() -> None:
    assert first_bytes(opened(raid("raid1", 2, "region_size = 1").replace("count = 2 type", "count = 1 type")), "root")
    assert first_bytes(opened(raid("raid5", 3, "stripe_size = 2048")), "root") == [2, 3]
    assert first_bytes(opened(raid("raid4", 3, "stripe_size = 2048")), "root") == [3, 4]
    assert first_bytes(opened(raid("raid10", 4, "stripe_size = 2048")), "root") == [2, 4]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (linear("root", 9), "an extent below 8 wanted, 9 found"),
        (linear("root", 7, 3), "ends at byte"),
        (linear("root", 0, pv="pv7"), "a volume called pv7 wanted"),
        (linear("root", 0, pv="root"), "a loop found"),
        (logical("root", segment(0, 1, "cache", "")), "cached"),
        (logical("root", segment(0, 1, "writecache", "")), "write cache"),
        (logical("root", segment(0, 1, "vdo", "")), "VDO"),
        (logical("root", segment(0, 1, "weird", "")), "type weird is not read"),
        (logical("root", segment(0, 1, "thin", 'device_id = 1 thin_pool = "root"')), "a thin pool with metadata"),
        (logical("root", segment(0, 1, "thin", "device_id = 1")), "the name of a thin pool"),
        (raid("raid5", 3, "stripe_size = 0"), "a size of stripes"),
        (raid("raid5", 3, "stripe_size = 8 reshape_count = 1"), "reshaped"),
        (raid("raid6", 2, "stripe_size = 8"), "more than 2 legs"),
        (raid("raid10", 4, "stripe_size = 8 data_copies = 9"), "legs"),
        (raid("raid5", 3, "stripe_size = 8").replace('"i1"', '"root"'), "a plain volume as a leg"),
        ("".join(linear(f"l{n}", 0, pv=f"l{n + 1}") for n in range(20)) + linear("root", 0, pv="l0"), "layers"),
        (logical("root", segment(0, 3, "striped", 'stripe_count = 2 stripes = ["pv0", 0, "pv0", 1]')), "over stripes"),
    ],
)
def test_what_is_not_read_says_why(text: str, reason: str) -> None:
    segments = opened(text)
    for _ in range(2):
        with pytest.raises(ParseError, match=reason):
            segments.open("root")


def test_an_array_is_no_leg_of_another_or_a_read_would_cost_legs_to_the_power_of_layers() -> None:
    inner = raid("raid5", 3, "stripe_size = 2048").replace("root {", "inner {")
    outer = raid("raid5", 3, "stripe_size = 2048").replace('"i', '"o').replace("i0 {", "o0 {").replace("i1 {", "o1 {")
    outer = outer.replace("i2 {", "o2 {").replace('stripes = ["pv0", 3]', 'stripes = ["inner", 0]')
    with pytest.raises(ParseError, match="a plain volume as a leg wanted, o1 found"):
        opened(inner + outer).open("root")


def test_a_leg_may_be_on_its_way_to_another_physical_volume() -> None:
    move = logical("pvmove0", segment(0, 1, "mirror", 'mirror_count = 2 mirrors = ["pv0", 3, "pv0", 6]'), visible=False)
    text = raid("raid4", 3, "stripe_size = 2048").replace('stripes = ["pv0", 3]', 'stripes = ["pvmove0", 0]')
    assert first_bytes(opened(move + text), "root") == [3, 4]


def test_a_missing_physical_volume_is_named() -> None:
    with pytest.raises(ParseError, match=r"physical volume /dev/sd0 .* is missing"):
        opened(linear("root", 0), missing=(0,)).open("root")


def test_a_thin_volume_of_a_pool() -> None:
    pool = logical(
        "pool", segment(0, 2, "thin-pool", 'metadata = "tm" pool = "td" chunk_size = 128 transaction_id = 1')
    )
    thin = logical("root", segment(0, 4, "thin", 'thin_pool = "pool" device_id = 1 transaction_id = 0'))
    raw = bytearray(physical_volume("", 0))
    metadata = thin_metadata({0: 17, 40: 1})
    raw[MIB : MIB + len(metadata)] = metadata
    text = linear("tm", 0, visible=False) + linear("td", 4, 2, visible=False) + pool + thin
    segments = opened(text, data={0: bytes(raw)})
    root = segments.open("root")
    assert [root.read_at(block * 65536, 1)[0] for block in (0, 1, 39, 40, 41)] == [5, 0, 0, 4, 0]
    assert segments.problems == []
    stale = opened(text.replace("transaction_id = 1", "transaction_id = 2"), data={0: bytes(raw)})
    stale.open("root")
    assert "transaction 1" in stale.problems[0].message
    with pytest.raises(ParseError, match="chunks of 65536"):
        opened(text.replace("chunk_size = 128", "chunk_size = 256"), data={0: bytes(raw)}).open("root")
