"""Rules about the guest's own firewall, which a cloud does not know of when a connection fails."""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts
from inspector.facts.services import Enablement, Services, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.firewall_scripts import firewall_scripts
from inspector.linux.presets import MACHINE_ID, first_boot, preset_enables
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from parsers.place import Place

UFW_CONF: Final = "/etc/ufw/ufw.conf"
_UFW: Final = "ufw.service"
_UNITS: Final = (
    "firewalld.service",
    "nftables.service",
    "iptables.service",
    "ip6tables.service",
    "netfilter-persistent.service",
    "csf.service",
    "ferm.service",
    "firehol.service",
    "shorewall.service",
    "SuSEfirewall2.service",
    "SuSEfirewall2_init.service",
)
_UFW_ENABLED: Final = re.compile(r"""\s*ENABLED=["']?yes["']?\s*(?:#.*)?""", re.IGNORECASE)
_IPTABLES: Final = ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables")
_NFTABLES: Final = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")
_REFUSES: Final = re.compile(
    r"\s*(?::INPUT\s+(?:DROP|REJECT)\b|-A\s+INPUT\b.*\s-j\s+(?:DROP|REJECT)\b|.*\bhook\s+input\b.*\bpolicy\s+drop\b)"
)


@rule("firewall-is-off", "No firewall of the guest's own is started")
def firewall_is_off(facts: Facts) -> Verdict:
    """Why: rules that were made for another network may shut out SSH and the cloud's own services, unseen from outside.

    Fix: disable the firewall service (systemctl disable --now firewalld, ufw disable) and use security groups.
    Mask a firewall that shall stay off where /etc/machine-id makes the next boot a first one.
    Take the commands that load rules out of rc.local, of the hooks in /etc/network, and of cron.
    Reads: units, presets and /etc/machine-id, /etc/ufw/ufw.conf, saved rules of iptables and nftables, /etc/rc.local,
    /etc/network/if-pre-up.d, /etc/network/if-up.d, /etc/network/interfaces, @reboot in cron
    References: systemd.preset(5), machine-id(5)
    """
    guest, services = facts[Guest], facts[Services]
    states = [services.state(unit) for unit in _UNITS]
    found = [Evidence(state.place, f"{state.unit} is started: {state.reason}") for state in states if state.enabled]
    found += _ufw(guest, services.state(_UFW))
    if found:
        return warning("a firewall is started", *found, *_refusals(guest))
    if scripts := firewall_scripts(guest, services):
        return warning("a script loads a firewall at boot", *scripts, *_refusals(guest))
    present = [state for state in states if state.installed]
    later = [item for state in present for item in _at_first_boot(guest, state)]
    if later:
        return warning("the first boot enables a firewall", *later, *_refusals(guest))
    if present:
        return ok(
            "no firewall is started", *(Evidence(state.place, f"{state.unit}: {state.reason}") for state in present)
        )
    return ok("no firewall is started", Evidence(states[0].place, f"none of {', '.join((*_UNITS, _UFW))}"))


def _at_first_boot(guest: Guest, state: UnitState) -> list[Evidence]:
    """What has a disabled firewall enabled when the instance boots for the first time."""
    begins = first_boot(guest)
    line = preset_enables(guest, state.unit) if begins and state.state is Enablement.DISABLED else None
    if begins is None or line is None:
        return []
    seen = "no such file" if begins.line is None else "uninitialized"
    return [
        Evidence(state.place, f"{state.unit} is disabled until the first boot"),
        Evidence(begins, f"{seen}, so that the next boot is a first one"),
        *([Evidence(line, f"enables {state.unit}")] if line.path != MACHINE_ID else []),
    ]


def _ufw(guest: Guest, state: UnitState) -> list[Evidence]:
    """Ufw starts its service always, which does nothing unless its own setting says yes."""
    if not state.enabled:
        return []
    for number, line in enumerate(_lines(guest, UFW_CONF), start=1):
        if _UFW_ENABLED.fullmatch(line):
            return [Evidence(Place(UFW_CONF, number), line.strip()), Evidence(state.place, f"{_UFW} is started")]
    return []


def _refusals(guest: Guest) -> list[Evidence]:
    """The saved rules that refuse what comes in; they count where a service loads them."""
    return [
        Evidence(Place(path, number), line.strip()[:120])
        for path in (*_IPTABLES, *_NFTABLES)
        for number, line in enumerate(_lines(guest, path), start=1)
        if _REFUSES.match(line)
    ]


def _lines(guest: Guest, path: str) -> list[str]:
    try:
        return guest.read_text(path).split("\n")
    except NotFound:
        return []


RULES = (firewall_is_off,)
