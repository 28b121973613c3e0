"""The kernel that boots by default, with the files that belong to it."""

from __future__ import annotations

from typing import Final

from inspector.boot.dracut import asked_for, is_there, left_out
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.facts.boot import DefaultKernel, Kernels
from inspector.facts.drivers import DefaultDrivers, KernelDrivers
from inspector.facts.platform import Architecture
from inspector.guest import Guest
from inspector.linux.root_drivers import judge_root_drivers
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Status, Verdict, failed, ok, unknown, warning
from parsers.boot.initramfs import Initramfs
from parsers.place import Place


@rule("default-kernel-is-complete", "The default kernel has its image, its modules and its initial RAM disk")
def default_kernel_is_complete(facts: Facts) -> Verdict:
    """The version is what the image says of itself; where the image does not say it, the one in its name.

    Why: without its modules a kernel has few drivers; without an initial RAM disk it rarely finds its root.

    Fix: reinstall the kernel's package, then make its initial RAM disk (`update-initramfs -u`, `dracut -f`,
    `mkinitcpio -P`, `mkinitfs`) and the menu (`update-grub`, `grub2-mkconfig -o`, `update-extlinux`) anew.

    Reads: the default boot entry, the kernel image, /lib/modules.

    References: depmod(8), initramfs-tools(7), dracut(8)
    """
    kernel = facts[DefaultKernel]
    flaws = [
        Evidence(file.place, f"{file.named} is not there")
        for file in (kernel.image, *kernel.initramfs)
        if not file.exists
    ]
    if kernel.version is None:
        flaws.append(Evidence(kernel.image.file_place, "the version of the kernel is not known"))
        return failed("the version of the default kernel is not known", *flaws)
    modules = _modules(facts[Kernels], kernel.version)
    if modules is None:
        sought = (f"{top}/{kernel.version}" for top in ("/usr/lib/modules", "/lib/modules"))
        flaws += [Evidence(Place(path), f"no modules of kernel {kernel.version}") for path in sought]
    if flaws:
        return failed(f"kernel {kernel.version} is not complete", *flaws)
    evidence = [Evidence(kernel.place, f"the default entry boots {kernel.image.named}")]
    evidence += [Evidence(Place(modules), "its modules")] if modules else []
    if not kernel.initramfs:
        return warning(f"kernel {kernel.version} is loaded without an initial RAM disk", *evidence)
    return ok(f"kernel {kernel.version} is complete", *evidence)


def _modules(kernels: Kernels, version: str) -> str | None:
    installed = kernels.get(version)
    return installed.modules if installed else None


@rule("dracut-devices-exist", "The volumes that the kernel arguments rd.* ask for are there, the root's among them")
def dracut_devices_exist(facts: Facts) -> Verdict:
    """Where such arguments are given, dracut puts together the volumes alone that they name.

    Why: dracut waits for each of them, minutes long, and then gives up and drops to a shell; so it does for a root on
    a volume that it was not told of.

    Fix: take the argument of the missing volume out of GRUB_CMDLINE_LINUX in /etc/default/grub, write one for each
    volume that the root lies on (`rd.lvm.lv=vg/root`), and run `grub2-mkconfig -o /boot/grub2/grub.cfg`; where entries
    have arguments of their own, `grubby --update-kernel=ALL` with `--remove-args=` and `--args=`.

    Reads: the kernel arguments of the default entry, the volumes of the image.

    References: dracut.cmdline(7)
    """
    kernel, storage = facts[DefaultKernel], facts[Storage]
    asked = asked_for(kernel)
    missing = [f"{name}={value}" for name, value in asked if not is_there(name, value, storage)]
    if missing:
        return failed(
            f"volumes that are not in the image: {len(missing)}", *(Evidence(kernel.place, seen) for seen in missing)
        )
    lost = list(left_out(kernel, storage, facts[Guest].mount_of("/").volume))
    if not asked and not lost:
        raise NotApplicable("no volumes are asked for by rd.lvm.lv, rd.luks.uuid and the like")
    if lost:
        return failed("dracut leaves out what the root lies on", *(Evidence(kernel.place, seen) for seen in lost))
    return ok("every volume is in the image", *(Evidence(kernel.place, f"{name}={value}") for name, value in asked))


