"""Which drivers Windows knows for the devices of virtio, from which packages, and which such devices it has had."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from parsers.place import Place

_DISABLED: Final = 1
"""CONFIGFLAG_DISABLED of regstr.h."""


class Origin(StrEnum):
    """Where Windows looks a device's id up."""

    DATABASE = "driver database"
    CRITICAL = "critical device database"
    DEVICE = "device that was installed"
    INF = "INF file"


class DriverPackage(msgspec.Struct, frozen=True):
    r"""A package in the driver store.

    Attributes:
        name: its folder in System32\DriverStore\FileRepository ("viostor.inf_amd64_..."); "" where none is told.
        inf: its INF file there ("viostor.inf"); "" where it is not told.
        published: the same file in Windows\INF ("oem1.inf"); "" where it is not told.
        provider: who made it; "" where that is not told.
        version: four numbers; None where none is told.
        date: year, month and day; None where none is told.
        place: where its version stands, or would stand.
        unsigned: where it stands that Windows found no signature when it was staged; None where that does not stand.
    """

    name: str
    inf: str
    published: str
    provider: str
    version: tuple[int, int, int, int] | None
    date: tuple[int, int, int] | None
    place: Place
    unsigned: Place | None = None

    @property
    def title(self) -> str:
        """Name, version and date, as people read them."""
        name = self.inf if self.inf and self.inf != self.published else ""
        names = f"{name} ({self.published})" if name and self.published else name or self.published or self.name
        version = ".".join(map(str, self.version)) if self.version else "of no version"
        date = " of {:04}-{:02}-{:02}".format(*self.date) if self.date else ""
        return f"{names} {version}{date}"


class DriverMatch(msgspec.Struct, frozen=True):
    r"""An id of a device that leads to a driver.

    Attributes:
        device: the id, in capitals, without the bus (`VEN_1AF4&DEV_1001&REV_00`).
        at_boot: whether it is known before the system drive is read, so that a disk can be found by it.
        service: the driver; "" where none is told: of a package in the database that it was staged, not installed.
        package: None where it leads to none, or not by way of one.
        flaw: why it leads to no driver all the same; None where it does.
        place: where the id stands.
    """

    device: str
    origin: Origin
    at_boot: bool
    service: str
    package: DriverPackage | None
    flaw: str | None
    place: Place


class PciDevice(msgspec.Struct, frozen=True):
    r"""A device that Windows has had, in one slot.

    Attributes:
        device: its id, in capitals, without the bus.
        service: its driver; "" where it has none.
        flags: CONFIGFLAG_*; None where none are set.
        place: where they stand, or would stand.
        disks: what of `Enum\SCSI` was found behind it, by the prefix that it gives the names of these.
    """

    device: str
    service: str
    flags: int | None
    place: Place
    disks: tuple[PciDevice, ...] = ()

    @property
    def is_disabled(self) -> bool:
        """Whether it was switched off itself."""
        return bool((self.flags or 0) & _DISABLED)

    @property
    def is_off(self) -> bool:
        """Whether it was switched off, or every disk behind it was."""
        return self.is_disabled or (bool(self.disks) and all(disk.is_disabled for disk in self.disks))


class VirtioDevices(msgspec.Struct, frozen=True):
    """The PCI devices of virtio that Windows has had."""

    devices: tuple[PciDevice, ...]


class VirtioDrivers(msgspec.Struct, frozen=True):
    """The drivers of virtio's PCI devices."""

    matches: tuple[DriverMatch, ...]

    def of(self, *numbers: str) -> tuple[DriverMatch, ...]:
        """Return what the ids of devices of these numbers ("1001") lead to."""
        return tuple(match for match in self.matches if is_device(match.device, *numbers))


def is_device(device: str, *numbers: str) -> bool:
    """Tell whether an id is that of a device of virtio of one of these numbers."""
    return device.startswith(tuple(f"VEN_1AF4&DEV_{number}" for number in numbers))
