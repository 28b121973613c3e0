r"""Virtio on Windows: the drivers of the paravirtual disk and network card, as services, files and matches of devices.

Source: Microsoft's documentation of service start types and of device ids; the ids of virtio devices are in the Virtual
I/O Device (VIRTIO) specification, "Virtio Over PCI Bus": 0x1000 and up transitional, 0x1040 and up modern.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES, Service, Start, service
from parsers.windows.registry import Key

_DISK_IDS: Final = ("1001", "1042", "1004", "1048")
"""Block devices and SCSI adapters, transitional and modern."""
_NETWORK: Final = "netkvm"
_OTHERS: Final = {
    "memory balloon": ("balloon",),
    "serial port": ("vioserial", "vioser", "VirtioSerial", "VirtioSerialDriver"),
}
_DATABASES: Final = (r"HKLM\SYSTEM\DriverDatabase", r"HKLM\DRIVERS\DriverDatabase")
_CRITICAL: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\CriticalDeviceDatabase"
_PRESENT: Final = r"HKLM\SYSTEM\CurrentControlSet\Enum\PCI"


def judge_driver(facts: Facts, found: Service, latest: Start) -> tuple[str | None, Evidence]:
    """Say what keeps a driver from being started at `latest` or before (None: nothing), with what was seen."""
    if found.start is None or not Start.BOOT <= found.start <= latest:
        return f"{found.name} is not started at {latest.name.lower()}", Evidence(found.start_place, found.start_name)
    if latest is Start.BOOT and found.start_override:
        place = facts[Registry].place(rf"{SERVICES}\{found.name}\StartOverride", "0")
        return f"{found.name} is not started at boot, in spite of Start", Evidence(place, str(found.start_override))
    if flaw := flaw_of_program(facts, found.file):
        return f"the file of {found.name} {flaw}", Evidence(facts[Guest].place(found.file), flaw)
    return None, Evidence(facts[Guest].place(found.file), f"{found.name}, started: {found.start_name}")


@rule(
    "windows-virtio-disk-driver-boots",
    "Windows starts a driver of the virtio disk before it mounts its system drive",
    "windows",
)
def windows_virtio_disk_driver_boots(facts: Facts, *, drivers: list[str]) -> Verdict:
    r"""One of the `drivers` of the profile has to be a boot-start service whose file is there.

    Why: without it Windows stops with INACCESSIBLE_BOOT_DEVICE (0x7B) when its disk is a virtio one.

    Fix: install the virtio drivers of the cloud in the running guest, set `Start` of the service to 0, and delete its
    key StartOverride.

    Reads: SYSTEM\CurrentControlSet\Services\viostor and vioscsi, with StartOverride, System32\drivers

    References: OASIS, Virtual I/O Device (VIRTIO), PCI bus; Microsoft, stop code 0x7B.
    """
    registry = facts[Registry]
    found = [item for name in drivers if (item := service(registry, name))]
    if not found:
        places = (Evidence(registry.place(rf"{SERVICES}\{name}"), "no such service") for name in drivers)
        return failed(f"none of the drivers is installed: {', '.join(drivers)}", *places)
    judged = [judge_driver(facts, item, Start.BOOT) for item in found]
    if good := [evidence for flaw, evidence in judged if flaw is None]:
        return ok("a driver of the virtio disk is started at boot", *good)
    return failed("; ".join(flaw for flaw, _ in judged if flaw), *(evidence for _, evidence in judged))


@rule("windows-virtio-disk-is-matched", "Windows knows which driver the virtio disk of the cloud wants", "windows")
def windows_virtio_disk_is_matched(facts: Facts) -> Verdict:
    r"""The device ids of virtio disks are looked for where Windows looks for a driver of a new device at boot.

    Why: a boot-start driver is of use only where the id of the disk's PCI device leads to it: else 0x7B.

    Fix: install the virtio drivers with their INF file (`pnputil /add-driver viostor.inf /install`), not by copying
    the .sys file.

    Reads: DriverDatabase\DeviceIds\PCI of SYSTEM and DRIVERS, CriticalDeviceDatabase, Enum\PCI

    References: Microsoft, Driver store and device ids; OASIS, Virtual I/O Device (VIRTIO), PCI device
    discovery.
    """
    registry = facts[Registry]
    if found := list(_matches(registry)):
        return ok("the ids of virtio disks lead to drivers", *found[:4])
    wanted = ", ".join(_DISK_IDS)
    places = (rf"{_DATABASES[0]}\DeviceIds\PCI", _CRITICAL, _PRESENT)
    seen = f"no VEN_1AF4 with DEV_{wanted}"
    return failed("no driver is known for a virtio disk", *(Evidence(registry.place(path), seen) for path in places))


def _matches(registry: Registry) -> Iterator[Evidence]:
    for base in _DATABASES:
        for key in _subkeys(registry, rf"{base}\DeviceIds\PCI"):
            if _is_disk(key.name) and (names := [value.name for value in key.values()]):
                yield Evidence(registry.in_guest(key.place), f"driver package {names[0]}")
    for key in _subkeys(registry, _CRITICAL):
        if _is_disk(key.name) and (found := key.value("Service")) and found.text:
            yield Evidence(registry.in_guest(key.place), f"service {found.text}")
    for device in _subkeys(registry, _PRESENT):
        for instance in device.subkeys() if _is_disk(device.name) else ():
            if (found := instance.value("Service")) and found.text:
                yield Evidence(registry.in_guest(instance.place), f"service {found.text}")


def _subkeys(registry: Registry, path: str) -> Iterator[Key]:
    try:
        yield from registry.subkeys(path)
    except NotFound:  # the hive DRIVERS came with Windows 10
        return


def _is_disk(name: str) -> bool:
    folded = name.lower().removeprefix("pci#")
    return any(folded.startswith(f"ven_1af4&dev_{number}") for number in _DISK_IDS)


@rule("windows-virtio-net-driver-present", "Windows has the driver of the virtio network card", "windows")
def windows_virtio_net_driver_present(facts: Facts) -> Verdict:
    r"""The service is started when the card is found.

    Why: without netkvm the instance has no network.

    Fix: install the virtio drivers of the cloud in the running guest, and set `Start` of netkvm to 3.

    Reads: SYSTEM\CurrentControlSet\Services\netkvm, System32\drivers

    References: Alibaba Cloud, install the virtio driver (GUESTOS.Virtio).
    """
    registry = facts[Registry]
    found = service(registry, _NETWORK)
    if found is None:
        return failed("netkvm is not installed", Evidence(registry.place(rf"{SERVICES}\{_NETWORK}"), "no such service"))
    flaw, evidence = judge_driver(facts, found, Start.MANUAL)
    return failed(flaw, evidence) if flaw else ok("the virtio network driver is there", evidence)


@rule("windows-other-virtio-drivers-present", "Windows has the drivers of the other virtio devices", "windows")
def windows_other_virtio_drivers_present(facts: Facts) -> Verdict:
    r"""Balloon and serial port.

    Why: without them the cloud cannot reclaim memory, nor talk to its agent through the serial port.

    Fix: install the virtio drivers of the cloud in the running guest.

    Reads: SYSTEM\CurrentControlSet\Services, System32\drivers

    References: OASIS, Virtual I/O Device (VIRTIO), memory balloon and console devices.
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
        (bad if flaw else good).append(evidence)
    if bad:
        return warning("drivers of virtio devices are lacking or do not load", *bad)
    return ok("the other virtio drivers are there", *good)


@rule("windows-virtio-driver-files-are-writable", "The files of the virtio drivers can be replaced", "windows")
def windows_virtio_driver_files_are_writable(facts: Facts, *, drivers: list[str]) -> Verdict:
    r"""None of them has the attribute read-only.

    Why: the import replaces the drivers by its own, which the attribute forbids.

    Fix: run `attrib -r` on the files that are named.

    Reads: the attributes of System32\drivers\*.sys

    References: Alibaba Cloud, import of custom images, virtio driver files.
    """
    guest = facts[Guest]
    paths = [path for name in drivers if guest.is_file(path := rf"C:\Windows\System32\drivers\{name}.sys")]
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
    windows_virtio_disk_is_matched,
    windows_virtio_net_driver_present,
    windows_other_virtio_drivers_present,
    windows_virtio_driver_files_are_writable,
)
