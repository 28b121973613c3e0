r"""Drivers of Windows: that those of the boot and of NVMe disks are there and started, and that none hides a device.

Source: Microsoft's documentation of `ErrorControl` ("Service registry trees for drivers").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_driver
from inspector.windows.services import SERVICES, Service, Services, Start, absent, service

_CRITICAL: Final = 3
_NEEDED: Final = frozenset({"acpi", "disk", "mountmgr", "partmgr", "pci", "volmgr"})
"""Drivers that lead from the bus to the system drive: every release starts them at boot, as real hives have it."""
_FILE_SYSTEM: Final = "ntfs"  # no other one can hold the Windows of the releases that are judged
_SHOWN: Final = 16
_EARLY: Final = (Start.BOOT, Start.SYSTEM)
_XEN: Final = ("xenpci", "xenvbd", "xennet", "xenscsi", "xenstub", "xenbus", "xenfilt", "xenvif", "xeniface")
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
        return warning(f"drivers of the boot that do not load: {len(bad)} of {len(started)}", *bad[:_SHOWN])
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
            if found and found.can_start:
                left.append(Evidence(found.start_place, found.start_name))
    if value is not None and value.data.strip(b"\0"):
        hidden = Evidence(registry.place(parameters, "hide_devices"), "not empty")
        return failed("a driver of Xen hides devices", hidden, *left)
    if left:
        return warning("drivers of Xen are left", *left)
    unread.tell()
    return ok("no driver of Xen is left", Evidence(registry.place(parameters, "hide_devices"), "no such value"))


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


RULES = (
    windows_boot_drivers_exist,
    windows_nvme_driver_boots,
    windows_xen_hides_no_device,
)
