from __future__ import annotations

import pytest

from fixtures.rpm import header, ndb
from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.rules.packages import installed_packages_are_recorded as rule
from inspector.verdict import Status
from tests.facts_of import facts_of
from tests.memory_tree import Files

RPM = "/usr/lib/sysimage/rpm/Packages.db"
RELEASE = {"/etc/passwd": "", "/etc/os-release": "ID=sles\nID_LIKE=suse\n"}
BASH = header(name="bash", version="4.4", release="19.6.1")
KEY = header(name="gpg-pubkey", version="39db7c82", release="5f68629b")


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        ({**RELEASE, RPM: ndb([(1, BASH), (2, KEY)])}, "rpm"),
        ({"/var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\nVersion: 5\n"}, "dpkg"),
        ({"/lib/apk/db/installed": "P:bash\nV:5-r0\n"}, "apk"),
    ],
)
def test_ok(files: Files, manager: str) -> None:
    verdict = rule(facts_of({"/etc/passwd": "", **files}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, manager)


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({**RELEASE, RPM: ndb([])}, RPM),
        ({**RELEASE, RPM: ndb([(1, KEY)])}, RPM),
        ({"/var/lib/dpkg/status": "Package: old\nStatus: deinstall ok config-files\n"}, "/var/lib/dpkg/status"),
        ({"/lib/apk/db/installed": "\n"}, "/lib/apk/db/installed"),
    ],
)
def test_a_database_without_packages_fails_with_its_place(files: Files, path: str) -> None:
    verdict = rule(facts_of({"/etc/passwd": "", **files}))
    assert (verdict.status, verdict.known, verdict.evidence[0].place.path) == (Status.FAILED, True, path)
    assert "holds no packages" in verdict.message


def test_the_advised_fix_makes_it_ok() -> None:
    assert rule(facts_of({**RELEASE, RPM: ndb([])})).status is Status.FAILED
    assert rule(facts_of({**RELEASE, RPM: ndb([(1, BASH)])})).status is Status.OK


@pytest.mark.parametrize(
    "files",
    [
        {},
        RELEASE,
        {**RELEASE, RPM: "no database"},
        {**RELEASE, RPM: ndb([(1, BASH)])[:-1]},
        {**RELEASE, RPM: ndb([(1, BASH), (2, BASH.replace(b"bash", b"gash"))])},
        {**RELEASE, "/var/lib/dpkg/status": "Package: bash\nVersion: 5\n"},
    ],
    ids=["none", "no-rpm", "not-one", "cut", "a-header", "anothers"],
)
def test_unknown_is_never_ok(files: Files) -> None:
    verdict = rule(facts_of({"/etc/passwd": "", **files}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_no_guest_is_never_ok() -> None:
    verdict = rule(Facts({Packages: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
