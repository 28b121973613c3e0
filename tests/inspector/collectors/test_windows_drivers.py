from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fixtures.windows import virtio
from fixtures.windows.hive import Data, Keys
from fixtures.windows.virtio import DATABASE, DEVICES, IDS, INF, NETKVM, PACKAGES, VIOSTOR
from inspector.collectors import windows_drivers
from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_drivers import Origin, VirtioDevices, VirtioDrivers
from inspector.windows import driver_store
from parsers.source import Memory
from parsers.windows.driver_version import parse_driver_version
from parsers.windows.registry import open_hive
from tests.corpus import corpus
from tests.inspector.rules.windows.test_virtio_match import CARD, DISK, SEVEN
from tests.samples import SYSTEM_HIVE, sample
from tests.windows import CONFIG, Changes, golden

pytestmark = pytest.mark.corpus

PACKAGE = rf"{PACKAGES}\{VIOSTOR.folder()}"


def found(facts: Facts) -> VirtioDrivers:
    return facts[VirtioDrivers]


def old_windows(files: Changes | None = None, keys: Keys | None = None) -> Facts:
    return golden({DATABASE: None, DISK: None, CARD: None, **(keys or {})}, SEVEN, files)


def test_the_packages_of_the_golden_guest() -> None:
    drivers = found(golden())
    assert len(drivers.matches) == 4 * len(virtio.ALL) + 2
    packages = {item.package.title: item.package for item in drivers.matches if item.package}
    assert sorted(packages) == [
        f"{item.name}.inf ({item.published}) 100.86.104.58200 of 2021-08-17"
        for item in sorted(virtio.ALL, key=lambda it: it.name)
    ]
    assert {item.provider for item in packages.values()} == {"Red Hat, Inc."}
    assert {item.name for item in packages.values()} == {item.folder() for item in virtio.ALL}
    assert {item.origin for item in drivers.matches} == {Origin.DATABASE, Origin.DEVICE}
    assert [(item.device, item.service, item.flags) for item in golden()[VirtioDevices].devices] == [
        (NETKVM.ids[0], "netkvm", 0),
        (VIOSTOR.ids[0], "viostor", 0),
    ]
    assert {item.service for item in drivers.of("1001", "1042")} == {"viostor"}
    assert drivers.of("1005") == ()


def test_ids_and_names_are_taken_in_any_case() -> None:
    lower: dict[str, dict[str, Data] | None] = {rf"{IDS}\{name}": None for name in VIOSTOR.ids}
    lower |= {rf"{IDS}\{name.lower()}": {"OEM1.INF": b"\1\xff\0\0"} for name in VIOSTOR.ids[:2]}
    matches = [item for item in found(golden(lower)).of("1001") if item.origin is Origin.DATABASE]
    assert {(item.device, item.service, item.flaw) for item in matches} == {
        (name, "viostor", None) for name in VIOSTOR.ids[:2]
    }


def test_other_makers_devices_are_left_out() -> None:
    others: Keys = {
        rf"{IDS}\VEN_8086&DEV_1001": {"oem1.inf": b""},
        rf"{DEVICES}\VEN_8086&DEV_1001\1": {"ConfigFlags": 1},
        rf"{IDS}\VEN_1AF4": {"oem1.inf": b""},
    }
    assert found(golden(others)) == found(golden())


def test_the_service_is_that_of_the_configuration_which_the_id_is_given() -> None:
    keys: dict[str, dict[str, Data] | None] = {
        DISK: None,
        rf"{PACKAGE}\Configurations\other": {"Service": "other"},
        rf"{PACKAGE}\Descriptors\PCI\{VIOSTOR.ids[1]}": {"Configuration": "OTHER"},
        rf"{PACKAGE}\Descriptors\PCI\{VIOSTOR.ids[2]}": None,
    }
    services = {item.device: item.service for item in found(golden(keys)).of("1001", "1042")}
    assert services == dict(zip(VIOSTOR.ids, ("viostor", "other", "", "viostor"), strict=True))


