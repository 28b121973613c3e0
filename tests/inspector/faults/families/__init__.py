"""The faults of each family's guest, made of its good one."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from fixtures.families import alpine, amazon, arch, centos_6, centos_7
from fixtures.families.family import Family, Kernel
from tests.inspector.faults.families import access, boot, network, red_hat
from tests.inspector.faults.families.fault import F, Fault, W, edited, gone, masked

GRUB: Final = "/boot/grub2/grub.cfg"
_SUSE_FIREWALL: Final = ("SuSEfirewall2.service", "/usr/sbin/SuSEfirewall2")
RPM: Final = "/var/lib/rpm/Packages"


def _kernel(family: Family, suffix: str, **more: object) -> Kernel:
    """The kernel of a guest, as its recipe or its modules' directory names it."""
    if family.kernel:
        return family.kernel
    top = next(path for path in family.files if path.endswith("/modules.dep"))
    return Kernel(top.split("/")[-2], suffix, top=top.rsplit("/", 2)[0], **more)  # type: ignore[arg-type]


def _centos_6(family: Family) -> tuple[Fault, ...]:
    levels = tuple(f"/etc/rc.d/rc{level}.d/S55sshd" for level in "2345")
    return (
        *boot.grub_legacy(family, centos_6.KERNEL),
        boot.enforcing(family),
        boot.local_clock(family),
        *network.ifcfg(family, F),
        *network.scripts(family, "2345"),
        network.persistent_rule(family),
        gone("dhclient-gone", "/sbin/dhclient", "Dhcp", place="/usr/sbin/dhclient"),
        *access.sshd(family, "AuthorizedKeysCommandUser nobody"),
        access.start_link_gone("sshd", levels, "SshConfig", place="/etc/init.d/sshd"),
        access.script_flat(family, "sshd", "/etc/rc.d/init.d/sshd", "SshConfig"),
        edited(
            family,
            "runlevel-single",
            "/etc/inittab",
            "id:3:",
            "id:1:",
            "SystemImage Dhcp SshConfig CloudInit OnlineResizeFS CloudAssistant SecurityCenterAgent",
        ),
        access.override("aliyun-service", "CloudAssistant", W),
        *red_hat.separation_directory(family),
        red_hat.growroot_gone(family),
        red_hat.rc_gone(family),
        access.package_database(RPM),
    )


def _centos_7(family: Family) -> tuple[Fault, ...]:
    kernel = centos_7.KERNEL
    return (
        *boot.grub2(family, GRUB, kernel, f"/boot/initramfs-{kernel.version}.img"),
        boot.enforcing(family),
        boot.local_clock(family),
        *network.ifcfg(family),
        network.persistent_rule(family),
        *access.sshd(family, "Include /etc/ssh/sshd_config.d/*.conf"),
        access.host_keys("sshd-keygen.service"),
        gone("sysconfig-sshd-gone", "/etc/sysconfig/sshd", "SshConfig", place="/usr/lib/systemd/system/sshd.service:9"),
        access.firewall("firewalld.service", "/usr/sbin/firewalld"),
        access.firewall_at_first_boot(family, None),
        *access.cloud_init(family),
        red_hat.saved_entry(family, kernel),
        red_hat.not_managed(family),
        red_hat.systemd_left_out(kernel, f"/boot/initramfs-{kernel.version}.img"),
        *red_hat.separation_directory(family),
        access.package_database(RPM),
    )


def _enterprise_8(family: Family) -> tuple[Fault, ...]:
    kernel = _kernel(family, ".ko.xz")
    return (
        *boot.entries(family, kernel),
        *boot.kernelopts(family, kernel),
        boot.enforcing(family),
        *network.ifcfg(family),
        masked("NetworkManager.service", "Dhcp"),
        *access.sshd(family, "Include /etc/ssh/sshd_config.d/*.conf"),
        access.firewall("firewalld.service", "/usr/sbin/firewalld"),
        access.firewall_at_first_boot(family, None),
        access.firewall("nftables.service", "/usr/sbin/nft"),
        *access.cloud_init(family),
        gone(
            "platform-python-gone",
            "/usr/libexec/platform-python",
            "CloudInit OnlineResizeFS",
            place="/usr/lib/systemd/system/cloud-init.service:10",
        ),
        red_hat.saved_entry(family, kernel),
        red_hat.blscfg_gone(family),
        red_hat.host_keys(family),
        red_hat.policy_on_the_command_line(family),
        *((red_hat.rhck_without_virtio(family, kernel),) if family.name == "oracle-8" else ()),
        red_hat.systemd_left_out(kernel, f"/boot/initramfs-{kernel.version}.img"),
        access.package_database(RPM),
    )


