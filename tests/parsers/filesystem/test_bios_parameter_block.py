"""The parameter blocks that mkntfs and mkfs.vfat write, those of Windows, and damaged ones."""

from __future__ import annotations

import random
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.bios_parameter_block import BiosParameterBlock, parse_bios_parameter_block
from parsers.place import ParseError
from parsers.source import Memory
from tests.corpus import corpus
from tests.oracles import needs
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ntfs.reference import make, needs_mkntfs
from tests.volumes import storage_at


@needs_mkntfs
@pytest.mark.parametrize("sector", [512, 4096])
def test_that_of_ntfs(sector: int, tmp_path: Path) -> None:
    options = ("-s", str(sector), "-p", "2048", "-H", "255", "-S", "63")
    image = make(tmp_path / "n.img", "16M", *options)
    assert parse_bios_parameter_block(FileSource(image)) == BiosParameterBlock(sector, 63, 255, 2048)


@needs("mkfs.vfat")
def test_that_of_fat(tmp_path: Path) -> None:
    image = tmp_path / "f.img"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.vfat", "-F", "32", "-h", "206848", "-g", "64/32", image], check=True, capture_output=True)
    assert parse_bios_parameter_block(FileSource(image)) == BiosParameterBlock(512, 32, 64, 206848)


@pytest.mark.corpus
def test_that_of_windows_and_what_its_boot_code_does_with_it() -> None:
    """Code that Windows wrote adds the hidden sectors to the number of each sector that it reads."""
    volume = storage_at(corpus("known/images/dn/dn-ntfs_index.raw.xz")).volumes[0]
    assert parse_bios_parameter_block(volume.source) == BiosParameterBlock(512, 63, 255, 128)
    assert volume.offset == 128 * 512
    code = volume.source.read_at(0, 512)
    assert b"BOOTMGR" in code
    assert bytes.fromhex("66a11100 6603061c00") in code  # mov eax, [0x11]; add eax, [0x1c]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(100), "a boot sector of 512 bytes wanted, 100 found"),
        (bytes(512), "a jump over the parameter block wanted, 000000 found"),
        (b"\xeb\x52\x90NTFS    \x01\x02".ljust(512, b"\0"), "sectors of 256 to 4096 bytes wanted, 513 found"),
    ],
)
def test_what_is_none_is_said(content: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_bios_parameter_block(Memory(content))


def test_damage_raises_nothing_else() -> None:
    dice = random.Random(1)
    for _ in range(300):
        with suppress(ParseError):
            parse_bios_parameter_block(Memory(b"\xeb" + dice.randbytes(dice.choice((20, 511, 600)))))
