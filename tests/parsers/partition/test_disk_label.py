"""Which table a disk has; the corpus' answers are sfdisk's, blkid's and the kernel's."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.image_file import open_file
from parsers.partition import Flaw, Scheme, parse_partition_table
from parsers.place import ParseError, Place
from parsers.source import Memory
from tests.corpus import corpus, entries
from tests.parsers.partition.test_mbr import flaws, read
from tests.partition_builder import gpt_disk, mbr_disk

SFDISK = [
    entry
    for entry in entries("known")
    if entry.get("expected", {}).get("tools_on_build_machine", {}).get("sfdisk", {}).get("label") in {"dos", "gpt"}
    and entry["size"] < 64 << 20
]
NONE = [
    entry
    for entry in entries("known")
    if entry.get("format") == "raw"
    and entry["size"] < 64 << 20
    and "PTTYPE" not in entry.get("expected", {}).get("tools_on_build_machine", {}).get("blkid", {"PTTYPE": "?"})
]
HOSTILE = [entry["file"] for entry in entries("hostile") if "/cr-p-" in entry["file"]]
# The recorded sfdisk took sectors of 512 bytes for granted; these disks have sectors of 4096.
SECTORS_4096 = {"dn-mbr-4096-p1e0", "dn-mbr-4096-p1e1"}


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SFDISK, ids=lambda entry: entry["id"])
def test_known_tables_are_those_of_sfdisk(entry: dict[str, Any]) -> None:
    told = entry["expected"]["tools_on_build_machine"]["sfdisk"]
    table = parse_partition_table(open_file(corpus(f"known/{entry['file']}")))
    sector = 4096 if entry["id"] in SECTORS_4096 else 512
    assert table.sector_size == sector
    assert table.scheme == {"dos": "mbr", "gpt": "gpt"}[told["label"]]
    assert table.disk_id == told["id"].lower().removeprefix("0x")
    found = [(p.number, p.offset // sector, p.size // sector) for p in table.partitions]
    wanted = [(int(p["node"].removeprefix("disk")), p["start"], p["size"]) for p in told.get("partitions", [])]
    if sector == 512:
        assert sorted(found) == sorted(wanted)
    else:
        assert [part for part in found if part[0] < 5] == wanted


@pytest.mark.corpus
@pytest.mark.parametrize("entry", NONE, ids=lambda entry: entry["id"])
def test_where_blkid_finds_no_table_there_is_none(entry: dict[str, Any]) -> None:
    table = parse_partition_table(open_file(corpus(f"known/{entry['file']}")))
    assert table.scheme is Scheme.NONE


@pytest.mark.corpus
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_end_in_a_table_with_problems(name: str) -> None:
    assert parse_partition_table(Memory(corpus(f"hostile/{name}").read_bytes())).problems


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["images/ul/ul-pt-sun.raw.xz", "images/sz/sz-pt-4.raw.xz"])
def test_tables_of_other_machines_are_named(name: str) -> None:
    table = parse_partition_table(Memory(corpus(f"known/{name}").read_bytes()))
    assert table.scheme is Scheme.NONE
    assert "not read" in table.problems[0].message


def test_a_gpt_without_its_protective_mbr_is_read_and_said_to_be_ignored() -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[:512] = bytes(512)
    table = read(disk)
    assert (table.scheme, len(table.partitions)) == (Scheme.GPT, 1)
    assert "Linux does not use" in table.problems[0].message


def test_a_mere_backup_without_an_mbr_is_a_remnant() -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[: 40 * 512] = bytes(40 * 512)
    assert read(disk).scheme is Scheme.NONE


def test_an_mbr_beside_a_stale_gpt_counts() -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[:512] = mbr_disk(1, (0x80, 0x83, 300, 100))[:512]
    table = read(disk)
    assert (table.scheme, [p.offset for p in table.partitions]) == (Scheme.MBR, [153_600])
    assert flaws(table) == [Flaw.STALE]


def test_a_protective_mbr_alone_is_a_broken_gpt() -> None:
    table = read(mbr_disk(1000, (0, 0xEE, 1, 999)))
    assert (table.scheme, table.partitions) == (Scheme.GPT, ())
    assert Flaw.STRUCTURE in flaws(table)


def test_a_protective_entry_in_a_later_slot_counts() -> None:
    disk = gpt_disk(1000, (100, 199), slots=((0x80, 0x83, 100, 100), (0, 0xEE, 1, 99)))
    table = read(disk)
    assert (table.scheme, table.hybrid) == (Scheme.GPT, True)


class Counted(Memory):
    read = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.read += size
        return super().read_at(offset, size)


def test_little_is_read() -> None:
    disk = Counted(bytes(gpt_disk(20_000, (100, 199))))
    assert parse_partition_table(disk).problems == ()
    assert disk.read < 64 << 10


class CutShort(Memory):
    """A disk whose end cannot be read, as that of a truncated qcow2."""

    def read_at(self, offset: int, size: int) -> bytes:
        if offset + size > self.size // 2:
            raise ParseError(Place(self.name, offset=offset), "truncated")
        return super().read_at(offset, size)


@pytest.mark.parametrize(
    "disk",
    [
        gpt_disk(1000, (100, 199), (600, 700)),
        mbr_disk(1000, (0x80, 0x83, 100, 100), (0, 5, 600, 100)),
        mbr_disk(1000, (0x80, 0x83, 700, 100)),
    ],
    ids=["gpt", "extended", "mbr"],
)
def test_a_disk_whose_end_cannot_be_read_still_has_its_table(disk: bytearray) -> None:
    whole, cut = read(disk), parse_partition_table(CutShort(bytes(disk), "sda"))
    assert [p.offset for p in cut.partitions] == [p.offset for p in whole.partitions]
    assert len(cut.problems) == (0 if len(whole.partitions) == 1 else 1)


def test_a_disk_whose_first_sector_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ParseError):
        parse_partition_table(CutShort(bytes(1000)))
