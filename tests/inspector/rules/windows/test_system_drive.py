from __future__ import annotations

import struct

import pytest
from msgspec.structs import replace

from fixtures.windows.golden import CURRENT
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest, Mount
from inspector.rules.windows.system_drive import windows_system_drive_can_grow, windows_system_drive_keeps_its_letter
from inspector.verdict import Status, Verdict
from inspector.windows.paths import windows_paths
from parsers.partition.table import Partition, Scheme
from tests.memory_tree import MemoryTree
from tests.volumes import SIZE, disk_of, volume_of
from tests.windows import SIGNATURE, golden

pytestmark = pytest.mark.corpus

RECOVERY = "de94bba4-06d1-4d40-a16a-bfd50179d6ac"
GPT, MBR = Scheme.GPT, Scheme.MBR


def judged(
    own: Partition, *others: Partition, scheme: Scheme = GPT, kind: str = "ntfs", partitioned: bool = True
) -> Verdict:
    volume = volume_of({"/Windows/x": b""}, own.number, kind)
    volume.partition = own if partitioned else None
    disk = disk_of(volume, scheme=scheme)
    disk = replace(disk, table=replace(disk.table, partitions=(own, *others)))
    storage = Storage((disk,), (volume,))
    guest = Guest([Mount("/", volume, MemoryTree({"/Windows/x": b""}))], "windows")
    return windows_system_drive_can_grow(Facts({Storage: storage, Guest: guest}, COLLECTORS))


def part(number: int, start: int, kind: str = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7") -> Partition:
    return Partition(number, start * SIZE, SIZE, kind)


def test_the_golden_guest_is_ok() -> None:
    verdict = windows_system_drive_can_grow(golden())
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, "partition 2, ntfs")


@pytest.mark.parametrize("others", [[], [part(1, 1)], [part(1, 1, RECOVERY), part(2, 2)]])
def test_nothing_lies_behind(others: list[Partition]) -> None:
    assert judged(part(3, 3), *others).status is Status.OK


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        (part(4, 4, RECOVERY), "the recovery partition behind it, 1048576 bytes"),
        (part(4, 40, "0x27"), "the recovery partition behind it, 1048576 bytes"),
        (part(1, 4), "a partition behind it, 1048576 bytes"),
    ],
)
def test_a_partition_behind_it(other: Partition, seen: str) -> None:
    verdict = judged(part(3, 3), part(2, 2), other)
    assert (verdict.status, [it.seen for it in verdict.evidence]) == (Status.WARNING, [seen])
    assert (verdict.evidence[0].place.path, verdict.evidence[0].place.offset) == (f"sda{other.number}", other.offset)


@pytest.mark.parametrize(
    ("own", "scheme", "kind", "seen"),
    [
        (part(1, 1, "0x42"), MBR, "ntfs", "on a disk that is not basic: a dynamic disk (LDM)"),
        (part(1, 1), GPT, "refs", "ntfs wanted, refs found"),
        (part(5, 1, "0x7"), MBR, "ntfs", "a logical drive, which ends with its extended partition"),
        (Partition(1, SIZE, (1 << 41) - SIZE, "0x7"), MBR, "ntfs", "it ends where the partition table ends, at 2 TiB"),
    ],
)
def test_what_windows_cannot_extend(own: Partition, scheme: Scheme, kind: str, seen: str) -> None:
    verdict = judged(own, scheme=scheme, kind=kind)
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, seen)
    assert verdict.evidence[0].place.volume == f"sda{own.number}"


def test_a_drive_without_a_partition() -> None:
    assert judged(part(1, 1), partitioned=False).status is Status.WARNING


def test_without_a_volume_nothing_is_known() -> None:
    guest = Guest([Mount("/", None, tree := MemoryTree({}), tree.root)], "windows", windows_paths())
    verdict = windows_system_drive_can_grow(Facts({Guest: guest}, COLLECTORS))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_the_letter_of_the_system_drive() -> None:
    own = struct.pack("<IQ", SIGNATURE, 2 * SIZE)
    verdict = windows_system_drive_keeps_its_letter(golden({"MountedDevices": {r"\DosDevices\D:": own}}))
    assert (verdict.status, verdict.message) == (
        Status.FAILED, "the system drive is D:, and Windows was set up on another",
    )  # fmt: skip
    assert [item.place.key for item in verdict.evidence] == [
        rf"{CURRENT}\SystemRoot",
        "MountedDevices\\\\DosDevices\\D:",
    ]
    for changes in ({r"\DosDevices\C:": own}, {r"\DosDevices\C:": own, r"\DosDevices\D:": struct.pack("<IQ", 7, SIZE)}):
        assert windows_system_drive_keeps_its_letter(golden({"MountedDevices": changes})).status is Status.OK
    verdict = windows_system_drive_keeps_its_letter(golden(software={CURRENT: {"SystemRoot": None}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
