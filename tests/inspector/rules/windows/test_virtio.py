from __future__ import annotations

import pytest

from fixtures.files import File
from fixtures.windows.golden import DRIVERS, SERVICES
from fixtures.windows.hive import Keys
from fixtures.windows.pe import program
from inspector.facts import Facts
from inspector.rules.rule import Rule
from inspector.rules.windows.virtio import (
    windows_other_virtio_drivers_present,
    windows_virtio_disk_driver_boots,
    windows_virtio_driver_files_are_writable,
    windows_virtio_net_driver_present,
)
from inspector.verdict import NotApplicable, Status, Verdict
from tests.memory_tree import Files
from tests.windows import golden

pytestmark = pytest.mark.corpus

NAMES = ["viostor", "vioscsi"]
VIOSTOR = rf"{SERVICES}\viostor"
NETKVM = rf"{SERVICES}\netkvm"
HIVE = r"C:\Windows\System32\config\SYSTEM"


def judge(rule: Rule, facts: Facts) -> Verdict:
    return rule(facts, **({"drivers": NAMES} if "drivers" in rule.parameters else {}))


@pytest.mark.parametrize(
    ("system", "files", "place", "seen"),
    [
        ({VIOSTOR: None}, {}, f"{HIVE} {VIOSTOR}", "no such service"),
        ({VIOSTOR: {"Start": 3}}, {}, rf"{HIVE} {VIOSTOR}\Start", "manual"),
        ({VIOSTOR: {"Start": 4}}, {}, rf"{HIVE} {VIOSTOR}\Start", "disabled"),
        ({VIOSTOR: {"Type": 0x10}}, {}, rf"{HIVE} {VIOSTOR}\Type", "type 0x10"),
        ({VIOSTOR: {"Type": None}}, {}, rf"{HIVE} {VIOSTOR}\Type", "not set"),
        ({VIOSTOR: {"Start": None}}, {}, rf"{HIVE} {VIOSTOR}\Start", "no start type"),
        ({}, {f"{DRIVERS}/viostor.sys": None}, r"C:\Windows\System32\drivers\viostor.sys", "does not exist"),
        ({}, {f"{DRIVERS}/viostor.sys": b""}, r"C:\Windows\System32\drivers\viostor.sys", "is empty"),
        (
            {}, {f"{DRIVERS}/viostor.sys": program("i386")}, r"C:\Windows\System32\drivers\viostor.sys",
            "is for i386, Windows for x86_64",
        ),
    ],
)  # fmt: skip
def test_a_disk_driver_that_does_not_boot(system: Keys, files: Files, place: str, seen: str) -> None:
    verdict = judge(windows_virtio_disk_driver_boots, golden(system, files=files))
    assert verdict.status is Status.FAILED
    assert (str(verdict.evidence[0].place), verdict.evidence[0].seen) == (place, seen)


@pytest.mark.parametrize(("number", "status"), [(3, Status.FAILED), (0, Status.OK)])
def test_a_disk_driver_that_the_system_itself_held_back(number: int, status: Status) -> None:
    verdict = judge(windows_virtio_disk_driver_boots, golden({rf"{VIOSTOR}\StartOverride": {"0": number}}))
    assert verdict.status is status
    if number:
        assert str(verdict.evidence[0].place) == rf"{HIVE} {VIOSTOR}\StartOverride\0"


def test_the_driver_of_scsi_will_do() -> None:
    scsi: Keys = {VIOSTOR: None, rf"{SERVICES}\vioscsi": {"Type": 1, "Start": 0}}
    assert judge(windows_virtio_disk_driver_boots, golden(scsi)).status is Status.FAILED
    facts = golden(scsi, files={f"{DRIVERS}/vioscsi.sys": program()})
    assert judge(windows_virtio_disk_driver_boots, facts).status is Status.OK


def test_a_network_card_without_driver() -> None:
    for system, files in (({NETKVM: None}, {}), ({NETKVM: {"Start": 4}}, {}), ({}, {f"{DRIVERS}/netkvm.sys": None})):
        assert judge(windows_virtio_net_driver_present, golden(system, files=files)).status is Status.FAILED


def test_other_devices_without_drivers() -> None:
    verdict = judge(windows_other_virtio_drivers_present, golden({rf"{SERVICES}\BALLOON": None}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "no driver of the memory balloon")


def test_files_that_cannot_be_replaced() -> None:
    files = {f"{DRIVERS}/viostor.sys": File(program(), flags=("read-only",))}
    verdict = judge(windows_virtio_driver_files_are_writable, golden(files=files))
    assert (verdict.status, verdict.evidence[0].place.path) == (
        Status.WARNING,
        r"C:\Windows\System32\drivers\viostor.sys",
    )
    with pytest.raises(NotApplicable):
        judge(windows_virtio_driver_files_are_writable, golden(files={f"{DRIVERS}/viostor.sys": None}))
