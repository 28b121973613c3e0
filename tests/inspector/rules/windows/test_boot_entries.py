from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import pytest

from fixtures.files import Dir, Link, Node
from fixtures.windows import bcd
from fixtures.windows.hive import Data
from fixtures.windows.hive_log import changed_pages, dirty, new_log, old_log
from fixtures.windows.pe import EFI_APPLICATION, program
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.rule import Rule
from inspector.rules.windows.boot import RULES as STORE_RULES
from inspector.rules.windows.boot import windows_bcd_starts_windows, windows_starts_in_normal_mode
from inspector.rules.windows.boot_entries import (
    RULES,
    windows_boot_menu_leads_to_systems,
    windows_boot_store_is_written_completely,
    windows_boot_waits_for_nobody,
    windows_recovery_is_there,
    windows_starts_again_after_a_failure,
    windows_starts_its_default_entry,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.partition.table import Partition, Scheme
from tests.corpus import corpus
from tests.memory_tree import Files
from tests.volumes import SIZE, storage_of, volume_of
from tests.windows import SIGNATURE, Changes, WindowsTree, golden, golden_storage, hive

pytestmark = pytest.mark.corpus

ELEMENTS: Final = rf"Objects\{bcd.ENTRY}\Elements"
MANAGER: Final = rf"Objects\{bcd.MANAGER}\Elements"
OTHER: Final = "{11111111-2222-3333-4444-555555555555}"
BOOT: Final = bcd.mbr_device(SIGNATURE, SIZE)
WINDOWS: Final = bcd.mbr_device(SIGNATURE, 2 * SIZE)
NOWHERE: Final = bcd.mbr_device(SIGNATURE, 9 * SIZE)
RECOVERY_FILES: Final = {"/Recovery/WindowsRE/Winre.wim": b"MSWIM\0\0\0", "/Recovery/WindowsRE/boot.sdi": b"$SDI0001"}
NAMED: Final[dict[str, Data]] = {"14000008": [bcd.RECOVERY], "16000009": b"\1"}


def store(entry: Mapping[str, Data] | None = None, others: bcd.Things | None = None) -> bytes:
    return hive(bcd.store(BOOT, WINDOWS, entry=entry, others=others))


def facts(
    entry: Mapping[str, Data] | None = None, others: bcd.Things | None = None, files: Changes | None = None
) -> Facts:
    return golden(files=files, boot={"/Boot/BCD": store(entry, others)})


def menu(*names: str) -> bcd.Things:
    return {bcd.MANAGER: (0x10100002, {"24000001": list(names)})}


def loader(device: bytes = WINDOWS, path: str = r"\Windows\system32\winload.exe") -> bcd.Things:
    return {**menu(bcd.ENTRY, OTHER), OTHER: (0x10200003, {"11000001": device, "12000002": path, "12000004": "Old"})}


def seen(verdict: Verdict) -> list[tuple[str, str]]:
    return [(str(item.place), item.seen) for item in verdict.evidence]


@pytest.mark.parametrize(
    ("others", "place", "what"),
    [
        (menu(bcd.ENTRY, OTHER), rf"\Boot\BCD {MANAGER}\24000001\Element", f"{OTHER}: there is no such entry"),
        (loader(NOWHERE), rf"\Boot\BCD Objects\{OTHER}\Elements\11000001\Element",
         "the entry 'Old' starts from a partition that is not in the image: "
            f"partition byte {9 * SIZE} of disk deadbeef"),
        (loader(path=r"\old\winload.exe"), r"\old\winload.exe",
         "the entry 'Old' needs a file that does not exist"),
        ({**menu(bcd.ENTRY, OTHER), OTHER: (0x10200003, {"11000001": WINDOWS})}, rf"\Boot\BCD Objects\{OTHER}",
         f"the entry {OTHER} names no program: no path or device"),
        ({bcd.ENTRY: (0x10200003, {"23000003": OTHER})}, rf"\Boot\BCD {ELEMENTS}\23000003\Element",
         f"{OTHER}: there is no such entry"),
    ],
    ids=["no entry", "no partition", "no loader", "no path", "no resume loader"],
)  # fmt: skip
def test_an_entry_of_the_menu_that_leads_nowhere(others: bcd.Things, place: str, what: str) -> None:
    verdict = windows_boot_menu_leads_to_systems(facts(others=others))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert seen(verdict) == [(place, what)]


def test_a_resume_loader_that_is_gone() -> None:
    path = "/Windows/System32/winresume.exe"
    verdict = windows_boot_menu_leads_to_systems(facts(files={path: None}))
    assert verdict.status is Status.WARNING
    assert seen(verdict)[0][0] == r"\Windows\system32\winresume.exe"
    assert windows_boot_menu_leads_to_systems(facts()).status is Status.OK


def test_the_menu_may_hold_other_systems_that_are_there() -> None:
    verdict = windows_boot_menu_leads_to_systems(facts(others=loader(BOOT, r"\bootmgr")))
    assert verdict.status is Status.OK
    assert seen(verdict)[:2] == [
        (rf"\Boot\BCD {MANAGER}\24000001\Element", "entries: 2"), (r"\bootmgr", "of the entry 'Old'")
    ]  # fmt: skip


def test_an_entry_on_a_virtual_disk_is_not_known() -> None:
    verdict = windows_boot_menu_leads_to_systems(facts(others=loader(bcd.virtual_disk_device())))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "starts from a device that is not followed: vhd" in seen(verdict)[0][1]


@pytest.mark.parametrize(
    ("sequence", "status", "what"),
    [
        ([bcd.RECOVERY], Status.WARNING, "next: 'Windows Recovery Environment'"),
        ([OTHER, bcd.ENTRY], Status.WARNING, f"next: {OTHER}, which is not there"),
        ([bcd.ENTRY], Status.OK, "the entry of the next start"),
        ([], Status.OK, "the entry of the next start"),
    ],
)
def test_what_is_started_once(sequence: list[str], status: Status, what: str) -> None:
    others = {**bcd.recovery(WINDOWS), bcd.MANAGER: (0x10100002, {"24000002": sequence})}
    verdict = windows_starts_its_default_entry(facts(others=others))
    assert verdict.status is status
    assert seen(verdict)[0][1] == what
    if status is Status.WARNING:
        assert seen(verdict)[0][0] == rf"\Boot\BCD {MANAGER}\24000002\Element"


def of_manager(elements: dict[str, Data], entry: dict[str, Data] | None = None) -> Verdict:
    others: bcd.Things = {**loader(BOOT, r"\bootmgr"), bcd.MANAGER: (0x10100002, elements)}
    return windows_boot_waits_for_nobody(facts(entry, others))


@pytest.mark.parametrize(
    ("elements", "entry", "place", "what"),
    [
        (
            {"25000004": None, "24000001": [bcd.ENTRY, OTHER]},
            {},
            rf"{MANAGER}\24000001",
            "entries: 2, without a timeout",
        ),
        (
            {"25000004": (86400).to_bytes(8, "little"), "24000001": [bcd.ENTRY, OTHER]},
            {},
            rf"{MANAGER}\25000004",
            "entries: 2, a timeout of 86400 s",
        ),
        ({"25000004": None, "26000020": b"\1"}, {}, rf"{MANAGER}\24000001", "entries: 1, without a timeout"),
        ({"16000040": b"\1"}, {}, rf"{MANAGER}\16000040", "advancedoptions"),
        ({}, {"16000041": b"\1"}, rf"{ELEMENTS}\16000041", "optionsedit"),
    ],
    ids=["two entries", "two entries and a day", "the menu is asked for", "F8", "the editor"],
)
def test_a_menu_that_waits(elements: dict[str, Data], entry: dict[str, Data], place: str, what: str) -> None:
    verdict = of_manager(elements, entry)
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert seen(verdict) == [(rf"\Boot\BCD {place}\Element", what)]


@pytest.mark.parametrize(
    "elements",
    [
        {"25000004": None},
        {"25000004": bytes(8), "24000001": [bcd.ENTRY, OTHER]},
        {"25000004": (999).to_bytes(8, "little")},
        {"25000004": (60).to_bytes(8, "little"), "24000001": [bcd.ENTRY, OTHER]},
        {"25000004": None, "26000020": b"\0"},
        {"16000040": b"\0", "16000041": b"\0"},
    ],
    ids=["one entry", "a timeout", "one entry and long", "a minute", "no menu", "off"],
)
def test_a_menu_that_does_not_wait(elements: dict[str, Data]) -> None:
    assert of_manager(elements).status is Status.OK


def test_a_setting_that_both_inherit_is_told_once() -> None:
    others: bcd.Things = {
        bcd.SETTINGS: (0x20200003, {"16000040": b"\1"}),
        bcd.MANAGER: (0x10100002, {"14000006": [bcd.SETTINGS]}),
    }
    verdict = windows_boot_waits_for_nobody(facts(others=others))
    assert seen(verdict) == [(rf"\Boot\BCD Objects\{bcd.SETTINGS}\Elements\16000040\Element", "advancedoptions")]


def test_recovery() -> None:
    verdict = windows_recovery_is_there(facts(NAMED, bcd.recovery(WINDOWS), RECOVERY_FILES))
    assert verdict.status is Status.OK
    assert seen(verdict) == [(bcd.RECOVERY_IMAGE, "of the entry 'Windows Recovery Environment'")]


@pytest.mark.parametrize(
    ("others", "gone", "place", "what"),
    [
        ({}, "", rf"\Boot\BCD {ELEMENTS}\14000008\Element", "there is no such entry"),
        (bcd.recovery(NOWHERE), "", rf"\Boot\BCD Objects\{bcd.RECOVERY}\Elements\11000001\Element", "not in the image"),
        (bcd.recovery(WINDOWS), "/Recovery/WindowsRE/Winre.wim", bcd.RECOVERY_IMAGE, "does not exist"),
        (bcd.recovery(WINDOWS), "/Recovery/WindowsRE/boot.sdi", bcd.RECOVERY_SDI, "does not exist"),
        ({bcd.RECOVERY: bcd.recovery(WINDOWS)[bcd.RECOVERY]}, "",
         rf"\Boot\BCD Objects\{bcd.RECOVERY}\Elements\11000001\Element", "options of its RAM disk that are not there"),
        ({**bcd.recovery(WINDOWS), bcd.RECOVERY_OPTIONS: (0x30000000, {"32000004": "x"})}, "",
         rf"\Boot\BCD Objects\{bcd.RECOVERY_OPTIONS}", "no SDI file"),
    ],
    ids=["no entry", "no partition", "no image", "no SDI", "no options", "no SDI named"],
)  # fmt: skip
def test_recovery_that_is_gone(others: bcd.Things, gone: str, place: str, what: str) -> None:
    files: Changes = {**RECOVERY_FILES, gone: None} if gone else RECOVERY_FILES
    verdict = windows_recovery_is_there(facts(NAMED, others, files))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert seen(verdict)[0][0] == place
    assert what in seen(verdict)[0][1]
    off = windows_recovery_is_there(facts({**NAMED, "16000009": b"\0"}, others, files))
    assert (off.status, seen(off)[0][1]) == (Status.OK, "recoveryenabled: no")


def test_an_image_of_recovery_that_is_empty_or_unreadable() -> None:
    others, image = bcd.recovery(WINDOWS), "/Recovery/WindowsRE/Winre.wim"
    nodes: list[tuple[Node, str]] = [
        (b"", "is empty"),
        (b"x", "is no image: it is no image: 4d 53 57 49 4d 00 00 00 wanted, 78 found"),
        (Dir(), "is no file, but a directory"),
    ]
    for node, flaw in nodes:
        verdict = windows_recovery_is_there(facts(NAMED, others, {**RECOVERY_FILES, image: node}))
        assert (verdict.status, verdict.known) == (Status.WARNING, True)
        assert seen(verdict)[0][1].endswith(f"needs a file that {flaw}")
    verdict = windows_recovery_is_there(facts(NAMED, others, {**RECOVERY_FILES, image: Link("Winre.wim")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"16000009": b"\1"}, ["recoveryenabled: yes"]),
        ({"16000009": None}, ["recoveryenabled: not set"]),
        ({"250000e0": bytes(8)}, ["bootstatuspolicy: displayallfailures"]),
        ({"250000e0": None, "16000009": b"\1"}, ["recoveryenabled: yes", "bootstatuspolicy: not set"]),
        ({"250000e0": b"\x63"}, ["bootstatuspolicy: 99"]),
    ],
)
def test_what_comes_after_a_failure(entry: dict[str, Data], what: list[str]) -> None:
    verdict = windows_starts_again_after_a_failure(facts(entry))
    assert verdict.status is Status.WARNING
    assert [item for _, item in seen(verdict)] == what


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_store_nothing_is_ok(rule: Rule, content: bytes | None) -> None:
    changed = golden(boot={"/Boot/BCD": content})
    if content is None:
        with pytest.raises(NotApplicable):
            rule(changed)
    else:
        verdict = rule(changed)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not windows_boot_store_is_written_completely])
