"""Machines whose root lies on more than a partition, cut and damaged as the table of storage faults says.

Each recipe takes a folder and returns the images of the machine's disks. File systems are made by mke2fs and mkfs.xfs,
what lies below them is written by the recipes of tests/parsers/volume/building.py.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from fixtures.disk import ROOT_UUID, Ext, Layout, build_disk, tool
from fixtures.files import Files
from fixtures.golden import GOLDEN, INITRAMFS_MODULES, KERNEL
from fixtures.initramfs import initramfs
from fixtures.kernel import elf, grub_boot_sector, grub_core
from tests.inspector import storage_stacks
from tests.inspector.faults.mutation import INITRD, MODULES, add, changed
from tests.parsers.filesystem.ext4.reference import mounted
from tests.parsers.volume.building import MIB, group_text, linear, md_header, physical_header
from tests.partition_builder import boot_record

Recipe = Callable[[Path], Sequence[Path]]

ROOT_MIB: Final = 320
SECTOR: Final = 512
FIRST: Final = 2048
_STACKED: Final = initramfs(
    KERNEL, INITRAMFS_MODULES, files={"usr/sbin/lvm": elf(), "usr/sbin/dmsetup": elf(), "usr/sbin/mdadm": elf()}
)
_DRIVERS: Final = "".join(
    f"kernel/{path}.ko\n" for path in ("drivers/md/dm-mod", "drivers/md/md-mod", "drivers/md/raid1")
)
STACKED: Final[Files] = changed(GOLDEN, {INITRD: _STACKED, **add(f"{MODULES}/modules.builtin", _DRIVERS)})
"""The golden guest with what it needs at boot to open groups and arrays."""
XFS: Final[Files] = changed(
    GOLDEN,
    {
        **add(f"{MODULES}/modules.builtin", "kernel/fs/xfs/xfs.ko\n"),
        "/etc/fstab": f"UUID={ROOT_UUID} / xfs defaults 0 0\n",
        "/usr/sbin/xfs_growfs": GOLDEN["/usr/sbin/resize2fs"],
    },
)
"""The golden guest for a root on XFS, which is part of its kernel."""


def disk(path: Path, *parts: Path, kinds: Sequence[int] = (), spare: int = 0) -> Path:
    """Write a disk with an MBR, GRUB's code and these partitions; holes stay holes, `spare` MiB follow."""
    slots, first = [], FIRST
    for number, part in enumerate(parts):
        sectors = part.stat().st_size // SECTOR
        kind = kinds[number] if number < len(kinds) else 0x83
        slots.append((0x80 * (number == 0), kind, first, sectors))
        first += -(-sectors // FIRST) * FIRST
    with path.open("wb") as out:
        out.write(boot_record(*slots, code=grub_boot_sector(1)) + grub_core(1))
        for part, slot in zip(parts, slots, strict=True):
            _copy(part, out, slot[2] * SECTOR)
        out.truncate(first * SECTOR + spare * MIB)
    return path


def _copy(source: Path, out: BinaryIO, at: int) -> None:
    """Copy a file to a place in another one; holes stay holes."""
    size = source.stat().st_size
    with source.open("rb", buffering=0) as content:
        end = 0
        while end < size:
            try:
                start = os.lseek(content.fileno(), end, os.SEEK_DATA)
            except OSError:  # there are no data behind the last hole
                break
            end = os.lseek(content.fileno(), start, os.SEEK_HOLE)
            content.seek(start)
            out.seek(at + start)
            out.write(content.read(end - start))
    out.truncate(at + size)


def root(folder: Path, files: Files, features: str = "") -> Path:
    """Return a bare ext4 with the guest."""
    layout = Layout(table="none", size=ROOT_MIB * MIB)
    return build_disk(files, folder / "root", "raw", layout=layout, ext=Ext(features=features))


def sparse(path: Path, mebibytes: int) -> Path:
    """Return a file that is one hole."""
    with path.open("wb") as file:
        file.truncate(mebibytes * MIB)
    return path


def made(path: Path, *command: str, stdin: bytes = b"", mebibytes: int = 16) -> Path:
    """Return a volume that a program such as mkswap made; the path is added to its command, where it says "@"."""
    sparse(path, mebibytes)
    words = [str(path) if word == "@" else word for word in command]
    subprocess.run([tool(words[0]), *words[1:]], input=stdin, check=True, capture_output=True)
    return path


def plain(
    files: Files = GOLDEN,
    *before: Recipe,
    after: Sequence[Recipe] = (),
    features: str = "",
    kinds: Sequence[int] = (),
    spare: int = 0,
    cut: int = 0,
) -> Recipe:
    """A root on a partition, with others before and after it; `cut` MiB are missing at the end of the image.

    `features` are those of mke2fs -O, `kinds` the types in the partition table, and `spare` MiB follow the partitions.
    """

    def build(folder: Path) -> list[Path]:
        parts = [part for recipe in before for part in recipe(folder)]
        parts.append(root(folder, files, features))
        parts += [part for recipe in after for part in recipe(folder)]
        image = disk(folder / "disk.raw", *parts, kinds=kinds, spare=spare)
        with image.open("r+b") as file:
            file.truncate(image.stat().st_size - cut * MIB)
        return [image]

    return build


def lvm(
    files: Files = STACKED,
    *,
    name: str = "vg",
    pvs: int = 1,
    disks: Sequence[Sequence[int]] = ((0,),),
    older: int | None = None,
    skipped: bool | None = None,
) -> Recipe:
    """A root on a logical volume of a group of `pvs` physical volumes; each of `disks` carries those with its numbers.

    The text of the member `older` is not the newest. Where `skipped` is given, there is a second volume with the same
    file system, which LVM skips at boot or does not.
    """

    def build(folder: Path) -> list[Path]:
        system = root(folder, files)
        volumes = linear("root", 0, ROOT_MIB)
        if skipped is not None:
            flags = 'flags = ["ACTIVATION_SKIP"]' if skipped else "flags = []"
            volumes += linear("before", 0, ROOT_MIB).replace("flags = []", flags)
        members = {}
        for number in range(pvs):
            text = group_text(volumes, pvs, 1 if number == older else 2, ROOT_MIB).replace("vg {", f"{name} {{")
            members[number] = folder / f"pv{number}"
            members[number].write_bytes(physical_header(text, number, ROOT_MIB))
            _append(members[number], system if number == 0 else None)
        return [
            disk(folder / f"disk{index}.raw", *(members[number] for number in numbers), kinds=[0x8E] * len(numbers))
            for index, numbers in enumerate(disks)
        ]

    return build


def _append(path: Path, content: Path | None) -> None:
    """Add a file's content, or as many holes, to a file."""
    with path.open("r+b") as out:
        if content is None:
            out.truncate(path.stat().st_size + ROOT_MIB * MIB)
        else:
            _copy(content, out, path.stat().st_size)


def mirror(*legs: int, files: Files = STACKED) -> Recipe:
    """A root on a raid1 of two members, of which the disk carries those with the numbers `legs`."""

    def build(folder: Path) -> list[Path]:
        system = root(folder, files)
        parts = []
        for number in legs:
            part = folder / f"leg{number}"
            part.write_bytes(md_header(number, 2, 1, ROOT_MIB * MIB))
            _append(part, system)
            parts.append(part)
        return [disk(folder / "disk.raw", *parts, kinds=[0xFD] * len(parts))]

    return build


def xfs(files: Files = XFS, *, damage: Callable[[Path], Path] = lambda image: image) -> Recipe:
    """A root on XFS; `damage` returns the image to be used instead of what it is given."""

    def build(folder: Path) -> list[Path]:
        return [disk(folder / "disk.raw", damage(storage_stacks.xfs(folder, files=files)))]

    return build


def needing_repair(image: Path) -> Path:
    """Let a superblock of XFS say that a repair was begun and not finished."""
    commands = ("-c", "sb 0", "-c", "print features_incompat")
    told = subprocess.check_output([tool("xfs_db"), *commands, str(image)], text=True)
    bits = int(told.rpartition("=")[2], 16) | 0x10
    change = ("-x", "-c", "sb 0", "-c", f"write -d features_incompat {bits:#x}")
    subprocess.run([tool("xfs_db"), *change, str(image)], check=True, capture_output=True)
    return image


def copied_while_mounted(image: Path) -> Path:
    """Return a copy of an XFS that was taken while it was mounted and written to."""
    copy = image.with_suffix(".copy")
    with mounted(image, "nouuid", kind="xfs") as top:
        (top / "var/log/news").write_text("news\n")
        subprocess.run(["sync", "-f", str(top)], check=True)
        subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
    return copy