_X86: Final = frozenset({"x86_64", "i386", "x32"})
_STARTS: Final = {"i386": {"i386", "x86_64"}, "x32": {"x86_64"}, "arm": {"arm", "aarch64"}}
"""The machine of a system's programs -> the kernels that run them, where there are others than its own."""


@rule("default-kernel-image-is-whole", "The default kernel is a whole image of a kernel, for the system's own machine")
def default_kernel_image_is_whole(facts: Facts) -> Verdict:
    """The header of the image is read, and the size that it tells is compared with that of the file.

    Why: GRUB refuses a file that is no kernel; one that is cut off, as by a full disk, or for another machine, does not
    start.

    Fix: make room in /boot where it is full, and reinstall the kernel's package.

    Reads: the kernel image of the default entry.

    References: Linux kernel, Documentation/arch/x86/boot.rst
    """
    kernel = facts[DefaultKernel]
    if not kernel.image.exists:
        raise NotApplicable("the image is not there, which grub-boot-files-exist reports")
    place = kernel.image.file_place
    if kernel.flaw:
        return failed("the default kernel is no image of a kernel", Evidence(place, kernel.flaw.message))
    header = kernel.header
    if header is None:
        return unknown("the image of the default kernel was not read", Evidence(place, kernel.image.named))
    found = f"{header.kind} for {header.architecture or 'a machine that it does not name'}"
    size = kernel.image.size or 0
    if header.size and header.size > size:
        seen = f"{header.size} bytes wanted by its header, {size} found"
        return failed("the default kernel is cut off", Evidence(place, seen))
    system = facts[Architecture]
    wanted = _STARTS.get(system.machine, {system.machine})
    alien = system.machine in _X86 and not header.kind.endswith("zImage")
    if alien or (header.architecture and header.architecture not in wanted):
        runs = Evidence(system.place, f"a program for {system.machine}")
        return failed(f"a kernel for {system.machine} wanted, {found} found", Evidence(place, found), runs)
    return ok("the default kernel is whole", Evidence(place, found))


@rule("initramfs-holds-the-root-driver", "The default kernel can mount the root file system")
def initramfs_holds_the_root_driver(facts: Facts) -> Verdict:
    """The driver of the root's file system and what it needs are looked for, built in or in the initial RAM disk.

    Why: without the driver the kernel sees the disk, but cannot mount the root, and the boot stops.

    Fix: set MODULES=most in /etc/initramfs-tools/initramfs.conf and run `update-initramfs -u`; with dracut, run
    `dracut -f --add-drivers` with the driver's name; with mkinitcpio, name it in MODULES of /etc/mkinitcpio.conf and
    run `mkinitcpio -P`; on Alpine, add its feature to /etc/mkinitfs/mkinitfs.conf and run `mkinitfs`.

    Reads: the superblock of the root, the initial RAM disk, modules.builtin, modules.dep, /boot/config-*, modprobe.d.

    References: initramfs.conf(5), dracut.conf(5), mkinitcpio.conf(5)
    """
    kernel = facts[DefaultDrivers].kernel
    if kernel.root is None:
        volume = facts[Guest].mount_of("/").volume
        kind = volume.type if volume else None
        return unknown(f"which driver {kind or 'the root'} needs is not known", Evidence(Place("/"), f"{kind}"))
    return judge_root_drivers(kernel, f"{kernel.root} file system", kernel.root)


