"""Faults that leave a guest out of reach: nobody can log in, it gets no address, or cloud-init does nothing."""

from __future__ import annotations

from typing import Final

from fixtures.files import Dir, File
from fixtures.golden import CLOUD_ASSISTANT, SECURITY_CENTER
from inspector.verdict import Status
from tests.inspector.faults.mutation import (
    ETH0,
    GRUB,
    SSHD,
    UNITS,
    Change,
    F,
    Mutation,
    W,
    add,
    argued,
    flagged,
    masked,
    sub,
    text,
)

VENDOR: Final = "/usr/lib/systemd/system"
PERMIT: Final = "/etc/ssh/sshd_config.d/50-root.conf"
MORE: Final = "/etc/cloud/cloud.cfg.d/95-more.cfg"
STOPPED: Final = "CloudInit OnlineResizeFS SshConfig Identity"
FOREIGN: Final = File(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0\xb7\0" + bytes(44), 0o755)
AGE: Final = ":20000:0:99999:7:::"


def drop_in(unit: str, content: str) -> Change:
    """Add a drop-in to a unit."""
    return {f"{UNITS}/{unit}.d/x.conf": content}


def command(unit: str, line: str) -> Change:
    """Replace the command of a service."""
    return drop_in(unit, f"[Service]\nExecStart=\nExecStart={line}\n")


def secret(old: str, new: str) -> Change:
    """Change root's line in shadow, the first one."""
    first, rest = text("/etc/shadow").split("\n", 1)
    assert old in first
    return {"/etc/shadow": File(f"{first.replace(old, new)}\n{rest}", 0o640, gid=42)}


def programs(path: str, checks: str, place: str | None = None, status: Status = F) -> tuple[Mutation, ...]:
    """A program that cannot be executed, in three ways."""
    flaws = {"not-executable": File(b"\x7fELF", 0o644), "empty": File(b"", 0o755), "of-another-machine": FOREIGN}
    name = path.rpartition("/")[2].lower()
    return tuple(
        Mutation(f"{name}-{flaw}", {path: node}, checks, status, place or path) for flaw, node in flaws.items()
    )


def locked(path: str, mode: int = 0o755) -> Mutation:
    """A directory that chattr +i locks."""
    node = Dir(mode, flags=("immutable",))
    return Mutation(f"locked{path.replace('/', '-')}", {path: node}, "SystemFileAttribute", F, path)


DROPPED: Final = f"{UNITS}/ssh.service.d/x.conf"
ACCESS_FAULTS: Final = (
    *programs("/usr/sbin/sshd", "SshConfig"),
    *programs("/usr/bin/bash", "CriticalUser", "/etc/passwd:1"),
    *programs("/usr/sbin/ifup", "Dhcp", f"{VENDOR}/networking.service:6"),
    *programs("/usr/sbin/dhclient", "Dhcp"),
    *programs("/usr/bin/growpart", "OnlineResizeFS"),
    *programs("/usr/sbin/resize2fs", "OnlineResizeFS", status=W),
    *programs(CLOUD_ASSISTANT, "CloudAssistant", status=W),
    *programs(SECURITY_CENTER, "SecurityCenterAgent", status=W),
    Mutation("python-missing", {"/usr/bin/python3": None}, STOPPED, F, f"{VENDOR}/cloud-init.service:6"),
    Mutation(
        "cloud-init-empty", {"/usr/bin/cloud-init": File("", 0o755)}, STOPPED, F, f"{VENDOR}/cloud-init.service:6"
    ),
    Mutation("ssh-command-replaced", command("ssh.service", "/bin/true"), "SshConfig", F, f"{DROPPED}:3"),
    Mutation("ssh-command-gone", command("ssh.service", "/opt/sshd -D"), "SshConfig", F, f"{DROPPED}:3"),
    Mutation(
        "ssh-command-none", drop_in("ssh.service", "[Service]\nExecStart=\n"), "SshConfig", F, f"{VENDOR}/ssh.service"
    ),
    Mutation("ssh-other-port", command("ssh.service", "/usr/sbin/sshd -D -p 2222"), "SshConfig", W, f"{DROPPED}:3"),
    Mutation("ssh-other-config", command("ssh.service", "/usr/sbin/sshd -f /opt/x"), "SshConfig", W, f"{DROPPED}:3"),
    Mutation(
        "ssh-pre-gone", drop_in("ssh.service", "[Service]\nExecStartPre=/opt/x\n"), "SshConfig", F, f"{DROPPED}:2"
    ),
    Mutation(
        "ssh-environment", drop_in("ssh.service", "[Service]\nEnvironmentFile=/x\n"), "SshConfig", F, f"{DROPPED}:2"
    ),
    Mutation("ssh-user-gone", drop_in("ssh.service", "[Service]\nUser=eve\n"), "SshConfig", F, f"{DROPPED}:2"),
    Mutation("ssh-cut-off", drop_in("ssh.service", "[Service]\nPrivateNetwork=yes\n"), "SshConfig", F, f"{DROPPED}:2"),
    Mutation("ssh-requires", drop_in("ssh.service", "[Unit]\nRequires=gone.service\n"), "SshConfig", F, f"{DROPPED}:2"),
    Mutation(
        "ssh-condition", drop_in("ssh.service", "[Unit]\nConditionPathExists=/x\n"), "SshConfig", F, f"{DROPPED}:2"
    ),
    Mutation(
        "ssh-requires-masked",
        {**drop_in("ssh.service", "[Unit]\nRequires=dbus.service\n"), **masked("dbus.service")},
        "SshConfig",
        F,
        f"{DROPPED}:2",
    ),
    Mutation("ssh-not-to-be-run", {"/etc/ssh/sshd_not_to_be_run": ""}, "SshConfig", F, "/etc/ssh/sshd_not_to_be_run"),
    Mutation(
        "argument-masks-ssh",
        argued("net.ifnames=0", "systemd.mask=ssh.service net.ifnames=0"),
        "SshConfig",
        F,
        f"{GRUB}:89",
    ),
    Mutation(
        "argument-masks-network",
        argued("net.ifnames=0", "systemd.mask=networking net.ifnames=0"),
        "Dhcp",
        F,
        f"{GRUB}:89",
    ),
    Mutation("host-key-elsewhere", add(SSHD, "HostKey /opt/key\n"), "SshConfig", F, f"{SSHD}:20"),
    Mutation("no-host-key-types", {MORE: "ssh_genkeytypes: []\n"}, "SshConfig Identity", F, f"{MORE}:1"),
    *(
        Mutation(f"match-{name}", add(SSHD, f"Match {criteria}\n  {line}\n"), "SshConfig", W, f"{SSHD}:21")
        for name, criteria, line in (
            ("user-denied", "User root", "DenyUsers root"),
            ("user-not-permitted", "User root,admin", "PermitRootLogin no"),
            ("group-denied", "Group root", "DenyGroups r*"),
            ("address-denied", "Address *,!10.0.0.0/8", "DenyUsers *"),
            ("user-forced", "User root", "ForceCommand /bin/false"),
            ("port-not-permitted", "LocalPort 22", "PermitRootLogin no"),
        )
    ),
    Mutation("force-command", add(SSHD, "ForceCommand /bin/false\n"), "SshConfig", W, f"{SSHD}:20"),
    Mutation("chroot-missing", add(SSHD, "ChrootDirectory /srv/none\n"), "SshConfig", W, f"{SSHD}:20"),
    Mutation("no-sessions", add(SSHD, "MaxSessions 0\n"), "SshConfig", W, f"{SSHD}:20"),
    Mutation("denied-from-anywhere", add(SSHD, "DenyUsers root@*\n"), "SshConfig", W, f"{SSHD}:20"),
    Mutation(
        "keys-wanted-and-refused",
        {PERMIT: "PermitRootLogin prohibit-password\nPubkeyAuthentication no\n"},
        "SshConfig",
        W,
        f"{PERMIT}:2",
    ),
    Mutation(
        "keys-wanted-and-not-read",
        {PERMIT: "PermitRootLogin prohibit-password\nAuthorizedKeysFile none\n"},
        "SshConfig",
        W,
        f"{PERMIT}:2",
    ),
    Mutation("hosts-deny", {"/etc/hosts.deny": "# x\nALL: ALL\n"}, "SshConfig", W, "/etc/hosts.deny:2"),
    Mutation("account-expired", secret(AGE, ":20000:0:99999:7::1:"), "CriticalUser", F, "/etc/shadow:1"),
    Mutation("password-due", secret(AGE, ":0:0:99999:7:::"), "CriticalUser", W, "/etc/shadow:1"),
    Mutation("password-expires", secret(AGE, ":20000:0:30:7:5::"), "CriticalUser", W, "/etc/shadow:1"),
    Mutation("hash-of-no-method", secret("$y$", "$9$"), "CriticalUser", W, "/etc/shadow:1"),
    Mutation("shadow-from-windows", secret(AGE, f"{AGE}\r"), "CriticalUser", F, "/etc/shadow:1"),
    Mutation("home-of-another", {"/root": Dir(0o700, uid=1000)}, "CriticalUser", W, "/root"),
    Mutation("home-open-to-all", {"/root": Dir(0o777)}, "CriticalUser", W, "/root"),
    Mutation("home-missing", {"/root": None}, "CriticalUser Leftovers", W, "/root"),
    Mutation("group-missing", {"/etc/group": None}, "CriticalUser Accounts", W, "/etc/group"),
    Mutation(
        "nsswitch-without-files", {"/etc/nsswitch.conf": "passwd: ldap\n"}, "CriticalUser", F, "/etc/nsswitch.conf:1"
    ),
    Mutation(
        "network-command-replaced",
        command("networking.service", "/bin/true"),
        "Dhcp",
        F,
        f"{UNITS}/networking.service.d/x.conf:3",
    ),
    Mutation(
        "network-switched-off",
        {"/etc/default/networking": "# x\nCONFIGURE_INTERFACES=no\n"},
        "Dhcp",
        F,
        "/etc/default/networking:2",
    ),
    Mutation("interface-excluded", {"/etc/default/networking": 'EXCLUDE_INTERFACES="eth0"\n'}, "Dhcp", W, f"{ETH0}:2"),
    Mutation(
        "interface-renamed",
        {
            "/etc/systemd/network/10.link": "[Match]\nDriver=virtio_net\n[Link]\nName=wan0\n",
            "/usr/lib/udev/rules.d/80-net-setup-link.rules": "x\n",
        },
        "Dhcp",
        W,
        f"{ETH0}:2",
    ),
    Mutation(
        "interface-named-by-udev",
        {"/etc/udev/rules.d/71-mine.rules": 'SUBSYSTEM=="net", ATTR{address}=="00:11:22:33:44:55", NAME="eth0"\n'},
        "Dhcp Identity",
        W,
        "/etc/udev/rules.d/71-mine.rules:1",
    ),
    *(
        Mutation(
            f"{unit}-replaced",
            command(f"{unit}.service", "/bin/true"),
            STOPPED,
            status,
            f"{UNITS}/{unit}.service.d/x.conf:3",
        )
        for unit, status in (("cloud-init-local", W), ("cloud-init", W), ("cloud-config", W), ("cloud-final", W))
    ),
    Mutation(
        "generator-not-executable",
        {"/usr/lib/systemd/system-generators/cloud-init-generator": File("#!/bin/sh\n", 0o644)},
        STOPPED,
        F,
        f"{UNITS}/cloud-init.target.wants/cloud-init.service",
    ),
    Mutation(
        "environment-of-two",
        {"/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=A=b KERNEL_CMDLINE=cloud-init=disabled\n"},
        STOPPED,
        F,
        "/etc/systemd/system.conf:2",
    ),
    Mutation(
        "cloud-init-half-installed",
        sub(
            "/var/lib/dpkg/status",
            "Package: cloud-init\nStatus: install ok installed",
            "Package: cloud-init\nStatus: install ok unpacked",
        ),
        "CloudInit",
        W,
        "/var/lib/dpkg/status:28",
    ),
    *(
        Mutation(f"{section}-modules-none", {MORE: f"cloud_{section}_modules: []\n"}, checks, status, f"{MORE}:1")
        for section, checks, status in (
            ("config", "CloudInit", W),
            ("final", "CloudInit", W),
            ("init", "CloudInit OnlineResizeFS SshConfig Identity", W),
        )
    ),
    Mutation("growpart-no-mapping", {MORE: "growpart: false\n"}, "OnlineResizeFS", W, f"{MORE}:1"),
    Mutation("growpart-elsewhere", {MORE: "growpart: {devices: [/dev/vdb]}\n"}, "OnlineResizeFS", W, f"{MORE}:1"),
    Mutation("growpart-of-freebsd", {MORE: "growpart: {mode: gpart}\n"}, "OnlineResizeFS", W, f"{MORE}:1"),
    Mutation("resize-off", {MORE: "resize_rootfs: off\n"}, "OnlineResizeFS", W, f"{MORE}:1"),
    Mutation(
        "agent-command-gone",
        sub(f"{VENDOR}/aliyun.service", "2.2.3.857", "2.2.3.000"),
        "CloudAssistant",
        W,
        f"{VENDOR}/aliyun.service:6",
    ),
    Mutation(
        "agent-command-replaced",
        command("aegis.service", "/bin/true"),
        "SecurityCenterAgent",
        W,
        f"{UNITS}/aegis.service.d/x.conf:3",
    ),
    Mutation(
        "guest-agent-local",
        {"/usr/local/sbin/qemu-ga": File(b"\x7fELF", 0o755)},
        "QemuGuestAgent",
        W,
        "/usr/local/sbin/qemu-ga",
    ),
    Mutation(
        "guest-agent-by-device",
        {f"{VENDOR}/qemu-guest-agent.service": "[Service]\nExecStart=/usr/sbin/qemu-ga\n"},
        "QemuGuestAgent",
        W,
        f"{VENDOR}/qemu-guest-agent.service",
    ),
    Mutation(
        "enforcing-without-policy",
        argued("net.ifnames=0", "security=selinux enforcing=1 net.ifnames=0"),
        "Selinux",
        W,
        f"{GRUB}:89",
    ),
    *map(
        locked,
        ("/etc/cloud/cloud.cfg.d", "/etc/network", "/var/lib", "/var/lib/cloud", "/home", "/etc/systemd/system"),
    ),
    locked("/root/.ssh", 0o700),
    locked("/tmp", 0o1777),
    Mutation("machine-id-locked", flagged("/etc/machine-id", "immutable"), "SystemFileAttribute", F, "/etc/machine-id"),
    Mutation(
        "hook-loads-firewall",
        {"/etc/network/if-pre-up.d/fw": File("#!/bin/sh\niptables-restore < /etc/x\n", 0o755)},
        "Firewall",
        W,
        "/etc/network/if-pre-up.d/fw:2",
    ),
    Mutation(
        "cron-loads-firewall",
        {"/etc/cron.d/fw": "@reboot root iptables -P INPUT DROP\n"},
        "Firewall",
        W,
        "/etc/cron.d/fw:1",
    ),
)
"""Every one of them was once taken for a guest in order."""
