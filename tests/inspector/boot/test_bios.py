"""The boot chain of a BIOS, on disks whose sectors are GRUB's own or made for the purpose."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.kernel import grub_boot_sector, grub_core
from inspector.boot.bios import BIOS_BOOT, bios_chain
from inspector.disks.disk import Disk
from inspector.facts.platform import ChainState, Loader
from inspector.image import Image
from parsers.partition.table import Partition, PartitionTable, Scheme
from parsers.source import Memory

MIB = 1 << 20
ROOT = Partition(1, MIB, MIB, "0x83", bootable=True)
SIGNATURE = (510, b"\x55\xaa")


def disk(*pieces: tuple[int, bytes], partitions: tuple[Partition, ...] = (ROOT,), scheme: Scheme = Scheme.MBR) -> Disk:
    data = bytearray(4 * MIB)
    for at, piece in pieces:
        data[at : at + len(piece)] = piece
    image = SimpleNamespace(source=Memory(bytes(data), "disk.raw"))
    return Disk("sda", cast("Image", image), PartitionTable(scheme, 512, partitions=partitions), ())


def state(made: Disk) -> tuple[ChainState, str]:
    chain, _ = bios_chain(made)
    assert chain.evidence
    return chain.state, chain.message


def test_grub_with_its_core_image_in_the_gap_is_complete() -> None:
    made = disk((0, grub_boot_sector()), SIGNATURE, (512, grub_core()))
    assert state(made) == (ChainState.COMPLETE, "GRUB 2 with its core image in the gap behind the boot sector")


def test_the_chain_tells_the_loader_that_it_comes_to() -> None:
    grub, _ = bios_chain(disk((0, grub_boot_sector()), SIGNATURE, (512, grub_core())))
    extlinux = b"\xeb\x58\x90EXTLINUX".ljust(510, b"\0") + b"\x55\xaa"
    mbr = b"\x33\xc0".ljust(400, b"\0") + b"Operating system load error.\r\n\0"
    syslinux, _ = bios_chain(disk((0, mbr), SIGNATURE, (MIB, extlinux)))
    nothing, _ = bios_chain(disk())
    assert [chain.loader for chain in (grub, syslinux, nothing)] == [Loader.GRUB2, Loader.SYSLINUX, None]


def test_grub_with_its_core_image_in_a_bios_boot_partition_is_complete() -> None:
    partition = Partition(14, 2 * MIB, MIB, BIOS_BOOT)
    made = disk(
        (0, grub_boot_sector(4096)),
        SIGNATURE,
        (2 * MIB, grub_core(4096)),
        partitions=(ROOT, partition),
        scheme=Scheme.GPT,
    )
    assert state(made) == (ChainState.COMPLETE, "GRUB 2 with its core image in partition 14")


@pytest.mark.skipif(
    not (Path("/usr/lib/grub/i386-pc/boot.img").is_file() and shutil.which("grub-mkimage")),
    reason="boot.img (grub-pc-bin) and grub-mkimage (grub-common) are the oracle, and absent",
)
def test_the_files_that_grub_installs_are_complete(tmp_path: Path) -> None:
    core = tmp_path / "core.img"
    subprocess.run(["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "/boot/grub", "biosdisk"], check=True)
    boot = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()
    assert state(disk((0, boot), (512, core.read_bytes())))[0] is ChainState.COMPLETE


def test_grub_without_its_core_image_is_broken() -> None:
    found, message = state(disk((0, grub_boot_sector()), SIGNATURE))
    assert (found, message) == (ChainState.BROKEN, "GRUB 2's boot code, but not what it loads from sector 1")
    assert state(disk((0, grub_boot_sector(1 << 40)), SIGNATURE))[0] is ChainState.BROKEN


def test_an_unsigned_sector_is_broken() -> None:
    assert state(disk((0, grub_boot_sector()), (512, grub_core())))[0] is ChainState.BROKEN


def test_no_code_is_absent_and_a_prepared_partition_makes_it_broken() -> None:
    assert state(disk(SIGNATURE))[0] is ChainState.ABSENT
    partition = Partition(1, MIB, MIB, BIOS_BOOT)
    assert state(disk(SIGNATURE, partitions=(partition,), scheme=Scheme.GPT))[0] is ChainState.BROKEN


ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
WINDOWS = (0x163, b"Invalid partition table\0")
SYSLINUX_GPT = (0x100, b"Missing OS\r\n")


@pytest.mark.parametrize(
    ("volume", "wanted"),
    [
        (((0x18D, b"BOOTMGR is missing"), SIGNATURE), ChainState.COMPLETE),
        (((3, b"EXTLINUX"), SIGNATURE), ChainState.COMPLETE),
        (((0x5A, b"This is not a bootable disk"), SIGNATURE), ChainState.BROKEN),
        (((3, b"EXTLINUX"),), ChainState.BROKEN),
        ((), ChainState.BROKEN),
        (((0, b"\xde\xad"), SIGNATURE), ChainState.UNKNOWN),
    ],
)
@pytest.mark.parametrize("code", [WINDOWS, SYSLINUX_GPT])
def test_code_that_starts_a_partition_needs_one_with_code(
    volume: tuple[tuple[int, bytes], ...], wanted: ChainState, code: tuple[int, bytes]
) -> None:
    assert state(disk(code, SIGNATURE, *((MIB + at, piece) for at, piece in volume)))[0] is wanted


def test_grub_in_the_active_partition_is_followed_to_its_core_image() -> None:
    boot = (MIB, grub_boot_sector(2050))
    signed = (MIB + 510, b"\x55\xaa")
    made = disk(WINDOWS, SIGNATURE, boot, signed, (2050 * 512, grub_core(2050)))
    assert state(made) == (ChainState.COMPLETE, "GRUB 2 with its core image in partition 1")
    assert state(disk(WINDOWS, SIGNATURE, boot, signed))[0] is ChainState.BROKEN


def test_grub_legacy_needs_its_next_stage() -> None:
    boot = ((0, b"\xeb\x48\x90"), (0x44, b"\1"), (0x17F, b"GRUB \0Geom\0"), SIGNATURE)
    assert state(disk(*boot, (512 + 64, b"Loading stage1.5")))[0] is ChainState.COMPLETE
    assert state(disk(*boot))[0] is ChainState.BROKEN


def test_code_that_starts_a_partition_needs_exactly_one() -> None:
    passive = Partition(1, MIB, MIB, "0x07")
    assert state(disk(WINDOWS, SIGNATURE, partitions=(passive,)))[0] is ChainState.BROKEN
    second = Partition(2, 2 * MIB, MIB, "0x07", bootable=True)
    assert state(disk(WINDOWS, SIGNATURE, partitions=(ROOT, second)))[0] is ChainState.BROKEN
    outside = Partition(1, 64 * MIB, MIB, "0x07", bootable=True)
    assert state(disk(WINDOWS, SIGNATURE, partitions=(outside,)))[0] is ChainState.BROKEN


def test_what_windows_writes_to_every_disk_starts_no_partition_of_gpt() -> None:
    volume = ((MIB + 0x18D, b"BOOTMGR is missing"), (MIB + 510, b"\x55\xaa"))
    for partition in (Partition(1, MIB, MIB, ESP), Partition(1, MIB, MIB, ESP, bootable=True)):
        found = disk(WINDOWS, SIGNATURE, *volume, partitions=(partition,), scheme=Scheme.GPT)
        assert state(found) == (ChainState.ABSENT, "no boot code for a BIOS")
    prepared = Partition(1, MIB, MIB, BIOS_BOOT)
    assert state(disk(WINDOWS, SIGNATURE, partitions=(prepared,), scheme=Scheme.GPT))[0] is ChainState.BROKEN


@pytest.mark.parametrize("code", [(6, b"LILO"), (0, b"\xde\xad\xbe\xef"), (0x100, b"isolinux.bin missing or corrupt")])
def test_code_that_is_not_followed_is_unknown(code: tuple[int, bytes]) -> None:
    assert state(disk(code, SIGNATURE))[0] is ChainState.UNKNOWN


def test_a_disk_without_partitions_is_started_by_its_own_sector() -> None:
    assert state(disk((3, b"SYSLINUX"), SIGNATURE, partitions=(), scheme=Scheme.NONE))[0] is ChainState.COMPLETE
    assert state(disk(SIGNATURE, partitions=(), scheme=Scheme.NONE))[0] is ChainState.ABSENT


def test_a_disk_that_is_too_short_is_unknown() -> None:
    image = SimpleNamespace(source=Memory(bytes(100), "disk.raw"))
    chain, sector = bios_chain(Disk("sda", cast("Image", image), PartitionTable(Scheme.NONE, 512), ()))
    assert (chain.state, sector) == (ChainState.UNKNOWN, None)
