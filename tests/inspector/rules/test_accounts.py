from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.rules.accounts import RULES, root_account_exists, root_has_a_password, root_has_a_shell
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.facts_of import facts_of
from tests.memory_tree import Dir, File

PASSWD = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n"  # noqa: S105 - lines of the file
SHADOW = "root:$y$j9T$x:20000:0:99999:7:::\ndaemon:*:20000::::::\n"


def facts(passwd: str | None = PASSWD, shadow: str | None = SHADOW, files: dict[str, Any] | None = None) -> Facts:
    made: dict[str, Any] = {"/bin/bash": File("", 0o755), "/etc/group": "root:x:0:\n"}
    if passwd is not None:
        made["/etc/passwd"] = passwd
    if shadow is not None:
        made["/etc/shadow"] = shadow
    return facts_of(made | (files or {}))


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_ok(rule: Rule) -> None:
    assert rule(facts()).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(facts_of({"/bin/bash": ""}, given={Accounts: UnknownFact("sda1 cannot be read")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_an_unreadable_shadow_is_unknown_and_not_absent() -> None:
    assert not root_account_exists(facts(shadow=None, files={"/etc/shadow": Dir()})).known


@pytest.mark.parametrize(
    ("passwd", "shadow", "place"),
    [
        ("daemon:x:1:1::/:/usr/sbin/nologin\n", SHADOW, "/etc/passwd"),
        (None, SHADOW, "/etc/passwd"),
        (PASSWD.replace("root:x:0:", "root:x:1000:"), SHADOW, "/etc/passwd:1"),
        (PASSWD.replace("root:x:", "root::"), SHADOW, "/etc/passwd:1"),
        (PASSWD, "daemon:*:20000::::::\n", "/etc/shadow"),
        (PASSWD, None, "/etc/shadow"),
    ],
)
def test_an_incomplete_root_fails_at_its_place_and_restoring_it_is_ok(
    passwd: str | None, shadow: str | None, place: str
) -> None:
    verdict = root_account_exists(facts(passwd, shadow))
    assert verdict.status is Status.FAILED
    assert places(verdict)[0] == place
    assert root_account_exists(facts()).status is Status.OK


def test_a_broken_line_of_root_is_named() -> None:
    verdict = root_account_exists(facts("# accounts\nroot:x:0:0\n"))
    assert verdict.status is Status.FAILED
    assert places(verdict) == ["/etc/passwd", "/etc/passwd:2"]


def test_the_first_root_counts() -> None:
    assert root_account_exists(facts("root:x:5:0:::/bin/sh\n" + PASSWD)).status is Status.FAILED


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false", "/sbin/nologin"])
def test_a_shell_that_refuses_is_a_warning_and_a_real_one_ok(shell: str) -> None:
    verdict = root_has_a_shell(facts(PASSWD.replace("/bin/bash", shell)))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/passwd:1"])
    assert root_has_a_shell(facts()).status is Status.OK


def test_a_shell_that_is_not_there_or_cannot_be_run_fails() -> None:
    missing = root_has_a_shell(facts(PASSWD.replace("/bin/bash", "/bin/zsh")))
    assert (missing.status, places(missing)) == (Status.FAILED, ["/etc/passwd:1", "/bin/zsh"])
    assert root_has_a_shell(facts(files={"/bin/bash": File("", 0o644)})).status is Status.FAILED


def test_an_empty_shell_means_sh() -> None:
    made = facts(PASSWD.replace("/bin/bash", ""), files={"/bin/sh": File("", 0o755)})
    assert root_has_a_shell(made).status is Status.OK


@pytest.mark.parametrize("locked", ["!", "*", "!$y$j9T$x", "!*", "!!"])
def test_a_locked_password_is_a_warning_and_a_set_one_ok(locked: str) -> None:
    verdict = root_has_a_password(facts(shadow=f"# shadow\nroot:{locked}:20000::::::\n"))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/shadow:2"])
    assert root_has_a_password(facts()).status is Status.OK


def test_no_password_fails() -> None:
    assert root_has_a_password(facts(shadow="root::20000::::::\n")).status is Status.FAILED


def test_what_another_rule_reports_is_not_reported_twice() -> None:
    with pytest.raises(NotApplicable):
        root_has_a_shell(facts("daemon:x:1:1::/:/bin/sh\n"))
    with pytest.raises(NotApplicable):
        root_has_a_password(facts(shadow="daemon:*:1::::::\n"))


def test_the_hash_is_never_shown() -> None:
    for rule in RULES:
        for shadow in (SHADOW, SHADOW.replace("$y", "!$y")):
            assert "$y" not in str(rule(facts(shadow=shadow)))
