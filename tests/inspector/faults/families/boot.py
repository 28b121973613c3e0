"""Faults of the boot loader, the kernel and its RAM disk, by the loader and the maker of the RAM disk."""

from __future__ import annotations

from typing import Final

from fixtures.families.boot_entry import MACHINE
from fixtures.families.family import ROOT_UUID, Family, Kernel
from tests.inspector.faults.families.fault import (
    OTHER_UUID,
    F,
    Fault,
    W,
    added,
    disk_driver_missing,
    edited,
    gone,
    where,
)

LOST: Final = "Virtio Nvme KernelVersion"
"""What else turns where the initial RAM disk is not there."""


def grub2(family: Family, config: str, kernel: Kernel, initramfs: str) -> tuple[Fault, ...]:
    """A menu of GRUB 2 that grub-mkconfig wrote."""
    root = f"root=UUID={ROOT_UUID}"
    return (
        edited(family, "grub-root-of-another-disk", config, root, f"root=UUID={OTHER_UUID}", "Grub"),
        edited(family, "grub-init-of-a-shell", config, root, f"{root} init=/bin/sh", "Grub"),
        edited(
            family,
            "grub-nvme-timeout",
            config,
            "nvme_core.io_timeout=4294967295",
            "nvme_core.io_timeout=30",
            "Nvme Grub",
            W,
        ),
        edited(family, "grub-settings-not-applied", "/etc/default/grub", "nvme_core", "audit=1 nvme_core", "Grub", W),
        disk_driver_missing(kernel, initramfs),
    )


def saved_entry(family: Family, config: str) -> tuple[Fault, ...]:
    """The entry that the environment block names, which GRUB boots where GRUB_DEFAULT says "saved"."""
    block = "/boot/grub2/grubenv"
    text, saved = family.text(block), next(line for line in family.text(block).split("\n") if "saved_entry" in line)
    title = saved.partition("=")[2]
    menu = family.text(config)
    recovery = next(line.split("'")[1] for line in menu.split("\n") if "(recovery mode)" in line)
    changes = {
        "saved-entry-gone": ("openSUSE 42.3", "Grub", W, f"{block}:2"),
        "saved-entry-is-the-recovery": (
            f"Advanced options for {title}>{recovery}", "Grub Nvme", F, where(config, menu, "${extra_cmdline} single"),
        ),
    }  # fmt: skip
    return tuple(
        Fault(name, {block: text.replace(saved, f"saved_entry={entry}")}, checks, status, place)
        for name, (entry, checks, status, place) in changes.items()
    )


def entries(family: Family, kernel: Kernel, lost: str = LOST) -> tuple[Fault, ...]:
    """Entries of the Boot Loader Specification, which GRUB's blscfg makes a menu of."""
    entry = f"/boot/loader/entries/{MACHINE}-{kernel.version}.conf"
    initramfs = f"/boot/initramfs-{kernel.version}.img"
    return (
        gone("entry-kernel-gone", f"/boot/vmlinuz-{kernel.version}", "Grub KernelVersion", place=f"{entry}:3"),
        edited(family, "entry-initramfs-gone", entry, f"initrd {initramfs}", "initrd /boot/gone.img", f"Grub {lost}"),
        disk_driver_missing(kernel, initramfs),
    )


def kernelopts(family: Family, kernel: Kernel) -> tuple[Fault, ...]:
    """Kernel options in the environment block, where EL 8 keeps them; the entry's line is what they stand in."""
    block, place = "/boot/grub2/grubenv", f"/boot/loader/entries/{MACHINE}-{kernel.version}.conf:5"
    root = f"root=UUID={ROOT_UUID}"
    changes = {"kernelopts-root-of-another-disk": f"root=UUID={OTHER_UUID}", "kernelopts-rd-break": f"{root} rd.break"}
    texts = {name: family.text(block).replace(root, new) for name, new in changes.items()}
    return tuple(Fault(name, {block: text}, "Grub", F, place) for name, text in texts.items())


def own_options(family: Family, kernel: Kernel) -> tuple[Fault, ...]:
    """Kernel options in the entry itself."""
    entry = f"/boot/loader/entries/{MACHINE}-{kernel.version}.conf"
    root = f"root=UUID={ROOT_UUID}"
    return (
        edited(family, "entry-root-of-another-disk", entry, root, f"root=UUID={OTHER_UUID}", "Grub"),
        edited(family, "entry-rd-break", entry, f"{root} ro", f"{root} ro rd.break", "Grub"),
    )


def grub_legacy(family: Family, kernel: Kernel) -> tuple[Fault, ...]:
    """The menu of GRUB Legacy."""
    config, root = "/boot/grub/grub.conf", f"root=UUID={ROOT_UUID}"
    return (
        edited(family, "legacy-default-beyond-the-menu", config, "default=0", "default=4", "Grub", W),
        edited(family, "legacy-root-of-another-disk", config, root, f"root=UUID={OTHER_UUID}", "Grub"),
        edited(
            family,
            "legacy-kernel-on-another-partition",
            config,
            "\troot (hd0,0)",
            "\troot (hd0,2)",
            f"Grub {LOST}",
            at="kernel /boot/vmlinuz-2",
        ),
        edited(
            family,
            "legacy-initrd-gone",
            config,
            f"initrd /boot/initramfs-{kernel.version}",
            "initrd /boot/gone",
            f"Grub {LOST}",
        ),
        disk_driver_missing(kernel, f"/boot/initramfs-{kernel.version}.img"),
    )


def extlinux(family: Family, kernel: Kernel) -> tuple[Fault, ...]:
    """The menu of EXTLINUX."""
    config, root = "/boot/extlinux.conf", f"root=UUID={ROOT_UUID}"
    return (
        gone(
            "extlinux-kernel-gone", "/boot/vmlinuz-virt", f"Grub {LOST} SupportMocInstanceTypes", place=f"{config}:11"
        ),
        edited(family, "extlinux-initrd-gone", config, "INITRD initramfs-virt", "INITRD initramfs-lts", f"Grub {LOST}"),
        edited(family, "extlinux-root-of-another-disk", config, root, f"root=UUID={OTHER_UUID}", "Grub"),
        disk_driver_missing(kernel, "/boot/initramfs-virt"),
    )


def enforcing(family: Family) -> Fault:
    """SELinux that is on."""
    off, on = "\nSELINUX=disabled\n", "\nSELINUX=enforcing\n"
    return edited(family, "selinux-enforcing", "/etc/selinux/config", off, on, "Selinux")


def local_clock(family: Family) -> Fault:
    """A hardware clock that keeps local time."""
    return edited(family, "clock-keeps-local-time", "/etc/adjtime", "UTC", "LOCAL", "RtcTimeMode", W)


def fstab_of_another_disk(family: Family) -> Fault:
    """A disk in fstab that is not there."""
    return added(family, "fstab-device-gone", "/etc/fstab", f"UUID={OTHER_UUID} /opt ext4 defaults 0 2\n", "Fstab")
