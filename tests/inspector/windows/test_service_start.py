from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from fixtures.files import Node
from fixtures.windows.golden import ASSIST, CURRENT, DRIVERS, SERVICES
from fixtures.windows.hive import Data, Expand, Keys
from fixtures.windows.pe import program
from inspector.facts import UnknownFact
from inspector.report import RuleResult
from inspector.rules import find_rule
from inspector.verdict import Status
from inspector.windows.registry import Registry
from inspector.windows.service_start import flaw_of_service, judge_driver, judge_service
from inspector.windows.services import Start, service
from parsers.place import ParseError
from tests.inspector.absence import judged
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

SVCHOST = rf"{CURRENT}\Svchost"
RESTRICTED = "localservicenetworkrestricted"
SYSTEM32 = "/Windows/System32"
LISTENER = r"ControlSet001\Control\Terminal Server\WinStations\RDP-Tcp"
_RESTORED = re.compile(r"restore C:(\S+) by `sfc /scannow`")
_SET = re.compile(r"set the value (\S+) of HKLM\\SYSTEM\\CurrentControlSet\\(\S+) to what it is from a machine")
_IMPORTED = re.compile(r"import the key HKLM\\SYSTEM\\CurrentControlSet\\(.+) from a machine with the same release")
_ADDED = re.compile(r"add (\S+) to the list (\S+) \(REG_MULTI_SZ\) of the key HKLM\\SOFTWARE\\(.+), and restart")


class Broken(NamedTuple):
    """What is changed of the golden guest: None takes away."""

    system: Mapping[str, Mapping[str, Data] | None]
    software: Mapping[str, Mapping[str, Data]]
    files: Mapping[str, Node | None]

    def told(self, rule: str) -> RuleResult:
        """Return what the rule says of it, with the advice that the report gives."""
        return judged(golden(dict(self.system), dict(self.software), dict(self.files)), (rule,))[0][rule]

    def mended(self, advice: str) -> Broken:
        """Return it after all was done that the advice names: what is put back is what the golden guest has."""
        files = {found.replace("\\", "/").lower() for found in _RESTORED.findall(advice)}
        keys = {rf"controlset001\{found}".lower() for found in _IMPORTED.findall(advice)}
        values = {rf"controlset001\{key}\{name}".lower() for name, key in _SET.findall(advice)}
        return Broken(
            {
                path: None
                if found is None
                else {n: it for n, it in found.items() if rf"{path}\{n}".lower() not in values}
                for path, found in self.system.items()
                if path.lower() not in keys
            },
            {**self.software, **{key: {name: [added]} for added, name, key in _ADDED.findall(advice)}},
            {path: node for path, node in self.files.items() if path.lower() not in files},
        )


def of(system: Any = None, software: Any = None, files: Any = None) -> Broken:
    return Broken(system or {}, software or {}, files or {})


@pytest.mark.parametrize(
    ("values", "files", "path", "seen"),
    [
        ({}, {}, None, None),
        ({"ImagePath": None}, {}, None, "it names no program"),
        ({"ImagePath": Expand("svchost.exe -k localServiceNetworkRestricted")}, {}, None, None),
        ({"ImagePath": Expand(r"%SystemRoot%\system32\svchost -k LocalServiceNetworkRestricted")}, {}, None, None),
        ({}, {"/Windows/System32/svchost.exe": None}, "svchost.exe", "its program does not exist"),
        ({}, {"/Windows/System32/dhcpcore.dll": None}, "dhcpcore.dll", "its DLL does not exist"),
        ({}, {"/Windows/System32/dhcpcore.dll": program("i386")}, "dhcpcore.dll", "its DLL is for i386, "),
    ],
    ids=["good", "no image path", "bare program", "without .exe", "no svchost", "no DLL", "DLL for 32 bits"],
)
def test_what_keeps_a_service_from_running(
    values: dict[str, Data], files: dict[str, Node | None], path: str | None, seen: str | None
) -> None:
    facts = golden({rf"{SERVICES}\Dhcp": values}, files=files)
    found = service(facts[Registry], "Dhcp")
    assert found is not None
    flaw = flaw_of_service(facts, found)
    assert (flaw is None) is (seen is None)
    if flaw:
        assert flaw.evidence.seen.startswith(seen or "")
        assert flaw.evidence.place.path.lower().endswith(path or "system")


