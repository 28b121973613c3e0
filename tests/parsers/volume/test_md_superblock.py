from __future__ import annotations

import random

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.md_superblock import Feature, parse_md_superblock
from tests.corpus import corpus
from tests.parsers.volume.building import md_member
from tests.parsers.volume.file_source import FileSource


def test_a_superblock_of_version_1_2() -> None:
    found = parse_md_superblock(Memory(md_member(1, 3, 5, layout=2, features=1)))
    assert (found.version, found.name, found.level, found.layout, found.legs) == ("1.2", "host:7", 5, 2, 3)
    assert (found.role, found.roles, found.chunk, found.component) == (1, (0, 1, 2), 4096, 65536)
    assert (found.data_offset, found.data_size, found.events, found.clean) == (8192, 65536, 10, True)
    assert found.features == Feature.BITMAP
    assert found.recovered is None
    assert found.uuid == "30313233-3435-3637-3839-616263646566"


def test_a_wrong_checksum_is_refused() -> None:
    raw = bytearray(md_member(0, 2, 1))
    raw[4096 + 72] ^= 1
    with pytest.raises(ParseError, match="checksum"):
        parse_md_superblock(Memory(bytes(raw)))


def test_there_may_be_none() -> None:
    for size in (0, 512, 4096, 1 << 16, 1 << 20):
        with pytest.raises(ParseError, match="none found"):
            parse_md_superblock(Memory(bytes(size)))


def test_damage_raises_nothing_else() -> None:
    whole = md_member(1, 3, 5, layout=2)
    dice = random.Random(5)
    for _ in range(300):
        raw = bytearray(whole[: dice.choice([len(whole), dice.randrange(4096, len(whole))])])
        for _ in range(dice.randrange(1, 4)):
            raw[dice.randrange(4096, min(4096 + 280, len(raw)))] = dice.randrange(256)
        try:
            parse_md_superblock(Memory(bytes(raw)))
        except ParseError:
            continue


@pytest.mark.corpus
def test_the_known_member() -> None:
    found = parse_md_superblock(FileSource(corpus("known/images/ul/ul-fs-mdraid-1.raw.xz")))
    assert (found.uuid, found.name) == ("77e61baf-c0b5-d7d0-39cf-575b64d4878c", "troy.t-8ch.de:0")
    assert (found.version, found.level, found.legs) == ("1.2", 0, 1)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["cr-m-csum", "cr-m-devnum", "cr-m-disks", "cr-m-size"])
def test_the_hostile_members_are_refused_or_harmless(name: str) -> None:
    source = FileSource(corpus(f"hostile/crafted/{name}.raw.xz"))
    try:
        found = parse_md_superblock(source)
    except ParseError:
        return
    assert found.data_offset + found.data_size <= source.size
