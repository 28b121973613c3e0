"""Rules about what partitions are used for; sfdisk writes the tables and names the types."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.rules.partition_use import RULES, system_disk_has_no_swap_partition, system_disk_is_basic
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status
from parsers.partition.table import Scheme
from tests.oracles import needs
from tests.volumes import storage_at, storage_of, volume_of

LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
DYNAMIC = {
    "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3": "Microsoft LDM metadata",
    "AF9B60A0-1431-4F62-BC68-3311714A69AD": "Microsoft LDM data",
    "E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D": "Microsoft Storage Spaces",
}
ROOT, SWAP = volume_of({"/etc/fstab": ""}), volume_of(None, 2, "swap")


def facts(*paths: Path) -> Facts:
    return Facts({Storage: storage_at(*paths)})


def cut(path: Path, label: str, *kinds: str) -> Path:
    """Return a disk of 8 MiB with a partition of 1 MiB for each of `kinds`."""
    with path.open("wb") as file:
        file.truncate(8 << 20)
    lines = [f"label: {label}", *(f"size=1MiB, type={kind}" for kind in kinds), ""]
    subprocess.run(["sfdisk", "-q", str(path)], input="\n".join(lines), text=True, check=True)
    return path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(Facts({Storage: UnknownFact("no disk")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_disk_without_a_table_is_not_concerned(rule: Rule) -> None:
    with pytest.raises(NotApplicable):
        rule(Facts({Storage: storage_of(ROOT, scheme=Scheme.NONE)}))


@needs("sfdisk")
@pytest.mark.parametrize("kind", DYNAMIC)
def test_a_dynamic_disk_or_a_storage_pool_fails_and_a_basic_one_mends_it(tmp_path: Path, kind: str) -> None:
    disk = cut(tmp_path / "disk.raw", "gpt", LINUX, kind)
    assert DYNAMIC[kind] in subprocess.check_output(["sfdisk", "-l", str(disk)], text=True)
    verdict = system_disk_is_basic(facts(disk))
    assert verdict.status is Status.FAILED
    assert (verdict.evidence[0].place.path, verdict.evidence[0].place.offset) == ("sda2", 2 << 20)
    assert system_disk_is_basic(facts(cut(disk, "gpt", LINUX, LINUX))).status is Status.OK


@needs("sfdisk")
def test_partitions_without_files_are_called_by_their_types(tmp_path: Path) -> None:
    kinds = ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "21686148-6449-6E6F-744E-656564454649", LINUX)
    verdict = system_disk_is_basic(facts(cut(tmp_path / "disk.raw", "gpt", *kinds)))
    assert verdict.evidence[0].seen == "on its partitions: Microsoft reserved, BIOS boot, unknown"


@needs("sfdisk")
def test_the_type_of_dynamic_disks_in_an_mbr(tmp_path: Path) -> None:
    disk = cut(tmp_path / "disk.raw", "dos", "7", "42")
    verdict = system_disk_is_basic(facts(disk))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, "sda2")
    data = facts(cut(tmp_path / "system.raw", "dos", "83"), disk)
    assert system_disk_is_basic(data).status is Status.OK


def test_a_swap_partition_is_a_warning_and_without_it_the_disk_is_ok() -> None:
    for kind in ("swap", "swsuspend"):
        verdict = system_disk_has_no_swap_partition(Facts({Storage: storage_of(ROOT, volume_of(None, 2, kind))}))
        assert verdict.status is Status.WARNING
        assert verdict.evidence[0].place.path == "sda2"
    verdict = system_disk_has_no_swap_partition(Facts({Storage: storage_of(ROOT)}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, "on its partitions: ext4")
