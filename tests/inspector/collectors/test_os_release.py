from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import UnknownFact
from parsers.linux.os_release import OsRelease
from tests.facts_of import facts_of
from tests.memory_tree import Dir, Link


def release(files: dict[str, Any]) -> OsRelease:
    return facts_of({"/etc/passwd": "", **files})[OsRelease]


UBUNTU = "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=12.04\n"
DEBIAN = 'ID=debian\nNAME=Debian\nVERSION_ID="12"\n'


def test_etc_wins_over_usr_lib() -> None:
    assert release({"/etc/os-release": "ID=a\n", "/usr/lib/os-release": "ID=b\n"}).id == "a"
    linked = release({"/etc/os-release": Link("../usr/lib/os-release"), "/usr/lib/os-release": "ID=b\n"})
    assert (linked.id, linked.place.path) == ("b", "/etc/os-release")
    assert release({"/usr/lib/os-release": "ID=b\n"}).place.path == "/usr/lib/os-release"
    assert release({"/etc/os-release": Link("/gone"), "/usr/lib/os-release": "ID=b\n"}).id == "b"


def test_the_point_release_comes_from_its_own_file() -> None:
    found = release({"/etc/os-release": DEBIAN, "/etc/debian_version": "12.8\n"})
    assert (found.version_id, found.release) == ("12", "12.8")
    assert release({"/etc/os-release": DEBIAN, "/etc/debian_version": "11.2\n"}).release == "12"
    assert release({"/etc/os-release": DEBIAN, "/etc/debian_version": "bookworm/sid\n"}).release == "12"
    centos = "ID=centos\nVERSION_ID=7\n"
    prose = "CentOS Linux release 7.9.2009 (Core)\n"
    assert release({"/etc/os-release": centos, "/etc/centos-release": prose}).release == "7.9.2009"


@pytest.mark.parametrize(
    ("files", "distribution", "version"),
    [
        ({"/etc/debian_version": "6.0.10\n"}, "debian", "6.0.10"),
        ({"/etc/debian_version": "wheezy/sid\n", "/etc/lsb-release": UBUNTU}, "ubuntu", "12.04"),
        ({"/etc/redhat-release": "CentOS release 5.11 (Final)\n"}, "centos", "5.11"),
        ({"/etc/SuSE-release": "openSUSE 13.1 (x86_64)\nVERSION = 13.1\n"}, "opensuse", "13.1"),
        ({"/etc/alpine-release": "3.2.0\n"}, "alpine", "3.2.0"),
        ({"/etc/os-release": "", "/etc/alpine-release": "3.2.0\n"}, "alpine", "3.2.0"),
        ({"/etc/arch-release": ""}, "arch", None),
    ],
)  # fmt: skip
def test_older_files(files: dict[str, Any], distribution: str, version: str | None) -> None:
    found = release(files)
    assert (found.id, found.version_id) == (distribution, version)


def test_no_release_file_or_one_that_cannot_be_read_is_unknown() -> None:
    with pytest.raises(UnknownFact, match="no release file names the distribution"):
        release({"/etc/issue": "Debian 12\n"})
    with pytest.raises(UnknownFact, match="2 lines of os-release could not be read"):
        release({"/etc/os-release": "garbage\n\x7fELF\n"})
    with pytest.raises(UnknownFact):
        release({"/etc/os-release": Dir(), "/usr/lib/os-release": "ID=b\n"})
