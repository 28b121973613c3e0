"""Faults of Red Hat's and Amazon's releases alone: their ways with GRUB, the network, sshd and what EC2 left behind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fixtures.families.boot_entry import MACHINE
from fixtures.families.family import Family, Kernel
from fixtures.families.rpm_database import Shape, rpm_database
from fixtures.files import File, Node
from tests.inspector.faults.families.access import SSHD
from tests.inspector.faults.families.fault import F, Fault, W, gone, like
from tests.inspector.faults.families.network import IFCFG

_ENVIRONMENT: Final = "/boot/grub2/grubenv"
_PARTS: Final = "/usr/libexec/openssh"
_CONNECT: Final = (
    "\nAuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\n"
    "AuthorizedKeysCommandUser ec2-instance-connect\n"
)
_EC2: Final = "/usr/lib/systemd/network/80-ec2.network"


def saved_entry(family: Family, kernel: Kernel) -> Fault:
    """The environment block names a kernel that was removed since; GRUB then takes the first entry."""
    other = kernel.version.replace(".x86_64", ".old.x86_64")
    before = family.text(_ENVIRONMENT)
    text = before.replace(kernel.version, other, 1)[: len(before)]
    return Fault("saved-entry-of-a-removed-kernel", {_ENVIRONMENT: text}, "Grub", W, f"{_ENVIRONMENT}:2")


def blscfg_gone(family: Family) -> Fault:
    """The module of GRUB that makes a menu of boot entries."""
    path = "/boot/grub2/i386-pc/blscfg.mod"
    assert path in family.files
    return gone("blscfg-module-gone", path, "BootMode", W)


def separation_directory(family: Family) -> tuple[Fault, ...]:
    """The directory of sshd, which cleaning up takes away, and which some make writable."""
    home = next(path for path in ("/var/empty/sshd", "/usr/share/empty.sshd") if path in family.files)
    return (gone("sshd-directory-gone", home, "SshConfig"),)


def growroot_gone(family: Family) -> Fault:
    """EL 6 without dracut-modules-growroot: its kernel takes no larger partition in while that is in use."""
    path = "/usr/share/dracut/modules.d/50growroot/growroot.sh"
    assert path in family.files
    return gone("growroot-gone", path, "OnlineResizeFS", W, "/boot/grub/grub.conf:16")


def rc_gone(family: Family) -> Fault:
    """The job of upstart that runs the scripts of a runlevel."""
    path = "/etc/init/rc.conf"
    assert path in family.files
    return gone("upstart-rc-gone", path, "SshConfig Dhcp CloudInit OnlineResizeFS SecurityCenterAgent")


def host_keys(family: Family) -> Fault:
    """cloud-init without its module ssh; Red Hat's drop-in keeps sshd-keygen off where cloud-init runs."""
    path = "/etc/cloud/cloud.cfg"
    text = re.sub(r"^ +- ssh\n", "", family.text(path), count=1, flags=re.MULTILINE)
    return Fault(
        "nothing-makes-host-keys", {path: text}, "SshConfig CloudInit Identity", F, "/etc/ssh/ssh_host_rsa_key"
    )


def sshd_session(family: Family) -> tuple[Fault, ...]:
    """The program of each connection, and that of a login, since OpenSSH 9.8 and 10.0."""
    parts = [name for name in ("sshd-session", "sshd-auth") if f"{_PARTS}/{name}" in family.files]
    return tuple(gone(f"{name}-gone", f"{_PARTS}/{name}", "SshConfig") for name in parts)


def rhck_without_virtio(family: Family, kernel: Kernel) -> Fault:
    """Oracle's other kernel, which an update may make the default, and which has no driver for the disk at boot."""
    other = Kernel("4.18.0-553.22.1.el8_10.x86_64", dracut=kernel.dracut)
    image, initramfs = f"/boot/vmlinuz-{other.version}", f"/boot/initramfs-{other.version}.img"
    own = f"/boot/loader/entries/{MACHINE}-{kernel.version}.conf"
    change: dict[str, Node | None] = {
        **other.files(image, initramfs, f"/boot/config-{other.version}"),
        own.replace(kernel.version, other.version): family.text(own).replace(kernel.version, other.version),
        initramfs: File(other.initramfs("virtio_blk"), 0o600),
    }
    mended: dict[str, Node | None] = {initramfs: File(other.initramfs(), 0o600)}
    return Fault("rhck-without-virtio", change, "Virtio", W, initramfs, mended)


def policy_on_the_command_line(family: Family) -> Fault:
    """The crypto policy of EL 8 comes as -o from a file that the unit reads, and keeps sshd from starting."""
    policy = "/usr/share/crypto-policies/DEFAULT/opensshserver.txt"
    change = {policy: family.text(policy).replace("aes256-cbc", "aes256-gone")}
    return Fault(
        "crypto-policy-broken", change, "SshConfig", F, "/etc/crypto-policies/back-ends/opensshserver.config:1"
    )


def not_managed(family: Family) -> Fault:
    """A file that NetworkManager is told to leave alone, no network scripts that are started, cloud-init kept off."""
    off = "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"
    change: dict[str, Node | None] = {
        IFCFG: family.text(IFCFG).replace("ONBOOT=yes", "ONBOOT=yes\nNM_CONTROLLED=no"),
        off: "network: {config: disabled}\n",
        **{f"/etc/rc.d/rc{level}.d/S10network": None for level in "2345"},
    }
    return Fault("ifcfg-left-alone-by-all", change, "Dhcp", F, f"{off}:1", {off: None})


def systemd_left_out(kernel: Kernel, initramfs: str) -> Fault:
    """An initial RAM disk of dracut whose /init leads nowhere."""
    change = {initramfs: File(kernel.initramfs("systemd"), 0o600)}
    return Fault("initramfs-without-systemd", change, "KernelVersion", F, initramfs)


def ec2_instance_connect(family: Family, shape: Shape, packages: Iterable[str], left: str) -> Fault:
    """The package through which EC2 hands keys to sshd, left in a guest that was taken elsewhere."""
    database = rpm_database("/var/lib/rpm", shape, (*packages, left))
    (path,) = database
    config = family.text(SSHD) + _CONNECT
    return Fault("ec2-instance-connect-left", {**database, SSHD: like(family, SSHD, config)}, "ForeignAgents", W, path)


def ec2_network_alone(family: Family) -> Fault:
    """The network of the AMI as it was, which is for the cards of EC2 alone."""
    path = "/etc/systemd/network/10-cloud-init-eth0.network"
    assert path in family.files
    return Fault("network-of-ec2-alone", {path: None}, "Dhcp", W, f"{_EC2}:8")
