"""Each rule: ok, failed with its place, mended by its fix, unknown."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Link
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.machine_identity import (
    RULES,
    boot_entries_do_not_carry_an_id,
    dbus_machine_id_follows,
    dhcp_state_is_gone,
    host_id_is_unset,
    hostname_is_generic,
    initiator_names_are_unset,
    lvm_devices_file_is_gone,
    machine_id_is_unset,
    network_names_are_not_persistent,
    random_seed_is_gone,
    ssh_host_keys_are_made_anew,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.inspector.boots import facts

ID = "0123456789abcdef0123456789abcdef"
MAKER = {"/usr/lib/systemd/system/sshd-keygen.service": "[Service]\nExecStart=/usr/sbin/sshd-keygen\n"}
WANTING = "/etc/systemd/system/ssh.service.d/keys.conf"
KEY = "/etc/ssh/ssh_host_ed25519_key"
OFF = {"/etc/cloud/cloud-init.disabled": ""}
ENTRY = f"/boot/loader/entries/{ID}-6.1.0.conf"
RULE_FILE = "/etc/udev/rules.d/70-persistent-net.rules"
NAMED = 'SUBSYSTEM=="net", ATTR{address}=="52:54:00:12:34:56", NAME="eth0"\n'
ISCSI = "/etc/iscsi/initiatorname.iscsi"
EL = "/etc/sysconfig/network-scripts/ifcfg-eth0"
NAMELESS = {"/etc/hostname": ""}
IFTAB = "# names\neth0 mac 52:54:00:12:34:56 arp 1\n"
F, W = Status.FAILED, Status.WARNING


def judge(rule: Rule, change: dict[str, Any] | None = None) -> Verdict:
    return rule(facts(change))


@pytest.mark.parametrize(
    ("rule", "change", "status", "place", "fix"),
    [
        (machine_id_is_unset, {"/etc/machine-id": f"{ID}\n"}, W, "/etc/machine-id", {"/etc/machine-id": ""}),
        (
            machine_id_is_unset,
            {"/etc/machine-id": "0" * 32},
            F,
            "/etc/machine-id",
            {"/etc/machine-id": "uninitialized\n"},
        ),
        (machine_id_is_unset, {"/etc/machine-id": "not an id\n"}, F, "/etc/machine-id", {"/etc/machine-id": "\n"}),
        (machine_id_is_unset, {"/etc/machine-id": ID.upper()}, F, "/etc/machine-id", {"/etc/machine-id": None}),
        (
            dbus_machine_id_follows,
            {"/var/lib/dbus/machine-id": ID},
            W,
            "/var/lib/dbus/machine-id",
            {"/var/lib/dbus/machine-id": Link("/etc/machine-id")},
        ),
        (
            dbus_machine_id_follows,
            {"/var/lib/dbus/machine-id": Link("/etc/dbus-id"), "/etc/dbus-id": ID},
            W,
            "/var/lib/dbus/machine-id",
            {"/var/lib/dbus/machine-id": Link("../../../etc/machine-id")},
        ),
        (
            dbus_machine_id_follows,
            {"/var/lib/dbus/machine-id": Link("/nowhere")},
            W,
            "/var/lib/dbus/machine-id",
            {"/var/lib/dbus/machine-id": Link("/etc/machine-id"), "/etc/machine-id": None},
        ),
        (host_id_is_unset, {"/etc/hostid": "\x01\x02\x03\x04"}, W, "/etc/hostid", {}),
        (
            boot_entries_do_not_carry_an_id,
            {"/etc/kernel/entry-token": f"{ID}\n"},
            W,
            "/etc/kernel/entry-token",
            {"/etc/kernel/entry-token": "debian\n"},
        ),
        (boot_entries_do_not_carry_an_id, {ENTRY: "title x\n"}, W, ENTRY, {"/etc/kernel/entry-token": "os-id\n"}),
        (boot_entries_do_not_carry_an_id, {f"/boot/{ID}/6.1/linux": "x"}, W, f"/boot/{ID}", {}),
        (ssh_host_keys_are_made_anew, {KEY: "key", **OFF}, W, KEY, {"/etc/cloud/cloud-init.disabled": None}),
        (
            ssh_host_keys_are_made_anew,
            OFF,
            F,
            "/etc/ssh",
            {**OFF, **MAKER, WANTING: "[Unit]\nWants=sshd-keygen.service\n"},
        ),
        (network_names_are_not_persistent, {RULE_FILE: NAMED}, F, f"{RULE_FILE}:1", {}),
        (network_names_are_not_persistent, {"/etc/iftab": IFTAB}, F, "/etc/iftab:2", {"/etc/iftab": "# none\n"}),
        (dhcp_state_is_gone, {"/var/lib/dhcp/dhclient.leases": "lease {\n"}, W, "/var/lib/dhcp/dhclient.leases", {}),
        (dhcp_state_is_gone, {"/var/lib/wicked/duid.xml": "<x/>"}, W, "/var/lib/wicked/duid.xml", {}),
        (random_seed_is_gone, {"/var/lib/systemd/random-seed": "x" * 32}, W, "/var/lib/systemd/random-seed", {}),
        (dhcp_state_is_gone, {"/etc/dhcpcd.duid": "00:04"}, W, "/etc/dhcpcd.duid", {}),
        (random_seed_is_gone, {"/var/lib/seedrng/seed.credit": "x" * 32}, W, "/var/lib/seedrng/seed.credit", {}),
        (initiator_names_are_unset, {"/etc/nvme/hostnqn": "nqn"}, W, "/etc/nvme/hostnqn:1", {}),
        (
            initiator_names_are_unset,
            {ISCSI: "## names\nInitiatorName=iqn.1993-08.org.debian:01:6f1f2a1c\n"},
            W,
            f"{ISCSI}:2",
            {ISCSI: "GenerateName=yes\n"},
        ),
        (
            initiator_names_are_unset,
            {"/etc/multipath/bindings": "# Multipath bindings, Version : 1.0\nmpatha 3600508b4000156d7\n"},
            W,
            "/etc/multipath/bindings:2",
            {"/etc/multipath/bindings": "# Multipath bindings, Version : 1.0\n"},
        ),
        (lvm_devices_file_is_gone, {"/etc/lvm/devices/system.devices": "x"}, W, "/etc/lvm/devices/system.devices", {}),
        (hostname_is_generic, {"/etc/hostname": "db7\n"}, W, "/etc/hostname:1", {"/etc/hostname": "localhost\n"}),
        (hostname_is_generic, {**NAMELESS, EL: "DHCP_HOSTNAME='db7'\n"}, W, f"{EL}:1", {EL: "BOOTPROTO=dhcp\n"}),
    ],
)
def test_a_fault_has_its_place_and_the_fix_mends_it(
    rule: Rule, change: dict[str, Any], status: Status, place: str, fix: dict[str, Any]
) -> None:
    verdict = judge(rule, change)
    assert (verdict.status, verdict.known) == (status, True)
    assert place in [str(item.place).partition(" ")[0] for item in verdict.evidence]
    mended = judge(rule, {path: node for path, node in {**change, **fix}.items() if fix} if fix else None)
    assert mended.status is Status.OK


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule is not hostname_is_generic], ids=lambda rule: rule.name
)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    verdict = judge(rule)
    assert verdict.status is Status.OK
    assert verdict.evidence


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_a_guest_nothing_is_ok(rule: Rule) -> None:
    collectors = dict.fromkeys(facts()._collectors, _missing)
    try:
        verdict = rule(Facts({Guest: UnknownFact("no root file system")}, collectors))
    except NotApplicable:
        return
    assert (verdict.status, verdict.known) == (W, False)


def _missing(_facts: Facts) -> object:
    raise UnknownFact("not read")


def test_a_root_that_is_mounted_read_only_needs_an_id() -> None:
    change = {
        "/etc/machine-id": None,
        "/etc/fstab": "UUID=6f1f2a1c-9b3e-4d5a-8c7b-1e2d3f4a5b6c / ext4 ro 0 1\n",
    }
    verdict = judge(machine_id_is_unset, change)
    assert (verdict.status, str(verdict.evidence[1].place)) == (F, "/etc/fstab:1")


def test_an_id_is_not_shown_whole() -> None:
    verdict = judge(machine_id_is_unset, {"/etc/machine-id": ID})
    assert ID not in str(verdict)


def test_cloud_init_that_keeps_host_keys_is_a_warning() -> None:
    kept = {KEY: "key", "/etc/cloud/cloud.cfg.d/99_keys.cfg": "ssh_deletekeys: false\n"}
    assert judge(ssh_host_keys_are_made_anew, kept).status is W
    assert judge(ssh_host_keys_are_made_anew, {KEY: "key"}).status is Status.OK


def test_without_sshd_there_are_no_host_keys_to_judge() -> None:
    with pytest.raises(NotApplicable, match="sshd is not installed"):
        judge(ssh_host_keys_are_made_anew, {"/usr/sbin/sshd": None})


def test_a_script_that_makes_host_keys() -> None:
    script = {"/etc/rc.d/init.d/sshd": File("#!/bin/sh\nssh-keygen -A\n", mode=0o755), **OFF}
    assert judge(ssh_host_keys_are_made_anew, script).status is Status.OK


def test_cloud_init_that_is_told_no_key_types_makes_no_host_keys() -> None:
    none = {"/etc/cloud/cloud.cfg.d/99_keys.cfg": "ssh_genkeytypes: ~\n"}
    assert judge(ssh_host_keys_are_made_anew, none).status is F
    assert judge(ssh_host_keys_are_made_anew, none | MAKER).status is F  # nothing starts it
    wanted = {**none, **MAKER, WANTING: "[Unit]\nWants=sshd-keygen.service\n"}
    assert judge(ssh_host_keys_are_made_anew, wanted).status is Status.OK


def test_empty_files_and_links_to_nothing_are_no_traces() -> None:
    change = {"/var/lib/dhcp/dhclient.leases": "", "/var/lib/systemd/random-seed": Link("/nowhere")}
    assert judge(dhcp_state_is_gone, change).status is Status.OK
    assert judge(random_seed_is_gone, change).status is Status.OK
