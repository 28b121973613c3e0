"""VHDX disks, compared with what qemu-img reads."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from inspector.image_file import open_file
from parsers.container.vhdx import open_vhdx
from parsers.place import ParseError
from parsers.source import Memory, Source
from tests.disk_images import MIB, Damaged, as_raw, assert_same, assert_survives, random_image
from tests.oracles import needs
from tests.vhdx_log_builder import sealed

pytestmark = needs("qemu-img", "qemu-io")


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("subformat=dynamic", 20 * MIB),
        ("subformat=dynamic,block_size=1M", 9 * MIB + 7 * 512),
        ("subformat=dynamic,block_size=16M,log_size=2M", 20 * MIB),
        ("subformat=dynamic,block_size=256M", 300 * MIB),
        ("subformat=fixed", 20 * MIB),
        ("subformat=fixed,block_size=1M", 9 * MIB),
        ("block_state_zero=off,block_size=1M", 20 * MIB),
    ],
)
def test_it_reads_as_qemu_reads_it(tmp_path: Path, options: str, size: int) -> None:
    image = tmp_path / "disk.vhdx"
    raw = random_image(image, "vhdx", options, size)
    disk = open_vhdx(open_file(image), name="sda")
    assert_same(disk, raw)
    assert (disk.name, disk.info.problems, disk.info.truncated, disk.info.dirty) == ("sda", (), False, False)
    assert disk.info.leave_allocated == ("fixed" in options)
    assert disk.info.creator.startswith("QEMU")


@pytest.mark.slow
def test_sector_bitmaps_in_the_table_are_passed_over(tmp_path: Path) -> None:
    """Blocks of 256 MiB have a bitmap's entry after every 16 of them."""
    image = tmp_path / "disk.vhdx"
    raw = random_image(image, "vhdx", "block_size=256M", 9 << 29)
    disk = open_vhdx(open_file(image))
    with raw.open("rb") as file:
        for offset in range(0, disk.size - MIB, 61 * MIB):
            file.seek(offset)
            assert disk.read_at(offset, MIB) == file.read(MIB)
        file.seek(disk.size - 400 * 512)
        assert disk.read_at(disk.size - 400 * 512, 400 * 512) == file.read()


def small(tmp_path: Path) -> bytes:
    image = tmp_path / "disk.vhdx"
    random_image(image, "vhdx", "block_size=1M", 8 * MIB)
    return image.read_bytes()


@pytest.mark.parametrize("state", range(8))
def test_the_states_of_a_block(tmp_path: Path, state: int) -> None:
    data = small(tmp_path)
    table = open_vhdx(Memory(data))._table
    patch = struct.pack("<Q", table[0] & ~7 | state)
    disk = open_vhdx(Damaged(data, [(table.offset, patch)], len(data)))
    if state in (4, 7):
        with pytest.raises(ParseError, match="state of a block"):
            disk.read_at(0, 1)
        return
    image = tmp_path / "state.vhdx"
    image.write_bytes(data[: table.offset] + patch + data[table.offset + 8 :])
    assert_same(disk, as_raw(image, "vhdx"))


def test_blocks_outside_the_file_are_said_and_not_read(tmp_path: Path) -> None:
    data = small(tmp_path)
    table = open_vhdx(Memory(data))._table
    for at in (0, len(data), 1 << 60):
        disk = open_vhdx(Damaged(data, [(table.offset, struct.pack("<Q", at | 6))], len(data)))
        assert disk.info.truncated == bool(at)
        with pytest.raises(ParseError, match="inside the file"):
            disk.read_at(100, 1)
    cut = open_vhdx(Memory(data[:-MIB]))
    assert "truncated" in cut.info.problems[0].message


def test_a_table_that_is_too_short(tmp_path: Path) -> None:
    data = small(tmp_path)
    at = data.index(struct.pack("<Q", 8 * MIB), 2 * MIB)
    with pytest.raises(ParseError, match="block allocation table"):
        open_vhdx(Damaged(data, [(at, struct.pack("<Q", 1 << 45))], len(data)))


def test_damaged_images_are_errors(tmp_path: Path) -> None:
    data = small(tmp_path)
    table = open_vhdx(Memory(data))._table
    metadata = data.index(b"metadata")
    items = metadata + (64 << 10)
    areas = [(0, 8), (65536, 80), (131072, 80), (196608, 80), (262144, 80), (table.offset, 64)]
    assert_survives(data, [*areas, (metadata, 192), (items, 64)], open_vhdx)

    def mended(source: Source) -> Source:
        """Damage that the checksums do not tell."""
        whole = bytearray(source.read_at(0, source.size))
        for at, length in ((65536, 4096), (131072, 4096), (196608, 65536), (262144, 65536)):
            if len(whole) >= at + length:
                whole[at : at + length] = sealed(bytes(whole[at : at + length]))
        return open_vhdx(Memory(bytes(whole)))

    assert assert_survives(data, areas, mended, 60) > 5
