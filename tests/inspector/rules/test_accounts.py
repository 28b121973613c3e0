from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.rules.accounts import (
    RULES,
    account_files_belong_to_root,
    accounts_come_from_files,
    no_account_lacks_a_password,
    only_root_has_the_id_0,
    root_account_exists,
    root_account_is_current,
    root_has_a_password,
    root_has_a_shell,
    root_home_takes_keys,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.facts_of import facts_of
from tests.memory_tree import Dir, File

PASSWD = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n"  # noqa: S105 - lines of the file
SHADOW = "root:$y$j9T$xxxxxxxx$xxxxxxxx:20000:0:99999:7:::\ndaemon:*:20000::::::\n"


def facts(passwd: str | None = PASSWD, shadow: str | None = SHADOW, files: dict[str, Any] | None = None) -> Facts:
    made: dict[str, Any] = {"/bin/bash": File("\x7fELF", 0o755), "/root": Dir(0o700), "/etc/group": "root:x:0:\n"}
    if passwd is not None:
        made["/etc/passwd"] = passwd
    if shadow is not None:
        made["/etc/shadow"] = File(shadow, 0o640)
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
    made = facts(PASSWD.replace("/bin/bash", ""), files={"/bin/sh": File("\x7fELF", 0o755)})
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


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("20000:0:99999:7:::", Status.OK),
        ("20000:0:-1:7::-1:", Status.OK),
        ("20000:0:9999:7:::", Status.OK),
        ("::::::", Status.OK),
        ("20000:0:99999:7::1:", Status.FAILED),
        ("20000:0:99999:7::90000:", Status.WARNING),
        ("0:0:99999:7:::", Status.WARNING),
        ("10000:0:30:7:5::", Status.WARNING),
        ("10000:0:30:7:::", Status.WARNING),
    ],
)
def test_an_account_that_expires(fields: str, status: Status) -> None:
    shadow = SHADOW.replace("20000:0:99999:7:::", fields, 1)
    verdict = root_account_is_current(facts(shadow=shadow))
    assert (verdict.status, places(verdict)) == (status, ["/etc/shadow:1"])


@pytest.mark.parametrize("hashed", ["x", "NP", "Passw0rd!", "$6$", "$9$abc$def", "junk"])
def test_what_is_no_hash_fits_no_password(hashed: str) -> None:
    verdict = root_has_a_password(facts(shadow=f"root:{hashed}:20000:0:99999:7:::\n"))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/shadow:1"])


@pytest.mark.parametrize("hashed", ["$1$abcdefgh$0123456789abcdefghijkl", "$6$salt$0123456789", "abJnggxhB/yWI"])
def test_older_hashes_are_hashes(hashed: str) -> None:
    assert root_has_a_password(facts(shadow=f"root:{hashed}:20000::::::\n")).status is Status.OK


def test_a_line_that_glibc_drops_is_none() -> None:
    verdict = root_account_exists(facts(shadow=SHADOW.replace("\n", "\r\n")))
    assert (verdict.status, places(verdict)[1]) == (Status.FAILED, "/etc/shadow:1")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"/root": Dir(0o700, uid=1000)}, "/root"),
        ({"/root": Dir(0o777)}, "/root"),
        ({"/root": "a file"}, "/root"),
        ({"/root/.ssh": Dir(0o775)}, "/root/.ssh"),
        ({"/root/.ssh/authorized_keys": File("", 0o600, uid=1000)}, "/root/.ssh/authorized_keys"),
    ],
)
def test_a_home_that_sshd_does_not_trust(files: dict[str, Any], place: str) -> None:
    verdict = root_home_takes_keys(facts(files=files))
    assert (verdict.status, places(verdict)[0]) == (Status.WARNING, place)
    assert root_home_takes_keys(facts(files={"/root/.ssh/authorized_keys": File("", 0o600)})).status is Status.OK


@pytest.mark.parametrize("home", ["", "root", "/nonexistent"])
def test_a_home_that_is_none(home: str) -> None:
    verdict = root_home_takes_keys(facts(PASSWD.replace(":/root:", f":{home}:", 1)))
    assert verdict.status is Status.WARNING


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("passwd: files systemd", Status.OK),
        ("passwd: compat", Status.OK),
        ("passwd: sss [UNAVAIL=continue] files", Status.OK),
        ("hosts: dns", Status.OK),
        ("# passwd: ldap", Status.OK),
        ("passwd: ldap", Status.FAILED),
        ("shadow: sss", Status.FAILED),
        ("group: ldap # files", Status.FAILED),
        ("passwd: ldap [NOTFOUND=return] files", Status.FAILED),
    ],
)
def test_files_are_looked_up(line: str, status: Status) -> None:
    verdict = accounts_come_from_files(facts(files={"/etc/nsswitch.conf": f"# x\n{line}\n"}))
    assert verdict.status is status
    assert status is Status.OK or places(verdict) == ["/etc/nsswitch.conf:2"]


@pytest.mark.parametrize("group", ["", "adm:x:4:\n"])
def test_the_group_root_is_missing(group: str) -> None:
    verdict = accounts_come_from_files(facts(files={"/etc/group": group}))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/group"])


