"""Whether a password opens a new instance, on the golden guest in memory."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Files, Link
from fixtures.golden import GOLDEN
from inspector.facts import Facts, UnknownFact
from inspector.facts.cloud_init import CloudInit
from inspector.facts.sshd import Sshd
from inspector.guest import Guest
from inspector.rules.password_login import passwords_can_be_set, sshd_takes_passwords
from inspector.verdict import NotApplicable, Status
from parsers.place import Place
from tests.facts_of import facts_of
from tests.inspector import boots

SNIPPET = "/etc/ssh/sshd_config.d/10-cloudimg-settings.conf"
OFF = {SNIPPET: "PasswordAuthentication no\n"}
CLOUD = "/etc/cloud/cloud.cfg.d/96_password.cfg"


def judge(change: dict[str, Any]) -> tuple[Status, list[str]]:
    files: Files = {path: node for path, node in {**GOLDEN, **change}.items() if node is not None}
    verdict = sshd_takes_passwords(facts_of(files), user="root")
    assert verdict.known
    return verdict.status, [str(item.place) for item in verdict.evidence]


def test_the_golden_guest_is_ok() -> None:
    assert judge({})[0] is Status.OK


def test_without_passwords_is_a_warning_and_either_fix_makes_it_ok() -> None:
    assert judge(OFF) == (Status.WARNING, [f"{SNIPPET}:1"])
    assert judge({SNIPPET: "PasswordAuthentication yes\n"})[0] is Status.OK
    assert judge({**OFF, CLOUD: "ssh_pwauth: true\n"}) == (Status.OK, [f"{SNIPPET}:1", f"{CLOUD}:1"])
    assert judge({**OFF, CLOUD: "ssh_pwauth: 'yes'\n"})[0] is Status.OK


@pytest.mark.parametrize(
    "change",
    [
        {CLOUD: "ssh_pwauth: unchanged\n"},
        {CLOUD: "ssh_pwauth: true\n", "/etc/cloud/cloud-init.disabled": ""},
        {CLOUD: "ssh_pwauth: true\ncloud_config_modules: [ ntp ]\n"},
    ],
    ids=["unchanged", "disabled", "module"],
)
def test_cloud_init_helps_only_where_it_does_so(change: dict[str, Any]) -> None:
    assert judge(OFF | change)[0] is Status.WARNING


def test_pam_may_ask_for_the_password() -> None:
    asked = {SNIPPET: "PasswordAuthentication no\nKbdInteractiveAuthentication yes\nUsePAM yes\n"}
    assert judge(asked)[0] is Status.OK


def test_without_sshd_there_is_nothing_to_say() -> None:
    with pytest.raises(NotApplicable):
        judge({"/usr/sbin/sshd": None})


@pytest.mark.parametrize("noun", [Sshd, CloudInit], ids=lambda noun: noun.__name__)
def test_unknown_is_never_ok(noun: type[Any]) -> None:
    made = facts_of({**GOLDEN, **OFF}, given={noun: UnknownFact("not readable", Place("/x"))})
    verdict = sshd_takes_passwords(made, user="root")
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


CHPASSWD = "/usr/sbin/chpasswd"


@pytest.mark.parametrize("change", [{CHPASSWD: None}, {CHPASSWD: File("", 0o755)}, {CHPASSWD: Link("/nowhere")}])
def test_without_the_program_no_password_is_set(change: dict[str, Any]) -> None:
    verdict = passwords_can_be_set(boots.facts(change))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, CHPASSWD)
    assert passwords_can_be_set(boots.facts()).status is Status.OK


def test_the_program_without_a_guest_is_not_known() -> None:
    verdict = passwords_can_be_set(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
