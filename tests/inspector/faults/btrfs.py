"""Faults of guests on btrfs: a layout of `fixtures.btrfs`, what is done to it, which checks turn, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fixtures.btrfs import CFG, GUESTS, Guest, text
from fixtures.disk import ROOT_UUID
from fixtures.golden import KERNEL, golden_initramfs
from inspector.verdict import Status
from tests.inspector.faults.mutation import INITRD, OTHER_UUID, F, W

Change = Callable[[Guest], Guest]


@dataclass(frozen=True)
class BtrfsFault:
    """One fault; the fields are those of `Mutation`, and `given` is how many of the disks are handed over."""

    name: str
    layout: str
    change: Change
    checks: str
    status: Status
    place: str
    mended: Change | None = None
    left: Status = Status.OK
    given: int | None = None

    @property
    def guest(self) -> Guest:
        """The faulty guest."""
        return self.change(GUESTS[self.layout])


def sub(path: str, old: str, new: str) -> Change:
    """Replace a text of the root; it must be there."""

    def change(guest: Guest) -> Guest:
        before = text(guest.files, path)
        assert old in before, f"{old!r} is not in {path}"
        return guest.changed({path: before.replace(old, new)})

    return change


def also(*changes: Change) -> Change:
    """Do one after another."""

    def change(guest: Guest) -> Guest:
        for one in changes:
            guest = one(guest)
        return guest

    return change


FLAGS: Final = "rootflags=subvol=@ "
HOME: Final = "/home btrfs defaults,subvol=@home"
FSTAB: Final = "/etc/fstab"
LINUX: Final = f"{CFG}:89"

BTRFS_FAULTS: Final = (
    BtrfsFault(
        "rootflags-missing", "ubuntu", sub(CFG, FLAGS, ""), "Grub", F, LINUX,
        mended=lambda guest: replace(guest, default="@"),
    ),
    BtrfsFault("rootflags-name-nothing", "ubuntu", sub(CFG, FLAGS, "rootflags=subvol=@root "), "Grub", F, LINUX),
    BtrfsFault("rootflags-name-another", "ubuntu", sub(CFG, FLAGS, "rootflags=subvol=@home "), "Grub", F, LINUX),
    BtrfsFault("rootflags-number-nothing", "debian", sub(CFG, "subvol=@rootfs", "subvolid=999"), "Grub", F, LINUX),
    BtrfsFault(
        "rootflags-of-a-second-system", "snapshots", sub(CFG, FLAGS, "rootflags=subvol=@gone "), "Grub", F, LINUX,
    ),
    BtrfsFault(
        "default-moved-away", "opensuse", lambda guest: replace(guest, default="@/home"),
        "Grub KernelVersion Virtio Nvme", F, f"{CFG}:91",
    ),
    BtrfsFault(
        "grub-paths-without-subvolume", "ubuntu",
        also(sub(CFG, "/@/boot/vmlinuz", "/boot/vmlinuz"), sub(CFG, "/@/boot/initrd", "/boot/initrd")),
        "Grub KernelVersion Virtio Nvme", F, LINUX,
    ),
    BtrfsFault(
        "fstab-subvolume-missing", "ubuntu", sub(FSTAB, HOME, "/home btrfs defaults,subvol=@homes"),
        "Fstab SystemFileAttribute Leftovers ForeignAgents", F, f"{FSTAB}:2",
        mended=sub(FSTAB, "subvol=@homes", "subvol=@homes,nofail"), left=W,
    ),
    BtrfsFault(
        "fstab-numbers-disagree", "ubuntu", sub(FSTAB, HOME, f"{HOME},subvolid=5"),
        "Fstab SystemFileAttribute Leftovers ForeignAgents", F, f"{FSTAB}:2",
    ),
    BtrfsFault(
        "fstab-root-elsewhere", "ubuntu", sub(FSTAB, "/ btrfs defaults,subvol=@", "/ btrfs defaults,subvol=@home"),
        "Fstab", W, f"{FSTAB}:1",
    ),
    BtrfsFault("root-read-only", "ubuntu", lambda guest: replace(guest, read_only=("@",)), "SystemImage", F, "/"),
    BtrfsFault(
        "initramfs-without-btrfs", "ubuntu", lambda guest: guest.changed({INITRD: golden_initramfs()}),
        "KernelVersion", F, INITRD,
    ),
    BtrfsFault(
        "tools-missing", "ubuntu",
        lambda guest: replace(guest, files={p: node for p, node in guest.files.items() if p != "/usr/bin/btrfs"}),
        "OnlineResizeFS", W, "/usr/sbin/btrfs",
    ),
    BtrfsFault(
        "root-uuid-unknown", "fedora",
        lambda guest: _boot_text(guest, f"root=UUID={ROOT_UUID}", f"root=UUID={OTHER_UUID}"),
        "Grub", F, LINUX,
    ),
    BtrfsFault(
        "kernel-missing", "fedora",
        lambda guest: replace(guest, boot={p: n for p, n in (guest.boot or {}).items() if p != f"/vmlinuz-{KERNEL}"}),
        "Grub KernelVersion", F, LINUX,
    ),
    BtrfsFault("device-missing", "two devices", lambda guest: guest, "FileSystemState", F, "sda1", given=1),
)  # fmt: skip


def _boot_text(guest: Guest, old: str, new: str) -> Guest:
    boot = guest.boot or {}
    path = CFG.removeprefix("/boot")
    assert old in text(boot, path)
    return replace(guest, boot={**boot, path: text(boot, path).replace(old, new)})
