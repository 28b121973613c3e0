"""Volumes of btrfs for the tests: made by btrfs-progs, filled by the kernel, which is the oracle."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from fixtures.loop import wait_until_released
from parsers.filesystem.btrfs.checksum import CHECKSUMS
from parsers.filesystem.btrfs.superblock import SIZE
from tests.parsers.filesystem.ext4 import reference
from tests.parsers.filesystem.ext4.files import empty

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
MKFS, BTRFS, BTRFSTUNE = (shutil.which(tool, path=SBIN) for tool in ("mkfs.btrfs", "btrfs", "btrfstune"))
needs_progs = pytest.mark.skipif(not (MKFS and BTRFS and BTRFSTUNE), reason="btrfs-progs is the oracle, and absent")
needs_kernel = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists() or "btrfs" not in Path("/proc/filesystems").read_text(),
    reason="the kernel is the oracle: mounting btrfs needs root, loop devices and a kernel that knows it",
)
_CLONE_RANGE = 0x4020940D
_PUNCH = 0x02 | 0x01
_KEEP_SIZE = 0x01


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make(images: Path | Sequence[Path], size: int, *options: str) -> None:
    """Make a file system of devices of `size` MiB each."""
    several = [images] if isinstance(images, Path) else list(images)
    for image in several:
        empty(image, size << 20)
    assert MKFS
    done = subprocess.run([MKFS, "-q", "-f", *options, *several], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mkfs.btrfs does not make it: {done.stderr.strip()}")


@contextmanager
def mounted(images: Path | Sequence[Path], *options: str) -> Iterator[Path]:
    """Mount a file system beside its first device."""
    if isinstance(images, Path):
        with reference.mounted(images, *options, kind="btrfs") as top:
            yield top
        return
    with ExitStack() as stack:
        devices = [stack.enter_context(_looped(image)) for image in images]
        assert BTRFS
        run(BTRFS, "device", "scan", *devices)
        folder = images[0].with_suffix(".mnt")
        folder.mkdir(exist_ok=True)
        run("mount", "-t", "btrfs", "-o", ",".join(("noatime", *options)), devices[0], folder)
        try:
            yield folder
        finally:
            run("umount", folder)
            with suppress(subprocess.CalledProcessError):
                run(BTRFS, "device", "scan", "--forget", *devices)


@contextmanager
def _looped(image: Path) -> Iterator[str]:
    device = run("losetup", "-f", "--show", image).strip()
    try:
        yield device
    finally:
        run("losetup", "-d", device)
        wait_until_released(image)


def btrfs(*arguments: str | Path) -> str:
    """Call btrfs(8), and return what it said."""
    assert BTRFS
    return run(BTRFS, *arguments)


def sync(top: Path) -> None:
    """Write out one file system: to wait for all of the host's may take long."""
    btrfs("filesystem", "sync", top)


def fill(top: Path, *, names: int = 600) -> None:
    """Make files of every kind, and what only btrfs has."""
    reference.fill(top, names=names)
    dice = random.Random(7)
    text = b"".join(b"line %d of a text that can be compressed\n" % dice.randrange(40) for _ in range(30_000))
    for size in (100, 1500, 2047, 4096, 5000, 131_072, 131_073, 700_000):
        (top / f"text{size}").write_bytes(text[:size])
    (top / "zeros").write_bytes(bytes(400_000))
    (top / "mixed").write_bytes(text[:200_000] + dice.randbytes(200_000) + text[:200_000])
    sync(top)
    _share(top, text)
    _punch(top, text)
    _change(top, text)
    run("chattr", "+C", _empty(top / "nocow"))
    (top / "nocow").write_bytes(text[:300_000])
    with suppress(subprocess.CalledProcessError):
        run("chattr", "+c", _empty(top / "compressed"))
    (top / "compressed").write_bytes(text[:300_000])
    for number in range(40):
        os.setxattr(top / "mixed", f"user.name-{number}", dice.randbytes(number))


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _share(top: Path, text: bytes) -> None:
    """Share extents: all of a file, and the middle of one in the middle of another."""
    run("cp", "--reflink=always", top / "text700000", top / "shared")
    with (top / "mixed").open("rb") as source, (top / "patched").open("wb") as target:
        target.write(text[:600_000])
        target.flush()
        fcntl.ioctl(target, _CLONE_RANGE, struct.pack("<qQQQ", source.fileno(), 65536, 262_144, 131_072))


def _punch(top: Path, text: bytes) -> None:
    (top / "punched").write_bytes(text[:500_000])
    (top / "ahead").write_bytes(text[:5000])
    sync(top)
    for name, flags, offset, size in (
        ("punched", _PUNCH, 40_000, 30_000),
        ("punched", _PUNCH, 200_001, 99_999),
        ("ahead", _KEEP_SIZE, 8192, 100_000),
    ):
        run("fallocate", *(["-p"] if flags & 2 else ["-n"]), "-o", str(offset), "-l", str(size), top / name)
    with (top / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 300_000)


def _change(top: Path, text: bytes) -> None:
    """Overwrite parts of extents, cut files off, and let them grow."""
    (top / "changed").write_bytes(text[:600_000])
    sync(top)
    with (top / "changed").open("r+b") as file:
        for offset in (3, 70_000, 131_072, 400_001):
            file.seek(offset)
            file.write(b"changed" * 1000)
            file.flush()
            os.fsync(file.fileno())
    (top / "cut").write_bytes(text[:400_000])
    (top / "short").write_bytes(text[:1000])
    sync(top)
    os.truncate(top / "cut", 150_000)
    os.truncate(top / "cut", 350_000)
    os.truncate(top / "short", 700)
    os.truncate(top / "short", 20_000)


def with_checksum(data: bytes, kind: int) -> bytes:
    """Return a node or superblock whose checksum is right again."""
    digest = CHECKSUMS[kind].digest(data[32:])
    return digest.ljust(32, b"\0") + data[32:]


def patched_superblock(data: bytes, at: int, value: bytes, kind: int = 0) -> bytes:
    """Return a superblock with other bytes and the right checksum."""
    assert len(data) == SIZE
    return with_checksum(data[:at] + value + data[at + len(value) :], kind)
