"""What a partition is said to be when it is part of something larger."""

from __future__ import annotations

import pytest

from inspector.disks.device import resolve
from inspector.disks.disk import DYNAMIC, Volume
from inspector.facts import UnknownFact
from parsers.filesystem.superblock import Superblock
from parsers.partition.table import Partition
from parsers.source import Memory

SIZE = 1 << 20


def volume(partition_type: str, kind: str | None = None) -> Volume:
    partition = Partition(1, SIZE, SIZE, partition_type)
    return Volume("sda1", Memory(bytes(SIZE), "sda1"), SIZE, partition, Superblock(kind, 0) if kind else None)


@pytest.mark.parametrize("kind", [None, "ntfs"])
@pytest.mark.parametrize("partition_type", DYNAMIC)
def test_what_windows_makes_of_several_disks_is_named_and_hides_its_volumes(
    partition_type: str, kind: str | None
) -> None:
    found = volume(partition_type, kind)
    assert found.reason == f"it is a part of {DYNAMIC[partition_type]}, which is not read so far"
    assert (found.tree, found.hides) == (None, True)
    with pytest.raises(UnknownFact, match="may lie inside sda1"):
        resolve("UUID=1234", [found])


@pytest.mark.parametrize("kind", ["BitLocker", "bcache", "zfs_member", "drbd", "isw_raid_member", "stratis"])
def test_members_of_what_is_not_read_hide_what_they_hold(kind: str) -> None:
    found = volume("0x83", kind)
    assert found.hides
    assert kind in (found.reason or "")


def test_a_file_system_that_is_not_read_hides_no_other() -> None:
    assert not volume("0x83", "hpfs").hides


@pytest.mark.parametrize(
    "partition_type",
    [
        "21686148-6449-6e6f-744e-656564454649",
        "9e1a2d38-c612-4316-aa26-8b49521e5a8b",
        "e3c9e316-0b5c-4db8-817d-f92df00215ae",
    ],
    ids=["bios boot", "prep", "microsoft reserved"],
)
def test_no_files_are_missed_in_partitions_that_are_for_none(partition_type: str) -> None:
    found = volume(partition_type)
    assert (found.tree, found.reason, found.hides) == (None, None, False)
