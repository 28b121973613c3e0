"""dpkg's database: by hand, and against dpkg-query on the machine's own."""

from __future__ import annotations

import random
import subprocess
from itertools import product
from pathlib import Path

import pytest

from parsers.linux.dpkg import parse_dpkg_status, with_updates
from parsers.linux.package import Package
from parsers.place import ParseError, Place, Problem
from tests.oracles import needs

STATUS = """\
Package: bash
Essential: yes
Status: install ok installed
Architecture: amd64
Source: bash (5.2.15-2)
Maintainer: Matthias Klose <doko@debian.org>
Homepage: http://tiswww.case.edu/php/chet/bash/bashtop.html
Version: 5.2.15-2+b7
Description: GNU Bourne Again SHell
 Package: not a field
 .
 Version: 9

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1.0

Package: half
Status: install reinstreq half-configured
Version: 2:3~rc1
"""


def test_paragraphs_have_their_fields_and_lines() -> None:
    status = parse_dpkg_status(STATUS)
    assert status.packages[0] == Package(
        Place("/var/lib/dpkg/status", 1),
        "bash",
        "5.2.15",
        "2+b7",
        architecture="amd64",
        source="bash",
        source_version="5.2.15-2",
        packager="Matthias Klose <doko@debian.org>",
        summary="GNU Bourne Again SHell",
        url="http://tiswww.case.edu/php/chet/bash/bashtop.html",
    )
    assert [(package.name, package.place.line, package.installed) for package in status.packages] == [
        ("bash", 1, True),
        ("removed", 14, False),
        ("half", 19, True),
    ]
    assert [package.full_version for package in status.packages] == ["5.2.15-2+b7", "1.0", "2:3~rc1"]
    assert (status.packages[2].epoch, status.packages[2].source) == (2, "half")
    assert status.problems == ()


def test_a_paragraph_without_a_status_is_installed() -> None:
    (package,) = parse_dpkg_status("Package: base-files\nVersion: 12\n", "/var/lib/dpkg/status.d/base").packages
    assert package.installed


@pytest.mark.parametrize("gap", ["\n\n", "\n\n\n", "\n \t\n", "\n\n\n\n\n"])
def test_any_blank_lines_part_paragraphs(gap: str) -> None:
    text = f"\n\nPackage: a\nVersion: 1{gap}Package: b\nVersion: 2\n\n"
    found = parse_dpkg_status(text).packages
    assert [(package.name, package.version) for package in found] == [("a", "1"), ("b", "2")]
    lines = text.split("\n")
    assert all(lines[(package.place.line or 0) - 1] == f"Package: {package.name}" for package in found)


def test_a_paragraph_without_a_name_is_reported_and_the_rest_is_read() -> None:
    status = parse_dpkg_status("Version: 1\nStatus: x\n\nPackage: b\n", "/s")
    assert status.problems == (Problem(Place("/s", 1), "Package: wanted, none found in the paragraph"),)
    assert [package.name for package in status.packages] == ["b"]


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(9)
    pieces = ["Package:", "Version:", "Status:", "\n", "\n\n", " ", "x", ":", "\0", "\udcff", "\t", "Package: a\n"]
    for _ in range(300):
        text = "".join(chance.choices(pieces, k=chance.randint(0, 60)))
        for package in parse_dpkg_status(text).packages:
            assert package.name
            assert 1 <= (package.place.line or 0) <= text.count("\n") + 1


@needs("dpkg-query")
def test_dpkg_query_lists_the_same() -> None:
    path = Path("/var/lib/dpkg/status")
    if not path.is_file():
        pytest.skip("this machine has no dpkg database to compare with")
    form = "${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\t${source:Package}\t${source:Version}\n"
    done = subprocess.run(["dpkg-query", "--show", f"--showformat={form}"], capture_output=True, check=True)
    theirs = sorted(tuple(line.split("\t")) for line in done.stdout.decode().splitlines())
    found = parse_dpkg_status(path.read_text("utf-8", "surrogateescape")).packages
    assert theirs == sorted(
        (p.name, p.full_version, p.architecture, p.state, p.source, p.source_version or p.full_version) for p in found
    )


