from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import UnknownFact
from inspector.facts.packages import Packages
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import Dir

STATUS = """\
Package: bash
Status: install ok installed
Version: 5.2

Package: old
Status: deinstall ok config-files
Version: 1
"""


def packages(files: dict[str, Any]) -> Packages:
    return facts_of({"/etc/passwd": "", **files})[Packages]


def test_installed_packages_are_found() -> None:
    found = packages({"/var/lib/dpkg/status": STATUS})
    bash = found.find("bash")
    assert bash is not None
    assert (bash.version, bash.place) == ("5.2", Place("/var/lib/dpkg/status", 1))
    assert found.find("old") is found.find("gone") is None
    assert (found.manager, len(found)) == ("dpkg", 1)
    assert found.first("gone", "bash") is bash


def test_the_database_of_images_without_dpkg() -> None:
    files = {
        "/var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 12\n",
        "/var/lib/dpkg/status.d/base.md5sums": "x",
    }
    found = packages(files)
    assert found.find("base-files") is not None
    assert len(found) == 1


@pytest.mark.parametrize(
    ("path", "manager"),
    [
        ("/var/lib/rpm/rpmdb.sqlite", "rpm"),
        ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm"),
        ("/usr/share/rpm/rpmdb.sqlite", "rpm"),
        ("/var/lib/rpm/Packages", "rpm"),
        ("/lib/apk/db/installed", "apk"),
        ("/var/lib/pacman/local", "pacman"),
    ],
)
def test_another_database_is_unknown_and_named(path: str, manager: str) -> None:
    with pytest.raises(UnknownFact, match=f"the package database of {manager} is not read so far"):
        packages({path: "x"})


@pytest.mark.parametrize("files", [{}, {"/var/lib/dpkg/status": ""}, {"/var/lib/dpkg/status": Dir()}])
def test_no_database_is_unknown(files: dict[str, Any]) -> None:
    with pytest.raises(UnknownFact, match="no package database was found"):
        packages(files)
