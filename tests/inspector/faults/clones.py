"""Faults that the profile `clone` alone tells of: what every copy of an image carries on."""

from __future__ import annotations

from typing import Final

from fixtures.files import File, Link
from tests.inspector.faults.mutation import F, Mutation, W

_ID: Final = "0123456789abcdef0123456789abcdef"
_DBUS: Final = "/var/lib/dbus/machine-id"
_ISCSI: Final = "/etc/iscsi/initiatorname.iscsi"
_PROFILE: Final = "/etc/NetworkManager/system-connections/office.nmconnection"
_ENTRY: Final = f"/boot/loader/entries/{_ID}-6.1.0.conf"

CLONE_FAULTS: Final = (
    Mutation("dbus-id", {_DBUS: _ID}, "MachineId", W, _DBUS, {_DBUS: Link("/etc/machine-id")}),
    Mutation("dbus-link-elsewhere", {_DBUS: Link("/etc/id"), "/etc/id": _ID}, "MachineId", W, _DBUS, {_DBUS: None}),
    Mutation("host-id", {"/etc/hostid": "abcd"}, "MachineId", W, "/etc/hostid"),
    Mutation("boot-entry", {_ENTRY: "title x\n"}, "MachineId", W, _ENTRY, {"/etc/kernel/entry-token": "debian\n"}),
    Mutation("entry-token", {"/etc/kernel/entry-token": _ID}, "MachineId", W, "/etc/kernel/entry-token"),
    Mutation("machine-id", {"/etc/machine-id": _ID}, "MachineId", F, "/etc/machine-id", {"/etc/machine-id": ""}),
    Mutation("host-name", {"/etc/hostname": "db7\n"}, "NetworkState", W, "/etc/hostname:1", {"/etc/hostname": ""}),
    Mutation(
        "host-name-for-dhcp", {"/etc/dhcp/dhclient.conf": 'send host-name "db7";\n'}, "NetworkState", W,
        "/etc/dhcp/dhclient.conf:1", {"/etc/dhcp/dhclient.conf": "send host-name = gethostname();\n"},
    ),
    Mutation("lease", {"/etc/dhcpcd.duid": "00:04\n"}, "NetworkState", W, "/etc/dhcpcd.duid"),
    Mutation(
        "initiator", {_ISCSI: "InitiatorName=iqn.1993-08.org.debian:01:6f1f\n"}, "DeviceState", W, f"{_ISCSI}:1",
        {_ISCSI: "GenerateName=yes\n"},
    ),
    Mutation("seed", {"/var/lib/seedrng/seed.credit": "x"}, "DeviceState", W, "/var/lib/seedrng/seed.credit"),
    Mutation("wireless-password", {_PROFILE: "[wifi-security]\npsk=x\n"}, "Credentials", F, f"{_PROFILE}:2"),
    Mutation("log", {"/var/log/auth.log": "x\n"}, "Traces", W, "/var/log/auth.log"),
    Mutation("history", {"/root/.bash_history": "ls\n"}, "Traces", W, "/root/.bash_history"),
    Mutation("old-shadow", {"/etc/shadow-": File("root:*:\n", mode=0o600)}, "Traces", W, "/etc/shadow-"),
    Mutation("old-settings", {"/etc/ssh/sshd_config~": "x\n"}, "Traces", W, "/etc/ssh/sshd_config~"),
    Mutation("job", {"/var/spool/cron/root": "* * * * * x\n"}, "Traces", W, "/var/spool/cron/root"),
    Mutation("dump", {"/var/crash/x.crash": "x"}, "Traces", W, "/var/crash/x.crash"),
    Mutation("questions", {"/etc/reconfigSys": ""}, "Traces", W, "/etc/reconfigSys"),
)  # fmt: skip
