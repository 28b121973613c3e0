"""What the tests fill volumes with, and the comparison of a tree with the host's view of the same files."""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat as bits
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fixtures.loop import wait_until_released
from parsers.filesystem.tree import FileType, Stat, Tree
from tests.parsers.filesystem.ext4.files import FileSource, empty, sha256, walk

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
MKE2FS, DEBUGFS, DUMPE2FS, E2FSCK = (
    shutil.which(tool, path=SBIN) for tool in ("mke2fs", "debugfs", "dumpe2fs", "e2fsck")
)
needs_e2fsprogs = pytest.mark.skipif(
    not (MKE2FS and DEBUGFS and DUMPE2FS and E2FSCK), reason="e2fsprogs is the oracle, and absent"
)
needs_mount = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists(),
    reason="the kernel is the oracle: mounting needs root and loop devices",
)
TYPES = {
    bits.S_IFREG: FileType.FILE,
    bits.S_IFDIR: FileType.DIRECTORY,
    bits.S_IFLNK: FileType.SYMLINK,
    bits.S_IFCHR: FileType.CHAR,
    bits.S_IFBLK: FileType.BLOCK,
    bits.S_IFIFO: FileType.FIFO,
    bits.S_IFSOCK: FileType.SOCKET,
}
FLAGS = {"a": "append", "i": "immutable", "d": "nodump", "A": "noatime", "S": "sync"}
_WHOLE = 100 << 20
_INODE = (1 << 64) - 1  # a reader may put more into its numbers, to tell subvolumes apart


def make(image: Path, size: str, *options: str) -> Path:
    """Make a file system in a new sparse file."""
    empty(image, int(size[:-1]) << 20)
    assert MKE2FS
    subprocess.run([MKE2FS, "-q", "-F", *options, image], check=True, capture_output=True)
    return image


def debugfs(image: Path, *commands: str) -> str:
    """Change an image, and return what debugfs said."""
    assert DEBUGFS
    script = "".join(f"{command}\n" for command in commands)
    done = subprocess.run([DEBUGFS, "-w", "-f", "-", image], input=script, check=True, capture_output=True, text=True)
    return done.stdout


