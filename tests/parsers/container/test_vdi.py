"""VDI disks, compared with what qemu-img reads."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from inspector.image_file import open_file
from parsers.container.vdi import open_vdi
from parsers.place import ParseError
from parsers.source import Memory
from tests.disk_images import MIB, Damaged, assert_same, assert_survives, random_image
from tests.oracles import needs

pytestmark = needs("qemu-img", "qemu-io")


@pytest.mark.parametrize("options", ["static=off", "static=on"])
@pytest.mark.parametrize("size", [20 * MIB, 9 * MIB + 7 * 512])
def test_it_reads_as_qemu_reads_it(tmp_path: Path, options: str, size: int) -> None:
    image = tmp_path / "disk.vdi"
    raw = random_image(image, "vdi", options, size)
    disk = open_vdi(open_file(image), name="sda")
    assert_same(disk, raw)
    assert disk.info.kind == ("fixed" if options == "static=on" else "dynamic")
    assert (disk.name, disk.info.problems, disk.info.truncated) == ("sda", (), False)


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    random_image(tmp_path / "disk.vdi", "vdi", "", 8 * MIB)
    return (tmp_path / "disk.vdi").read_bytes()


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (64, bytes(4), "wanted, 0x00000000 found"),
        (68, struct.pack("<I", 1), "version 1.1 wanted"),
        (76, struct.pack("<I", 4), "refused: a dynamic or fixed disk wanted, differencing found"),
        (76, struct.pack("<I", 9), "9 found"),
        (340, struct.pack("<I", 0), "before the data"),
        (340, struct.pack("<I", 0xFFFFFF00), "before the data"),
        (360, struct.pack("<I", 4096), "sectors of 512"),
        (368, bytes(8), "size in sectors"),
        (368, struct.pack("<Q", 1 << 60), "blocks wanted"),
        (376, bytes(4), "512 bytes to 256 MiB"),
        (380, struct.pack("<I", 8), "extra data"),
    ],
)
def test_headers_that_are_refused(plain: bytes, at: int, value: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        open_vdi(Damaged(plain, [(at, value)], len(plain)))
    assert message in caught.value.message


def test_a_file_that_was_cut(plain: bytes) -> None:
    for size in (0, 100, 513):
        with pytest.raises(ParseError, match="truncated"):
            open_vdi(Memory(plain[:size]))
    disk = open_vdi(Memory(plain[: -2 * MIB]))
    assert disk.info.truncated
    with pytest.raises(ParseError, match="truncated"):
        disk.read_at(0, disk.size)


def test_damaged_images_are_errors(plain: bytes) -> None:
    assert_survives(plain, [(64, 16), (340, 60), (512, 40)], open_vdi)
