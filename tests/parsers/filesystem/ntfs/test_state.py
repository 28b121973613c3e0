"""Flags of the volume, its log, hibernation, and what is read where the first copy is broken."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import NtfsTree, open_ntfs
from parsers.filesystem.ntfs.attribute import Runs, Type, value_of
from parsers.place import ParseError
from parsers.source import Source
from tests.oracles import needs
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.ntfs.reference import make, mounted, needs_mkntfs, needs_ntfs_3g

pytestmark = needs_mkntfs


def flags_at(tree: NtfsTree) -> int:
    """Return where the flags of the volume stand."""
    attribute = tree._records.get(3).find(Type.VOLUME_INFORMATION)
    assert attribute
    start = attribute.data.index(value_of(tree._volume, attribute))
    return attribute.place + start + 10


def with_flags(image: FileSource, flags: int) -> Patched:
    """Return a volume with other flags, in the record of $Volume and in its copy."""
    tree = open_ntfs(image)
    at = flags_at(tree)
    copy = at + (tree.boot.mirror - tree.boot.mft) * tree.boot.cluster_size
    return Patched(image, {place: struct.pack("<H", flags) for place in (at, copy)})


def log_at(tree: NtfsTree) -> int:
    """Return where the log begins."""
    data = tree._records.get(2).find(Type.DATA)
    assert data
    cluster, _ = Runs(tree._volume, data).find(0)
    assert cluster
    return cluster * tree._volume.block_size


def test_a_new_volume(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    assert (tree.state.label, tree.state.version) == ("Träger", (3, 1))
    assert tree.problems == ()
    assert (tree.unclean, tree.recorded_errors, tree.hibernation) == (None, (), None)
    assert tree.stated_size == empty.size - 512
    assert list(tree.entries(tree.root)) == []
    assert tree.lookup(tree.root, "$mft") == 0
    assert tree.lookup(tree.root, "$Extend") == 11


@pytest.mark.parametrize(("flags", "errors"), [(0, 0), (0x0001, 1), (0x4000, 1), (0x4001, 2), (0x8000, 0), (0x0002, 0)])
def test_the_flags_of_the_volume(empty: FileSource, flags: int, errors: int) -> None:
    tree = open_ntfs(with_flags(empty, flags))
    assert len(tree.recorded_errors) == errors
    assert len(tree.problems) == errors + (flags == 0x8000)
    assert tree.unclean is None


def restart_page(sequence: int, client: int, flags: int, magic: bytes = b"RSTR", log_size: int = 2 << 20) -> bytes:
    """Return a restart page of 4 KiB with one client, as libfsntfs' documentation lays it out."""
    page = bytearray(4096)
    page[:30] = magic + struct.pack("<HHQIIHhH", 30, 9, 0, 4096, 4096, 48, 1, 1)
    free = 0 if client == 0xFFFF else 0xFFFF
    area = struct.pack("<QHHHHIHHqIHHI4x", sequence, 1, free, client, flags, 67 - log_size.bit_length(), 208, 48,
                       log_size, 0, 48, 64, 1)  # fmt: skip
    record = struct.pack("<QQHHH6xI", 0, 0, 0xFFFF, 0xFFFF, 0, 8) + "NTFS".encode("utf-16-le")
    page[48 : 48 + len(area) + len(record)] = area + record
    for number in range(9):
        page[30 + 2 * number : 32 + 2 * number] = b"\7\0"
        if number:
            page[number * 512 - 2 : number * 512] = b"\7\0"
    return bytes(page)


CLOSED, OPEN = (0xFFFF, 0), (0, 0)
HIBERNATED, UNCLEAN = 14, 15  # exit statuses of ntfs-3g.probe(8)


@pytest.mark.parametrize(
    ("pages", "trouble"),
    [
        ((restart_page(1, *CLOSED), restart_page(1, *CLOSED)), None),
        ((restart_page(1, *OPEN), restart_page(2, *CLOSED)), None),
        ((restart_page(2, *OPEN), restart_page(1, *CLOSED)), "not closed"),
        ((restart_page(1, *CLOSED), restart_page(2, *OPEN)), "not closed"),
        ((restart_page(2, 0, 2), restart_page(2, 0, 2)), None),
        ((restart_page(2, *OPEN, b"CHKD"), restart_page(1, *CLOSED)), "not closed"),
        ((b"RSTR" + bytes(4092), restart_page(3, *OPEN)), "cannot be read"),
        ((restart_page(3, *OPEN)[:4000] + bytes(96), restart_page(3, *OPEN)[:4000] + bytes(96)), "neither"),
        ((restart_page(3, *CLOSED)[:4000] + bytes(96), restart_page(3, *OPEN)), "not closed"),
        ((bytes(4096), bytes(4096)), "neither"),
    ],
)
def test_the_log(empty: FileSource, pages: tuple[bytes, bytes], trouble: str | None) -> None:
    tree = open_ntfs(Patched(empty, {log_at(open_ntfs(empty)): b"".join(pages)}))
    if trouble is None:
        assert tree.unclean is None
        assert not tree.unreplayed_journal
    else:
        assert tree.unclean
        assert trouble in tree.unclean.message
        assert tree.unreplayed_journal
        assert tree.problems[0] == tree.unclean


