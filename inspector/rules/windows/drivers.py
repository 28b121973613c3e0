r"""Drivers of Windows: that those of the boot are there, that filters lead to drivers, and that none hides a device.

Source: Microsoft's documentation of `ErrorControl` and of class filters ("Installing a Filter Driver", "Service
registry trees for drivers"); device setup classes are named in "System-Defined Device Setup Classes".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, NotApplicable, Status, Verdict, failed, ok, warning
from inspector.windows.device_classes import CARDS, CLASSES, DISKS, IDE, STORAGE, SYSTEM, TITLES, VOLUMES
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_driver, judge_service
from inspector.windows.services import SERVICES, Service, Services, Start, absent, service, unmet

_CRITICAL: Final = 3
_NEEDED: Final = frozenset({"acpi", "disk", "mountmgr", "partmgr", "pci", "volmgr"})
"""Drivers that lead from the bus to the system drive: every release starts them at boot, as real hives have it."""
_FILE_SYSTEM: Final = "ntfs"  # no other one can hold the Windows of the releases that are judged
_SHOWN: Final = 16
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
_EARLY: Final = (Start.BOOT, Start.SYSTEM)
_XEN: Final = ("xenpci", "xenvbd", "xennet", "xenscsi", "xenstub", "xenbus", "xenfilt", "xenvif", "xeniface")
_INSTALLATION: Final = (r"DeviceInstall\Parameters", r"PlugPlay\Parameters")
"""Where it says that no device is to be installed; the second one before Windows 8, where the vendor names both."""
_DISABLED: Final = "DeviceInstallDisabled"
_INSTALLERS: Final = ("PlugPlay", "DeviceInstall")
"""The services that install devices; the second one came with Windows 8."""
_SEVEN: Final = (6, 1)
_EIGHT_ONE: Final = (6, 3)


@rule("windows-boot-drivers-exist", "The drivers that Windows starts at boot are there", "windows")
def windows_boot_drivers_exist(facts: Facts) -> Verdict:
    r"""Every driver that the loader or the kernel starts, with its file.

    That of NTFS is among them, though its start type says by hand: the loader takes the driver of the file system that
    it starts Windows from.

    Those that lead to the system drive have to be started at boot: ACPI, pci, disk, partmgr, volmgr, mountmgr; a key
    StartOverride outweighs their `Start`.

    Why: without a driver whose error control is critical Windows does not start, or only with the last known good
    control set, which lacks the file too; without one that leads to the system drive it stops with 0x7B, without others
    it starts without their devices.

    Fix: restore the file that is named (`sfc /scannow /offbootdir=C:\ /offwindir=C:\Windows`), or uninstall the
    product that the driver was a part of; set `Start` of the drivers to the system drive to 0, and delete their keys
    StartOverride.

    Reads: SYSTEM\CurrentControlSet\Services, System32\drivers

    References: Microsoft, Specifying Driver Load Order; CreateServiceW, dwErrorControl; Windows Internals, The Windows
    OS Loader (the driver of the file system).
    """
    registry, every = facts[Registry], facts[Services]
    unread = Unread()
    critical: list[Evidence] = []
    bad: list[Evidence] = []
    started: dict[str, bool] = {}
    for item in every.readable:
        if not item.is_driver or (item.start not in _EARLY and item.name.lower() != _FILE_SYSTEM):
            continue
        started[item.name.lower()] = item.start == Start.BOOT and not item.start_override
        with unread.kept():
            if flaw := flaw_of_program(facts, item.file):
                seen = Evidence(facts[Guest].place(item.file), f"{item.name}, started: {item.start_name}: {flaw}")
                (critical if _is_critical(item) else bad).append(seen)
    idle = [name for name in sorted(_NEEDED) if not started.get(name)]
    for name in idle if _FILE_SYSTEM in started else [_FILE_SYSTEM, *idle]:
        with unread.kept():
            critical += _idle(registry, name)
    if critical:
        return failed("Windows cannot start without drivers that are not there", *critical[:_SHOWN], *bad[:_SHOWN])
    if bad:
        return warning(f"{len(bad)} of {len(started)} drivers of the boot do not load", *bad[:_SHOWN])
    unread.tell()
    every.tell()
    return ok("the drivers of the boot are there", Evidence(registry.place(SERVICES), f"{len(started)} drivers"))


def _is_critical(item: Service) -> bool:
    return item.error_control == _CRITICAL or item.name.lower() in {*_NEEDED, _FILE_SYSTEM}


def _idle(registry: Registry, name: str) -> Iterator[Evidence]:
    """Give what was seen of a driver that is not started at boot; raise `UnknownFact` where it cannot be read."""
    found = service(registry, name)
    if found is None:
        yield absent(registry, name)
        return
    if not found.is_driver:
        yield Evidence(found.place, f"{found.name}: no driver")
    if found.start != Start.BOOT:
        yield Evidence(found.start_place, f"{found.name}, started: {found.start_name}")
    if found.start_override:
        place = registry.place(rf"{SERVICES}\{found.name}\StartOverride", "0")
        yield Evidence(place, f"{found.name}, in spite of Start: {found.start_override}")


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
        return failed("filters name drivers that cannot be loaded, or lack that of partitions", *bad, *extra)
    unread.tell()
    if extra:
        return warning("filters that are not those of Windows", *extra)
    return ok("the filters are those of Windows", *good or [Evidence(registry.place(CLASSES), "no filters")])


def _flaw_of_filter(facts: Facts, name: str) -> str | None:
    found = service(facts[Registry], name)
    if found is None:
        return "no such service"
    if found.start in (None, Start.DISABLED):
        return "it is disabled"
    if flaw := flaw_of_program(facts, found.file):
        return f"its file {flaw}"
    return None


@rule("windows-xen-hides-no-device", "No driver of Xen hides the disk or the network card", "windows")
def windows_xen_hides_no_device(facts: Facts) -> Verdict:
    r"""The value `hide_devices` of the driver XenPCI, and drivers of Xen that are still installed.

    Why: on another hypervisor the driver hides the devices that the value names, among them the disk: 0x7B.

    Fix: uninstall the drivers of Xen before the export; where it is too late, delete the value.

    Reads: SYSTEM\CurrentControlSet\Services\XenPCI\Parameters, the services of Xen's drivers

    References: Alibaba Cloud, Detect custom images and repair, "Disable the Xen driver" (GUESTOS.Xen).
    """
    registry = facts[Registry]
    parameters = rf"{SERVICES}\XenPCI\Parameters"
    value = registry.value(parameters, "hide_devices")
    left: list[Evidence] = []
    unread = Unread()
    for name in _XEN:
        with unread.kept():
            found = service(registry, name)
            if found and found.start not in (None, Start.DISABLED):
                left.append(Evidence(found.start_place, found.start_name))
    if value is not None and value.data.strip(b"\0"):
        hidden = Evidence(registry.place(parameters, "hide_devices"), "not empty")
        return failed("a driver of Xen hides devices", hidden, *left)
    if left:
        return warning("drivers of Xen are left", *left)
    unread.tell()
    return ok("no driver of Xen is left", Evidence(registry.place(parameters, "hide_devices"), "no such value"))


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


@rule(
    "windows-nvme-driver-boots", "Windows starts its driver of NVMe disks before it mounts its system drive", "windows"
)
def windows_nvme_driver_boots(facts: Facts) -> Verdict:
    r"""The service stornvme, which came with Windows 8.1 and Server 2012 R2.

    Why: types of instances with NVMe disks stop with 0x7B without it.

    Fix: set `Start` of stornvme to 0, delete its key StartOverride, and restore its file.

    Reads: SYSTEM\CurrentControlSet\Services\stornvme with StartOverride, System32\drivers\stornvme.sys

    References: Microsoft, StorNVMe Command Set Support; CreateServiceW, dwStartType; Amazon EC2, Upgrade PV drivers on
    Windows instances (on StartOverride).
    """
    registry, version = facts[Registry], facts[WindowsVersion]
    found = service(registry, "stornvme")
    if found is None:
        if version.nt < _EIGHT_ONE:
            raise NotApplicable("this release has no driver of NVMe disks of its own")
        return warning("there is no driver of NVMe disks", absent(registry, "stornvme"))
    flaw, evidence = judge_driver(facts, found, Start.BOOT)
    return warning(flaw, *evidence) if flaw else ok("the driver of NVMe disks is started at boot", *evidence)


@rule(
    "windows-services-have-what-they-depend-on",
    "Services that start by themselves depend on services that are there",
    "windows",
)
def windows_services_have_what_they_depend_on(facts: Facts) -> Verdict:
    r"""The names in `DependOnService` of services and drivers that start at boot: of services that are not disabled.

    Why: a service does not start without those that it depends on, and nobody is told.

    Fix: uninstall the product whose service is named, or take the name out of `DependOnService`; a service that others
    need is not to be disabled.

    Reads: SYSTEM\CurrentControlSet\Services

    References: Microsoft, CreateServiceW, lpDependencies.
    """
    registry = facts[Registry]
    found = {item.name.lower(): item for item in facts[Services].readable}
    unread = Unread()
    bad: list[Evidence] = []
    for item in found.values():
        if item.start is not None and item.start <= Start.AUTOMATIC:
            with unread.kept():
                bad += [Evidence(place, seen) for place, seen in unmet(registry, item, found)]
    if bad:
        return warning("services depend on others that are not there or disabled", *bad[:_SHOWN])
    unread.tell()
    facts[Services].tell()
    return ok("services have what they depend on", Evidence(registry.place(SERVICES), f"{len(found)} services"))


RULES = (
    windows_boot_drivers_exist,
    windows_class_filters_lead_to_drivers,
    windows_installs_devices,
    windows_nvme_driver_boots,
    windows_services_have_what_they_depend_on,
    windows_xen_hides_no_device,
)
