"""Faults of the way from the boot loader to the first program: GRUB, kernels, drivers, file systems."""

from __future__ import annotations

from typing import Final

from fixtures.disk import ROOT_UUID, Layout
from fixtures.files import File, Link
from fixtures.golden import BUILTIN, INITRAMFS_MODULES, KERNEL, golden_initramfs
from fixtures.initramfs import cpio, initramfs
from fixtures.kernel import bzimage, elf, module
from tests.inspector.faults.mutation import (
    ARGUMENTS,
    GRUB,
    INITRD,
    MODULES,
    OTHER_UUID,
    SECOND_KERNEL,
    UNITS,
    Change,
    F,
    Mutation,
    W,
    add,
    argued,
    fstab,
    masked,
    sub,
    text,
)

GRUB_FAULTS: Final = (
    Mutation(
        "grub-root-uuid-unknown",
        sub(GRUB, f"root=UUID={ROOT_UUID}", f"root=UUID={OTHER_UUID}"),
        "Grub",
        F,
        f"{GRUB}:89",
    ),
    Mutation("grub-root-device-name", sub(GRUB, f"root=UUID={ROOT_UUID}", "root=/dev/sda1"), "Grub", F, f"{GRUB}:89"),
    Mutation(
        "grub-search-uuid-unknown",
        sub(GRUB, f"--set=root {ROOT_UUID}", f"--set=root {OTHER_UUID}"),
        "Grub",
        F,
        f"{GRUB}:87",
    ),
    Mutation("kernel-missing", {f"/boot/vmlinuz-{KERNEL}": None}, "Grub KernelVersion", F, f"{GRUB}:89"),
    Mutation("initrd-missing", {INITRD: None}, "Grub KernelVersion Virtio Nvme", F, f"{GRUB}:91"),
    Mutation(
        "grub-config-missing",
        {GRUB: None},
        "Grub KernelVersion Virtio Nvme Dhcp Selinux CloudInit Identity KernelModules NetworkSettings",
        F,
        GRUB,
    ),
    Mutation(
        "boots-into-a-shell", sub(GRUB, " ro net.ifnames=0", " ro init=/bin/sh net.ifnames=0"), "Grub", F, f"{GRUB}:89"
    ),
    Mutation(
        "boots-into-rescue",
        sub(GRUB, " ro net.ifnames=0", " ro systemd.unit=rescue.target net.ifnames=0"),
        "Grub SystemImage",
        F,
        f"{GRUB}:89",
    ),
    Mutation("modules-missing", {MODULES: None}, "KernelVersion Virtio", F, MODULES),
    Mutation("loader-missing", {}, "BootMode", F, "sda", layout=Layout(boot_code=False)),
)

WITHOUT_DISK: Final = ("virtio_blk",)
DRIVERS: Final = (
    *(
        Mutation(
            f"virtio-missing-{compression}",
            {INITRD: golden_initramfs(compression, WITHOUT_DISK)},
            "Virtio",
            F,
            INITRD,
            mended={INITRD: golden_initramfs(compression)},
        )
        for compression in ("gzip", "xz", "lzma", "bzip2", "zstd", "lz4", "none")
    ),
    Mutation("virtio-pci-missing", {INITRD: golden_initramfs(without=("virtio_pci",))}, "Virtio", F, INITRD),
    Mutation("nvme-missing", {INITRD: golden_initramfs(without=("nvme",))}, "Nvme", F, INITRD),
    Mutation(
        "nvme-built-in-after-all",
        {INITRD: golden_initramfs(without=("nvme", "nvme-core"))},
        "Nvme",
        F,
        INITRD,
        mended={
            f"{MODULES}/modules.builtin": "".join(
                f"kernel/{path}.ko\n" for path in (*BUILTIN, "drivers/nvme/host/nvme", "drivers/nvme/host/nvme-core")
            )
        },
    ),
    Mutation("nvme-timeout-missing", argued(ARGUMENTS, "mitigations=auto"), "Nvme", W, f"{GRUB}:89"),
    Mutation("initrd-truncated", {INITRD: golden_initramfs("gzip")[:200]}, "Virtio Nvme KernelVersion", W, INITRD),
    Mutation(
        "virtio-blacklisted",
        {
            "/etc/modprobe.d/no.conf": "blacklist virtio_blk\ninstall virtio_blk /bin/false\n",
            INITRD: golden_initramfs(),
        },
        "Virtio",
        F,
        "/etc/modprobe.d/no.conf:2",
    ),
)

