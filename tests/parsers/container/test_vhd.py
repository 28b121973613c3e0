"""VHD disks, compared with what qemu-img reads."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from inspector.image_file import open_file
from parsers.container.vhd import open_vhd
from parsers.container.vhd_footer import checksum
from parsers.place import ParseError
from parsers.source import Memory
from tests.disk_images import MIB, Damaged, assert_same, assert_survives, random_image
from tests.oracles import needs

qemu = needs("qemu-img", "qemu-io")


@qemu
@pytest.mark.parametrize("options", ["subformat=dynamic", "subformat=fixed"])
@pytest.mark.parametrize("forced", ["off", "on"])
@pytest.mark.parametrize("size", [20 * MIB, 9 * MIB + 7 * 512])
def test_it_reads_as_qemu_reads_it(tmp_path: Path, options: str, forced: str, size: int) -> None:
    image = tmp_path / "disk.vhd"
    raw = random_image(image, "vpc", f"{options},force_size={forced}", size)
    disk = open_vhd(open_file(image), name="sda")
    assert_same(disk, raw)
    assert disk.name == "sda"
    assert disk.info.size_from == ("current size" if forced == "on" else "geometry")
    assert (disk.info.problems, disk.info.truncated) == ((), False)


@qemu
def test_sectors_that_were_never_written_are_zeros(tmp_path: Path) -> None:
    """The bitmap decides, sector by sector; whoever clears a bit here leaves old bytes behind it."""
    image = tmp_path / "disk.vhd"
    raw = bytearray(random_image(image, "vpc", "subformat=dynamic", 8 * MIB).read_bytes())
    data = image.read_bytes()
    disk = open_vhd(Memory(data))
    assert disk._table is not None
    at = disk._table[0] * 512
    bitmap = bytes([0b1010_0101] + [0xFF] * 9 + [0] * 10 + [0xFF] * 492)
    for sector in range(4096):
        if not bitmap[sector // 8] & 0x80 >> sector % 8:
            raw[sector * 512 : sector * 512 + 512] = bytes(512)
    cleared = open_vhd(Damaged(data, [(at, bitmap)], len(data)))
    path = tmp_path / "wanted.raw"
    path.write_bytes(raw)
    assert_same(cleared, path)


@qemu
def test_a_block_outside_the_file_is_said_and_not_read(tmp_path: Path) -> None:
    image = tmp_path / "disk.vhd"
    random_image(image, "vpc", "subformat=dynamic", 8 * MIB)
    data = image.read_bytes()
    entry = open_vhd(Memory(data)).info.table_offset
    for sector in (0, 1 << 31, len(data) // 512):
        disk = open_vhd(Damaged(data, [(entry, struct.pack(">I", sector))], len(data)))
        assert disk.info.truncated == bool(sector)
        with pytest.raises(ParseError, match="inside the file"):
            disk.read_at(0, 512)


@qemu
def test_damaged_images_are_errors(tmp_path: Path) -> None:
    image = tmp_path / "disk.vhd"
    random_image(image, "vpc", "subformat=dynamic", 8 * MIB)
    data = image.read_bytes()
    table = open_vhd(Memory(data)).info.table_offset
    areas = [(0, 88), (512, 600), (table, 16), (len(data) - 512, 88)]
    assert_survives(data, areas, open_vhd)

    def mended(source: Memory | Damaged) -> Memory:
        whole = bytearray(source.read_at(0, source.size))
        for at, field, length in ((0, 64, 512), (512, 36, 1024), (len(whole) - 512, 64, 512)):
            part = bytes(whole[at : at + length])
            if len(part) == length:
                whole[at + field : at + field + 4] = struct.pack(">I", checksum(part, field))
        return Memory(bytes(whole))

    read = assert_survives(data, [(512, 64), (table, 16)], lambda source: open_vhd(mended(source)), 200)  # type: ignore[arg-type]
    assert read > 10


@qemu
def test_a_disk_larger_than_its_geometry_can_say(tmp_path: Path) -> None:
    """Past 127 GiB everybody goes by the current size."""
    image = tmp_path / "disk.vhd"
    raw = random_image(image, "vpc", "subformat=dynamic", 200 << 30)
    disk = open_vhd(open_file(image))
    assert disk.size == raw.stat().st_size
    assert disk.info.size_from == "current size"
    with raw.open("rb") as file:
        file.seek(disk.size - 300 * 512)
        assert disk.read_at(disk.size - 300 * 512, 300 * 512) == file.read()
