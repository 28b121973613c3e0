"""Fields of the superblock against xfs_db, and superblocks that cannot be."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from parsers.checksum import crc32c
from parsers.filesystem.xfs import open_xfs
from parsers.filesystem.xfs.superblock import parse_superblock
from parsers.place import ParseError
from parsers.source import Memory
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.xfs.reference import fields, make, needs_xfsprogs, xfs_db

pytestmark = needs_xfsprogs
NUMBERS = {
    "blocksize": "block_size",
    "dblocks": "blocks",
    "logstart": "log_start",
    "rootino": "root",
    "agblocks": "agblocks",
    "agcount": "agcount",
    "logblocks": "log_blocks",
    "sectsize": "sector_size",
    "inodesize": "inode_size",
    "inopblock": "inodes_per_block",
    "blocklog": "block_log",
    "inopblog": "inodes_per_block_log",
    "agblklog": "agblock_log",
    "icount": "inodes",
    "ifree": "free_inodes",
    "fdblocks": "free_blocks",
    "imax_pct": "inode_percent",
}
VARIANTS = {
    "5": (),
    "4": ("-m", "crc=0"),
    "small blocks": ("-m", "crc=0", "-b", "size=512", "-i", "size=256"),
    "large blocks": ("-b", "size=65536", "-s", "size=4096", "-i", "size=1024"),
    "large directories": ("-n", "size=32768", "-L", "a label", "-m", "uuid=6f1b4c3a-0f2e-4b52-9e9f-111111111111"),
    "folding names": ("-n", "version=ci"),
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("xfs") / "x.img", "300M")


def resealed(raw: bytes) -> bytes:
    """Return a sector with the checksum that belongs to it."""
    body = raw[:224] + bytes(4) + raw[228:]
    return raw[:224] + struct.pack("<I", crc32c(0xFFFFFFFF, body) ^ 0xFFFFFFFF) + raw[228:]


def patched(image: Path, patches: dict[int, bytes]) -> Patched:
    source = FileSource(image)
    raw = bytearray(source.read_at(0, 512))
    for at, patch in patches.items():
        raw[at : at + len(patch)] = patch
    return Patched(source, {0: resealed(bytes(raw))})


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_fields_are_those_of_xfs_db(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "400M", *options)
    superblock = parse_superblock(FileSource(image))
    wanted = fields(image, *NUMBERS, "uuid", "fname", "dirblklog", "versionnum")
    assert {name: getattr(superblock, NUMBERS[name]) for name in NUMBERS} == {
        name: int(wanted[name]) for name in NUMBERS
    }
    assert superblock.uuid == wanted["uuid"]
    assert superblock.label == wanted["fname"].strip('"').split("\\000")[0]
    assert superblock.directory_block_size == superblock.block_size << int(wanted["dirblklog"])
    assert superblock.version == int(wanted["versionnum"], 16) & 0xF
    assert superblock.problems == ()
    assert open_xfs(FileSource(image)).problems == ()


def test_a_changed_uuid_leaves_that_of_the_metadata(image: Path, tmp_path: Path) -> None:
    changed = tmp_path / "x.img"
    shutil.copyfile(image, changed)
    xfs_db(changed, "uuid generate", write=True)
    tree = open_xfs(FileSource(changed))
    superblock = tree.superblock
    assert superblock.uuid == fields(changed, "uuid")["uuid"]
    assert superblock.metadata_uuid.hex() == fields(image, "uuid")["uuid"].replace("-", "")
    assert list(tree.entries(tree.root)) == []
    assert tree.problems == ()


def test_a_file_system_that_needs_repair_says_so(image: Path) -> None:
    incompat = parse_superblock(FileSource(image)).incompat
    tree = open_xfs(patched(image, {216: struct.pack(">I", incompat | 0x10)}))
    assert "repair" in tree.recorded_errors[0].message
    assert tree.recorded_errors[0] in tree.problems


def test_the_checksum_of_the_superblock(image: Path) -> None:
    tree = open_xfs(Patched(FileSource(image), {108: b"x"}))
    assert any("superblock checksum" in problem.message for problem in tree.problems)


@pytest.mark.parametrize("sector", [1, 2])
def test_the_checksums_of_group_headers(image: Path, sector: int) -> None:
    tree = open_xfs(Patched(FileSource(image), {sector * 512 + 400: b"x"}))
    assert any("header: checksum" in problem.message for problem in tree.problems)
    assert tree.usage


def test_a_broken_group_header_leaves_usage_unknown(image: Path) -> None:
    tree = open_xfs(Patched(FileSource(image), {512: b"x"}))
    assert tree.usage is None
    assert any("usage unknown" in problem.message for problem in tree.problems)


def test_the_checksum_and_number_of_an_inode(image: Path) -> None:
    source = FileSource(image)
    root = open_xfs(source)._inodes.get(open_xfs(source).root)
    tree = open_xfs(Patched(source, {root.offset + 33: b"\x7f"}))
    assert any("inode: checksum" in problem.message for problem in tree.problems)
    with pytest.raises(ParseError, match="its own number"):
        open_xfs(Patched(source, {root.offset + 159: b"\x01"}))


def test_unknown_features_for_writing_are_named(image: Path) -> None:
    tree = open_xfs(patched(image, {212: b"\xff" * 4}))
    assert any("0xfffffff0" in problem.message for problem in tree.problems)


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        ({0: b"AAAA"}, "copy"),
        ({4: bytes(4)}, "block"),
        ({84: bytes(4)}, "allocation groups"),
        ({88: b"\xff" * 4}, "blocks in"),
        ({100: b"\xb4\xa3"}, "version 4 or 5"),
        ({100: b"\x84\xa4"}, "version 1"),
        ({102: bytes(2)}, "sector"),
        ({104: bytes(2)}, "inode"),
        ({106: b"\0\3"}, "inodes in a block"),
        ({120: b"\x3f"}, "block"),
        ({123: b"\x3f"}, "inodes in a block"),
        ({126: b"\1"}, "in progress"),
        ({127: b"\x65"}, "per cent"),
        ({192: b"\x3f"}, "directory blocks"),
        ({216: b"\xff\xff\xff\xff"}, "zoned"),
        ({216: b"\x00\x00\x08\x00"}, "0x800"),
        ({56: b"\xff" * 8}, "blocks within"),
        ({56: bytes(8)}, "the number of an inode"),
    ],
)
def test_superblocks_that_cannot_be(image: Path, patches: dict[int, bytes], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        open_xfs(patched(image, patches))


def test_a_volume_that_is_too_short(image: Path) -> None:
    source = FileSource(image)
    for size in (0, 100, 511):
        with pytest.raises(ParseError):
            open_xfs(Memory(source.read_at(0, size)))
    tree = open_xfs(Patched(source, {}, size=source.size - 4096))
    assert any("ends at byte" in problem.message for problem in tree.problems)


def test_counters_are_summed_up_when_the_log_is_dirty(image: Path) -> None:
    wanted = open_xfs(FileSource(image)).usage
    log = int(fields(image, "logstart")["logstart"])
    said = xfs_db(image, f"convert fsblock {log} daddr")
    offset = int(said.split("(")[1].split(")")[0]) * 512
    raw = resealed(_stale(FileSource(image).read_at(0, 512)))
    tree = open_xfs(Patched(FileSource(image), {0: raw, offset + 512 + 9: b"\0"}))
    assert tree.unreplayed_journal
    assert tree.usage == wanted
    tree = open_xfs(Patched(FileSource(image), {0: raw}))
    assert tree.usage != wanted


def _stale(raw: bytes) -> bytes:
    return raw[:128] + struct.pack(">QQQ", 64, 61, 5) + raw[152:]


def test_realtime_files_are_recognised(tmp_path: Path) -> None:
    """A file whose flag says that it lies on the realtime device, made by mkfs.xfs from a prototype."""
    (tmp_path / "file").write_bytes(b"x" * 5000)
    proto = tmp_path / "proto"
    proto.write_text(f"/boot\n0 0\nd--755 0 0\nfile ---644 0 0 {tmp_path}/file\n$\n")
    image = make(tmp_path / "x.img", "300M", "-p", str(proto))
    tree = open_xfs(FileSource(image))
    number = tree.lookup(tree.root, "file")
    assert number
    assert tree.open(number).read_at(0, 5000) == b"x" * 5000
    xfs_db(image, f"inode {number}", "write -d core.realtime 1", write=True)
    tree = open_xfs(FileSource(image))
    assert tree.stat(number).flags == ("realtime",)
    with pytest.raises(ParseError, match="realtime"):
        tree.open(number)


def test_the_tool_agrees_that_the_images_are_sound(image: Path) -> None:
    repair = shutil.which("xfs_repair", path="/usr/sbin:/sbin")
    if not repair:
        pytest.skip("xfs_repair is absent")
    assert subprocess.run([repair, "-n", image], check=False, capture_output=True).returncode == 0
