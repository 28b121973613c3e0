r"""Hibernation: that no session of another machine is woken, and that the next shutdown really is one.

Source: Microsoft's documentation of fast startup ("Distinguishing Fast Startup from Wake-from-Hibernation").
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, unknown, warning
from inspector.windows.registry import SESSION_MANAGER, Registry

_POWER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Power"
_HIBERNATION: Final = r"\hiberfil.sys"
_HIBERNATED: Final = frozenset({b"hibr", b"HIBR", b"rstr", b"RSTR", b"HORM"})
"""How hiberfil.sys begins while it holds a session; the last one wakes from the same one again and again."""
_RESUMED: Final = frozenset({b"", b"wake", b"WAKE", bytes(4)})
"""How it begins when the session was resumed, or there never was one."""


@rule("windows-is-not-hibernated", "Windows was shut down, not hibernated", "windows")
def windows_is_not_hibernated(facts: Facts) -> Verdict:
    r"""The head of hiberfil.sys, and whether the next shutdown hibernates the kernel (fast startup).

    Fast startup needs hibernation, and that its file; without them its own switch, on by default, says nothing.

    Why: the memory of another machine would be woken on this one, with its drivers; the file system is not whole while
    it sleeps, and whoever writes to it destroys it.

    Fix: start Windows, `powercfg /h off`, and `shutdown /s /t 0`.

    Reads: C:\hiberfil.sys, Control\Session Manager\Power, Control\Power

    References: Microsoft, Distinguishing Fast Startup from Wake-from-Hibernation; Volatility Foundation, Hiber Address
    Space (the file's first bytes); J. Sylve and others, Modern Windows hibernation file analysis (zeros since
    Windows 8).
    """
    guest, registry = facts[Guest], facts[Registry]
    place = guest.place(_HIBERNATION)
    try:
        source = guest.open(_HIBERNATION)
    except NotFound:
        return ok("Windows was shut down, and has no file to hibernate into", Evidence(place, "does not exist"))
    head = source.read_at(0, min(4, source.size))
    if head in _HIBERNATED:
        return failed("Windows is hibernated", Evidence(place, f"begins with {head.decode('ascii')}"))
    seen = Evidence(place, f"begins with {head.hex(' ')}")
    if head not in _RESUMED:
        return unknown("whether Windows is hibernated cannot be told by the head of its file", seen)
    power = rf"{SESSION_MANAGER}\Power"
    if not (fast := registry.number(power, "HiberbootEnabled")):
        return ok("Windows was shut down", seen)
    evidence = Evidence(registry.place(power, "HiberbootEnabled"), str(fast))
    if registry.number(_POWER, "HibernateEnabled") == 0:  # as powercfg /h off leaves it, and machines that cannot sleep
        off = Evidence(registry.place(_POWER, "HibernateEnabled"), "0")
        return ok("Windows was shut down, and cannot hibernate", seen, off)
    return warning("fast startup is on: each shutdown hibernates the kernel", evidence, seen)


RULES = (windows_is_not_hibernated,)
