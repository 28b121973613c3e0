"""Virtio on Windows: the drivers of the paravirtual disk, network card and other devices, as services and files.

Source: Microsoft's documentation of service start types, and what an import asks of the files.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_driver
from inspector.windows.services import SERVICES, Start, absent, service

_NETWORK: Final = "netkvm"
_OTHERS: Final = {
    "memory balloon": ("balloon",),
    "serial port": ("vioserial", "vioser", "VirtioSerial", "VirtioSerialDriver"),
    "device that reports a crash": ("pvpanic",),
}


@rule(
    "windows-virtio-disk-driver-boots",
    "Windows starts a driver of the virtio disk before it mounts its system drive",
    "windows",
)
def windows_virtio_disk_driver_boots(facts: Facts, *, drivers: list[str]) -> Verdict:
    r"""One of the `drivers` of the profile has to be a boot-start service whose file is there.

    Why: without it Windows stops with INACCESSIBLE_BOOT_DEVICE (0x7B) when its disk is a virtio one.

    Fix: install the virtio drivers of the cloud in the running guest, or in an image whose system drive another machine
    has as D: (`dism /image:D:\ /add-driver /driver:viostor.inf`, which installs drivers of the boot at once); set
    `Start` of the service to 0, and delete its key StartOverride.

    Reads: SYSTEM\CurrentControlSet\Services\viostor and vioscsi, with StartOverride, System32\drivers

    References: OASIS, Virtual I/O Device (VIRTIO), PCI bus; Microsoft, Bug Check 0x7B: INACCESSIBLE_BOOT_DEVICE;
    CreateServiceW, dwStartType; Amazon EC2, Upgrade PV drivers on Windows instances (on StartOverride).
    """
    registry = facts[Registry]
    unread = Unread()
    judged: list[tuple[str | None, list[Evidence]]] = []
    for name in drivers:
        with unread.kept():
            if found := service(registry, name):
                judged.append(judge_driver(facts, found, Start.BOOT))
    if good := [items for flaw, items in judged if flaw is None]:
        return ok("a driver of the virtio disk is started at boot", *chain(*good))
    unread.tell()
    if not judged:
        places = (absent(registry, name) for name in drivers)
        return failed(f"none of the drivers is installed: {', '.join(drivers)}", *places)
    return failed("; ".join(flaw for flaw, _ in judged if flaw), *chain(*(items for _, items in judged)))


@rule("windows-virtio-net-driver-present", "Windows has the driver of the virtio network card", "windows")
def windows_virtio_net_driver_present(facts: Facts) -> Verdict:
    r"""The service is started when the card is found.

    Why: without netkvm the instance has no network.

    Fix: install the virtio drivers of the cloud in the running guest, and set `Start` of netkvm to 3.

    Reads: SYSTEM\CurrentControlSet\Services\netkvm, System32\drivers

    References: Alibaba Cloud, Install the virtio driver; Detect custom images and repair (GUESTOS.Virtio).
    """
    registry = facts[Registry]
    found = service(registry, _NETWORK)
    if found is None:
        return failed("netkvm is not installed", absent(registry, _NETWORK))
    flaw, evidence = judge_driver(facts, found, Start.MANUAL)
    return failed(flaw, *evidence) if flaw else ok("the virtio network driver is there", *evidence)


@rule("windows-other-virtio-drivers-present", "Windows has the drivers of the other virtio devices", "windows")
def windows_other_virtio_drivers_present(facts: Facts) -> Verdict:
    r"""Balloon, serial port and pvpanic.

    Why: without them the cloud cannot reclaim memory, talk to its agent through the serial port, nor learn that Windows
    has crashed.

    Fix: install the virtio drivers of the cloud in the running guest.

    Reads: SYSTEM\CurrentControlSet\Services, System32\drivers

    References: OASIS, Virtual I/O Device (VIRTIO), memory balloon and console devices; Alibaba Cloud, diagnosis of
    Windows on ECS, driver integrity (which services it asks for).
    """
    registry = facts[Registry]
    good: list[Evidence] = []
    bad: list[Evidence] = []
    for device, names in _OTHERS.items():
        found = next((item for name in names if (item := service(registry, name))), None)
        if found is None:
            bad.append(Evidence(registry.place(rf"{SERVICES}\{names[0]}"), f"no driver of the {device}"))
            continue
        flaw, evidence = judge_driver(facts, found, Start.MANUAL)
        (bad if flaw else good).extend(evidence)
    if bad:
        return warning("drivers of virtio devices are lacking or do not load", *bad)
    return ok("the other virtio drivers are there", *good)


@rule("windows-virtio-driver-files-are-writable", "The files of the virtio drivers can be replaced", "windows")
def windows_virtio_driver_files_are_writable(facts: Facts, *, drivers: list[str]) -> Verdict:
    r"""None of them has the attribute read-only.

    Why: the import replaces the drivers by its own, which the attribute forbids.

    Fix: run `attrib -r` on the files that are named.

    Reads: the attributes of System32\drivers\*.sys

    References: Alibaba Cloud, Instructions for importing images (the files that must not be read-only).
    """
    guest = facts[Guest]
    paths = [path for name in drivers if guest.is_file(path := rf"\Windows\System32\drivers\{name}.sys")]
    if not paths:
        raise NotApplicable("no file of a virtio driver is there")
    bad = [path for path in paths if "read-only" in guest.flags(path)]
    if bad:
        return warning(
            "files of virtio drivers are read-only", *(Evidence(guest.place(path), "read-only") for path in bad)
        )
    return ok(
        "the files of the virtio drivers can be replaced",
        *(Evidence(guest.place(path), "not read-only") for path in paths),
    )


RULES = (
    windows_virtio_disk_driver_boots,
    windows_virtio_net_driver_present,
    windows_other_virtio_drivers_present,
    windows_virtio_driver_files_are_writable,
)
