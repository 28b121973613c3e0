"""Boot code, held against the files that GRUB and Syslinux are installed with."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.boot.boot_code import (
    BootCode,
    parse_boot_sector,
    parse_core_image,
    parse_stage_1_5,
)
from parsers.place import ParseError
from parsers.source import Memory
from tests.corpus import corpus
from tests.volumes import storage_at

GRUB = Path("/usr/lib/grub/i386-pc")
SYSLINUX = Path("/usr/lib/syslinux/mbr")
needs_grub = pytest.mark.skipif(
    not ((GRUB / "boot.img").is_file() and shutil.which("grub-mkimage")),
    reason="boot.img (grub-pc-bin) and grub-mkimage (grub-common) are the oracle, and absent",
)


def sector(*pieces: tuple[int, bytes]) -> Memory:
    data = bytearray(512)
    for at, piece in ((510, b"\x55\xaa"), *pieces):
        data[at : at + len(piece)] = piece
    return Memory(bytes(data), "disk.raw")


@pytest.fixture(scope="module")
def grub_disk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A disk with GRUB's own boot.img and a core image in the gap, as grub-bios-setup leaves them."""
    core = tmp_path_factory.mktemp("grub") / "core.img"
    subprocess.run(
        ["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub", "biosdisk", "part_msdos", "ext2"],
        check=True,
    )
    disk = bytearray(1 << 20)
    disk[:512] = (GRUB / "boot.img").read_bytes()
    image = core.read_bytes()
    disk[512 : 512 + len(image)] = image
    return bytes(disk)


@needs_grub
def test_grub_2_and_its_core_image_are_found(grub_disk: bytes) -> None:
    disk = Memory(grub_disk, "disk.raw")
    boot = parse_boot_sector(disk)
    assert (boot.code, boot.signed, boot.next_sector) == (BootCode.GRUB2, True, 1)
    core = parse_core_image(disk, 1)
    assert core.offset == 512
    assert 20_000 < core.size < 64_000


@needs_grub
@pytest.mark.parametrize("change", ["gone", "body", "tail", "long", "list", "outside"])
def test_a_core_image_that_is_not_there_is_an_error(grub_disk: bytes, change: str) -> None:
    data = bytearray(grub_disk)
    if change == "gone":
        data[512:] = bytes(len(data) - 512)
    elif change == "body":
        data[1024:] = bytes(len(data) - 1024)
    elif change == "tail":
        data[512 * 20 : 512 * 22] = bytes(1024)
    elif change == "long":
        data[512 + 0x1FC : 512 + 0x1FE] = b"\xff\xff"
    elif change == "list":
        data[512 + 0x1F4 : 1024] = bytes(12)
    else:
        data[512 + 0x1F4 : 512 + 0x1FC] = b"\xff" * 8
    with pytest.raises(ParseError):
        parse_core_image(Memory(bytes(data)), 1)


@needs_grub
def test_a_core_image_elsewhere_is_followed(grub_disk: bytes) -> None:
    data = bytearray(grub_disk)
    data[0x5C:0x64] = (0xFFFF_FFFF_FFFF).to_bytes(8, "little")
    boot = parse_boot_sector(Memory(bytes(data)))
    assert boot.next_sector == 0xFFFF_FFFF_FFFF
    with pytest.raises(ParseError):
        parse_core_image(Memory(bytes(data)), boot.next_sector)


@pytest.mark.skipif(not SYSLINUX.is_dir(), reason="syslinux-common is the oracle, and absent")
@pytest.mark.parametrize(("name", "code"), [("mbr.bin", BootCode.SYSLINUX), ("gptmbr.bin", BootCode.SYSLINUX_GPT)])
def test_sectors_of_syslinux_are_recognised(name: str, code: BootCode) -> None:
    assert parse_boot_sector(sector((0, (SYSLINUX / name).read_bytes()[:440]))).code is code


REMOVE = b"\r\nRemove disks or other media.\xff"


@pytest.mark.corpus
def test_the_boot_sector_that_windows_xp_wrote_to_fat32() -> None:
    volume = storage_at(corpus("known/images/df/df-label-fat32_xp_none.raw.xz")).volumes[0]
    assert REMOVE in volume.source.read_at(0, 512)
    assert parse_boot_sector(volume.source).code is BootCode.NTLDR


