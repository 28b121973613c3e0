r"""Faults of the golden Windows in its policies, its environment, its rights, and in what its hives have to hold."""

from __future__ import annotations

from typing import Final

from fixtures.windows.golden import CONTROL, CURRENT, FIREWALL, MACHINE, SERVICES, SERVICING, UNINSTALL
from fixtures.windows.hive import Data, Keys, Typed
from tests.inspector.faults.windows import FAILED, HIVE, SYSTEM32, WARNING, Fault, in_software, in_system, of_file

_RESTRICTIONS: Final = r"Policies\Microsoft\Windows\DeviceInstall\Restrictions"
_ENVIRONMENT: Final = rf"{CONTROL}\Session Manager\Environment"
_SUBSYSTEMS: Final = rf"{CONTROL}\Session Manager\SubSystems"
_LSA: Final = rf"{CONTROL}\Lsa"
_PROFILES: Final = rf"{CURRENT}\ProfileList"
_ACCOUNTS: Final = r"Policy\Accounts"
_KEPT: Final = r"Policy\Secrets\DefaultPassword\CurrVal"
_SID: Final = bytes.fromhex("010400000000000515000000010000000200000003000000")


def _denied(name: str, policy: str, entry: str) -> Fault:
    keys: Keys = {_RESTRICTIONS: {policy: 1}, rf"{_RESTRICTIONS}\{policy}": {"1": entry}}
    return Fault(name, "Server", WARNING, rf"{HIVE}\SOFTWARE {_RESTRICTIONS}\{policy}\1", software=keys)


def _security(name: str, checks: str, status: str, key: str, data: bytes | None) -> Fault:
    values: dict[str, Data] | None = None if data is None else {"": Typed(0, data)}
    keys: Keys = {key: values}
    return Fault(name, checks, FAILED if status == "F" else WARNING, rf"{HIVE}\SECURITY {key}", security=keys)