@contextmanager
def mounted(image: Path, *options: str, kind: str = "ext4") -> Iterator[Path]:
    """Mount an image beside itself; skip where the kernel does not know its features."""
    folder = image.with_suffix(".mnt")
    folder.mkdir(exist_ok=True)
    for _ in range(20):
        done = subprocess.run(
            ["mount", "-t", kind, "-o", ",".join(("loop", *options)), image, folder],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if "busy" not in done.stderr:  # another process was given the same loop device
            break
        time.sleep(0.2)
    if done.returncode:
        pytest.skip(f"this kernel does not mount it: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        wait_until_released(image)


def fill(top: Path, *, names: int = 600, huge_attribute: int = 3000) -> None:
    """Make files of every kind: sizes around each limit, holes, unwritten space, names, links, attributes, flags."""
    dice = random.Random(5)
    _sizes_and_links(top, dice)
    _names(top, names)
    _holes(top, dice)
    _special(top)
    _attributes(top, dice, huge_attribute)


def _sizes_and_links(top: Path, dice: random.Random) -> None:
    for size in (0, 1, 59, 60, 61, 100, 150, 160, 200, 1000, 1023, 1024, 1025, 4096, 4097, 70000, 300000):
        (top / f"f{size}").write_bytes(dice.randbytes(size))
    for length in (1, 30, 58, 59, 60, 61, 100, 155, 255, 500, 900):
        (top / f"l{length}").symlink_to("x" * length)


def _names(top: Path, names: int) -> None:
    for folder in ("empty", "d", "small", "many"):
        (top / folder).mkdir()
    for number in range(40):
        (top / f"d/file-{number:03}").write_text(str(number))
    for number in range(names):
        (top / f"many/name-{number}-{'z' * (number % 40)}").touch()
    for name in ("é".encode(), b"\xff\xfe-bad", ("日本語" * 20).encode(), b"x" * 255, b"a b\nc"):
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).write_bytes(name)


def _holes(top: Path, dice: random.Random) -> None:
    with (top / "sparse").open("wb") as file:
        for offset in (0, 5000, 70_000, 600_000, 5_000_000, 80_000_000):
            file.seek(offset)
            file.write(dice.randbytes(3000))
        file.truncate(90_000_001)
    with (top / "deep").open("wb") as file:
        for number in range(200):
            file.seek(number * 12345)
            file.write(dice.randbytes(700))
    with (top / "allocated").open("wb") as file:
        with suppress(OSError):  # without extents there is nothing that is allocated and not written
            os.posix_fallocate(file.fileno(), 0, 500_000)
        file.seek(100_000)
        file.write(b"mid" * 100)
    (top / "grown").write_bytes(b"hello")
    os.truncate(top / "grown", 1_000_000)
    (top / "terabyte").write_bytes(b"hello")
    with suppress(OSError):  # too large for small blocks without extents
        os.truncate(top / "terabyte", 1 << 40)


def _special(top: Path) -> None:
    os.mkfifo(top / "fifo")
    os.mknod(top / "chr", 0o20640, os.makedev(5, 1))
    os.mknod(top / "blk", 0o60600, os.makedev(300, 70000))
    with socket.socket(socket.AF_UNIX) as server:
        previous = Path.cwd()
        os.chdir(top)  # the path of a socket is short
        try:
            server.bind("sock")
        finally:
            os.chdir(previous)
    os.chown(top / "f100", 100_000, 4_000_000_000)
    (top / "f1000").chmod(0o6711)
    (top / "hard").hardlink_to(top / "f1024")
    os.utime(top / "f60", ns=(-5_000_000_001, -1))
    os.utime(top / "f61", ns=(6_000_000_000_123_456_789, 9_999_999_999_123_456_789))


def _attributes(top: Path, dice: random.Random, huge: int) -> None:
    for name, value in (
        ("user.a", b"1"),
        ("user.big", dice.randbytes(600)),
        ("trusted.t", b"t"),
        ("security.selinux", b"system_u:object_r:etc_t:s0\0"),
    ):
        with suppress(OSError):  # what does not fit
            os.setxattr(top / "f200", name, value)
    with suppress(OSError):
        os.setxattr(top / "f1000", "user.huge", dice.randbytes(huge))
    if shutil.which("setfacl"):
        subprocess.run(["setfacl", "-m", "u:1000:rwx,g:1234:r", top / "f4096"], check=False, capture_output=True)
        subprocess.run(["setfacl", "-d", "-m", "u:7:rwx", top / "d"], check=False, capture_output=True)
    for flag, name in (("a", "f150"), ("i", "f160"), ("d", "f59"), ("A", "f1"), ("S", "f0")):
        subprocess.run(["chattr", f"+{flag}", top / name], check=False, capture_output=True)


def unlock(top: Path) -> None:
    """Take away the flags that `fill` gave and that keep files from being removed."""
    for name in ("f150", "f160"):
        subprocess.run(["chattr", "-ia", top / name], check=True)


def paths(top: Path) -> dict[str, Path]:
    """Return every file of the host below and including `top`, under its path in the volume."""
    found = {"/": top}
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(folder, name)
            found[f"/{path.relative_to(top)}"] = path
    return found


def differences(tree: Tree, top: Path, *, exact: bool = True) -> list[str]:
    """Compare a tree with the host's view; without `exact` numbers of inodes and parts of times are left out."""
    wanted, found = paths(top), dict(walk(tree))
    wrong = [f"only on the host: {path!a}" for path in wanted.keys() - found.keys()]
    wrong += [f"only in the tree: {path!a}" for path in found.keys() - wanted.keys() - {"/lost+found"}]
    for path in wanted.keys() & found.keys():
        wrong += [f"{path!a}: {flaw}" for flaw in _compare(tree, found[path], wanted[path], exact=exact)]
    return wrong + list(_compare_lookups(tree, {path: found[path] for path in wanted.keys() & found.keys()}))


def _compare(tree: Tree, found: Stat, path: Path, *, exact: bool) -> Iterator[str]:
    if (seen := facts_of(found, exact=exact)) != (wanted := host_facts(path, exact=exact)):
        yield f"{wanted} wanted, {seen} found"
    if found.type is FileType.SYMLINK and tree.readlink(found.inode) != str(path.readlink()):
        yield "another target"
    if found.type is FileType.FILE:
        yield from _compare_content(tree, found, path)
    attributes = {
        name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
    }
    if tree.xattrs(found.inode) != attributes:
        yield f"attributes {attributes} wanted, {tree.xattrs(found.inode)} found"


def _compare_content(tree: Tree, found: Stat, path: Path) -> Iterator[str]:
    content = tree.open(found.inode)
    if content.size != path.stat().st_size:
        yield f"{path.stat().st_size} bytes wanted, {content.size} found"
    elif sha256(content, _WHOLE) != sha256(FileSource(path), _WHOLE):
        yield "another content"


def facts_of(stat: Stat, *, exact: bool) -> tuple[object, ...]:
    facts = (str(stat.type), oct(stat.mode), stat.uid, stat.gid, stat.rdev)
    if not exact:
        return facts
    return *facts, stat.inode & _INODE, stat.links, stat.mtime, stat.atime, stat.ctime, stat.size


def host_facts(path: Path, *, exact: bool) -> tuple[object, ...]:
    stat = path.lstat()
    kind = TYPES[bits.S_IFMT(stat.st_mode)]
    device = (os.major(stat.st_rdev), os.minor(stat.st_rdev)) if kind in (FileType.CHAR, FileType.BLOCK) else None
    facts = (str(kind), oct(bits.S_IMODE(stat.st_mode)), stat.st_uid, stat.st_gid, device)
    if not exact:
        return facts
    return *facts, stat.st_ino, stat.st_nlink, stat.st_mtime_ns, stat.st_atime_ns, stat.st_ctime_ns, stat.st_size


def _compare_lookups(tree: Tree, found: dict[str, Stat]) -> Iterator[str]:
    for path, stat in found.items():
        if path != "/":
            folder, _, name = path.rpartition("/")
            parent = found[folder or "/"].inode
            if tree.lookup(parent, name) != stat.inode:
                yield f"{path!a}: not found by its name"
            if tree.lookup(parent, f"{name[:-1]}\x01") is not None:
                yield f"{path!a}: found by another name"


def usage_differs(tree: Tree, top: Path) -> list[str]:
    """Compare the usage with statfs(2)."""
    host, usage = os.statvfs(top), tree.usage
    assert usage
    size = host.f_frsize
    wanted = (host.f_blocks * size, host.f_bfree * size, host.f_bavail * size, host.f_files, host.f_ffree)
    found = (usage.total, usage.free, usage.available, usage.inodes, usage.inodes_free)
    return [] if wanted == found else [f"{wanted} wanted, {found} found"]


def flags_of(top: Path, names: Iterable[str]) -> dict[str, set[str]]:
    """Return the flags of files as lsattr(1) gives them."""
    found = {}
    for name in names:
        done = subprocess.run(["lsattr", "-d", top / name], check=True, capture_output=True, text=True)
        found[name] = {FLAGS[letter] for letter in done.stdout.split()[0] if letter in FLAGS}
    return found
