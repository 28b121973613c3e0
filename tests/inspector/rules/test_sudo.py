from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.sudo import Sudo
from inspector.rules.rule import Rule
from inspector.rules.sudo import RULES, sudoers_belongs_to_root, sudoers_is_valid
from inspector.verdict import NotApplicable, Status, Verdict
from tests.facts_of import facts_of
from tests.memory_tree import Dir, File

POLICY = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"
DROP_IN = "/etc/sudoers.d/90-cloud-init-users"
STATUS = "Package: sudo\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n\n"
Files = dict[str, Any]
OK, W, F = Status.OK, Status.WARNING, Status.FAILED


def facts(policy: str | None = POLICY, files: Files | None = None, version: str = "1.9.13p3-1+deb12u1") -> Facts:
    made: dict[str, Any] = {
        "/etc/os-release": "ID=debian\n",
        "/var/lib/dpkg/status": STATUS.format(version),
        "/usr/bin/sudo": File("\x7fELF", 0o4755),
        DROP_IN: File("debian ALL=(ALL) NOPASSWD:ALL\n", 0o440),
    }
    if policy is not None:
        made["/etc/sudoers"] = File(policy, 0o440)
    return facts_of({path: node for path, node in (made | (files or {})).items() if node is not None})


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


@pytest.mark.parametrize("judge", RULES, ids=lambda judge: judge.name)
def test_ok_names_every_file(judge: Rule) -> None:
    verdict = judge(facts())
    assert (verdict.status, places(verdict)) == (OK, ["/etc/sudoers", DROP_IN])


@pytest.mark.parametrize("judge", RULES, ids=lambda judge: judge.name)
def test_unknown_is_never_ok(judge: Rule) -> None:
    verdict = judge(facts_of({}, given={Sudo: UnknownFact("sda1 cannot be read")}))
    assert (verdict.status, verdict.known) == (W, False)
    assert not judge(facts(files={"/etc/sudoers": Dir()})).known


@pytest.mark.parametrize("judge", RULES, ids=lambda judge: judge.name)
def test_without_sudo_there_is_nothing_to_judge(judge: Rule) -> None:
    with pytest.raises(NotApplicable, match="sudo is not installed"):
        judge(facts(files={"/usr/bin/sudo": None}))


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"/etc/sudoers": "Defaults env_reset\nroot ALL=(ALL ALL\n"}, "/etc/sudoers:2"),
        ({DROP_IN: "# x\n\ndebian ALL=NOPASSWD ALL\n"}, f"{DROP_IN}:3"),
        ({"/etc/sudoers": "@include /etc/gone\n"}, "/etc/sudoers:1"),
        ({"/etc/sudoers": None}, "/etc/sudoers"),
    ],
)
def test_what_sudo_cannot_read_is_a_failure_at_its_place(files: Files, place: str) -> None:
    verdict = sudoers_is_valid(facts(files=files))
    assert (verdict.status, places(verdict)[0]) == (F, place)
    assert sudoers_is_valid(facts()).status is OK


def test_files_that_sudo_does_not_read_are_left_alone() -> None:
    assert sudoers_is_valid(facts(files={"/etc/sudoers.d/x.bak": "?\n", "/etc/sudoers.d/x~": "?\n"})).status is OK


@pytest.mark.parametrize("line", ["Defaults no_such_setting", "ADMINS ALL=ALL"])
def test_what_sudo_complains_of_is_a_warning(line: str) -> None:
    verdict = sudoers_is_valid(facts(f"root ALL=ALL\n{line}\n"))
    assert (verdict.status, places(verdict)) == (W, ["/etc/sudoers:2"])


def test_what_is_valid_depends_on_the_release() -> None:
    assert sudoers_is_valid(facts(version="1.8.27-1+deb10u6")).status is F  # it knows #includedir alone
    old = POLICY.replace("@", "#")
    assert sudoers_is_valid(facts(old, version="1.8.27-1+deb10u6")).status is OK
    assert sudoers_is_valid(facts(old, {"/var/lib/dpkg/status": None})).status is OK
    verdict = sudoers_is_valid(facts(files={"/var/lib/dpkg/status": None}))
    assert (verdict.status, verdict.known) == (W, False)
    broken = sudoers_is_valid(facts("root ALL\n", {"/var/lib/dpkg/status": None}))
    assert (broken.status, places(broken)) == (F, ["/etc/sudoers:1"])


def test_the_policy_of_the_vendor_counts_where_the_administrator_has_none() -> None:
    vendor: Files = {"/usr/etc/sudoers": File("root ALL=ALL\n", 0o440)}
    assert places(sudoers_is_valid(facts(None, vendor))) == ["/usr/etc/sudoers"]
    assert places(sudoers_is_valid(facts(files=vendor)))[0] == "/etc/sudoers"


@pytest.mark.parametrize(
    ("node", "status"),
    [
        (File("", 0o440, uid=1000), F),
        (File("", 0o442), F),
        (File("", 0o460, gid=100), F),
        (File("", 0o660), W),
        (File("", 0o644), W),
        (File("", 0o440, gid=100), W),
        (File("", 0o440), OK),
    ],
)
def test_owner_and_mode_are_those_that_visudo_wants(node: File, status: Status) -> None:
    verdict = sudoers_belongs_to_root(facts(files={DROP_IN: node}))
    assert verdict.status is status
    assert places(verdict)[-1] == DROP_IN
