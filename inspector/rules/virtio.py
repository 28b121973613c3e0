"""Virtio: the drivers for the paravirtual disk and network card of KVM clouds.

Judged for the kernel that the default boot entry loads, with the initial RAM disk that this entry loads; never for
just any kernel that lies about.
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.facts.drivers import DefaultDrivers, OtherDrivers
from inspector.linux.root_drivers import judge_root_drivers
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning

DISK: Final = ("virtio_blk", "virtio_pci")


@rule("virtio-disk-driver-boots", "The default kernel can reach a virtio disk before its root is mounted")
def virtio_disk_driver_boots(facts: Facts) -> Verdict:
    """The chain of modules down to the bus is looked for, built in or in the initial RAM disk.

    Why: without virtio_blk and virtio_pci the kernel finds no root device, and the instance stops at boot.

    Fix: name virtio_blk and virtio_pci in /etc/initramfs-tools/modules and run `update-initramfs -u`; with dracut, run
    `dracut -f --add-drivers "virtio_blk virtio_pci"`; with mkinitcpio, name them in MODULES of /etc/mkinitcpio.conf and
    run `mkinitcpio -P`; on Alpine, add virtio to `features` in /etc/mkinitfs/mkinitfs.conf and run `mkinitfs`. Take
    away what blocks them in modprobe.d.

    Reads: the default boot entry, its initial RAM disk, modules.builtin, modules.dep, /boot/config-*, modprobe.d.

    References: OASIS, "Virtual I/O Device (VIRTIO)"; initramfs-tools(7), dracut(8)
    """
    return judge_root_drivers(facts[DefaultDrivers].kernel, "virtio disk", *DISK)


@rule("virtio-net-driver-present", "The default kernel has the driver of the virtio network card")
def virtio_net_driver_present(facts: Facts) -> Verdict:
    """It is enough that the root file system has it.

    Why: without virtio_net the instance has no network.

    Fix: install the kernel package whose modules include virtio_net, for instance with
    `apt install --reinstall linux-image-$(uname -r)`. Take away what blocks it in modprobe.d.

    Reads: /lib/modules, modules.builtin, modules.dep, /boot/config-*, modprobe.d.

    References: OASIS, "Virtual I/O Device (VIRTIO)"
    """
    kernel = facts[DefaultDrivers].kernel
    driver = kernel.get("virtio_net")
    if blocks := driver.blocks:
        evidence = map(Evidence.of, blocks)
        return failed("the virtio network driver is kept from being loaded", *evidence)
    if driver.builtin:
        return ok("the virtio network driver is part of the kernel", Evidence(driver.builtin, "virtio_net"))
    if driver.module:
        return ok("the virtio network driver is there", Evidence(driver.module, "virtio_net"))
    if driver.disabled:
        return failed(f"kernel {kernel.version} has no virtio_net", Evidence(driver.disabled, "virtio_net left out"))
    seen = "virtio_net is not among them" if kernel.has_modules else "there are no modules"
    return failed(f"kernel {kernel.version} has no virtio_net", Evidence(kernel.modules, seen))


@rule("virtio-in-every-kernel", "The other installed kernels can reach a virtio disk, too")
def virtio_in_every_kernel(facts: Facts) -> Verdict:
    """Only kernels with an image in /boot count, the newest few of them.

    Why: a kernel that is chosen from the menu, or becomes the default later, does not boot without the driver.

    Fix: after naming the drivers run `update-initramfs -u -k all` (`dracut --regenerate-all -f`, `mkinitcpio -P`), or
    remove the kernels that are not needed.

    Reads: the kernels in /boot and their initial RAM disks.

    References: initramfs-tools(7), dracut(8)
    """
    others = facts[OtherDrivers]
    if not others.kernels:
        raise NotApplicable("there is no other kernel")
    verdicts = {kernel.version: judge_root_drivers(kernel, "virtio disk", *DISK) for kernel in others.kernels}
    bad = {version: verdict for version, verdict in verdicts.items() if verdict.status != "OK"}
    if bad:
        evidence = (item for verdict in bad.values() for item in verdict.evidence)
        return warning(f"{len(bad)} of the other kernels may not boot: {', '.join(bad)}", *evidence)
    evidence = (verdict.evidence[0] for verdict in verdicts.values())
    return ok(f"{len(verdicts)} other kernels have the driver", *evidence)


RULES = (virtio_disk_driver_boots, virtio_net_driver_present, virtio_in_every_kernel)
