r"""Collects `VirtioDrivers` and `VirtioDevices`: what ids of virtio lead to, and the devices that there have been.

Source: of the databases see inspector/windows/driver_store.py. Windows 7 and Server 2008 R2 know their disk by
`Control\CriticalDeviceDatabase` (id, service, package), which no later release reads, and every other device by the
INF files in `Windows\INF`, where those of third parties are `oem<number>.inf`. A device that was installed is a key of
`Enum\PCI`, with its driver and CONFIGFLAG_* (Microsoft, regstr.h); the disks behind it are keys of `Enum\SCSI` whose
names begin with its `ParentIdPrefix`, as two real hives have them. Only the hive SYSTEM is read before a disk is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, TypeVar

from inspector.facts import Facts
from inspector.facts.platform import Architecture
from inspector.facts.windows_drivers import DriverMatch, DriverPackage, Origin, PciDevice, VirtioDevices, VirtioDrivers
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest, NotFound
from inspector.windows.driver_store import DATABASES, REPOSITORY, DriverStore
from inspector.windows.registry import Registry
from parsers.place import ParseError
from parsers.windows.inf import MAX_SIZE, Inf
from parsers.windows.registry import Key

_VENDOR: Final = "VEN_1AF4&"
_CRITICAL: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\CriticalDeviceDatabase"
_PRESENT: Final = r"HKLM\SYSTEM\CurrentControlSet\Enum\PCI"
_DISKS: Final = r"HKLM\SYSTEM\CurrentControlSet\Enum\SCSI"
_INF_FOLDER: Final = r"\Windows\INF"
_OEM: Final = re.compile(r"(?i)oem\d{1,5}\.inf")
_PACKAGE: Final = re.compile(r"(?i)([^\\/]+\.inf)_[^\\/]+")
_NAMED: Final = (b"ven_1af4", "ven_1af4".encode("utf-16-le"))
_SEVEN: Final = (6, 1)
_MACHINES: Final = {"x86_64": "amd64", "i386": "x86", "aarch64": "arm64"}
_Item = TypeVar("_Item")
_MAX_MATCHES: Final = 4096
_MAX_READ: Final = 64 << 20
"""Bytes of INF files that are looked through; a machine with the largest drivers has a third of it."""


def collect_virtio_drivers(facts: Facts) -> VirtioDrivers:
    """Look up every id of virtio's vendor; unknown where a hive or a package cannot be read whole."""
    registry, version = facts[Registry], facts[WindowsVersion]
    store = DriverStore(facts[Guest], registry)
    if version.nt <= _SEVEN:
        found = _bounded(chain(_from_critical(facts, store), _from_infs(facts, store)), registry)
    else:
        found = _bounded(_from_databases(registry, store), registry)
    installed = [
        DriverMatch(item.device, Origin.DEVICE, at_boot=True, service=item.service, package=None, flaw=None,
                    place=item.place)
        for item in facts[VirtioDevices].devices
        if item.service
    ]  # fmt: skip
    return VirtioDrivers((*found, *installed))


def collect_virtio_devices(facts: Facts) -> VirtioDevices:
    """Look up the devices of virtio's vendor; unknown where the hive cannot be read whole."""
    registry = facts[Registry]
    return VirtioDevices(tuple(_bounded(_devices(registry), registry)))


def _bounded(items: Iterator[_Item], registry: Registry) -> list[_Item]:
    found = list(islice(items, _MAX_MATCHES))
    if next(items, None) is not None:
        message = f"at most {_MAX_MATCHES} ids of devices wanted, more found"
        raise ParseError(registry.place(r"HKLM\SYSTEM"), message)
    return found


def _from_databases(registry: Registry, store: DriverStore) -> Iterator[DriverMatch]:
    for base in DATABASES:
        for key in store.subkeys(rf"{base}\DeviceIds\PCI", _VENDOR):
            yield from _from_key(registry, store, key, at_boot=base == DATABASES[0])


def _from_key(registry: Registry, store: DriverStore, key: Key, *, at_boot: bool) -> Iterator[DriverMatch]:
    registry.own(key)
    for value in (item for item in key.all_values() if item.name):
        package, service, flaw = store.driver(value.name, key.name)
        place = registry.in_guest(value.place)
        yield DriverMatch(key.name.upper(), Origin.DATABASE, at_boot, service, package, flaw, place)


