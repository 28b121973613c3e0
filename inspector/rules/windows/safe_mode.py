r"""Safe mode: that Windows can start in it, and did not do so last."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import Registry

_SAFE_BOOT: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\SafeBoot"
_MODES: Final = ("Minimal", "Network")


@rule("windows-safe-mode-can-be-started", "Safe mode knows what to start, and was not the last mode", "windows")
def windows_safe_mode_can_be_started(facts: Facts) -> Verdict:
    r"""The keys Minimal and Network of SafeBoot list drivers and services; the key Option tells of the last start.

    Option is there while Windows runs in safe mode, and not in normal mode.

    Why: safe mode is how an instance is repaired whose driver stops it; without its lists it does not start.
    What was changed while it ran, such as services that were switched off, may not have been meant to stay.

    Fix: copy SafeBoot from another control set, or from a machine of the same release; for Option, start Windows in
    normal mode and shut it down.

    Reads: SYSTEM\CurrentControlSet\Control\SafeBoot

    References: Microsoft, KB 202485 (safe boot options); Alibaba Cloud's troubleshooting of Windows.
    """
    registry = facts[Registry]
    bad: list[Evidence] = []
    good: list[Evidence] = []
    for mode in _MODES:
        path = rf"{_SAFE_BOOT}\{mode}"
        there = registry.key(path) is not None
        count = sum(1 for _ in registry.subkeys(path))
        seen = f"entries: {count}" if there else "no such key"
        (good if count else bad).append(Evidence(registry.place(path), seen))
    was: list[Evidence] = []
    if registry.key(rf"{_SAFE_BOOT}\Option") is not None:
        was.append(Evidence(registry.place(rf"{_SAFE_BOOT}\Option"), "it is there in safe mode alone"))
    if bad:
        return warning("safe mode does not know what to start", *bad, *was)
    if was:
        return warning("Windows ran in safe mode", *was)
    return ok("safe mode can be started", *good)


RULES = (windows_safe_mode_can_be_started,)
