"""Rules about the agents through which a cloud manages and protects a guest."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.linux.foreign_agents import find_agents, looked_for
from inspector.linux.programs import program_flaw
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from parsers.linux.qemu_ga import parse_qemu_ga
from parsers.place import Place

_CLOUD_ASSISTANT: Final = "/usr/local/share/aliyun-assist"
_CLOUD_ASSISTANT_BINARIES: Final = ("*/aliyun-service", "*/aliyun_assist_service", "aliyun-service")
_CLOUD_ASSISTANT_UNITS: Final = ("aliyun.service", "aliyun-service.service", "AssistDaemon.service")
_SECURITY_CENTER: Final = "/usr/local/aegis"
_SECURITY_CENTER_BINARIES: Final = ("aegis_client/*/AliYunDun", "aegis_client/*/AliYunDunMonitor")
_SECURITY_CENTER_UNITS: Final = ("aegis.service", "aliyun_aegis.service")
_PROGRAMS: Final = ("aliyun", "AssistDaemon", "AliYunDun")
_NUMBER: Final = re.compile(r"\d{1,9}")
_GUEST_AGENT_BINARIES: Final = (
    "/usr/sbin/qemu-ga",
    "/usr/bin/qemu-ga",
    "/usr/local/sbin/qemu-ga",
    "/usr/local/bin/qemu-ga",
)
_GUEST_AGENT_SETTINGS: Final = (
    "/etc/qemu/qemu-ga.conf",
    "/etc/sysconfig/qemu-ga",
    "/etc/default/qemu-guest-agent",
)
_SETTINGS_LIMIT: Final = 1 << 18
_SHOWN: Final = 8
_GUEST_AGENT_UNITS: Final = ("qemu-guest-agent.service", "qemu-ga.service")


@rule("cloud-assistant-runs", "Cloud Assistant is installed and started at boot")
def cloud_assistant_runs(facts: Facts) -> Verdict:
    """Why: without its agent the cloud cannot run commands in the instance, patch it or reset its password.

    Fix: install the Cloud Assistant agent and enable aliyun.service.
    Reads: /usr/local/share/aliyun-assist, the unit aliyun.service
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    return _runs(facts, _CLOUD_ASSISTANT, _CLOUD_ASSISTANT_BINARIES, _CLOUD_ASSISTANT_UNITS)


@rule("security-center-agent-runs", "The Security Center agent is installed and started at boot")
def security_center_agent_runs(facts: Facts) -> Verdict:
    """Why: without its agent Security Center neither sees nor stops an attack on the instance.

    Fix: install the Security Center agent and enable aegis.service.
    Reads: /usr/local/aegis, the unit aegis.service
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    return _runs(facts, _SECURITY_CENTER, _SECURITY_CENTER_BINARIES, _SECURITY_CENTER_UNITS)


def _runs(facts: Facts, folder: str, binaries: Sequence[str], units: Sequence[str]) -> Verdict:
    guest = facts[Guest]
    found = [path for pattern in binaries for path in guest.glob(f"{folder}/{pattern}") if guest.is_file(path)]
    if not found:
        seen = "its folder holds no program" if guest.is_dir(folder) else "no such directory"
        return warning("the agent is not installed", Evidence(Place(folder), seen))
    flaws = {path: flaw for path in found if (flaw := program_flaw(guest, path))}
    whole = sorted((path for path in found if path not in flaws), key=_version)
    if not whole:
        return warning("the agent's program cannot be run", *flaws.values())
    states = [facts[Services].working(unit, posixpath.basename(folder), *_PROGRAMS) for unit in units]
    started = next((state for state in states if state.enabled), None)
    if started is not None:
        return ok(
            "the agent is installed and started",
            Evidence(Place(whole[-1]), "present"),
            Evidence(started.place, started.reason),
        )
    known = next((state for state in states if state.installed), states[0])
    return warning("the agent is installed but not started", Evidence(known.place, known.reason))


def _version(path: str) -> list[int]:
    """The numbers in a path: each version of an agent lies in a folder of its own, the old ones beside the new."""
    return [int(number) for number in _NUMBER.findall(path)]


@rule("qemu-guest-agent-is-absent", "The QEMU guest agent is not installed")
def qemu_guest_agent_is_absent(facts: Facts) -> Verdict:
    """Why: the agent of another hypervisor's tools gets in the way of the cloud's own and lets the host reach in.

    Fix: remove the package qemu-guest-agent.
    Reads: the package database, /usr/sbin/qemu-ga, the unit qemu-guest-agent.service, and the commands that are blocked
    in /etc/qemu/qemu-ga.conf, /etc/sysconfig/qemu-ga or /etc/default/qemu-guest-agent
    References: qemu-ga(8)
    """
    guest, services = facts[Guest], facts[Services]
    found = [Evidence(Place(path), "the agent's program") for path in _GUEST_AGENT_BINARIES if guest.is_file(path)]
    states = [services.state(unit) for unit in _GUEST_AGENT_UNITS]
    found += [
        Evidence(state.place, f"{state.unit}: {state.reason}")
        for state in states
        if state.installed and not state.masked
    ]
    found += _package(facts, "qemu-guest-agent")
    if found:
        return warning("the QEMU guest agent is there", *found, *_filters(guest))
    absent = [Evidence(Place(path), "no such file") for path in _GUEST_AGENT_BINARIES]
    return ok("the QEMU guest agent is not there", *absent)


def _filters(guest: Guest) -> Iterator[Evidence]:
    """What the agent refuses to do for the host: told beside the rest, for it is there all the same."""
    for path in _GUEST_AGENT_SETTINGS:
        if guest.is_file(path) and (found := parse_qemu_ga(guest.read_text(path, _SETTINGS_LIMIT), path)):
            what = "does only" if found.allow else "refuses"
            more = f" and {len(found.names) - _SHOWN} more" if len(found.names) > _SHOWN else ""
            yield Evidence(found.place, f"it {what} {', '.join(found.names[:_SHOWN])}{more}")


def _package(facts: Facts, name: str) -> list[Evidence]:
    """The package, where the database can be read; the programs speak for themselves where it cannot."""
    try:
        package = facts[Packages].find(name)
    except UnknownFact:
        return []
    return [Evidence(package.place, f"{package.name} {package.full_version}")] if package else []


@rule("foreign-agents-are-not-started", "No agent of another cloud or hypervisor is started")
def foreign_agents_are_not_started(facts: Facts, *, own: Sequence[str]) -> Verdict:
    """Why: another platform's tools write over the network, the clock and the passwords that this one sets.

    Fix: remove the packages, or run the vendor's own uninstaller; a service that has to stay is disabled.
    Reads: the package database, the folders of the agents, their units
    References: https://cloud.google.com/migrate/virtual-machines/docs/5.0/resources/vm-adaptations
    """
    homes = frozenset(own)
    found = list(find_agents(facts, homes))
    active = [presence for presence in found if not presence.idle]
    if active:
        names = ", ".join(presence.agent.name for presence in active)
        return warning(f"found: {names}", *(item for presence in active for item in presence.seen))
    if found:
        names = ", ".join(presence.agent.name for presence in found)
        return ok(f"found, but nothing starts them: {names}", *(item for it in found for item in it.idle))
    return ok("no agent of another cloud or hypervisor is there", *looked_for(homes))


RULES = (cloud_assistant_runs, security_center_agent_runs, qemu_guest_agent_is_absent, foreign_agents_are_not_started)
