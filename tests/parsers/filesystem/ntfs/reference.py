"""How the tests make NTFS volumes, fill them through ntfs-3g, and compare what it shows with a tree."""

from __future__ import annotations

import os
import random
import shutil
import stat as bits
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import NtfsTree
from parsers.filesystem.ntfs.attribute import Attribute, Runs, Type, extent_of
from parsers.filesystem.ntfs.index import Directory
from parsers.filesystem.ntfs.records import Inode
from parsers.filesystem.tree import FileType, Stat
from parsers.place import ParseError
from tests.parsers.filesystem import damage
from tests.parsers.filesystem.ext4.files import FileSource, empty, sha256, walk
from tests.parsers.filesystem.ext4.reference import TYPES, paths

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
MKNTFS, NTFS_3G = (shutil.which(tool, path=SBIN) for tool in ("mkntfs", "ntfs-3g"))
needs_mkntfs = pytest.mark.skipif(not MKNTFS, reason="mkntfs makes the volumes, and is absent")
needs_ntfs_3g = pytest.mark.skipif(
    not (MKNTFS and NTFS_3G) or os.geteuid() != 0 or not Path("/dev/fuse").exists(),
    reason="ntfs-3g is the oracle: it needs root and FUSE",
)
FLAGS = {
    0x1: "read-only", 0x2: "hidden", 0x4: "system", 0x20: "archive", 0x100: "temporary", 0x200: "sparse",
    0x400: "reparse-point", 0x800: "compressed", 0x1000: "offline", 0x2000: "not-indexed", 0x4000: "encrypted",
    0x40_0000: "recall",
}  # fmt: skip
COMPRESSED = 0x800
JUNCTION, SYMLINK, WOF = 0xA0000003, 0xA000000C, 0x80000017
_MOST_LINKS = 60


def make(image: Path, size: str, *options: str) -> Path:
    """Make a file system in a new sparse file."""
    empty(image, int(size[:-1]) << 20)
    assert MKNTFS
    subprocess.run([MKNTFS, "-q", "-F", "-f", *options, image], check=True, capture_output=True)
    return image