def test_a_store_without_a_default_entry_is_the_matter_of_another_rule(rule: Rule) -> None:
    with pytest.raises(NotApplicable):
        rule(golden(boot={"/Boot/BCD": hive({"Objects": {}})}))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_part_of_the_store_that_cannot_be_read_is_not_known(rule: Rule) -> None:
    verdict = rule(facts({"16000009": b"", "11000001": b"short"}))
    if rule is windows_boot_store_is_written_completely:
        assert verdict.status is Status.OK
    else:
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def logged(kind: str) -> dict[str, Any]:
    """Return a store that lacks its last write, which set safe mode, with the logs that have it."""
    old, new = store({"25000080": bytes(8)}), store({"25000080": (1).to_bytes(8, "little")})
    assert len(old) == len(new)
    pages = changed_pages(old, new, 512)
    assert pages
    log = old_log(old, new) if kind == "LOG" else new_log([(7, len(new) - 4096, pages)], sequence=7)
    stamped = old[:12] + new[12:20] + old[20:]
    return {"/Boot/BCD": dirty(stamped, 8, 7), f"/Boot/BCD.{kind}": log}


@pytest.mark.parametrize("kind", ["LOG", "LOG1", "LOG2"])
def test_the_logs_beside_the_store_are_replayed(kind: str) -> None:
    changed = golden(boot=logged(kind))
    verdict = windows_boot_store_is_written_completely(changed)
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert seen(verdict) == [(r"\Boot\BCD", "replayed")]
    assert windows_starts_in_normal_mode(changed).evidence[0].seen == "safeboot: network"
    assert windows_boot_store_is_written_completely(golden()).status is Status.OK