@pytest.mark.parametrize("shell", [File("", 0o755), File("x", 0o755), File("#!/opt/none\n", 0o755)])
def test_a_shell_that_cannot_be_run(shell: File) -> None:
    assert root_has_a_shell(facts(files={"/bin/bash": shell})).status is Status.FAILED


NULLOK = {"/etc/pam.d/common-auth": "# x\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\n"}


@pytest.mark.parametrize(
    ("passwd", "shadow", "files", "status", "place"),
    [
        ("bob:x:1000:1000::/:/bin/sh\n", "bob::1::::::\n", NULLOK, Status.FAILED, "/etc/shadow:3"),
        ("bob:x:1000:1000::/:/bin/sh\n", "bob::1::::::\n", {}, Status.FAILED, "/etc/shadow:3"),
        ("bob::1000:1000::/:/bin/sh\n", "", NULLOK, Status.FAILED, "/etc/passwd:3"),
        ("bob:x:1000:1000::/:/bin/false\n", "bob::1::::::\n", NULLOK, Status.WARNING, "/etc/shadow:3"),
        (
            "bob:x:1000:1000::/:/bin/sh\n",
            "bob::1::::::\n",
            {"/etc/pam.d/common-auth": "# auth pam_unix.so nullok\nauth required pam_unix.so\n"},
            Status.WARNING,
            "/etc/shadow:3",
        ),
        ("bob:x:1000:1000::/:/bin/sh\n", "bob:!!:1::::::\n", NULLOK, Status.OK, "/etc/shadow"),
        ("bob:*:1000:1000::/:/bin/sh\n", "bob::1::::::\n", NULLOK, Status.OK, "/etc/shadow"),
        ("bob:x:1000:1000::/:/bin/sh\n", "", NULLOK, Status.OK, "/etc/shadow"),
    ],
)
def test_an_empty_password_is_found_and_locking_it_is_ok(
    passwd: str, shadow: str, files: dict[str, Any], status: Status, place: str
) -> None:
    verdict = no_account_lacks_a_password(facts(PASSWD + passwd, SHADOW + shadow, files))
    assert (verdict.status, places(verdict)[0]) == (status, place)
    locked = SHADOW + "bob:!:1::::::\n"
    assert no_account_lacks_a_password(facts(PASSWD + passwd.replace("bob::", "bob:x:"), locked, files)).status is (
        Status.OK
    )


@pytest.mark.parametrize("line", ["toor:x:0:0::/root:/bin/bash\n", "root:x:0:0::/root:/bin/sh\n"])
def test_a_second_superuser_is_a_warning_and_removing_it_is_ok(line: str) -> None:
    verdict = only_root_has_the_id_0(facts(PASSWD + line))
    assert (verdict.status, places(verdict)[-1]) == (Status.WARNING, "/etc/passwd:3")
    assert only_root_has_the_id_0(facts()).status is Status.OK


@pytest.mark.parametrize(
    ("path", "node", "status"),
    [
        ("/etc/shadow", File(SHADOW, 0o000), Status.OK),
        ("/etc/shadow", File(SHADOW, 0o400), Status.OK),
        ("/etc/shadow", File(SHADOW, 0o640, gid=42), Status.OK),
        ("/etc/shadow", File(SHADOW, 0o640, gid=1000), Status.WARNING),
        ("/etc/shadow", File(SHADOW, 0o644), Status.WARNING),
        ("/etc/shadow", File(SHADOW, 0o660), Status.WARNING),
        ("/etc/shadow", File(SHADOW, 0o600, uid=1000), Status.WARNING),
        ("/etc/gshadow-", File("", 0o644), Status.WARNING),
        ("/etc/passwd", File(PASSWD, 0o664), Status.WARNING),
        ("/etc/passwd", File(PASSWD, 0o600), Status.WARNING),
        ("/etc/passwd", File(PASSWD, 0o644, uid=1000), Status.WARNING),
    ],
)
def test_owner_and_mode_of_account_files(path: str, node: File, status: Status) -> None:
    verdict = account_files_belong_to_root(facts(files={path: node, "/etc/group": "root:x:0:\nshadow:x:42:\n"}))
    assert verdict.status is status
    assert path in places(verdict)


@pytest.mark.parametrize("rule", RULES[-3:], ids=lambda rule: rule.name)
def test_missing_files_are_no_proof_that_accounts_are_sound(rule: Rule) -> None:
    assert not rule(facts(None)).known


@pytest.mark.parametrize(("passwd", "shadow"), [("", SHADOW), (PASSWD, "")])
def test_empty_files_are_no_proof_that_accounts_are_sound(passwd: str, shadow: str) -> None:
    assert not no_account_lacks_a_password(facts(passwd, shadow)).known


def test_without_a_superuser_root_is_not_said_to_be_the_only_one() -> None:
    with pytest.raises(NotApplicable, match="there is no root"):
        only_root_has_the_id_0(facts("bob:x:1000:1000::/:/bin/sh\n"))


def test_groups_that_are_not_there_belong_to_nobody() -> None:
    gone = facts_of(
        {"/etc/passwd": PASSWD, "/etc/shadow": File(SHADOW, 0o640), "/bin/bash": File("#!/bin/sh\n", 0o755)}
    )
    verdict = account_files_belong_to_root(gone)
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/group"])
