from __future__ import annotations

import pytest

from fixtures.windows import virtio
from fixtures.windows.golden import DRIVERS, SERVICES
from fixtures.windows.hive import Data, Keys
from fixtures.windows.pe import program
from fixtures.windows.virtio import CRITICAL, DATABASE, DEVICES, IDS, NETKVM, PACKAGES, VIOSTOR, Table
from inspector.facts import Facts
from inspector.rules.rule import Rule
from inspector.rules.windows.virtio_match import (
    windows_virtio_devices_are_enabled,
    windows_virtio_disk_is_matched,
    windows_virtio_net_is_matched,
)
from inspector.verdict import Status, Verdict
from tests.windows import CONFIG, golden, hive

pytestmark = pytest.mark.corpus

SEVEN: Keys = {
    r"Microsoft\Windows NT\CurrentVersion": {
        "CurrentVersion": "6.1", "CurrentBuild": "7601", "CurrentMajorVersionNumber": None,
        "CurrentMinorVersionNumber": None,
    }
}  # fmt: skip
PACKAGE = rf"{PACKAGES}\{VIOSTOR.folder()}"
DISK = rf"{DEVICES}\{VIOSTOR.ids[0]}\3&13c0b0c5&0&18"
CARD = rf"{DEVICES}\{NETKVM.ids[0]}\3&13c0b0c5&0&20"


def without(package: virtio.Package, *, at: slice = slice(None)) -> dict[str, None]:
    """Take ids of a package out of the driver database."""
    return {rf"{IDS}\{name}": None for name in package.ids[at]}


def gone(package: virtio.Package) -> dict[str, None]:
    """Take a package and its devices away."""
    device = DISK if package is VIOSTOR else CARD
    return {
        **without(package),
        rf"{DATABASE}\DriverInfFiles\{package.published}": None,
        device.rpartition("\\")[0]: None,
    }


def places(verdict: Verdict) -> list[tuple[str, str]]:
    return [(item.place.key or item.place.path, item.seen) for item in verdict.evidence]


def test_the_evidence_is_the_whole_way_from_the_id_to_the_driver() -> None:
    title = "driver database: viostor.inf (oem1.inf) 100.86.104.58200 of 2021-08-17, driver viostor"
    assert places(windows_virtio_disk_is_matched(golden())) == [
        (rf"{IDS}\VEN_1AF4&DEV_1001\oem1.inf", title),
        (rf"{IDS}\VEN_1AF4&DEV_1042\oem1.inf", title),
    ]


def test_a_disk_that_nothing_matches() -> None:
    verdict = windows_virtio_disk_is_matched(golden(gone(VIOSTOR)))
    assert verdict.status is Status.FAILED
    assert places(verdict)[0] == (IDS, "no VEN_1AF4 with DEV_1001, 1042, 1004, 1048")


@pytest.mark.parametrize(
    ("change", "key", "seen"),
    [
        ({rf"{DATABASE}\DriverInfFiles\oem1.inf": None}, rf"{IDS}\VEN_1AF4&DEV_1001\oem1.inf",
         "no package of oem1.inf is active"),
        ({rf"{DATABASE}\DriverInfFiles\oem1.inf": {"Active": None}}, rf"{IDS}\VEN_1AF4&DEV_1001\oem1.inf",
         "no package of oem1.inf is active"),
        ({PACKAGE: None}, rf"{IDS}\VEN_1AF4&DEV_1001\oem1.inf",
         f"its package {VIOSTOR.folder()} is not in the driver database"),
        ({PACKAGE: {"Version": None}}, rf"{IDS}\VEN_1AF4&DEV_1001\oem1.inf",
         f"its package {VIOSTOR.folder()} has no version"),
        ({rf"{PACKAGE}\Configurations\scsi_inst": {"Service": "gone"}}, rf"{IDS}\VEN_1AF4&DEV_1001\oem1.inf",
         "driver database: viostor.inf (oem1.inf) 100.86.104.58200 of 2021-08-17, driver gone, which is no service"),
        ({rf"{SERVICES}\viostor": {"Start": 3}}, rf"{SERVICES}\viostor\Start", "manual"),
        ({rf"{SERVICES}\viostor\StartOverride": {"0": 3}}, rf"{SERVICES}\viostor\StartOverride\0", "3"),
    ],
)  # fmt: skip
def test_an_id_that_leads_to_no_driver_of_the_boot(change: Keys, key: str, seen: str) -> None:
    verdict = windows_virtio_disk_is_matched(golden({DISK: None, **change}))
    assert verdict.status is Status.FAILED
    assert (key, seen) in places(verdict)


