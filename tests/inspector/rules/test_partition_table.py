"""Rules about the partition table."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.rules.partition_table import (
    RULES,
    partition_table_fits_sectors,
    partition_table_valid,
    partitions_do_not_overlap,
    partitions_inside_disk,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.oracles import needs
from tests.partition_builder import gpt_disk, mbr_disk
from tests.volumes import storage_at

PARAMETERS = {"partition-table-fits-sectors": {"sector_size": 512}}


def judge(rule: Rule, tmp_path: Path, data: bytes | bytearray) -> Verdict:
    path = tmp_path / "disk.img"
    path.write_bytes(data)
    return rule(Facts({Storage: storage_at(path)}), **PARAMETERS.get(rule.name, {}))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_whole_tables_are_ok(tmp_path: Path, rule: Rule) -> None:
    assert judge(rule, tmp_path, gpt_disk(1000, (100, 199))).status is Status.OK
    assert judge(rule, tmp_path, mbr_disk(1000, (0x80, 0x83, 100, 100))).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(Facts({Storage: UnknownFact("no disk")}), **PARAMETERS.get(rule.name, {}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@needs("sgdisk")
def test_a_broken_primary_gpt(tmp_path: Path) -> None:
    disk = gpt_disk(10_000, (2048, 3000))
    disk[560] ^= 1
    verdict = judge(partition_table_valid, tmp_path, disk)
    assert verdict.status is Status.FAILED
    assert (verdict.evidence[0].place.path, verdict.evidence[0].place.offset) == ("sda", 512)
    path = tmp_path / "disk.img"
    subprocess.run(["sgdisk", "-e", str(path)], check=False, capture_output=True)
    assert judge(partition_table_valid, tmp_path, path.read_bytes()).status is Status.OK


@needs("sgdisk")
def test_a_backup_that_is_not_at_the_end(tmp_path: Path) -> None:
    verdict = judge(partition_table_valid, tmp_path, gpt_disk(10_000, (2048, 3000)) + bytes(1 << 20))
    assert verdict.status is Status.WARNING
    path = tmp_path / "disk.img"
    subprocess.run(["sgdisk", "-e", str(path)], check=True, capture_output=True)
    assert judge(partition_table_valid, tmp_path, path.read_bytes()).status is Status.OK


def test_a_broken_backup_is_a_warning(tmp_path: Path) -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[999 * 512 + 60] ^= 1
    assert judge(partition_table_valid, tmp_path, disk).status is Status.WARNING


def test_what_an_older_table_left_is_a_warning(tmp_path: Path) -> None:
    disk = gpt_disk(1000, (100, 199))
    disk[:512] = mbr_disk(1, (0x80, 0x83, 300, 100))[:512]
    assert judge(partition_table_valid, tmp_path, disk).status is Status.WARNING
    disk[512:1024] = bytes(512)  # what wipefs takes away
    assert judge(partition_table_valid, tmp_path, disk).status is Status.OK


@pytest.mark.parametrize("data", [bytes(1 << 20), mbr_disk(1000), gpt_disk(1000)], ids=["zeros", "mbr", "gpt"])
def test_no_partition_at_all_has_failed(tmp_path: Path, data: bytes) -> None:
    assert judge(partition_table_valid, tmp_path, data).status is Status.FAILED


@needs("mkfs.ext4", "sfdisk")
def test_a_file_system_on_the_whole_disk_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(path)], check=True)
    verdict = judge(partition_table_valid, tmp_path, path.read_bytes())
    assert verdict.status is Status.WARNING
    assert "ext4 on the whole disk" in verdict.evidence[0].seen
    for rule in (partitions_inside_disk, partitions_do_not_overlap):
        with pytest.raises(NotApplicable):
            judge(rule, tmp_path, path.read_bytes())
    subprocess.run(["sfdisk", "-q", "--wipe", "always", str(path)], input=b"label: dos\n,,83\n", check=True)
    assert judge(partition_table_valid, tmp_path, path.read_bytes()).status is Status.OK


@needs("qemu-img")
@pytest.mark.parametrize("kind", ["gpt", "mbr"])
def test_a_disk_that_was_cut(tmp_path: Path, kind: str) -> None:
    disk = gpt_disk(10_000, (2048, 9000)) if kind == "gpt" else mbr_disk(10_000, (0x80, 0x83, 2048, 7952))
    verdict = judge(partitions_inside_disk, tmp_path, disk[: 8000 * 512])
    assert verdict.status is Status.FAILED
    assert verdict.evidence[-1].place.offset == 2048 * 512
    path = tmp_path / "disk.img"
    subprocess.run(["qemu-img", "resize", "-q", "-f", "raw", str(path), str(10_000 * 512)], check=True)
    assert os.stat(path).st_size == len(disk)  # noqa: PTH116 - the file that the tool changed
    assert judge(partitions_inside_disk, tmp_path, path.read_bytes()).status is Status.OK


@needs("sfdisk")
def test_overlapping_partitions(tmp_path: Path) -> None:
    disk = mbr_disk(10_000, (0x80, 0x83, 2048, 4096), (0, 0x83, 4096, 1024))
    verdict = judge(partitions_do_not_overlap, tmp_path, disk)
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place.offset == 4096 * 512
    path = tmp_path / "disk.img"
    subprocess.run(["sfdisk", "-q", "--delete", str(path), "2"], check=True)
    assert judge(partitions_do_not_overlap, tmp_path, path.read_bytes()).status is Status.OK


def test_a_table_for_sectors_of_another_size_is_not_found_by_the_cloud(tmp_path: Path) -> None:
    verdict = judge(partition_table_fits_sectors, tmp_path, gpt_disk(1000, (100, 199), sector=4096))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "gpt in sectors of 4096 bytes")
    assert judge(partition_table_fits_sectors, tmp_path, gpt_disk(1000, (100, 199))).status is Status.OK
