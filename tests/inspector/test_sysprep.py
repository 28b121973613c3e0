"""What virt-sysprep cleans away, `clone` finds before it and not after: the same traces, by a foreign program.

One run of libguestfs' appliance. Operations that set something instead (a new machine id, UUIDs of LVM) are left out.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fixtures.disk import TOOLS, build_disk
from fixtures.files import File, Files
from fixtures.golden import GOLDEN
from inspector import inspect_image
from inspector.verdict import Status
from tests.oracles import needs

pytestmark = [needs("virt-sysprep", *TOOLS), pytest.mark.soak]

TRACES: dict[str, Files] = {
    "account-backups-are-gone": {"/etc/passwd-": "root:x:\n", "/etc/x~": "x", "/root/y.bak": "x"},
    "caches-are-empty": {"/tmp/x": "x", "/var/cache/apt/archives/a.deb": "x", "/var/log/account/pacct": "x"},
    "crash-dumps-are-gone": {"/var/crash/x.crash": "x", "/var/spool/abrt/a/core": "x", "/var/log/dump/1": "x"},
    "dbus-machine-id-follows": {"/var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef"},
    "dhcp-state-is-gone": {"/var/lib/dhcp/dhclient.eth0.leases": "x", "/var/lib/dhclient/dhclient.leases": "x"},
    "keytabs-are-gone": {"/etc/krb5.keytab": "x", "/etc/ipa/default.conf": "x", "/var/lib/sss/db/cache_x.ldb": "x"},
    "logs-are-empty": {"/var/log/auth.log": "x", "/var/log/wtmp": "x", "/var/log/apt/history.log": "x"},
    "mail-spools-are-empty": {"/var/mail/root": "x", "/var/spool/mail/ann": "x"},
    "machine-id-is-unset": {"/etc/machine-id": "0123456789abcdef0123456789abcdef\n"},
    "network-names-are-not-persistent": {
        "/etc/udev/rules.d/70-persistent-net.rules": 'ATTR{address}=="52:54:00:12:34:56", NAME="eth0"\n'
    },
    "no-jobs-of-users-are-left": {"/var/spool/cron/root": "x", "/var/spool/at/a1": "x"},
    "shell-history-is-gone": {"/root/.bash_history": "ls\n"},
    "ssh-host-keys-are-made-anew": {
        "/etc/ssh/ssh_host_rsa_key": "x", "/etc/cloud/cloud.cfg.d/9.cfg": "ssh_deletekeys: no",
    },
    "ssh-keys-of-users-are-gone": {"/root/.ssh/authorized_keys": File("ssh-ed25519 AAAA\n", 0o600)},
}  # fmt: skip
"""Rule -> files that it finds and virt-sysprep cleans."""
TOLD = {"caches-are-empty", "mail-spools-are-empty"}
"""What is told of and not judged."""


def found(disk: Path) -> dict[str, set[str]]:
    """Rule -> the places that it speaks of where something was found."""
    report = inspect_image(str(disk), "clone")
    rules = [rule for check in report.checks for rule in check.rules if rule.rule in TRACES]
    bad = [it for it in rules if it.status is not Status.OK or (it.rule in TOLD and "nothing" not in it.message)]
    return {rule.rule: {item.path for item in rule.evidence} for rule in bad}


def test_what_virt_sysprep_cleans_is_found_before_it_and_not_after(tmp_path: Path) -> None:
    files = {**GOLDEN, **{path: node for traces in TRACES.values() for path, node in traces.items()}}
    disk = build_disk(files, tmp_path / "disk.raw", "raw")
    assert found(disk).keys() == TRACES.keys()
    done = subprocess.run(
        ["virt-sysprep", "--operations", "defaults,-customize,-lvm-uuids", "--format", "raw", "-a", str(disk)],
        env={**os.environ, "LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"the appliance does not run: {(done.stderr + done.stdout)[-500:]}")
    assert found(disk) == {}
