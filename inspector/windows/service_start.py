r"""Whether a service or driver is started in time and can run, and what is to be put back where it cannot.

Source: Microsoft's documentation, "CreateServiceW" (start types), "CreateProcessW" (where a path without quotes ends).
A library is of the machine of the program that loads it. A service within svchost is run by the one whose group
(`svchost.exe -k GROUP`) names it in its list, a value of the key Svchost ("Description of Svchost.exe", KB 250320 and
314056). Not done: the groups of 32-bit hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.facts import Facts
from inspector.guest import Guest
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.files import flaw_of_program, restoring
from inspector.windows.registry import CURRENT_VERSION, Registry
from inspector.windows.services import SERVICES, Service, Start, absent, depended, service, unmet

_GROUPS: Final = rf"{CURRENT_VERSION}\Svchost"
_LONGEST: Final = 4096
_GROUP: Final = re.compile(r'(?i)(?:^|[\\/"])svchost(?:\.exe)?"?\s.*?-k\s+"?([^\s"]+)')
COPY: Final = "from a machine with the same release of Windows"
"""Where a key of Windows itself is had again."""


class Flaw(NamedTuple):
    """What keeps a service from its work, and what is to be put back for it, as a sentence of advice."""

    evidence: Evidence
    fix: str


def judge_service(facts: Facts, name: str, usual: Start, *, required: bool = True, of_windows: bool = True) -> Verdict:
    """Judge a service that has to start as `usual`, or by hand where that is what starts it on demand.

    What keeps it from starting is FAILED where it is `required`, else WARNING, and that is also what it depends on.
    Where it is `of_windows`, the advice names what of it is to be put back; a product's is to install it, which its
    rule gives.
    """
    registry = facts[Registry]
    found = service(registry, name)
    bad = failed if required else warning
    if found is None:
        fix = rf"import the key {SERVICES}\{name} {COPY}." if of_windows else None
        return bad(f"{name} is not there", absent(registry, name), fix=fix)
    seen = Evidence(found.start_place, f"{found.name}: {found.start_name}")
    odd = _odd_start(found, usual)
    unread = Unread()
    flaws: list[Flaw] = []
    with unread.kept():
        flaws += filter(None, [flaw_of_service(facts, found)])
    with unread.kept():
        flaws += lacking_below(facts, found)
    if flaws:
        what = ", ".join(dict.fromkeys(flaw.evidence.seen for flaw in flaws))
        advice = [*([f"let {found.name} start {usual.name.lower()}."] if odd else []), *(flaw.fix for flaw in flaws)]
        return bad(
            f"{odd}, and cannot run: {what}" if odd else f"{found.name} cannot run: {what}",
            *([seen] if odd else []),
            *(flaw.evidence for flaw in flaws),
            fix=" ".join(dict.fromkeys(advice)) if of_windows else None,
        )
    if odd:
        return warning(odd, seen) if _is_late(found, usual) else bad(odd, seen)
    unread.tell()
    return ok(f"{found.name} {'is' if usual == Start.AUTOMATIC else 'can be'} started", seen)


def _odd_start(found: Service, usual: Start) -> str | None:
    """Say what is wrong with when a service that is no driver is started; None where nothing is."""
    if found.start in (None, Start.DISABLED):
        return f"{found.name} is disabled"
    if found.start < Start.AUTOMATIC:
        return f"{found.name} is no driver, and nothing else is started by the start type {found.start_name}"
    return f"{found.name} is started on demand, not by itself" if _is_late(found, usual) else None


def _is_late(found: Service, usual: Start) -> bool:
    """Tell whether a service is started, and later than usual."""
    return found.start not in (None, Start.DISABLED) and found.start > usual


def lacking_below(facts: Facts, found: Service) -> Iterator[Flaw]:
    """Give what is lacking of what a service depends on, in turn: services, and the files of drivers."""
    registry, guest = facts[Registry], facts[Guest]
    for item in depended(registry, found):
        for place, seen in unmet(registry, item):
            yield Flaw(Evidence(place, seen), "let the service start that is named, or restore its key.")
        if item.is_driver and (flaw := flaw_of_program(facts, item.file)):
            seen = f"{item.name}, on which {found.name} depends, {flaw}"
            yield Flaw(Evidence(guest.place(item.file), seen), restoring(guest, item.file))


def flaw_of_service(facts: Facts, found: Service) -> Flaw | None:
    """Say what keeps Windows from running a service that is no driver: its program, DLL or group; None where it can.

    Raise what `flaw_of_program` raises.
    """
    guest, key = facts[Guest], rf"{SERVICES}\{found.name}"
    if not found.programs:
        fix = rf"set the value ImagePath of {key} to what it is {COPY}."
        return Flaw(Evidence(found.place, "it names no program"), fix)
    program = next((path for path in found.programs if guest.is_file(path)), found.programs[0])
    if found.lacks_dll:
        fix = rf"set the value ServiceDll of {key}\Parameters to what it is {COPY}."
        return Flaw(Evidence(found.place, "it names no ServiceDll"), fix)
    if flaw := flaw_of_program(facts, program, any_machine=True):
        return Flaw(Evidence(guest.place(program), f"its program {flaw}"), restoring(guest, program))
    other = "syswow64" in program.lower()
    if found.dll and (flaw := flaw_of_program(facts, found.file, any_machine=other)):
        return Flaw(Evidence(guest.place(found.file), f"its DLL {flaw}"), restoring(guest, found.file))
    return None if other else _flaw_of_group(facts[Registry], found)


def _flaw_of_group(registry: Registry, found: Service) -> Flaw | None:
    """Say what the group of svchost that a service is to run in lacks; None where it runs it."""
    group = _GROUP.search(found.image_path[:_LONGEST])
    if group is None:
        return None
    names = {name.strip().lower() for name in registry.texts(_GROUPS, group[1])}
    if found.name.lower() in names:
        return None
    fix = f"add {found.name} to the list {group[1]} (REG_MULTI_SZ) of the key {_GROUPS}, and restart."
    seen = f"the group {group[1]} of svchost does not name it"
    return Flaw(Evidence(registry.place(_GROUPS, group[1]), seen), fix)


def judge_driver(facts: Facts, found: Service, latest: Start) -> tuple[str | None, list[Evidence]]:
    """Say what keeps a driver from being started at `latest` or before (None: nothing), with what was seen."""
    unread = Unread()
    flaws = dict(_late(facts[Registry], found, latest))
    with unread.kept():
        if flaw := flaw_of_program(facts, found.file):
            flaws[f"the file of {found.name} {flaw}"] = Evidence(facts[Guest].place(found.file), flaw)
    if flaws:
        return "; ".join(flaws), [*flaws.values()]
    unread.tell()
    return None, [Evidence(facts[Guest].place(found.file), f"{found.name}, started: {found.start_name}")]


def _late(registry: Registry, found: Service, latest: Start) -> Iterator[tuple[str, Evidence]]:
    """Give what keeps a driver from being started in time, its file aside."""
    key = rf"{SERVICES}\{found.name}"
    if not found.is_driver:
        seen = "not set" if found.type is None else f"type {found.type:#x}"
        yield f"{found.name} is no driver", Evidence(registry.place(key, "Type"), seen)
    if found.start is None or not Start.BOOT <= found.start <= latest:
        wanted = "on demand" if latest is Start.MANUAL else f"at {latest.name.lower()}"
        yield f"{found.name} is not started {wanted}", Evidence(found.start_place, found.start_name)
    elif latest is Start.BOOT and found.start_override:
        outweighs = Evidence(registry.place(rf"{key}\StartOverride", "0"), str(found.start_override))
        yield f"{found.name} is not started at boot, in spite of Start", outweighs