def _from_critical(facts: Facts, store: DriverStore) -> Iterator[DriverMatch]:
    registry = facts[Registry]
    for key in registry.subkeys(_CRITICAL, f"PCI#{_VENDOR}"):
        registry.own(key)
        device = key.name.upper().removeprefix("PCI#")
        service, package = registry.string(key.value("Service")), registry.string(key.value("DriverPackageId"))
        found = _stored(facts, store, package)
        place = registry.in_guest(key.place)
        yield DriverMatch(device, Origin.CRITICAL, at_boot=True, service=service, package=found, flaw=None, place=place)


def _stored(facts: Facts, store: DriverStore, name: str) -> DriverPackage | None:
    """Return the package in the folder `name` of the driver store, as its INF file describes it."""
    match = _PACKAGE.fullmatch(name)
    inf = store.inf(rf"{REPOSITORY}\{name}\{match[1]}") if match else None
    return _described(facts, inf, name, match[1], "") if match and inf else None


def _from_infs(facts: Facts, store: DriverStore) -> Iterator[DriverMatch]:
    guest = facts[Guest]
    machine = _MACHINES.get(facts[Architecture].machine, "")
    for name in _published(guest):
        path = rf"{_INF_FOLDER}\{name}"
        if inf := store.inf(path):
            package, services = _described(facts, inf, "", "", name), store.services(path)
            for item in inf.devices():
                for device in item.ids if _is_for(item.models, machine) else ():
                    if device.startswith(f"PCI\\{_VENDOR}"):
                        known = device.removeprefix("PCI\\")
                        yield DriverMatch(
                            known, Origin.INF, at_boot=False, service=services.get(known, ""), package=package,
                            flaw=None, place=guest.place(path, item.place.line),
                        )  # fmt: skip


def _published(guest: Guest) -> Iterator[str]:
    """Give the INF files of third parties that name a device of virtio."""
    room = _MAX_READ
    try:
        names = [entry.name for entry in guest.listdir(_INF_FOLDER) if _OEM.fullmatch(entry.name)]
    except NotFound:
        return
    for name in names:
        content = guest.read_bytes(rf"{_INF_FOLDER}\{name}", MAX_SIZE).lower()
        room -= len(content)
        if room < 0:
            raise ParseError(guest.place(_INF_FOLDER), f"INF files of at most {_MAX_READ} bytes wanted, more found")
        if any(text in content for text in _NAMED):
            yield name


def _is_for(models: str, machine: str) -> bool:
    """Tell whether a section of models is for a machine; one that names none is for 32 bits of Intel's."""
    ending = models.lower().partition(".")[2].partition(".")[0].removeprefix("nt")
    return (ending or "x86") == machine


def _described(facts: Facts, inf: Inf, name: str, own: str, published: str) -> DriverPackage:
    guest = facts[Guest]
    entry = inf.entry("Version", "DriverVer")
    place = guest.place(inf.path, entry.place.line if entry else None)
    provider = inf.text("Version", "Provider") or ""
    return DriverPackage(name, own, published, provider, inf.driver_version, inf.driver_date, place)


def _devices(registry: Registry) -> Iterator[PciDevice]:
    disks = None
    for device in registry.subkeys(_PRESENT, _VENDOR):
        for instance in _instances(registry, device):
            if disks is None:
                disks = _bounded(_disks(registry), registry)
            prefix = registry.string(instance.value("ParentIdPrefix")).lower()
            behind = (disk for name, disk in disks if prefix and name.startswith(f"{prefix}&"))
            yield _device(registry, device, instance, _PRESENT, tuple(behind))


def _disks(registry: Registry) -> Iterator[tuple[str, PciDevice]]:
    for device in registry.subkeys(_DISKS, "disk&"):
        for instance in _instances(registry, device):
            yield instance.name.lower(), _device(registry, device, instance, _DISKS)


def _instances(registry: Registry, device: Key) -> Iterator[Key]:
    registry.own(device)
    for instance in device.all_subkeys():
        registry.own(instance)
        yield instance


def _device(registry: Registry, device: Key, instance: Key, path: str, disks: tuple[PciDevice, ...] = ()) -> PciDevice:
    flags = instance.value("ConfigFlags")
    return PciDevice(
        device=device.name.upper(),
        service=registry.string(instance.value("Service")),
        flags=None if flags is None else registry.wanted(flags.number, "a number", flags),
        place=registry.place(rf"{path}\{device.name}\{instance.name}", "ConfigFlags"),
        disks=disks,
    )
