"""pacman's descriptions: by hand, and as pacman itself writes and lists them."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.pacman import listed, record
from parsers.linux.package import Package
from parsers.linux.pacman import parse_pacman_desc
from parsers.place import ParseError, Place
from tests.oracles import needs

PATH = "/var/lib/pacman/local/openssh-9.9p2-1/desc"
DESC = """\
%NAME%
openssh

%VERSION%
1:9.9p2-1

%BASE%
openssh-base

%DESC%
SSH protocol implementation

%URL%
https://www.openssh.com/portable.html

%ARCH%
x86_64

%BUILDDATE%
1739891213

%INSTALLDATE%
1740000000

%PACKAGER%
Giancarlo Razzolini <grazzolini@archlinux.org>

%SIZE%
5841231

%LICENSE%
BSD-2-Clause
ISC

%DEPENDS%
glibc
NAME
"""


def test_a_description() -> None:
    assert parse_pacman_desc(DESC, PATH) == Package(
        Place(PATH, 1),
        "openssh",
        "9.9p2",
        "1",
        1,
        architecture="x86_64",
        source="openssh-base",
        licence="BSD-2-Clause, ISC",
        packager="Giancarlo Razzolini <grazzolini@archlinux.org>",
        summary="SSH protocol implementation",
        url="https://www.openssh.com/portable.html",
        installed_at=1_740_000_000,
    )


def test_little_is_enough() -> None:
    found = parse_pacman_desc("\n%VERSION%\n1-1\n\n%NAME%\na\n%INSTALLDATE%\nsoon\n", PATH)
    assert (found.name, found.source, found.place.line, found.installed_at) == ("a", "a", 5, None)


@pytest.mark.parametrize("text", ["", "%NAME%\n\n%VERSION%\n1-1\n", "%NAME%\na\n", "a\n1-1\n"])
def test_a_description_without_name_or_version_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="% with a value wanted, none found"):
        parse_pacman_desc(text, PATH)


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(11)
    pieces = ["%NAME%", "%VERSION%", "%INSTALLDATE%", "%", "\n", "\n\n", "x", "1:2-3", "99", "\0", "\udcff"]
    for _ in range(300):
        with suppress(ParseError):
            assert parse_pacman_desc("".join(chance.choices(pieces, k=40)), PATH).name


INFORMATION = """\
pkgname = {name}
pkgbase = {name}-base
pkgver = {version}
pkgdesc = Désc of {name}
url = https://example.org/{name}
builddate = 1739891213
packager = Some One <x@example.org>
size = 12
arch = any
license = MIT
license = custom:{name}
"""


@needs("pacman")
def test_pacman_lists_the_same(tmp_path: Path) -> None:
    packages = {
        "bash": "5.2.037-1",
        "openssh": "1:9.9p2-1",
        "linux": "6.13.4.arch1-1",
        "gtk+": "3-2.1",
        "a@b": "2:r12.abc-9",
    }
    database = record(tmp_path, (INFORMATION.format(name=name, version=text) for name, text in packages.items()))
    texts = sorted(database.glob("local/*/desc"))
    found = [parse_pacman_desc(path.read_text(), str(path)) for path in texts]
    assert sorted(f"{package.name} {package.full_version}" for package in found) == sorted(listed(tmp_path))
    assert {package.name: package.full_version for package in found} == packages
    assert {(p.source, p.licence, p.architecture, p.summary) for p in found} == {
        (f"{name}-base", f"MIT, custom:{name}", "any", f"Désc of {name}") for name in packages
    }
    assert all(package.installed_at for package in found)
