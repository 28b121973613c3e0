"""Collects `RtcMode`: /etc/adjtime, and before it the settings of releases that kept the mode elsewhere.

Files: hwclock(8); rcS(5) of Debian 7 and older (`UTC=no`); /etc/sysconfig/clock of EL 6 and older (`UTC=false`) and of
SLES 11 (`HWCLOCK="--localtime"`), read as sourced shell text without expansion. OpenRC gives hwclock the mode itself,
from /etc/conf.d/hwclock (`clock="local"`), whatever adjtime says. Windows takes local time unless the value
`RealTimeIsUniversal` of its time zone says otherwise.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.rtc import RtcMode
from inspector.guest import Guest, NotFound
from parsers.linux.adjtime import ClockMode, parse_adjtime
from parsers.place import Place

LIMIT: Final = 1 << 16
ADJTIME: Final = "/etc/adjtime"
_OLD: Final = (
    ("/etc/default/rcS", re.compile(r"""\s*UTC=["']?(\w+)""")),
    ("/etc/sysconfig/clock", re.compile(r"""\s*(?:UTC=["']?(\w+)|HWCLOCK=["']?(?:\S+ )*(--?\w+))""")),
)
_OPENRC: Final = (("/etc/conf.d/hwclock", re.compile(r"""\s*clock=["']?([A-Za-z]+)["']?""")),)
_ZONE: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation"
_UNIVERSAL: Final = "RealTimeIsUniversal"
_RUNLEVELS: Final = "/etc/runlevels"
_LOCAL: Final = frozenset({"local", "no", "false", "0", "--localtime", "-l"})


def collect_rtc_mode(facts: Facts) -> RtcMode:
    """Read the third line of /etc/adjtime; without the file an older one decides, and without any it is UTC."""
    guest = facts[Guest]
    if guest.family == "windows":
        return _windows(facts)
    if guest.is_dir(_RUNLEVELS) and (own := _old(guest, _OPENRC)):
        return own
    try:
        adjtime = parse_adjtime(guest.read_text(ADJTIME, limit=LIMIT), ADJTIME)
    except NotFound:
        return _old(guest) or RtcMode(ClockMode.UTC, Place(ADJTIME), "there is no /etc/adjtime, which means UTC")
    if adjtime.mode is None:
        problem = adjtime.problems[0]
        raise UnknownFact(problem.message, problem.place)
    if adjtime.place.line is None:
        return _old(guest) or RtcMode(adjtime.mode, adjtime.place, "there is no third line, which means UTC")
    return RtcMode(adjtime.mode, adjtime.place, f"the third line says {adjtime.mode.upper()}")


def _windows(facts: Facts) -> RtcMode:
    from inspector.windows.registry import Registry  # which no other guest has

    registry = facts[Registry]
    number, place = registry.number(_ZONE, _UNIVERSAL), registry.place(_ZONE, _UNIVERSAL)
    if number is None:
        return RtcMode(ClockMode.LOCAL, place, f"there is no {_UNIVERSAL}, which means local time")
    return RtcMode(ClockMode.UTC if number else ClockMode.LOCAL, place, f"{_UNIVERSAL} is {number}")


def _old(guest: Guest, settings: tuple[tuple[str, re.Pattern[str]], ...] = _OLD) -> RtcMode | None:
    for path, setting in settings:
        try:
            lines = guest.read_text(path, limit=LIMIT).split("\n")
        except NotFound:
            continue
        found = [(number, match) for number, line in enumerate(lines, start=1) if (match := setting.match(line))]
        if found:
            number, match = found[-1]
            word = next(group for group in match.groups() if group).lower()
            mode = ClockMode.LOCAL if word in _LOCAL else ClockMode.UTC
            return RtcMode(mode, Place(path, number), match[0].strip())
    return None
