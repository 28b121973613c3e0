from __future__ import annotations

import struct
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.files import Dir, File, Node
from fixtures.windows import bcd
from fixtures.windows.hive import Data
from fixtures.windows.pe import EFI_APPLICATION, program
from inspector.collectors import COLLECTORS
from inspector.disks.disk import Opened
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.rule import Rule
from inspector.rules.windows.boot import (
    RULES,
    windows_bcd_starts_windows,
    windows_boot_manager_exists,
    windows_checks_signatures_of_drivers,
    windows_is_not_debugged,
    windows_starts_in_normal_mode,
    windows_uses_the_whole_machine,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.partition.table import Partition
from tests.memory_tree import Files
from tests.volumes import SIZE, storage_of, volume_of
from tests.windows import SIGNATURE, Changes, WindowsTree, golden, golden_storage, hive

pytestmark = pytest.mark.corpus

OBJECT = rf"Objects\{bcd.ENTRY}"
ENTRY = rf"{OBJECT}\Elements"
WINLOAD = "/Windows/System32/winload.exe"
BOOT = bcd.mbr_device(SIGNATURE, SIZE)
WINDOWS = bcd.mbr_device(SIGNATURE, 2 * SIZE)


def facts_of(store: bytes | None, boot: Changes | None = None, windows: Changes | None = None) -> Facts:
    return golden(files=windows, boot={"/Boot/BCD": store, **(boot or {})})


def with_store(entry: dict[str, Data] | None = None) -> Facts:
    return facts_of(hive(bcd.store(BOOT, WINDOWS, entry=entry)))


@pytest.mark.parametrize(
    "rule",
    [
        windows_starts_in_normal_mode, windows_checks_signatures_of_drivers, windows_is_not_debugged,
        windows_uses_the_whole_machine,
    ],
)  # fmt: skip
def test_of_a_store_without_a_default_entry_nothing_is_ok(rule: Rule) -> None:
    with pytest.raises(NotApplicable, match="no default entry"):
        rule(facts_of(hive({"Objects": {}})))


def seen(verdict: Verdict) -> tuple[str, str]:
    evidence = verdict.evidence[0]
    return str(evidence.place), evidence.seen


@pytest.mark.parametrize(
    ("store", "windows", "place", "what"),
    [
        (None, {}, r"\Boot\BCD", "it does not exist"),
        (bcd.store(BOOT, WINDOWS, entry={"21000001": BOOT}), {}, rf"\Boot\BCD {OBJECT}", "sda1"),
        (b"regf", {}, r"\Boot\BCD", r"\Boot\BCD at byte 0"),
        ({"Objects": {}}, {}, r"\Boot\BCD", "no default entry"),
        (bcd.store(BOOT, WINDOWS, entry={"12000002": None}), {}, rf"\Boot\BCD {OBJECT}", "no path or device"),
        (bcd.store(BOOT, WINDOWS, entry={"21000001": None}), {}, rf"\Boot\BCD {OBJECT}", "no osdevice"),
        (
            bcd.store(BOOT, bcd.mbr_device(SIGNATURE, 7 * SIZE)), {}, rf"\Boot\BCD {ENTRY}\11000001",
            f"partition byte {7 * SIZE} of disk deadbeef",
        ),
        (
            bcd.store(BOOT, bcd.mbr_device(1, 2 * SIZE)), {}, rf"\Boot\BCD {ENTRY}\11000001",
            f"partition byte {2 * SIZE} of disk 00000001",
        ),
        (
            bcd.store(BOOT, WINDOWS, r"\Windows\system32\winload.efi"), {}, rf"\Boot\BCD {ENTRY}\12000002",
            r"\Windows\system32\winload.efi",
        ),
        (bcd.store(BOOT, WINDOWS), {WINLOAD: None}, r"\Windows\system32\winload.exe", "it does not exist"),
        (bcd.store(BOOT, WINDOWS), {WINLOAD: b"text"}, r"\Windows\system32\winload.exe", "64 bytes wanted"),
        (
            bcd.store(BOOT, WINDOWS), {WINLOAD: program("i386")}, r"\Windows\system32\winload.exe",
            "for i386, Windows for x86_64",
        ),
    ],
)  # fmt: skip
def test_an_entry_that_leads_nowhere(store: Any, windows: Changes, place: str, what: str) -> None:
    content = hive(store) if isinstance(store, dict) else store
    verdict = windows_bcd_starts_windows(facts_of(content, windows=windows))
    assert verdict.status is Status.FAILED
    assert seen(verdict)[0].startswith(place)
    assert what in seen(verdict)[1]


@pytest.mark.parametrize(
    ("entry", "place", "what"),
    [
        ({"26000022": b"\1"}, "26000022", "winpe"),
        ({"11000001": bcd.virtual_disk_device()}, "11000001", "vhd"),
        ({"21000001": bcd.virtual_disk_device()}, "21000001", "vhd"),
        ({"21000001": bcd.ram_disk_device(r"\boot.wim", WINDOWS)}, "21000001", r"ramdisk \boot.wim on partition"),
        ({"11000001": bcd.located_device(0x12000002), "12000002": r"\gone.exe"}, "11000001", "is on no volume"),
    ],
    ids=["Windows PE", "VHD", "system on VHD", "RAM disk", "located nowhere"],
)
def test_an_entry_that_starts_something_else(entry: dict[str, Data], place: str, what: str) -> None:
    verdict = windows_bcd_starts_windows(with_store(entry))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)
    assert seen(verdict)[0] == rf"\Boot\BCD {ENTRY}\{place}\Element"
    assert what in seen(verdict)[1]
    assert windows_bcd_starts_windows(with_store()).status is Status.OK


