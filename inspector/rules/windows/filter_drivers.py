r"""Filters of devices: that those of disks, volumes and network cards are drivers that are there.

Source: Microsoft's documentation of class filters ("Installing a Filter Driver"; device setup classes are named in
"System-Defined Device Setup Classes"), "Configuring an INF file for a modifying filter driver" (Characteristics 0x40000
is a lightweight filter of network cards; FilterRunType 1 is mandatory, 2 optional) and "Specifying Filter Driver
Binding Relationships" (FilterMediaTypes). The places are those of real hives: Windows 7 keeps FilterRunType beside the
service, Windows 10 below NetworkSetup2, as `Optional` where it was 2.
"""

from __future__ import annotations

from itertools import islice, product
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.device_classes import CARDS, CLASSES, DISKS, IDE, STORAGE, SYSTEM, TITLES, VOLUMES
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import Registry
from inspector.windows.services import Start, service

_FILTERS: Final[dict[str, set[str]]] = {
    DISKS: {"partmgr", "ehstorclass"},
    VOLUMES: {"volsnap", "fvevol", "iorate", "rdyboost"},
    STORAGE: set(),
    IDE: set(),
    CARDS: set(),
    SYSTEM: set(),
}
"""The filters that Windows itself puts on the devices of a class."""
_PARTITIONS: Final = (DISKS, "UpperFilters")
_MANAGER: Final = "partmgr"
_SERVICES_OF_NETWORK: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Network\{4d36e974-e325-11ce-bfc1-08002be10318}"
_BINDINGS: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\NetworkSetup2\Filters"
_LIGHTWEIGHT: Final = 0x40000
_ETHERNET: Final = "ethernet"
_MANDATORY: Final = 1
_SHOWN: Final = 16


@rule(
    "windows-class-filters-lead-to-drivers",
    "The filters of disks, volumes and network cards are drivers that are there",
    "windows",
)
def windows_class_filters_lead_to_drivers(facts: Facts) -> Verdict:
    r"""`UpperFilters` and `LowerFilters` of the classes of devices without which nothing works.

    Of disks the upper filter partmgr has to be there: it gives them their partitions. Devices of the system, such as
    buses, are among the classes: drivers of Xen put their filters there.

    Why: Windows starts no device of a class one of whose filters cannot be loaded: no disk (0x7B), or no network.
    Filters of products that were not uninstalled for the move are the usual reason.

    Fix: take the name that is shown out of the list in the registry, or uninstall the product; put partmgr back.

    Reads: SYSTEM\CurrentControlSet\Control\Class, Services, System32\drivers

    References: Microsoft, Device filter driver ordering; System-Defined Device Setup Classes Available to Vendors (the
    classes); Alibaba Cloud, Detect custom images and repair, "Clear residual drivers from the registry" (GUESTOS.Disk);
    Qubes OS, issue 1078 (filters of xenpci on controllers and devices of the system, and 0x7B without them).
    """
    registry = facts[Registry]
    if registry.key(CLASSES) is None:
        raise UnknownFact("the classes of devices are not told", registry.place(CLASSES))
    good: list[Evidence] = []
    extra: list[Evidence] = []
    bad: list[Evidence] = []
    unread = Unread()
    for (guid, usual), side in product(_FILTERS.items(), ("UpperFilters", "LowerFilters")):
        devices = TITLES[guid]
        place = registry.place(rf"{CLASSES}\{guid}", side)
        with unread.kept():
            names = registry.texts(rf"{CLASSES}\{guid}", side)
            if (guid, side) == _PARTITIONS and _MANAGER not in map(str.lower, names):
                bad.append(Evidence(place, f"{_MANAGER} of {devices} is lacking: no disk has partitions"))
            for name in names:
                with unread.kept():
                    if flaw := _flaw_of_filter(facts, name):
                        bad.append(Evidence(place, f"{name} of {devices}: {flaw}"))
                    else:
                        (good if name.lower() in usual else extra).append(Evidence(place, f"{name} of {devices}"))
    if bad:
        return failed("filters cannot be loaded, or the one for partitions is lacking", *bad, *extra)
    unread.tell()
    if extra:
        return warning("filters that are not those of Windows", *extra)
    return ok("the filters are those of Windows", *good or [Evidence(registry.place(CLASSES), "no filters")])


