"""How the tests make XFS volumes, ask xfs_db about them, and fill them with what only XFS stores in its own ways."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.tree import FileType
from parsers.filesystem.xfs import XfsTree
from tests.parsers.filesystem.ext4.files import empty, walk

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
MKFS, XFS_DB, XFS_IO = (shutil.which(tool, path=SBIN) for tool in ("mkfs.xfs", "xfs_db", "xfs_io"))
needs_xfsprogs = pytest.mark.skipif(not (MKFS and XFS_DB and XFS_IO), reason="xfsprogs is the oracle, and absent")


def make(image: Path, size: str, *options: str) -> Path:
    """Make a file system in a new sparse file; skip where this mkfs.xfs does not know its features."""
    empty(image, int(size[:-1]) << 20)
    assert MKFS
    done = subprocess.run([MKFS, "-q", "-f", *options, image], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this mkfs.xfs does not make it: {done.stderr.strip()[:300]}")
    return image


def xfs_db(image: Path, *commands: str, write: bool = False) -> str:
    """Return what xfs_db says to some commands; with `write` it may change the image."""
    assert XFS_DB
    arguments = [part for command in commands for part in ("-c", command)]
    mode = ("-x",) if write else ("-r",)
    done = subprocess.run([XFS_DB, *mode, *arguments, image], check=True, capture_output=True, text=True)
    return done.stdout


def punch(file: Path, *holes: tuple[int, int]) -> None:
    """Make holes (offset, size) in a file that is mounted."""
    assert XFS_IO
    commands = [part for offset, size in holes for part in ("-c", f"fpunch {offset} {size}")]
    subprocess.run([XFS_IO, *commands, file], check=True)


def fields(image: Path, *names: str) -> dict[str, str]:
    """Return fields of the superblock as xfs_db prints them."""
    said = xfs_db(image, "sb 0", f"print {' '.join(names)}")
    return dict(line.split(" = ", 1) for line in said.splitlines())


ALL_FORMS = {
    "directory local", "directory extents", "file extents", "file btree", "symlink local", "symlink extents",
    "attributes local", "attributes extents",
}  # fmt: skip


def forms(tree: XfsTree) -> set[str]:
    """Return how directories, files, links and attributes are stored."""
    names = {1: "local", 2: "extents", 3: "btree"}
    found = set()
    for _, stat in walk(tree):
        inode = tree._inodes.get(stat.inode)
        if stat.type in (FileType.DIRECTORY, FileType.FILE, FileType.SYMLINK):
            found.add(f"{stat.type} {names[inode.format]}")
        if inode.attribute_fork:
            found.add(f"attributes {names[inode.attribute_format]}")
    return found


def fill_forms(top: Path, *, names: int, extents: int) -> None:
    """Make directories, files and attributes of every form: in the inode, lists, leaves, nodes, b-trees."""
    dice = random.Random(7)
    _directories(top, names)
    _extents(top, extents, dice)
    _many_attributes(top, dice)
    for length in (300, 340, 400, 512, 1000, 1023):
        (top / f"long-link-{length}").symlink_to(("y/" * length)[: length - 1] + "z")


def _directories(top: Path, names: int) -> None:
    for folder, count in (("two", 2), ("block", 20), ("leaf", 120), ("node", names)):
        (top / folder).mkdir()
        for number in range(count):
            os.close(os.open(top / f"{folder}/a file with a long name, number {number:06}", os.O_CREAT))
    for number in range(names // 3, names // 3 + min(names // 4, 2000)):  # blocks of names become holes
        (top / f"node/a file with a long name, number {number:06}").unlink()
    (top / "shrunk").mkdir()
    for number in range(300):
        (top / f"shrunk/{number:0100}").touch()
    for number in range(1, 300):
        (top / f"shrunk/{number:0100}").unlink()
    (top / "collisions").mkdir()  # names of one hash: it is linear over four bytes seven bits apart
    for number in range(8):
        for other in range(8):
            name = bytes((0x41 + number, 0x40 + other * 2, 0x61, 0x61)) + b"-%d" % number
            Path(os.fsdecode(os.fsencode(top / "collisions") + b"/" + name)).touch()


def _extents(top: Path, extents: int, dice: random.Random) -> None:
    block = os.statvfs(top).f_bsize
    with (top / "fragmented").open("wb") as file:
        for number in range(extents):
            file.seek(number * 2 * block)
            file.write(dice.randbytes(16) + bytes(block - 16))
    with (top / "unwritten").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 64 * block)
        for number in range(1, 60, 7):
            file.seek(number * block + 5)
            file.write(b"written")
    with (top / "punched").open("wb") as file:
        file.write(dice.randbytes(40 * block))
    punch(top / "punched", *((number * block, block) for number in range(1, 38, 4)))
    with suppress(subprocess.CalledProcessError):  # without reflink
        subprocess.run(["cp", "--reflink=always", top / "punched", top / "reflinked"], check=True, capture_output=True)
        with (top / "reflinked").open("r+b") as file:
            file.seek(5 * block)
            file.write(b"changed")


def _many_attributes(top: Path, dice: random.Random) -> None:
    for name, count, size in (("attributes-few", 3, 10), ("attributes-leaf", 30, 40), ("attributes-node", 400, 90)):
        (top / name).touch()
        for number in range(count):
            os.setxattr(top / name, f"user.attribute-{number}", dice.randbytes(dice.randrange(size)))
    (top / "attributes-remote").touch()
    for size in (500, 2000, 4000, 4096, 9000, 65536):
        os.setxattr(top / "attributes-remote", f"user.of-{size}", dice.randbytes(size))
        os.setxattr(top / "attributes-remote", f"trusted.of-{size}", dice.randbytes(size // 2))
        os.setxattr(top / "attributes-remote", f"security.of-{size}", dice.randbytes(size // 3))
    (top / "attributes-gone").touch()
    for number in range(200):
        os.setxattr(top / "attributes-gone", f"user.{number}", dice.randbytes(100))
    for number in range(200):
        if number % 50:
            os.removexattr(top / "attributes-gone", f"user.{number}")
    os.setxattr(top / "leaf", "user.on-a-directory", b"yes")


def prototype(top: Path) -> Path:
    """Write a prototype for mkfs.xfs -p: directories of all forms, files, links (long ones mkfs.xfs 6.1 gets wrong)."""
    (top / "content").write_bytes(bytes(range(256)) * 100)
    lines = ["/boot", "0 0", "d--755 0 0"]
    for folder, count in (("few", 3), ("some", 20), ("more", 80), ("many", 1500)):
        lines += [f"{folder} d--755 0 0"]
        lines += [f"a-long-name-that-fills-its-block-{number:04} ---644 0 0 /dev/null" for number in range(count)]
        lines += ["$"]
    lines += [f"text ---644 0 0 {top}/content", "link l--777 0 0 few/a", f"long l--777 0 0 {'x/' * 100}y"]
    lines += ["sub d--755 0 0", "below d--755 0 0", "$", "$", "$"]
    (top / "proto").write_text("\n".join(lines) + "\n")
    return top / "proto"