def test_a_log_that_is_cut_off_is_not_clean(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    data = tree._records.get(2).find(Type.DATA)
    assert data
    broken = open_ntfs(Patched(empty, {data.place + 48: bytes(16)}))
    assert broken.unclean
    assert "cannot be read" in broken.unclean.message


def test_a_log_that_cannot_be_found_is_not_clean(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    record = tree._records.get(2).record.offset
    broken = open_ntfs(Patched(empty, {record: b"BAAD"}))
    assert broken.unclean
    assert "not known" in broken.unclean.message


@needs("ntfs-3g.probe")
def test_ntfs_3g_sees_the_same(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    log = log_at(open_ntfs(FileSource(image)))
    for pages in (
        restart_page(1, *CLOSED) * 2,
        restart_page(1, *OPEN) + restart_page(2, *CLOSED),
        restart_page(2, *OPEN) + restart_page(1, *CLOSED),
        restart_page(1, *CLOSED) + restart_page(2, *OPEN),
        restart_page(2, *OPEN) * 2,
        restart_page(2, 0, 2) * 2,
    ):
        with image.open("r+b") as file:
            file.seek(log)
            file.write(pages)
        status = subprocess.run(["ntfs-3g.probe", "--readwrite", image], check=False, capture_output=True).returncode
        assert status == (UNCLEAN if open_ntfs(FileSource(image)).unreplayed_journal else 0)


@needs("ntfs-3g.probe")
def test_ntfs_3g_sees_the_same_flag(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    tree = open_ntfs(FileSource(image))
    flags = flags_at(tree)
    with image.open("r+b") as file:
        for at in (flags, flags + (tree.boot.mirror - tree.boot.mft) * tree.boot.cluster_size):
            file.seek(at)
            file.write(b"\1\0")
    done = subprocess.run(["ntfsls", image], check=False, capture_output=True, text=True)
    assert "scheduled for check" in done.stderr
    assert open_ntfs(FileSource(image)).recorded_errors


def memory_image(length: int, flag: int | None = None) -> bytes:
    """Return a header of hiberfil.sys that is so long, with a byte that is set."""
    header = bytearray(b"HIBR" + bytes(8) + struct.pack("<I", length)).ljust(8192, b"\0")
    if flag is not None:
        header[flag] = 1
    return bytes(header)


@needs_ntfs_3g
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hibr" + bytes(8192), "hibernated, or was shut down for a fast startup"),
        (memory_image(0x3E0), "Windows is hibernated (hiberfil"),
        (memory_image(0x3E0, 0x364), "was shut down for a fast startup"),
        (memory_image(0x360, 0x2FC), "was shut down for a fast startup"),
        (memory_image(0x340, 0x364), "Windows is hibernated (hiberfil"),
        (memory_image(0x128, 0x364), "Windows is hibernated (hiberfil"),
        (memory_image(0x3E1, 0x364), "hibernated, or was shut down for a fast startup"),
        (memory_image(0x448)[:0x3F0], "hibernated, or was shut down for a fast startup"),
        (b"HIBR" + bytes(100), "hibernated"),
        (b"RSTR" + bytes(8192), "resume"),
        (b"wake" + bytes(8192), None),
        (bytes(8192), None),
        (b"", None),
    ],
)
def test_hibernation(content: bytes, words: str | None, tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    with mounted(image) as top:
        (top / "hiberfil.sys").write_bytes(content)
    tree = open_ntfs(FileSource(image))
    assert (tree.hibernation is None) == (words is None)
    assert tree.unreplayed_journal == (words is not None)
    assert words is None or (tree.unclean and words in tree.unclean.message)
    if content and content[:4] != b"RSTR":  # ntfs-3g takes an empty file for a session, and that mark for none
        status = subprocess.run(["ntfs-3g.probe", "--readwrite", image], check=False, capture_output=True).returncode
        assert (status == HIBERNATED) == (words is not None)


def test_the_copy_of_the_boot_sector(empty: FileSource) -> None:
    tree = open_ntfs(Patched(empty, {0: bytes(512)}))
    assert [problem.place.offset for problem in tree.problems] == [3]
    assert "copy at the end of the volume" in tree.problems[0].message
    assert tree.lookup(tree.root, "$UpCase") == 10
    with pytest.raises(ParseError, match="signature of NTFS wanted"):
        open_ntfs(Patched(empty, {0: bytes(512), empty.size - 512: bytes(512)}))


@pytest.mark.parametrize("size", ["1024", "2048", "4096"])
def test_the_copy_in_a_large_sector(tmp_path: Path, size: str) -> None:
    image: Source = FileSource(make(tmp_path / "n.img", "8M", "-s", size))
    tree = open_ntfs(Patched(image, {0: bytes(512)}))
    assert len(tree.problems) == 1
    assert tree.boot.sector_size == int(size)


def test_the_copy_of_the_first_record(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    at = tree.boot.mft * tree.boot.cluster_size
    broken = open_ntfs(Patched(empty, {at + 510: b"\x12\x34"}))
    assert "the copy of the record was read instead" in broken.problems[0].message
    mirror = tree.boot.mirror * tree.boot.cluster_size
    with pytest.raises(ParseError, match="written in part"):
        open_ntfs(Patched(empty, {at + 510: b"\x12\x34", mirror: b"BAAD"}))


def test_usage_that_cannot_be_read(empty: FileSource) -> None:
    record = open_ntfs(empty)._records.get(6).record.offset
    tree = open_ntfs(Patched(empty, {record: b"BAAD"}))
    assert tree.usage is None
    assert any("usage unknown" in problem.message for problem in tree.problems)
    state = open_ntfs(empty)._records.get(3).record.offset
    tree = open_ntfs(Patched(empty, {state: b"BAAD"}))
    assert [problem.message[:8] for problem in tree.recorded_errors] == ["$Volume:"]
    assert tree.problems == tree.recorded_errors
