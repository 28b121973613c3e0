r"""Faults of the golden Windows in its driver store: ids that lead nowhere, packages that are old or not whole."""

from __future__ import annotations

from typing import Final

from fixtures.windows import virtio
from fixtures.windows.golden import DRIVERS, SERVICES, drive_c
from fixtures.windows.hive import Keys
from fixtures.windows.version import versioned
from fixtures.windows.virtio import CATALOGS, DATABASE, DEVICES, IDS, INF, NETKVM, PACKAGES, REPOSITORY, VIOSTOR
from inspector.verdict import Status
from tests.inspector.faults.windows import FAILED, HIVE, WARNING, Fault, in_system, of_file

_STORE: Final = rf"{PACKAGES}\{VIOSTOR.folder()}"
_CONFIGURATION: Final = rf"{_STORE}\Configurations\{VIOSTOR.section}"
_DISK: Final = rf"{DEVICES}\{VIOSTOR.ids[0]}"
_CARD: Final = rf"{DEVICES}\{NETKVM.ids[0]}"
_DISK_PLACE: Final = rf"{HIVE}\SYSTEM {IDS}\VEN_1AF4&DEV_1001\oem1.inf"
_BOTH: Final = "Virtio DriverPackages"
_NEWER: Final = virtio.Package("viostor", 7, "viostor", VIOSTOR.section, 2, 0x1001, VIOSTOR.guid, 0, VIOSTOR.group)


def _unmatched(package: virtio.Package, device: str) -> Keys:
    return {device: None, **{rf"{IDS}\{name}": None for name in package.ids}}


def _disk(name: str, change: Keys, place: str = _DISK_PLACE, status: Status = FAILED, checks: str = "Virtio") -> Fault:
    """A fault on the way from the id to the driver, where no disk was installed before."""
    return Fault(name, checks, status, place, {_DISK: None, **change})


def _version(name: str, *version: int) -> Fault:
    first, second, third, fourth = version
    data = virtio.binary_version(VIOSTOR.guid, (first, second, third, fourth))
    return in_system(name, "DriverPackages", WARNING, _STORE, "Version", data)


DRIVER_FAULTS: Final = (
    # from the id to the driver
    Fault("viostor-unmatched", "Virtio", FAILED, rf"{HIVE}\SYSTEM {IDS}", _unmatched(VIOSTOR, _DISK)),
    Fault("netkvm-unmatched", "Virtio", FAILED, rf"{HIVE}\SYSTEM {IDS}", _unmatched(NETKVM, _CARD)),
    _disk(
        "viostor-for-modern-disks-only", {rf"{IDS}\{name}": None for name in VIOSTOR.ids[:2]}, rf"{HIVE}\SYSTEM {IDS}",
        WARNING,
    ),
    _disk(
        "viostor-for-transitional-disks-only", {rf"{IDS}\{name}": None for name in VIOSTOR.ids[2:]},
        rf"{HIVE}\SYSTEM {IDS}", WARNING,
    ),
    Fault(
        "netkvm-for-transitional-cards-only", "Virtio", WARNING, rf"{HIVE}\SYSTEM {IDS}",
        {rf"{IDS}\{name}": None for name in NETKVM.ids[2:]},
    ),
    _disk("inf-file-unpublished", {rf"{DATABASE}\DriverInfFiles\oem1.inf": None}, checks=_BOTH),
    _disk("package-not-active", {rf"{DATABASE}\DriverInfFiles\oem1.inf": {"Active": None}}, checks=_BOTH),
    _disk("package-not-in-the-database", {_STORE: None}, checks=_BOTH),
    _disk("package-without-version", {_STORE: {"Version": None}}, checks=_BOTH),
    _disk("package-that-was-only-staged", {rf"{_STORE}\Configurations": None, rf"{_STORE}\Descriptors": None}),
    _disk("package-of-another-driver", {_CONFIGURATION: {"Service": "gone"}}),
    _disk(
        "package-of-a-driver-that-starts-late", {_CONFIGURATION: {"Service": "netkvm"}},
        rf"{HIVE}\SYSTEM ControlSet001\Services\netkvm\Start",
    ),
    # devices
    in_system("disk-switched-off", "Virtio", FAILED, rf"{_DISK}\3&13c0b0c5&0&18", "ConfigFlags", 1),
    in_system("disk-switched-off-behind-its-controller", "Virtio", FAILED, virtio.DISK, "ConfigFlags", 1),
    in_system("network-card-switched-off", "Virtio", WARNING, rf"{_CARD}\3&13c0b0c5&0&20", "ConfigFlags", 0x401),
    of_file(
        "driver-copied-over-another", "Virtio", WARNING, f"{DRIVERS}/viostor.sys",
        r"C:\Windows\System32\drivers\viostor.sys", versioned((100, 103, 104, 30000)),
    ),
    in_system("package-not-signed", "Virtio", WARNING, _STORE, "SignerScore", 0x80000000),
    in_system("viostor-as-a-program", "Virtio", FAILED, rf"{SERVICES}\viostor", "Type", 0x10),
    in_system("pvpanic-uninstalled", "Virtio", WARNING, rf"{SERVICES}\pvpanic", None),
    # packages
    _version("drivers-of-an-older-build", 100, 84, 104, 58010),
    _version("drivers-that-somebody-built", 62, 61, 101, 58000),
    _version("drivers-of-an-older-red-hat", 62, 71, 104, 8600),
    _version("drivers-that-are-numbered-otherwise", 2, 1, 0, 60000),
    Fault(
        "newer-date-of-an-older-driver", "DriverPackages", WARNING,
        rf"{HIVE}\SYSTEM {PACKAGES}\{_NEWER.folder()}\Version",
        virtio.database(_NEWER, version=(100, 77, 104, 17100), date=(2024, 1, 1)),
        files=virtio.files(_NEWER),
    ),
    of_file(
        "no-catalogue", "DriverPackages Virtio", WARNING, f"{CATALOGS}/oem1.cat", drive_c(f"{CATALOGS}/oem1.cat"),
    ),
    of_file(
        "catalogue-that-is-none", "DriverPackages Virtio", WARNING, f"{CATALOGS}/oem2.cat",
        drive_c(f"{CATALOGS}/oem2.cat"), b"MZ" * 100,
    ),
    of_file("inf-file-gone", "DriverPackages", WARNING, f"{INF}/oem3.inf", drive_c(f"{INF}/oem3.inf")),
    of_file(
        "driver-store-cleaned", "DriverPackages", WARNING, f"{REPOSITORY}/{VIOSTOR.folder()}/viostor.inf",
        drive_c(f"{REPOSITORY}/{VIOSTOR.folder()}/viostor.inf"),
    ),
)  # fmt: skip
