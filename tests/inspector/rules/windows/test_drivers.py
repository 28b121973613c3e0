from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT, DRIVERS, SERVICES
from fixtures.windows.hive import Data, Keys
from inspector.rules.windows.device_installation import windows_installs_devices
from inspector.rules.windows.drivers import (
    windows_boot_drivers_exist,
    windows_nvme_driver_boots,
    windows_xen_hides_no_device,
)
from inspector.rules.windows.filter_drivers import windows_class_filters_lead_to_drivers
from inspector.rules.windows.services import windows_services_have_what_they_depend_on
from inspector.verdict import NotApplicable, Status
from tests.corpus import corpus
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

XEN = rf"{SERVICES}\XenPCI\Parameters"
NVME = rf"{SERVICES}\stornvme"
SEVEN: dict[str, dict[str, Data]] = {
    CURRENT: {"CurrentMajorVersionNumber": None, "CurrentMinorVersionNumber": None, "CurrentVersion": "6.1"}
}


@pytest.mark.parametrize(
    ("name", "status"),
    [("partmgr", Status.FAILED), ("storahci", Status.FAILED), ("Ntfs", Status.FAILED), ("tdx", Status.WARNING)],
)
def test_drivers_of_the_boot(name: str, status: Status) -> None:
    verdict = windows_boot_drivers_exist(golden(files={f"{DRIVERS}/{name}.sys": None}))
    assert verdict.status is status
    assert verdict.evidence[0].place.path.lower().endswith(rf"\{name.lower()}.sys")
    assert verdict.evidence[0].seen.endswith("does not exist")


@pytest.mark.parametrize("name", ["ACPI", "disk", "mountmgr", "partmgr", "pci", "volmgr"])
@pytest.mark.parametrize("values", [{"Start": 4}, {"Start": 3}, {"Start": 1}, None], ids=str)
def test_what_leads_to_the_system_drive_is_started_at_boot(name: str, values: dict[str, Data] | None) -> None:
    verdict = windows_boot_drivers_exist(golden({rf"{SERVICES}\{name}": values}))
    assert verdict.status is Status.FAILED
    key = rf"{SERVICES}\{name}" + (r"\Start" if values else "")
    assert (verdict.evidence[0].place.key or "").lower() == key.lower()


def test_what_outweighs_the_start_of_a_driver_to_the_system_drive_is_named() -> None:
    for name in ("disk", "partmgr"):
        verdict = windows_boot_drivers_exist(golden({rf"{SERVICES}\{name}\StartOverride": {"0": 3}}))
        assert (verdict.status, verdict.evidence[0].place.key) == (
            Status.FAILED, rf"{SERVICES}\{name}\StartOverride\0",
        )  # fmt: skip
        assert windows_boot_drivers_exist(golden({rf"{SERVICES}\{name}\StartOverride": {"0": 0}})).status is Status.OK
    assert windows_boot_drivers_exist(golden({rf"{SERVICES}\storahci\StartOverride": {"0": 3}})).status is Status.OK


def test_what_leads_to_the_system_drive_is_a_driver() -> None:
    for name in ("disk", "Ntfs"):
        verdict = windows_boot_drivers_exist(golden({rf"{SERVICES}\{name}": {"Type": 0x10}}))
        assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{SERVICES}\{name}")


@pytest.mark.parametrize("name", ["disk", "Ntfs"])
def test_the_file_of_what_leads_to_the_system_drive_is_critical(name: str) -> None:
    """Windows 7 has the file system's driver as one that is started by hand, and loads it all the same."""
    changes: Keys = {rf"{SERVICES}\Ntfs": {"Start": 3}}
    assert windows_boot_drivers_exist(golden(changes)).status is Status.OK
    assert windows_boot_drivers_exist(golden(changes, files={f"{DRIVERS}/{name}.sys": None})).status is Status.FAILED
    assert windows_boot_drivers_exist(golden({rf"{SERVICES}\{name}": None})).status is Status.FAILED


@pytest.mark.parametrize(
    "values", [{"ImagePath": r"\Device\X\odd.sys"}, {"ImagePath": r"%none%\odd.sys"}, {"Group": 1}]
)
def test_a_driver_that_is_not_known_hides_no_critical_one(values: dict[str, Data]) -> None:
    odd: Keys = {rf"{SERVICES}\aaa": {"Type": 1, "Start": 1, "ErrorControl": 1, **values}}
    verdict = windows_boot_drivers_exist(golden(odd))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    verdict = windows_boot_drivers_exist(golden(odd, files={f"{DRIVERS}/CLFS.sys": None}))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)


def test_a_driver_of_another_product_that_is_gone() -> None:
    gone: Keys = {rf"{SERVICES}\antivirus": {"Type": 2, "Start": 0, "ErrorControl": 1, "ImagePath": r"\??\D:\av.sys"}}
    verdict = windows_boot_drivers_exist(golden(gone))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, r"D:\av.sys")
    later: Keys = {rf"{SERVICES}\antivirus": {"Type": 2, "Start": 3}}
    assert windows_boot_drivers_exist(golden(later)).status is Status.OK


@pytest.mark.parametrize(
    ("system", "status", "key"),
    [
        ({XEN: {"hide_devices": ["VEN_1AF4"]}}, Status.FAILED, rf"{XEN}\hide_devices"),
        ({XEN: {"hide_devices": [""]}}, Status.OK, rf"{XEN}\hide_devices"),
        ({rf"{SERVICES}\xenvbd": {"Type": 1, "Start": 0}}, Status.WARNING, rf"{SERVICES}\xenvbd\Start"),
        ({rf"{SERVICES}\xenvbd": {"Type": 1, "Start": 4}}, Status.OK, rf"{XEN}\hide_devices"),
    ],
)
def test_drivers_of_xen(system: Keys, status: Status, key: str) -> None:
    verdict = windows_xen_hides_no_device(golden(system))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, key)


def test_nvme() -> None:
    for system, files in (({NVME: {"Start": 3}}, {}), ({NVME: None}, {}), ({}, {f"{DRIVERS}/stornvme.sys": None})):
        assert windows_nvme_driver_boots(golden(system, files=files)).status is Status.WARNING
    with pytest.raises(NotApplicable):
        windows_nvme_driver_boots(golden({NVME: None}, SEVEN))


def test_a_real_machine() -> None:
    facts = golden(software=SEVEN, files={f"{CONFIG}/SYSTEM": corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()})
    assert windows_services_have_what_they_depend_on(facts).status is Status.OK
    assert windows_installs_devices(facts).status is Status.OK
    assert windows_xen_hides_no_device(facts).status is Status.OK
    assert windows_class_filters_lead_to_drivers(facts).evidence[0].seen == "fvevol of volumes: its file does not exist"