def test_a_driver_without_its_file_serves_no_disk() -> None:
    verdict = windows_virtio_disk_is_matched(golden(files={f"{DRIVERS}/viostor.sys": None}))
    assert (verdict.status, places(verdict)[0][1]) == (Status.FAILED, "does not exist")


@pytest.mark.parametrize(
    "change",
    [
        {rf"{PACKAGE}\Configurations": None},
        {rf"{PACKAGE}\Configurations\scsi_inst": {"Service": None}},
        {rf"{PACKAGE}\Descriptors": None},
        {rf"{PACKAGE}\Configurations": None, rf"{PACKAGE}\Descriptors": None, rf"{SERVICES}\viostor": {"Start": 0}},
    ],
)
def test_a_package_that_was_staged_alone_starts_no_disk(change: Keys) -> None:
    verdict = windows_virtio_disk_is_matched(golden({DISK: None, **change}))
    assert verdict.status is Status.FAILED
    assert places(verdict)[0][1].endswith("of 2021-08-17, which was staged, and installed for no device")


def test_a_package_that_was_staged_alone_will_do_for_a_network_card() -> None:
    keys: Keys = {rf"{PACKAGES}\{NETKVM.folder()}\{name}": None for name in ("Configurations", "Descriptors")}
    assert windows_virtio_net_is_matched(golden({CARD: None, **keys})).status is Status.OK


@pytest.mark.parametrize(
    ("package", "rule"), [(VIOSTOR, windows_virtio_disk_is_matched), (NETKVM, windows_virtio_net_is_matched)]
)
@pytest.mark.parametrize(("at", "known", "lacking"), [(slice(2), "modern", 0), (slice(2, 4), "transitional", 2)])
def test_only_one_of_the_two_devices_has_a_driver(
    package: virtio.Package, rule: Rule, at: slice, known: str, lacking: int
) -> None:
    verdict = rule(golden({**without(package, at=at), DISK: None, CARD: None}))
    assert verdict.status is Status.WARNING
    assert verdict.message.startswith(f"only the {known} virtio ")
    number = package.ids[lacking].partition("DEV_")[2][:4]
    assert places(verdict)[1] == (IDS, f"no VEN_1AF4 with DEV_{number}")


def test_a_device_that_was_installed_has_its_driver() -> None:
    verdict = windows_virtio_disk_is_matched(golden(without(VIOSTOR, at=slice(2))))
    assert verdict.status is Status.OK
    assert places(verdict)[0] == (rf"{DISK}\ConfigFlags", "device that was installed: driver viostor")


def test_the_driver_of_scsi_will_do() -> None:
    scsi = virtio.Package("vioscsi", 9, "vioscsi", "scsi_inst", 8, 0x1004, VIOSTOR.guid, 0, "SCSI miniport")
    keys: Keys = {**gone(VIOSTOR), **virtio.database(scsi), rf"{SERVICES}\vioscsi": {"Type": 1, "Start": 0}}
    assert windows_virtio_disk_is_matched(golden(keys)).status is Status.FAILED
    facts = golden(keys, files={f"{DRIVERS}/vioscsi.sys": program()})
    assert windows_virtio_disk_is_matched(facts).status is Status.OK