VMLINUZ: Final = f"/boot/vmlinuz-{KERNEL}"
SYSTEMD: Final = "/usr/lib/systemd"
DEFAULT_TARGET: Final = f"{UNITS}/default.target"
NO_SERVICE: Final = "Dhcp OnlineResizeFS CloudAssistant CloudInit SecurityCenterAgent SshConfig Identity"
"""The checks of what a default target without multi-user.target does not start."""
UNREAD: Final = "Virtio Nvme KernelVersion Dhcp Selinux CloudInit Identity KernelModules NetworkSettings"
"""The checks that want the default kernel, where the menu comes to none."""
EXT4: Final = {"ext4": "fs/ext4", "jbd2": "fs/jbd2", "mbcache": "fs", "crc16": "lib"}


def kernel_word(word: str) -> Change:
    """Add a word to the kernel's command line."""
    return argued("net.ifnames=0", f"{word} net.ifnames=0")


def ramdisk(changes: dict[str, bytes | None]) -> Change:
    """The golden initial RAM disk with files changed, or left out."""
    top = f"usr/lib/modules/{KERNEL}"
    files: dict[str, bytes | None] = {"init": b"#!/bin/sh\n", "conf/initramfs.conf": b"MODULES=most\n"}
    files |= {f"{top}/kernel/{folder}/{name}.ko": module(name, KERNEL) for name, folder in INITRAMFS_MODULES.items()}
    files |= changes
    return {INITRD: cpio({name: content for name, content in sorted(files.items()) if content is not None})}


def ext4_as_module(*names: str) -> Change:
    """A kernel with ext4 as a module, and some of its modules in the initial RAM disk."""
    needs = "kernel/lib/crc16.ko kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko"
    lines = (f"kernel/{folder}/{name}.ko: {needs if name == 'ext4' else ''}\n" for name, folder in EXT4.items())
    return {
        **add(f"{MODULES}/modules.dep", "".join(lines)),
        f"{MODULES}/modules.builtin": "kernel/drivers/pci/hotplug/acpiphp.ko\n",
        **sub(f"/boot/config-{KERNEL}", "CONFIG_EXT4_FS=y\nCONFIG_JBD2=y", "CONFIG_EXT4_FS=m\nCONFIG_JBD2=m"),
        **{f"{MODULES}/kernel/{folder}/{name}.ko": module(name, KERNEL) for name, folder in EXT4.items()},
        INITRD: initramfs(KERNEL, INITRAMFS_MODULES | {name: EXT4[name] for name in names}),
    }


def target(name: str) -> Change:
    """Make a target the default one."""
    return {
        f"{SYSTEMD}/system/{name}.target": f"[Unit]\nDescription={name}\nAllowIsolate=yes\n",
        DEFAULT_TARGET: Link(f"/lib/systemd/system/{name}.target"),
    }


def in_entry(statement: str) -> Change:
    """Put a statement in front of the kernel of every entry."""
    return sub(GRUB, "\tlinux\t", f"\t{statement}\n\tlinux\t")


