from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.windows.boot_sector import boot_sector
from fixtures.windows.security import ADMINISTRATORS, FULL, ROOT, SYSTEM, USERS, Entry, descriptor
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.rule import Rule
from inspector.rules.windows.volume_layout import (
    RULES,
    windows_partitions_are_large_enough,
    windows_partitions_are_shown,
    windows_system_drive_is_ntfs,
    windows_system_may_use_its_drive,
    windows_system_partition_is_readable,
)
from inspector.verdict import Status, Verdict
from parsers.filesystem.superblock import Superblock
from parsers.partition.table import Partition, Scheme
from tests.memory_tree import MemoryTree
from tests.volumes import SIZE, storage_of, volume_of
from tests.windows import DRIVE, SECTOR, STARTED, Large, WindowsTree, golden_storage, windows_of

pytestmark = pytest.mark.corpus

BASIC, ESP = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
LEAST = {"drive": 20_000_000_000, "started": 100_000_000}
GIB = 1 << 30


def facts_of(storage: Storage) -> Facts:
    return Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)


def asked(rule: Rule, storage: Storage) -> Verdict:
    return rule(facts_of(storage), **(LEAST if rule is windows_partitions_are_large_enough else {}))


def seen(verdict: Verdict) -> list[tuple[str, str]]:
    return [(item.place.path, item.seen) for item in verdict.evidence]