def test_what_virt_v2v_writes_for_the_first_start() -> None:
    keys: dict[str, dict[str, Data]] = {
        rf"{DATABASE}\DriverInfFiles\guestor.inf": {
            "": ["guestor.inf_tmp"], "Active": "guestor.inf_tmp", "Configurations": ["guestor_conf"],
        },
        rf"{PACKAGES}\guestor.inf_tmp": {"Version": virtio.binary_version(VIOSTOR.guid)[:24] + bytes(24)},
        rf"{PACKAGES}\guestor.inf_tmp\Configurations\guestor_conf": {"ConfigFlags": 0, "Service": "viostor"},
    }  # fmt: skip
    for device in ("VEN_1AF4&DEV_1001&REV_00", "VEN_1AF4&DEV_1042&REV_01"):
        keys[rf"{IDS}\{device}"] = {"guestor.inf": b"\1\xff\0\0"}
        keys[rf"{PACKAGES}\guestor.inf_tmp\Descriptors\PCI\{device}"] = {"Configuration": "guestor_conf"}
    verdict = windows_virtio_disk_is_matched(golden({**gone(VIOSTOR), **keys}))
    assert verdict.status is Status.OK
    assert places(verdict)[0][1] == "driver database: guestor.inf of no version, driver viostor"


def drivers_hive(*packages: virtio.Package) -> dict[str, bytes]:
    return {f"{CONFIG}/DRIVERS": hive(virtio.database(*packages))}


def test_a_network_card_may_be_known_to_the_hive_drivers_alone() -> None:
    facts = golden(gone(NETKVM), files=drivers_hive(NETKVM))
    verdict = windows_virtio_net_is_matched(facts)
    assert verdict.status is Status.OK
    assert verdict.evidence[0].place.path == r"C:\Windows\System32\config\DRIVERS"


def test_a_disk_that_only_the_hive_drivers_knows_is_known_too_late() -> None:
    verdict = windows_virtio_disk_is_matched(golden(gone(VIOSTOR), files=drivers_hive(VIOSTOR)))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].place.path == r"C:\Windows\System32\config\DRIVERS"


