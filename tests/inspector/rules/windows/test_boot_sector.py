from __future__ import annotations

import pytest

from fixtures.windows import bcd
from fixtures.windows.boot_sector import boot_sector
from fixtures.windows.pe import EFI_APPLICATION, program
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.facts.windows_boot import WindowsBoot
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.rule import Rule
from inspector.rules.windows.boot_sector import (
    RULES,
    windows_boot_sector_knows_its_place,
    windows_boot_sector_starts_the_boot_manager,
)
from inspector.verdict import NotApplicable, Status
from parsers.boot.bcd import BcdStore
from parsers.partition.table import Partition
from tests.memory_tree import Files
from tests.volumes import SIZE, storage_of, volume_of
from tests.windows import SECTOR, SIGNATURE, STARTED, Large, WindowsTree, golden_storage, hive

pytestmark = pytest.mark.corpus

START = SIZE // SECTOR


def facts_of(storage: Storage) -> Facts:
    return Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)


def started(head: bytes) -> Facts:
    storage = golden_storage()
    first = storage.volumes[0]
    first.source = Large(head, STARTED, first.name)
    return facts_of(storage)


def for_uefi_too(head: bytes) -> Facts:
    """Return a disk with an EFI system partition besides."""
    base = "/EFI/Microsoft/Boot"
    windows = bcd.mbr_device(SIGNATURE, 2 * SIZE)
    store = hive(bcd.store(windows, windows, r"\Windows\system32\winload.efi"))
    files: Files = {f"{base}/bootmgfw.efi": program(subsystem=EFI_APPLICATION), f"{base}/BCD": store}
    third = volume_of(WindowsTree(files), 3, "vfat")
    third.partition = Partition(3, 3 * SIZE, STARTED, "0xef")
    storage = golden_storage()
    storage.volumes[0].source = Large(head, STARTED, "sda1")
    return facts_of(storage_of(*storage.volumes, third))


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        (boot_sector(START, message=b"NTLDR is missing"), "boot code: NTLDR"),
        (bytes(512), "boot code: empty"),
        (
            boot_sector(START, message=b"This is not a bootable disk"),
            "boot code: a message that the disk does not boot",
        ),
    ],
    ids=["NTLDR", "zeros", "no code"],
)
def test_code_that_does_not_start_the_boot_manager(head: bytes, seen: str) -> None:
    verdict = windows_boot_sector_starts_the_boot_manager(started(head))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)
    assert [(item.place.path, item.place.offset, item.seen) for item in verdict.evidence] == [("sda1", SIZE, seen)]
    assert windows_boot_sector_starts_the_boot_manager(for_uefi_too(head)).status is Status.WARNING
    with pytest.raises(NotApplicable):
        windows_boot_sector_knows_its_place(started(head))


def test_code_of_others_is_not_known() -> None:
    for message in (b"", b"GRUB \0Geom\0"):
        verdict = windows_boot_sector_starts_the_boot_manager(started(boot_sector(START, message=message)))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("hidden", [0, START - 1, 2 * START, 63])
def test_code_that_looks_for_itself_elsewhere(hidden: int) -> None:
    verdict = windows_boot_sector_knows_its_place(started(boot_sector(hidden)))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)
    assert verdict.evidence[0].seen == f"{START} hidden sectors wanted, {hidden} found"
    assert verdict.evidence[0].place.offset == SIZE
    assert windows_boot_sector_knows_its_place(for_uefi_too(boot_sector(hidden))).status is Status.WARNING
    mended = bytearray(boot_sector(hidden))
    mended[0x1C:0x20] = START.to_bytes(4, "little")  # the advised fix
    assert windows_boot_sector_knows_its_place(started(bytes(mended))).status is Status.OK


@pytest.mark.parametrize("geometry", [(0, 255), (63, 0)])
def test_a_geometry_that_is_not_set(geometry: tuple[int, int]) -> None:
    verdict = windows_boot_sector_knows_its_place(started(boot_sector(START, geometry=geometry)))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)


def test_sectors_of_4096_bytes_are_counted_as_such() -> None:
    head = boot_sector(SIZE // 4096, sector_size=4096)
    assert windows_boot_sector_knows_its_place(started(head)).status is Status.OK


def test_a_parameter_block_that_is_none_is_not_known() -> None:
    head = b"\0\0\0" + boot_sector(START)[3:]
    verdict = windows_boot_sector_knows_its_place(started(head))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_a_partition_that_is_started_it_is_not_known(rule: Rule) -> None:
    storage = golden_storage()
    storage.volumes[0].partition = Partition(1, SIZE, STARTED, "0x07")
    verdict = rule(facts_of(storage_of(*storage.volumes)))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_for_uefi_alone_no_rule_applies(rule: Rule) -> None:
    facts = for_uefi_too(boot_sector(START))
    (efi,) = [loader for loader in facts[WindowsBoot].loaders if loader.firmware == "uefi"]
    assert isinstance(efi.store, BcdStore)
    with pytest.raises(NotApplicable):
        rule(Facts({Storage: facts[Storage], WindowsBoot: WindowsBoot((efi,))}))
