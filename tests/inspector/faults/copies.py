"""Faults of an image that is copied: what makes one machine itself, and what people leave behind."""

from __future__ import annotations

from typing import Final

from fixtures.files import File
from tests.inspector.faults.mutation import ETH0, F, Mutation, W, text

_KEY: Final = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n"
_KEPT: Final = "/etc/cloud/cloud.cfg.d/98_keys.cfg"
_TUNNEL: Final = "/etc/wireguard/wg0.conf"
_WIRELESS: Final = "/etc/NetworkManager/system-connections/office.nmconnection"
_HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"

COPIES: Final = (
    Mutation(
        "machine-id-set",
        {"/etc/machine-id": "0123456789abcdef0123456789abcdef\n"},
        "Identity",
        W,
        "/etc/machine-id",
        {"/etc/machine-id": "uninitialized\n"},
    ),
    Mutation(
        "machine-id-zero", {"/etc/machine-id": "0" * 32}, "Identity", F, "/etc/machine-id", {"/etc/machine-id": ""}
    ),
    Mutation(
        "machine-id-odd", {"/etc/machine-id": "guest-7\n"}, "Identity", F, "/etc/machine-id", {"/etc/machine-id": ""}
    ),
    Mutation(
        "host-keys-kept",
        {_HOST_KEY: File(_KEY, mode=0o600), _KEPT: "ssh_deletekeys: false\n"},
        "Identity SshConfig",
        W,
        _HOST_KEY,
        {_KEPT: None, _HOST_KEY: None},
    ),
    Mutation(
        "dhcp-lease-left",
        {"/var/lib/dhcp/dhclient.eth0.leases": "lease {\n}\n"},
        "Identity",
        W,
        "/var/lib/dhcp/dhclient.eth0.leases",
        {"/var/lib/dhcp/dhclient.eth0.leases": None},
    ),
    Mutation(
        "networkmanager-key-left",
        {"/var/lib/NetworkManager/secret_key": "x"},
        "Identity",
        W,
        "/var/lib/NetworkManager/secret_key",
        {"/var/lib/NetworkManager/secret_key": None},
    ),
    Mutation(
        "lvm-devices-left",
        {"/etc/lvm/devices/system.devices": "VERSION=1.1.1\n"},
        "Identity",
        W,
        "/etc/lvm/devices/system.devices",
        {"/etc/lvm/devices/system.devices": None},
    ),
    Mutation(
        "salt-registered",
        {"/etc/salt/minion_id": "web1\n"},
        "Identity",
        W,
        "/etc/salt/minion_id",
        {"/etc/salt/minion_id": None},
    ),
    Mutation(
        "keytab-left", {"/etc/krb5.keytab": "\x05\x02"}, "Identity", W, "/etc/krb5.keytab", {"/etc/krb5.keytab": None}
    ),
    Mutation(
        "instance-data-left",
        {"/var/lib/cloud/data/instance-id": "i-1\n"},
        "Leftovers",
        W,
        "/var/lib/cloud/data/instance-id",
        {"/var/lib/cloud/data/instance-id": None},
    ),
    Mutation(
        "password-in-user-data",
        {"/var/lib/cloud/instances/i-1/user-data.txt": "#cloud-config\npassword: x\n"},
        "Leftovers",
        F,
        "/var/lib/cloud/instances/i-1/user-data.txt:2",
        {"/var/lib/cloud/instances/i-1/user-data.txt": None},
    ),
    Mutation(
        "authorized-key-left",
        {"/root/.ssh/authorized_keys": File("ssh-ed25519 AAAA x\n", mode=0o600)},
        "Leftovers",
        W,
        "/root/.ssh/authorized_keys",
        {"/root/.ssh/authorized_keys": None},
    ),
    Mutation(
        "private-key-left",
        {"/etc/ssl/private/server.key": _KEY},
        "Leftovers",
        W,
        "/etc/ssl/private/server.key",
        {"/etc/ssl/private/server.key": None},
    ),
    Mutation(
        "credentials-left",
        {"/root/.aws/credentials": "[default]\n"},
        "Leftovers",
        F,
        "/root/.aws/credentials",
        {"/root/.aws/credentials": None},
    ),
    Mutation(
        "first-boot-script-left",
        {"/usr/lib/virt-sysprep/scripts/1": "#!/bin/sh\n"},
        "Leftovers",
        W,
        "/usr/lib/virt-sysprep/scripts/1",
        {"/usr/lib/virt-sysprep/scripts/1": None},
    ),
    Mutation(
        "asks-at-the-console",
        {"/.unconfigured": ""},
        "Leftovers",
        W,
        "/.unconfigured",
        {"/.unconfigured": None},
    ),
    Mutation(
        "tunnel-key-left",
        {_TUNNEL: File("[Interface]\nPrivateKey = iAZ2bXyX=\n", mode=0o600)},
        "Leftovers",
        W,
        f"{_TUNNEL}:2",
        {_TUNNEL: None},
    ),
    Mutation(
        "wireless-password-left",
        {_WIRELESS: File("[wifi-security]\npsk=x\n", mode=0o600)},
        "Leftovers",
        W,
        f"{_WIRELESS}:2",
        {_WIRELESS: None},
    ),
    Mutation(
        "route-left",
        {ETH0: text(ETH0) + "    up ip route add 10.9.0.0/16 via 10.0.0.254\n"},
        "NetworkSettings",
        W,
        f"{ETH0}:{text(ETH0).count(chr(10)) + 1}",
    ),
    Mutation(
        "banner-for-users",
        {"/etc/issue": "Authorized users only.\n"},
        "ReleaseFiles",
        W,
        "/etc/issue",
        {"/etc/issue": "\\S \\n \\l\n", "/etc/motd": "Authorized users only.\n"},
    ),
    Mutation(
        "release-file-of-another-release",
        {"/etc/debian_version": "11.9\n"},
        "ReleaseFiles",
        W,
        "/etc/debian_version:1",
        {"/etc/debian_version": "12.7\n"},
    ),
    Mutation(
        "no-program-sets-passwords",
        {"/usr/sbin/chpasswd": None},
        "SystemImage",
        F,
        "/usr/sbin/chpasswd",
    ),
)
