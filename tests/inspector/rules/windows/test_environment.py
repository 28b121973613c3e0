from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL
from fixtures.windows.hive import Data, Expand, Keys
from fixtures.windows.pe import program
from inspector.rules.windows.environment import windows_environment_leads_to_its_programs, windows_subsystem_starts
from inspector.rules.windows.log_on import windows_log_on_packages_exist
from inspector.verdict import Status
from tests.corpus import corpus
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

ENVIRONMENT = rf"{CONTROL}\Session Manager\Environment"
SUBSYSTEMS = rf"{CONTROL}\Session Manager\SubSystems"
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
