"""What stands on a volume twice: that a difference is told, and that none is told where there is none."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import open_ntfs
from parsers.source import Source
from tests.oracles import needs
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.ntfs.reference import make, needs_mkntfs
from tests.parsers.filesystem.ntfs.test_state import flags_at

pytestmark = needs_mkntfs


def told(source: Source) -> list[tuple[int | None, str]]:
    tree = open_ntfs(source)
    assert set(tree.contradictions) <= set(tree.problems)
    return [(problem.place.offset, problem.message) for problem in tree.contradictions]


def mirror(source: Source) -> int:
    boot = open_ntfs(source).boot
    return boot.mirror * boot.cluster_size


@pytest.mark.parametrize("options", [(), ("-c", "512"), ("-c", "65536"), ("-s", "4096"), ("-s", "256")], ids=" ".join)
def test_nothing_is_wrong_with_a_new_volume(options: tuple[str, ...], tmp_path: Path) -> None:
    assert told(FileSource(make(tmp_path / "n.img", "32M", *options))) == []


@pytest.mark.parametrize(
    ("at", "data", "what"),
    [
        (0x48, b"\1", "the copy of the boot sector differs in: serial"),
        (0x38, b"\7", "the copy of the boot sector differs in: mirror"),
        (3, b"FAT32   ", "the copy of the boot sector is not there: the signature of NTFS wanted"),
    ],
)
def test_the_copy_of_the_boot_sector(empty: FileSource, at: int, data: bytes, what: str) -> None:
    ((offset, message),) = told(Patched(empty, {empty.size - 512 + at: data}))
    assert offset == empty.size - 512
    assert message.startswith(what)


def test_code_is_no_part_of_the_comparison(empty: FileSource) -> None:
    """A tool that installs boot code writes the first sector alone."""
    assert told(Patched(empty, {0x60: b"BOOTMGR is missing"})) == []


def test_a_volume_that_is_cut_off_is_the_matter_of_another_finding(empty: FileSource) -> None:
    assert told(Patched(empty, {}, size=empty.size - 1024)) == []
    without = told(Patched(empty, {}, size=empty.size - 512))
    assert without == [(0, "the copy of the boot sector is not there: the volume ends before it")]


@pytest.mark.parametrize("number", range(4))
def test_the_copies_of_the_first_records(empty: FileSource, number: int) -> None:
    size = open_ntfs(empty).boot.record_size
    at = mirror(empty) + number * size
    (link_count,) = struct.unpack("<H", empty.read_at(at + 18, 2))
    changed = Patched(empty, {at + 18: struct.pack("<H", link_count + 1)})
    assert told(changed) == [(at, f"the copy of record {number} in $MFTMirr differs from the one in $MFT")]
    torn = Patched(empty, {at + 510: b"\x12\x34"})
    ((offset, message),) = told(torn)
    assert (offset, message.startswith(f"the copy of record {number} in $MFTMirr cannot be read")) == (at, True)


def test_how_a_record_was_written_is_no_difference(empty: FileSource) -> None:
    """The value that marks a write stands in the array and at the end of each sector."""
    at = mirror(empty)
    array = int.from_bytes(empty.read_at(at + 4, 2), "little")
    patches = {at + array: b"\x55\x66", at + 510: b"\x55\x66", at + 1022: b"\x55\x66"}
    assert told(Patched(empty, patches)) == []


def test_clusters_in_use_that_the_bitmap_calls_free(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    inode = tree.lookup(tree.root, "$Bitmap")
    assert inode
    content = tree.open(inode)
    boot = tree.boot
    at = next(
        offset
        for offset in range(0, empty.size, boot.cluster_size)
        if empty.read_at(offset, 64) == content.read_at(0, 64) and any(content.read_at(0, 64))
    )
    for name, cluster in (("the boot sector", 0), ("$MFT", boot.mft), ("$MFTMirr", boot.mirror)):
        byte = empty.read_at(at + cluster // 8, 1)[0] & ~(1 << cluster % 8)
        found = told(Patched(empty, {at + cluster // 8: bytes((byte,))}))
        message = f"{name} lies in cluster {cluster}, which $Bitmap calls free"
        assert found == [(cluster * boot.cluster_size, message)]


def test_a_bitmap_that_cannot_be_read(empty: FileSource) -> None:
    record = open_ntfs(empty)._records.get(6).record.offset
    assert any("$Bitmap cannot be read" in message for _, message in told(Patched(empty, {record: b"BAAD"})))


@needs("ntfsls")
def test_ntfs_3g_sees_the_same_difference(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    for record in (3, 2):
        at = mirror(FileSource(image)) + record * 1024 + 18
        good = FileSource(image).read_at(at, 2)
        for data in (b"\7\0", good):
            with image.open("r+b") as file:
                file.seek(at)
                file.write(data)
            done = subprocess.run(["ntfsls", image], check=False, capture_output=True, text=True)
            differs = f"$MFTMirr does not match $MFT (record {record})" in done.stderr
            assert differs == (data != good) == bool(told(FileSource(image)))


def test_a_flag_that_was_written_once_alone(empty: FileSource) -> None:
    changed = Patched(empty, {flags_at(open_ntfs(empty)): b"\1\0"})
    assert [message for _, message in told(changed)] == [
        "the copy of record 3 in $MFTMirr differs from the one in $MFT"
    ]
