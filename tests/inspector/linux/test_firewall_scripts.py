from __future__ import annotations

from typing import Any

import pytest

from inspector.facts.services import Services
from inspector.rules.firewall import firewall_is_off
from inspector.verdict import Status
from tests.facts_of import facts_of
from tests.memory_tree import File, Link

TARGETS: dict[str, Any] = {
    "/usr/lib/systemd/system/default.target": Link("multi-user.target"),
    "/usr/lib/systemd/system/multi-user.target": "[Unit]\n",
    "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
}
OWN = "/etc/systemd/system/fw.service"
WANTS = {"/etc/systemd/system/multi-user.target.wants/fw.service": Link(OWN)}


def script(*lines: str, mode: int = 0o755) -> File:
    return File("\n".join(("#!/bin/sh", *lines, "")), mode)


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"/etc/rc.local": script("iptables -P INPUT DROP")}, "/etc/rc.local:2"),
        ({"/etc/network/if-pre-up.d/fw": script("", "/sbin/iptables-restore < /x")}, "/etc/network/if-pre-up.d/fw:3"),
        ({"/etc/network/if-up.d/fw": script("nft -f /etc/nftables.conf")}, "/etc/network/if-up.d/fw:2"),
        (
            {"/etc/network/interfaces": "iface eth0 inet dhcp\n  pre-up iptables-restore < /x\n"},
            "/etc/network/interfaces:2",
        ),
        ({"/etc/cron.d/fw": "@reboot root iptables -A INPUT -p tcp -j REJECT\n"}, "/etc/cron.d/fw:1"),
        ({OWN: "[Service]\nExecStart=/sbin/iptables -P INPUT DROP\n", **WANTS}, f"{OWN}:2"),
        (
            {
                OWN: "[Service]\nExecStart=/usr/local/bin/fw\n",
                "/usr/local/bin/fw": script("nft add rule a b drop"),
                **WANTS,
            },
            "/usr/local/bin/fw:2",
        ),
    ],
)
def test_a_script_that_loads_a_firewall(files: dict[str, Any], place: str) -> None:
    verdict = firewall_is_off(facts_of({**TARGETS, **files}))
    assert (verdict.status, str(verdict.evidence[0].place)) == (Status.WARNING, place)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"/etc/rc.local": script("iptables -P INPUT DROP", mode=0o644)},
        {"/etc/rc.local": script("# iptables -P INPUT DROP")},
        {"/etc/rc.local": script("iptables -t nat -A POSTROUTING -j MASQUERADE", "iptables -P INPUT ACCEPT")},
        {"/etc/network/interfaces": "# pre-up iptables-restore < /x\n  post-down iptables-restore < /x\n"},
        {"/etc/cron.d/fw": "1 1 * * * root nft -f /x\n"},
        {OWN: "[Service]\nExecStart=/sbin/iptables -P INPUT DROP\n"},
    ],
)
def test_what_keeps_nobody_out(files: dict[str, Any]) -> None:
    made = facts_of({**TARGETS, **files})
    assert made[Services].manager == "systemd"
    assert firewall_is_off(made).status is Status.OK
