from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Dir, Link, Node
from fixtures.windows.golden import CURRENT, SERVICES
from fixtures.windows.hive import Data, Expand, Keys
from fixtures.windows.pe import program
from inspector.facts import UnknownFact
from inspector.facts.platform import Architecture
from inspector.windows.files import flaw_of_program, flaw_of_service
from inspector.windows.registry import Registry
from inspector.windows.services import service
from parsers.place import ParseError, Place
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

SVCHOST = rf"{CURRENT}\Svchost"
RESTRICTED = "localservicenetworkrestricted"
FILE = "/x/file.sys"
LONG = program(content=b"\xc3" * 5000)


@pytest.mark.parametrize(
    ("node", "flaw"),
    [
        (None, "does not exist"),
        (Link("gone.sys"), "does not exist"),
        (Dir(), "is no file, but a directory"),
        (b"", "is empty"),
        (bytes(4096), "is no program: MZ wanted"),
        (LONG[:4000], "is cut off: 5000 bytes wanted"),
        (program("aarch64"), "is for aarch64, Windows for x86_64"),
        (program("i386"), "is for i386, Windows for x86_64"),
        (LONG, None),
        (Link(r"C:\Windows\explorer.exe"), None),
    ],
)
def test_what_keeps_a_file_from_being_loaded(node: Node | None, flaw: str | None) -> None:
    found = flaw_of_program(golden(files={FILE: node}), r"C:\x\file.sys")
    assert (found or "").startswith(flaw or "")
    assert (found is None) is (flaw is None)


@pytest.mark.parametrize(
    ("windows", "machines"),
    [("x86_64", {"x86_64", "i386"}), ("aarch64", {"aarch64", "x86_64", "i386"}), ("i386", {"i386"})],
)
def test_the_machines_whose_programs_a_windows_runs(windows: str, machines: set[str]) -> None:
    found = set()
    for machine in ("x86_64", "i386", "aarch64"):
        facts = golden(files={FILE: program(machine)})
        facts._known[Architecture] = Architecture(windows, 64, Place("kernel"))
        if flaw_of_program(facts, r"C:\x\file.sys", any_machine=True) is None:
            found.add(machine)
    assert found == machines


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
    ids=str,
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
        assert flaw[1].startswith(seen or "")
        assert flaw[0].path.lower().endswith(path or "system")


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
    assert (flaw[0].key or "").lower() == rf"{SVCHOST}\{group}".lower()
    assert flaw[1].lower() == f"the group {group} of svchost does not name it"
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
