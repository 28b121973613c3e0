"""Each rule: ok, failed with its place, mended by its fix, unknown."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Dir
from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.guest import Guest
from inspector.rules.leftovers import (
    RULES,
    account_backups_are_gone,
    agents_are_unregistered,
    cloud_credentials_are_gone,
    cloud_init_data_holds_no_secret,
    cloud_init_state_is_gone,
    first_boot_scripts_are_done,
    keytabs_are_gone,
    logs_are_empty,
    no_jobs_of_users_are_left,
    private_keys_are_gone,
    shell_history_is_gone,
    ssh_keys_of_users_are_gone,
)
from inspector.rules.rule import Rule
from inspector.verdict import Status, Verdict
from tests.inspector.boots import facts, text

USER_DATA = "/var/lib/cloud/instances/i-1/user-data.txt"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
USER = {"/etc/passwd": text("/etc/passwd") + "ann:x:1000:1000::/srv/ann:/bin/bash\n", "/srv/ann": Dir()}
F, W = Status.FAILED, Status.WARNING


def judge(rule: Rule, change: dict[str, Any] | None = None) -> Verdict:
    return rule(facts(change))


@pytest.mark.parametrize(
    ("rule", "change", "status", "place"),
    [
        (cloud_init_state_is_gone, {"/var/lib/cloud/data/instance-id": "i-1\n"}, W, "/var/lib/cloud/data/instance-id"),
        (cloud_init_state_is_gone, {USER_DATA: "#cloud-config\n"}, W, USER_DATA),
        (cloud_init_data_holds_no_secret, {USER_DATA: "#cloud-config\npassword: hunter2\n"}, F, f"{USER_DATA}:2"),
        (
            cloud_init_data_holds_no_secret,
            {USER_DATA: "#cloud-config\nusers:\n  - name: a\n    passwd: $6$x\n"},
            F,
            f"{USER_DATA}:4",
        ),
        (cloud_init_data_holds_no_secret, {USER_DATA: "chpasswd:\n  list: |\n    root:x\n"}, F, f"{USER_DATA}:1"),
        (cloud_init_data_holds_no_secret, {USER_DATA: f"write_files:\n- content: |\n{KEY}"}, F, f"{USER_DATA}:3"),
        (
            cloud_init_data_holds_no_secret,
            {"/etc/cloud/cloud.cfg.d/99-installer.cfg": "users:\n- name: a\n  passwd: $6$x$y\n"},
            F,
            "/etc/cloud/cloud.cfg.d/99-installer.cfg:3",
        ),
        (logs_are_empty, {"/var/log/auth.log": "Accepted password\n"}, W, "/var/log/auth.log"),
        (logs_are_empty, {"/var/log/journal/0123/system.journal": "x"}, W, "/var/log/journal/0123/system.journal"),
        (shell_history_is_gone, {"/root/.bash_history": "ls\n"}, W, "/root/.bash_history"),
        (shell_history_is_gone, {**USER, "/srv/ann/.zsh_history": "ls\n"}, W, "/srv/ann/.zsh_history"),
        (
            ssh_keys_of_users_are_gone,
            {"/root/.ssh/authorized_keys": "ssh-ed25519 A\n"},
            W,
            "/root/.ssh/authorized_keys",
        ),
        (ssh_keys_of_users_are_gone, {"/home/bob/.ssh/known_hosts": "h ssh-rsa A\n"}, W, "/home/bob/.ssh/known_hosts"),
        (private_keys_are_gone, {"/root/.ssh/id_ed25519": KEY}, W, "/root/.ssh/id_ed25519"),
        (private_keys_are_gone, {"/etc/ssl/private/server.key": KEY}, W, "/etc/ssl/private/server.key"),
        (cloud_credentials_are_gone, {"/root/.aws/credentials": "[default]\n"}, F, "/root/.aws/credentials"),
        (cloud_credentials_are_gone, {"/home/bob/.netrc": "machine h password p\n"}, F, "/home/bob/.netrc"),
        (agents_are_unregistered, {"/etc/salt/minion_id": "web1\n"}, W, "/etc/salt/minion_id"),
        (agents_are_unregistered, {"/etc/pki/entitlement/1.pem": "x"}, W, "/etc/pki/entitlement/1.pem"),
        (account_backups_are_gone, {"/etc/ssh/sshd_config.bak": "x"}, W, "/etc/ssh/sshd_config.bak"),
        (private_keys_are_gone, {"/etc/pki/CA/private/cakey.pem": KEY}, W, "/etc/pki/CA/private/cakey.pem"),
        (keytabs_are_gone, {"/etc/krb5.keytab": "\x05\x02x"}, W, "/etc/krb5.keytab"),
        (account_backups_are_gone, {"/etc/shadow-": "root:x:\n"}, W, "/etc/shadow-"),
        (
            no_jobs_of_users_are_left,
            {"/var/spool/cron/crontabs/root": "* * * * * x\n"},
            W,
            "/var/spool/cron/crontabs/root",
        ),
        (
            first_boot_scripts_are_done,
            {"/usr/lib/virt-sysprep/scripts/0001-x": "#!/bin/sh\n"},
            W,
            "/usr/lib/virt-sysprep/scripts/0001-x",
        ),
    ],
)
def test_what_is_left_has_its_place_and_removing_it_mends_it(
    rule: Rule, change: dict[str, Any], status: Status, place: str
) -> None:
    verdict = judge(rule, change)
    assert (verdict.status, verdict.known) == (status, True)
    assert place in [str(item.place).partition(" ")[0] for item in verdict.evidence]
    assert judge(rule).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_has_nothing_left(rule: Rule) -> None:
    verdict = judge(rule)
    assert (verdict.status, bool(verdict.evidence)) == (Status.OK, True)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_a_guest_nothing_is_ok(rule: Rule) -> None:
    missing = UnknownFact("no root file system")
    verdict = rule(Facts({Guest: missing, Accounts: missing}))
    assert (verdict.status, verdict.known) == (W, False)


def test_no_secret_is_printed() -> None:
    change = {
        USER_DATA: f"password: hunter2\napi_key: 'AKIA1234'\n{KEY}",
        "/root/.aws/credentials": "aws_secret=hunter2\n",
    }
    for rule in (cloud_init_data_holds_no_secret, cloud_credentials_are_gone):
        said = str(judge(rule, change))
        assert "hunter2" not in said
        assert "AKIA1234" not in said
        assert "b3Blb" not in said


@pytest.mark.parametrize(
    "content", ["#cloud-config\nssh_pwauth: false\n", "password:\n", "# password: x\n", "lock_passwd: true\n", ""]
)
def test_what_is_no_secret(content: str) -> None:
    assert judge(cloud_init_data_holds_no_secret, {USER_DATA: content}).status is Status.OK


def test_files_that_many_have_without_a_secret() -> None:
    harmless = {
        "/root/.docker/config.json": '{"auths": {}}',
        "/root/.npmrc": "fund=false\n",
        "/root/.my.cnf": "[client]\n",
    }
    assert judge(cloud_credentials_are_gone, harmless).status is Status.OK
    assert judge(cloud_credentials_are_gone, {"/root/.npmrc": "//r/:_authToken=x\n"}).status is F


def test_a_public_key_is_no_private_one() -> None:
    assert judge(private_keys_are_gone, {"/root/.ssh/id_ed25519.pub": "ssh-ed25519 A\n"}).status is Status.OK


def test_more_than_are_shown_are_counted() -> None:
    verdict = judge(logs_are_empty, {f"/var/log/{number}.log": "x" for number in range(40)})
    assert (len(verdict.evidence), verdict.message) == (16, "logs are left behind: more than 16 files")


def test_more_files_than_can_be_looked_into_are_unknown() -> None:
    many = {f"/etc/ssl/private/{number}": "x" for number in range(2001)}
    verdict = judge(private_keys_are_gone, many)
    assert (verdict.status, verdict.known) == (W, False)
    homes = {f"/home/{number}": Dir() for number in range(1001)}
    assert not judge(shell_history_is_gone, homes).known


def test_a_guest_without_homes_is_unknown() -> None:
    bare = {"/etc/passwd": "root:x:0:0::/:/bin/sh\n", "/root": None, "/home": None}
    assert not judge(shell_history_is_gone, bare).known


def test_the_names_of_homes_are_taken_literally() -> None:
    odd = {"/home/a*b/.bash_history": "ls\n", "/home/acb/.x": ""}
    places = [item.place.path for item in judge(shell_history_is_gone, odd).evidence]
    assert places == ["/home/a*b/.bash_history"]
