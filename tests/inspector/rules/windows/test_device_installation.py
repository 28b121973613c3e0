from __future__ import annotations

from typing import Any

import pytest

from fixtures.windows.golden import CURRENT, SERVICES
from fixtures.windows.hive import Data, Keys
from inspector.profile import load_profile
from inspector.rules.windows.device_installation import windows_installs_devices, windows_policies_let_devices_in
from inspector.verdict import Status, Verdict
from tests.windows import Changes, golden

pytestmark = pytest.mark.corpus

PARAMETERS = load_profile("ecs").parameters["windows-policies-let-devices-in"]
ROOT = r"Policies\Microsoft\Windows\DeviceInstall\Restrictions"
DISKS = "{4D36E967-E325-11CE-BFC1-08002BE10318}"
CLASSES = [
    DISKS, "{4d36e97b-e325-11ce-bfc1-08002be10318}", "{4d36e96a-e325-11ce-bfc1-08002be10318}",
    "{4d36e972-e325-11ce-bfc1-08002be10318}", "{4d36e97d-e325-11ce-bfc1-08002be10318}",
    "{71a27cdd-812a-11d0-bec7-08002be2092f}",
]  # fmt: skip
INSTALL = rf"{SERVICES}\DeviceInstall\Parameters"
PLUG_PLAY = rf"{SERVICES}\PlugPlay\Parameters"
SEVEN: dict[str, dict[str, Data]] = {
    CURRENT: {"CurrentMajorVersionNumber": None, "CurrentMinorVersionNumber": None, "CurrentVersion": "6.1"}
}


def found(software: Keys | None = None, files: Changes | None = None) -> Verdict:
    return windows_policies_let_devices_in(golden(software=software, files=files), **PARAMETERS)


def restrictions(numbers: dict[str, Data] | None = None, /, **lists: list[str]) -> Keys:
    """Return the policies, each list switched on."""
    keys: dict[str, dict[str, Data]] = {ROOT: {**dict.fromkeys(lists, 1), **(numbers or {})}}
    for name, entries in lists.items():
        keys[rf"{ROOT}\{name}"] = {str(number): entry for number, entry in enumerate(entries, 1)}
    return keys


@pytest.mark.parametrize(
    ("policy", "entry"),
    [
        ("DenyDeviceIDs", r"PCI\VEN_1AF4&DEV_1001"),
        ("DenyDeviceIDs", r"pci\ven_1af4"),
        ("DenyDeviceIDs", r"PCI\CC_0100"),
        ("DenyDeviceIDs", "gendisk"),
        ("DenyDeviceClasses", DISKS),
        ("DenyDeviceClasses", CLASSES[3]),
    ],
)
def test_a_list_denies_a_device_of_the_cloud(policy: str, entry: str) -> None:
    verdict = found(restrictions(**{policy: ["USB\\Class_08", entry]}))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [item.place.key for item in verdict.evidence] == [rf"{ROOT}\{policy}\2"]
    assert entry in verdict.evidence[0].seen
    assert found(restrictions({policy: 0}, **{policy: [entry]})).status is Status.OK
    assert found(restrictions(**{policy: ["USB\\Class_08"]})).status is Status.OK


def test_the_usual_baseline_is_no_harm() -> None:
    """FireWire (SBP-2) and Thunderbolt, which Microsoft's baseline denies against access to memory."""
    lists = {"DenyDeviceIDs": [r"PCI\CC_0C0A"], "DenyDeviceClasses": ["{d48179be-ec20-11d1-b6b8-00c04fa372a7}"]}
    assert found(restrictions(**lists)).status is Status.OK


def test_all_that_no_list_allows() -> None:
    verdict = found(restrictions({"DenyUnspecified": 1}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{ROOT}\DenyUnspecified")
    some = {"AllowDeviceIDs": [r"PCI\VEN_1AF4"], "AllowDeviceClasses": CLASSES[1:]}
    assert found(restrictions({"DenyUnspecified": 1}, **some)).status is Status.WARNING
    for mended in (
        restrictions({"DenyUnspecified": 0}),
        restrictions({"DenyUnspecified": 1, "AllowDenyLayered": 1}),
        restrictions({"DenyUnspecified": 1}, AllowDeviceClasses=CLASSES),
        restrictions({"DenyUnspecified": 1}, AllowDeviceIDs=[it.lower() for it in PARAMETERS["hardware"]]),
    ):
        assert found(mended).status is Status.OK


def test_in_layers_an_id_that_is_allowed_outweighs_its_class() -> None:
    lists = {"DenyDeviceClasses": [DISKS], "AllowDeviceIDs": list(PARAMETERS["hardware"])}
    assert found(restrictions({"AllowDenyLayered": 1}, **lists)).status is Status.OK
    assert found(restrictions(**lists)).status is Status.WARNING
    older: Keys = {CURRENT: {"CurrentMajorVersionNumber": None, "CurrentVersion": "6.3"}}
    assert found({**restrictions({"AllowDenyLayered": 1}, **lists), **older}).status is Status.WARNING
    denied = {"DenyDeviceIDs": [r"PCI\VEN_1AF4"], "AllowDeviceIDs": list(PARAMETERS["hardware"])}
    assert found(restrictions({"AllowDenyLayered": 1}, **denied)).status is Status.WARNING


def test_a_list_that_is_no_list_is_not_known() -> None:
    keys: Keys = {ROOT: {"DenyDeviceIDs": 1}, rf"{ROOT}\DenyDeviceIDs": {"1": b"\1\2\3\4"}}
    verdict = found(keys)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("name", ["PlugPlay", "DeviceInstall"])
@pytest.mark.parametrize("values", [None, {"Start": 4}, {"Start": 1}, {"ImagePath": None}], ids=str)
def test_the_services_that_install_devices_can_be_started(name: str, values: dict[str, Data] | None) -> None:
    key = rf"{SERVICES}\{name}"
    verdict = windows_installs_devices(golden({key: values}))
    assert verdict.status is Status.WARNING
    assert (verdict.evidence[0].place.key or "").startswith(key)
    older = windows_installs_devices(golden({key: values}, SEVEN))
    assert older.status is (Status.WARNING if name == "PlugPlay" else Status.OK)
    unread = windows_installs_devices(golden({rf"{SERVICES}\{name}": {"Start": "3"}}))
    assert (unread.status, unread.known) == (Status.WARNING, False)
    both = windows_installs_devices(golden({key: {"Start": 4}, INSTALL: {"DeviceInstallDisabled": 1}}))
    assert both.status is Status.FAILED
    assert rf"{key}\Start" in {item.place.key for item in both.evidence}


@pytest.mark.parametrize(
    ("system", "software", "status"),
    [
        ({INSTALL: {"DeviceInstallDisabled": 1}}, {}, Status.FAILED),
        ({INSTALL: {"DeviceInstallDisabled": 0}}, {}, Status.OK),
        ({PLUG_PLAY: {"DeviceInstallDisabled": 1}}, {}, Status.OK),
        ({PLUG_PLAY: {"DeviceInstallDisabled": 1}}, SEVEN, Status.FAILED),
        ({INSTALL: {"DeviceInstallDisabled": 1}}, SEVEN, Status.FAILED),
    ],
)
def test_devices_that_are_not_installed(system: Keys, software: Any, status: Status) -> None:
    assert windows_installs_devices(golden(system, software)).status is status
