from __future__ import annotations

import pytest

from parsers.place import ParseError
from parsers.volume.lvm2_group import parse_group
from parsers.volume.lvm2_text import parse_lvm2_text
from tests.parsers.volume.building import group_text, linear, logical, pv_uuid, segment


def test_a_group_with_its_volumes() -> None:
    group = parse_group(parse_lvm2_text(group_text(linear("root", 2, 3) + linear("sub", 0, visible=False))), "sda")
    assert (group.name, group.sequence, group.extent_size) == ("vg", 1, 1 << 20)
    assert group.physical["pv0"].uuid == pv_uuid(0)
    assert group.physical["pv0"].first_byte == 1 << 20
    root = group.logical["root"]
    assert (root.extents, root.visible, root.segments[0].areas("stripes")) == (3, True, (("pv0", 2),))
    assert not group.logical["sub"].visible


def test_a_volume_that_is_skipped_at_boot_says_so() -> None:
    skipped = linear("before", 1).replace("flags = []", 'flags = ["ACTIVATION_SKIP"]')  # as lvcreate -s writes it
    group = parse_group(parse_lvm2_text(group_text(linear("root", 0) + skipped)), "sda")
    assert {name: volume.skipped for name, volume in group.logical.items()} == {"root": False, "before": True}


@pytest.mark.parametrize(
    "broken",
    [
        logical("x"),
        logical("x", segment(1, 1, "striped", "")),
        logical("x", segment(0, 0, "striped", "")),
        logical("x", segment(0, 1, "striped", ""), segment(0, 1, "striped", "", 2)),
        logical("x", segment(0, 1 << 60, "striped", "")),
        logical("x", 'segment1 { start_extent = "a" }'),
        logical("x", "segment1 { start_extent = 0 extent_count = 1 type = 4 }"),
    ],
)
def test_a_broken_volume_does_not_take_the_others_with_it(broken: str) -> None:
    group = parse_group(parse_lvm2_text(group_text(broken + linear("root", 0))), "sda")
    assert list(group.broken) == ["x"]
    assert list(group.logical) == ["root"]


def test_what_is_no_group_is_refused() -> None:
    for text in ("", "vg { }", "vg { seqno = 1 }", "vg { seqno = 1 extent_size = 0 }", "vg { seqno = -1 }"):
        with pytest.raises(ParseError):
            parse_group(parse_lvm2_text(text), "sda")


def test_lists_of_a_segment_are_checked() -> None:
    keys = 'odd = ["a"] wrong = [1, "a"] names = ["a", "b"] far = ["a", 9999999999999999999]'
    text = group_text(logical("x", segment(0, 1, "striped", keys)))
    part = parse_group(parse_lvm2_text(text), "sda").logical["x"].segments[0]
    assert part.names("names") == ("a", "b")
    for key in ("odd", "wrong", "far", "none"):
        with pytest.raises(ParseError):
            part.areas(key)
    with pytest.raises(ParseError):
        part.names("wrong")