def test_a_store_whose_last_write_is_lost_is_not_known() -> None:
    changed = golden(boot={"/Boot/BCD": dirty(store(), 8, 7)})
    for rule in (*RULES, windows_bcd_starts_windows, windows_starts_in_normal_mode):
        verdict = rule(changed)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
        assert "no log of it can be replayed" in verdict.evidence[0].seen


EFI: Final = "36be3955-63bf-4068-a6ab-00195cca3a22"
DRIVE, TOOLS = "8e0f2c38-e4ea-47ba-b7fc-9d8c74dccf0b", "6cdfcd69-de75-4490-8f99-5a84bf264917"
ESP, BASIC = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
RECOVERY_TYPE: Final = "de94bba4-06d1-4d40-a16a-bfd50179d6ac"


def of_a_real_store(gone: str = "") -> Facts:
    """Return a disk whose partitions are those that the boot store of a real Windows 10 names."""
    base = "/EFI/Microsoft/Boot"
    real = corpus("known/hives/hv-rp-BCD.hive.xz").read_bytes()
    trees: list[tuple[str, str, Files]] = [
        (ESP, EFI, {f"{base}/bootmgfw.efi": program(subsystem=EFI_APPLICATION), f"{base}/BCD": real}),
        (BASIC, DRIVE, {}),
        (RECOVERY_TYPE, TOOLS, dict(RECOVERY_FILES)),
    ]
    drive = golden_storage().volumes[1].tree
    volumes = []
    for number, (kind, uuid, files) in enumerate(trees, 1):
        there = {path: node for path, node in files.items() if path != gone}
        tree = drive if uuid == DRIVE else WindowsTree(there)
        volume = volume_of(tree, number, "vfat" if kind == ESP else "ntfs")
        volume.partition = Partition(number, number * SIZE, SIZE, kind, uuid)
        volumes.append(volume)
    storage = storage_of(*volumes, scheme=Scheme.GPT)
    return Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)