def test_a_real_windows_10(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A virtual machine of VMware's, whose driver of paravirtual SCSI was staged and never installed."""
    hives = {f"{CONFIG}/SYSTEM": sample(SYSTEM_HIVE, tmp_path / "SYSTEM").read_bytes()}
    assert found(golden(files=hives)) == VirtioDrivers(())
    monkeypatch.setattr(windows_drivers, "_VENDOR", "VEN_15AD&")
    matches = [item for item in found(golden(files=hives)).matches if item.origin is Origin.DATABASE]
    assert {(item.device, item.service, item.package.title if item.package else "") for item in matches} == {
        ("VEN_15AD&DEV_0740", "vmci", "vmci.inf (oem2.inf) 9.8.16.0 of 2019-07-11"),
        ("VEN_15AD&DEV_0740&SUBSYS_074015AD", "vmci", "vmci.inf (oem2.inf) 9.8.16.0 of 2019-07-11"),
        ("VEN_15AD&DEV_07C0", "", "pvscsi.inf (oem5.inf) 1.3.17.0 of 2021-04-26"),
    }
    assert {item.flaw for item in matches} == {None}
    (nvme,) = (item for item in golden(files=hives)[VirtioDevices].devices if item.service == "stornvme")
    assert [disk.device for disk in nvme.disks] == ["DISK&VEN_NVME&PROD_VMWARE_VIRTUAL_N"]


def test_every_package_of_a_real_windows_10_has_a_version(tmp_path: Path) -> None:
    packages = open_hive(Memory(sample(SYSTEM_HIVE, tmp_path / "SYSTEM").read_bytes())).key(PACKAGES)
    assert packages
    versions = {}
    scores: Counter[int | None] = Counter()
    for item in packages.all_subkeys():
        value, score = item.value("Version"), item.value("SignerScore")
        assert value
        assert score
        versions[item.name.partition("_amd64_")[0]] = parse_driver_version(value.data, value.place)
        scores[score.number] += 1
    assert len(versions) == 239
    assert scores == {0x0D000003: 234, 0x0D000005: 5}  # those of Windows, and VMware's, by setupapi.h
    classes = Counter(item.class_guid for item in versions.values())
    assert classes[VIOSTOR.guid] == 38
    assert classes[NETKVM.guid] == 0  # these are in the hive DRIVERS
    assert {item.machine for item in versions.values()} == {"x86_64"}
    inbox = [item for item in versions.values() if item.version and item.version[:3] == (10, 0, 19041)]
    dates = [item.date for item in inbox]
    assert dates.count((2006, 6, 21)) > 150  # that of drivers that come with Windows, but for those it updated since
    assert all(date and date >= (2006, 6, 21) for date in dates)


def test_a_real_windows_7(monkeypatch: pytest.MonkeyPatch) -> None:
    hives = {f"{CONFIG}/SYSTEM": corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()}
    monkeypatch.setattr(windows_drivers, "_VENDOR", "VEN_1000&")
    facts = golden(software=SEVEN, files=hives)
    drivers = found(facts)
    critical = {item.device: item.service for item in drivers.matches if item.origin is Origin.CRITICAL}
    assert len(critical) > 50
    assert critical["VEN_1000&DEV_0054"] == "LSI_SAS"
    (device,) = facts[VirtioDevices].devices
    assert (device.device, device.service, device.flags) == ("VEN_1000&DEV_0054&SUBSYS_197615AD&REV_01", "LSI_SAS", 0)
    assert [(disk.device, disk.service, disk.flags) for disk in device.disks] == [
        ("DISK&VEN_VMWARE&PROD_VIRTUAL_DISK", "disk", 0),
        ("DISK&VEN_VMWARE_&PROD_VMWARE_VIRTUAL_S", "disk", 0),
    ]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({PACKAGE: {"Version": bytes(3)}}, "a version of 48 bytes wanted, 3 found"),
        ({rf"{DATABASE}\DriverInfFiles\oem1.inf": {"Active": b"\1"}}, "a text wanted"),
        ({DISK: {"Service": 7}}, "a text wanted"),
        ({DISK: {"ConfigFlags": "0"}}, "a number wanted"),
    ],
)
def test_what_has_another_form_is_not_known(keys: Keys, reason: str) -> None:
    with pytest.raises(UnknownFact, match=reason):
        found(golden(keys))


def test_devices_are_known_where_the_packages_are_not() -> None:
    facts = golden(files={f"{CONFIG}/DRIVERS": b"x" * 9000})
    assert len(facts[VirtioDevices].devices) == 2
    with pytest.raises(UnknownFact):
        found(facts)


def test_too_many_ids_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_drivers, "_MAX_MATCHES", 10)
    with pytest.raises(UnknownFact, match="at most 10 ids of devices wanted, more found"):
        found(golden())


def test_too_large_inf_files_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_drivers, "_MAX_READ", 3000)
    with pytest.raises(UnknownFact, match="INF files of at most 3000 bytes wanted, more found"):
        found(old_windows())
    monkeypatch.undo()
    monkeypatch.setattr(driver_store, "_MAX_INFS", 3000)
    with pytest.raises(UnknownFact, match="INF files of at most 3000 bytes wanted, more found"):
        found(old_windows())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_windows_7_looks_through_its_inf_files(encoding: str) -> None:
    text = virtio.inf(NETKVM, (61, 86, 104, 58200)).decode("cp1252")
    files: Changes = {
        **dict.fromkeys(virtio.files(*virtio.ALL)),
        f"{INF}/OEM12.INF": text.encode(encoding),
        f"{INF}/netkvm.inf": text.encode(),  # not a third party's
        f"{INF}/oem3.inf": b"[Version]\r\nDriverVer=01/01/2020,1.0.0.0\r\n",
        f"{INF}/oem12.PNF": b"\0",
    }
    matches = found(old_windows(files)).matches
    assert [(item.device, item.service, item.at_boot, item.origin) for item in matches] == [
        (name, "netkvm", False, Origin.INF) for name in NETKVM.ids
    ]
    (package,) = {item.package for item in matches}
    assert package
    assert package.title == "OEM12.INF 61.86.104.58200 of 2021-08-17"


@pytest.mark.parametrize(
    ("models", "count"),
    [("NTamd64", 4), ("NTamd64.6.1", 4), ("NTAMD64", 4), ("NTx86", 0), ("NT", 0), ("NTarm64.10.0", 0), ("NTia64", 0)],
)
def test_the_models_of_other_machines_are_left_out(models: str, count: int) -> None:
    text = virtio.inf(NETKVM).replace(b"NTamd64", models.encode())
    files: Changes = {**dict.fromkeys(virtio.files(*virtio.ALL)), f"{INF}/oem2.inf": text}
    assert len(found(old_windows(files)).matches) == count


def test_windows_7_without_inf_files_knows_its_disk_alone() -> None:
    files = dict.fromkeys(virtio.files(*virtio.ALL))
    drivers = found(old_windows(files, virtio.critical(VIOSTOR)))
    assert {(item.service, item.at_boot, item.origin, item.package) for item in drivers.matches} == {
        ("viostor", True, Origin.CRITICAL, None)
    }
