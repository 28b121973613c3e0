"""Faults of the network, by what configures it."""

from __future__ import annotations

from typing import Final

from fixtures.families.family import Family
from fixtures.files import File
from inspector.verdict import Status
from tests.inspector.faults.families.fault import F, Fault, W, added, edited, gone, masked

MAC: Final = "00:16:3e:0a:0b:0c"
IFCFG: Final = "/etc/sysconfig/network-scripts/ifcfg-eth0"
_CARD: Final = (
    f'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{{address}}=="{MAC}", ATTR{{type}}=="1", NAME="eth0"\n'
)


def persistent_rule(family: Family) -> Fault:
    """A rule that udev wrote for the card of the machine that the image was made on."""
    path = "/etc/udev/rules.d/70-persistent-net.rules"
    return added(family, "card-of-another-machine", path, _CARD, "Dhcp Identity", W)


def ifcfg(family: Family, status: Status = W) -> tuple[Fault, ...]:
    """Red Hat's files, read by its scripts or by NetworkManager; warnings, where cloud-init writes them anew."""
    static = "BOOTPROTO=none\nIPADDR=192.0.2.7\nPREFIX=24"
    return (
        edited(family, "ifcfg-not-at-boot", IFCFG, "ONBOOT=yes", "ONBOOT=no", "Dhcp", status),
        edited(family, "ifcfg-static", IFCFG, "BOOTPROTO=dhcp", static, "Dhcp", status),
        edited(family, "ifcfg-bound-to-a-card", IFCFG, "ONBOOT", f"HWADDR={MAC}\nONBOOT", "Dhcp", status),
        edited(family, "ifcfg-of-another-card", IFCFG, "DEVICE=eth0", "DEVICE=ens192", "Dhcp", status),
    )


def scripts(_family: Family, levels: str) -> tuple[Fault, ...]:
    """The network scripts themselves, an init script with links."""
    change = {f"/etc/rc.d/rc{level}.d/S10network": None for level in levels}
    return (
        Fault("chkconfig-network-off", change, "Dhcp", F, "/etc/init.d/network"),
        Fault(
            "network-script-not-executable",
            {"/etc/rc.d/init.d/network": File("#!/bin/bash\n", 0o644)},
            "Dhcp",
            F,
            "/etc/init.d/network",
        ),
    )


def keyfile(family: Family) -> tuple[Fault, ...]:
    """NetworkManager's own files."""
    path = "/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection"
    text = family.text(path)
    return (
        Fault("keyfile-readable-by-all", {path: File(text, 0o644)}, "Dhcp", W, path, {path: File(text, 0o600)}),
        edited(
            family,
            "keyfile-manual",
            path,
            "method=auto",
            "method=manual\naddress1=192.0.2.7/24,192.0.2.1",
            "Dhcp",
            W,
            at="method",
        ),
        edited(
            family,
            "keyfile-bound-to-a-card",
            path,
            "[ethernet]\n",
            f"[ethernet]\nmac-address={MAC}\n",
            "Dhcp",
            W,
            at="mac-address",
        ),
    )


def networkd(family: Family, path: str) -> tuple[Fault, ...]:
    """Files of systemd-networkd."""
    text = family.text(path)
    protocol = next(line for line in text.splitlines() if line.startswith("DHCP="))
    return (
        edited(family, "networkd-static", path, protocol, "Address=192.0.2.7/24\nGateway=192.0.2.1", "Dhcp", W, at=""),
        edited(family, "networkd-of-another-card", path, "Name=eth0", "Name=ens5", "Dhcp", W),
        edited(family, "networkd-bound-to-a-card", path, "Name=eth0", f"MACAddress={MAC}", "Dhcp", W),
        masked("systemd-networkd.service", "Dhcp"),
    )


def wicked(family: Family) -> tuple[Fault, ...]:
    """SUSE's files."""
    path = "/etc/sysconfig/network/ifcfg-eth0"
    static = "BOOTPROTO='static'\nIPADDR='192.0.2.7/24'"
    other = {path: None, "/etc/sysconfig/network/ifcfg-ens3": family.text(path)}
    return (
        edited(family, "wicked-off", path, "STARTMODE='auto'", "STARTMODE='off'", "Dhcp", W),
        edited(family, "wicked-static", path, "BOOTPROTO='dhcp'", static, "Dhcp", W),
        Fault("wicked-of-another-card", other, "Dhcp", W, "/etc/sysconfig/network/ifcfg-ens3"),
        masked("wicked.service", "Dhcp"),
    )


def netplan(family: Family) -> tuple[Fault, ...]:
    """Netplan's YAML."""
    path, dhcp = "/etc/netplan/50-cloud-init.yaml", "dhcp4: true"
    bound = f"{dhcp}\n            match: {{macaddress: '{MAC}'}}"
    return (
        edited(family, "netplan-static", path, dhcp, "addresses: [192.0.2.7/24]", "Dhcp", W, at="eth0"),
        edited(family, "netplan-broken", path, dhcp, "dhcp4: [true", "Dhcp", at="    version"),
        edited(family, "netplan-bound-to-a-card", path, dhcp, bound, "Dhcp", W, at="match:"),
        masked("systemd-networkd.service", "Dhcp"),
    )


def ifupdown(family: Family, path: str, client: str) -> tuple[Fault, ...]:
    """The interfaces of ifupdown."""
    return (
        edited(
            family,
            "ifupdown-static",
            path,
            "iface eth0 inet dhcp",
            "iface eth0 inet static\n  address 192.0.2.7/24",
            "Dhcp",
        ),
        edited(family, "ifupdown-not-at-boot", path, "auto eth0\n", "", "Dhcp", at="iface eth0"),
        edited(family, "ifupdown-of-another-card", path, "eth0", "ens3", "Dhcp", at="iface ens3"),
        gone("dhcp-client-gone", client, "Dhcp", place="/usr/sbin/dhclient"),
    )
