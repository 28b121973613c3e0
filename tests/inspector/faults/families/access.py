"""Faults of what is started and of who is let in, by the service manager and the release of sshd."""

from __future__ import annotations

from typing import Final

from fixtures.families.family import Family
from fixtures.files import File, Link, Node
from fixtures.kernel import elf
from inspector.verdict import Status
from tests.inspector.faults.families.fault import UNITS, VENDOR, F, Fault, W, added, edited, gone, unit_text, where

SSHD: Final = "/etc/ssh/sshd_config"
_STOPPED: Final = "CloudInit OnlineResizeFS"


def sshd(family: Family, unknown: str, path: str = SSHD) -> tuple[Fault, ...]:
    """A keyword that this release does not know, and a port that nobody expects."""
    return (
        added(family, "sshd-keyword-of-another-release", path, f"{unknown}\n", "SshConfig"),
        added(family, "sshd-other-port", path, "Port 2222\n", "SshConfig", W),
    )


def host_keys(unit: str) -> Fault:
    """What makes host keys is masked, where cloud-init makes none."""
    path = f"{UNITS}/{unit}"
    return Fault(
        "nothing-makes-host-keys", {path: Link("/dev/null")}, "SshConfig Identity", F, "/etc/cloud/cloud.cfg:10"
    )


def programs_of(family: Family) -> str:
    """Return where /usr/sbin lies."""
    return "/usr/bin" if isinstance(family.files.get("/usr/sbin"), Link) else "/usr/sbin"


def firewall(unit: str, program: str) -> Fault:
    """A firewall that is started by a unit."""
    link = f"{UNITS}/multi-user.target.wants/{unit}"
    change: dict[str, Node] = {
        f"{VENDOR}/{unit}": unit_text(program),
        program: File(elf(), 0o755),
        link: Link(f"{VENDOR}/{unit}"),
    }
    return Fault(f"firewall-{unit.partition('.')[0]}", change, "Firewall", W, link, {link: None})


def firewall_at_first_boot(family: Family, machine_id: str | None = "uninitialized\n", others: str = "") -> Fault:
    """A firewall that the presets of the distribution enable when the machine boots for the first time.

    `others` are checks of what presets disable then, where systemd applies them in full.
    """
    unit, preset = f"{VENDOR}/firewalld.service", f"{VENDOR}-preset/90-default.preset"
    change: dict[str, Node | None] = {
        unit: unit_text("/usr/sbin/firewalld"),
        f"{programs_of(family)}/firewalld": File(elf(), 0o755),
        "/etc/machine-id": machine_id,
    }
    place = where(preset, family.text(preset), "enable firewalld.service")
    masked = {f"{UNITS}/firewalld.service": Link("/dev/null")}
    return Fault(
        "firewall-preset", change, f"Firewall {others}", W, place, {"/etc/machine-id": ""} if others else masked
    )


def cloud_init(family: Family, checks: str = "CloudInit OnlineResizeFS") -> tuple[Fault, ...]:
    """cloud-init that is switched off, or told of another cloud."""
    path = "/etc/cloud/cloud.cfg.d/aliyun_cloud.cfg"
    marker = "/etc/cloud/cloud-init.disabled"
    return (
        edited(family, "cloud-init-of-another-cloud", path, "AliYun", "Ec2", "CloudInit", at="datasource_list"),
        Fault("cloud-init-disabled", {marker: ""}, checks, F, marker, {marker: None}),
    )


def package_database(path: str, place: str = "/var/lib/rpm") -> Fault:
    """A package database that is gone; then nothing tells the release of sshd either."""
    return gone("package-database-gone", path, "SystemImage SshConfig", W, place)


def start_link_gone(script: str, links: tuple[str, ...], checks: str, status: Status = F, place: str = "") -> Fault:
    """An init script without start links, as chkconfig, insserv and rc-update leave it."""
    return Fault(f"{script}-not-started", dict.fromkeys(links), checks, status, place or f"/etc/init.d/{script}")


def script_flat(family: Family, script: str, path: str, checks: str, status: Status = F) -> Fault:
    """An init script that cannot be executed."""
    text = family.text(path)
    name, place = f"{script}-script-not-executable", f"/etc/init.d/{script}"
    return Fault(name, {path: File(text, 0o644)}, checks, status, place, {path: File(text, 0o755)})


def override(job: str, checks: str, status: Status = F) -> Fault:
    """A job of upstart that is switched off by its override."""
    path = f"/etc/init/{job}.override"
    return Fault(f"{job}-override", {path: "manual\n"}, checks, status, f"{path}:1", {path: None})
