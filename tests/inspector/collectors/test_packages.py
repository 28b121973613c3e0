from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fixtures.rpm import header, ndb, write_berkeley, write_sqlite
from inspector.collectors import COLLECTORS
from inspector.facts import Facts, UnknownFact
from inspector.facts.cloud_init import CloudInit
from inspector.facts.packages import Packages
from inspector.facts.sshd import Sshd
from inspector.guest import Guest, Mount
from inspector.rules.agents import qemu_guest_agent_is_absent
from inspector.verdict import Status
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import Dir, Link, MemoryTree
from tests.oracles import needs

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
    assert (bash.full_version, bash.place) == ("5.2", Place("/var/lib/dpkg/status", 1))
    assert found.find("old") is found.find("gone") is None
    assert (found.manager, len(found)) == ("dpkg", 1)
    assert found.first("gone", "bash") is bash


def test_what_dpkg_had_not_yet_put_into_its_status_counts() -> None:
    updates = "/var/lib/dpkg/updates"
    update = "Package: bash\nStatus: install ok unpacked\nVersion: 6\n"
    found = packages({"/var/lib/dpkg/status": STATUS, f"{updates}/0000": update, f"{updates}/tmp.i": "Package: x\n"})
    bash = found.find("bash")
    assert bash is not None
    assert (bash.version, bash.state, bash.place, len(found)) == ("6", "unpacked", Place(f"{updates}/0000", 1), 1)
    with pytest.raises(UnknownFact, match="updates with names of one length wanted"):
        packages({"/var/lib/dpkg/status": STATUS, f"{updates}/0000": update, f"{updates}/01": update})


def test_the_database_of_images_without_dpkg() -> None:
    files = {
        "/var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 12\n",
        "/var/lib/dpkg/status.d/base.md5sums": "x",
    }
    found = packages(files)
    assert found.find("base-files") is not None
    assert len(found) == 1


HEADERS = [(1, header(name="bash", version="5.1.8", release="9.el9", architecture="x86_64", epoch=0))]
RPM = 'ID=centos\nID_LIKE="rhel fedora"\n'
APK = "P:bash\nV:5.2-r1\n"
PACMAN = {"/var/lib/pacman/local/bash-5.2-1/desc": "%NAME%\nbash\n\n%VERSION%\n5.2-1\n"}


def sqlite(folder: Path, *, log: bool = False) -> dict[str, bytes]:
    """The files of rpmdb.sqlite; with `log`, the package is only in the write-ahead log."""
    write_sqlite(folder / "rpmdb.sqlite", [] if log else HEADERS)
    connection = sqlite3.connect(folder / "rpmdb.sqlite", isolation_level=None)
    if log:
        connection.execute("pragma journal_mode = wal")
        connection.executemany("insert into Packages values (?, ?)", HEADERS)
    files = {path.name: path.read_bytes() for path in folder.glob("rpmdb.sqlite*") if path.suffix != ".sqlite-shm"}
    connection.close()
    return files