def _flaw_of_filter(facts: Facts, name: str) -> str | None:
    found = service(facts[Registry], name)
    if found is None:
        return "no such service"
    if not found.can_start:
        return "it is disabled"
    if flaw := flaw_of_program(facts, found.file):
        return f"its file {flaw}"
    return None


@rule(
    "windows-network-filters-lead-to-drivers",
    "The filters of network cards are drivers of Windows, and there",
    "windows",
)
def windows_network_filters_lead_to_drivers(facts: Facts) -> Verdict:
    r"""The lightweight filters of NDIS for Ethernet, each with its service and the file of that.

    Why: a network card has no network whose mandatory filter cannot be loaded, and none for 90 seconds where an
    optional one cannot; a filter of a product of the source sees all traffic, and often breaks with another card.

    Fix: uninstall the product that the filter belongs to (`netcfg -u <component>`), or restore its file
    (`sfc /scannow`), and its service.

    Reads: Control\Network\{4d36e974-e325-11ce-bfc1-08002be10318}, Control\NetworkSetup2\Filters, Services,
    System32\drivers

    References: Microsoft, Mandatory Filter Drivers; KB 2019184: Optional NDIS LWF could cause 90-second delay in
    network availability; Configuring an INF file for a modifying filter driver; Specifying Filter Driver Binding
    Relationships.
    """
    registry = facts[Registry]
    if registry.key(_SERVICES_OF_NETWORK) is None:
        raise UnknownFact("the components of the network are not told", registry.place(_SERVICES_OF_NETWORK))
    good: list[Evidence] = []
    others: list[Evidence] = []
    weak: list[Evidence] = []
    bad: list[Evidence] = []
    for key in registry.subkeys(_SERVICES_OF_NETWORK):
        path = rf"{_SERVICES_OF_NETWORK}\{key.name}"
        if not _filters_cards(registry, path):
            continue
        name = registry.text(rf"{path}\Ndi", "Service") or ""
        title = registry.text(path, "ComponentId") or key.name
        place = registry.place(rf"{path}\Ndi", "Service")
        mandatory = _is_mandatory(registry, key.name)
        waits = not registry.number(rf"{_BINDINGS}\{key.name}\Kernel", "NoStartAtBoot")
        if flaw := _flaw_of_binding(facts, name, waits=waits):
            (bad if mandatory else weak).append(Evidence(place, f"{title}: {flaw}"))
        elif (registry.text(path, "InfPath") or "").lower().startswith("oem"):
            others.append(Evidence(place, f"{title}: not of Windows"))
        else:
            good.append(Evidence(place, name))
    if bad:
        return failed("filters that network cards need cannot be loaded", *islice((*bad, *weak, *others), _SHOWN))
    if weak or others:
        return warning(
            "filters of network cards are broken, or not those of Windows", *islice((*weak, *others), _SHOWN)
        )
    if not good:
        raise UnknownFact("no filter of network cards is told", registry.place(_SERVICES_OF_NETWORK))
    return ok("the filters are those of Windows", *good)


def _filters_cards(registry: Registry, path: str) -> bool:
    """Tell whether a component is a lightweight filter, and one of cards for Ethernet."""
    if not (registry.number(path, "Characteristics") or 0) & _LIGHTWEIGHT:
        return False
    media = registry.text(rf"{path}\Ndi\Interfaces", "FilterMediaTypes") or _ETHERNET
    return _ETHERNET in {name.strip().lower() for name in media.split(",")}


def _is_mandatory(registry: Registry, name: str) -> bool:
    """Tell what FilterRunType said at the installation: Windows 10 keeps no more of it than `Optional`."""
    kind = registry.number(rf"{_SERVICES_OF_NETWORK}\{name}\Ndi", "FilterRunType")
    if kind is not None:
        return kind == _MANDATORY
    kernel = rf"{_BINDINGS}\{name}\Kernel"
    return registry.key(kernel) is not None and not registry.number(kernel, "Optional")


def _flaw_of_binding(facts: Facts, name: str, *, waits: bool) -> str | None:
    """Say why a filter cannot be loaded; None where it can, or where it is disabled and no card waits for it."""
    found = service(facts[Registry], name) if name else None
    if found is None:
        return f"no service {name}" if name else "no service is named"
    if found.start == Start.DISABLED:
        return f"{name} is disabled" if waits else None
    flaw = flaw_of_program(facts, found.file)
    return f"the file of {name} {flaw}" if flaw else None


RULES = (
    windows_class_filters_lead_to_drivers,
    windows_network_filters_lead_to_drivers,
)
