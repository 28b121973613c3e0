r"""Whether Windows installs devices that it did not know: the services for it, and policies that forbid it.

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
from inspector.unread import Unread
from inspector.verdict import Evidence, Status, Verdict, failed, ok, warning
from inspector.windows.device_classes import TITLES
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_service
from inspector.windows.services import SERVICES, Start

_RESTRICTIONS: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions"
_LAYERED_SINCE: Final = 10
_POLICIES: Final = r"HKLM\SOFTWARE"
_INSTALLATION: Final = (r"DeviceInstall\Parameters", r"PlugPlay\Parameters")
"""Where it says that no device is to be installed; the second one before Windows 8, where the vendor names both."""
_DISABLED: Final = "DeviceInstallDisabled"
_INSTALLERS: Final = ("PlugPlay", "DeviceInstall")
"""The services that install devices; the second one came with Windows 8."""
_SEVEN: Final = (6, 1)


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


@rule("windows-installs-devices", "Windows installs devices that it did not know", "windows")
def windows_installs_devices(facts: Facts) -> Verdict:
    r"""The value `DeviceInstallDisabled` of the service that installs devices, and whether that can be started.

    That is PlugPlay, since Windows 8 with DeviceInstall.

    Why: where it is set, or a service is disabled, the network card and the disks of the cloud never get their drivers.

    Fix: delete the value, or set it to 0; of a service that is disabled set `Start` to 3 (of PlugPlay up to Windows 7
    and Server 2008 R2 to 2) in the registry, and restart.

    Reads: Services\DeviceInstall and Services\PlugPlay with their Parameters (DeviceInstallDisabled of PlugPlay up to
    Windows 7 and Server 2008 R2 alone)

    References: Alibaba Cloud, Detect custom images and repair, "Allow driver installation" (GUESTOS.Server); Microsoft,
    Guidance on disabling system services on Windows Server (Device Install Service, Plug and Play).
    """
    registry, version = facts[Registry], facts[WindowsVersion]
    is_seven = version.nt <= _SEVEN
    good: list[Evidence] = []
    bad: list[Evidence] = []
    unread = Unread()
    for path in (rf"{SERVICES}\{path}" for path in (_INSTALLATION if is_seven else _INSTALLATION[:1])):
        with unread.kept():
            number = registry.number(path, _DISABLED)
            seen = Evidence(registry.place(path, _DISABLED), "not set" if number is None else str(number))
            (bad if number else good).append(seen)
    verdicts = []
    for name in _INSTALLERS[:1] if is_seven else _INSTALLERS:
        with unread.kept():
            verdicts.append(judge_service(facts, name, Start.MANUAL, required=False))
    broken = [verdict for verdict in verdicts if verdict.status is not Status.OK]
    stopped = [item for verdict in broken for item in verdict.evidence]
    if bad:
        return failed("new devices are not installed", *bad, *stopped)
    if broken:
        fix = " ".join(dict.fromkeys(verdict.fix or windows_installs_devices.fix for verdict in broken))
        return warning("; ".join(verdict.message for verdict in broken), *stopped, fix=fix)
    unread.tell()
    return ok("new devices are installed", *good, *(verdict.evidence[0] for verdict in verdicts))


RULES = (
    windows_installs_devices,
    windows_policies_let_devices_in,
)
