"""MBR and the extended chain, held against sfdisk; loops, ends and junk made by hand."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from parsers.partition import Flaw, PartitionTable, Scheme, parse_partition_table
from parsers.partition.mbr import MAX_LOGICAL, parse_mbr
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs
from tests.partition_builder import boot_record, mbr_disk


def sfdisk(image: Path) -> dict[str, Any]:
    told = subprocess.check_output(["sfdisk", "--json", str(image)])
    table: dict[str, Any] = json.loads(told)["partitiontable"]
    return table


def partitioned(tmp_path: Path, script: str, size: str = "64M") -> Path:
    image = tmp_path / "disk"
    subprocess.run(["truncate", "-s", size, str(image)], check=True)
    subprocess.run(["sfdisk", "-q", str(image)], input=script.encode(), check=True, capture_output=True)
    return image


def read(data: bytes | bytearray) -> PartitionTable:
    return parse_partition_table(Memory(bytes(data), "sda"))


def flaws(table: PartitionTable) -> list[Flaw]:
    return [problem.flaw for problem in table.problems]


SCRIPTS = {
    "one": "label: dos\n2048,,83,*\n",
    "four": "label: dos\n,1M,83\n,1M,82\n,1M,7,*\n,,ef\n",
    "logical": "label: dos\n,8M,83\n,,5\n,4M,83\n,4M,8e\n,4M,82\n,,83\n",
    "extended first": "label: dos\n,20M,f\n,20M,83\n,1M,83\n,2M,83\n",
    "lba extended": "label: dos\nlabel-id: 0x00c0ffee\n1: start=4096,size=4096\n3: start=10240,type=85\n,1M,83\n",
    "out of order": "label: dos\n2: start=8192,size=2048,type=83\n1: start=20480,size=2048,type=83,bootable\n",
}


@needs("sfdisk")
@pytest.mark.parametrize("script", SCRIPTS)
def test_partitions_are_those_of_sfdisk(tmp_path: Path, script: str) -> None:
    image = partitioned(tmp_path, SCRIPTS[script])
    told = sfdisk(image)
    table = read(image.read_bytes())
    assert (table.scheme, table.sector_size, table.problems) == (Scheme.MBR, 512, ())
    assert table.disk_id == told["id"].removeprefix("0x")
    wanted = {
        int(part["node"].removeprefix(str(image))): (
            part["start"] * 512,
            part["size"] * 512,
            int(part["type"], 16),
            part.get("bootable", False),
        )
        for part in told["partitions"]
    }
    assert {p.number: (p.offset, p.size, int(p.type, 16), p.bootable) for p in table.partitions} == wanted
    assert [p.uuid for p in table.partitions] == [f"{table.disk_id}-{number:02x}" for number in sorted(wanted)]


@needs("fdisk", "parted")
def test_sectors_of_4096_bytes_are_found_by_the_chain(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    subprocess.run(["truncate", "-s", "64M", str(image)], check=True)
    keys = b"o\nn\np\n1\n\n+4M\nn\ne\n2\n\n\nn\n\n+8M\nn\n\n+8M\nw\n"
    subprocess.run(["fdisk", "-b", "4096", str(image)], input=keys, check=True, capture_output=True)
    told = subprocess.check_output(
        ["parted", "-s", "-m", str(image), "unit", "B", "print"],
        env={"PARTED_SECTOR_SIZE": "4096", "PATH": "/usr/sbin"},
    ).decode()
    wanted = [tuple(int(f.rstrip("B")) for f in line.split(":")[:4]) for line in told.splitlines()[2:]]
    table = read(image.read_bytes())
    assert (table.scheme, table.sector_size) == (Scheme.MBR, 4096)
    assert [(p.number, p.offset, p.end - 1, p.size) for p in table.partitions] == wanted


def test_sectors_of_4096_bytes_are_found_by_what_lies_there() -> None:
    disk = mbr_disk(256, (0x80, 0x83, 16, 64), sector=4096)
    disk[16 * 4096 + 0x438 : 16 * 4096 + 0x43A] = b"\x53\xef"
    assert [(p.offset, p.size) for p in read(disk).partitions] == [(65536, 262144)]
    disk[16 * 512 + 0x438 : 16 * 512 + 0x43A] = b"\x53\xef"
    assert [(p.offset, p.size) for p in read(disk).partitions] == [(8192, 32768)]


def test_without_a_signature_there_is_no_table() -> None:
    assert read(bytes(4096)).scheme is Scheme.NONE
    assert read(b"").scheme is Scheme.NONE
    assert read(boot_record((0, 0x83, 1, 1))[:511]).scheme is Scheme.NONE
    assert parse_mbr(Memory(bytes(512))) is None


def test_a_status_that_is_none_makes_it_no_mbr_and_says_so() -> None:
    table = read(mbr_disk(100, (0x12, 0x83, 1, 50)))
    assert table.scheme is Scheme.NONE
    assert flaws(table) == [Flaw.STRUCTURE]


def test_an_mbr_without_partitions_is_one() -> None:
    assert read(mbr_disk(100)).scheme is Scheme.MBR


def test_overlaps_and_ends_are_problems() -> None:
    table = read(mbr_disk(100, (0, 0x83, 1, 50), (0, 0x83, 50, 10), (0, 0x83, 60, 41)))
    assert flaws(table) == [Flaw.OVERLAP, Flaw.OUTSIDE]
    assert len(table.partitions) == 3


def test_two_active_partitions_are_a_problem() -> None:
    assert flaws(read(mbr_disk(100, (0x80, 0x83, 1, 50), (0x80, 0x83, 51, 10)))) == [Flaw.STRUCTURE]


def chain(*records: tuple[int, bytes]) -> bytearray:
    return mbr_disk(1000, (0, 5, 100, 900), records=dict(records))


def test_a_loop_ends_the_chain_with_a_problem() -> None:
    first = boot_record((0, 0x83, 1, 9), (0, 5, 10, 100))
    second = boot_record((0, 0x83, 1, 9), (0, 5, 0, 100))
    table = read(chain((100, first), (110, second)))
    assert [p.number for p in table.partitions] == [1, 5, 6]
    assert "loop" in table.problems[0].message


def test_a_record_that_links_to_itself() -> None:
    table = read(chain((100, boot_record((0, 0x83, 1, 9), (0, 5, 0, 100)))))
    assert [p.number for p in table.partitions] == [1, 5]
    assert flaws(table) == [Flaw.STRUCTURE]


def test_a_long_chain_is_cut() -> None:
    count = MAX_LOGICAL + 50
    records = {2 * n + 10: boot_record((0, 0x83, 1, 1), (0, 5, 2 * (n + 1), 2)) for n in range(count)}
    table = read(mbr_disk(2 * count + 20, (0, 5, 10, 2 * count + 10), records=records))
    assert len(table.partitions) == MAX_LOGICAL + 1
    assert flaws(table) == [Flaw.STRUCTURE]


@pytest.mark.parametrize(
    ("record", "flaw"),
    [
        (b"", Flaw.STRUCTURE),
        (boot_record((0, 0x83, 1, 9), (0, 5, 5000, 100)), Flaw.OUTSIDE),
        (boot_record((0, 0x83, 1, 5000)), Flaw.OVERLAP),
        (boot_record((0, 0x83, 1, 9), (0, 5, 0xFFFF_FFFF, 0xFFFF_FFFF)), Flaw.OUTSIDE),
    ],
)
def test_broken_chains(record: bytes, flaw: Flaw) -> None:
    assert flaw in flaws(read(chain((100, record))))


def test_junk_in_the_third_slot_counts_only_if_it_fits() -> None:
    record = boot_record((0, 0x83, 1, 9), (0, 0, 0, 0), (0, 0x83, 20, 9), (0, 0x83, 20, 90_000))
    assert [p.number for p in read(chain((100, record))).partitions] == [1, 5, 6]


@pytest.mark.parametrize("seed", range(200))
def test_mutated_tables_end_in_a_table(seed: int) -> None:
    chance = random.Random(seed)
    first = boot_record((0, 0x83, 1, 9), (0, 5, 10, 100))
    disk = chain((100, first), (110, boot_record((0, 0x83, 1, 9))))
    for _ in range(chance.choice([1, 2, 4])):
        start = chance.choice([446, 446, 100 * 512 + 446, 110 * 512 + 446])
        disk[start + chance.randrange(66)] = chance.choice([0, 5, 0x80, 0xEE, 0xFF, chance.randrange(256)])
    if chance.random() < 0.3:
        del disk[chance.randrange(512, len(disk)) :]
    assert len(read(disk).partitions) <= MAX_LOGICAL + 4


def test_a_disk_that_cannot_be_read_is_an_error() -> None:
    class Broken(Memory):
        def read_at(self, offset: int, size: int) -> bytes:
            return super().read_at(offset + 4096, size)

    with pytest.raises(ParseError):
        parse_partition_table(Broken(bytes(4096)))