@pytest.mark.corpus
def test_the_boot_sectors_that_a_newer_windows_wrote() -> None:
    storage = storage_at(corpus("known/images/dn/dn-ntfs_index.raw.xz"))
    disk, volume = storage.system_disk.image.source, storage.volumes[0].source
    assert [parse_boot_sector(source).code for source in (disk, volume)] == [BootCode.WINDOWS, BootCode.BOOTMGR]
    messages = {b"Invalid", b"Error", b"Missing", b"A disk read", b"BOOTMGR is"}  # in another language they are others
    for source, wanted in ((disk, BootCode.WINDOWS), (volume, BootCode.BOOTMGR)):
        raw = source.read_at(0, 512)
        for message in messages:
            raw = raw.replace(message, message.replace(b"is", b"IS").upper())
        assert parse_boot_sector(Memory(raw)).code is wanted


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ((), BootCode.EMPTY),
        (((440, b"\1\2\3\4\0\0\x80"),), BootCode.EMPTY),  # a disk id and a partition are no code
        (((0, b"\xeb\x52\x90NTFS    \0\2\x08"), (0x48, b"serial")), BootCode.EMPTY),  # parameters alone
        (((0, b"\xeb\x52\x90NTFS    "), (0x54, b"\xcd\x18")), BootCode.UNKNOWN),
        (((0, b"\xeb\xfe"), (100, b"\xcd\x18")), BootCode.UNKNOWN),
        (((0, b"\xeb\x48\x90"), (0x17F, b"GRUB \0Geom\0Hard Disk\0")), BootCode.GRUB_LEGACY),
        (((0, b"\xfa\xeb\x21\1\xb4\1LILO"),), BootCode.LILO),
        (((0, b"\x33\xc0\x8e\xd0"), (0x163, b"Invalid partition table\0Error loading")), BootCode.WINDOWS),
        (((0, b"\xeb\x52\x90NTFS    "), (0x18D, b"\r\nBOOTMGR is missing")), BootCode.BOOTMGR),
        (((0, b"\xeb\x52\x90NTFS    "), (0x18D, b"\r\nNTLDR is missing")), BootCode.NTLDR),
        (((0, b"\xeb\x58\x90MSDOS5.0"), (0x174, b"NTLDR      "), (0x1AC, REMOVE)), BootCode.NTLDR),
        (((0, b"\xeb\x58\x90MSDOS5.0"), (0x174, b"BOOTMGR    "), (0x1AC, REMOVE)), BootCode.BOOTMGR),
        (((0, b"\xeb\x58\x90MSDOS5.0"), (0x1AC, REMOVE)), BootCode.UNKNOWN),
        (((0, b"\xeb\x58\x90MSDOS5.0"), (0x47, b"BOOTMGR    "), (0x5A, b"\xcd\x18")), BootCode.UNKNOWN),  # a label
        (((0, b"\xeb\x52\x90NTFS    "), (0x18D, b"\r\nBOOTMGR fehlt")), BootCode.BOOTMGR),
        (
            ((0, b"\x33\xc0\x8e\xd0"), (0xEC, bytes.fromhex("6681fb54435041")), (0x163, b"Ung\x81ltig")),
            BootCode.WINDOWS,
        ),
        (((0, b"\xeb\x58\x90SYSLINUX"),), BootCode.SYSLINUX),
        (((0, b"\xeb\x3c\x90mkfs.fat"), (0x5A, b"This is not a bootable disk.")), BootCode.REFUSAL),
        (((0, b"\x33\xed\xfa"), (0x100, b"isolinux.bin missing or corrupt.")), BootCode.ISOLINUX),
        (((0, b"\xde\xad\xbe\xef"),), BootCode.UNKNOWN),
        (((0, b"\x33\xc0\xfa"), (0x100, b"Missing OS\r\n")), BootCode.SYSLINUX_GPT),
        (((0, b"\x33\xc0\xfa"), (0x100, b"Operating system load error.\r\n")), BootCode.SYSLINUX),
    ],
)
def test_boot_code_is_recognised(pieces: tuple[tuple[int, bytes], ...], code: BootCode) -> None:
    assert parse_boot_sector(sector(*pieces)).code is code


def test_a_sector_without_signature_is_told() -> None:
    assert not parse_boot_sector(Memory(bytes(512))).signed


def test_stage_1_5_of_grub_legacy_is_found_or_missed() -> None:
    disk = bytearray(4096)
    disk[512 + 0x100 : 512 + 0x110] = b"Loading stage1.5"
    assert parse_stage_1_5(Memory(bytes(disk)), 1).offset == 512
    for missing in (0, 2, 8, 1 << 31):
        with pytest.raises(ParseError):
            parse_stage_1_5(Memory(bytes(disk)), missing)


@needs_grub
def test_damaged_sectors_give_parse_errors_only(grub_disk: bytes) -> None:
    chance = random.Random(1)
    spots = [*range(16), *range(0x5A, 0x66), *range(0x180, 0x1A0), *range(512, 520), *range(512 + 0x1F0, 1024)]
    for _ in range(300):
        data = bytearray(grub_disk)
        for _ in range(chance.randrange(1, 5)):
            data[chance.choice(spots)] = chance.randrange(256)
        disk = Memory(bytes(data[: chance.choice((512, 1024, 1500, len(data), len(data)))]))
        boot = parse_boot_sector(disk)
        try:
            if boot.next_sector is not None:
                parse_core_image(disk, boot.next_sector)
        except ParseError:
            continue
    with pytest.raises(ParseError):
        parse_boot_sector(Memory(bytes(511)))
