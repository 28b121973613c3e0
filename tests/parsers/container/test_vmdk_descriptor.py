"""Descriptors, one line at a time."""

from __future__ import annotations

import random

import pytest

from parsers.container.vmdk_descriptor import MAX_EXTENTS, VmdkDescriptor, parse_vmdk_descriptor
from tests.vmdk_builder import descriptor


def parsed(text: str) -> VmdkDescriptor:
    return parse_vmdk_descriptor(text, "disk.vmdk")


def test_a_descriptor_of_vmware() -> None:
    text = (
        '# Disk DescriptorFile\nversion=1\nencoding="UTF-8"\nCID=2af6d34d\nparentCID=ffffffff\nisNativeSnapshot="no"\n'
        'createType="twoGbMaxExtentFlat"\n\n# Extent description\nRW 4192256 FLAT "disk f001.vmdk" 0\n'
        'RW 2048 FLAT "disk-f002.vmdk" 63\nRDONLY 10 ZERO\n\nddb.adapterType = "ide"\nddb.virtualHWVersion = "21"\n'
    )
    found = parsed(text)
    assert (found.create_type, found.cid, found.parent_cid, found.parent) == (
        "twoGbMaxExtentFlat",
        "2af6d34d",
        None,
        None,
    )
    assert [(item.size, item.kind, item.file, item.offset) for item in found.extents] == [
        (4192256 * 512, "FLAT", "disk f001.vmdk", 0),
        (2048 * 512, "FLAT", "disk-f002.vmdk", 63 * 512),
        (10 * 512, "ZERO", None, 0),
    ]
    assert found.extents[1].place.line == 11
    assert found.size == (4192256 + 2048 + 10) * 512
    assert found.settings["ddb.adaptertype"] == "ide"
    assert found.problems == ()
    assert parsed(text.replace("\n", "\r\n").replace("\r", "")).problems == ()


def test_a_parent() -> None:
    found = parsed(descriptor(parent="0badcafe", more='parentFileNameHint="/vmfs/base.vmdk"'))
    assert (found.parent_cid, found.parent) == ("0badcafe", "/vmfs/base.vmdk")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('RW ten SPARSE "a"', "an extent wanted"),
        ('RW 10 SPARSE "a', "an extent wanted"),
        ("RW 99999999999999999999 ZERO", "an extent wanted"),
        ("what is this", "an extent or a setting wanted"),
        ("CID=00000000", "a second one found"),
        ('createType="other"', "a second one found"),
    ],
)
def test_lines_that_are_no_good(line: str, message: str) -> None:
    found = parsed(descriptor(line))
    assert message in found.problems[0].message
    assert found.problems[0].place.line == 8 if "extent" in message else 3
    assert found.create_type == "monolithicSparse"


def test_a_text_that_is_no_descriptor() -> None:
    assert "first line" in parsed("hello").problems[0].message
    assert parsed("").extents == ()


def test_extents_without_end() -> None:
    found = parsed(descriptor(*["RW 1 ZERO"] * 5000))
    assert len(found.extents) == MAX_EXTENTS
    assert "at most" in found.problems[-1].message


def test_damaged_descriptors() -> None:
    plain = descriptor('RW 2048 FLAT "disk-flat.vmdk" 0', "RW 10 ZERO")
    for seed in range(500):
        chance = random.Random(seed)
        words = list(plain)
        for _ in range(chance.randrange(1, 6)):
            words[chance.randrange(len(words))] = chance.choice('\0"=\n #\udc80é9')
        found = parsed("".join(words))
        assert all(item.size >= 0 for item in found.extents)


def test_long_lines_take_no_time() -> None:
    for line in (
        "a" * 60_000,
        "RW 1 FLAT " + '" ' * 30_000,
        "a=" + '"' * 60_000,
        "RW " + "1 " * 30_000,
        " " * 60_000 + "=",
    ):
        parsed(line)
        parsed(descriptor(line))
