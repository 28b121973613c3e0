r"""What rules about Windows take for granted, held against hives of real machines.

One SYSTEM is that of a member of a domain with Windows 7, the other (*later*) that of a Windows 10, both in VMware; the
store of boot entries is that of a Windows 10 beside Linux. Where else each fact comes from is written in
docs/windows-facts.md.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from inspector.facts import Facts
from inspector.rules.windows.data_disks import windows_brings_new_disks_online
from inspector.rules.windows.foreign_tools import windows_foreign_tools_are_not_started
from inspector.rules.windows.page_file import windows_pages_to_the_system_drive
from inspector.rules.windows.registry import windows_control_set_is_good
from inspector.rules.windows.remote_desktop import windows_rdp_listens_as_usual
from inspector.rules.windows.servicing import windows_bears_its_last_name
from inspector.rules.windows.setup import windows_sysprep_was_not_interrupted
from inspector.verdict import Status
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES, Service, Start, service, services
from parsers.boot.bcd import (
    ALIASES,
    BOOT_MANAGER,
    DEVICE,
    RECOVERY_ENABLED,
    RECOVERY_SEQUENCE,
    SDI_DEVICE,
    SDI_PATH,
    parse_bcd,
)
from parsers.source import Memory
from parsers.windows.firewall_rule import parse_firewall_rule
from parsers.windows.mounted_devices import drive_of
from parsers.windows.registry import open_hive
from parsers.windows.security_descriptor import parse_security_descriptor
from tests.corpus import corpus
from tests.samples import SYSTEM_HIVE, sample
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control"
MANAGER = rf"{CONTROL}\Session Manager"
CLASSES = rf"{CONTROL}\Class"
FIREWALL = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy"
ADMINISTRATORS = "S-1-5-32-544"
CHANGE_CONFIG = 0x0002
KEY_ALL_ACCESS = 0xF003F
CLASS_NAMES = {
    "{4d36e967-e325-11ce-bfc1-08002be10318}": "DiskDrive",
    "{71a27cdd-812a-11d0-bec7-08002be2092f}": "Volume",
    "{4d36e97b-e325-11ce-bfc1-08002be10318}": "SCSIAdapter",
    "{4d36e96a-e325-11ce-bfc1-08002be10318}": "hdc",
    "{4d36e972-e325-11ce-bfc1-08002be10318}": "Net",
}


@functools.cache
def machine() -> Facts:
    return golden(files={f"{CONFIG}/SYSTEM": Path(corpus("known/hives/hv-rp-SYSTEM.hive.xz")).read_bytes()})


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    path = sample(SYSTEM_HIVE, tmp_path_factory.mktemp("hive") / "SYSTEM")
    return golden(files={f"{CONFIG}/SYSTEM": path.read_bytes()})


def registry() -> Registry:
    return machine()[Registry]


def installed(name: str, system: Registry | None = None) -> Service:
    found = service(system or registry(), name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "rule",
    [
        windows_bears_its_last_name,
        windows_brings_new_disks_online,
        windows_control_set_is_good,
        windows_pages_to_the_system_drive,
        windows_rdp_listens_as_usual,
        windows_sysprep_was_not_interrupted,
    ],
    ids=lambda rule: rule.name,
)
def test_a_machine_that_works_is_ok(rule: object, later: Facts) -> None:
    """SanPolicy, Select, PagingFiles, RDP-Tcp, SysprepStatus and both names stand where the rules look, as wanted."""
    assert callable(rule)
    for facts in (machine(), later):
        verdict = rule(facts)
        assert verdict.status is Status.OK
        assert verdict.evidence[0].seen not in ("not set", "no page file")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("nsi", Start.AUTOMATIC),
        ("BFE", Start.AUTOMATIC),
        ("Dnscache", Start.AUTOMATIC),
        ("mpssvc", Start.AUTOMATIC),
        ("iphlpsvc", Start.AUTOMATIC),
        ("Dhcp", Start.AUTOMATIC),
        ("Netman", Start.MANUAL),
        ("IKEEXT", Start.MANUAL),
        ("vds", Start.MANUAL),
        ("sppsvc", Start.AUTOMATIC),
        ("W32Time", Start.MANUAL),
        ("TermService", Start.MANUAL),
    ],
)
def test_when_services_are_started(name: str, start: Start, later: Facts) -> None:
    assert installed(name).start == installed(name, later[Registry]).start == start


def test_the_dhcp_client_depends_on_the_store_of_interfaces_alone_of_the_core_services(later: Facts) -> None:
    core = {"nsi", "bfe", "dnscache", "mpssvc"}
    for system in (registry(), later[Registry]):
        assert {name.lower() for name in installed("Dhcp", system).depends} & core == {"nsi"}
        assert {name.lower() for name in installed("Dnscache", system).depends} & core == {"nsi"}
        assert "bfe" in {name.lower() for name in installed("mpssvc", system).depends}


@pytest.mark.parametrize("name", ["BFE", "Dnscache", "mpssvc", "sppsvc"])
def test_administrators_may_set_how_some_services_start_in_the_registry_alone(name: str, later: Facts) -> None:
    """By the descriptor that the service control manager asks (SERVICE_CHANGE_CONFIG), and that of the key."""
    path = rf"{SERVICES}\{name}"
    value = later[Registry].value(rf"{path}\Security", "Security")
    key = later[Registry].key(path)
    assert value is not None
    assert key is not None
    descriptor = parse_security_descriptor(value.data, value.place)
    rights = [entry.mask for entry in descriptor.dacl or () if entry.sid == ADMINISTRATORS]
    assert rights
    assert not any(mask & CHANGE_CONFIG for mask in rights)
    assert KEY_ALL_ACCESS in [entry.mask for entry in key.security.dacl or () if entry.sid == ADMINISTRATORS]


def test_drivers_without_an_image_path_are_started_all_the_same() -> None:
    """Their file is `System32\\drivers\\<name>.sys`."""
    named = {item.name for item in services(registry()).items if item.is_driver and not item.image_path}
    assert {"Null", "Beep", "Msfs", "Npfs", "spldr"} <= named
    assert installed("spldr").start == Start.BOOT
    assert (installed("partmgr").error_control, installed("partmgr").start) == (3, Start.BOOT)


def test_drivers_that_lead_to_the_system_drive_are_started_at_boot_but_for_that_of_ntfs(later: Facts) -> None:
    for system in (registry(), later[Registry]):
        for name in ("ACPI", "pci", "disk", "partmgr", "volmgr", "mountmgr"):
            assert installed(name, system).start == Start.BOOT
        assert installed("Ntfs", system).start == Start.MANUAL


@pytest.mark.parametrize(("guid", "name"), CLASS_NAMES.items(), ids=CLASS_NAMES.values())
def test_classes_of_devices_have_the_names_that_microsoft_gives_them(guid: str, name: str) -> None:
    assert registry().text(rf"{CLASSES}\{guid}", "Class") == name


def test_filters_that_windows_itself_puts_there(later: Facts) -> None:
    disks, volumes = list(CLASS_NAMES)[:2]
    assert registry().texts(rf"{CLASSES}\{disks}", "UpperFilters") == ("PartMgr",)
    assert registry().texts(rf"{CLASSES}\{volumes}", "LowerFilters") == ("fvevol", "rdyboost")
    system = later[Registry]
    assert system.texts(rf"{CLASSES}\{disks}", "UpperFilters") == ("partmgr",)
    assert system.texts(rf"{CLASSES}\{disks}", "LowerFilters") == ("EhStorClass",)
    assert system.texts(rf"{CLASSES}\{volumes}", "UpperFilters") == ("volsnap",)
    assert system.texts(rf"{CLASSES}\{volumes}", "LowerFilters") == ("fvevol", "iorate", "rdyboost")


def test_what_is_started_at_boot_and_how_setup_left_off() -> None:
    setup = r"HKLM\SYSTEM\Setup"
    assert registry().texts(MANAGER, "BootExecute") == ("autocheck autochk *",)
    assert registry().texts(rf"{MANAGER}\Memory Management", "PagingFiles") == (r"?:\pagefile.sys",)
    assert [registry().number(setup, name) for name in ("SystemSetupInProgress", "SetupType")] == [0, 0]
    assert registry().text(setup, "CmdLine") == ""
    assert registry().number(rf"{setup}\Status\SysprepStatus", "CleanupState") == 2
    assert registry().text(rf"{CONTROL}\ProductOptions", "ProductType") == "WinNT"


def test_the_firewall_keeps_profiles_and_rules_as_ms_gpfas_has_them(later: Facts) -> None:
    assert later[Registry].key(rf"{FIREWALL}\PrivateProfile") is None
    for profile in ("DomainProfile", "StandardProfile", "PublicProfile"):
        assert registry().number(rf"{FIREWALL}\{profile}", "EnableFirewall") == 1
    assert registry().key(rf"{FIREWALL}\PrivateProfile") is None
    rules = {
        value.name: parse_firewall_rule(value.text or "") for value in registry().values(rf"{FIREWALL}\FirewallRules")
    }
    assert len(rules) == 323
    assert all(rules.values())
    desktop = [found for found in rules.values() if found and found.first("EmbedCtxt") == "@FirewallAPI.dll,-28752"]
    assert [(found.first("App"), found.first("LPort"), found.is_limited) for found in desktop] == [
        ("System", "3389", False), ("System", "3389", False),
    ]  # fmt: skip
    tunnel = rules["CoreNet-IPHTTPS-In"]
    assert tunnel is not None
    assert tunnel.names_ports
    assert not tunnel.holds_for_port(3389)


def test_critical_devices_and_devices_name_their_service() -> None:
    device = rf"{CONTROL}\CriticalDeviceDatabase\pci#ven_8086&dev_7111"
    assert registry().text(device, "Service") == "intelide"
    assert registry().text(device, "ClassGUID") == "{4D36E96A-E325-11CE-BFC1-08002BE10318}"
    instances = next(registry().subkeys(r"HKLM\SYSTEM\CurrentControlSet\Enum\PCI")).subkeys()
    values = {value.name: value for value in next(instances).values()}
    assert (values["Service"].text, values["ConfigFlags"].number) == ("LSI_SAS", 0)


def test_what_came_with_windows_8(later: Facts) -> None:
    """The new list of devices, stornvme, and StartOverride: 3, beside Start 0, for controllers that are not there."""
    system = later[Registry]
    assert system.key(rf"{CONTROL}\CriticalDeviceDatabase") is None
    assert system.key(r"HKLM\SYSTEM\DriverDatabase\DeviceIds\PCI") is not None
    assert registry().key(r"HKLM\SYSTEM\DriverDatabase") is None
    assert installed("stornvme", system).start == Start.BOOT
    assert service(registry(), "stornvme") is None
    for name in ("pciide", "lsi_sas"):
        assert system.number(rf"{SERVICES}\{name}", "Start") == 0
        assert system.number(rf"{SERVICES}\{name}\StartOverride", "0") == 3


def test_packages_that_windows_brings_are_signed(later: Facts) -> None:
    packages = list(later[Registry].subkeys(r"HKLM\SYSTEM\DriverDatabase\DriverPackages"))
    scores = {value.number for key in packages if (value := key.value("SignerScore"))}
    assert len(packages) == 239
    assert scores == {0x0D000003, 0x0D000005}


def test_a_machine_that_cannot_hibernate_keeps_the_switch_of_fast_startup_on(later: Facts) -> None:
    system = later[Registry]
    assert system.number(rf"{MANAGER}\Power", "HiberbootEnabled") == 1
    assert system.number(rf"{CONTROL}\Power", "HibernateEnabled") == 0


def test_the_time_and_remote_desktop_as_setup_leaves_them(later: Facts) -> None:
    """A domain's member takes the time from the domain."""
    time = rf"{SERVICES}\W32Time\Parameters"
    assert (registry().text(time, "Type"), later[Registry].text(time, "Type")) == ("NT5DS", "NTP")
    assert later[Registry].text(time, "NtpServer") == "time.windows.com,0x9"
    assert later[Registry].number(rf"{CONTROL}\Terminal Server", "fDenyTSConnections") == 1