def _enterprise_9(family: Family) -> tuple[Fault, ...]:
    """AlmaLinux 9, CentOS Stream 10 and Fedora: the network's files and the place of the database differ."""
    kernel = _kernel(family, ".ko.xz")
    drop_in = "/etc/ssh/sshd_config.d/50-redhat.conf"
    policy = "/usr/share/crypto-policies/DEFAULT/opensshserver.txt"
    database = next(path for path in family.files if path.endswith("/rpmdb.sqlite"))
    connections = network.ifcfg if network.IFCFG in family.files else network.keyfile
    return (
        *boot.entries(family, kernel),
        *boot.own_options(family, kernel),
        boot.enforcing(family),
        *connections(family),
        masked("NetworkManager.service", "Dhcp"),
        *access.sshd(family, "DebianBanner no", drop_in),
        Fault(
            "crypto-policy-broken",
            {policy: f"Ciphers aes256-gone\n{family.text(policy)}"},
            "SshConfig",
            F,
            "/etc/crypto-policies/back-ends/opensshserver.config:1",
        ),
        access.firewall("firewalld.service", f"{access.programs_of(family)}/firewalld"),
        access.firewall_at_first_boot(
            family, others="" if family.name == "almalinux-9" else "CloudAssistant SecurityCenterAgent"
        ),
        *access.cloud_init(family),
        red_hat.saved_entry(family, kernel),
        red_hat.blscfg_gone(family),
        red_hat.host_keys(family),
        red_hat.systemd_left_out(kernel, f"/boot/initramfs-{kernel.version}.img"),
        *red_hat.separation_directory(family),
        *red_hat.sshd_session(family),
        access.package_database(database),
    )


def _amazon_2(family: Family) -> tuple[Fault, ...]:
    kernel = _kernel(family, ".ko")
    return (
        *boot.grub2(family, GRUB, kernel, f"/boot/initramfs-{kernel.version}.img"),
        boot.enforcing(family),
        *network.ifcfg(family),
        *network.scripts(family, "2345"),
        gone("dhclient-gone", "/usr/sbin/dhclient", "Dhcp"),
        *access.sshd(family, "Include /etc/ssh/x"),
        *access.cloud_init(family),
        red_hat.ec2_instance_connect(family, "bdb", amazon.PACKAGES, "ec2-instance-connect 1.1-18.amzn2.noarch"),
        access.package_database(RPM),
    )


def _amazon_2023(family: Family) -> tuple[Fault, ...]:
    kernel = _kernel(family, ".ko.xz", builtin=("nvme-core", "nvme"))
    return (
        *boot.entries(family, kernel, "Virtio KernelVersion"),
        *boot.own_options(family, kernel),
        boot.enforcing(family),
        *network.networkd(family, "/etc/systemd/network/10-cloud-init-eth0.network"),
        *access.sshd(family, "DebianBanner no"),
        access.firewall("nftables.service", "/usr/sbin/nft"),
        *access.cloud_init(family),
        red_hat.ec2_instance_connect(
            family, "sqlite", amazon.PACKAGES_2023, "ec2-instance-connect 1.1-19.amzn2023.noarch"
        ),
        red_hat.ec2_network_alone(family),
        red_hat.saved_entry(family, kernel),
        red_hat.blscfg_gone(family),
        red_hat.host_keys(family),
        access.package_database("/var/lib/rpm/rpmdb.sqlite"),
    )