def test_a_located_device_is_the_one_volume_with_the_file() -> None:
    located = {"11000001": bcd.located_device(0x12000002), "21000001": bcd.located_device(0x22000002)}
    store = hive(bcd.store(BOOT, WINDOWS, entry=located))
    assert windows_bcd_starts_windows(facts_of(store)).status is Status.OK
    twice = windows_bcd_starts_windows(facts_of(store, {WINLOAD: program(subsystem=16)}))
    assert (twice.status, twice.known) == (Status.WARNING, False)
    assert r"winload.exe is on sda1, sda2" in seen(twice)[1]


@pytest.mark.parametrize(
    "entry",
    [
        {"11000001": bcd.located_device(0)},
        {"11000001": bcd.located_device(0x12000030)},
        {"21000001": bytes(16) + struct.pack("<IIII", 4, 0, 16, 0)},
        {"16000009": b""},
        {"26000022": b""},
    ],
    ids=["by nothing", "by what is not set", "another device", "damage", "damaged winpe"],
)
def test_an_entry_whose_end_is_not_told_is_not_known(entry: dict[str, Data]) -> None:
    verdict = windows_bcd_starts_windows(with_store(entry))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_volume_that_may_hold_what_is_located_is_read_first() -> None:
    located = hive(bcd.store(BOOT, WINDOWS, entry={"11000001": bcd.located_device(0x12000002)}))
    storage = golden_storage(boot={"/Boot/BCD": located})
    third = volume_of(None, 3, "ntfs", reason="odd")
    storage = storage_of(*storage.volumes, third)
    verdict = windows_bcd_starts_windows(Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "not read: sda3" in seen(verdict)[1]


def test_no_boot_manager() -> None:
    good = hive(bcd.store(BOOT, WINDOWS))
    for content, what in ((None, "it does not exist"), (b"", "it is empty")):
        verdict = windows_boot_manager_exists(facts_of(good, {"/bootmgr": content}))
        assert (verdict.status, seen(verdict)) == (Status.FAILED, (r"\bootmgr", what))


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (bytes(4096), "it begins with zeros"),
        (Dir(), "it is no file, but a directory"),
        (File(b"\xe9 BOOTMGR", flags=("compressed",)), "it is compressed, which the boot sector does not read"),
        (File(b"\xe9 BOOTMGR", flags=("reparse-point",)), "it is compressed, which the boot sector does not read"),
        (File(b"\xe9 BOOTMGR", flags=("read-only", "hidden", "system")), None),
    ],
    ids=str,
)
def test_a_boot_manager_that_the_boot_sector_cannot_start(node: Node, what: str | None) -> None:
    verdict = windows_boot_manager_exists(golden(boot={"/bootmgr": node}))
    assert verdict.status is (Status.FAILED if what else Status.OK)
    if what:
        assert seen(verdict) == (r"\bootmgr", what)


@pytest.mark.parametrize(
    ("entry", "status", "known"),
    [
        ({"22000002": r"\WINDOWS"}, Status.OK, True),
        ({"22000002": r"\WINNT"}, Status.FAILED, True),
        ({"22000002": None}, Status.WARNING, False),
        ({"22000011": "ntoskrnl.exe", "22000012": "hal.dll"}, Status.OK, True),
        ({"22000011": "other.exe"}, Status.FAILED, True),
        ({"22000012": "other.dll"}, Status.FAILED, True),
    ],
    ids=str,
)
def test_the_folder_and_the_kernel_that_an_entry_names(entry: dict[str, Data], status: Status, known: bool) -> None:
    verdict = windows_bcd_starts_windows(with_store(entry))
    assert (verdict.status, verdict.known) == (status, known)


