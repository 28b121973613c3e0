"""Faults of what the system lies on: the image, its partitions, volume groups, arrays, and the file systems' types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fixtures.disk import ROOT_UUID
from fixtures.files import Files
from fixtures.golden import GOLDEN
from inspector.verdict import Status
from tests.inspector.faults import machine
from tests.inspector.faults.boot_chain import kernel_word
from tests.inspector.faults.machine import STACKED, XFS, Recipe, lvm, made, mirror, plain, xfs
from tests.inspector.faults.mutation import GRUB, INITRD, MODULES, OTHER_UUID, Change, F, W, changed, fstab, sub

LVM: Final = "OnlineResizeFS DiskLayout"
"""What a root on a logical volume turns in any case."""
STACK: Final = "OnlineResizeFS"
"""What a root on an array turns."""
BEHIND: Final = "OnlineResizeFS"
"""What a partition behind the root turns."""
BUILTIN: Final = f"{MODULES}/modules.builtin"
UNREAD: Final = "SystemImage FileSystemState"
"""What a volume turns that cannot be read."""
SWAP: Final = "0c0ffee0-0000-4000-8000-000000000002"
SWAP_LINE: Final = f"UUID={SWAP} none swap sw 0 0"
DATA: Final = "0c0ffee0-0000-4000-8000-000000000003"
SEALED: Final = "0c0ffee0-0000-4000-8000-000000000004"
XFS_LINE: Final = f"UUID={ROOT_UUID} / xfs defaults 0 0\n"


@dataclass(frozen=True)
class StorageFault:
    """One fault of a machine.

    Attributes:
        faulty, mended: recipes of the machine with the fault, and after the advised fix.
        checks: the checks that turn, the fault's own first.
        status: what the first check becomes.
        place: "path" or "path:line" that a rule of the first check must name.
        left: the checks that the fix leaves, since the machine is no plain one.
        programs: what the recipe needs besides mke2fs and debugfs.
    """

    name: str
    faulty: Recipe
    mended: Recipe
    checks: str
    status: Status
    place: str
    left: str = ""
    programs: tuple[str, ...] = ()


def golden(change: Change) -> Files:
    """The golden guest with a change."""
    return changed(GOLDEN, change)


def group(change: Change, name: str = "vg") -> Recipe:
    """A root on a logical volume, with a change of the guest."""
    return lvm(changed(STACKED, change), name=name)


def by_name(name: str) -> Change:
    """Let fstab and the menu name the root by its group."""
    return {**in_fstab(f"/dev/{name}/root"), **in_menu(f"/dev/mapper/{name}-root")}


def in_fstab(device: str) -> Change:
    """Let fstab name the root so."""
    return sub("/etc/fstab", f"UUID={ROOT_UUID}", device)


def in_menu(device: str) -> Change:
    """Let the menu, and nothing else, name the root so."""
    return sub(GRUB, f"root=UUID={ROOT_UUID}", f"root={device}")


def swap(folder: Path) -> list[Path]:
    """Swap space."""
    return [made(folder / "swap", "mkswap", "-q", "-U", SWAP, "@")]


def data(uuid: str = DATA, name: str = "data") -> Recipe:
    """A file system without a system, which is called "data"."""
    return lambda folder: [made(folder / name, "mke2fs", "-q", "-F", "-t", "ext4", "-U", uuid, "-L", "data", "@")]


def sealed(version: int) -> Recipe:
    """An encrypted volume."""
    kind = ("--type", f"luks{version}", "--uuid", SEALED, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    command = ("cryptsetup", "-q", "luksFormat", *kind, "@", "-")
    return lambda folder: [made(folder / "sealed", *command, stdin=b"key", mebibytes=20)]


def opening(crypttab: str, *lines: str, version: int = 2) -> Recipe:
    """A guest beside an encrypted volume, with a line of crypttab and lines of fstab about it."""
    files = {"/etc/crypttab": f"opened UUID={SEALED} {crypttab}\n", "/etc/key": "key", **fstab(*lines)}
    return plain(golden(files), after=(sealed(version),))


TWO_DATA: Final = (data(), data(OTHER_UUID, "more"))

GROUPS: Final = (
    StorageFault(
        "group-lacks-a-member", lvm(pvs=2), lvm(), f"Volumes {LVM}", F, "vg", left=LVM
    ),
    StorageFault(
        "group-on-two-disks", lvm(pvs=2, disks=((0,), (1,))), lvm(pvs=2, disks=((0, 1),)), f"Volumes {LVM}", F, "sdb",
        left=LVM,
    ),
    StorageFault(
        "group-with-an-older-text", lvm(pvs=2, disks=((0, 1),), older=1), lvm(pvs=2, disks=((0, 1),)),
        f"Volumes {LVM}", W, "sda2", left=LVM,
    ),
    StorageFault(
        "group-renamed", group(by_name("vg"), "vg1"), group(by_name("vg1"), "vg1"), f"Fstab Grub {LVM}", F,
        "/etc/fstab:3", left=LVM,
    ),
    StorageFault(
        "root-argument-of-another-group", group(in_menu("/dev/mapper/old-root")), group(in_menu("/dev/mapper/vg-root")),
        f"Grub {LVM}", F, f"{GRUB}:89", left=LVM,
    ),
    *(
        StorageFault(
            f"dracut-waits-for-{wrong}", group(kernel_word(wrong)), group(kernel_word(right)), f"Grub {LVM}", F,
            f"{GRUB}:89", left=LVM,
        )
        for wrong, right in (
            ("rd.lvm.lv=vg/gone", "rd.lvm.lv=vg/root"),
            ("rd.lvm.vg=old", "rd.lvm.vg=vg"),
        )
    ),
    StorageFault(
        "mapper-name-misspelt", group(in_fstab("/dev/mapper/vg-rooot")), group(in_fstab("/dev/mapper/vg-root")),
        f"Fstab {LVM}", F, "/etc/fstab:3", left=LVM,
    ),
    StorageFault(
        "volume-gone", group(fstab("/dev/mapper/vg-data /srv ext4 defaults 0 0")),
        group(fstab("/dev/mapper/vg-data /srv ext4 nofail 0 0")), f"Fstab {LVM}", F, "/etc/fstab:4",
        left=f"Fstab {LVM}",
    ),
    StorageFault(
        "initrd-cannot-open-the-group", lvm(GOLDEN), lvm(), f"KernelVersion {LVM}", F, INITRD, left=LVM
    ),
    StorageFault("mirror-lacks-a-member", mirror(0), mirror(0, 1), f"Volumes {STACK}", W, "md7", left=STACK),
)  # fmt: skip

PARTITIONS: Final = (
    StorageFault(
        "swap-partition",
        plain(golden(fstab(SWAP_LINE)), swap), plain(), "DiskLayout", W, "sda1", programs=("mkswap",),
    ),
    StorageFault(
        "swap-partition-behind-the-root",
        plain(golden(fstab(SWAP_LINE)), after=(swap,)), plain(), f"DiskLayout {BEHIND}", W, "sda2",
        programs=("mkswap",),
    ),
    StorageFault(
        "swap-made-anew",
        plain(golden(fstab(f"UUID={OTHER_UUID} none swap sw 0 0")), swap), plain(golden(fstab(SWAP_LINE)), swap),
        "Fstab DiskLayout", W, "/etc/fstab:4", left="DiskLayout", programs=("mkswap",),
    ),
    StorageFault(
        "uuid-twice", plain(after=(data(ROOT_UUID),)), plain(after=(data(),)), f"Grub Fstab {BEHIND}", W, f"{GRUB}:87",
        left=BEHIND,
    ),
    StorageFault(
        "label-twice", plain(golden(fstab("LABEL=data /srv ext4 defaults 0 0")), after=TWO_DATA),
        plain(golden(fstab(f"UUID={DATA} /srv ext4 defaults 0 0")), after=TWO_DATA), f"Fstab {BEHIND}", W,
        "/etc/fstab:4", left=BEHIND,
    ),
    StorageFault(
        "passphrase-at-boot", opening("none luks"), opening("none luks,noauto"), f"Volumes {BEHIND} {UNREAD}", F,
        "/etc/crypttab:1", left=f"{BEHIND} {UNREAD}", programs=("cryptsetup",),
    ),
    StorageFault(
        "system-on-an-encrypted-volume", opening("/etc/key luks", "/dev/mapper/opened /var ext4 nofail 0 0", version=1),
        opening("/etc/key luks", "/dev/mapper/opened /srv ext4 nofail 0 0", version=1),
        f"Volumes Fstab {BEHIND} {UNREAD}", F, "/etc/fstab:4", left=f"Fstab {BEHIND} {UNREAD}",
        programs=("cryptsetup",),
    ),
    StorageFault(
        "dynamic-disk", plain(after=(data(),), kinds=(0x83, 0x42)), plain(after=(data(),)),
        f"DiskLayout {BEHIND} {UNREAD}", F, "sda2", left=BEHIND,
    ),
)  # fmt: skip

IMAGES: Final = (
    StorageFault(
        "image-cut-off", plain(cut=20), plain(), "PartitionTable FileSystemState", F, "sda"
    ),
    StorageFault(
        "disk-too-large", plain(spare=2049 * 1024), plain(spare=2047 * 1024), "ImageFormat", F, "image"
    ),
)  # fmt: skip

FILE_SYSTEMS: Final = (
    StorageFault(
        "ext4-with-project-quotas", plain(features="project,quota"), plain(features="quota"),
        "FileSystemType", W, "/",
    ),
    StorageFault(
        "xfs-called-ext4-in-fstab", xfs(changed(XFS, {"/etc/fstab": XFS_LINE.replace("xfs", "ext4")})), xfs(),
        "Fstab", W, "/etc/fstab:1", programs=("mkfs.xfs",),
    ),
    StorageFault(
        "xfs-not-in-the-kernel", xfs(changed(XFS, {BUILTIN: GOLDEN[BUILTIN]})), xfs(), "KernelVersion", F, INITRD,
        programs=("mkfs.xfs",),
    ),
    StorageFault(
        "xfs-with-options-of-ext4",
        xfs(changed(XFS, {"/etc/fstab": XFS_LINE.replace("defaults", "errors=remount-ro")})), xfs(), "Fstab", F,
        "/etc/fstab:1", programs=("mkfs.xfs",),
    ),
    StorageFault(
        "xfs-cannot-grow", xfs(changed(XFS, {"/usr/sbin/xfs_growfs": None})), xfs(), "OnlineResizeFS", W,
        "/usr/sbin/xfs_growfs", programs=("mkfs.xfs",),
    ),
    StorageFault(
        "xfs-needs-repair", xfs(damage=machine.needing_repair), xfs(), "FileSystemState", F, "sda1",
        programs=("mkfs.xfs", "xfs_db"),
    ),
)  # fmt: skip

STORAGE_FAULTS: Final = (*GROUPS, *PARTITIONS, *IMAGES, *FILE_SYSTEMS)