def test_a_database_without_end_is_refused() -> None:
    with pytest.raises(ParseError, match="at most 100000 packages wanted"):
        parse_dpkg_status("Package: a\n\n" * 100_001)


@needs("dpkg-query")
def test_dpkg_query_lists_the_same_of_every_state_and_version(tmp_path: Path) -> None:
    states = (
        "install ok installed", "hold ok installed", "deinstall ok config-files", "install reinstreq half-installed",
        "install ok unpacked", "install ok half-configured", "install ok triggers-awaited", "purge ok installed",
        "install ok triggers-pending",
    )  # fmt: skip
    versions = ("1", "1-1", "1:2-3", "0:1", "2:1.0-rc1-3ubuntu2~18.04+b1", "2023.04-1", "7-0", "1~git-1", "3+dfsg-2")
    text = "".join(
        f"Package: p{number}\nStatus: {state}\nMaintainer: X <x@example.org>\nArchitecture: amd64\n"
        + (f"Source: src{number} (9:8-7)\n" if number % 3 == 0 else "Source: other\n" if number % 3 == 1 else "")
        + ("Triggers-Awaited: p0\n" if "awaited" in state else "Triggers-Pending: /x\n" if "pending" in state else "")
        + f"Version: {version}\nDescription: of {number}\n more\n .\n Package: no\n\n"
        for number, (state, version) in enumerate(product(states, versions))
    )
    (tmp_path / "status").write_text(text)
    form = "${Package}\t${Version}\t${db:Status-Status}\t${source:Package}\t${source:Version}\n"
    command = ["dpkg-query", f"--admindir={tmp_path}", "--show", f"--showformat={form}"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found = parse_dpkg_status(text).packages
    ours = ["\t".join((p.name, p.full_version, p.state, p.source, p.source_version or p.full_version)) for p in found]
    assert sorted(ours) == sorted(done.stdout.splitlines())
    assert len(ours) == 81


@needs("dpkg-query")
def test_dpkg_query_lists_the_same_where_dpkg_was_interrupted(tmp_path: Path) -> None:
    chance = random.Random(4)
    states = (
        "install ok installed",
        "install ok unpacked",
        "install reinstreq half-installed",
        "purge ok not-installed",
    )

    def paragraphs(names: str) -> str:
        return "\n".join(
            f"Package: {name}\nStatus: {chance.choice(states)}\nMaintainer: X <x@example.org>\n"
            f"Architecture: {chance.choice(['amd64', 'all'])}\nVersion: {chance.randrange(1, 99)}\nDescription: x\n"
            for name in names
        )

    for number in range(12):
        folder = tmp_path / str(number)
        (folder / "updates").mkdir(parents=True)
        (folder / "info").mkdir()
        (folder / "status").write_text(paragraphs("abcdefgh").replace("purge ok not-installed", "install ok installed"))
        for update in range(chance.randrange(5)):
            (folder / f"updates/{update:04}").write_text(paragraphs(chance.choice("abcdefghxyz")))
        (folder / "updates/tmp.i").write_text(paragraphs("a"))
        form = "${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n"
        command = ["dpkg-query", f"--admindir={folder}", "--show", f"--showformat={form}"]
        theirs = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
        updates = [parse_dpkg_status(path.read_text(), str(path)) for path in sorted(folder.glob("updates/0*"))]
        found = with_updates(parse_dpkg_status((folder / "status").read_text()), updates).packages
        ours = [
            "\t".join((p.name, p.full_version, p.architecture, p.state)) for p in found if p.state != "not-installed"
        ]
        assert sorted(ours) == sorted(theirs)


def test_one_of_two_architectures_is_updated_alone() -> None:
    both = "".join(f"Package: libc6\nArchitecture: {name}\nVersion: 1\n\n" for name in ("amd64", "i386"))
    update = parse_dpkg_status("Package: libc6\nArchitecture: i386\nVersion: 2\n", "/u")
    found = with_updates(parse_dpkg_status(both), [update]).packages
    assert [(package.architecture, package.version) for package in found] == [("amd64", "1"), ("i386", "2")]
