"""apk's database, in the words of an Alpine system, by hand: Debian has no apk to compare with."""

from __future__ import annotations

import random

import pytest

from parsers.linux.apk import parse_apk_installed
from parsers.linux.package import Package
from parsers.place import ParseError, Place, Problem

INSTALLED = """\
C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:alpine-baselayout
V:3.6.5-r0
A:x86_64
S:8515
I:315392
T:Alpine base dir structure and init scripts
U:https://git.alpinelinux.org/cgit/aports/tree/main/alpine-baselayout
L:GPL-2.0-only
o:alpine-baselayout
m:Natanael Copa <ncopa@alpinelinux.org>
t:1714981135
c:66187892e05b03a41d08e9acabd19b7576a1c875
D:alpine-baselayout-data=3.6.5-r0 /bin/sh
q:1000
F:dev
F:etc
R:motd
a:0:0:644
Z:Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=

C:Q1M3C9qfC/+kdIiFzABgM6wWYkLnk=
P:ssl_client
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox

"""


def test_packages_have_their_fields_and_lines() -> None:
    found = parse_apk_installed(INSTALLED)
    assert found.packages[0] == Package(
        Place("/lib/apk/db/installed", 1),
        "alpine-baselayout",
        "3.6.5",
        "r0",
        architecture="x86_64",
        source="alpine-baselayout",
        licence="GPL-2.0-only",
        packager="Natanael Copa <ncopa@alpinelinux.org>",
        summary="Alpine base dir structure and init scripts",
        url="https://git.alpinelinux.org/cgit/aports/tree/main/alpine-baselayout",
    )
    assert [(p.name, p.full_version, p.source, p.place.line) for p in found.packages[1:]] == [
        ("ssl_client", "1.36.1-r29", "busybox", 22)
    ]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "version", "release"),
    [("9.7_p1-r4", "9.7_p1", "r4"), ("1.0_git20230101-r0", "1.0_git20230101", "r0"), ("1.2", "1.2", ""), ("", "", "")],
)
def test_versions(text: str, version: str, release: str) -> None:
    (package,) = parse_apk_installed(f"P:a\nV:{text}\n").packages
    assert (package.version, package.release, package.full_version) == (version, release, text)


def test_a_paragraph_without_a_name_is_a_problem() -> None:
    found = parse_apk_installed("V:1\n\nP:b\nV:2\n", "/db")
    assert found.problems == (Problem(Place("/db", 1), "P: wanted, none found in the paragraph"),)
    assert [package.name for package in found.packages] == ["b"]


def test_a_database_without_end_is_refused() -> None:
    with pytest.raises(ParseError, match="at most 100000 packages wanted"):
        parse_apk_installed("P:a\n\n" * 100_001)


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(10)
    pieces = ["P:", "V:", "L:", "\n", "\n\n", "x", ":", "-r", "\0", "\udcff", "P:a\n"]
    for _ in range(300):
        assert all(package.name for package in parse_apk_installed("".join(chance.choices(pieces, k=40))).packages)
