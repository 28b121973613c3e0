"""The page file: that there is one, on a drive that an instance has.

Source: Microsoft's documentation of `PagingFiles`.
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import SESSION_MANAGER, Registry

_ANY_DRIVE: Final = "?:"
_VARIABLE: Final = "%systemdrive%"


@rule("windows-pages-to-the-system-drive", "Windows has a page file on its system drive", "windows")
def windows_pages_to_the_system_drive(facts: Facts) -> Verdict:
    r"""The value PagingFiles; `?:` lets Windows choose.

    Why: a drive that the instance does not have gives no page file; without one Windows writes no dump when it stops,
    and runs out of memory early.

    Fix: let Windows manage the page file (System Properties, Performance), which is PagingFiles with
    `?:\pagefile.sys` alone.

    Reads: Session Manager\Memory Management\PagingFiles

    References: Microsoft, Introduction to the page file; the hives of real machines (`?:\pagefile.sys`).
    """
    registry = facts[Registry]
    path = rf"{SESSION_MANAGER}\Memory Management"
    files = [text for text in registry.texts(path, "PagingFiles") if text.strip()]
    place = registry.place(path, "PagingFiles")
    if not files:
        return warning("there is no page file", Evidence(place, "empty"))
    if other := [text for text in files if not _is_on_system_drive(facts[Guest], text)]:
        return warning("a page file lies on another drive", *(Evidence(place, text) for text in other))
    return ok("the page file lies on the system drive", *(Evidence(place, text) for text in files))


def _is_on_system_drive(guest: Guest, text: str) -> bool:
    """Tell whether a page file lies on the system drive, or where Windows chooses."""
    drive = text.removeprefix("\\??\\")[:2]
    return drive == _ANY_DRIVE or text.lower().startswith(_VARIABLE) or guest.normal(drive) == "/"


RULES = (windows_pages_to_the_system_drive,)