@contextmanager
def mounted(image: Path, *options: str) -> Iterator[Path]:
    """Mount an image beside itself until its driver has written everything."""
    folder = image.with_suffix(".mnt")
    folder.mkdir(exist_ok=True)
    assert NTFS_3G
    driver = subprocess.Popen(
        [NTFS_3G, "-o", ",".join(("no_detach", *options)), image, folder],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while not folder.is_mount():
        if driver.poll() is not None:
            pytest.fail(f"ntfs-3g does not mount it: {driver.communicate()[0]}")
        time.sleep(0.02)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        driver.communicate()


def set_flags(path: Path, flags: int) -> None:
    os.setxattr(path, "system.ntfs_attrib_be", struct.pack(">I", flags), follow_symlinks=False)


def set_reparse(path: Path, tag: int, body: bytes) -> None:
    data = struct.pack("<IHH", tag, len(body), 0) + body
    os.setxattr(path, "system.ntfs_reparse_data", data, follow_symlinks=False)


def link_body(target: str, shown: str, flags: int | None) -> bytes:
    """Return the body of a symbolic link, or of a junction, which has no flags."""
    first, second = (text.encode("utf-16-le", "surrogatepass") for text in (target, shown))
    names = struct.pack("<HHHH", 0, len(first), len(first) + 2, len(second))
    return names + (b"" if flags is None else struct.pack("<I", flags)) + first + b"\0\0" + second + b"\0\0"


def fill(top: Path, *, names: int = 700, extents: int = 300) -> None:
    """Make files of every form: sizes around each limit, holes, streams, names, links, flags, reparse points."""
    dice = random.Random(5)
    _sizes(top, dice)
    _names(top, names)
    _holes(top, extents, dice)
    _streams(top, dice)
    _links(top)
    for number, flag in enumerate((0x1, 0x2, 0x4, 0x20, 0x100, 0x2000, 0x1000, 0x27)):
        path = top / f"flags-{number}"
        path.write_bytes(b"with flags")
        set_flags(path, flag)
    os.utime(top / "f100", ns=(5_000_000_100, -7_000_000_000))
    for name, born in (("f650", 0), ("f700", 0x01D0_0000_0000_0001), ("f720", (1 << 63) - 1)):
        os.setxattr(top / name, "system.ntfs_crtime", struct.pack("<Q", born))


def _sizes(top: Path, dice: random.Random) -> None:
    for size in (0, 1, 100, 500, 650, 700, 720, 1000, 3000, 4095, 4096, 4097, 65536, 70000, 300000):
        (top / f"f{size}").write_bytes(dice.randbytes(size))


def _names(top: Path, names: int) -> None:
    for folder in ("empty", "small", "many", "Case"):
        (top / folder).mkdir()
    for number in range(30):
        (top / f"small/file-{number:03}").write_text(str(number))
    for number in range(names):
        (top / f"many/Name {number} {'ä' * (number % 40)}").touch()
    for number in range(names // 3, names // 2):  # blocks of the index are freed and used again
        (top / f"many/Name {number} {'ä' * (number % 40)}").unlink()
    for number in range(0, names // 4, 3):
        (top / f"many/{'Z' * (number % 100)}{number}").mkdir()
    for name in (
        "case",
        "CASE",
        "Ärger",
        "ÄRGER",
        "ärger",
        "Ünïcode ß ſ ı İ",
        "日本語" * 20,
        "𝔘𝔫𝔦",
        "𝔄" * 120,
        "x" * 255,
    ):
        (top / "Case" / name).write_text(name)
    for raw in (b"lone \xed\xa0\x80 half", b"other \xed\xb0\x81", b"trailing dot.", b"trailing space ", b"a:b\\c*?\n"):
        Path(os.fsdecode(os.fsencode(top) + b"/Case/" + raw)).write_bytes(raw)


def _holes(top: Path, extents: int, dice: random.Random) -> None:
    block = os.statvfs(top).f_bsize
    with (top / "sparse").open("wb") as file:
        for offset in (0, 5000, 70_000, 600_000, 5_000_000, 40_000_000):
            file.seek(offset)
            file.write(dice.randbytes(3000))
        file.truncate(45_000_001)
    with (top / "fragmented").open("wb") as file:
        for number in range(extents):
            file.seek(number * 2 * block)
            file.write(dice.randbytes(16) + bytes(min(block, 4096) - 16))
    (top / "grown").write_bytes(b"hello" * 300)
    os.truncate(top / "grown", 1_000_000)


def _streams(top: Path, dice: random.Random) -> None:
    for number in range(40):  # more than one record holds
        os.setxattr(top / "f4096", f"user.stream {number}", dice.randbytes(number * 7))
    os.setxattr(top / "f100", "user.Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n")
    os.setxattr(top / "f1000", "user.large", dice.randbytes(60_000))
    os.setxattr(top / "small", "user.of a folder", b"yes")
    for number in range(30):  # so that a directory needs an attribute list
        os.setxattr(top / "many", f"user.{number:0100}", dice.randbytes(number))


def _links(top: Path) -> None:
    (top / "link").symlink_to("small/file-001")
    (top / "long link").symlink_to("x/" * 500 + "y")
    for number in range(_MOST_LINKS):
        (top / f"small/another name {number}").hardlink_to(top / "f3000")
    os.mknod(top / "chr", 0o20640, os.makedev(5, 1))
    os.mknod(top / "blk", 0o60600, os.makedev(300, 70000))
    (top / "junction").mkdir()
    set_reparse(top / "junction", JUNCTION, link_body("\\??\\C:\\small", "C:\\small", None))
    (top / "relative").touch()
    set_reparse(top / "relative", SYMLINK, link_body("small\\file-002", "small\\file-002", 1))
    for name, short in (("a name that is long.text", "ANAMET~1.TEX"), ("many", "MA~1")):
        if not (top / name).exists():
            (top / name).write_text("long")
        os.setxattr(top / name, "system.ntfs_dos_name", short.encode())


def fill_compressed(top: Path) -> None:
    """Make files that ntfs-3g compresses, once it is mounted so."""
    dice = random.Random(6)
    (top / "packed").mkdir()
    set_flags(top / "packed", COMPRESSED)
    text = b"".join(b"%d green bottles hanging on the wall, " % number for number in range(60_000))
    for name, data in {
        "text": text, "tiny": b"abc" * 5, "small": text[:5000], "random": dice.randbytes(200_000),
        "zeros": bytes(300_000), "one unit": text[:65536], "one more": text[:65537], "one": b"a" * 1_000_000,
        "mixed": b"".join(dice.choice((dice.randbytes(7000), text[: dice.randrange(90_000)], bytes(40_000)))
                          for _ in range(20)),
    }.items():  # fmt: skip
        (top / "packed" / name).write_bytes(data)
    with (top / "packed/holes").open("wb") as file:
        for offset in (0, 200_000, 1_000_000):
            file.seek(offset)
            file.write(text[:30_000])
        file.truncate(1_500_000)


def differences(tree: NtfsTree, top: Path) -> list[str]:
    """Compare every path of a tree with what ntfs-3g shows."""
    wanted, found = paths(top), dict(walk(tree))
    wrong = [f"only on the host: {path!a}" for path in wanted.keys() - found.keys()]
    wrong += [f"only in the tree: {path!a}" for path in found.keys() - wanted.keys()]
    for path in wanted.keys() & found.keys():
        wrong += [f"{path!a}: {flaw}" for flaw in _compare(tree, found[path], wanted[path])]
    return wrong + list(_compare_lookups(tree, {path: found[path] for path in wanted.keys() & found.keys()}))


def _compare(tree: NtfsTree, found: Stat, path: Path) -> Iterator[str]:
    host = path.lstat()
    kind = TYPES[bits.S_IFMT(host.st_mode)]
    seen = (found.type, found.inode, found.mtime, found.atime, found.ctime)
    shown = (kind, host.st_ino, host.st_mtime_ns, host.st_atime_ns, host.st_ctime_ns)
    if seen != shown:
        yield f"{shown} wanted, {seen} found"
    born = int.from_bytes(os.getxattr(path, "system.ntfs_crtime", follow_symlinks=False), "little")
    if found.btime != (born - 116_444_736_000_000_000) * 100:
        yield f"born at {born} wanted, {found.btime} found"
    (flags,) = struct.unpack(">I", os.getxattr(path, "system.ntfs_attrib_be", follow_symlinks=False))
    if set(found.flags or ()) != {name for bit, name in FLAGS.items() if flags & bit}:
        yield f"flags {flags:#x} wanted, {found.flags} found"
    if kind is FileType.FILE:
        short = tree.short_name(found.inode) is not None  # which ntfs-3g counts as a link of its own
        if (found.size, found.links + short) != (host.st_size, host.st_nlink):
            yield f"{host.st_size} bytes, {host.st_nlink} links wanted, {found.size}, {found.links} found"
        if sha256(tree.open(found.inode)) != sha256(FileSource(path)):
            yield "another content"
    if kind is FileType.SYMLINK:
        target = str(path.readlink()).replace(f"{path.parent}/", "C:\\")  # where ntfs-3g finds the drive
        if (tree.readlink(found.inode), found.size) != (target, len(target)):
            yield f"target {target} wanted, {tree.readlink(found.inode)} found"
    if found.rdev and found.rdev != (os.major(host.st_rdev), os.minor(host.st_rdev)):
        yield "another device"
    yield from _compare_streams(tree, found, path)


def _compare_streams(tree: NtfsTree, found: Stat, path: Path) -> Iterator[str]:
    attributes = {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in os.listxattr(path, follow_symlinks=False)
        if name.startswith("user.")
    }
    if tree.xattrs(found.inode) != attributes:
        yield f"streams {sorted(attributes)} wanted, {sorted(tree.xattrs(found.inode))} found"
    sizes = {f"user.{stream.name}": stream.size for stream in tree.streams(found.inode)}
    if sizes != {name: len(value) for name, value in attributes.items()}:
        yield f"sizes of streams {sizes} found"
    if tree.short_name(found.inode) != _short_name(path):
        yield f"short name {_short_name(path)} wanted"


def _short_name(path: Path) -> str | None:
    with suppress(OSError):
        return os.getxattr(path, "system.ntfs_dos_name", follow_symlinks=False).decode() or None
    return None


def _compare_lookups(tree: NtfsTree, found: dict[str, Stat]) -> Iterator[str]:
    for path, stat in found.items():
        folder, _, name = path.rpartition("/")
        if name and tree.lookup(found[folder or "/"].inode, name) != stat.inode:
            yield f"{path!a} is not found"
        if name and tree.lookup(found[folder or "/"].inode, name + "absent") is not None:
            yield f"{path!a}: an absent name is found"
        if stat.type is FileType.DIRECTORY:
            for entry in tree.entries(stat.inode):
                if entry.type is not tree.stat(entry.inode).type:
                    yield f"{path!a}/{entry.name!a}: another type in its directory"
        for stream in tree.streams(stat.inode) if name else ():
            inode = tree.lookup(found[folder or "/"].inode, f"{name}:{stream.name.upper()}")
            content = tree.open(inode) if inode else None
            if content is None or content.read_at(0, stream.size) != tree.xattrs(stat.inode)[f"user.{stream.name}"]:
                yield f"{path!a}: stream {stream.name} is another"
        short = tree.short_name(stat.inode)
        if short and tree.lookup(found[folder or "/"].inode, short.lower()) != stat.inode:
            yield f"{short} is not found"


ALL_FORMS = {
    "resident", "in clusters", "sparse", "in part initialised", "attribute list", "attribute list in clusters",
    "pieces", "directory in the record", "directory in blocks", "directory of several levels",
}  # fmt: skip


def forms(tree: NtfsTree) -> set[str]:
    """Return how files, lists and directories are stored."""
    found: set[str] = set()
    for _, stat in walk(tree):
        inode = tree._records.get(stat.inode)
        listed = [item for item in inode.record.attributes if item.type == Type.ATTRIBUTE_LIST]
        found |= {"attribute list" if item.resident else "attribute list in clusters" for item in listed}
        if stat.type is FileType.DIRECTORY:
            root = Directory(tree._records, inode)._root
            blocks = [item for item in root if isinstance(item, int)]
            found.add("directory in blocks" if blocks else "directory in the record")
            if any(isinstance(item, int) for block in blocks for item in Directory(tree._records, inode)._node(block)):
                found.add("directory of several levels")
        for item in inode.all(Type.DATA):
            found |= set(_data_forms(tree, inode, item))
    return found


def _data_forms(tree: NtfsTree, inode: Inode, item: Attribute) -> Iterator[str]:
    if item.resident:
        yield "resident"
        return
    extent = extent_of(tree._volume, item)
    places = Runs(tree._volume, item)._clusters
    yield "sparse" if None in places else "in clusters"
    if extent.initialised < extent.size:
        yield "in part initialised"
    if inode.pieces(item):
        yield "pieces"
    if item.flags & 1 and None in places:
        yield "compressed"


def find(tree: NtfsTree, path: str) -> int:
    """Return the inode of a path."""
    inode = tree.root
    for name in path.strip("/").split("/"):
        below = tree.lookup(inode, name)
        assert below is not None, name
        inode = below
    return inode


def touch(tree: NtfsTree, number: int) -> None:
    """Ask everything of an inode, whatever it is."""
    damage.touch(tree, number)
    for ask in (tree.streams, tree.short_name, tree.reparse_point):
        with suppress(ParseError):
            ask(number)
