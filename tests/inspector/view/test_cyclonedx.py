"""The bill of materials, against the published schema and the reader of cyclonedx-python-lib, where it is installed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inspector.facts.packages import Packages
from inspector.view.cyclonedx import cyclonedx
from parsers.linux.os_release import OsRelease, parse_os_release
from parsers.linux.package import Package
from parsers.place import Place, Problem
from tests.bill_of_materials import LIBRARY, schema_error

DEBIAN = parse_os_release('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
DB = "/var/lib/dpkg/status"
BASH = Package(Place(DB, 7), "bash", "5.2.15", "2+b7", architecture="amd64", source="bash", source_version="5.2.15-2",
               licence="GPL-3+", vendor="Debian", packager="Someone <someone@example.org>", summary="A shell",
               url="https://example.org/bash", installed_at=1_700_000_000)  # fmt: skip
HOSTILE = Package(Place(DB, 1), "a\x1b[2J\udcff\n", "9" * 3000, "", 3, "\0", licence="\x00", url="javascript:x y")


def made(*packages: Package, release: OsRelease | None = DEBIAN, manager: str = "dpkg", problems: int = 0) -> str:
    flaws = [Problem(Place(DB), "broken")] * problems
    return "".join(cyclonedx(Packages(manager, DB, packages, flaws), release))


def test_a_component_says_what_the_database_says() -> None:
    document = json.loads(made(BASH))
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert document["metadata"]["component"] == {
        "type": "operating-system",
        "bom-ref": "operating-system",
        "name": "debian",
        "version": "12",
        "description": "Debian GNU/Linux 12 (bookworm)",
    }
    url = "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12"
    assert document["components"] == [
        {
            "type": "library",
            "bom-ref": url,
            "name": "bash",
            "version": "5.2.15-2+b7",
            "purl": url,
            "supplier": {"name": "Debian"},
            "publisher": "Someone <someone@example.org>",
            "description": "A shell",
            "licenses": [{"license": {"name": "GPL-3+"}}],
            "externalReferences": [{"type": "website", "url": "https://example.org/bash"}],
            "properties": [
                {"name": "inspector:source", "value": "bash"},
                {"name": "inspector:source_version", "value": "5.2.15-2"},
                {"name": "inspector:installed_at", "value": "1700000000"},
            ],
            "evidence": {"occurrences": [{"location": DB, "line": 7}]},
        }
    ]
    assert document["compositions"] == []


def test_the_same_packages_give_the_same_bytes_in_whatever_order() -> None:
    other = Package(Place(DB, 1), "zsh", "5")
    assert made(BASH, other) == made(other, BASH)
    assert made(BASH) != made(other)
    assert json.loads(made(BASH))["serialNumber"] != json.loads(made(other))["serialNumber"]


def test_references_are_unique_and_keys_are_left_out() -> None:
    twins = [Package(Place(DB), "kernel", "5", "1")] * 3
    keys = [Package(Place(DB), "gpg-pubkey", f"{number}", "1") for number in range(6)]
    document = json.loads(made(*twins, *keys, manager="rpm"))
    references = [component["bom-ref"] for component in document["components"]]
    assert len(set(references)) == len(references) == 3


def test_a_list_that_is_not_whole_says_so() -> None:
    assert json.loads(made(BASH, problems=1))["compositions"] == [
        {"aggregate": "incomplete", "assemblies": ["operating-system"]}
    ]


def test_hostile_words_are_plain_text() -> None:
    text = made(HOSTILE)
    assert text.isascii()
    (component,) = json.loads(text)["components"]
    assert component["name"] == "a\x1b[2J\\xff\n"
    assert not {"version", "externalReferences"} & component.keys()


DOCUMENTS = {
    "usual": made(BASH, Package(Place(DB, 20), "zsh", "5")),
    "hostile": made(HOSTILE, BASH, release=None),
    "empty": made(),
    "incomplete": made(BASH, BASH, problems=2),
}


@LIBRARY
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_published_schema_accepts_it(name: str) -> None:
    assert schema_error(DOCUMENTS[name]) is None


@LIBRARY
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_library_reads_it(name: str) -> None:
    from cyclonedx.model.bom import Bom

    document = json.loads(DOCUMENTS[name])
    bom: Any = Bom.from_json(document)  # type: ignore[attr-defined]  # made by a decorator
    theirs = {(component.name, component.version, str(component.purl)) for component in bom.components}
    assert bom.serial_number.urn == document["serialNumber"]
    assert len(theirs) == len({component["purl"] for component in document["components"]})
    for component in bom.components:
        if component.name in {"bash", "zsh"}:
            assert (component.purl.type, component.purl.namespace) in {("deb", "debian"), ("deb", None)}
            assert component.purl.version == component.version
