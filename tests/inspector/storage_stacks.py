"""A guest with many faults on every stack of volumes that is read, small enough to be damaged thousands of times.

File systems are made by mke2fs, mkfs.xfs, mkfs.btrfs and, where only it can do so, the kernel; what lies below them
(LVM, md) is written by the recipes of tests/parsers/volume/building.py, since making it takes a device mapper.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from fixtures.btrfs import renamed
from fixtures.demo import broken
from fixtures.disk import ROOT_UUID, Ext, Layout, build_disk, build_tree, tool
from fixtures.files import Files
from fixtures.golden import GOLDEN
from tests.parsers.filesystem.btrfs.reference import mounted
from tests.parsers.volume.building import (
    MIB,
    group_text,
    linear,
    logical,
    md_header,
    physical_volume,
    segment,
    thin_metadata,
)
from tests.partition_builder import boot_record

MEBIBYTES: Final = 40
"""Length of the root file system, where the guest decides it."""

FSTAB: Final = f"UUID={ROOT_UUID} / auto defaults 0 1\nUUID=deadbeef-0000-4000-8000-000000000001 /data ext4\n"
GUEST: Final[Files] = GOLDEN | broken() | {"/etc/fstab": FSTAB}
_FIRST: Final = 2048
_SECTOR: Final = 512


def disk_of(path: Path, *parts: Path) -> Path:
    """Write a disk whose MBR has these parts as its partitions; holes stay holes."""
    slots, first = [], _FIRST
    for part in parts:
        sectors = -(-part.stat().st_size // _SECTOR)
        slots.append((0, 0x83, first, sectors))
        first += -(-sectors // _FIRST) * _FIRST
    with path.open("wb") as disk:
        disk.write(boot_record(*slots))
        for part, slot in zip(parts, slots, strict=True):
            with part.open("rb") as file:
                for number, block in enumerate(iter(lambda file=file: file.read(MIB), b"")):  # type: ignore[misc]
                    if block.count(0) != len(block):
                        disk.seek(slot[2] * _SECTOR + number * MIB)
                        disk.write(block)
        disk.truncate(first * _SECTOR)
    return path


def ext4(folder: Path) -> Path:
    """Return a bare ext4 with the guest, of `MEBIBYTES`."""
    layout = Layout(table="none", size=MEBIBYTES * MIB)
    return build_disk(GUEST, folder / "ext4.raw", "raw", layout=layout, ext=Ext(inodes=1024))


def xfs(folder: Path, *options: str, files: Files = GUEST) -> Path:
    """Return a bare XFS with the guest, laid down by mkfs.xfs from a prototype."""
    image, top = folder / "xfs.raw", folder / "files"
    top.mkdir()
    build_tree(top, files)
    prototype = folder / "prototype"
    prototype.write_text("\n".join(["/boot", "0 0", *_prototype(top), ""]))
    with image.open("wb") as file:
        file.truncate(300 * MIB)
    _run("mkfs.xfs", "-q", "-m", f"uuid={ROOT_UUID}", *options, "-p", prototype, image)
    return image


def _prototype(folder: Path) -> Iterator[str]:
    """Describe a folder, and after it what it holds, in the words of mkfs.xfs."""
    yield "d--755 0 0"
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            yield f"{entry.name} l--777 0 0 {entry.readlink()}"
        elif entry.is_dir():
            first, *others = _prototype(entry)
            yield f"{entry.name} {first}"
            yield from others
        else:
            yield f"{entry.name} ---{entry.stat().st_mode & 0o777:03o} 0 0 {entry}"
    yield "$"


def btrfs(folder: Path, *options: str) -> Path:
    """Return a bare btrfs with the guest, laid down by mkfs.btrfs."""
    image, top = folder / "btrfs.raw", folder / "files"
    top.mkdir()
    build_tree(top, GUEST)
    with image.open("wb") as file:
        file.truncate(128 * MIB)
    _run("mkfs.btrfs", "-q", "-U", ROOT_UUID, *options, "--rootdir", top, image)
    return image


def btrfs_by_kernel(folder: Path, devices: int, *options: str) -> list[Path]:
    """Return the devices of a btrfs that the kernel filled, compressed with zstd.

    The kernel knows a file system by its UUID, so that each has its own, which stands in the texts for the golden one.
    """
    own = str(uuid5(NAMESPACE_URL, str(folder)))
    images = [folder / f"device{number}.raw" for number in range(devices)]
    for image in images:
        with image.open("wb") as file:
            file.truncate(128 * MIB)
    _run("mkfs.btrfs", "-q", "-U", own, *options, *images)
    with ExitStack() as stack:
        top = stack.enter_context(mounted(images if devices > 1 else images[0], "compress-force=zstd"))
        build_tree(top, {f"/{path.lstrip('/')}": node for path, node in renamed(GUEST, own).items()})
    return images


def members(folder: Path, text: str, *contents: bytes) -> list[Path]:
    """Return physical volumes whose extents, of 1 MiB each, hold `contents` from the first one on."""
    paths = []
    for number, content in enumerate(contents):
        extents = -(-len(content) // MIB)
        raw = bytearray(physical_volume(text, number, extents=extents))
        raw[MIB:] = content.ljust(extents * MIB, b"\0")
        paths.append(_written(folder / f"pv{number}", bytes(raw)))
    return paths


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def lvm_linear(folder: Path) -> list[Path]:
    """Return two physical volumes over which the root is spread."""
    root, half = ext4(folder).read_bytes(), MEBIBYTES // 2
    text = group_text(
        logical(
            "root",
            segment(0, half, "striped", 'stripe_count = 1 stripes = ["pv0", 0]'),
            segment(half, half, "striped", 'stripe_count = 1 stripes = ["pv1", 0]', 2),
        ),
        pvs=2, extents=MEBIBYTES,
    )  # fmt: skip
    return members(folder, text, root[: half * MIB], root[half * MIB :])


def lvm_striped(folder: Path) -> list[Path]:
    """Return two physical volumes with a root in stripes of 64 KiB."""
    root, chunk = ext4(folder).read_bytes(), 65536
    legs = [b"".join(root[at : at + chunk] for at in range(leg * chunk, len(root), 2 * chunk)) for leg in range(2)]
    keys = 'stripe_count = 2 stripe_size = 128 stripes = ["pv0", 0, "pv1", 0]'
    text = group_text(logical("root", segment(0, MEBIBYTES, "striped", keys)), pvs=2, extents=MEBIBYTES)
    return members(folder, text, *legs)


def lvm_raid1(folder: Path) -> list[Path]:
    """Return two physical volumes with a root on both, and the superblocks of the legs."""
    root, parts, contents = ext4(folder).read_bytes(), "", []
    for leg in range(2):
        parts += linear(f"image{leg}", 1, MEBIBYTES, f"pv{leg}", visible=False)
        parts += linear(f"meta{leg}", 0, 1, f"pv{leg}", visible=False)
        every = (1 << 64) - 1
        state = struct.pack("<4sIIIQQQQIIII", b"DmRd", 1, 2, leg, 5, 0, every, every, 1, 0, 0, 0)
        contents.append(state.ljust(MIB, b"\0") + root)
    keys = 'device_count = 2 region_size = 1024 raids = ["meta0", "image0", "meta1", "image1"]'
    text = group_text(parts + logical("root", segment(0, MEBIBYTES, "raid1", keys)), pvs=2, extents=MEBIBYTES + 1)
    return members(folder, text, *contents)


def lvm_thin(folder: Path) -> list[Path]:
    """Return a physical volume with a thin root, its blocks in no order."""
    root, chunk = ext4(folder).read_bytes(), 256 * 1024
    used = [number for number in range(len(root) // chunk) if any(root[number * chunk : (number + 1) * chunk])]
    places = {number: (index * 7 + 3) % len(used) for index, number in enumerate(used)}
    assert len(set(places.values())) == len(used)
    data = bytearray(len(used) * chunk)
    for number, place in places.items():
        data[place * chunk : (place + 1) * chunk] = root[number * chunk : (number + 1) * chunk]
    extents = -(-len(data) // MIB)
    keys = f'metadata = "tmeta" pool = "tdata" chunk_size = {chunk // _SECTOR} transaction_id = 1'
    text = group_text(
        linear("tmeta", 0, visible=False)
        + linear("tdata", 1, extents, visible=False)
        + logical("pool", segment(0, extents, "thin-pool", keys))
        + logical("root", segment(0, MEBIBYTES, "thin", 'thin_pool = "pool" device_id = 1 transaction_id = 0')),
        extents=extents + 1,
    )
    return members(folder, text, thin_metadata(places, chunk // _SECTOR).ljust(MIB, b"\0") + bytes(data))


def md_1(folder: Path, level: int, legs: Sequence[bytes], chunk: int = 0, layout: int = 0) -> list[Path]:
    """Return members of an array with superblocks of version 1.2, whose data are `legs`."""
    size = len(legs[0])
    heads = [md_header(number, len(legs), level, size, chunk=chunk, layout=layout) for number in range(len(legs))]
    return [_written(folder / f"leg{n}", head + leg) for n, (head, leg) in enumerate(zip(heads, legs, strict=True))]


def md_raid1(folder: Path) -> list[Path]:
    """Return two members with the same root."""
    return md_1(folder, 1, [ext4(folder).read_bytes()] * 2)


def md_raid5(folder: Path) -> list[Path]:
    """Return three members, left-symmetric: parity on the last leg first, the data behind it."""
    root, chunk = ext4(folder).read_bytes(), 65536
    legs = [bytearray() for _ in range(3)]
    for row in range(len(root) // (2 * chunk)):
        data = [root[at : at + chunk] for at in (2 * row * chunk, (2 * row + 1) * chunk)]
        parity = 2 - row % 3
        legs[parity] += (int.from_bytes(data[0], "little") ^ int.from_bytes(data[1], "little")).to_bytes(
            chunk, "little"
        )
        for column in range(2):
            legs[(parity + 1 + column) % 3] += data[column]
    return md_1(folder, 5, [bytes(leg) for leg in legs], chunk, 2)


def md_090(folder: Path) -> list[Path]:
    """Return two members with superblocks of version 0.90 at their ends, in the kernel's words of 32 bits."""
    root, paths = ext4(folder).read_bytes(), []
    for leg in range(2):
        words = [0] * 1024
        words[0:12] = [0xA92B4EFC, 0, 90, 0, 0, 0x01020304, 0, 1, len(root) // 1024, 2, 2, 7]
        words[13:16] = [0x05060708, 0x090A0B0C, 0x0D0E0F10]
        words[33:40] = [1, 2, 2, 0, 0, 0, 10]
        for number in range(2):
            words[128 + 32 * number :][:5] = words[128 + 32 * number : 133 + 32 * number]
            words[128 + 32 * number : 133 + 32 * number] = [number, 8, number, number, 6]
        words[992:997] = [leg, 8, leg, leg, 6]
        total = sum(words)
        total = (total & 0xFFFFFFFF) + (total >> 32)
        words[38] = (total & 0xFFFFFFFF) + (total >> 32) & 0xFFFFFFFF
        paths.append(_written(folder / f"leg{leg}", root + struct.pack("<1024I", *words).ljust(65536, b"\0")))
    return paths


def luks(folder: Path, version: int) -> list[Path]:
    """Return an encrypted volume with two keys."""
    image = folder / "luks"
    with image.open("wb") as file:
        file.truncate(20 * MIB)
    pbkdf = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    _run("cryptsetup", "-q", "luksFormat", "--type", f"luks{version}", *pbkdf, image, "-", stdin=b"key")
    return [image]


def _run(program: str, *arguments: str | Path, stdin: bytes = b"") -> None:
    subprocess.run([tool(program), *map(str, arguments)], input=stdin, check=True, capture_output=True)


STACKS: Final[dict[str, tuple[Callable[[Path], Sequence[Path]], tuple[str, ...]]]] = {
    "xfs": (lambda folder: [xfs(folder)], ("mkfs.xfs",)),
    "xfs-v4": (lambda folder: [xfs(folder, "-m", "crc=0")], ("mkfs.xfs",)),
    "btrfs": (lambda folder: [btrfs(folder)], ("mkfs.btrfs",)),
    "btrfs-zstd": (lambda folder: btrfs_by_kernel(folder, 1), ("mkfs.btrfs", "losetup")),
    "btrfs-raid1": (lambda folder: btrfs_by_kernel(folder, 2, "-d", "raid1", "-m", "raid1"), ("mkfs.btrfs", "losetup")),
    "lvm-linear": (lvm_linear, ("mke2fs", "debugfs")),
    "lvm-striped": (lvm_striped, ("mke2fs", "debugfs")),
    "lvm-raid1": (lvm_raid1, ("mke2fs", "debugfs")),
    "lvm-thin": (lvm_thin, ("mke2fs", "debugfs")),
    "md-raid1": (md_raid1, ("mke2fs", "debugfs")),
    "md-raid5": (md_raid5, ("mke2fs", "debugfs")),
    "md-0.90": (md_090, ("mke2fs", "debugfs")),
    "luks1": (lambda folder: luks(folder, 1), ("cryptsetup",)),
    "luks2": (lambda folder: luks(folder, 2), ("cryptsetup",)),
}
"""Name -> recipe of the partitions, and the programs that it needs."""


def build_stack(name: str, path: Path) -> Path:
    """Make the disk of a stack."""
    with tempfile.TemporaryDirectory(prefix="stack-") as scratch:
        return disk_of(path, *STACKS[name][0](Path(scratch)))