@pytest.mark.parametrize(
    ("size", "status", "text"),
    [(512, Status.OK, "512"), (4096, Status.OK, "4096"), (1024, Status.WARNING, "1024"), (256, Status.WARNING, "256")],
)
def test_sectors_of_the_system_drive(size: int, status: Status, text: str) -> None:
    storage = golden_storage()
    storage.volumes[1].source = Large(boot_sector(2 * SIZE // size, sector_size=size), DRIVE, "sda2")
    verdict = windows_system_drive_is_ntfs(facts_of(storage))
    assert (verdict.status, seen(verdict)) == (status, [("sda2", f"NTFS in sectors of {text} bytes")])


def test_a_system_drive_that_is_not_ntfs() -> None:
    storage = golden_storage()
    storage.volumes[1].superblock = Superblock("ReFS", 0)
    verdict = windows_system_drive_is_ntfs(facts_of(storage))
    assert (verdict.status, seen(verdict)) == (Status.WARNING, [("sda2", "ReFS")])


def test_a_boot_sector_that_cannot_be_read_is_not_known() -> None:
    storage = golden_storage()
    storage.volumes[1].source = Large(b"", DRIVE, "sda2")
    verdict = windows_system_drive_is_ntfs(facts_of(storage))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("number", "size", "what"),
    [
        (0, STARTED // 2, f"what bios starts: 100000000 bytes wanted, {STARTED // 2} found"),
        (1, 18 * GIB, f"the system drive: 20000000000 bytes wanted, {18 * GIB} found"),
        (0, 99 << 20, None),
        (1, 19 * GIB, None),
    ],
)
def test_sizes(number: int, size: int, what: str | None) -> None:
    storage = golden_storage()
    volume = storage.volumes[number]
    volume.source = Large(boot_sector(0), size, volume.name)
    verdict = asked(windows_partitions_are_large_enough, storage)
    assert verdict.status is (Status.WARNING if what else Status.OK)
    if what:
        assert seen(verdict) == [(volume.name, what)]


@pytest.mark.parametrize(("kind", "status"), [("vfat", Status.OK), ("ntfs", Status.OK), ("ext4", Status.WARNING)])
def test_what_a_bios_starts(kind: str, status: Status) -> None:
    storage = golden_storage()
    storage.volumes[0].superblock = Superblock(kind, 0)
    verdict = windows_system_partition_is_readable(facts_of(storage))
    assert (verdict.status, seen(verdict)) == (status, [("sda1", f"{kind}, started by bios")])


@pytest.mark.parametrize(("kind", "status"), [("vfat", Status.OK), ("ntfs", Status.WARNING), (None, Status.WARNING)])
def test_what_uefi_starts(kind: str | None, status: Status) -> None:
    storage = for_uefi()
    storage.volumes[0].superblock = Superblock(kind, 0) if kind else None
    verdict = windows_system_partition_is_readable(facts_of(storage))
    assert (verdict.status, seen(verdict)) == (status, [("sda1", f"{kind or 'not recognised'}, started by uefi")])


def for_uefi(efi: int = 0, drive: int = 0, kind: str = BASIC) -> Storage:
    """Return a GPT disk with these attributes, and the type of the system drive."""
    first, second = golden_storage().volumes
    first.partition = Partition(1, SIZE, STARTED, ESP, attributes=efi)
    first.superblock = Superblock("vfat", 0)
    second.partition = Partition(2, 2 * SIZE, DRIVE, kind, attributes=drive)
    return storage_of(first, second, scheme=Scheme.GPT)


@pytest.mark.parametrize(
    ("storage", "name", "what"),
    [
        ({"drive": 1 << 62}, "sda2", "hidden (attribute 62)"),
        ({"drive": 3 << 62 | 1}, "sda2", "hidden (attribute 62), without a drive letter (attribute 63)"),
        ({"drive": 1 << 60}, "sda2", "read-only (attribute 60)"),
        ({"drive": 1 << 61}, "sda2", "a shadow copy (attribute 61)"),
        ({"drive": 1 << 63}, "sda2", "without a drive letter (attribute 63)"),
        ({"efi": 2}, "sda1", "without block access (attribute 1)"),
        ({"kind": "de94bba4-06d1-4d40-a16a-bfd50179d6ac"}, "sda2",
         "type de94bba4-06d1-4d40-a16a-bfd50179d6ac, not basic data"),
    ],
    ids=[
        "hidden", "hidden and without a letter", "read-only", "a shadow copy", "without a letter", "without blocks",
        "for recovery",
    ],
)  # fmt: skip
def test_partitions_of_gpt_that_are_hidden(storage: dict[str, Any], name: str, what: str) -> None:
    verdict = windows_partitions_are_shown(facts_of(for_uefi(**storage)))
    assert (verdict.status, seen(verdict)) == (Status.WARNING, [(name, what)])


@pytest.mark.parametrize("attributes", [0, 1, 1 << 63, 3 << 62 | 1])
def test_an_efi_system_partition_may_be_without_a_drive_letter(attributes: int) -> None:
    """Windows sets these attributes itself where it makes one."""
    assert windows_partitions_are_shown(facts_of(for_uefi(attributes))).status is Status.OK


@pytest.mark.parametrize("kind", ["0x17", "0x27", "0x83"])
@pytest.mark.parametrize("number", [0, 1])
def test_partitions_of_mbr_that_are_hidden(kind: str, number: int) -> None:
    storage = golden_storage()
    volume = storage.volumes[number]
    assert volume.partition
    volume.partition = replace(volume.partition, type=kind)
    verdict = windows_partitions_are_shown(facts_of(storage_of(*storage.volumes)))
    assert (verdict.status, seen(verdict)) == (Status.WARNING, [(volume.name, f"type {kind}")])


def secured(entries: tuple[Entry, ...] | None) -> Storage:
    storage = golden_storage()
    tree = storage.volumes[1].tree
    assert isinstance(tree, WindowsTree)
    tree.security = descriptor(entries)
    return storage


@pytest.mark.parametrize(
    ("entries", "lacking"),
    [
        (ROOT, None),
        (None, None),
        (((0, 0, FULL, ADMINISTRATORS),), None),
        (((0, 0, 0x10000000, SYSTEM),), None),
        ((), "0x1f01ff"),
        (((0, 0, FULL, USERS),), "0x1f01ff"),
        (((0, 3, 0x1200A9, SYSTEM),), "0xd0156"),
        (((1, 0, 0x2, SYSTEM), *ROOT), "0x2"),
        (((0, 0x0B, FULL, SYSTEM),), "0x1f01ff"),
    ],
    ids=["as made", "no list", "as a group", "generic", "nobody", "users", "to read", "denied", "below alone"],
)
def test_the_rights_of_system(entries: tuple[Entry, ...] | None, lacking: str | None) -> None:
    verdict = windows_system_may_use_its_drive(facts_of(secured(entries)))
    assert verdict.evidence[0].place.path == "C:\\"
    assert verdict.evidence[0].seen.startswith("O:SY")
    if lacking is None:
        assert verdict.status is Status.OK
    else:
        assert verdict.status is Status.WARNING
        assert verdict.evidence[1].seen == f"rights that are lacking: {lacking}"
        assert windows_system_may_use_its_drive(facts_of(secured(ROOT))).status is Status.OK


def test_a_descriptor_that_cannot_be_read_is_not_known() -> None:
    storage = golden_storage()
    tree = storage.volumes[1].tree
    assert isinstance(tree, WindowsTree)
    for content in (b"", b"\1\0\4\x80" + bytes(12) + b"\xff\0\0\0", b"\2" + bytes(30)):
        tree.security = content
        verdict = windows_system_may_use_its_drive(facts_of(storage))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_files_without_descriptors_are_not_known() -> None:
    storage = golden_storage()
    tree = storage.volumes[1].tree
    assert isinstance(tree, WindowsTree)
    plain = volume_of(MemoryTree({path: node for path, node in tree._nodes.items() if path != "/"}), 2, "ntfs")
    verdict = windows_system_may_use_its_drive(facts_of(storage_of(storage.volumes[0], plain)))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_a_volume_nothing_is_known(rule: Rule) -> None:
    facts = Facts({Storage: golden_storage(), Guest: windows_of({})}, COLLECTORS)
    verdict = rule(facts, **(LEAST if rule is windows_partitions_are_large_enough else {}))
    if rule is not windows_system_partition_is_readable:
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", [windows_partitions_are_large_enough, windows_system_partition_is_readable])
def test_without_a_partition_that_is_started_it_is_not_known(rule: Rule) -> None:
    storage = golden_storage()
    storage.volumes[0].partition = Partition(1, SIZE, STARTED, "0x07")
    verdict = asked(rule, storage_of(*storage.volumes))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_system_drive_that_is_started_itself_counts_once() -> None:
    storage = golden_storage(files={"/bootmgr": b"BOOTMGR"})
    drive = storage.volumes[1]
    assert drive.partition
    drive.partition = replace(drive.partition, bootable=True)
    drive.source = Large(boot_sector(2 * SIZE // SECTOR), DRIVE, drive.name)
    verdict = asked(windows_partitions_are_large_enough, storage_of(drive))
    assert (verdict.status, seen(verdict)) == (Status.OK, [("sda2", f"the system drive: {DRIVE} bytes")])
