"""Boot sectors of file systems carry the signature of an MBR, and are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parsers.partition import Scheme, parse_partition_table
from parsers.partition.boot_sector import begins_volume, is_parameter_block
from parsers.source import Memory
from tests.oracles import needs
from tests.partition_builder import boot_record, mbr_disk


def made(tmp_path: Path, size: int, *command: str) -> bytes:
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(size)
    subprocess.run([*command, str(image)], check=True, capture_output=True)
    return image.read_bytes()


@needs("mkfs.vfat")
@pytest.mark.parametrize("bits", ["12", "16", "32"])
def test_a_fat_boot_sector_is_no_mbr(tmp_path: Path, bits: str) -> None:
    data = made(tmp_path, {"12": 2, "16": 16, "32": 64}[bits] << 20, "mkfs.vfat", "-F", bits)
    assert data[510:512] == b"\x55\xaa"
    assert is_parameter_block(data[:512])
    assert begins_volume(Memory(data), 0)
    assert parse_partition_table(Memory(data)).scheme is Scheme.NONE


@needs("mkfs.ntfs")
def test_an_ntfs_boot_sector_is_no_mbr(tmp_path: Path) -> None:
    data = made(tmp_path, 8 << 20, "mkfs.ntfs", "-F", "-q")
    table = parse_partition_table(Memory(data))
    assert (table.scheme, table.problems) == (Scheme.NONE, ())


@needs("mkfs.ext4")
@pytest.mark.parametrize("junk", ["code", "zeros", "slots that fit nowhere"])
def test_extlinux_on_a_whole_ext4_disk_is_no_mbr(tmp_path: Path, junk: str) -> None:
    """Alpine's BIOS images: the boot sector of the file system is extlinux's."""
    data = bytearray(made(tmp_path, 4 << 20, "mkfs.ext4", "-q"))
    sector = {
        "code": bytes([0xEB, 0x58, 0x90]) + b"EXTLINUX" + b"\x66\xcb\x90\xf4" * 130,
        "zeros": bytes([0xEB, 0x58, 0x90]) + b"EXTLINUX" + bytes(600),
        "slots that fit nowhere": boot_record((0x80, 0x41, 0x6F6F7420, 0x65727221), code=b"\xeb\x58\x90EXTLINUX"),
    }[junk]
    data[:512] = sector[:510] + b"\x55\xaa"
    table = parse_partition_table(Memory(bytes(data)))
    assert (table.scheme, table.problems) == (Scheme.NONE, ())


@needs("mkfs.ext4")
def test_an_mbr_written_over_an_old_file_system_counts(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path, 4 << 20, "mkfs.ext4", "-q"))
    data[:512] = boot_record((0x80, 0x83, 2048, 4096))
    assert parse_partition_table(Memory(bytes(data))).scheme is Scheme.MBR


def test_an_mbr_with_a_parameter_block_counts_when_its_slots_make_sense() -> None:
    block = b"\xeb\x58\x90MSDOS5.0\x00\x02\x08\x20\x00\x02\x00\x00\x00\x00\xf8"
    disk = mbr_disk(4096, (0x80, 0x0C, 2048, 1024))
    disk[: len(block)] = block
    assert is_parameter_block(bytes(disk[:512]))
    assert parse_partition_table(Memory(bytes(disk))).scheme is Scheme.MBR
    disk[446:510] = bytes(64)
    assert parse_partition_table(Memory(bytes(disk))).scheme is Scheme.NONE


@pytest.mark.parametrize("at", [0, 11, 13, 14, 16, 21, 510])
def test_a_parameter_block_wants_every_field_right(at: int) -> None:
    block = bytearray(
        b"\xeb\x58\x90MSDOS5.0\x00\x02\x08\x20\x00\x02\x00\x00\x00\x00\xf8".ljust(510, b"\0") + b"\x55\xaa"
    )
    assert is_parameter_block(bytes(block))
    block[at : at + 2] = b"\0\0"
    assert not is_parameter_block(bytes(block))
