r"""Faults of the golden Windows: what Vminit's plugins need, what the source's network left, and updates."""

from __future__ import annotations

import struct
from typing import Final

from fixtures.windows.golden import (
    CLOUDBASE_CONF,
    CONNECTIONS,
    CONTROL,
    CURRENT,
    DRIVERS,
    FILTER,
    NETWORK,
    NIC,
    PACKAGES,
    POWERSHELL,
    SCHEDULER,
    SERVICES,
    SERVICING,
    SIGNED_BY,
    drive_c,
    network_filter,
    package,
)
from tests.inspector.faults.windows import FAILED, HIVE, SYSTEM32, WARNING, Fault, in_software, in_system

_VMINIT: Final = "/ProgramData/aliyun/vminit"
_SHOWN: Final = r"C:\ProgramData\aliyun\vminit"
_PARAMETERS: Final = rf"{SERVICES}\Tcpip\Parameters"
_SCRIPTS: Final = r"Policies\Microsoft\Windows\PowerShell"
_RUN_ONCE: Final = r"Microsoft\Windows\CurrentVersion\RunOnce"
_SETTINGS: Final = r"Microsoft\Windows\CurrentVersion\Internet Settings"
_FOREIGN: Final = rf"{NETWORK}\{{A01C1BDB-44E5-4C3E-9AC9-C456C184A812}}"
_ALL_NAMES: Final = r"Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig\{1}"
_PROXY: Final = struct.pack("<IIII", 0x18, 0, 3, 18) + b"proxy.example:8080" + bytes(4)
_KB: Final = rf"{PACKAGES}\Package_for_KB5034630~{SIGNED_BY}~amd64~~20348.2200.1.1"


def _disabled(service: str) -> Fault:
    key = rf"{SERVICES}\{service}"
    return in_system(f"{service.lower()}-disabled", "Vminit", WARNING, key, "Start", 4)


