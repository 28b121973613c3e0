from __future__ import annotations

import struct

import pytest

from fixtures.windows.golden import CONTROL, CURRENT
from fixtures.windows.hive import Data, Expand, Keys
from fixtures.windows.pe import program
from inspector.rules.windows.environment import (
    windows_environment_leads_to_its_programs,
    windows_log_on_packages_exist,
    windows_subsystem_starts,
    windows_system_drive_keeps_its_letter,
)
from inspector.verdict import Status
from tests.corpus import corpus
from tests.volumes import SIZE
from tests.windows import CONFIG, SIGNATURE, golden

pytestmark = pytest.mark.corpus

ENVIRONMENT = rf"{CONTROL}\Session Manager\Environment"
SUBSYSTEMS = rf"{CONTROL}\Session Manager\SubSystems"
LSA = rf"{CONTROL}\Lsa"
SYSTEM32 = "/Windows/System32"
CSRSS = r"%SystemRoot%\system32\csrss.exe"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (None, Status.FAILED),
        ("", Status.FAILED),
        (r"%SystemRoot%;C:\Program Files\Git", Status.FAILED),
        (r"D:\Windows\System32", Status.FAILED),
        (r"C:\Windows\System32\Wbem", Status.FAILED),
        (r"C:\WINDOWS\system32", Status.OK),
        (r'%JAVA_HOME%\bin;"C:\Windows\System32\";D:\tools', Status.OK),
        (Expand(r"\\server\tools;%SystemRoot%\system32"), Status.OK),
        (r"%SystemRoot%\system32;%SystemRoot%", Status.FAILED),
        (Expand(r"Windows\system32"), Status.FAILED),
        (Expand(r"\\server\c$\Windows\system32"), Status.FAILED),
    ],
)
def test_the_path(path: str | None, status: Status) -> None:
    verdict = windows_environment_leads_to_its_programs(golden({ENVIRONMENT: {"Path": path}}))
    assert (verdict.status, verdict.known, verdict.evidence[0].place.key) == (status, True, rf"{ENVIRONMENT}\Path")


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("TEMP", r"D:\TEMP", Status.WARNING),
        ("TMP", r"%SCRATCH%\x", Status.WARNING),
        ("TEMP", None, Status.WARNING),
        ("TMP", r"C:\Temp", Status.OK),
        ("TMP", "Temp", Status.WARNING),
        ("TEMP", r"%SystemRoot%\TEMP", Status.WARNING),
        ("ComSpec", r"%SystemRoot%\system32\cmd.exe", Status.WARNING),
        ("TEMP", Expand(r"%SystemDrive%\Temp"), Status.OK),
        ("ComSpec", r"C:\tools\sh.exe", Status.WARNING),
        ("ComSpec", None, Status.WARNING),
        ("ComSpec", r"C:\Windows\System32\CMD.EXE", Status.OK),
        ("windir", "D:\\", Status.WARNING),
        ("windir", "C:\\WINDOWS", Status.OK),
        ("PATHEXT", ".PY", Status.WARNING),
        ("PATHEXT", None, Status.WARNING),
        ("PATHEXT", ".com;.exe;.bat;.cmd;.PY", Status.OK),
    ],
)
def test_other_values(name: str, value: str | None, status: Status) -> None:
    verdict = windows_environment_leads_to_its_programs(golden({ENVIRONMENT: {name: value}}))
    assert (verdict.status, verdict.known) == (status, True)
    if status is Status.WARNING:
        assert [item.place.key for item in verdict.evidence] == [rf"{ENVIRONMENT}\{name}"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"Required": ["Debug"]}, "Required"),
        ({"Required": None}, "Required"),
        ({"Windows": None}, "Windows"),
        ({"Windows": r"%SystemRoot%\system32\gone.exe On"}, "Windows"),
        ({"Windows": Expand(r"%SystemRoot%\system32\cmd.exe")}, "Windows"),
        ({"Kmode": Expand("")}, "Kmode"),
        ({"Kmode": Expand(r"\SystemRoot\System32\drivers\disk.sys")}, "Kmode"),
        ({"Kmode": Expand(r"\SystemRoot\System32\win32x.sys")}, "Kmode"),
    ],
)
def test_a_subsystem_that_does_not_start(values: dict[str, Data], name: str) -> None:
    verdict = windows_subsystem_starts(golden({SUBSYSTEMS: values}))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)
    assert verdict.evidence[0].place.key == rf"{SUBSYSTEMS}\{name}"