POLICY_FAULTS: Final = (
    # policies on devices, and antivirus
    _denied("virtio-denied", "DenyDeviceIDs", r"PCI\VEN_1AF4&DEV_1001"),
    _denied("storage-denied", "DenyDeviceIDs", r"PCI\CC_0100"),
    _denied("disks-denied", "DenyDeviceClasses", "{4d36e967-e325-11ce-bfc1-08002be10318}"),
    _denied("network-cards-denied", "DenyDeviceClasses", "{4D36E972-E325-11CE-BFC1-08002BE10318}"),
    in_software("other-devices-denied", "Server", WARNING, _RESTRICTIONS, "DenyUnspecified", 1),
    in_software(
        "antivirus-installed", "Antivirus", WARNING, rf"{UNINSTALL}\av", "DisplayName", "Kaspersky Security 11"
    ),
    in_software(
        "antivirus-for-32-bits", "Antivirus", WARNING, UNINSTALL.replace("Micro", r"WOW6432Node\Micro", 1) + r"\av",
        "Publisher", "AVAST Software",
    ),
    Fault(
        "antivirus-driver", "Antivirus", WARNING, rf"{HIVE}\SYSTEM {SERVICES}\avf",
        {rf"{SERVICES}\avf": {
            "Type": 2, "Start": 0, "ErrorControl": 1, "Group": "FSFilter Anti-Virus",
            "ImagePath": r"System32\drivers\disk.sys",
        }},
    ),
    # the environment, the subsystem, the packages
    in_system("path-without-system32", "WindowsStart", FAILED, _ENVIRONMENT, "Path", r"C:\Program Files\Git"),
    in_system("temp-on-d", "WindowsStart", WARNING, _ENVIRONMENT, "TEMP", r"D:\TEMP"),
    in_system("another-prompt", "WindowsStart", WARNING, _ENVIRONMENT, "ComSpec", r"C:\gone\sh.exe"),
    in_system("no-subsystem", "WindowsStart", FAILED, _SUBSYSTEMS, None),
    in_system("subsystem-not-required", "WindowsStart", FAILED, _SUBSYSTEMS, "Required", ["Debug"]),
    of_file(
        "no-subsystem-in-the-kernel", "WindowsStart", FAILED, f"{SYSTEM32}/win32k.sys",
        rf"{HIVE}\SYSTEM {_SUBSYSTEMS}\Kmode",
    ),
    in_system(
        "package-of-a-product", "WindowsStart", WARNING, _LSA, "Notification Packages", ["scecli", "gone"]
    ),
    in_system("no-package-for-passwords", "WindowsStart", WARNING, _LSA, "Authentication Packages", ["gone"]),
    of_file(
        "package-for-passwords-gone", "WindowsStart", FAILED, f"{SYSTEM32}/msv1_0.dll",
        r"C:\Windows\System32\msv1_0.dll",
    ),
    # who is let in
    in_software("log-ons-switched-off", "RemoteDesktop", FAILED, rf"{CURRENT}\Winlogon", "WinStationsDisabled", "1"),
    Fault(
        "mdm-refuses-own-rules", "RemoteDesktop", WARNING, rf"{HIVE}\SYSTEM {FIREWALL}\PublicProfile\EnableFirewall",
        {rf"{FIREWALL}\Mdm\PublicProfile": {"AllowLocalPolicyMerge": 0}},
    ),
    Fault(
        "mdm-blocks", "RemoteDesktop", WARNING, rf"{HIVE}\SYSTEM {FIREWALL}\DomainProfile\EnableFirewall",
        {rf"{FIREWALL}\Mdm\FirewallRules": {"x": "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|"}},
    ),
    in_system(
        "service-restricted", "RemoteDesktop", WARNING, rf"{FIREWALL}\RestrictedServices\Static\System", "Term-1",
        r"V2.0|Action=Block|Dir=in|App=%windir%\System32\svchost.exe|Svc=TermService|Name=x|",
    ),
    in_system(
        "ipsec-asked-for", "RemoteDesktop", WARNING, rf"{FIREWALL}\ConSecRules", "{1}",
        "v2.31|Action=SecureServer|Name=X|Active=TRUE|",
    ),
    in_software(
        "ipsec-of-a-policy", "RemoteDesktop", WARNING, r"Policies\Microsoft\Windows\IPSec\Policy\Local", "ActivePolicy",
        r"SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local\ipsecPolicy{1}",
    ),
    # rights, profiles, the domain, a kept password
    _security("remote-denied", "RemoteDesktop", "F", rf"{_ACCOUNTS}\S-1-5-113\ActSysAc", b"\0\x08\0\0"),
    Fault(
        "remote-not-granted", "RemoteDesktop", FAILED, rf"{HIVE}\SECURITY {_ACCOUNTS}",
        security={rf"{_ACCOUNTS}\S-1-5-32-544\ActSysAc": {"": Typed(0, b"\7\0\0\0")}},
    ),
    _security("member-of-a-domain", "WindowsAccounts", "W", r"Policy\PolPrDmS", _SID),
    _security("secret-kept", "WindowsAccounts", "W", _KEPT, b"\1" * 108),
    in_software(
        "profile-set-aside", "WindowsAccounts", WARNING, rf"{_PROFILES}\{MACHINE}-1001.bak", None
    ),
    of_file(
        "profile-gone", "WindowsAccounts", WARNING, "/Users/Administrator/NTUSER.DAT",
        rf"{HIVE}\SOFTWARE {_PROFILES}\{MACHINE}-500\ProfileImagePath",
    ),
    of_file(
        "no-profile-of-new-users", "WindowsAccounts", WARNING, "/Users/Default/NTUSER.DAT",
        r"C:\Users\Default\NTUSER.DAT",
    ),
    in_software("profiles-on-d", "WindowsAccounts", WARNING, _PROFILES, "ProfilesDirectory", r"D:\Users"),
    # what the hives have to hold
    in_system("no-devices", "Registry", FAILED, r"ControlSet001\Enum", None),
    Fault(
        "no-store-of-updates", "Registry Hotfix Update", FAILED, rf"{HIVE}\SOFTWARE {SERVICING}",
        software={SERVICING: None},
    ),
    _security("no-rights-of-services", "Registry", "F", rf"{_ACCOUNTS}\S-1-5-6", None),
    of_file(
        "broken-store-of-devices", "Registry Virtio DriverPackages", WARNING, f"{SYSTEM32}/config/DRIVERS",
        rf"{HIVE}\DRIVERS", b"x" * 9000,
    ),
)  # fmt: skip
