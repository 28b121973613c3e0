from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel
from inspector.facts.selinux import Selinux
from inspector.rules.rule import Rule
from inspector.rules.selinux import (
    RULES,
    selinux_config_is_valid,
    selinux_labels_are_there,
    selinux_mode_is_accepted,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import MemoryTree

GRUB = Place("/boot/grub/grub.cfg", 9)
POLICY = {"/etc/selinux/targeted/policy/policy.33": "x"}
ACCEPTED = ("disabled",)


def facts(config: str | None, *arguments: str, files: dict[str, Any] | None = None, **given: Any) -> Facts:
    kernel = DefaultKernel("6.1", BootFile(GRUB, "/vmlinuz", "/vmlinuz", "sda1", True, 1), (), arguments, GRUB)
    table = {} if config is None else {"/etc/selinux/config": config}
    return facts_of(
        {"/etc/passwd": "", **table, **(files or {})}, given={DefaultKernel: kernel, **given.get("given", {})}
    )


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


def ask(rule: Rule, made: Facts) -> Verdict:
    return rule(made, accepted=ACCEPTED) if rule is selinux_mode_is_accepted else rule(made)


@pytest.mark.parametrize("mode", ["enforcing", "permissive"])
def test_another_mode_is_a_warning_at_its_line(mode: str) -> None:
    verdict = selinux_mode_is_accepted(facts(f"# SELinux\nSELINUX={mode}\n"), accepted=ACCEPTED)
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/selinux/config:2"])
    assert selinux_mode_is_accepted(facts(f"SELINUX={mode}\n"), accepted=(mode,)).status is Status.OK


def test_disabled_is_ok_by_the_file_and_by_the_kernel() -> None:
    by_file = selinux_mode_is_accepted(facts("SELINUX=disabled\n"), accepted=ACCEPTED)
    assert (by_file.status, places(by_file)) == (Status.OK, ["/etc/selinux/config:1"])
    by_kernel = selinux_mode_is_accepted(facts("SELINUX=enforcing\n", "quiet", "selinux=0"), accepted=ACCEPTED)
    assert (by_kernel.status, places(by_kernel)) == (Status.OK, [str(GRUB)])


def test_a_guest_without_selinux_is_ok() -> None:
    verdict = selinux_mode_is_accepted(facts(None), accepted=ACCEPTED)
    assert (verdict.status, places(verdict)) == (Status.OK, ["/etc/selinux/config"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("enforcing=0",), "SELinux is permissive"),
        (("enforcing=1",), "SELinux is enforcing"),
        (("selinux=0", "selinux=1"), "SELinux is permissive"),
        ((), "SELinux is permissive"),
    ],
)
def test_the_kernels_arguments_win(arguments: tuple[str, ...], message: str) -> None:
    assert selinux_mode_is_accepted(facts("SELINUX=permissive\n", *arguments), accepted=()).message == message


def test_the_kernel_cannot_undo_disabled() -> None:
    verdict = selinux_mode_is_accepted(facts("SELINUX=disabled\n", "enforcing=1"), accepted=ACCEPTED)
    assert verdict.status is Status.OK


def test_a_mode_that_is_none_fails_and_a_right_one_is_ok() -> None:
    verdict = selinux_config_is_valid(facts("SELINUXTYPE=targeted\nSELINUX=off\n", files=POLICY))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/selinux/config:2"])
    good = selinux_config_is_valid(facts("SELINUXTYPE=targeted\nSELINUX=disabled\n", files=POLICY))
    assert good.status is Status.OK
    with pytest.raises(NotApplicable):
        selinux_mode_is_accepted(facts("SELINUX=off\n"), accepted=ACCEPTED)
    assert selinux_config_is_valid(facts("# nothing\n")).status is Status.FAILED


def test_a_missing_policy_fails_when_enforcing_and_installing_it_is_ok() -> None:
    config = "SELINUX=enforcing\nSELINUXTYPE=targeted\n"
    verdict = selinux_config_is_valid(facts(config))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/selinux/config:2"])
    assert selinux_config_is_valid(facts(config, files=POLICY)).status is Status.OK
    assert selinux_config_is_valid(facts("SELINUX=enforcing\n", files=POLICY)).status is Status.OK
    assert selinux_config_is_valid(facts(config.replace("enforcing", "permissive"))).status is Status.WARNING


def test_a_line_that_says_nothing_is_a_warning() -> None:
    verdict = selinux_config_is_valid(facts("SELINUX=disabled\n SELINUX=enforcing\n"))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/selinux/config:2"])


def test_no_config_needs_no_policy() -> None:
    with pytest.raises(NotApplicable):
        selinux_config_is_valid(facts(None))


def test_missing_labels_are_a_warning_and_a_relabel_makes_it_ok() -> None:
    shadow = {"/etc/shadow": "root:*:1::::::\n", **POLICY}
    verdict = selinux_labels_are_there(facts("SELINUX=enforcing\n", files=shadow))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/selinux/config:1", "/etc/shadow"])
    relabelled = selinux_labels_are_there(facts("SELINUX=enforcing\n", files={**shadow, "/.autorelabel": ""}))
    assert (relabelled.status, places(relabelled)) == (Status.OK, ["/.autorelabel"])
    with pytest.raises(NotApplicable):
        selinux_labels_are_there(facts("SELINUX=permissive\n", files=shadow))


@pytest.mark.parametrize(
    ("label", "status"),
    [
        (b"system_u:object_r:shadow_t:s0\0", Status.OK),
        (b"system_u:object_r:unlabeled_t:s0\0", Status.WARNING),
        (b"system_u:object_r:default_t:s0", Status.WARNING),
        (b"garbage", Status.WARNING),
    ],
)
def test_labels_that_stand_for_none_are_none(label: bytes, status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTree, "xattrs", lambda _tree, _inode: {"security.selinux": label})
    verdict = selinux_labels_are_there(facts("SELINUX=enforcing\n", files={"/etc/shadow": "", **POLICY}))
    assert verdict.status is status
    assert "/etc/shadow" in places(verdict)


def test_without_the_files_whose_labels_tell_nothing_is_known() -> None:
    assert not selinux_labels_are_there(facts("SELINUX=enforcing\n", files=POLICY)).known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = ask(rule, facts(None, given={Selinux: UnknownFact("sda1 cannot be read")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_unknown_arguments_of_the_kernel_are_never_ok() -> None:
    made = facts("SELINUX=disabled\n", given={DefaultKernel: UnknownFact("no default entry")})
    verdict = selinux_mode_is_accepted(made, accepted=ACCEPTED)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
