"""GPT, held against sfdisk, sgdisk and fdisk; broken copies, sizes and checksums made by hand."""

from __future__ import annotations

import random
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from parsers.partition import Flaw, PartitionTable, Scheme, parse_partition_table
from parsers.partition.table import Partition
from parsers.source import Memory
from tests.oracles import needs
from tests.parsers.partition.test_mbr import flaws, partitioned, read, sfdisk
from tests.partition_builder import gpt_disk

BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"


@needs("sfdisk")
def test_partitions_are_those_of_sfdisk(tmp_path: Path) -> None:
    script = (
        f'label: gpt\nsize=1M,type={BIOS_BOOT}\nsize=10M,type=U,name="EFI System"\n'
        'size=5M,name="rööt \U0001f4a9",attrs="RequiredPartition,LegacyBIOSBootable,GUID:59,63"\n7: start=40960\n'
    )
    image = partitioned(tmp_path, script)
    told = sfdisk(image)
    table = read(image.read_bytes())
    assert (table.scheme, table.sector_size, table.problems, table.hybrid) == (Scheme.GPT, 512, (), False)
    assert table.disk_id == told["id"].lower()
    assert [
        (p.number, p.offset // 512, p.size // 512, p.type, p.uuid, p.name, p.bootable, told_attributes(p))
        for p in table.partitions
    ] == [
        (
            int(part["node"].removeprefix(str(image))),
            part["start"],
            part["size"],
            part["type"].lower(),
            part["uuid"].lower(),
            part.get("name"),
            "LegacyBIOSBootable" in part.get("attrs", ""),
            part.get("attrs", ""),
        )
        for part in told["partitions"]
    ]


def told_attributes(partition: Partition) -> str:
    """Return the attributes of a partition as sfdisk writes them."""
    names = ("RequiredPartition", "NoBlockIOProtocol", "LegacyBIOSBootable")
    found = [name for bit, name in enumerate(names) if partition.attributes >> bit & 1]
    own = ",".join(str(bit) for bit in range(48, 64) if partition.attributes >> bit & 1)
    return " ".join([*found, *([f"GUID:{own}"] if own else [])])


@needs("fdisk")
def test_sectors_of_4096_bytes(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    subprocess.run(["truncate", "-s", "64M", str(image)], check=True)
    subprocess.run(
        ["fdisk", "-b", "4096", str(image)], input=b"g\nn\n1\n\n+1M\nn\n2\n\n\nw\n", check=True, capture_output=True
    )
    listing = subprocess.check_output(["fdisk", "-b", "4096", "-l", "-o", "Device,Start,End,UUID", str(image)]).decode()
    wanted = [line.split()[1:] for line in listing.splitlines() if line.startswith(str(image))]
    table = read(image.read_bytes())
    assert (table.sector_size, table.problems) == (4096, ())
    assert [[str(p.offset // 4096), str(p.end // 4096 - 1), str(p.uuid).upper()] for p in table.partitions] == wanted


@needs("sgdisk")
def test_a_hybrid_mbr_is_said_to_be_one(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    subprocess.run(["truncate", "-s", "64M", str(image)], check=True)
    run = ["sgdisk", "-n", "1:0:+10M", "-n", "2:0:0", "-h", "1:EE", str(image)]
    subprocess.run(run, check=True, capture_output=True)
    table = read(image.read_bytes())
    assert (table.scheme, table.hybrid, len(table.partitions)) == (Scheme.GPT, True, 2)


@needs("sgdisk")
@pytest.mark.parametrize("count", ["4", "56", "300"])
def test_other_numbers_of_entries(tmp_path: Path, count: str) -> None:
    image = tmp_path / "disk"
    subprocess.run(["truncate", "-s", "64M", str(image)], check=True)
    subprocess.run(["sgdisk", "-S", count, "-n", "2:0:0", str(image)], check=True, capture_output=True)
    table = read(image.read_bytes())
    assert ([p.number for p in table.partitions], table.problems) == ([2], ())


def test_the_last_lba_is_inclusive() -> None:
    (partition,) = read(gpt_disk(1000, (100, 100))).partitions
    assert (partition.offset, partition.size, partition.name) == (51200, 512, "part 1")


@pytest.mark.parametrize("sector", [512, 4096])
@pytest.mark.parametrize("broken", ["signature", "header", "entries", "erased"])
def test_the_backup_is_used_when_the_primary_is_broken(sector: int, broken: str) -> None:
    disk = gpt_disk(1000, (100, 199), (200, 300), sector=sector)
    if broken == "erased":
        disk[512 : 20 * sector] = bytes(20 * sector - 512)
    else:
        at = {"signature": sector, "header": sector + 60, "entries": 2 * sector + 130}[broken]
        disk[at] ^= 0xFF
    table = read(disk)
    assert (table.scheme, table.sector_size) == (Scheme.GPT, sector)
    assert [p.offset for p in table.partitions] == [100 * sector, 200 * sector]
    assert flaws(table)[0] in {Flaw.CHECKSUM, Flaw.STRUCTURE}


@pytest.mark.parametrize("at", [999 * 512, 999 * 512 + 60, (999 - 32) * 512 + 5])
def test_a_broken_backup_is_a_problem(at: int) -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[at] ^= 0xFF
    table = read(disk)
    assert len(table.partitions) == 1
    assert flaws(table) == [Flaw.BACKUP]


def test_a_backup_that_differs_is_a_problem() -> None:
    disk, other = gpt_disk(1000, (100, 199)), gpt_disk(1000, (100, 200))
    disk[900 * 512 :] = other[900 * 512 :]
    assert flaws(read(disk)) == [Flaw.BACKUP]


def test_both_copies_broken_leave_no_partition_and_a_problem() -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[560] ^= 1
    disk[999 * 512 + 60] ^= 1
    table = read(disk)
    assert (table.scheme, table.partitions) == (Scheme.GPT, ())
    assert flaws(table)[:2] == [Flaw.CHECKSUM, Flaw.CHECKSUM]


def test_a_cut_image_has_lost_its_backup_and_the_end_of_a_partition() -> None:
    disk = gpt_disk(1000, (100, 199), (200, 900))
    table = read(disk[: 500 * 512])
    assert flaws(table) == [Flaw.OUTSIDE, Flaw.OUTSIDE]
    assert "truncated" in table.problems[0].message


def test_a_grown_disk_has_its_backup_where_the_end_was() -> None:
    assert flaws(read(gpt_disk(1000, (100, 199)) + bytes(51200))) == [Flaw.SLACK]


def test_entries_of_another_size_are_read_and_said_to_be_odd() -> None:
    table = read(gpt_disk(1000, (200, 299), entry_size=256))
    assert [p.offset for p in table.partitions] == [200 * 512]
    assert flaws(table) == [Flaw.STRUCTURE]


@pytest.mark.parametrize(
    "header",
    [
        {"header_size": 0},
        {"header_size": 0xFFFF_FFFF},
        {"entry_size": 0},
        {"entry_size": 0xFFFF_FFF8},
        {"entry_size": 129},
        {"count": 0xFFFF_FFFF},
        {"entries_lba": (1 << 64) - 1},
        {"entries_lba": 999_999},
        {"my_lba": 2},
        {"entries_crc": 1},
    ],
    ids=str,
)
def test_headers_that_make_no_sense_are_problems(header: dict[str, int]) -> None:
    table = read(gpt_disk(1000, (100, 199), header=header))
    assert (table.scheme, table.partitions) == (Scheme.GPT, ())
    assert table.problems


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        (((100, 199), (199, 300)), [Flaw.OVERLAP]),
        (((100, 50),), [Flaw.STRUCTURE]),
        (((100, 990),), [Flaw.STRUCTURE]),
        (((2, 99),), [Flaw.STRUCTURE]),
        (((100, 5000),), [Flaw.STRUCTURE, Flaw.OUTSIDE]),
        (((100, (1 << 64) - 1),), [Flaw.STRUCTURE, Flaw.OUTSIDE]),
    ],
)
def test_entries_that_make_no_sense_are_problems(entries: tuple[tuple[int, int], ...], wanted: list[Flaw]) -> None:
    assert flaws(read(gpt_disk(1000, *entries))) == wanted


@needs("sgdisk")
def test_more_partitions_than_linux_numbers_are_a_problem(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    subprocess.run(["truncate", "-s", "64M", str(image)], check=True)
    subprocess.run(
        ["sgdisk", "-S", "300", "-n", "255:0:+1M", "-n", "256:0:0", str(image)], check=True, capture_output=True
    )
    table = read(image.read_bytes())
    assert [p.number for p in table.partitions] == [255]
    assert flaws(table) == [Flaw.STRUCTURE]


def test_a_name_that_is_no_utf_16_is_replaced() -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[2 * 512 + 56 : 2 * 512 + 62] = b"a\0\x00\xd8b\0"
    fixed = struct.pack("<I", zlib.crc32(disk[1024 : 1024 + 128 * 128]))
    disk[512 + 88 : 512 + 92] = fixed
    disk[512 + 16 : 512 + 20] = bytes(4)
    disk[512 + 16 : 512 + 20] = struct.pack("<I", zlib.crc32(disk[512 : 512 + 92]))
    (partition,) = read(disk).partitions
    assert partition.name is not None
    assert partition.name.startswith("a\ufffd")


@pytest.mark.parametrize("seed", range(200))
def test_mutated_tables_end_in_a_table(seed: int) -> None:
    chance = random.Random(seed)
    disk = gpt_disk(300, (100, 149), (150, 200))
    for _ in range(chance.choice([1, 2, 5])):
        start, length = chance.choice([(446, 66), (512, 92), (1024, 300), (299 * 512, 92), (267 * 512, 300)])
        disk[start + chance.randrange(length)] ^= 1 << chance.randrange(8)
    for header in (512, 299 * 512):  # half of them with checksums that are right again
        if chance.random() < 0.5:
            disk[header + 16 : header + 20] = bytes(4)
            disk[header + 16 : header + 20] = struct.pack("<I", zlib.crc32(disk[header : header + 92]))
    if chance.random() < 0.2:
        del disk[chance.randrange(512, len(disk)) :]
    table: PartitionTable = parse_partition_table(Memory(bytes(disk), "sda"))
    assert len(table.partitions) <= 4 << 20