@pytest.mark.parametrize("folder", ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"])
@pytest.mark.parametrize("log", [False, True])
def test_rpm_with_sqlite_and_its_log(tmp_path: Path, folder: str, log: bool) -> None:
    files = {f"{folder}/{name}": data for name, data in sqlite(tmp_path, log=log).items()}
    found = packages(files)
    assert (found.manager, found.database, len(found)) == ("rpm", f"{folder}/rpmdb.sqlite", 1)
    bash = found.find("bash")
    assert bash is not None
    assert (bash.full_version, bash.place.path) == ("0:5.1.8-9.el9", f"{folder}/rpmdb.sqlite")


def test_rpm_with_ndb() -> None:
    assert packages({"/usr/lib/sysimage/rpm/Packages.db": ndb(HEADERS)}).find("bash") is not None


@needs("db_load")
def test_rpm_with_berkeley_db(tmp_path: Path) -> None:
    write_berkeley(tmp_path / "Packages", HEADERS)
    assert packages({"/var/lib/rpm/Packages": (tmp_path / "Packages").read_bytes()}).find("bash") is not None


def test_a_folder_that_is_a_link_to_the_other_is_one_database() -> None:
    files = {"/usr/lib/sysimage/rpm/Packages.db": ndb(HEADERS), "/var/lib/rpm": Link("../../usr/lib/sysimage/rpm")}
    assert packages(files).database == "/usr/lib/sysimage/rpm/Packages.db"


def test_of_two_shapes_the_one_counts_that_rpm_is_set_up_for(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "/var/lib/rpm/Packages.db": ndb([]),
        "/var/lib/rpm/rpmdb.sqlite": sqlite(tmp_path)["rpmdb.sqlite"],
    }
    with pytest.raises(UnknownFact, match=r"one package database wanted, /var/lib/rpm/rpmdb\.sqlite, .* found"):
        packages(files)
    macros = {
        "/usr/lib/rpm/macros": "%_db_backend\tndb\n",
        "/etc/rpm/macros": "# %_db_backend bdb\n%_db_backend sqlite\n",
    }
    assert packages({**files, **macros}).database == "/var/lib/rpm/rpmdb.sqlite"
    assert (
        packages({**files, "/usr/lib/rpm/macros": macros["/usr/lib/rpm/macros"]}).database == "/var/lib/rpm/Packages.db"
    )


@pytest.mark.parametrize("path", ["/lib/apk/db/installed", "/usr/lib/apk/db/installed", "/var/lib/apk/db/installed"])
def test_apk(path: str) -> None:
    found = packages({path: APK})
    assert (found.manager, found.database) == ("apk", path)
    assert [package.full_version for package in found] == ["5.2-r1"]


def test_apk_on_a_merged_usr_is_one_database() -> None:
    files = {"/usr/lib/apk/db/installed": APK, "/lib": Link("usr/lib")}
    assert len(packages(files)) == 1


def test_pacman() -> None:
    found = packages({**PACMAN, "/var/lib/pacman/local/ALPM_DB_VERSION": "9\n"})
    assert (found.manager, found.database, len(found)) == ("pacman", "/var/lib/pacman/local", 1)
    moved = {path.replace("/var/lib/pacman", "/usr/lib/holo/pacmandb"): text for path, text in PACMAN.items()}
    assert (
        len(packages({**moved, "/etc/pacman.conf": "[options]\n#DBPath = /x\nDBPath = /usr/lib/holo/pacmandb/\n"})) == 1
    )


@pytest.mark.parametrize(
    "extra", [{"/var/lib/pacman/local/gone-1-1/files": ""}, {"/var/lib/pacman/local/bad-1-1/desc": "%NAME%\n"}]
)
def test_a_package_of_pacman_that_cannot_be_read_is_a_problem(extra: dict[str, Any]) -> None:
    found = packages({**PACMAN, **extra})
    assert found.find("bash") is not None
    assert len(found.problems) == 1
    with pytest.raises(UnknownFact, match="1 packages of the database cannot be read; gone may be one of them"):
        found.find("gone")


@pytest.mark.parametrize(
    ("release", "manager"),
    [
        (RPM, "rpm"),
        ("ID=debian\n", "dpkg"),
        ("ID=kali\nID_LIKE=debian\n", "dpkg"),
        ('ID=opensuse-leap\nID_LIKE="suse opensuse"\n', "rpm"),
    ],
)
def test_of_two_managers_the_one_counts_that_is_the_distributions(release: str, manager: str) -> None:
    files = {"/var/lib/dpkg/status": STATUS, "/var/lib/rpm/Packages.db": ndb(HEADERS)}
    assert packages({**files, "/etc/os-release": release}).manager == manager


def test_two_managers_of_an_unknown_distribution_are_unknown() -> None:
    files = {"/var/lib/dpkg/status": STATUS, "/var/lib/rpm/Packages.db": ndb(HEADERS)}
    with pytest.raises(UnknownFact, match="one package database wanted, /var/lib/dpkg/status, /var/lib/rpm/Packages"):
        packages({**files, "/etc/os-release": "ID=other\n"})


def test_the_database_of_another_manager_does_not_stand_for_the_one_that_is_missing() -> None:
    with pytest.raises(UnknownFact, match="no package database of rpm was found, but one of dpkg"):
        packages({"/var/lib/dpkg/status": STATUS, "/etc/os-release": RPM})
    with pytest.raises(UnknownFact, match=r"no package database of rpm was found$"):
        packages({"/etc/os-release": RPM})


@pytest.mark.parametrize("path", ["/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db"])
def test_a_database_that_cannot_be_read_is_unknown(path: str) -> None:
    for content in ("", "x", bytes(8192)):
        with pytest.raises(UnknownFact) as caught:
            packages({path: content})
        assert caught.value.places[0].path == path


def test_portage_is_unknown_and_named() -> None:
    with pytest.raises(UnknownFact, match="the package database of portage is not read so far"):
        packages({"/var/db/pkg/app-shells/bash-5/CONTENTS": ""})


@pytest.mark.parametrize("files", [{}, {"/var/lib/dpkg/status": ""}, {"/var/lib/dpkg/status": Dir()}])
def test_no_database_is_unknown(files: dict[str, Any]) -> None:
    with pytest.raises(UnknownFact, match="no package database was found"):
        packages(files)


def test_the_facts_that_ask_for_packages_know_those_of_rpm() -> None:
    sshd = header(name="openssh-server", version="8.7p1", release="38.el9", architecture="x86_64")
    cloud = header(name="cloud-init", version="23.4", release="7.el9", architecture="noarch")
    facts = facts_of(
        {
            "/usr/lib/systemd/system": Dir(),
            "/etc/os-release": RPM,
            "/var/lib/rpm/Packages.db": ndb([(1, sshd), (2, cloud)]),
        }
    )
    assert (facts[Sshd].release, facts[Sshd].release_source.seen) == ((8, 7), "openssh-server 8.7p1-38.el9")
    version = facts[CloudInit].version
    assert version is not None
    assert (version.text, version.place.path) == ("23.4-7.el9", "/var/lib/rpm/Packages.db")
    agent = header(name="qemu-guest-agent", version="8", release="1", epoch=17)
    verdict = qemu_guest_agent_is_absent(
        facts_of(
            {"/usr/lib/systemd/system": Dir(), "/etc/os-release": RPM, "/var/lib/rpm/Packages.db": ndb([(5, agent)])}
        )
    )
    assert verdict.status is Status.WARNING
    assert (verdict.evidence[0].seen, verdict.evidence[0].place.key) == ("qemu-guest-agent 17:8-1", "package 5")


def test_windows_is_said_to_have_no_package_manager_of_linux() -> None:
    tree = MemoryTree({"/Windows/x": ""})
    facts = Facts({Guest: Guest([Mount("/", None, tree, tree.root)], "windows")}, COLLECTORS)
    with pytest.raises(UnknownFact, match="a Windows guest has no package manager of Linux"):
        facts[Packages]
