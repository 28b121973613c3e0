r"""Policies that forbid Windows to install devices, and whether those of the cloud are among them.

Source: Microsoft's documentation, "Policy CSP - DeviceInstallation" and "Manage Device Installation with Group Policy":
below `DeviceInstall\Restrictions` a number switches each list on, and the key of its name has the list, as values 1, 2
and so on. Without `AllowDenyLayered` what is denied stays so, whatever is allowed; with it the more specific list
decides: instances, then hardware ids, then classes, and `DenyUnspecified`, which else denies all that no list allows,
is not looked at; releases before Windows 10 know of no layers. A device has many ids, down to `PCI\VEN_1AF4`, its
maker, and `PCI\CC_0100`, its kind.
Left out is `DenyRemovableDevices` (no disk or card of a cloud says that it can be removed), and lists of instances,
which name one place in one machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_version import WindowsVersion
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.device_classes import TITLES
from inspector.windows.registry import Registry

_RESTRICTIONS: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions"
_LAYERED_SINCE: Final = 10
_POLICIES: Final = r"HKLM\SOFTWARE"


@rule("windows-policies-let-devices-in", "No policy forbids to install the disks and cards of the cloud", "windows")
def windows_policies_let_devices_in(facts: Facts, *, hardware: Sequence[str]) -> Verdict:
    r"""The lists of denied hardware ids and classes, and the policy that denies all others.

    The ids of the cloud's devices begin with one of `hardware`.

    Why: Windows installs no driver for a device that a policy denies: no disk (0x7B), no network card.

    Fix: take the policy away that is named (Device Installation Restrictions), or allow the ids and classes.

    Reads: SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions

    References: Microsoft, Policy CSP - DeviceInstallation; Manage Device Installation with Group Policy.
    """
    registry = facts[Registry]
    if registry.key(_POLICIES) is None:
        raise UnknownFact("policies are not told", registry.place(_POLICIES))
    layers = registry.number(_RESTRICTIONS, "AllowDenyLayered")
    layered = bool(layers) and facts[WindowsVersion].major >= _LAYERED_SINCE
    ids = {item.seen.lower() for item in _listed(registry, "AllowDeviceIDs")}
    classes = {item.seen.lower() for item in _listed(registry, "AllowDeviceClasses")}
    allowed = ids.issuperset(name.lower() for name in hardware)
    bad = [
        Evidence(item.place, f"{item.seen}: denied")
        for item in _listed(registry, "DenyDeviceIDs")
        if item.seen.lower().startswith(tuple(name.lower() for name in hardware))
    ]
    if not (layered and allowed):
        bad += [
            Evidence(item.place, f"{item.seen}, {title}: denied")
            for item in _listed(registry, "DenyDeviceClasses")
            if (title := TITLES.get(item.seen.lower()))
        ]
    number = registry.number(_RESTRICTIONS, "DenyUnspecified")
    if number and not (layered or allowed or classes.issuperset(TITLES)):
        place = registry.place(_RESTRICTIONS, "DenyUnspecified")
        bad.append(Evidence(place, f"{number}: all that no list allows is denied"))
    if bad:
        return warning("a policy forbids devices that the cloud has", *bad)
    return ok("no policy forbids devices", Evidence(registry.place(_RESTRICTIONS), "nothing of the cloud is denied"))


def _listed(registry: Registry, policy: str) -> Iterator[Evidence]:
    """The entries of a list that is switched on, each with its place."""
    if registry.number(_RESTRICTIONS, policy):
        for value in registry.values(rf"{_RESTRICTIONS}\{policy}"):
            text = registry.string(value).strip()
            yield Evidence(registry.in_guest(value.place), text or "empty")


RULES = (windows_policies_let_devices_in,)
