"""Rules about the guest's own firewall, which a cloud does not know of when a connection fails."""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.firewall_scripts import firewall_scripts
from inspector.linux.saved_rules import all_refusals, refusals
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
_UFW_SAYS: Final = re.compile(r"\s*ENABLED=", re.IGNORECASE)
_UFW_ENABLED: Final = re.compile(r"""\s*ENABLED=["']?yes["']?\s*(?:#.*)?""", re.IGNORECASE)


@rule("firewall-is-off", "No firewall of the guest's own is started")
def firewall_is_off(facts: Facts) -> Verdict:
    """Why: rules that were made for another network may shut out SSH and the cloud's own services, unseen from outside.

    Fix: disable the firewall service (systemctl disable --now firewalld, ufw disable) and use security groups.
    Mask a firewall that shall stay off where /etc/machine-id makes the next boot a first one.
    Take the commands that load rules out of rc.local, of the hooks in /etc/network, and of cron.
    Reads: units, presets and /etc/machine-id, /etc/ufw/ufw.conf, saved rules of iptables and nftables, the default zone
    of firewalld, /etc/sysconfig/SuSEfirewall2, /etc/rc.local, /etc/network/if-pre-up.d, /etc/network/if-up.d,
    /etc/network/interfaces, @reboot in cron
    References: systemd.preset(5), machine-id(5)
    """
    guest, services = facts[Guest], facts[Services]
    states = [services.state(unit) for unit in _UNITS]
    found = [Evidence(state.place, f"{state.unit} is started: {state.reason}") for state in states if state.enabled]
    ufw = _ufw(guest, services.state(_UFW))
    found += ufw
    if found:
        started = [state.unit for state in states if state.enabled] + [_UFW] * bool(ufw)
        return warning("a firewall is started", *found, *refusals(guest, started))
    if scripts := firewall_scripts(guest, services):
        return warning("a script loads a firewall at boot", *scripts, *all_refusals(guest))
    present = [Evidence(state.place, f"{state.unit}: {state.reason}") for state in states if state.installed]
    present += _ufw_is_off(guest, services.state(_UFW))
    if present:
        return ok("no firewall is started", *present)
    return ok("no firewall is started", Evidence(states[0].place, f"none of {', '.join((*_UNITS, _UFW))}"))


def _ufw_is_off(guest: Guest, state: UnitState) -> list[Evidence]:
    """What keeps ufw from doing anything where its service is started all the same."""
    if not state.enabled:
        return [Evidence(state.place, f"{_UFW}: {state.reason}")] if state.installed else []
    lines = enumerate(_lines(guest, UFW_CONF), start=1)
    said = [Evidence(Place(UFW_CONF, number), line.strip()) for number, line in lines if _UFW_SAYS.match(line)]
    return said[-1:] or [Evidence(Place(UFW_CONF), "no ENABLED=, without which ufw does nothing")]


def _ufw(guest: Guest, state: UnitState) -> list[Evidence]:
    """Ufw starts its service always, which does nothing unless its own setting says yes."""
    if not state.enabled:
        return []
    for number, line in enumerate(_lines(guest, UFW_CONF), start=1):
        if _UFW_ENABLED.fullmatch(line):
            return [Evidence(Place(UFW_CONF, number), line.strip()), Evidence(state.place, f"{_UFW} is started")]
    return []


def _lines(guest: Guest, path: str) -> list[str]:
    try:
        return guest.read_text(path).split("\n")
    except NotFound:
        return []


RULES = (firewall_is_off,)