@pytest.mark.parametrize("at", [4096, 4096 + 8, -1])
def test_a_store_that_the_boot_manager_does_not_load(at: int) -> None:
    content = bytearray(hive(bcd.store(bcd.mbr_device(SIGNATURE, SIZE), bcd.mbr_device(SIGNATURE, 2 * SIZE))))
    if at < 0:
        del content[4095 + int.from_bytes(content[40:44], "little") :]
    else:
        content[at] ^= 0xFF
    verdict = windows_bcd_starts_windows(golden(boot={"/Boot/BCD": bytes(content)}))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)


def test_a_loader_that_is_cut_off() -> None:
    content = program(subsystem=16, content=b"\xc3" * 9000)[:4096]
    verdict = windows_bcd_starts_windows(golden(files={"/Windows/System32/winload.exe": content}))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)


def test_a_volume_that_cannot_be_read_is_not_known() -> None:
    for rule in RULES:
        storage = golden_storage()
        storage.volumes[0].__dict__["_opened"] = Opened(None, None, "odd")
        verdict = rule(Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("rule", "entry", "status", "what"),
    [
        (windows_starts_in_normal_mode, {"25000080": struct.pack("<Q", 0)}, Status.FAILED, "safeboot: minimal"),
        (windows_starts_in_normal_mode, {"25000080": struct.pack("<Q", 1)}, Status.FAILED, "safeboot: network"),
        (windows_checks_signatures_of_drivers, {"16000049": b"\1"}, Status.WARNING, "testsigning"),
        (windows_checks_signatures_of_drivers, {"16000048": b"\1"}, Status.WARNING, "nointegritychecks"),
        (windows_checks_signatures_of_drivers, {"16000049": b"\0"}, Status.OK, None),
        (windows_is_not_debugged, {"260000a0": b"\1"}, Status.WARNING, "debug"),
        (windows_is_not_debugged, {"16000010": b"\1"}, Status.WARNING, "bootdebug"),
        (windows_uses_the_whole_machine, {"25000061": struct.pack("<Q", 1)}, Status.WARNING, "numproc: 1"),
        (windows_uses_the_whole_machine, {"26000060": b"\1"}, Status.WARNING, "onecpu: True"),
        (windows_uses_the_whole_machine, {"26000060": b"\0"}, Status.OK, None),
        (
            windows_uses_the_whole_machine,
            {"15000007": struct.pack("<Q", 1 << 30)},
            Status.WARNING,
            "truncatememory: 1073741824",
        ),
        (windows_uses_the_whole_machine, {"25000031": struct.pack("<Q", 512)}, Status.WARNING, "removememory: 512"),
    ],
)
def test_settings_of_the_entry(rule: Rule, entry: dict[str, Data], status: Status, what: str | None) -> None:
    verdict = rule(with_store(entry))
    assert verdict.status is status
    if what:
        (name,) = entry
        assert seen(verdict) == (rf"\Boot\BCD {ENTRY}\{name}\Element", what)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_store_nothing_is_ok(rule: Rule, content: bytes | None) -> None:
    if rule is windows_boot_manager_exists:
        return
    facts = facts_of(content)
    if content is None and rule is not windows_bcd_starts_windows:
        with pytest.raises(NotApplicable):
            rule(facts)
    else:
        assert rule(facts).status is not Status.OK


def test_uefi() -> None:
    disk, part = "5c0ffee0-0000-4000-8000-000000000000", "b3c1a2d4-0000-4000-8000-00000000beef"
    device = bcd.gpt_device(disk, part)
    store = hive(bcd.store(device, device, r"\Windows\system32\winload.efi"))
    base = "/EFI/Microsoft/Boot"
    esp: Files = {f"{base}/bootmgfw.efi": program(subsystem=EFI_APPLICATION), f"{base}/BCD": store}
    first = volume_of(WindowsTree(esp), 1, "vfat")
    first.partition = Partition(1, SIZE, SIZE, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "e")
    second = golden_storage().volumes[1]
    assert second.partition is not None
    second.partition = replace(second.partition, uuid=part)
    storage = storage_of(first, second)
    facts = Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)
    assert [rule(facts).status for rule in RULES] == [Status.OK] * len(RULES)
