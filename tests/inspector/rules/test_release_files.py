from __future__ import annotations

import shutil
from typing import Any

import pytest

from fixtures.families import RECIPES, guest_of_family
from fixtures.files import Link
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.release_files import release_files_agree as rule
from inspector.verdict import Status
from parsers.linux.os_release import OsRelease
from tests.facts_of import facts_of
from tests.inspector.boots import facts
from tests.inspector.family_guests import facts_of as family_facts

ISSUE = "/etc/issue"


def judge(change: dict[str, Any]) -> tuple[Status, list[str]]:
    verdict = rule(facts(change))
    assert verdict.known
    return verdict.status, [item.place.path for item in verdict.evidence]


@pytest.mark.parametrize(
    ("path", "text", "mended"),
    [
        (ISSUE, "Authorized users only.\n", "Debian GNU/Linux 12 \\n \\l\n"),
        (ISSUE, "", "\\S{PRETTY_NAME} \\n \\l\n"),
        ("/etc/issue.net", "Keep out\n", "\\S\nKernel \\r on an \\m\n"),
        ("/etc/debian_version", "11.9\n", "12.9\n"),
        ("/etc/debian_version", "\n", "trixie/sid\n"),
        ("/etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n", None),
        ("/etc/os-release", "ID=ubuntu\nVERSION_ID=24.04\n", None),
    ],
)
def test_a_file_that_differs_has_its_place_and_restoring_it_mends_it(path: str, text: str, mended: str | None) -> None:
    status, places = judge({path: text})
    assert status is Status.WARNING
    assert path in places or path == "/etc/os-release"
    assert judge({path: mended} if mended else {})[0] is Status.OK


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/os-release": 'ID="ol"\nVERSION_ID="8.10"\nNAME="Oracle Linux Server"\n',
         "/etc/oracle-release": "Oracle Linux Server release 8.10\n",
         "/etc/redhat-release": "Red Hat Enterprise Linux release 8.10 (Ootpa)\n"},
        {"/etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\nNAME="Ubuntu"\n', "/etc/debian_version": "trixie/sid\n",
         ISSUE: "Ubuntu 24.04.1 LTS \\n \\l\n"},
        {"/etc/os-release": "ID=debian\nNAME=Debian\n", "/etc/debian_version": "trixie/sid\n"},
        {"/etc/os-release": 'ID="kylin"\nVERSION_ID="V10"\n',
         "/etc/system-release": "Kylin Linux Advanced Server release V10 (Tercel)\n"},
        {"/etc/os-release": 'ID="eurolinux"\nVERSION_ID="8.6"\n',
         "/etc/redhat-release": "EuroLinux release 8.6 (Bari)\n"},
        {"/etc/os-release": 'ID="amzn"\nVERSION_ID="2023"\n',
         "/etc/system-release": "Amazon Linux release 2023.5.20240805 (Amazon Linux)\n"},
        {"/etc/os-release": 'ID="sles"\nVERSION_ID="12.5"\nPRETTY_NAME="SUSE Linux Enterprise Server 12 SP5"\n',
         "/etc/SuSE-release": "SUSE Linux Enterprise Server 12 (x86_64)\nVERSION = 12\nPATCHLEVEL = 5\n",
         ISSUE: "\nWelcome to SUSE Linux Enterprise Server 12 SP5  (x86_64) - Kernel \\r (\\l).\n\n"},
        {"/etc/os-release": "ID=opensuse-leap\nVERSION_ID=15.6\n", ISSUE: Link("../run/issue")},
    ],
    ids=["oracle", "ubuntu", "testing", "kylin", "eurolinux", "amazon", "sles", "leap"],
)  # fmt: skip
def test_what_distributions_ship(files: dict[str, Any]) -> None:
    assert rule(facts_of({"/etc/passwd": "", **files})).status is Status.OK


@pytest.mark.parametrize("name", RECIPES)
def test_the_good_guests_of_the_families_agree(name: str) -> None:
    if missing := [program for program in RECIPES[name].needs if shutil.which(program) is None]:
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    assert rule(family_facts(guest_of_family(name))).status is Status.OK


def test_without_a_release_nothing_is_ok() -> None:
    missing = UnknownFact("no root file system")
    for made in (facts_of({"/etc/passwd": ""}), Facts({Guest: missing, OsRelease: missing})):
        verdict = rule(made)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
