"""The guests of the Linux families in memory, each on a disk with a partition table and boot code, and judged."""

from __future__ import annotations

import struct
from collections.abc import Collection
from types import SimpleNamespace
from typing import Final, cast

from fixtures.families.family import ROOT_UUID, Family
from fixtures.kernel import SECTOR, grub_boot_sector, grub_core
from inspector import engine
from inspector.collectors import COLLECTORS
from inspector.disks.disk import Disk, Opened, Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.image import Image
from inspector.mounts import find_guest
from inspector.profile import load_profile
from inspector.report import CheckResult, Exemption, RuleResult
from inspector.verdict import Status
from parsers.container.detect import Format
from parsers.filesystem.superblock import Superblock
from parsers.filesystem.tree import Usage
from parsers.partition import parse_partition_table
from parsers.source import Memory, Window
from tests.memory_tree import MemoryTree

MIB: Final = 1 << 20
SIZE: Final = 4 * MIB
USAGE: Final = Usage(20 << 30, 15 << 30, 14 << 30, 1 << 20, 900_000)


def disk_bytes(loader: str) -> bytes:
    """Return a disk with one bootable partition at 1 MiB and the stubs of a loader's boot code."""
    raw = bytearray(SIZE)
    if loader == "grub2":
        raw[:440] = grub_boot_sector(1)
        core = grub_core(1)
        raw[SECTOR : SECTOR + len(core)] = core
    elif loader == "grub-legacy":
        raw[:440] = _stage1()
        raw[SECTOR : 2 * SECTOR] = b"\xbe\x1c\x22Loading stage1.5\0\0Geom\0Read\0 Error".ljust(SECTOR, b"\0")
    elif loader == "extlinux":
        raw[:64] = b"\x33\xc0\xfa\x8e\xd8".ljust(64, b"\x90")
        text = b"Missing operating system.\r\nOperating system load error.\r\n"
        raw[0x160 : 0x160 + len(text)] = text
        raw[MIB : MIB + 11] = b"\xeb\x58\x90EXTLINUX"
        raw[MIB + 510 : MIB + 512] = b"\x55\xaa"
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 0x83, b"\xff\xff\xff", 2048, (SIZE - MIB) // SECTOR)
    raw[440:444] = struct.pack("<I", 0x1A2B3C4D)
    raw[446:462] = entry
    raw[510:512] = b"\x55\xaa"
    return bytes(raw)


def _stage1() -> bytes:
    code = bytearray(440)
    code[:3] = b"\xeb\x48\x90"
    struct.pack_into("<I", code, 0x44, 1)
    text = b"GRUB \0Geom\0Hard Disk\0Read\0 Error\0"
    code[0x180 : 0x180 + len(text)] = text
    return bytes(code)


def facts_of(family: Family, *others: Volume, broken: frozenset[str] = frozenset()) -> Facts:
    """Return the facts of a family's guest, with `others` beside its root, on which `broken` paths cannot be read."""
    source = Memory(disk_bytes(family.loader), "disk.raw")
    table = parse_partition_table(source)
    (partition,) = table.partitions
    superblock = Superblock(family.kind, 0, ROOT_UUID)
    window = Window(source, partition.offset, partition.size, "sda1")
    volume = Volume("sda1", window, partition.offset, partition, superblock)
    tree = MemoryTree(family.files, "sda1", USAGE, broken=broken)
    volume.__dict__["_opened"] = Opened(tree, "native", None)
    image = SimpleNamespace(
        path="disk.raw", format=Format.RAW, virtual_size=40 << 30, file_size=SIZE, source=source, container=None,
        problems=(), resembles=None, member=None, bytes_read=0,
    )  # fmt: skip
    volumes = (volume, *others)
    storage = Storage((Disk("sda", cast("Image", image), table, volumes),), volumes)
    guest: Guest | UnknownFact
    try:
        guest = find_guest(storage)
    except UnknownFact as missing:
        guest = missing
    return Facts({Storage: storage, Guest: guest}, COLLECTORS)


def judged(family: Family, profile: str = "ecs") -> tuple[list[CheckResult], list[Exemption]]:
    """Return what a profile says of a family's guest."""
    return engine.judge(facts_of(family), load_profile(profile))


def statuses(checks: list[CheckResult]) -> dict[str, Status]:
    """Return the status of each check."""
    return {check.name: check.status for check in checks}


READ: Final = frozenset(
    [check.name for check in load_profile("ecs-tool").checks]
    + ["SystemImage", "BootMode", "KernelVersion", "RtcTimeMode", "OSVersion"]
)
"""The checks whose evidence differs from family to family; of the others it is enough that they are OK."""


def explained(checks: list[CheckResult], exemptions: list[Exemption], read: Collection[str] = READ) -> str:
    """Return one line for every rule of the checks to `read` and for each of its pieces of evidence.

    Then what does not concern the guest.
    """
    lines = []
    rules = {rule for check in load_profile("ecs").checks if check.name in read for rule in check.rules}
    for check in [check for check in checks if check.name in read]:
        for rule in check.rules:
            lines += lines_of(check, rule)
    lines += [f"not applicable  {item.name}: {item.reason}\n" for item in exemptions if item.name in rules]
    return "".join(lines)


def lines_of(check: CheckResult, rule: RuleResult) -> list[str]:
    """Return one line for a rule of a check, and one for each of its pieces of evidence."""
    lines = [f"{check.name} [{rule.status}]  {rule.rule}: {rule.message}\n"]
    for item in rule.evidence:
        where = item.path if item.line is None else f"{item.path}:{item.line}"
        lines.append(f"    {where}{f' ({item.key})' if item.key else ''}  {item.seen}\n")
    return lines
