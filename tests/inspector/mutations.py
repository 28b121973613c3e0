"""The table of faults: what is done to the golden guest, which check turns, where the evidence is, and what mends it.

A fault is a mapping of guest paths to new content (None takes the path away) or a change of the disk. `mended` is the
advised fix applied on top of the fault; where the advice is to undo the fault, it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from fixtures.disk import MIB, ROOT_UUID, Ext, Layout
from fixtures.files import File, Files, Link, Node
from fixtures.golden import (
    BUILTIN,
    CLOUD_ASSISTANT,
    GOLDEN,
    INITRAMFS_MODULES,
    KERNEL,
    SECURITY_CENTER,
    golden_initramfs,
)
from fixtures.initramfs import cpio, initramfs
from fixtures.kernel import bzimage, elf, module
from inspector.verdict import Status

OTHER_UUID: Final = "deadbeef-0000-4000-8000-000000000001"
GRUB: Final = "/boot/grub/grub.cfg"
INITRD: Final = f"/boot/initrd.img-{KERNEL}"
SSHD: Final = "/etc/ssh/sshd_config"
CLOUD: Final = "/etc/cloud/cloud.cfg"
SOURCES: Final = "/etc/cloud/cloud.cfg.d/90_datasource.cfg"
UNITS: Final = "/etc/systemd/system"
NO_NETWORK: Final = "/etc/cloud/cloud.cfg.d/99-network.cfg"
ETH0: Final = "/etc/network/interfaces.d/eth0"
MODULES: Final = f"/usr/lib/modules/{KERNEL}"

Change = Mapping[str, Node | None]
W, F = Status.WARNING, Status.FAILED


@dataclass(frozen=True)
class Mutation:
    """One fault.

    Attributes:
        checks: the checks that turn, the fault's own first.
        status: what the first check becomes.
        place: "path" or "path:line" that a rule of the first check must name.
        mended: the advised fix on top of the fault; None undoes the fault.
        left: the status that the fix leaves the check in, where it is not the golden one.
    """

    name: str
    change: Change
    checks: str
    status: Status
    place: str
    mended: Change | None = None
    ext: Ext = field(default_factory=Ext)
    layout: Layout = field(default_factory=Layout)
    left: Status = Status.OK

    @property
    def files(self) -> Files:
        """The files of the faulty guest."""
        return changed(GOLDEN, self.change)

    @property
    def mended_files(self) -> Files:
        """The files of the guest after the fix."""
        return GOLDEN if self.mended is None else changed(self.files, self.mended)


def changed(files: Files, change: Change) -> Files:
    """Apply a change; a directory that is taken away goes with what is below it."""
    gone = tuple(path for path, node in change.items() if node is None)
    kept = {path: node for path, node in files.items() if not any(path == g or path.startswith(g + "/") for g in gone)}
    return kept | {path: node for path, node in change.items() if node is not None}


def text(path: str) -> str:
    """Return the golden content of a text file."""
    node = GOLDEN[path]
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, str)
    return content


def sub(path: str, old: str, new: str) -> Change:
    """Replace a text in a file; it must be there."""
    before = text(path)
    assert old in before, f"{old!r} is not in {path}"
    return {path: _like(path, before.replace(old, new))}


def add(path: str, more: str) -> Change:
    """Append to a file."""
    return {path: _like(path, text(path) + more)}


def argued(old: str, new: str) -> Change:
    """Replace kernel arguments, where they are set and where they are in effect."""
    return {**sub(GRUB, old, new), **sub("/etc/default/grub", old, new)}


def _like(path: str, content: str) -> Node:
    node = GOLDEN[path]
    return replace(node, content=content) if isinstance(node, File) else content


def flagged(path: str, flag: str) -> Change:
    """Set an inode flag."""
    node = GOLDEN[path]
    file = node if isinstance(node, File) else File(text(path))
    return {path: replace(file, flags=(flag,))}


def unit_link(unit: str, target: str = "multi-user.target") -> str:
    """Return the path of the link that enables a unit."""
    return f"{UNITS}/{target}.wants/{unit}"


def masked(unit: str) -> Change:
    """Mask a unit."""
    return {f"{UNITS}/{unit}": Link("/dev/null")}


def unit(description: str) -> str:
    """Return the text of a service's unit file."""
    return f"[Unit]\nDescription={description}\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"


def package(name: str, version: str) -> str:
    """Return a stanza of the package database."""
    return (
        f"\nPackage: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\n"
        f"Maintainer: Debian <debian@example.org>\nArchitecture: amd64\nVersion: {version}\nDescription: {name}\n"
    )


def fstab(*lines: str) -> Change:
    """Append lines to fstab; the golden one ends with line 3."""
    return add("/etc/fstab", "".join(f"{line}\n" for line in lines))