@rule("initramfs-opens-the-root-volume", "The default kernel can put together the volume that the root lies on")
def initramfs_opens_the_root_volume(facts: Facts) -> Verdict:
    """The drivers are looked for, and the program that activates, assembles or opens the volume.

    Why: a logical volume, an array, an encrypted volume are only there once they were put together or opened; without
    that the boot stops.

    Fix: install lvm2 for a logical volume, mdadm for an array, cryptsetup-initramfs for an encrypted volume, and run
    `update-initramfs -u`, `dracut -f`, `mkinitcpio -P` or `mkinitfs`.

    Reads: the metadata of groups and arrays, the initial RAM disk, modules.builtin, modules.dep, modprobe.d.

    References: initramfs-tools(7), dracut(8), mkinitcpio(8)
    """
    kernel = facts[DefaultDrivers].kernel
    if not kernel.layers:
        raise NotApplicable("the root lies on a partition or a whole disk")
    evidence: list[Evidence] = []
    for layer in kernel.layers:
        drivers = judge_root_drivers(kernel, layer.what, *layer.drivers)
        if drivers.status is not Status.OK:
            return drivers
        by_kernel = layer.alone is not None and kernel.get(layer.alone).builtin is not None
        program, flaw = (None, None) if by_kernel else _program(kernel, layer.programs)
        if flaw:
            return failed(f"the initial RAM disk cannot open {layer.name}", *flaw)
        evidence += [*drivers.evidence, *([program] if program else [])]
    return ok(f"kernel {kernel.version} opens {kernel.layers[0].name} at boot", *evidence)


def _program(kernel: KernelDrivers, names: tuple[str, ...]) -> tuple[Evidence | None, list[Evidence]]:
    """One of the programs in the initial RAM disk, or what speaks against all of them."""
    found = [(scan, item) for scan in kernel.scans for item in scan.programs if item.path.rpartition("/")[2] in names]
    for scan, item in found:
        if not item.flaw:
            return Evidence(Place(scan.path, key=item.path), f"{item.path} is in the initial RAM disk"), []
    if found:
        return None, [Evidence(Place(scan.path, key=item.path), f"{item.path} is {item.flaw}") for scan, item in found]
    places = kernel.initramfs or kernel.missing or (kernel.modules,)
    return None, [Evidence(place, f"no {' and no '.join(names)} in an initial RAM disk") for place in places]


@rule("initramfs-has-init", "The initial RAM disk has the program that the kernel starts first")
def initramfs_has_init(facts: Facts) -> Verdict:
    """It is /init, or what that leads to: systemd in one of dracut.

    Why: without it the kernel looks for the root by itself, knows no UUIDs, and panics.

    Fix: run `update-initramfs -u`, `dracut -f`, `mkinitcpio -P` or `mkinitfs`.

    Reads: the initial RAM disks of the default entry, the kernel arguments.

    References: Linux kernel, Documentation/filesystems/ramfs-rootfs-initramfs.rst
    """
    kernel, drivers = facts[DefaultKernel], facts[DefaultDrivers].kernel
    if not drivers.scans:
        raise NotApplicable("no initial RAM disk is loaded")
    other = kernel.value("rdinit")
    if other not in {None, "", "/init"}:
        return unknown("another program than /init is started first", Evidence(kernel.place, f"rdinit={other}"))
    found = [(scan, scan.init) for scan in drivers.scans if scan.init]
    if found:
        scan, init = found[-1]
        place = Place(scan.path, key=init.path)
        if init.flaw:
            return failed("the kernel cannot start /init", Evidence(place, f"/init is {init.flaw}"))
        if init.target is None:
            return ok("the initial RAM disk has its /init", Evidence(place, "a program"))
        return _led_to(scan, Evidence(place, f"a link to {init.target}"))
    if drivers.unread:
        return unknown("the initial RAM disk cannot be read in full", *map(Evidence.of, drivers.unread))
    return failed(
        "the initial RAM disk has no /init", *(Evidence(Place(scan.path), "no /init in it") for scan in drivers.scans)
    )


def _led_to(scan: Initramfs, link: Evidence) -> Verdict:
    """What is said of an /init that is a link."""
    if scan.started is None:
        if scan.leads_nowhere:
            return failed("the kernel cannot start /init", Evidence(link.place, f"{link.seen}, which is not there"))
        return unknown("what /init leads to was not met with", link)
    place = Place(scan.path, key=scan.started.path)
    if scan.started.flaw:
        return failed("the kernel cannot start /init", link, Evidence(place, f"it is {scan.started.flaw}"))
    return ok("the initial RAM disk has its /init", link, Evidence(place, "a program"))


RULES = (
    default_kernel_image_is_whole,
    default_kernel_is_complete,
    dracut_devices_exist,
    initramfs_has_init,
    initramfs_holds_the_root_driver,
    initramfs_opens_the_root_volume,
)