@pytest.mark.parametrize("content", [b"", b"regf", b"x" * 9000])
def test_a_hive_drivers_that_cannot_be_read_is_not_known(content: bytes) -> None:
    verdict = windows_virtio_net_is_matched(golden(gone(NETKVM), files={f"{CONFIG}/DRIVERS": content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("change", [gone(NETKVM), {rf"{DATABASE}\DriverInfFiles\oem2.inf": None, CARD: None}])
def test_a_network_card_that_nothing_matches(change: Keys) -> None:
    verdict = windows_virtio_net_is_matched(golden(change))
    assert verdict.status is Status.FAILED
    assert places(verdict)[0][0].startswith(IDS)


def test_a_network_driver_whose_service_is_made_when_the_card_is_found() -> None:
    assert windows_virtio_net_is_matched(golden({rf"{SERVICES}\netkvm": None})).status is Status.OK
    disabled = windows_virtio_net_is_matched(golden({rf"{SERVICES}\netkvm": {"Start": 4}}))
    assert (disabled.status, places(disabled)[0]) == (Status.FAILED, (rf"{SERVICES}\netkvm\Start", "disabled"))


def old_windows(*tables: Table, files: bool = True) -> Facts:
    """Return a Windows Server 2008 R2 with these keys."""
    keys: Keys = {DATABASE: None, DISK: None, CARD: None, **{key: it for table in tables for key, it in table.items()}}
    return golden(keys, SEVEN, virtio.files(*virtio.ALL, seven=True) if files else {virtio.INF + "/oem2.inf": None})


def test_windows_7_knows_its_disk_by_another_database() -> None:
    verdict = windows_virtio_disk_is_matched(old_windows(virtio.critical(VIOSTOR)))
    assert verdict.status is Status.OK
    assert places(verdict)[0] == (
        rf"{CRITICAL}\PCI#VEN_1AF4&DEV_1001",
        "critical device database: viostor.inf 100.86.104.58200 of 2021-08-17, driver viostor",
    )
    assert windows_virtio_disk_is_matched(old_windows()).status is Status.FAILED


def test_no_later_windows_reads_that_database() -> None:
    verdict = windows_virtio_disk_is_matched(golden({**gone(VIOSTOR), **virtio.critical(VIOSTOR)}))
    assert verdict.status is Status.FAILED


def test_windows_7_knows_its_network_card_by_its_inf_files() -> None:
    verdict = windows_virtio_net_is_matched(old_windows())
    assert verdict.status is Status.OK
    assert str(verdict.evidence[0].place) == r"C:\Windows\INF\oem2.inf:24"
    assert verdict.evidence[0].seen == "INF file: oem2.inf 100.86.104.58200 of 2021-08-17, driver netkvm"
    assert windows_virtio_net_is_matched(old_windows(files=False)).status is Status.FAILED


def test_an_inf_file_for_another_machine_knows_no_card() -> None:
    text = virtio.inf(NETKVM).replace(b"NTamd64", b"NTx86")
    facts = golden({DATABASE: None, CARD: None}, SEVEN, {f"{virtio.INF}/oem2.inf": text})
    assert windows_virtio_net_is_matched(facts).status is Status.FAILED


@pytest.mark.parametrize(
    ("change", "status", "key"),
    [
        ({DISK: {"ConfigFlags": 1}}, Status.FAILED, rf"{DISK}\ConfigFlags"),
        ({DISK: {"ConfigFlags": 0x401}}, Status.FAILED, rf"{DISK}\ConfigFlags"),
        ({CARD: {"ConfigFlags": 1}}, Status.WARNING, rf"{CARD}\ConfigFlags"),
        (
            {DISK: {"ConfigFlags": 1}, rf"{DISK}1": {"ConfigFlags": 0, "Service": "viostor"}}, Status.WARNING,
            rf"{DISK}\ConfigFlags",
        ),
    ],
)  # fmt: skip
def test_a_device_that_is_switched_off(change: Keys, status: Status, key: str) -> None:
    verdict = windows_virtio_devices_are_enabled(golden(change))
    assert (verdict.status, places(verdict)[0][0]) == (status, key)
    assert places(verdict)[0][1].endswith(": switched off")


def test_a_disk_that_is_switched_off_behind_its_controller() -> None:
    verdict = windows_virtio_devices_are_enabled(golden({virtio.DISK: {"ConfigFlags": 1}}))
    assert verdict.status is Status.FAILED
    assert places(verdict) == [(rf"{virtio.DISK}\ConfigFlags", "0x1: switched off")]
    another = rf"{virtio.DISK[:-1]}1"
    verdict = windows_virtio_devices_are_enabled(golden({virtio.DISK: {"ConfigFlags": 1}, another: {"ConfigFlags": 0}}))
    assert (verdict.status, places(verdict)[0][0]) == (Status.WARNING, rf"{virtio.DISK}\ConfigFlags")


@pytest.mark.parametrize("prefix", [None, "", "4&87f7bfb", "5&1"])
def test_a_disk_behind_another_controller_is_not_asked_for(prefix: str | None) -> None:
    keys: Keys = {DISK: {"ParentIdPrefix": prefix}, virtio.DISK: {"ConfigFlags": 1}}
    status = windows_virtio_devices_are_enabled(golden(keys)).status
    assert status is (Status.FAILED if prefix == "4&87f7bfb" else Status.OK)


@pytest.mark.parametrize("flags", [None, 0, 0x40, 0x400])
def test_devices_that_are_not(flags: int | None) -> None:
    assert windows_virtio_devices_are_enabled(golden({DISK: {"ConfigFlags": flags}})).status is Status.OK


def test_a_machine_that_has_had_no_virtio_device() -> None:
    verdict = windows_virtio_devices_are_enabled(golden({DEVICES: None}))
    assert (verdict.status, places(verdict)) == (Status.OK, [(DEVICES, "no virtio disk or network card so far")])


def test_flags_that_are_no_number_are_not_known() -> None:
    verdict = windows_virtio_devices_are_enabled(golden({DISK: {"ConfigFlags": "1"}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