def free(what: str, count: int, groups: int = 8) -> Ext:
    """Let each of the block groups (of 128 MiB) have `count` free blocks or inodes on record."""
    commands = tuple(f"set_block_group {group} {what} {count}" for group in range(groups))
    return Ext(features="^metadata_csum", commands=commands)


ARGUMENTS: Final = "nvme_core.io_timeout=4294967295 nvme_core.admin_timeout=4294967295"
SECOND_KERNEL: Final = "6.1.0-49-cloud-amd64"
CLOUD_UNITS: Final = ("cloud-init-local", "cloud-init", "cloud-config", "cloud-final")

FSTAB: Final = (
    Mutation("root-uuid-unknown", sub("/etc/fstab", ROOT_UUID, OTHER_UUID), "Fstab", F, "/etc/fstab:3"),
    Mutation(
        "data-disk-missing",
        {**fstab(f"UUID={OTHER_UUID} /data ext4 defaults 0 2"), "/data": GOLDEN["/home"]},
        "Fstab",
        F,
        "/etc/fstab:4",
        mended=fstab(f"UUID={OTHER_UUID} /data ext4 defaults,nofail 0 2"),
        left=W,
    ),
    Mutation(
        "second-disk-by-name",
        {**fstab("/dev/sdb1 /data ext4 defaults 0 2"), "/data": GOLDEN["/home"]},
        "Fstab",
        F,
        "/etc/fstab:4",
    ),
    Mutation("root-by-device-name", sub("/etc/fstab", f"UUID={ROOT_UUID}", "/dev/sda1"), "Fstab", W, "/etc/fstab:3"),
    Mutation("uuid-in-capitals", sub("/etc/fstab", ROOT_UUID, ROOT_UUID.upper()), "Fstab", F, "/etc/fstab:3"),
    Mutation("label-unknown", sub("/etc/fstab", f"UUID={ROOT_UUID}", "LABEL=root"), "Fstab", F, "/etc/fstab:3"),
    Mutation("line-broken", fstab("UUID=short"), "Fstab", F, "/etc/fstab:4"),
    Mutation("wrong-type", sub("/etc/fstab", " ext4 ", " xfs "), "Fstab", W, "/etc/fstab:3"),
    Mutation("mount-point-twice", fstab(f"UUID={ROOT_UUID} / ext4 defaults 0 1"), "Fstab", F, "/etc/fstab:4"),
    Mutation(
        "network-mount",
        {**fstab("srv:/export /net nfs defaults 0 0"), "/net": GOLDEN["/home"]},
        "Fstab",
        W,
        "/etc/fstab:4",
        mended={**fstab("srv:/export /net nfs defaults,_netdev 0 0")},
    ),
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
    Mutation("grub-config-missing", {GRUB: None}, "Grub KernelVersion Virtio Nvme Dhcp Selinux CloudInit", F, GRUB),
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

NETWORK: Final = (
    Mutation(
        "address-static",
        {ETH0: "auto eth0\niface eth0 inet static\n  address 10.0.0.5/24\n"},
        "Dhcp",
        W,
        f"{ETH0}:2",
        mended={ETH0: "auto eth0\niface eth0 inet dhcp\n"},
    ),
    Mutation(
        "interface-not-brought-up",
        {ETH0: "iface eth0 inet dhcp\n"},
        "Dhcp",
        W,
        f"{ETH0}:1",
        mended={ETH0: "allow-hotplug eth0\niface eth0 inet dhcp\n"},
    ),
    Mutation(
        "address-static-for-good",
        {
            ETH0: "auto eth0\niface eth0 inet static\n  address 10.0.0.5/24\n",
            NO_NETWORK: "network: {config: disabled}\n",
        },
        "Dhcp",
        F,
        f"{ETH0}:2",
        mended={ETH0: "auto eth0\niface eth0 inet dhcp\n"},
    ),
    Mutation(
        "no-network-at-all",
        {ETH0: None, NO_NETWORK: "network: {config: disabled}\n"},
        "Dhcp",
        F,
        f"{NO_NETWORK}:1",
        mended={NO_NETWORK: None},
    ),
    Mutation("network-service-masked", masked("networking.service"), "Dhcp", F, f"{UNITS}/networking.service"),
    Mutation("interface-named-otherwise", {ETH0: "auto ens3\niface ens3 inet dhcp\n"}, "Dhcp", W, f"{ETH0}:2"),
)

CLOUD_INIT: Final = (
    Mutation(
        "cloud-init-marker",
        {"/etc/cloud/cloud-init.disabled": ""},
        "CloudInit OnlineResizeFS SshConfig",
        F,
        "/etc/cloud/cloud-init.disabled",
    ),
    Mutation(
        "cloud-init-argument",
        argued("net.ifnames=0", "cloud-init=disabled net.ifnames=0"),
        "CloudInit OnlineResizeFS SshConfig",
        F,
        f"{GRUB}:89",
    ),
    Mutation(
        "cloud-init-environment",
        {"/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=KERNEL_CMDLINE=cloud-init=disabled\n"},
        "CloudInit OnlineResizeFS SshConfig",
        F,
        "/etc/systemd/system.conf:2",
    ),
    Mutation(
        "cloud-init-masked",
        {f"{UNITS}/{unit}.service": Link("/dev/null") for unit in CLOUD_UNITS},
        "CloudInit OnlineResizeFS SshConfig",
        F,
        f"{UNITS}/cloud-init.service",
    ),
    Mutation(
        "cloud-init-other-cloud",
        {SOURCES: "datasource_list: [ Ec2 ]\n"},
        "CloudInit",
        F,
        f"{SOURCES}:1",
        mended={SOURCES: "datasource_list: [ AliYun, Ec2 ]\n"},
    ),
    Mutation(
        "cloud-init-list-over-lines",
        {SOURCES: "datasource_list:\n  - AliYun\n  - None\n"},
        "CloudInit",
        W,
        SOURCES,
        mended={SOURCES: "datasource_list: [ AliYun, None ]\n"},
    ),
    Mutation(
        "cloud-init-broken-yaml", {SOURCES: "datasource_list: [ AliYun\n"}, "CloudInit OnlineResizeFS", F, SOURCES
    ),
    Mutation("cloud-init-not-a-mapping", {SOURCES: "- AliYun\n"}, "CloudInit OnlineResizeFS", F, SOURCES),
    Mutation(
        "cloud-init-too-old",
        sub("/var/lib/dpkg/status", "22.4.2-1+deb12u2", "0.7.6-1"),
        "CloudInit",
        W,
        "/var/lib/dpkg/status:28",
    ),
    Mutation(
        "cloud-init-seed",
        {
            "/var/lib/cloud/seed/nocloud/meta-data": "instance-id: x\n",
            "/var/lib/cloud/seed/nocloud/user-data": "#cloud-config\n",
        },
        "CloudInit",
        W,
        "/var/lib/cloud/seed/nocloud",
    ),
    Mutation("growpart-missing", {"/usr/bin/growpart": None}, "OnlineResizeFS", F, "/usr/bin/growpart"),
    Mutation("resize2fs-missing", {"/usr/sbin/resize2fs": None}, "OnlineResizeFS", W, "/usr/sbin/resize2fs"),
)

ACCOUNTS: Final = (
    Mutation("shadow-immutable", flagged("/etc/shadow", "immutable"), "SystemFileAttribute", F, "/etc/shadow"),
    Mutation("passwd-append-only", flagged("/etc/passwd", "append"), "SystemFileAttribute", F, "/etc/passwd"),
    Mutation(
        "root-gone", sub("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n", ""), "CriticalUser", F, "/etc/passwd"
    ),
    Mutation("root-not-zero", sub("/etc/passwd", "root:x:0:0", "root:x:1000:0"), "CriticalUser", F, "/etc/passwd:1"),
    Mutation(
        "root-without-shadow",
        {"/etc/shadow": _like("/etc/shadow", text("/etc/shadow").split("\n", 1)[1])},
        "CriticalUser",
        F,
        "/etc/shadow",
    ),
    Mutation(
        "root-without-shell",
        sub("/etc/passwd", "/root:/bin/bash", "/root:/usr/sbin/nologin"),
        "CriticalUser",
        W,
        "/etc/passwd:1",
    ),
)

SSH: Final = (
    Mutation("sshd-keyword", add(SSHD, "PermitRootLogn yes\n"), "SshConfig", F, f"{SSHD}:20"),
    Mutation("sshd-value", add(SSHD, "X11Forwarding maybe\n"), "SshConfig", F, f"{SSHD}:20"),
    Mutation("sshd-match", add(SSHD, "Match Usr bob\n"), "SshConfig", F, f"{SSHD}:20"),
    Mutation("sshd-global-in-match", add(SSHD, "Match User bob\n  Port 22\n"), "SshConfig", F, f"{SSHD}:21"),
    Mutation(
        "sshd-include",
        {"/etc/ssh/sshd_config.d/60-bad.conf": "# fine\nCiphers nonsense\n"},
        "SshConfig",
        F,
        "/etc/ssh/sshd_config.d/60-bad.conf:2",
    ),
    Mutation("sshd-port", add(SSHD, "Port 2222\n"), "SshConfig", W, f"{SSHD}:20"),
    Mutation(
        "sshd-disabled",
        {unit_link("ssh.service"): None, f"{UNITS}/sshd.service": None},
        "SshConfig",
        F,
        "/usr/lib/systemd/system/ssh.service",
    ),
    Mutation("sshd-masked", masked("ssh.service"), "SshConfig", F, f"{UNITS}/ssh.service"),
)

OTHERS: Final = (
    Mutation("lib64-absolute", {"/lib64": Link("/usr/lib64")}, "LibDirectory", F, "/lib64"),
    Mutation("lib64-dangling", {"/lib64": Link("usr/lib64-gone")}, "LibDirectory SystemImage", F, "/lib64"),
    Mutation(
        "selinux-enforcing",
        {
            "/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=default\n",
            "/etc/selinux/default/policy/policy.33": "x",
        },
        "Selinux",
        W,
        "/etc/selinux/config:1",
        mended={"/etc/selinux/config": "SELINUX=disabled\nSELINUXTYPE=default\n"},
    ),
    Mutation(
        "firewalld-enabled",
        {
            "/usr/lib/systemd/system/firewalld.service": unit("firewalld"),
            unit_link("firewalld.service"): Link("/usr/lib/systemd/system/firewalld.service"),
        },
        "Firewall",
        W,
        unit_link("firewalld.service"),
        mended={unit_link("firewalld.service"): None},
    ),
    Mutation(
        "ufw-enabled",
        {
            "/etc/ufw/ufw.conf": "ENABLED=yes\n",
            "/usr/lib/systemd/system/ufw.service": unit("ufw"),
            unit_link("ufw.service"): Link("/usr/lib/systemd/system/ufw.service"),
        },
        "Firewall",
        W,
        "/etc/ufw/ufw.conf:1",
        mended={"/etc/ufw/ufw.conf": "ENABLED=no\n"},
    ),
    Mutation(
        "qemu-guest-agent",
        {
            **add("/var/lib/dpkg/status", package("qemu-guest-agent", "1:7.2")),
            "/usr/sbin/qemu-ga": File(b"\x7fELF", 0o755),
        },
        "QemuGuestAgent",
        W,
        "/usr/sbin/qemu-ga",
    ),
    Mutation(
        "cloud-assistant-missing",
        {CLOUD_ASSISTANT: None, unit_link("aliyun.service"): None, "/usr/lib/systemd/system/aliyun.service": None},
        "CloudAssistant",
        W,
        "/usr/local/share/aliyun-assist",
    ),
    Mutation(
        "cloud-assistant-disabled",
        {unit_link("aliyun.service"): None},
        "CloudAssistant",
        W,
        "/usr/lib/systemd/system/aliyun.service",
    ),
    Mutation(
        "security-center-missing",
        {SECURITY_CENTER: None, unit_link("aegis.service"): None, "/usr/lib/systemd/system/aegis.service": None},
        "SecurityCenterAgent",
        W,
        "/usr/local/aegis",
    ),
    Mutation("rtc-local", sub("/etc/adjtime", "UTC", "LOCAL"), "RtcTimeMode", W, "/etc/adjtime:3"),
    Mutation(
        "distribution-ended",
        sub("/usr/lib/os-release", 'VERSION_ID="12"', 'VERSION_ID="8"'),
        "SupportMocInstanceTypes",
        W,
        "/etc/os-release:3",
    ),
    Mutation("disk-full", {}, "DiskUsage", F, "/", ext=free("free_blocks_count", 250)),
    Mutation(
        "disk-nearly-full",
        {},
        "DiskUsage",
        W,
        "/",
        ext=free("free_blocks_count", 5375, groups=16),
        layout=Layout(size=2048 * MIB),
    ),
    Mutation("inodes-gone", {}, "InodeUsage", F, "/", ext=free("free_inodes_count", 3)),
    Mutation("errors-recorded", {}, "FileSystemState", F, "sda1", ext=Ext(commands=("set_super_value state 2",))),
)

VMLINUZ: Final = f"/boot/vmlinuz-{KERNEL}"
SYSTEMD: Final = "/usr/lib/systemd"
DEFAULT_TARGET: Final = f"{UNITS}/default.target"
NO_SERVICE: Final = "Dhcp OnlineResizeFS CloudAssistant CloudInit SecurityCenterAgent SshConfig"
"""The checks of what a default target without multi-user.target does not start."""
UNREAD: Final = "Virtio Nvme KernelVersion Dhcp Selinux CloudInit"
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

MUTATIONS: Final = (*FSTAB, *GRUB_FAULTS, *BOOT_FAULTS, *DRIVERS, *NETWORK, *CLOUD_INIT, *ACCOUNTS, *SSH, *OTHERS)
