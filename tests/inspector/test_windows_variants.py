"""What differs from the golden Windows and is as good: many such variants at once leave every check as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from fixtures.files import File, Link
from fixtures.windows import bcd
from fixtures.windows.golden import (
    CONTROL,
    CURRENT,
    DISK_CLASS,
    DRIVERS,
    FIREWALL,
    NIC,
    SERVICES,
    drive_c,
)
from fixtures.windows.hive import Expand
from fixtures.windows.pe import program
from inspector.verdict import Status
from tests.inspector.faults.windows import Fault, store_of
from tests.inspector.test_windows_faults import good, judged
from tests.windows import golden_storage, hive

pytestmark = pytest.mark.corpus

MANAGER: Final = rf"{CONTROL}\Session Manager"
TERMINAL: Final = rf"{CONTROL}\Terminal Server"
RULES: Final = rf"{FIREWALL}\FirewallRules"
INTERFACES: Final = rf"{SERVICES}\Tcpip\Parameters\Interfaces"
POLICIES: Final = r"Policies\Microsoft"
OPEN: Final = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3380-3400|Profile=Domain|Profile=Private|"
OTHER_CARD: Final = "{deadbeef-0000-4000-8000-000000000001}"
CLOUD: Final = "http://update.cloud.aliyuncs.com"


def driver(start: int, **values: Any) -> dict[str, Any]:
    return {"Type": 1, "Start": start, "ErrorControl": 1, **values}


VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    # what other platforms leave that is idle; drivers named in other ways; Microsoft's own antivirus
    "drivers": {
        "system": {
            rf"{SERVICES}\viostor": {"ImagePath": Expand(r"SYSTEM32\DRIVERS\VIOSTOR.SYS"), "Start": None, "START": 0},
            rf"{SERVICES}\viostor\StartOverride": {"0": 0},
            rf"{SERVICES}\storahci\StartOverride": {"0": 3},
            rf"{SERVICES}\vmci": driver(0),
            rf"{SERVICES}\megasas": driver(4, ErrorControl=3),
            rf"{SERVICES}\vmxnet3ndis6": driver(3),
            rf"{SERVICES}\vmbus": driver(0),
            rf"{SERVICES}\VMTools": {"Type": 0x10, "Start": 4, "ImagePath": drive_c("/Tools/vmtoolsd.exe")},
            rf"{SERVICES}\WdFilter": driver(0, Type=2, Group="FSFilter Anti-Virus"),
            rf"{SERVICES}\WdBoot": driver(0, Group="Early-Launch"),
            rf"{SERVICES}\Dhcp": {"DependOnService": ["nSi", "aFD"], "DelayedAutostart": 1},
            rf"{SERVICES}\TermService": {"Start": 2},
            rf"{SERVICES}\app": {"Type": 0x10, "Start": 2, "ImagePath": "notepad", "DependOnService": ["+TDI"]},
            rf"{SERVICES}\PlugPlay\Parameters": {"DeviceInstallDisabled": 1},
            rf"{CONTROL}\{DISK_CLASS}": {"UpperFilters": ["PARTMGR"]},
            "Select": {"LastKnownGood": 9},
        },
        "files": {f"{DRIVERS}/{name}.sys": program() for name in ("vmci", "vmbus", "WdFilter", "WdBoot")},
    },
    # how it is started, and what it finds then
    "start": {
        "system": {
            MANAGER: {"BootExecute": [r"autocheck autochk /r \??\C:", "autocheck autochk /k:D *"]},
            rf"{MANAGER}\Memory Management": {"PagingFiles": [r"c:\pagefile.sys 16 16", r"%SystemDrive%\p.sys"]},
            rf"{MANAGER}\Power": {"HiberbootEnabled": 1},
            rf"{MANAGER}\Environment": {"Path": Expand(r"C:\Program Files\Git;%SystemRoot%\System32;C:\x")},
            rf"{CONTROL}\Lsa": {"RunAsPPL": 1, "LsaCfgFlags": 1},
            "Setup": {"CmdLine": "setup.exe"},
            r"Setup\Status\SysprepStatus": None,
        },
        "software": {
            rf"{CURRENT}\Winlogon": {"Userinit": "userinit.exe", "Shell": "Explorer.exe", "AutoAdminLogon": 0},
            rf"{CURRENT}\Image File Execution Options\sethc.exe": {"Debugger": ""},
        },
        "boot": {"/bootmgr": None, "/BOOTMGR": File(b"\xe9 BOOTMGR", flags=("hidden", "system", "read-only"))},
        "store": {
            "11000001": bcd.located_device(0x12000002), "12000002": r"\WINDOWS\SYSTEM32\WINLOAD.EXE",
            "21000001": bcd.located_device(0x22000002), "22000002": r"\WINDOWS", "260000b0": b"\1",
        },
    },
    # the network, and who is let in
    "network": {
        "system": {
            TERMINAL: {"fDenyTSConnections": 1},
            rf"{TERMINAL}\WinStations\RDP-Tcp": {"MaxInstanceCount": 0xFFFFFFFF, "fLogonDisabled": 0},
            RULES: {
                "RemoteDesktop-UserMode-In-TCP": f"{OPEN}Profile=Public|App=System|",
                "old": f"{OPEN}RA4=10.20.0.0/255.255.0.0|App=System|",
                "ban": "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|RA4=203.0.113.4|",
            },
            rf"{INTERFACES}\{OTHER_CARD}": {},
            rf"{INTERFACES}\{NIC}": {"IPAddress": ["10.0.0.5"], "DhcpNameServer": "10.0.0.1", "NameServer": "  "},
            rf"{SERVICES}\Tcpip\Parameters": {"DhcpDomain": "corp.example"},
            rf"{SERVICES}\W32Time\Parameters": {"NtpServer": "ntp.cloud.aliyuncs.com,0x9 time.windows.com,0x9"},
            rf"{SERVICES}\W32Time\TimeProviders\VMICTimeProvider": {"Enabled": 0},
        },
        "software": {
            rf"{POLICIES}\Windows NT\Terminal Services": {"fDenyTSConnections": 0},
            rf"{POLICIES}\Windows\WindowsUpdate": {"WUServer": CLOUD, "WUStatusServer": CLOUD},
            rf"{POLICIES}\Windows\WindowsUpdate\AU": {"UseWUServer": 1},
            rf"{POLICIES}\Windows\PowerShell": {"EnableScripts": 1, "ExecutionPolicy": "RemoteSigned"},
            rf"{CURRENT}\SoftwareProtectionPlatform": {"KeyManagementServiceName": "kms.cloud.aliyuncs.com"},
        },
        "files": {
            f"{DRIVERS}/etc/hosts": "# 127.0.0.1 localhost\r\n10.0.0.9 app.corp.example\r\n",
            "/ProgramData/aliyun/vminit/vminit.exe": None,
            "/ProgramData/aliyun/vminit": Link(r"\??\C:\Data\vminit"),
            "/Data/vminit/vminit.exe": program(),
        },
    },
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_as_good_is_told_so(name: str) -> None:
    variant = VARIANTS[name]
    store = hive(store_of(Fault("", "", Status.OK, "", store=variant.get("store", {}))))
    system, software, files = (variant.get(it, {}) for it in ("system", "software", "files"))
    found = judged(golden_storage(system, software, files, {"/Boot/BCD": store, **variant.get("boot", {})}))
    told = {
        check.name: [rule.message for rule in check.rules if rule.status is not Status.OK] for check in found.values()
    }
    assert {it: told[it] for it, check in found.items() if check.status is not good()[it]} == {}