SERVICE_FAULTS: Final = (
    # Vminit's plugins
    *map(_disabled, ("vds", "wuauserv", "sppsvc", "IKEEXT", "Netlogon", "Netman")),
    in_system("disk-service-uninstalled", "Vminit", WARNING, rf"{SERVICES}\vds", None),
    Fault(
        "licence-service-without-program", "Vminit", WARNING, r"C:\Windows\System32\sppsvc.exe",
        files={f"{SYSTEM32}/sppsvc.exe": None},
    ),
    Fault(
        "no-powershell", "Vminit", WARNING, r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
        files={POWERSHELL: None},
    ),
    in_software("no-scripts", "Vminit", WARNING, _SCRIPTS, "EnableScripts", 0),
    Fault(
        "signed-scripts-alone", "Vminit", WARNING, rf"{HIVE}\SOFTWARE {_SCRIPTS}\ExecutionPolicy",
        software={_SCRIPTS: {"EnableScripts": 1, "ExecutionPolicy": "AllSigned"}},
    ),
    Fault(
        "user-data-kept", "Vminit", WARNING, rf"{_SHOWN}\user-data\script.ps1",
        files={f"{_VMINIT}/user-data/script.ps1": "secret"},
    ),
    Fault(
        "vminit-has-failed", "Vminit", WARNING, rf"{_SHOWN}\log\vminit.log",
        files={f"{_VMINIT}/log/vminit.log": "12:00 extend_disk_error\n"},
    ),
    Fault(
        "cloudbase-init-names-it-too", "Vminit", WARNING, drive_c(CLOUDBASE_CONF),
        files={CLOUDBASE_CONF: "[DEFAULT]\nplugins=cloudbaseinit.plugins.common.sethostname.SetHostNamePlugin\n"},
    ),
    in_software("renamed-at-log-on", "Vminit", WARNING, _RUN_ONCE, "x", "netdom renamecomputer . /newname:y"),
    # the source's network
    in_system(
        "name-servers-of-a-card", "WindowsNetwork", WARNING, rf"{_PARAMETERS}\Interfaces\{NIC}",
        "NameServer", "10.0.0.1",
    ),
    Fault(
        "name-servers-of-all-names", "WindowsNetwork", WARNING, rf"{HIVE}\SOFTWARE {_ALL_NAMES}\GenericDNSServers",
        software={_ALL_NAMES: {"Name": ["."], "GenericDNSServers": "10.0.0.53", "ConfigOptions": 8}},
    ),
    in_system(
        "route-of-the-source", "WindowsNetwork", WARNING, rf"{_PARAMETERS}\PersistentRoutes",
        "0.0.0.0,0.0.0.0,10.0.0.1,-1", "",
    ),
    Fault(
        "update-server-in-hosts", "WindowsNetwork", WARNING, r"C:\Windows\System32\drivers\etc\hosts",
        files={f"{DRIVERS}/etc/hosts": "127.0.0.1 localhost\r\n0.0.0.0 fe2.update.microsoft.com\r\n"},
    ),
    in_software(
        "proxy-of-services", "WindowsNetwork", WARNING, CONNECTIONS, "WinHttpSettings", _PROXY
    ),
    Fault(
        "proxy-of-all", "WindowsNetwork", WARNING, rf"{HIVE}\SOFTWARE {_SETTINGS}\ProxyEnable",
        software={
            _SETTINGS: {"ProxyEnable": 1, "ProxyServer": "proxy.example:8080"},
            rf"Policies\{_SETTINGS}": {"ProxySettingsPerUser": 0},
        },
    ),
    in_system(
        "filter-without-service", "Disk", FAILED, rf"{FILTER}\Ndi", "Service", "gone"
    ),
    Fault(
        "optional-filter-without-file", "BootDrivers Disk", WARNING, r"C:\Windows\System32\drivers\pacer.sys",
        files={f"{DRIVERS}/pacer.sys": None},
    ),
    in_system("optional-filter-without-service", "Disk", WARNING, rf"{SCHEDULER}\Ndi", "Service", "gone"),
    Fault(
        "filter-of-an-antivirus", "Disk", WARNING, rf"{HIVE}\SYSTEM {_FOREIGN}\Ndi\Service",
        network_filter(_FOREIGN, "mfe_ndisfilt", "WFPLWFS", "oem13.inf", mandatory=False),
    ),
    # updates
    Fault(
        "update-to-be-installed", "Update", WARNING, rf"{HIVE}\SOFTWARE {_KB}\CurrentState",
        software={_KB: {"CurrentState": 0x60}},
    ),
    Fault(
        "update-installed-in-part", "Update", WARNING, rf"{HIVE}\SOFTWARE {_KB}\CurrentState",
        software={_KB: {"CurrentState": 0x65}},
    ),
    Fault(
        "bad-update-to-be-installed", "Hotfix Update", FAILED,
        rf"{HIVE}\SOFTWARE {next(iter(package('Package_for_RollupFix', '20348.768.1.10')))}\CurrentState",
        software=package("Package_for_RollupFix", "20348.768.1.10", 0x60),
    ),
    in_software("session-under-way", "Update", FAILED, rf"{SERVICING}\SessionsPending", "Exclusive", 3),
    in_software(
        "restart-asked-for", "Update", WARNING,
        r"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired", None,
    ),
    in_system("new-name-waits", "Update", WARNING, _PARAMETERS, "NV Hostname", "WIN-OTHER"),
    in_system(
        "file-to-delete", "Update", WARNING, rf"{CONTROL}\Session Manager",
        "PendingFileRenameOperations", [r"\??\C:\a", ""],
    ),
    Fault(
        "bad-update-of-2012-r2", "Hotfix OSVersion", FAILED,
        rf"{HIVE}\SOFTWARE {PACKAGES}\Package_for_KB5009595~{SIGNED_BY}~amd64~~6.3.1.5\CurrentState",
        software={
            CURRENT: {
                "CurrentBuild": "9600", "CurrentVersion": "6.3", "CurrentMajorVersionNumber": None,
                "CurrentMinorVersionNumber": None, "UBR": None,
            },
            **package("Package_for_KB5009595", "6.3.1.5"),
        },
    ),
)  # fmt: skip