def test_a_subsystem_without_its_key_or_its_files() -> None:
    assert windows_subsystem_starts(golden({SUBSYSTEMS: None})).status is Status.FAILED
    for path in ("csrss.exe", "win32k.sys"):
        for content in (None, b"", program("i386")):
            facts = golden(files={f"{SYSTEM32}/{path}": content})
            assert windows_subsystem_starts(facts).status is Status.FAILED
    assert windows_subsystem_starts(golden({SUBSYSTEMS: {"Windows": f"{CSRSS} A=1"}})).status is Status.OK


@pytest.mark.parametrize(
    ("values", "status", "name"),
    [
        ({"Authentication Packages": ["other"]}, Status.WARNING, "Authentication Packages"),
        ({"Authentication Packages": None}, Status.WARNING, "Authentication Packages"),
        ({"Authentication Packages": ["msv1_0", "sshdpinauthlsa"]}, Status.WARNING, "Authentication Packages"),
        ({"Security Packages": ["kerberos"]}, Status.WARNING, "Security Packages"),
        ({"Notification Packages": [r"D:\filter\policy"]}, Status.WARNING, None),
        ({"Notification Packages": ["scecli", "passwordfilter"]}, Status.WARNING, "Notification Packages"),
        ({"Notification Packages": ["scecli.dll", ""]}, Status.OK, "Authentication Packages"),
        ({"Security Packages": None}, Status.OK, "Authentication Packages"),
    ],
)
def test_packages_of_the_log_on(values: dict[str, Data], status: Status, name: str | None) -> None:
    verdict = windows_log_on_packages_exist(golden({LSA: values}))
    assert verdict.status is status
    if name:
        assert verdict.evidence[0].place.key == rf"{LSA}\{name}"


def test_without_the_package_of_windows_nobody_logs_on() -> None:
    verdict = windows_log_on_packages_exist(golden(files={f"{SYSTEM32}/msv1_0.dll": None}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, r"C:\Windows\System32\msv1_0.dll")


def test_the_letter_of_the_system_drive() -> None:
    own = struct.pack("<IQ", SIGNATURE, 2 * SIZE)
    verdict = windows_system_drive_keeps_its_letter(golden({"MountedDevices": {r"\DosDevices\D:": own}}))
    assert (verdict.status, verdict.message) == (
        Status.FAILED, "the system drive is D:, and Windows was set up on another",
    )  # fmt: skip
    assert [item.place.key for item in verdict.evidence] == [
        rf"{CURRENT}\SystemRoot",
        "MountedDevices\\\\DosDevices\\D:",
    ]
    for changes in ({r"\DosDevices\C:": own}, {r"\DosDevices\C:": own, r"\DosDevices\D:": struct.pack("<IQ", 7, SIZE)}):
        assert windows_system_drive_keeps_its_letter(golden({"MountedDevices": changes})).status is Status.OK
    verdict = windows_system_drive_keeps_its_letter(golden(software={CURRENT: {"SystemRoot": None}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_real_machine_has_a_good_environment() -> None:
    """A Windows 7 for 32 bits; its packages are there as far as the golden guest has their files."""
    real = {f"{CONFIG}/SYSTEM": corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()}
    assert windows_environment_leads_to_its_programs(golden(files=real)).status is Status.OK
    verdict = windows_log_on_packages_exist(golden(files=real))
    lacking = [item.seen.partition(":")[0] for item in verdict.evidence]
    assert lacking == ["kerberos", "schannel", "wdigest", "tspkg", "pku2u"]


def test_without_its_key_the_environment_is_not_known() -> None:
    verdict = windows_environment_leads_to_its_programs(golden({ENVIRONMENT: None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    keys: Keys = {ENVIRONMENT: {"Path": 7}}
    assert not windows_environment_leads_to_its_programs(golden(keys)).known