BOOT_FAULTS: Final = (
    Mutation("kernel-empty", {VMLINUZ: b""}, "KernelVersion Grub", F, VMLINUZ),
    Mutation("kernel-zeros", {VMLINUZ: bytes(24576)}, "KernelVersion", F, VMLINUZ),
    Mutation("kernel-text", {VMLINUZ: "no kernel\n"}, "KernelVersion", F, VMLINUZ),
    Mutation("kernel-cut-off", {VMLINUZ: bzimage(KERNEL)[:-2048]}, "KernelVersion", F, VMLINUZ),
    Mutation("kernel-for-32-bits", {VMLINUZ: bzimage(KERNEL, machine=3)}, "KernelVersion", F, VMLINUZ),
    Mutation("kernel-for-arm", {VMLINUZ: bytes(0x38) + b"ARM\x64" + bytes(9000)}, "KernelVersion", F, VMLINUZ),
    Mutation("initrd-without-init", ramdisk({"init": None}), "KernelVersion", F, INITRD, mended=ramdisk({})),
    Mutation("initrd-with-empty-init", ramdisk({"init": b""}), "KernelVersion", F, INITRD, mended=ramdisk({})),
    Mutation(
        "initrd-modules-elsewhere",
        {
            INITRD: cpio(
                {"init": b"x"} | {f"modules/{KERNEL}/{name}.ko": module(name, KERNEL) for name in INITRAMFS_MODULES}
            )
        },
        "Virtio Nvme",
        F,
        INITRD,
    ),
    Mutation(
        "initrd-of-another-kernel",
        {INITRD: initramfs(SECOND_KERNEL, INITRAMFS_MODULES)},
        "Virtio Nvme",
        F,
        INITRD,
    ),
    Mutation("initrd-text", {INITRD: b"no archive" * 9}, "KernelVersion Virtio Nvme", W, INITRD),
    Mutation("ext4-missing", ext4_as_module(), "KernelVersion", F, INITRD, mended=ext4_as_module(*EXT4)),
    *(
        Mutation(
            f"{missing}-missing-in-initrd",
            ext4_as_module(*(name for name in EXT4 if name != missing)),
            "KernelVersion",
            F,
            INITRD,
            mended=ext4_as_module(*EXT4),
        )
        for missing in ("jbd2", "mbcache", "crc16")
    ),
    *(
        Mutation(f"argument-{word}", kernel_word(word), checks, F, f"{GRUB}:89")
        for word, checks in (
            ("initcall_blacklist=virtio_blk_init", "Virtio"),
            ("initcall_blacklist=virtio_pci_driver_init", "Virtio"),
            ("blacklist=virtio_blk", "Virtio"),
            ("module-blacklist=virtio-blk", "Virtio"),
            ("modprobe.blacklist=loop,virtio-pci", "Virtio"),
            ("initcall_blacklist=nvme_init", "Nvme"),
            ("initcall_blacklist=ext4_init_fs", "KernelVersion"),
            ("rootfstype=xfs", "Grub"),
            ("rootflags=subvol=@", "Grub"),
            ("boot=nfs", "Grub"),
            ("boot=live", "Grub"),
            ("pci=off", "Grub"),
            ("mem=64M", "Grub"),
            ("-s", "Grub"),
            ("-- single", "Grub"),
            ("systemd.run=/bin/true", "Grub"),
            ("break=mount", "Grub"),
            ("rd.break", "Grub"),
            (f"root=UUID={OTHER_UUID} root=", "Grub"),
            ("systemd.unit=poweroff.target", "SystemImage"),
            ("systemd.unit=gone.target", "SystemImage"),
            ("systemd.mask=multi-user.target", "SystemImage"),
        )
    ),
    Mutation("argument-rootflags-unheard-of", kernel_word("rootflags=bogus"), "Grub", W, f"{GRUB}:89"),
    Mutation("argument-rdinit", kernel_word("rdinit=/start"), "KernelVersion", W, f"{GRUB}:89"),
    Mutation("init-missing", {"/usr/sbin/init": None}, "SystemImage", F, "/sbin/init"),
    Mutation("init-dangling", {"/usr/sbin/init": Link("/lib/systemd/gone")}, "SystemImage", F, "/sbin/init"),
    Mutation("init-not-executable", {f"{SYSTEMD}/systemd": File(elf(), 0o644)}, "SystemImage", F, "/sbin/init"),
    Mutation("init-empty", {f"{SYSTEMD}/systemd": File(b"", 0o755)}, "SystemImage", F, "/sbin/init"),
    Mutation("shell-for-arm", {"/usr/bin/dash": File(elf(machine=183), 0o755)}, "SystemImage", F, "/bin/sh"),
    Mutation(
        "program-loader-missing",
        {"/usr/lib64/ld-linux-x86-64.so.2": None, "/usr/lib64/x": ""},
        "SystemImage",
        F,
        "/lib64/ld-linux-x86-64.so.2",
    ),
    Mutation(
        "libc-empty",
        {"/usr/lib/x86_64-linux-gnu/libc.so.6": b""},
        "SystemImage",
        F,
        "/lib/x86_64-linux-gnu/libc.so.6",
    ),
    *(
        Mutation(f"{path[1:]}-missing", {path: None}, "SystemImage", F, path)
        for path in ("/dev", "/proc", "/sys", "/run")
    ),
    *(
        Mutation(f"default-target-{name}", target(name), f"SystemImage {NO_SERVICE}", F, DEFAULT_TARGET)
        for name in ("rescue", "emergency", "poweroff", "reboot")
    ),
    Mutation(
        "default-target-masked", {DEFAULT_TARGET: Link("/dev/null")}, f"SystemImage {NO_SERVICE}", F, DEFAULT_TARGET
    ),
    Mutation(
        "default-target-dangling",
        {DEFAULT_TARGET: Link("/lib/systemd/system/gone.target")},
        f"SystemImage {NO_SERVICE}",
        F,
        DEFAULT_TARGET,
    ),
    Mutation("default-target-ones-own", target("appliance"), f"SystemImage {NO_SERVICE}", W, DEFAULT_TARGET),
    *(
        Mutation(f"{name}-masked", masked(name), "SystemImage", F, f"{UNITS}/{name}")
        for name in ("basic.target", "sysinit.target", "local-fs.target", "systemd-udevd.service")
    ),
    Mutation("grub-halts-in-entry", in_entry("halt"), f"Grub {UNREAD}", F, f"{GRUB}:89"),
    Mutation("grub-halts-before-menu", add(GRUB, "halt\n"), f"Grub {UNREAD}", F, GRUB),
    Mutation("grub-timeout-no-number", sub(GRUB, "timeout=5", "timeout=never"), "Grub", F, f"{GRUB}:67"),
    Mutation("grub-timeout-long", sub(GRUB, "timeout=5", "timeout=86400"), "Grub", W, f"{GRUB}:67"),
    Mutation(
        "grub-initrd-before-linux",
        {GRUB: text(GRUB).replace(f"\tinitrd\t{INITRD}\n", "").replace("\tlinux\t", f"\tinitrd\t{INITRD}\n\tlinux\t")},
        "Grub Virtio Nvme KernelVersion",
        W,
        f"{GRUB}:89",
    ),
    Mutation(
        "grub-linux16-with-initrd",
        sub(GRUB, "\tlinux\t", "\tlinux16\t"),
        "Grub Virtio Nvme KernelVersion",
        W,
        f"{GRUB}:91",
    ),
    Mutation("normal-mod-empty", {"/boot/grub/i386-pc/normal.mod": b""}, "BootMode", W, "/boot/grub/i386-pc"),
    *(
        Mutation(
            f"root-options-{option}", sub("/etc/fstab", "errors=remount-ro", option), "Fstab", status, "/etc/fstab:3"
        )
        for option, status in (
            ("noexec", F),
            ("users", F),
            ("subvol=@", F),
            ("ro", W),
            ("erors=remount-ro", W),
        )
    ),
    Mutation(
        "root-never-remounted",
        masked("systemd-remount-fs.service"),
        "Fstab",
        W,
        f"{UNITS}/systemd-remount-fs.service",
    ),
    Mutation("type-unknown", {**fstab("none /mnt procfs defaults 0 0")}, "Fstab", W, "/etc/fstab:4"),
    *(
        Mutation(f"memory-over-{point}", fstab(f"tmpfs /{point} tmpfs defaults 0 0"), "Fstab", F, "/etc/fstab:4")
        for point in ("usr", "etc")
    ),
)
"""Guests that do not come as far as to a login, though everything else about them is in order."""
