"""Faults of what the guest mounts, of its network, cloud-init, accounts, sshd and everything else."""

from __future__ import annotations

from typing import Final

from fixtures.disk import MIB, ROOT_UUID, Ext, Layout
from fixtures.files import File, Link
from fixtures.golden import CLOUD_ASSISTANT, GOLDEN, SECURITY_CENTER
from tests.inspector.faults.mutation import (
    CLOUD_UNITS,
    ETH0,
    GRUB,
    NO_NETWORK,
    OTHER_UUID,
    SOURCES,
    SSHD,
    UNITS,
    Change,
    F,
    Mutation,
    W,
    add,
    argued,
    flagged,
    free,
    fstab,
    like,
    masked,
    package,
    sub,
    text,
    unit,
    unit_link,
)

DPKG: Final = "/var/lib/dpkg/status"
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
        "CloudInit OnlineResizeFS SshConfig Identity",
        F,
        "/etc/cloud/cloud-init.disabled",
    ),
    Mutation(
        "cloud-init-argument",
        argued("net.ifnames=0", "cloud-init=disabled net.ifnames=0"),
        "CloudInit OnlineResizeFS SshConfig Identity",
        F,
        f"{GRUB}:89",
    ),
    Mutation(
        "cloud-init-environment",
        {"/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=KERNEL_CMDLINE=cloud-init=disabled\n"},
        "CloudInit OnlineResizeFS SshConfig Identity",
        F,
        "/etc/systemd/system.conf:2",
    ),
    Mutation(
        "cloud-init-masked",
        {f"{UNITS}/{unit}.service": Link("/dev/null") for unit in CLOUD_UNITS},
        "CloudInit OnlineResizeFS SshConfig Identity",
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

BOBS_LINE: Final = f"/etc/passwd:{text('/etc/passwd').count(chr(10)) + 1}"
BOBS_SECRET: Final = f"/etc/shadow:{text('/etc/shadow').count(chr(10)) + 1}"


def bob(password: str) -> Change:
    """Add an account with a password, by its field in shadow."""
    secret = f"bob:{password}:20000:0:99999:7:::\n"
    return {**add("/etc/passwd", "bob:x:1000:1000::/:/bin/bash\n"), **add("/etc/shadow", secret)}


def sudo(line: str, mode: int = 0o440) -> Change:
    """Install sudo with a policy whose second line is `line`."""
    return {"/usr/bin/sudo": File(b"\x7fELF", 0o4755), "/etc/sudoers": File(f"Defaults env_reset\n{line}", mode)}


ACCOUNTS: Final = (
    Mutation("shadow-immutable", flagged("/etc/shadow", "immutable"), "SystemFileAttribute", F, "/etc/shadow"),
    Mutation("passwd-append-only", flagged("/etc/passwd", "append"), "SystemFileAttribute", F, "/etc/passwd"),
    Mutation(
        "root-gone", sub("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n", ""), "CriticalUser", F, "/etc/passwd"
    ),
    Mutation("root-not-zero", sub("/etc/passwd", "root:x:0:0", "root:x:1000:0"), "CriticalUser", F, "/etc/passwd:1"),
    Mutation(
        "root-without-shadow",
        {"/etc/shadow": like("/etc/shadow", text("/etc/shadow").split("\n", 1)[1])},
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
    Mutation(
        "account-without-password", bob(""), "Accounts", F, BOBS_SECRET, bob("!"),
    ),
    Mutation("second-superuser", add("/etc/passwd", "toor:x:0:0::/root:/bin/bash\n"), "Accounts", W, BOBS_LINE),
    Mutation("shadow-readable", {"/etc/shadow": File(text("/etc/shadow"), 0o644)}, "Accounts", W, "/etc/shadow"),
    Mutation("sudoers-broken", sudo("root ALL=(ALL ALL\n"), "Accounts", F, "/etc/sudoers:2", sudo("root ALL=ALL\n")),
    Mutation("sudoers-alias", sudo("A ALL=ALL\n"), "Accounts", W, "/etc/sudoers:2", sudo("root ALL=ALL\n")),
    Mutation("sudoers-writable", sudo("", 0o646), "Accounts", F, "/etc/sudoers", sudo("")),
)  # fmt: skip

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
    Mutation(
        "packages-gone",
        sub(DPKG, "install ok installed", "deinstall ok config-files"),
        "SystemImage SshConfig",  # sshd's release is then read from its program, which here is a stub
        F,
        DPKG,
    ),
    Mutation("package-database-missing", {DPKG: None}, "SystemImage SshConfig", W, DPKG),
    Mutation("rtc-local", sub("/etc/adjtime", "UTC", "LOCAL"), "RtcTimeMode", W, "/etc/adjtime:3"),
    Mutation(
        "distribution-ended",
        {**sub("/usr/lib/os-release", 'VERSION_ID="12"', 'VERSION_ID="8"'), "/etc/debian_version": "8.11\n"},
        "OSVersion",
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
