"""NVMe: the driver of NVMe disks, and the patience that a network-backed one needs."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.drivers import DefaultDrivers
from inspector.linux.root_drivers import judge_root_drivers
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning

ARGUMENTS: Final = ("nvme_core.io_timeout", "nvme_core.admin_timeout")


@rule("nvme-driver-boots", "The default kernel can reach an NVMe disk before its root is mounted")
def nvme_driver_boots(facts: Facts) -> Verdict:
    """The driver is looked for, built in or in the initial RAM disk.

    Why: instance families with an NVMe system disk cannot boot the image without it.

    Fix: name nvme in /etc/initramfs-tools/modules and run `update-initramfs -u`; with dracut, run
    `dracut -f --add-drivers nvme`; with mkinitcpio, name it in MODULES of /etc/mkinitcpio.conf and run `mkinitcpio -P`;
    on Alpine, add nvme to `features` in /etc/mkinitfs/mkinitfs.conf and run `mkinitfs`. Take away what blocks it in
    modprobe.d.

    Reads: the default boot entry, its initial RAM disk, modules.builtin, modules.dep, /boot/config-*, modprobe.d.

    References: https://www.alibabacloud.com/help/en/ecs/user-guide/adapt-linux-custom-images-to-nvme-based-system-disks
    """
    return judge_root_drivers(facts[DefaultDrivers].kernel, "NVMe disk", "nvme")


@rule("nvme-timeouts-are-long", "The kernel arguments let NVMe requests wait as long as the cloud needs")
def nvme_timeouts_are_long(facts: Facts, *, timeout: int) -> Verdict:
    """Why: a request that waits longer than the default of 30 s fails, and the root file system turns read-only.

    Fix: add `nvme_core.io_timeout=4294967295 nvme_core.admin_timeout=4294967295` to GRUB_CMDLINE_LINUX in
    /etc/default/grub, and run `update-grub` (`grub2-mkconfig -o /boot/grub2/grub.cfg`; with Red Hat and Amazon, whose
    entries have arguments of their own, run `grubby --update-kernel=ALL --args=` with both; on Alpine
    default_kernel_opts in /etc/update-extlinux.conf, and `update-extlinux`; with unified kernel images
    /etc/kernel/cmdline). A kernel that has no module nvme_core has to be replaced by a newer one.

    Reads: the kernel arguments of the default boot entry, its modules.

    References: https://www.alibabacloud.com/help/en/ecs/user-guide/adapt-linux-custom-images-to-nvme-based-system-disks
    """
    kernel = facts[DefaultKernel]
    short = [name for name in ARGUMENTS if _number(kernel.value(name)) < timeout]
    seen = [f"{name}={kernel.value(name)}" for name in ARGUMENTS if kernel.value(name) is not None]
    if short:
        found = ", ".join(seen) or "neither argument"
        message = f"{', '.join(f'{name}={timeout}' for name in short)} wanted, {found} found"
        return warning(message, Evidence(kernel.place, " ".join(kernel.arguments)))
    if (older := _without_core(facts)) is not None:
        return warning(
            "the driver of this kernel does not know these arguments", older, Evidence(kernel.place, seen[0])
        )
    return ok(f"NVMe timeouts of {timeout} are set", Evidence(kernel.place, " ".join(seen)))


def _without_core(facts: Facts) -> Evidence | None:
    """Kernels before 4.4, and early ones of EL 7, have one module nvme, which takes no such arguments."""
    try:
        kernel = facts[DefaultDrivers].kernel
    except UnknownFact:  # nvme-driver-boots says so; the arguments are what they are
        return None
    driver, core = kernel.get("nvme"), kernel.get("nvme_core")
    if driver.module is None or driver.builtin or core.module or core.builtin or "nvme_core" in driver.needs:
        return None
    return Evidence(driver.module, "nvme needs no nvme_core")


def _number(value: str | None) -> int:
    """Read a number as the kernel does for a parameter, decimal or hexadecimal; anything else counts as 0."""
    text = (value or "").strip('"')
    try:
        return int(text[:20], 16 if text.startswith("0x") else 10)
    except ValueError:
        return 0


RULES = (nvme_driver_boots, nvme_timeouts_are_long)
