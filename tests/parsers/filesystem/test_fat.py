"""FAT, held against mtools, the kernel's own listings in the corpus, and damaged volumes."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parsers.filesystem.fat import FatTree, open_fat
from parsers.filesystem.tree import FileType
from parsers.place import ParseError
from parsers.source import Memory, Source, check_range
from tests.corpus import ROOT, corpus, entries

MKFS = shutil.which("mkfs.vfat", path="/usr/sbin:/sbin:/usr/bin:/bin")
needs_mtools = pytest.mark.skipif(
    not (MKFS and shutil.which("mcopy")), reason="mkfs.vfat (dosfstools) and mcopy (mtools) are the oracle, and absent"
)
LONG = "A long name, äöü 日本語.txt"
FILES = {
    "EFI/BOOT/BOOTX64.EFI": bytes(range(256)) * 300,
    "EFI/debian/grub.cfg": b"search.fs_uuid 0000 root\n",
    LONG: b"long\n",
    "empty": b"",
    **{f"many/file with a long name {n:03}.txt": b"%d\n" % n for n in range(150)},
}


class FileSource:
    """A file of the test as a source that counts what is read of it."""

    def __init__(self, path: Path) -> None:
        self.name = "sda1"
        self.size = path.stat().st_size
        self.read = 0
        self._path = path

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        self.read += size
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def volume(folder: Path, bits: int, size: int, *options: str) -> Path:
    image = folder / f"fat{bits}.img"
    with image.open("wb") as file:
        file.truncate(size)
    assert MKFS
    subprocess.run(
        [MKFS, "-F", str(bits), "-n", "ESP", "-i", "DEADBEEF", *options, image], check=True, capture_output=True
    )
    tree = folder / "tree"
    for name, content in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    subprocess.run(["mcopy", "-s", "-i", image, *sorted(tree.iterdir()), "::"], check=True, capture_output=True)
    return image


def walk(tree: FatTree, directory: int | None = None, path: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
    for entry in tree.entries(tree.root if directory is None else directory):
        yield f"{path}/{entry.name}", entry.inode
        if entry.type is FileType.DIRECTORY and depth < 12:
            yield from walk(tree, entry.inode, f"{path}/{entry.name}", depth + 1)


def content(tree: FatTree, inode: int) -> bytes:
    source = tree.open(inode)
    return source.read_at(0, source.size)


def find(tree: FatTree, path: str) -> int | None:
    inode: int | None = tree.root
    for name in path.split("/"):
        if inode is None:
            return None
        inode = tree.lookup(inode, name)
    return inode


@pytest.fixture(
    scope="module", params=[(12, 4 << 20), (16, 64 << 20), (32, 100 << 20)], ids=["fat12", "fat16", "fat32"]
)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bits, size = request.param
    return volume(tmp_path_factory.mktemp("fat"), bits, size)


@needs_mtools
def test_every_file_reads_as_mtools_wrote_it(image: Path) -> None:
    tree = open_fat(FileSource(image))
    found = {path[1:]: content(tree, inode) for path, inode in walk(tree) if tree.stat(inode).type is FileType.FILE}
    assert found == FILES
    assert tree.label == "ESP"
    assert tree.problems == ()


@needs_mtools
def test_names_are_found_without_regard_to_case_and_by_their_short_name(image: Path) -> None:
    tree = open_fat(FileSource(image))
    wanted = find(tree, "EFI/BOOT/BOOTX64.EFI")
    assert wanted is not None
    assert find(tree, "efi/Boot/bootx64.efi") == wanted
    assert find(tree, "EFI/BOOT/BOOTAA64.EFI") is None
    assert find(tree, LONG.upper()) == find(tree, LONG)
    short = find(tree, "many/FILEWI~1.TXT")
    many = find(tree, "many")
    assert short is not None
    assert many is not None
    assert short in {entry.inode for entry in tree.entries(many)}


@needs_mtools
def test_times_and_modes_are_those_that_linux_shows(image: Path) -> None:
    tree = open_fat(FileSource(image))
    inode = find(tree, "EFI/debian/grub.cfg")
    assert inode is not None
    stat = tree.stat(inode)
    listed = subprocess.run(
        ["mdir", "-i", image, "::EFI/debian/grub.cfg"], check=True, capture_output=True, text=True
    ).stdout
    shown = time.strftime("%Y-%m-%d  %k:%M", time.gmtime(stat.mtime / 1e9))
    assert shown in listed
    assert (stat.mode, stat.size, stat.type) == (0o755, 25, FileType.FILE)


@needs_mtools
def test_usage_is_what_mtools_says(image: Path) -> None:
    usage = open_fat(FileSource(image)).usage
    assert usage is not None
    listed = subprocess.run(["mdir", "-i", image, "::"], check=True, capture_output=True, text=True).stdout
    free = int(listed.splitlines()[-2].split("bytes")[0].replace(" ", ""))
    assert usage.free == free


@needs_mtools
def test_a_large_volume_is_opened_without_reading_its_table(tmp_path: Path) -> None:
    image = volume(tmp_path, 32, 512 << 20, "-s", "1")
    source = FileSource(image)
    inode = find(open_fat(source), "EFI/BOOT/BOOTX64.EFI")
    assert inode is not None
    assert source.read < 64 << 10  # the table alone is 4 MiB


@needs_mtools
@pytest.mark.parametrize(("bits", "size"), [(16, 20 << 20), (32, 64 << 20)])
def test_a_volume_that_was_not_unmounted_is_a_problem(tmp_path: Path, bits: int, size: int) -> None:
    data = bytearray(volume(tmp_path, bits, size).read_bytes())
    assert open_fat(Memory(bytes(data))).problems == ()
    data[37 if bits == 16 else 65] |= 1
    reserved = int.from_bytes(data[14:16], "little") * 512
    data[reserved + bits // 4 - 1] &= ~(0x80 if bits == 16 else 0x08)
    problems = [str(problem) for problem in open_fat(Memory(bytes(data))).problems]
    assert len(problems) == 2
    assert all("not cleanly unmounted" in problem for problem in problems)


@needs_mtools
def test_the_lower_case_that_windows_records_is_shown(tmp_path: Path) -> None:
    data = bytearray(volume(tmp_path, 12, 2 << 20).read_bytes())
    at = data.index(b"BOOTX64 EFI")
    data[at + 12] = 0x18
    tree = open_fat(Memory(bytes(data)))
    boot = find(tree, "EFI/BOOT")
    assert boot is not None
    assert [entry.name for entry in tree.entries(boot)] == ["bootx64.efi"]


@needs_mtools
def test_a_broken_long_name_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(volume(tmp_path, 12, 2 << 20).read_bytes())
    at = data.index(b"f\0i\0l\0e\0 \0")
    data[at // 32 * 32 + 13] ^= 0xFF  # its checksum
    tree = open_fat(Memory(bytes(data)))
    names = [path for path, _ in walk(tree)]
    assert sum("FILEWI" in name for name in names) == 1
    assert len(names) == len(FILES) + 4
    assert "long name" in tree.problems[0].message


@needs_mtools
@pytest.mark.parametrize("name", [b"..         ", b"A/B        ", b"A\0B        "])
def test_a_name_that_leads_elsewhere_is_left_out_and_reported(tmp_path: Path, name: bytes) -> None:
    data = bytearray(volume(tmp_path, 12, 2 << 20).read_bytes())
    at = data.index(b"EMPTY      ")
    data[at : at + 11] = name
    tree = open_fat(Memory(bytes(data)))
    shown = [entry.name for entry in tree.entries(tree.root)]
    assert not [one for one in shown if "/" in one or "\0" in one or one == ".."]


@needs_mtools
def test_a_chain_that_loops_ends_in_an_error(tmp_path: Path) -> None:
    path = volume(tmp_path, 16, 20 << 20)
    data = bytearray(path.read_bytes())
    at = data.index(b"BOOTX64 EFI")
    cluster = int.from_bytes(data[at + 26 : at + 28], "little")
    table = int.from_bytes(data[14:16], "little") * 512
    data[table + cluster * 2 : table + cluster * 2 + 2] = cluster.to_bytes(2, "little")
    data[at + 28 : at + 32] = (0xFFFFFFFF).to_bytes(4, "little")
    tree = open_fat(Memory(bytes(data)))
    inode = find(tree, "EFI/BOOT/BOOTX64.EFI")
    assert inode is not None
    source = tree.open(inode)
    with pytest.raises(ParseError, match="loops"):
        source.read_at(source.size - 1, 1)


@needs_mtools
def test_a_directory_that_loops_ends_in_an_error(tmp_path: Path) -> None:
    data = bytearray(volume(tmp_path, 16, 20 << 20).read_bytes())
    at = data.index(b"MANY       ")
    cluster = int.from_bytes(data[at + 26 : at + 28], "little")
    table = int.from_bytes(data[14:16], "little") * 512
    data[table + cluster * 2 : table + cluster * 2 + 2] = cluster.to_bytes(2, "little")
    tree = open_fat(Memory(bytes(data)))
    many = find(tree, "many")
    assert many is not None
    with pytest.raises(ParseError, match=r"loops|65536"):
        list(tree.entries(many))


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (11, b"\0\0"),  # sector size
        (11, b"\1\2"),
        (13, b"\0"),  # sectors per cluster
        (13, b"\3"),
        (14, b"\0\0"),  # reserved
        (16, b"\0"),  # tables
        (17, b"\xff\xff"),  # root entries
        (19, b"\1\0"),  # sectors
        (22, b"\xff\xff"),  # sectors per table
    ],
)
@needs_mtools
def test_an_impossible_boot_sector_is_refused(tmp_path: Path, offset: int, value: bytes) -> None:
    data = bytearray(volume(tmp_path, 12, 2 << 20).read_bytes())
    data[offset : offset + len(value)] = value
    with pytest.raises(ParseError):
        open_fat(Memory(bytes(data)))


@pytest.mark.parametrize("size", [0, 1, 35, 511, 512, 4096])
def test_what_is_too_short_is_refused(size: int) -> None:
    with pytest.raises(ParseError):
        open_fat(Memory(b"\xeb\x3c\x90MSDOS5.0" + bytes(max(size - 11, 0)) if size > 11 else bytes(size)))


class Patched:
    """Bytes with some of them replaced; nothing is copied."""

    def __init__(self, data: bytes, patches: dict[int, int]) -> None:
        self.name, self.size = "sda1", len(data)
        self._data, self._patches = data, patches

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        part = bytearray(self._data[offset : offset + size])
        for at, value in self._patches.items():
            if offset <= at < offset + size:
                part[at - offset] = value
        return bytes(part)


def exercise(source: Source) -> None:
    """Use all of a tree; whatever is broken may say so with a ParseError only."""
    try:
        tree = open_fat(source)
        assert tree.usage is None or tree.usage.free <= tree.usage.total
        seen = 0
        for _, inode in walk(tree):
            stat = tree.stat(inode)
            if stat.type is FileType.FILE:
                try:
                    tree.open(inode).read_at(0, min(stat.size, 1 << 20))
                except ParseError:
                    continue
            seen += 1
            if seen > 2000:
                break
        assert tree.label != ""
    except ParseError:
        return


@needs_mtools
@pytest.mark.parametrize("bits", [12, 16, 32])
def test_damaged_volumes_give_parse_errors_only(tmp_path: Path, bits: int) -> None:
    data = volume(tmp_path, bits, {12: 1 << 20, 16: 10 << 20, 32: 34 << 20}[bits]).read_bytes()
    # Mutate where a reader looks: the boot sector, the tables' starts, and directories.
    spots = [*range(90), *range(512, 512 + 90)]
    table = int.from_bytes(data[14:16], "little") * 512
    spots += [*range(table, table + 700)] * 2
    for name in (b"EFI        ", b"BOOTX64 EFI", b"MANY       ", b"FILEWI~1TXT"):
        at = data.index(name) // 32 * 32
        spots += [*range(max(at - 64, 0), at + 320)] * 2
    chance = random.Random(bits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(150):
            patches = {
                chance.choice(spots): chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
                for _ in range(chance.choice((1, 1, 2, 8)))
            }
            exercise(Patched(data, patches))
        for size in (512, 4096, table + 10, len(data) // 2, len(data) - 1):
            exercise(Memory(data[:size]))


def _kernel_listings() -> list[dict[str, Any]]:
    return [
        entry
        for part in ("known",)
        for entry in entries(part)
        if isinstance(entry.get("expected"), dict)
        and (entry["expected"].get("tools_on_build_machine", {}).get("blkid") or {}).get("TYPE") == "vfat"
    ]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", _kernel_listings(), ids=lambda entry: str(entry["id"]))
def test_the_corpus_reads_as_the_kernel_lists_it(entry: dict[str, Any]) -> None:
    path = corpus(f"known/{entry['file']}")
    detail = json.loads((ROOT / "known" / entry["detail"]).read_text())
    (listed,) = detail["kernel_mount"]["filesystems"]
    tree = open_fat(FileSource(path))
    wanted = {file["path"]: file for file in listed.get("files", ()) if file["path"] != "/"}
    found = dict(walk(tree))
    assert sorted(found) == sorted(wanted)
    for name, inode in found.items():
        stat, file = tree.stat(inode), wanted[name]
        assert stat.type == {"dir": "directory"}.get(file["type"], file["type"]), name
        assert (oct(stat.mode), stat.mtime // 10**9) == (file["mode"], file["mtime"]), name
        if stat.type is FileType.FILE:
            assert stat.size == file["size"]
            if "sha256" in file:
                assert hashlib.sha256(content(tree, inode)).hexdigest() == file["sha256"], name
    if "statvfs" in listed:
        counted = listed["statvfs"]
        usage = tree.usage
        assert usage is not None
        assert (usage.total, usage.free) == (counted["bsize"] * counted["blocks"], counted["bsize"] * counted["bfree"])


@pytest.mark.corpus
@pytest.mark.parametrize(
    "entry", [e for e in entries("hostile") if e["id"].startswith("df-")], ids=lambda e: str(e["id"])
)
def test_hostile_volumes_of_the_corpus_end_in_a_tree_or_an_error(entry: dict[str, Any]) -> None:
    exercise(FileSource(corpus(f"hostile/{entry['file']}")))
