r"""Faults of the golden Windows: what is changed, which check turns, and where it is said.

A fault is mended by putting back, with hivex, what the change took or wrote over, which is what the rules advise.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from fixtures.files import File
from fixtures.windows import bcd
from fixtures.windows.golden import (
    ANSWER_FILE,
    ASSIST,
    CLOUDBASE_CONF,
    CONTROL,
    CURRENT,
    DISK_CLASS,
    DRIVERS,
    FIREWALL,
    NIC,
    SERVICES,
    VOLUME_CLASS,
    answer_file,
    drive_c,
)
from fixtures.windows.hive import Data, Keys
from fixtures.windows.pe import program
from inspector.verdict import Status
from tests.volumes import SIZE
from tests.windows import SIGNATURE, Changes

HIVE: Final = r"C:\Windows\System32\config"
SYSTEM32: Final = "/Windows/System32"
FAILED, WARNING = Status.FAILED, Status.WARNING
_BOOT: Final = bcd.mbr_device(SIGNATURE, SIZE)
_WINDOWS: Final = bcd.mbr_device(SIGNATURE, 2 * SIZE)
_OBJECT: Final = rf"Objects\{bcd.ENTRY}"
_STATE: Final = r"Microsoft\Windows\CurrentVersion\Setup\State"
_SERVICING: Final = r"Microsoft\Windows\CurrentVersion\Component Based Servicing"
_TERMINAL: Final = rf"{CONTROL}\Terminal Server"
_LISTENER: Final = rf"{_TERMINAL}\WinStations\RDP-Tcp"
_MANAGER: Final = rf"{CONTROL}\Session Manager"
_WINLOGON: Final = rf"{CURRENT}\Winlogon"
_ALLOW: Final = "RemoteDesktop-UserMode-In-TCP"


@dataclass(frozen=True)
class Fault:
    """A change, and what has to come of it.

    Attributes:
        checks: the checks that turn, the first as `status`, with `place` among its evidence.
        store: further elements of the default entry of the boot store.
        others: further objects of the boot store, or elements of those that are there.
        profile: by which it is judged, where another than the usual one has the rule.
    """

    name: str
    checks: str
    status: Status
    place: str
    system: Keys = field(default_factory=dict)
    software: Keys = field(default_factory=dict)
    files: Changes = field(default_factory=dict)
    boot: Changes = field(default_factory=dict)
    store: dict[str, Data] = field(default_factory=dict)
    others: bcd.Things = field(default_factory=dict)
    security: Keys = field(default_factory=dict)
    profile: str = "ecs"


def in_system(name: str, checks: str, status: Status, key: str, value: str | None, data: Data = None) -> Fault:
    """Return the fault of a value of SYSTEM that is another, or with no `value` of a key that is gone."""
    where = key if value is None else rf"{key}\{value}"
    keys: Keys = {key: None if value is None else {value: data}}
    return Fault(name, checks, status, rf"{HIVE}\SYSTEM {where}", system=keys)


def in_software(name: str, checks: str, status: Status, key: str, value: str | None, data: Data = None) -> Fault:
    """Return the fault of a value of SOFTWARE that is another, or with no `value` of a key that is there."""
    where = key if value is None else rf"{key}\{value}"
    keys: Keys = {key: {} if value is None else {value: data}}
    return Fault(name, checks, status, rf"{HIVE}\SOFTWARE {where}", software=keys)


def of_file(name: str, checks: str, status: Status, path: str, shown: str, content: bytes | None = None) -> Fault:
    """Return the fault of a file that is another, or is gone; `shown` is how its place is written."""
    return Fault(name, checks, status, shown, files={path: content})


def _entry(name: str, status: Status, element: str, data: Data, more: dict[str, Data] | None = None) -> Fault:
    place = rf"\Boot\BCD {_OBJECT}\Elements\{element}\Element"
    return Fault(name, "BCD", status, place, store={element: data, **(more or {})})


def _manager(name: str, element: str, data: Data) -> Fault:
    place = rf"\Boot\BCD Objects\{bcd.MANAGER}\Elements\{element}\Element"
    return Fault(name, "BCD", WARNING, place, others={bcd.MANAGER: (0x10100002, {element: data})})


_GONE: Final = "{deadbeef-0000-4000-8000-000000000000}"
_VIOSTOR: Final = rf"{SERVICES}\viostor"
_SHOWN: Final = r"C:\Windows\System32\drivers"
_XML: Final = "/Windows/WinSxS/pending.xml"
_YES: Final = b"\1"
_UPDATE: Final = r"Policies\Microsoft\Windows\WindowsUpdate"
_LICENCE: Final = rf"{CURRENT}\SoftwareProtectionPlatform"
_CLOUDBASE: Final = rf"{SERVICES}\cloudbase-init"
_RAN: Final = r"Cloudbase Solutions\Cloudbase-Init\i-0001\Plugins"

FAULTS: Final = (
    # virtio
    in_system("viostor-manual", "Virtio", FAILED, _VIOSTOR, "Start", 3),
    in_system("viostor-disabled", "Virtio", FAILED, _VIOSTOR, "Start", 4),
    in_system("viostor-uninstalled", "Virtio", FAILED, _VIOSTOR, None),
    in_system("netkvm-disabled", "Virtio", FAILED, rf"{SERVICES}\netkvm", "Start", 4),
    in_system("netkvm-uninstalled", "Virtio", FAILED, rf"{SERVICES}\netkvm", None),
    Fault(
        "balloon-uninstalled", "Virtio", WARNING, rf"{HIVE}\SYSTEM {SERVICES}\balloon", {rf"{SERVICES}\BALLOON": None}
    ),
    of_file("netkvm-without-file", "Virtio", FAILED, f"{DRIVERS}/netkvm.sys", rf"{_SHOWN}\netkvm.sys"),
    of_file("netkvm-for-32-bits", "Virtio", FAILED, f"{DRIVERS}/netkvm.sys", rf"{_SHOWN}\netkvm.sys", program("i386")),
    Fault(
        "netkvm-read-only", "Virtio", WARNING, r"C:\Windows\System32\drivers\netkvm.sys",
        files={f"{DRIVERS}/netkvm.sys": File(program(), flags=("read-only",))},
    ),
    in_system("stornvme-manual", "Nvme", WARNING, rf"{SERVICES}\stornvme", "Start", 3),
    in_system("stornvme-uninstalled", "Nvme", WARNING, rf"{SERVICES}\stornvme", None),
    # how it is started
    Fault("no-boot-manager", "BootMgr", FAILED, r"\bootmgr", boot={"/bootmgr": None}),
    Fault(
        "compressed-boot-manager", "BootMgr", FAILED, r"\bootmgr",
        boot={"/bootmgr": File(b"\xe9 BOOTMGR", flags=("compressed",))},
    ),
    Fault("empty-boot-manager", "BootMgr", FAILED, r"\bootmgr", boot={"/bootmgr": b""}),
    Fault("no-boot-store", "BCD", FAILED, r"\Boot\BCD", boot={"/Boot/BCD": None}),
    Fault("broken-boot-store", "BCD", FAILED, r"\Boot\BCD", boot={"/Boot/BCD": b"regf" * 1024}),
    _entry("entry-on-another-disk", FAILED, "11000001", bcd.mbr_device(7, 2 * SIZE)),
    _entry("entry-on-no-partition", FAILED, "21000001", bcd.mbr_device(SIGNATURE, 9 * SIZE)),
    _entry("loader-of-uefi", FAILED, "12000002", r"\Windows\system32\winload.efi"),
    _entry("another-folder-of-windows", FAILED, "22000002", r"\WINNT"),
    _entry("safe-mode", FAILED, "25000080", struct.pack("<Q", 0)),
    _entry("safe-mode-with-network", FAILED, "25000080", struct.pack("<Q", 1)),
    in_system("safe-mode-without-a-list", "BCD", WARNING, rf"{CONTROL}\SafeBoot\Minimal", None),
    Fault(
        "in-safe-mode", "BCD", WARNING, rf"{HIVE}\SYSTEM {CONTROL}\SafeBoot\Option",
        {rf"{CONTROL}\SafeBoot\Option": {"OptionValue": 1}},
    ),
    _entry("test-signing", WARNING, "16000049", _YES),
    _entry("no-integrity-checks", WARNING, "16000048", _YES),
    _entry("kernel-debugger", WARNING, "260000a0", _YES),
    _entry("one-processor", WARNING, "25000061", struct.pack("<Q", 1)),
    _entry("memory-cut-off", WARNING, "15000007", struct.pack("<Q", 1 << 30)),
    _entry("windows-pe", FAILED, "26000022", _YES),
    _entry("virtual-disk", FAILED, "21000001", bcd.virtual_disk_device()),
    _entry("no-resume-entry", WARNING, "23000003", _GONE),
    _entry("no-recovery-entry", WARNING, "14000008", [_GONE], {"16000009": _YES}),
    Fault(
        "recovery-that-is-gone", "BCD", WARNING, bcd.RECOVERY_IMAGE,
        store={"14000008": [bcd.RECOVERY], "16000009": _YES}, others=bcd.recovery(_WINDOWS),
    ),
    _manager("entry-that-is-gone", "24000001", [bcd.ENTRY, _GONE]),
    _manager("menu-of-f8", "16000040", _YES),
    _manager("recovery-is-next", "24000002", [bcd.RECOVERY]),
    of_file("no-resume-loader", "BCD", WARNING, f"{SYSTEM32}/winresume.exe", r"\Windows\system32\winresume.exe"),
    of_file("no-loader", "BCD", FAILED, f"{SYSTEM32}/winload.exe", r"\Windows\system32\winload.exe"),
    # the registry
    in_system("failed-control-set", "Registry", WARNING, "Select", "Failed", 1),
    of_file(
        "no-security-hive", "Registry RemoteDesktop WindowsAccounts", FAILED, f"{SYSTEM32}/config/SECURITY",
        rf"{HIVE}\SECURITY",
    ),
    of_file("broken-default-hive", "Registry", FAILED, f"{SYSTEM32}/config/DEFAULT", rf"{HIVE}\DEFAULT", b"x" * 9000),
    # drivers and devices
    of_file("no-partition-manager", "BootDrivers Disk", FAILED, f"{DRIVERS}/partmgr.sys", rf"{_SHOWN}\partmgr.sys"),
    of_file("no-ahci-driver", "BootDrivers", FAILED, f"{DRIVERS}/storahci.sys", rf"{_SHOWN}\storahci.sys"),
    of_file("no-driver-of-ntfs", "BootDrivers", FAILED, f"{DRIVERS}/Ntfs.sys", rf"{_SHOWN}\Ntfs.sys"),
    Fault(
        "driver-of-an-antivirus", "BootDrivers", WARNING, r"C:\av\av.sys",
        {rf"{SERVICES}\av": {"Type": 2, "Start": 1, "ErrorControl": 1, "ImagePath": r"\??\C:\av\av.sys"}},
    ),
    in_system("disk-driver-disabled", "BootDrivers", FAILED, rf"{SERVICES}\disk", "Start", 4),
    of_file("file-system-driver-gone", "BootDrivers", FAILED, f"{DRIVERS}/Ntfs.sys", rf"{_SHOWN}\Ntfs.sys"),
    of_file(
        "driver-cut-off", "BootDrivers", FAILED, f"{DRIVERS}/volmgr.sys", rf"{_SHOWN}\volmgr.sys",
        program(content=b"\xc3" * 9000)[:4096],
    ),
    in_system("sockets-disabled", "Vminit BootDrivers", FAILED, rf"{SERVICES}\AFD", "Start", 4),
    in_system("no-filter-for-partitions", "Disk", FAILED, rf"{CONTROL}\{DISK_CLASS}", "UpperFilters", None),
    in_system(
        "dhcp-depends-on-nothing", "Vminit BootDrivers", FAILED, rf"{SERVICES}\Dhcp", "DependOnService", ["gone"]
    ),
    in_system(
        "filter-of-a-backup", "Disk", FAILED, rf"{CONTROL}\{DISK_CLASS}", "UpperFilters", ["partmgr", "backup"]
    ),
    in_system("lower-filter-of-volumes", "Disk", FAILED, rf"{CONTROL}\{VOLUME_CLASS}", "LowerFilters", ["gone"]),
    in_system("known-driver-as-filter", "Disk", WARNING, rf"{CONTROL}\{VOLUME_CLASS}", "LowerFilters", ["disk"]),
    in_system("xen-hides", "Xen", FAILED, rf"{SERVICES}\XenPCI\Parameters", "hide_devices", ["VEN_1AF4&DEV_1001"]),
    in_system("xen-left", "Xen", WARNING, rf"{SERVICES}\xenvbd", "Start", 3),
    in_system(
        "devices-not-installed", "Server", FAILED, rf"{SERVICES}\DeviceInstall\Parameters", "DeviceInstallDisabled", 1
    ),
    in_system("plug-and-play-disabled", "Server", WARNING, rf"{SERVICES}\PlugPlay", "Start", 4),
    in_system("device-install-disabled", "Server", WARNING, rf"{SERVICES}\DeviceInstall", "Start", 4),
    in_system(
        "filter-of-xen", "Disk", FAILED, rf"{CONTROL}\Class\{{4d36e97d-e325-11ce-bfc1-08002be10318}}", "UpperFilters",
        ["xenfilt"],
    ),
    in_system("disk-driver-overridden", "BootDrivers", FAILED, rf"{SERVICES}\disk\StartOverride", "0", 3),
    # setup and release
    in_software("setup-undeployable", "Sysprep", FAILED, _STATE, "ImageState", "IMAGE_STATE_UNDEPLOYABLE"),
    in_software(
        "setup-asks", "Sysprep", WARNING, _STATE, "ImageState", "IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE"
    ),
    in_system("setup-to-run", "Sysprep", FAILED, "Setup", "SystemSetupInProgress", 1),
    in_system(
        "sysprep-interrupted", "Sysprep", FAILED, r"Setup\Status\SysprepStatus", "GeneralizationState", 4
    ),
    in_software("evaluation", "OSVersion", WARNING, CURRENT, "EditionID", "ServerDatacenterEval"),
    in_software("end-of-support", "OSVersion", WARNING, CURRENT, "CurrentBuild", "9600"),
    in_software("reboot-in-progress", "Update", FAILED, rf"{_SERVICING}\RebootInProgress", None),
    in_software("reboot-pending", "Update", WARNING, rf"{_SERVICING}\RebootPending", None),
    of_file("pending-operations", "Update", FAILED, _XML, r"C:\Windows\WinSxS\pending.xml", b"<a/>"),
    in_system(
        "files-to-rename", "Update", WARNING, _MANAGER, "PendingFileRenameOperations", [r"\??\C:\a", r"\??\C:\b"]
    ),
    # what it finds when it starts
    of_file("hibernated", "WindowsStart", FAILED, "/hiberfil.sys", r"C:\hiberfil.sys", b"HIBR" + bytes(4092)),
    Fault(
        "fast-startup", "WindowsStart", WARNING, rf"{HIVE}\SYSTEM {_MANAGER}\Power\HiberbootEnabled",
        {rf"{_MANAGER}\Power": {"HiberbootEnabled": 1}}, files={"/hiberfil.sys": bytes(4096)},
    ),
    of_file("no-session-manager", "WindowsStart", FAILED, f"{SYSTEM32}/smss.exe", r"C:\Windows\System32\smss.exe"),
    of_file("library-of-windows-quarantined", "WindowsStart", FAILED, f"{SYSTEM32}/user32.dll",
            r"C:\Windows\System32\user32.dll"),
    of_file("session-manager-for-32-bits", "WindowsStart", FAILED, f"{SYSTEM32}/smss.exe",
            r"C:\Windows\System32\smss.exe", program("i386")),
    in_software("no-shell", "WindowsStart", FAILED, _WINLOGON, "Shell", None),
    in_software("shell-that-is-gone", "WindowsStart", FAILED, _WINLOGON, "Shell", r"C:\gone\shell.exe"),
    in_software(
        "debugger-of-sethc", "WindowsStart", WARNING, rf"{CURRENT}\Image File Execution Options\sethc.exe", "Debugger",
        "cmd.exe",
    ),
    in_system("boot-program-gone", "WindowsStart", FAILED, _MANAGER, "BootExecute", ["autocheck autochk *", "gone"]),
    in_system(
        "page-file-on-d", "WindowsStart", WARNING, rf"{_MANAGER}\Memory Management", "PagingFiles", [r"D:\p.sys"]
    ),
    of_file(
        "no-desktop-settings", "DesktopConfig", WARNING, "/Users/Public/Desktop/desktop.ini",
        r"C:\Users\Public\Desktop\desktop.ini",
    ),
    # the cloud's initialiser and agents
    in_system("vminit-disabled", "Vminit", FAILED, rf"{SERVICES}\vminit", "Start", 4),
    in_system("vminit-uninstalled", "Vminit", WARNING, rf"{SERVICES}\vminit", None),
    of_file(
        "vminit-without-program", "Vminit", FAILED, "/ProgramData/aliyun/vminit/vminit.exe",
        r"C:\ProgramData\aliyun\vminit\vminit.exe",
    ),
    in_system("ip-helper-disabled", "Vminit", FAILED, rf"{SERVICES}\iphlpsvc", "Start", 4),
    of_file("dhcp-for-32-bits", "Vminit", FAILED, f"{SYSTEM32}/dhcpcore.dll", r"C:\Windows\System32\dhcpcore.dll",
            program("i386")),
    in_system("dhcp-as-a-driver", "Vminit", FAILED, rf"{SERVICES}\Dhcp", "Start", 1),
    in_system("dhcp-manual", "Vminit", WARNING, rf"{SERVICES}\Dhcp", "Start", 3),
    in_system("dhcp-disabled", "Vminit", FAILED, rf"{SERVICES}\Dhcp", "Start", 4),
    in_system("time-disabled", "Vminit", WARNING, rf"{SERVICES}\W32Time", "Start", 4),
    in_system("interfaces-disabled", "Vminit BootDrivers", FAILED, rf"{SERVICES}\nsi", "Start", 4),
    in_system("fixed-address", "Vminit", WARNING, rf"{SERVICES}\Tcpip\Parameters\Interfaces\{NIC}", "EnableDHCP", 0),
    in_system("disks-offline", "Vminit", WARNING, rf"{SERVICES}\partmgr\Parameters", "SanPolicy", 2),
    in_system("assistant-uninstalled", "CloudAssistant", WARNING, rf"{SERVICES}\AliyunService", None),
    of_file(
        "assistant-without-program", "CloudAssistant", WARNING,
        f"/ProgramData/aliyun/assist/{ASSIST}/aliyun_assist_service.exe",
        rf"C:\ProgramData\aliyun\assist\{ASSIST}\aliyun_assist_service.exe",
    ),
    # other platforms
    Fault(
        "vmware-tools", "ForeignAgents", WARNING, rf"{HIVE}\SYSTEM {SERVICES}\VMTools\Start",
        {rf"{SERVICES}\VMTools": {"Type": 0x10, "Start": 2, "ImagePath": r"C:\Windows\explorer.exe"}},
    ),
    Fault(
        "cloudbase-init-disabled", "CloudbaseInit", WARNING, rf"{HIVE}\SYSTEM {_CLOUDBASE}\Start",
        {_CLOUDBASE: {"Start": 4}}, profile="nhn",
    ),
    Fault(
        "cloudbase-init-for-another-cloud", "CloudbaseInit", WARNING,
        drive_c(CLOUDBASE_CONF), profile="nhn",
        files={CLOUDBASE_CONF: "[DEFAULT]\nmetadata_services=cloudbaseinit.metadata.services.gceservice.GCEService\n"},
    ),
    Fault(
        "cloudbase-init-has-run", "CloudbaseInit", WARNING, rf"{HIVE}\SOFTWARE {_RAN}",
        software={_RAN: {"UserDataPlugin": 1}}, profile="nhn",
    ),
    in_software("licence-server", "WindowsServers", WARNING, _LICENCE, "KeyManagementServiceName", "kms.corp.example"),
    Fault(
        "update-server", "WindowsServers", WARNING, rf"{HIVE}\SOFTWARE {_UPDATE}\WUServer",
        software={
            _UPDATE: {"WUServer": "http://wsus.corp.example", "WUStatusServer": "http://wsus.corp.example"},
            rf"{_UPDATE}\AU": {"UseWUServer": 1},
        },
    ),
    in_system(
        "time-client-off", "WindowsServers", WARNING, rf"{SERVICES}\W32Time\TimeProviders\NtpClient", "Enabled", 0
    ),
    in_system("clock-not-set", "WindowsServers", WARNING, rf"{SERVICES}\W32Time\Parameters", "Type", "NoSync"),
    in_software("bad-update", "Hotfix", FAILED, CURRENT, "UBR", 768),
    # who gets in
    in_system("rdp-drained", "RemoteDesktop", WARNING, _TERMINAL, "TSServerDrainMode", 2),
    in_system("rdp-off", "RemoteDesktop", WARNING, _TERMINAL, "fDenyTSConnections", 1),
    in_software(
        "rdp-refused-by-policy", "RemoteDesktop", FAILED, r"Policies\Microsoft\Windows NT\Terminal Services",
        "fDenyTSConnections", 1,
    ),
    in_system("rdp-service-disabled", "RemoteDesktop", FAILED, rf"{SERVICES}\TermService", "Start", 4),
    in_system("rdp-listener-off", "RemoteDesktop", FAILED, _LISTENER, "fEnableWinStation", 0),
    in_system("rdp-certificate", "RemoteDesktop", WARNING, _LISTENER, "SSLCertificateSHA1Hash", b"\1\2\3"),
    Fault(
        "firewall-closed", "RemoteDesktop", WARNING, rf"{HIVE}\SYSTEM {FIREWALL}\DomainProfile\EnableFirewall",
        system={rf"{FIREWALL}\FirewallRules": {_ALLOW: None}},
    ),
    Fault(
        "firewall-open-to-the-old-network", "RemoteDesktop", WARNING,
        rf"{HIVE}\SYSTEM {FIREWALL}\PublicProfile\EnableFirewall",
        system={rf"{FIREWALL}\FirewallRules": {
            _ALLOW: "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|RA4=10.20.0.0/255.255.0.0|",
        }},
    ),
    in_system("rdp-without-connections", "RemoteDesktop", WARNING, _LISTENER, "MaxInstanceCount", 0),
    in_software("automatic-log-on", "WindowsAccounts", WARNING, _WINLOGON, "AutoAdminLogon", "1"),
    in_software("password-kept", "WindowsAccounts", WARNING, _WINLOGON, "DefaultPassword", "secret"),
    in_system("domain-member", "WindowsAccounts", WARNING, rf"{SERVICES}\Tcpip\Parameters", "Domain", "corp.example"),
    of_file(
        "password-in-an-answer-file", "Leftovers", WARNING, ANSWER_FILE, r"C:\Windows\Panther\unattend.xml",
        answer_file("secret"),
    ),
    in_system("domain-controller", "WindowsAccounts", WARNING, rf"{CONTROL}\ProductOptions", "ProductType", "LanmanNT"),
)  # fmt: skip


def store_of(fault: Fault) -> Keys:
    """Return the keys of the boot store with the fault in it."""
    return bcd.store(_BOOT, _WINDOWS, entry=fault.store, others=fault.others)
