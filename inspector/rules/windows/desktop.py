r"""The desktop that all users share."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, ok, warning

_WITHOUT_DESKTOP: Final = frozenset({"Server Core", "Nano Server"})
_PUBLIC_DESKTOP: Final = r"\Users\Public\Desktop\desktop.ini"


@rule("windows-desktop-settings-are-there", "The settings of the common desktop are there", "windows")
def windows_desktop_settings_are_there(facts: Facts) -> Verdict:
    r"""The file desktop.ini of the desktop that all users share.

    The vendor does not say which of these files it looks for; this is the one that does not belong to a user.

    Why: without it the desktop has another name and icon than Windows gives it; the vendor's console reports it.

    Fix: copy the file from another machine with the same release, and set its attributes system and hidden.

    Reads: C:\Users\Public\Desktop\desktop.ini

    References: Alibaba Cloud, Detect custom images and repair (GUESTOS.DesktopConfig).
    """
    if facts[WindowsVersion].installation in _WITHOUT_DESKTOP:
        raise NotApplicable("this installation has no desktop")
    place = facts[Guest].place(_PUBLIC_DESKTOP)
    if facts[Guest].is_file(_PUBLIC_DESKTOP):
        return ok("the settings of the common desktop are there", Evidence(place, "there"))
    return warning("the settings of the common desktop are lacking", Evidence(place, "does not exist"))


RULES = (windows_desktop_settings_are_there,)
