"""The software of Windows as a table, as JSON, and as a bill of materials that others read."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from inspector.console.printable import printable
from inspector.facts.windows_packages import PackageState, ServicingPackage
from inspector.facts.windows_software import Profile, Program, WindowsSoftware
from inspector.facts.windows_version import WindowsVersion
from inspector.view.windows_packages import bill_of_materials, json_lines, rows
from parsers.place import Place, Problem
from parsers.windows.package_identity import PackageIdentity
from parsers.windows.uninstall_entry import UninstallEntry
from tests.bill_of_materials import LIBRARY, schema_error

HIVE: Final = r"C:\Windows\System32\config\SOFTWARE"
USER: Final = r"C:\Users\ann\NTUSER.DAT"
CODE: Final = "{A1B2C3D4-0000-4000-8000-000000000001}"
ANN: Final = Profile("S-1-5-21-1-2-3-1001", r"C:\Users\ann")
PRODUCT: Final = Program(
    UninstallEntry(
        key=CODE, place=Place(HIVE, key=rf"Uninstall\{CODE}", offset=4132), name="Example 2", version="2.0",
        publisher="Example Corporation", install_date="20260212", location=r"C:\Program Files\Example",
        comments="Does things", url="https://example.org/2", product_code=CODE, is_msi=True,
    ), 64, None,
)  # fmt: skip
OWN: Final = Program(UninstallEntry("own", Place(USER, key=r"Uninstall\own"), "Own", "1"), None, ANN)
UPDATE: Final = Program(
    UninstallEntry("u", Place(HIVE, key=r"Uninstall\u"), "Fix", parent=CODE, parent_name="Example 2"), 32, None
)
NAMELESS: Final = Program(UninstallEntry("AddressBook", Place(HIVE, key=r"Uninstall\AddressBook")), 64, None)
COMPONENT: Final = Program(
    UninstallEntry("c", Place(HIVE, key=r"Uninstall\c"), "Part", is_system_component=True), 64, None
)
HOSTILE: Final = Program(
    UninstallEntry(
        key="h", place=Place(HIVE, key="Uninstall\\h\x07\ud800"), name="a\x1b[2J\ud800\u202e\n", version="9" * 3000,
        publisher="\x9b\udcff", install_date="2026\x1b[m2", location="\0", comments="\ufffe", url="javascript:x y",
        parent="\x1b]0;", parent_name="\r",
    ), 64, Profile("S-1-\x1b", "C:\\\x1b"),
)  # fmt: skip
VERSION: Final = WindowsVersion("Windows Server 2022 Datacenter", None, None, 10, 0, 20348, 2113, None, Place(HIVE))


def update(name: str, state: int | None, installed_at: int | None = None) -> ServicingPackage:
    identity = PackageIdentity(name, "31bf3856ad364e35", "amd64", "", (10, 0, 1, 2))
    return ServicingPackage(identity, state, Place(HIVE, key=rf"Packages\{name}"), installed_at)


def software(*found: Program | ServicingPackage, problems: int = 0) -> WindowsSoftware:
    flaws = (Problem(Place(HIVE), "broken"),) * problems
    programs = tuple(it for it in found if isinstance(it, Program))
    return WindowsSoftware(programs, tuple(it for it in found if isinstance(it, ServicingPackage)), flaws, Place(HIVE))


def made(*found: Program | ServicingPackage, version: WindowsVersion | None = VERSION, problems: int = 0) -> str:
    return "".join(bill_of_materials(software(*found, problems=problems), version))


def test_the_table() -> None:
    kb = update("Package_for_KB5000001", 0x50, 1_700_000_000)
    _, *found = rows(software(UPDATE, PRODUCT, OWN, NAMELESS, COMPONENT, kb))
    assert found == [
        ("AddressBook", "-", "64-bit", "-", "-", "machine", "programs", "installed, hidden: no display name"),
        ("Example 2", "2.0", "64-bit", "Example Corporation", "2026-02-12", "machine", "msi", "installed"),
        ("Fix", "-", "32-bit", "-", "-", "machine", "programs", "installed, update of Example 2"),
        ("Own", "1", "-", "-", "-", "ann", "programs", "installed"),
        ("Part", "-", "64-bit", "-", "-", "machine", "programs", "installed, hidden: system component"),
        ("KB5000001", "10.0.1.2", "amd64", "-", "2023-11-14", "machine", "servicing", "superseded"),
    ]  # fmt: skip


def test_dates_that_are_none_stand_as_they_were_written() -> None:
    days = ["1/2/2026", "2026-01-02", "202601021", "２０２６０１０２", "1443000000"]
    entries = [UninstallEntry(day, Place(HIVE), day, install_date=day) for day in days]
    found = rows(software(*(Program(entry, 64, None) for entry in entries)))
    assert sorted(row[4] for row in found) == sorted([*days, "INSTALLED"])
    *_, row = rows(software(update("Package_for_KB5000001", 0x70, 1 << 40)))
    assert row[4].startswith("@")


def test_an_entry_of_json() -> None:
    (entry,) = json.loads("".join(json_lines(software(PRODUCT))))
    assert entry == {
        "name": "Example 2", "epoch": None, "version": "2.0", "release": None, "architecture": "64-bit",
        "manager": "msi", "state": "installed", "source": None, "source_version": None, "licence": None,
        "vendor": "Example Corporation", "packager": None, "summary": "Does things", "url": "https://example.org/2",
        "installed_at": None, "purl": "pkg:generic/Example%202@2.0", "path": HIVE, "line": None,
        "key": rf"Uninstall\{CODE}", "offset": 4132, "scope": "machine", "user": None, "profile": None,
        "install_date": "20260212", "install_location": r"C:\Program Files\Example", "product_code": CODE,
        "hidden": None, "parent": None, "parent_name": None,
    }  # fmt: skip


def test_every_entry_of_json_has_the_same_names() -> None:
    kb = update("Package_for_KB5000001", 0x70, 7)
    entries = json.loads("".join(json_lines(software(PRODUCT, OWN, UPDATE, NAMELESS, COMPONENT, kb))))
    assert {tuple(entry) for entry in entries} == {tuple(entries[0])}
    by_name = {entry["name"]: entry for entry in entries}
    assert [by_name["Own"][name] for name in ("scope", "user", "profile", "architecture")] == [
        "user", ANN.sid, ANN.folder, None,
    ]  # fmt: skip
    assert [by_name["Fix"][name] for name in ("parent", "parent_name", "hidden")] == [CODE, "Example 2", None]
    assert [by_name["Part"]["hidden"], by_name["AddressBook"]["hidden"]] == ["system component", "no display name"]
    assert [by_name["KB5000001"][name] for name in ("state", "installed_at", "purl")] == [
        "installed", 7, "pkg:generic/KB5000001@10.0.1.2?arch=amd64",
    ]  # fmt: skip
    assert list(json_lines(software())) == ["[]\n"]
    (unknown,) = json.loads("".join(json_lines(software(update("Package_for_KB5000001", None)))))
    assert unknown["state"] is None


def test_hostile_words() -> None:
    for row in rows(software(HOSTILE)):
        assert all(map(str.isprintable, map(printable, row)))
    text = "".join(json_lines(software(HOSTILE)))
    assert text.replace("\n", "").isprintable()
    assert text.isascii()
    (entry,) = json.loads(text)
    assert entry["name"] == "a\x1b[2J\ud800\u202e\n"
    bill = made(HOSTILE)
    assert bill.isascii()
    (component,) = json.loads(bill)["components"]
    assert component["name"] == "a\x1b[2J\\ud800\u202e\n"
    assert not {"version", "externalReferences"} & component.keys()


def test_a_component() -> None:
    document = json.loads(made(PRODUCT))
    assert document["metadata"]["component"] == {
        "type": "operating-system", "bom-ref": "operating-system", "name": "windows", "version": "10.0.20348.2113",
        "description": "Windows Server 2022 Datacenter",
    }  # fmt: skip
    url = "pkg:generic/Example%202@2.0"
    assert document["components"] == [
        {
            "type": "application", "bom-ref": url, "name": "Example 2", "version": "2.0", "purl": url,
            "supplier": {"name": "Example Corporation"}, "publisher": "Example Corporation",
            "description": "Does things",
            "externalReferences": [{"type": "website", "url": "https://example.org/2"}],
            "properties": [
                {"name": "inspector:manager", "value": "msi"},
                {"name": "inspector:architecture", "value": "64-bit"},
                {"name": "inspector:scope", "value": "machine"},
                {"name": "inspector:install_date", "value": "20260212"},
                {"name": "inspector:install_location", "value": r"C:\Program Files\Example"},
                {"name": "inspector:product_code", "value": CODE},
            ],
            "evidence": {
                "occurrences": [{"location": HIVE, "additionalContext": rf"Uninstall\{CODE}", "offset": 4132}]
            },
        }
    ]  # fmt: skip
    assert document["compositions"] == []


@pytest.mark.parametrize("state", [*PackageState, None, 0x51])
def test_only_updates_that_are_there_are_components(state: int | None) -> None:
    components = json.loads(made(update("Package_for_KB5000001", state)))["components"]
    assert bool(components) == (state in {0x05, 0x50, 0x65, 0x70, 0x80})
    for component in components:
        states = [item["value"] for item in component["properties"] if item["name"] == "inspector:state"]
        assert bool(states) == (state not in {0x70, 0x80})


def test_what_names_no_program_is_no_component() -> None:
    assert [it["name"] for it in json.loads(made(NAMELESS, COMPONENT))["components"]] == ["Part"]


def test_the_same_software_gives_the_same_bytes_in_whatever_order() -> None:
    assert made(PRODUCT, OWN) == made(OWN, PRODUCT)
    assert made(PRODUCT) != made(OWN)


def test_a_list_that_is_not_whole_says_so() -> None:
    assert json.loads(made(PRODUCT, problems=1))["compositions"] == [
        {"aggregate": "incomplete", "assemblies": ["operating-system"]}
    ]


ODD: Final = [
    Program(UninstallEntry("k", Place(HIVE), name, version), None, None)
    for name, version in (("/", "/"), (" ", " "), ("a/b@c?d#e", "1 (x64)"), ("é 中 :", "1:2"), ("\ud800", "~+%"))
]
DOCUMENTS: Final = {
    "usual": made(PRODUCT, OWN, UPDATE, COMPONENT, update("Package_for_KB5000001", 0x50, 7)),
    "twins": made(PRODUCT, PRODUCT, PRODUCT),
    "hostile": made(HOSTILE, PRODUCT, version=None),
    "odd": made(*ODD),
    "empty": made(),
    "incomplete": made(PRODUCT, problems=2),
}


@LIBRARY
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_published_schema_accepts_it(name: str) -> None:
    assert schema_error(DOCUMENTS[name]) is None


@LIBRARY
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_library_reads_it_and_writes_its_urls_the_same(name: str) -> None:
    from cyclonedx.model.bom import Bom
    from packageurl import PackageURL

    document = json.loads(DOCUMENTS[name])
    bom: Any = Bom.from_json(document)  # type: ignore[attr-defined]  # made by a decorator
    assert len(bom.components) == len(document["components"])
    for component in document["components"]:
        url = PackageURL.from_string(component["purl"])
        assert url.to_string() == component["purl"].replace("%2F", "/")  # it writes a slash of a name as it stands
        assert (url.type, url.namespace) == ("generic", None)
        assert url.name == (component["name"].strip(" /\n") or "-")
