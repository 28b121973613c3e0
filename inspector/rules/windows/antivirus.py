r"""Antivirus software of other makers than Microsoft, as its installer and its drivers give it away.

Source: Microsoft's documentation, "Uninstall Registry Key" (DisplayName, Publisher), "Load order groups and altitudes
for minifilter drivers" (the scanner of files bears the group `FSFilter Anti-Virus`) and "Early launch antimalware" (a
driver that decides about others at boot is of the group `Early-Launch`). A real Windows 7 has McAfee's in the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import UNINSTALL, Registry
from inspector.windows.services import SERVICES, Services, Start
from parsers.windows.registry import Key

_UNINSTALL: Final = (rf"HKLM\SOFTWARE\{UNINSTALL}", rf"HKLM\SOFTWARE\WOW6432Node\{UNINSTALL}")
_GROUPS: Final = frozenset({"fsfilter anti-virus", "early-launch"})
_NAMES: Final = ("DisplayName", "Publisher")
_SHOWN: Final = 16


@rule("windows-has-no-other-antivirus", "No antivirus of another maker works in Windows", "windows")
def windows_has_no_other_antivirus(facts: Facts, *, products: Sequence[str], own: Sequence[str]) -> Verdict:
    r"""Installed products with a name of `products`, and drivers of the load order groups of antivirus.

    Drivers that are disabled do not count, nor those of Windows itself, `own`.

    Why: an antivirus keeps new drivers from being installed or loaded, changes the network card's filters, and may stop
    Windows at its first start on another machine (0x7B).

    Fix: uninstall the product before the image is taken, and install it anew on the instances.

    Reads: SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall and its like below WOW6432Node, Services

    References: Amazon, VM Import/Export User Guide (Disable any antivirus or intrusion detection software); Microsoft,
    Load order groups and altitudes for minifilter drivers.
    """
    registry = facts[Registry]
    native, others = (list(registry.subkeys(path)) for path in _UNINSTALL)
    if not native:  # Windows itself has entries there
        raise UnknownFact("what is installed is not told", registry.place(_UNINSTALL[0]))
    installed = native + others
    pattern = re.compile("|".join(rf"(?<![a-z0-9]){re.escape(name.lower())}(?![a-z0-9])" for name in products))
    found = [*_products(registry, installed, pattern), *_drivers(facts, own)]
    if found:
        return warning("antivirus of another maker works in Windows", *islice(found, _SHOWN))
    return ok(
        "no other antivirus is known to be there",
        Evidence(registry.place(_UNINSTALL[0]), f"products: {len(installed)}"),
        Evidence(registry.place(SERVICES), "no driver of another antivirus"),
    )


def _products(registry: Registry, installed: Sequence[Key], pattern: re.Pattern[str]) -> Iterator[Evidence]:
    for key in installed:
        registry.own(key)
        for name in _NAMES:
            value = key.value(name)
            text = registry.string(value)
            if value and pattern.search(text.lower()):
                yield Evidence(registry.in_guest(value.place), text)
                break


def _drivers(facts: Facts, own: Sequence[str]) -> Iterator[Evidence]:
    for item in facts[Services].items:
        ours = not item.is_driver or item.group.lower() not in _GROUPS or item.name.lower() in own
        if not ours and item.start != Start.DISABLED:
            yield Evidence(item.place, f"a driver of the group {item.group}, started: {item.start_name}")


RULES = (windows_has_no_other_antivirus,)