@pytest.mark.parametrize(
    ("groups", "image", "group"),
    [
        ({RESTRICTED: ["eventlog", "lmhosts"]}, None, RESTRICTED),
        ({RESTRICTED: None}, None, RESTRICTED),
        ({}, r"%SystemRoot%\system32\svchost.exe -k netsvcs -p", "netsvcs"),
        ({}, r"svchost -k netsvcs", "netsvcs"),
        ({}, r'"C:\Windows\system32\svchost.exe" -p -k "netsvcs"', "netsvcs"),
    ],
)
def test_a_group_of_svchost_that_does_not_name_the_service(groups: Any, image: str | None, group: str) -> None:
    values: Keys = {rf"{SERVICES}\Dhcp": {"ImagePath": Expand(image)}} if image else {}
    facts = golden(values, {SVCHOST: groups})
    found = service(facts[Registry], "Dhcp")
    assert found is not None
    flaw = flaw_of_service(facts, found)
    assert flaw
    assert (flaw.evidence.place.key or "").lower() == rf"{SVCHOST}\{group}".lower()
    assert flaw.evidence.seen.lower() == f"the group {group} of svchost does not name it"
    assert flaw.fix.lower().startswith(f"add dhcp to the list {group} (reg_multi_sz) of the key hklm\\software\\")
    mended = golden(values, {SVCHOST: {group: ["DHCP"]}})
    assert flaw_of_service(mended, found) is None


def test_a_group_of_svchost_that_cannot_be_read_is_not_known() -> None:
    for facts in (golden(software={SVCHOST: {RESTRICTED: "Dhcp"}}), golden(files={f"{CONFIG}/SOFTWARE": b"regf"})):
        found = service(facts[Registry], "Dhcp")
        assert found is not None
        with pytest.raises((UnknownFact, ParseError)):
            flaw_of_service(facts, found)


def test_a_32_bit_host_loads_a_32_bit_library() -> None:
    below = r"C:\Windows\SysWOW64"
    changes: Keys = {
        rf"{SERVICES}\Dhcp": {"ImagePath": Expand(rf"{below}\svchost.exe -k x")},
        rf"{SERVICES}\Dhcp\Parameters": {"ServiceDll": Expand(rf"{below}\dhcpcore.dll")},
    }
    files = {f"/Windows/SysWOW64/{name}": program("i386") for name in ("svchost.exe", "dhcpcore.dll")}
    facts = golden(changes, files=files)
    found = service(facts[Registry], "Dhcp")
    assert found is not None
    assert flaw_of_service(facts, found) is None


DHCP = rf"{SERVICES}\Dhcp"
START, REMOTE, CORE = "windows-dhcp-client-starts", "windows-rdp-is-enabled", "windows-core-network-services-start"


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        (START, of(files={f"{SYSTEM32}/dhcpcore.dll": None})),
        (START, of(files={f"{SYSTEM32}/dhcpcore.dll": program("i386")})),
        (START, of(files={f"{SYSTEM32}/svchost.exe": b"text"})),
        (START, of({DHCP: {"ImagePath": None}})),
        (START, of({rf"{DHCP}\Parameters": {"ServiceDll": None}})),
        (START, of({DHCP: None})),
        (START, of(software={SVCHOST: {RESTRICTED: ["lmhosts"]}})),
        (START, of(software={SVCHOST: {RESTRICTED: None}})),
        ("windows-licence-service-starts", of(files={f"{SYSTEM32}/sppsvc.exe": b""})),
        (CORE, of(files={f"{SYSTEM32}/netman.dll": None, f"{SYSTEM32}/ikeext.dll": None})),
        (CORE, of({rf"{SERVICES}\nsi": None})),
        (REMOTE, of(files={f"{SYSTEM32}/termsrv.dll": b""})),
        (REMOTE, of({rf"{SERVICES}\TermService": None})),
        (REMOTE, of({LISTENER: None})),
        ("windows-subsystem-starts", of(files={f"{SYSTEM32}/csrss.exe": None})),
        ("windows-log-on-packages-exist", of(files={f"{SYSTEM32}/msv1_0.dll": None})),
    ],
    ids=lambda it: it if isinstance(it, str) else " ".join([*it.system, *it.software, *it.files]),
)
def test_the_advice_names_what_is_lacking_and_puts_it_back(rule: str, broken: Broken) -> None:
    told = broken.told(rule)
    assert told.status is not Status.OK
    assert broken.mended(told.fix or "").told(rule).status is Status.OK


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        (START, of({DHCP: {"Start": 4}})),
        ("windows-vminit-works", of(files={"/ProgramData/aliyun/vminit/vminit.exe": None})),
        (
            "windows-cloud-assistant-runs",
            of(files={f"/ProgramData/aliyun/assist/{ASSIST}/aliyun_assist_service.exe": None}),
        ),
        ("windows-cloudbase-init-starts", of({rf"{SERVICES}\cloudbase-init": None})),
    ],
    ids=["start type", "Vminit", "agent", "Cloudbase-Init"],
)
def test_a_start_type_and_a_product_are_mended_as_their_rule_advises(rule: str, broken: Broken) -> None:
    found = find_rule(rule)
    assert found
    assert broken.told(rule).fix == found.fix


