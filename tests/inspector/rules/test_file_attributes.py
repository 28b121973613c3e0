from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules import file_attributes
from inspector.rules.file_attributes import log_files_mutable, system_files_mutable
from inspector.verdict import NotApplicable, Status
from parsers.place import Place
from tests.memory_tree import Dir, File, Files, Link, MemoryTree, guest_of

GOOD: Files = {"/etc/shadow": File("root:*::::::\n", 0o640), "/etc/passwd": "", "/var/log/syslog": "x", "/boot/x": ""}
IMMUTABLE, APPEND = ("immutable",), ("append",)


def facts(files: Files, **options: object) -> Facts:
    return Facts({Guest: guest_of({**GOOD, **files}, **options)})


def test_ok() -> None:
    assert system_files_mutable(facts({})).status is Status.OK
    assert log_files_mutable(facts({})).status is Status.OK


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/passwd", "/etc/group", "/etc/gshadow", "/etc/ssh/sshd_config", "/etc/cloud/cloud.cfg",
     "/etc/fstab", "/boot/grub/grub.cfg"],
)  # fmt: skip
@pytest.mark.parametrize("flag", ["immutable", "append"])
def test_a_locked_file_fails_at_its_place(path: str, flag: str) -> None:
    verdict = system_files_mutable(facts({path: File(flags=(flag, "nodump"))}))
    assert verdict.status is Status.FAILED
    assert [item.place for item in verdict.evidence] == [Place(path)]
    assert verdict.evidence[0].seen == f"flags: {flag}"


def test_a_locked_directory_fails() -> None:
    verdict = system_files_mutable(facts({"/etc": Dir(flags=IMMUTABLE)}))
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place == Place("/etc")


def test_a_link_is_followed() -> None:
    files: Files = {"/etc/hostname": Link("../data/hostname"), "/data/hostname": File(flags=IMMUTABLE)}
    assert system_files_mutable(facts(files)).status is Status.FAILED


def test_the_advised_fix_makes_it_ok() -> None:
    assert system_files_mutable(facts({"/etc/shadow": File(flags=(*IMMUTABLE, *APPEND))})).status is Status.FAILED
    assert system_files_mutable(facts({"/etc/shadow": File()})).status is Status.OK
    assert log_files_mutable(facts({"/var/log/a/b": File(flags=APPEND)})).status is Status.WARNING
    assert log_files_mutable(facts({"/var/log/a/b": File()})).status is Status.OK


def test_unknown_is_never_ok() -> None:
    for rule in (system_files_mutable, log_files_mutable):
        assert not rule(Facts({Guest: UnknownFact("no root file system")})).known
    broken = facts({}, broken=frozenset({"/etc/shadow", "/var/log/syslog"}))
    for rule in (system_files_mutable, log_files_mutable):
        verdict = rule(broken)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_locked_file_is_not_hidden_by_what_is_not_known() -> None:
    files = {"/etc/passwd": File(flags=IMMUTABLE)}
    assert system_files_mutable(facts(files, broken=frozenset({"/etc/shadow"}))).status is Status.FAILED


def test_a_volume_that_cannot_be_read_is_unknown() -> None:
    tree = MemoryTree(GOOD)
    guest = Guest([Mount("/", None, tree, tree.root), Mount("/boot", None, None, 0, "xfs is not read so far")])
    verdict = system_files_mutable(Facts({Guest: guest}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert {item.place.path for item in verdict.evidence} >= {"/boot", "/boot/grub/grub.cfg"}


def test_a_locked_log_is_a_warning() -> None:
    verdict = log_files_mutable(facts({"/var/log/audit/audit.log": File(flags=APPEND)}))
    assert verdict.status is Status.WARNING
    assert verdict.known
    assert verdict.evidence[0].place == Place("/var/log/audit/audit.log")


def test_without_logs_the_rule_does_not_apply() -> None:
    with pytest.raises(NotApplicable):
        log_files_mutable(Facts({Guest: guest_of({"/etc/passwd": ""})}))
    with pytest.raises(NotApplicable):
        system_files_mutable(Facts({Guest: guest_of({"/x": ""})}))


def test_too_many_logs_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_attributes, "_MAX_LOGS", 5)
    assert not log_files_mutable(facts({f"/var/log/{n}": "" for n in range(9)})).known