def _suse(family: Family) -> tuple[Fault, ...]:
    leap = family.name == "opensuse-15.6"
    kernel = _kernel(family, ".ko.zst" if leap else ".ko", compression="zstd" if leap else "xz")
    return (
        *boot.grub2(family, GRUB, kernel, f"/boot/initrd-{kernel.version}"),
        boot.local_clock(family),
        *network.wicked(family),
        *access.sshd(family, "DebianBanner no" if leap else "Include /etc/ssh/x"),
        gone(
            "key-maker-of-sshd-gone",
            "/usr/sbin/sshd-gen-keys-start",
            "SshConfig",
            place="/usr/lib/systemd/system/sshd.service:8",
        ),
        access.firewall(*(("firewalld.service", "/usr/sbin/firewalld") if leap else _SUSE_FIREWALL)),
        *boot.saved_entry(family, GRUB),
        *access.cloud_init(family),
        access.package_database("/usr/lib/sysimage/rpm/Packages.db" if leap else RPM),
    )


def _ubuntu_14(family: Family) -> tuple[Fault, ...]:
    kernel = _kernel(family, ".ko")
    grub = boot.grub2(family, "/boot/grub/grub.cfg", kernel, f"/boot/initrd.img-{kernel.version}")
    grub = tuple(fault for fault in grub if fault.name != "grub-nvme-timeout")  # which this kernel does not know
    return (
        *grub[:-1],
        *network.ifupdown(family, "/etc/network/interfaces.d/eth0.cfg", "/sbin/dhclient"),
        network.persistent_rule(family),
        access.sshd(family, "Include /etc/ssh/x")[0],
        edited(family, "sshd-other-port", access.SSHD, "Port 22", "Port 2222", "SshConfig", W),
        access.override("ssh", "SshConfig"),
        edited(
            family,
            "job-of-ssh-runs-nothing",
            "/etc/init/ssh.conf",
            "exec /usr/sbin/sshd -D",
            "exec /usr/local/sbin/sshd -D",
            "SshConfig",
        ),
        edited(
            family,
            "job-of-ssh-without-events",
            "/etc/init/ssh.conf",
            "start on runlevel [2345]\n",
            "",
            "SshConfig",
            at="",
        ),
        edited(
            family,
            "cloud-init-of-another-cloud",
            "/etc/cloud/cloud.cfg.d/aliyun_cloud.cfg",
            "AliYun",
            "Ec2",
            "CloudInit",
        ),
        access.override("cloud-config", "OnlineResizeFS SshConfig Identity"),
        access.override("aliyun-service", "CloudAssistant", W),
        edited(
            family,
            "runlevel-single",
            "/etc/init/rc-sysinit.conf",
            "DEFAULT_RUNLEVEL=2",
            "DEFAULT_RUNLEVEL=1",
            "SystemImage Dhcp SshConfig CloudAssistant SecurityCenterAgent",
        ),
        edited(family, "clock-keeps-local-time", "/etc/default/rcS", "UTC=yes", "UTC=no", "RtcTimeMode", W),
        edited(family, "ufw-enabled", "/etc/ufw/ufw.conf", "ENABLED=no", "ENABLED=yes", "Firewall", W),
        access.package_database("/var/lib/dpkg/status", "/var/lib/dpkg/status"),
    )


def _ubuntu_24(family: Family) -> tuple[Fault, ...]:
    kernel = _kernel(family, ".ko.zst", compression="zstd")
    grub = boot.grub2(family, "/boot/grub/grub.cfg", kernel, f"/boot/initrd.img-{kernel.version}")
    return (
        *grub[:-1],
        *network.netplan(family),
        *access.sshd(family, "GSSAPIEnablek5users no"),
        masked("ssh.socket", "SshConfig"),
        Fault(
            "socket-of-sshd-on-another-port",
            {"/etc/systemd/system/ssh.socket.d/port.conf": "[Socket]\nListenStream=\nListenStream=2222\n"},
            "SshConfig",
            W,
            "/etc/systemd/system/ssh.socket.d/port.conf:3",
        ),
        edited(
            family,
            "default-of-cloud-images-lets-nobody-in",
            "/etc/ssh/sshd_config.d/50-cloud-init.conf",
            "PasswordAuthentication yes",
            "PermitRootLogin no",
            "SshConfig PasswordLogin",
            W,
        ),
        edited(family, "ufw-enabled", "/etc/ufw/ufw.conf", "ENABLED=no", "ENABLED=yes", "Firewall", W),
        *access.cloud_init(family, "CloudInit OnlineResizeFS SshConfig Identity"),
        access.package_database("/var/lib/dpkg/status", "/var/lib/dpkg/status"),
    )