def test_each_of_several_services_has_its_advice() -> None:
    told = of({rf"{SERVICES}\IKEEXT": {"Start": 4}}, files={f"{SYSTEM32}/netman.dll": None}).told(CORE)
    found = find_rule(CORE)
    assert found
    assert (told.fix or "").startswith(found.fix)
    assert r"restore C:\Windows\System32\netman.dll by" in (told.fix or "")


def test_a_service_that_others_are_needed_for_cannot_run_without_them() -> None:
    """The DHCP client depends on nsi, which depends on nsiproxy, as a real hive of Windows 10 has it."""
    for key, change in ((rf"{SERVICES}\nsiproxy", {"Start": 4}), (rf"{SERVICES}\AFD", {"Start": 4})):
        verdict = judge_service(golden({key: change}), "Dhcp", Start.AUTOMATIC)
        assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{key}\Start")
    gone = judge_service(golden({rf"{SERVICES}\nsiproxy": None}), "Dhcp", Start.AUTOMATIC, required=False)
    assert (gone.status, gone.evidence[0].place.key) == (Status.WARNING, rf"{SERVICES}\nsi\DependOnService")
    circle: Keys = {rf"{SERVICES}\nsi": {"DependOnService": ["Dhcp"]}}
    assert judge_service(golden(circle), "Dhcp", Start.AUTOMATIC).status is Status.OK


def test_a_driver_that_a_service_depends_on_has_its_file() -> None:
    for name, file in (("iphlpsvc", "Tcpip"), ("Dhcp", "afd"), ("Dhcp", "nsiproxy")):
        verdict = judge_service(golden(files={f"{DRIVERS}/{file}.sys": None}), name, Start.AUTOMATIC)
        assert verdict.status is Status.FAILED
        assert verdict.evidence[0].place.path.lower() == rf"c:\windows\system32\drivers\{file}.sys".lower()
        assert f"{file}.sys".lower() in (verdict.fix or "").lower()


def test_what_has_no_start_type_is_no_service() -> None:
    for name in ("nsi", "AFD"):
        verdict = judge_service(golden({rf"{SERVICES}\{name}": {"Start": None}}), "Dhcp", Start.AUTOMATIC)
        assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{SERVICES}\{name}\Start")


def test_services_that_depend_on_too_many_are_not_known() -> None:
    chain: Keys = {rf"{SERVICES}\n{at}": {"Start": 3, "DependOnService": [f"n{at + 1}"]} for at in range(600)}
    with pytest.raises(ParseError, match="at most 512 others"):
        judge_service(golden({**chain, rf"{SERVICES}\Dhcp": {"DependOnService": ["n0"]}}), "Dhcp", Start.AUTOMATIC)


def test_all_that_keeps_a_service_from_running_is_named() -> None:
    key = rf"{SERVICES}\Dhcp"
    change: Keys = {key: {"Start": 4}, rf"{SERVICES}\AFD": {"Start": 4}}
    verdict = judge_service(golden(change, files={f"{SYSTEM32}/dhcpcore.dll": None}), "Dhcp", Start.AUTOMATIC)
    assert [item.place.key or item.place.path for item in verdict.evidence] == [
        rf"{key}\Start", r"C:\Windows\System32\dhcpcore.dll", rf"{SERVICES}\AFD\Start",
    ]  # fmt: skip
    assert verdict.status is Status.FAILED
    assert "dhcpcore.dll" in (verdict.fix or "")


def test_all_that_keeps_a_driver_from_its_work_is_named() -> None:
    facts = golden({rf"{SERVICES}\viostor": {"Start": 3, "Type": 0x10}}, files={f"{DRIVERS}/viostor.sys": None})
    found = service(facts[Registry], "viostor")
    assert found is not None
    flaw, evidence = judge_driver(facts, found, Start.BOOT)
    assert flaw is not None
    assert flaw.count(";") == 2
    assert len(evidence) == 3