def test_drive_letters_name_partitions() -> None:
    """By the disk's signature and the byte where the partition begins; other devices by their path."""
    found = {drive_of(value.name): value.data for value in registry().values(r"HKLM\SYSTEM\MountedDevices")}
    assert found["C:"] == 0x5CBEA03E.to_bytes(4, "little") + (1 << 20).to_bytes(8, "little")
    assert found["A:"].decode("utf-16-le").startswith(r"\??\FDC#")


def test_the_tools_of_the_machine_s_hypervisor_are_known(later: Facts) -> None:
    found = [
        {item.seen.partition(" ")[0].lower() for item in windows_foreign_tools_are_not_started(facts, own=()).evidence}
        for facts in (machine(), later)
    ]
    assert found[0] >= {"vmtools", "vmmemctl"}
    assert found[1] >= {"vmtools", "vmmemctl", "vgauthservice", "vm3dservice", "vmrawdsk"}


def test_objects_that_every_store_has() -> None:
    """With the type that Microsoft's table of well-known objects gives each."""
    path = corpus("known/hives/hv-rp-BCD.hive.xz")
    store = parse_bcd(open_hive(Memory(Path(path).read_bytes(), "BCD")))
    kinds = {ALIASES[name]: item.type for name, item in store.objects.items() if name in ALIASES}
    assert kinds == {
        "{emssettings}": 0x20100000, "{resumeloadersettings}": 0x20200004, "{dbgsettings}": 0x20100000,
        "{badmemory}": 0x20100000, "{bootloadersettings}": 0x20200003, "{globalsettings}": 0x20100000,
        "{hypervisorsettings}": 0x20200003, "{bootmgr}": 0x10100002, "{fwbootmgr}": 0x10100001,
        "{memdiag}": 0x10200005,
    }  # fmt: skip
    assert store.default is not None
    assert (store.default.type, store.objects[BOOT_MANAGER].is_boot_manager) == (0x10200003, True)
    assert store.default.elements[RECOVERY_ENABLED].value is True
    (recovery,) = store.listed(store.default, RECOVERY_SEQUENCE)
    assert str(store.objects[recovery].elements[DEVICE].value).startswith(r"ramdisk \Recovery\WindowsRE")
    options = [item.elements for item in store.objects.values() if item.type == 0x30000000]
    assert [str(item[SDI_PATH].value) for item in options] == [r"\Recovery\WindowsRE\boot.sdi"]
    assert all(SDI_DEVICE in item for item in options)