def _alpine(family: Family) -> tuple[Fault, ...]:
    return (
        *boot.extlinux(family, alpine.KERNEL),
        *network.ifupdown(family, "/etc/network/interfaces", "/sbin/udhcpc"),
        *access.sshd(family, "DebianBanner no"),
        access.start_link_gone("networking", ("/etc/runlevels/boot/networking",), "Dhcp"),
        access.start_link_gone("sshd", ("/etc/runlevels/default/sshd",), "SshConfig"),
        access.script_flat(family, "cloud-init", "/etc/init.d/cloud-init", "OnlineResizeFS CloudInit"),
        edited(
            family,
            "runlevel-default-not-entered",
            "/etc/inittab",
            "::wait:/sbin/openrc default\n",
            "",
            "SshConfig CloudInit OnlineResizeFS CloudAssistant SecurityCenterAgent",
            at="",
            place="/etc/init.d/sshd",
        ),
        edited(family, "extlinux-waits-for-a-key", "/boot/extlinux.conf", "TIMEOUT 10", "TIMEOUT 0", "Grub"),
        gone(
            "data-source-of-the-cloud-not-installed",
            "/usr/lib/python3.12/site-packages/cloudinit/sources/DataSourceAliYun.py",
            "CloudInit",
        ),
        gone("extlinux-menu-gone", "/boot/menu.c32", "Grub", place="/boot/extlinux.conf:2"),
        edited(
            family, "clock-keeps-local-time", "/etc/conf.d/hwclock", 'clock="UTC"', 'clock="local"', "RtcTimeMode", W
        ),
        access.package_database("/lib/apk/db/installed", "/lib/apk/db/installed"),
    )


def _arch(family: Family) -> tuple[Fault, ...]:
    return (
        *boot.grub2(family, "/boot/grub/grub.cfg", arch.KERNEL, "/boot/initramfs-linux.img"),
        boot.local_clock(family),
        *network.networkd(family, "/etc/systemd/network/20-wired.network"),
        *access.sshd(family, "DebianBanner no"),
        access.firewall("iptables.service", "/usr/bin/iptables-restore"),
        masked("cloud-init-main.service", "CloudInit OnlineResizeFS"),
        gone(
            "modules-of-another-kernel",
            f"/usr/lib/modules/{arch.KERNEL.version}",
            "KernelVersion Virtio KernelModules",
            place="/lib/modules/6.11.5-arch1-1",
        ),
        gone("initramfs-gone", "/boot/initramfs-linux.img", f"Grub {boot.LOST}", place="/boot/grub/grub.cfg:52"),
        *access.cloud_init(family),
        access.package_database("/var/lib/pacman/local", "/var/lib/pacman"),
    )


FAULTS: Final = MappingProxyType(
    {
        "centos-6": _centos_6,
        "centos-7.9": _centos_7,
        "rocky-8": _enterprise_8,
        "oracle-8": _enterprise_8,
        "almalinux-9": _enterprise_9,
        "centos-stream-10": _enterprise_9,
        "fedora-43": _enterprise_9,
        "amazon-2": _amazon_2,
        "amazon-2023": _amazon_2023,
        "opensuse-15.6": _suse,
        "sles-12": _suse,
        "ubuntu-14.04": _ubuntu_14,
        "ubuntu-24.04": _ubuntu_24,
        "alpine-3.20": _alpine,
        "arch": _arch,
    }
)
"""Name of the guest -> what makes its faults."""
