r"""Virtio on Windows: that the ids of its disks and network cards lead to drivers, and that no such device is off.

Source: the ids are in the Virtual I/O Device (VIRTIO) specification, "PCI Device Discovery": 0x1000 and up are
transitional devices, which older drivers know too, 0x1040 and up modern ones. A device of a cloud may be either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from inspector.facts import Facts
from inspector.facts.windows_drivers import DriverMatch, Origin, PciDevice, VirtioDevices, VirtioDrivers, is_device
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.driver_store import DATABASES
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_driver
from inspector.windows.services import Start, service

_DISKS: Final = (("1001", "1042"), ("1004", "1048"))
"""Block devices and SCSI adapters, each as transitional and as modern device."""
_CARD: Final = ("1000", "1041")
_STORAGE: Final = tuple(number for pair in _DISKS for number in pair)
_NAMES: Final = ("transitional", "modern")
_PLACES: Final = (
    rf"{DATABASES[0]}\DeviceIds\PCI",
    r"HKLM\SYSTEM\CurrentControlSet\Control\CriticalDeviceDatabase",
    r"HKLM\SYSTEM\CurrentControlSet\Enum\PCI",
)
_STAGED: Final = "which was staged, and installed for no device"
_SHOWN: Final = 8


class _Led(NamedTuple):
    """Where the ids of one device lead: to drivers that serve, that are known too late, or that do not serve."""

    good: list[Evidence]
    late: list[Evidence]
    bad: list[Evidence]


@rule("windows-virtio-disk-is-matched", "Windows knows which driver the virtio disk of the cloud wants", "windows")
def windows_virtio_disk_is_matched(facts: Facts) -> Verdict:
    r"""The ids of virtio disks are followed where Windows follows them at boot: to a package, and to its service.

    A package that was only staged has no service there. The service has to be started at boot, with its file, and both
    the transitional and the modern device should have one, since a cloud may show either.

    Why: a boot-start driver is of use only where the id of the disk's PCI device leads to it: else 0x7B.

    Fix: install the virtio drivers with their INF file (`pnputil /add-driver viostor.inf /install`, before Windows 10
    1607 and Server 2016 `pnputil -i -a viostor.inf`) while a virtio disk is attached to the machine, not by copying the
    .sys file; where one of the two devices is lacking, install a newer package, which knows both.

    Reads: DriverDatabase of SYSTEM and DRIVERS (DeviceIds\PCI, DriverInfFiles, DriverPackages), of Windows 7 and Server
    2008 R2 CriticalDeviceDatabase; Enum\PCI; Services

    References: OASIS, Virtual I/O Device (VIRTIO), PCI device discovery; Microsoft, Driver Store, Hardware IDs; what
    virt-v2v writes to start a guest from a virtio disk.
    """
    found = facts[VirtioDrivers]
    led = {number: _led(facts, found.of(number)) for number in _STORAGE}
    for pair in _DISKS:
        if all(led[number].good for number in pair):
            return ok("the ids of virtio disks lead to drivers", *(led[number].good[0] for number in pair))
    for pair in _DISKS:
        if good := [number for number in pair if led[number].good]:
            return _one_of_two(facts, pair, good[0], led, "virtio disk")
    if late := [evidence for item in led.values() for evidence in item.late]:
        return warning("virtio disks are known only in a hive that is not read before the disk", *late[:_SHOWN])
    if bad := [evidence for item in led.values() for evidence in item.bad]:
        missing = _missing(facts, led, *_DISKS)
        return failed("the ids of virtio disks lead to no driver that is started at boot", *bad[:_SHOWN], *missing)
    return _nothing(facts, "virtio disk", _STORAGE)


@rule("windows-virtio-net-is-matched", "Windows knows which driver the cloud's virtio network card wants", "windows")
def windows_virtio_net_is_matched(facts: Facts) -> Verdict:
    r"""The ids of virtio network cards, transitional and modern, are followed to a package of the driver store.

    Why: an instance has another network card than the machine that the image was made on; without a package for its id
    the card gets no driver, in spite of netkvm.sys.

    Fix: install the network driver with its INF file (`pnputil /add-driver netkvm.inf /install`, before Windows 10 1607
    and Server 2016 `pnputil -i -a netkvm.inf`); where one of the two devices is lacking, install a newer package, which
    knows both.

    Reads: DriverDatabase of SYSTEM and DRIVERS (DeviceIds\PCI, DriverInfFiles, DriverPackages), of Windows 7 and Server
    2008 R2 C:\Windows\INF\oem*.inf; Enum\PCI

    References: OASIS, Virtual I/O Device (VIRTIO), PCI device discovery; Microsoft, Driver Store, Hardware IDs.
    """
    found = facts[VirtioDrivers]
    led = {number: _led(facts, found.of(number), Start.MANUAL) for number in _CARD}
    good = [number for number in _CARD if led[number].good]
    if len(good) == len(_CARD):
        return ok("the ids of virtio network cards lead to drivers", *(led[number].good[0] for number in _CARD))
    if good:
        return _one_of_two(facts, _CARD, good[0], led, "virtio network card")
    if bad := [evidence for item in led.values() for evidence in item.bad]:
        missing = _missing(facts, led, _CARD)
        return failed("the ids of virtio network cards lead to no driver", *bad[:_SHOWN], *missing)
    return _nothing(facts, "virtio network card", _CARD)


def _led(facts: Facts, matches: Iterable[DriverMatch], latest: Start = Start.BOOT) -> _Led:
    led = _Led([], [], [])
    for match in matches:
        flaw, evidence = _judge(facts, match, latest)
        if flaw:
            led.bad.append(evidence)
        elif match.at_boot or latest is not Start.BOOT:
            led.good.append(evidence)
        elif match.origin is not Origin.INF:  # which no kernel reads
            led.late.append(evidence)
    return led


def _judge(facts: Facts, match: DriverMatch, latest: Start) -> tuple[bool, Evidence]:
    """Tell whether an id leads to no driver that is started in time, with what was seen."""
    if match.flaw:
        return True, Evidence(match.place, match.flaw)
    title = f"{match.package.title}, " if match.package else ""
    if not match.service:
        return latest is Start.BOOT, Evidence(match.place, f"{match.origin}: {title}{_STAGED}")
    seen = Evidence(match.place, f"{match.origin}: {title}driver {match.service}")
    found = service(facts[Registry], match.service)
    if found is None:  # that of a card is made when the card is found
        return latest is Start.BOOT, Evidence(match.place, f"{seen.seen}, which is no service")
    flaw, evidence = judge_driver(facts, found, latest)
    return bool(flaw), evidence[0] if flaw else seen


def _one_of_two(facts: Facts, pair: tuple[str, str], known: str, led: dict[str, _Led], what: str) -> Verdict:
    other = pair[1 - pair.index(known)]
    names = dict(zip(pair, _NAMES, strict=True))
    lacking = led[other].bad or led[other].late or [_absent(facts, other)]
    message = f"only the {names[known]} {what} has a driver, not the {names[other]} one"
    return warning(message, led[known].good[0], *lacking[:_SHOWN])


def _missing(facts: Facts, led: dict[str, _Led], *pairs: tuple[str, str]) -> Iterator[Evidence]:
    """Name the device of a pair that no id is known of, where one is of the other."""
    for pair in pairs:
        known = [number for number in pair if any(led[number])]
        if len(known) == 1:
            yield _absent(facts, *(number for number in pair if number not in known))


def _absent(facts: Facts, *numbers: str) -> Evidence:
    return Evidence(facts[Registry].place(_PLACES[0]), f"no VEN_1AF4 with DEV_{', '.join(numbers)}")


def _nothing(facts: Facts, what: str, numbers: tuple[str, ...]) -> Verdict:
    seen = _absent(facts, *numbers).seen
    places = (Evidence(facts[Registry].place(path), seen) for path in _PLACES)
    return failed(f"no driver is known for a {what}", *places)


@rule("windows-virtio-devices-are-enabled", "No virtio disk or network card is switched off", "windows")
def windows_virtio_devices_are_enabled(facts: Facts) -> Verdict:
    r"""Bit 0 of `ConfigFlags` of the devices that Windows has had, and of the disks behind them.

    Why: a device that was switched off in Device Manager stays off when it is found again: a disk then stops Windows
    with 0x7B, a network card gives the instance no network.

    Fix: enable the device in Device Manager, or set `ConfigFlags` to 0.

    Reads: SYSTEM\CurrentControlSet\Enum\PCI\VEN_1AF4*, Enum\SCSI

    References: Microsoft, regstr.h (CONFIGFLAG_DISABLED), Enabling and disabling devices; Alibaba Cloud, diagnosis of
    Windows on ECS, driver integrity.
    """
    devices = facts[VirtioDevices].devices
    disks = [item for item in devices if is_device(item.device, *_STORAGE)]
    cards = [item for item in devices if is_device(item.device, *_CARD)]
    every = [it for item in [*disks, *cards] for it in (item, *item.disks)]
    off = [_seen(item) for item in every if item.is_disabled]
    if disks and all(item.is_off for item in disks):
        return failed("virtio disks are switched off", *off[:_SHOWN])
    if off:
        return warning("virtio devices are switched off", *off[:_SHOWN])
    if not every:
        seen = Evidence(facts[Registry].place(_PLACES[2]), "no virtio disk or network card so far")
        return ok("no virtio device is switched off", seen)
    return ok("no virtio device is switched off", *map(_seen, every[:_SHOWN]))


def _seen(item: PciDevice) -> Evidence:
    if item.flags is None:
        return Evidence(item.place, "not set")
    return Evidence(item.place, f"{item.flags:#x}: {'' if item.is_disabled else 'not '}switched off")


RULES = (
    windows_virtio_disk_is_matched,
    windows_virtio_net_is_matched,
    windows_virtio_devices_are_enabled,
)