def test_a_real_store_on_the_partitions_that_it_names() -> None:
    changed = of_a_real_store()
    verdicts = {rule.name: rule(changed) for rule in (*RULES, *STORE_RULES)}
    again = verdicts.pop(windows_starts_again_after_a_failure.name)
    assert [item for _, item in seen(again)] == ["recoveryenabled: yes", "bootstatuspolicy: not set"]
    assert {name: verdict.status for name, verdict in verdicts.items() if verdict.status is not Status.OK} == {}
    assert seen(verdicts[windows_recovery_is_there.name]) == [
        (r"\Recovery\WindowsRE\Winre.wim", "of the entry 'Windows Recovery Environment'")
    ]
    for gone in RECOVERY_FILES:
        verdict = windows_recovery_is_there(of_a_real_store(gone))
        assert (verdict.status, seen(verdict)[0][0]) == (Status.WARNING, gone.replace("/", "\\"))


def judge_damaged(count: int) -> None:
    good = store({**NAMED, "24000002": [bcd.RECOVERY]}, {**loader(), **bcd.recovery(WINDOWS)})
    for seed in range(count):
        dice = random.Random(seed)
        content = bytearray(good)
        for _ in range(dice.choice((1, 2, 8, 40))):
            at = dice.randrange(4096 + 32, len(content) - 8)
            content[at] = dice.choice((0, 255, content[at] ^ 1 << dice.randrange(8), dice.randrange(256)))
        changed = golden(files=RECOVERY_FILES, boot={"/Boot/BCD": bytes(content)})
        for rule in (*RULES, *STORE_RULES):
            with suppress(NotApplicable):
                rule(changed)


def test_no_rule_breaks_on_a_damaged_store() -> None:
    judge_damaged(40)


@pytest.mark.soak
def test_no_rule_breaks_on_thousands_of_damaged_stores() -> None:
    judge_damaged(2000)
