from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from inspector import engine
from inspector.disks.storage import Storage
from inspector.errors import InspectorError
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.profile import Check, Profile, ProfileError
from inspector.report import CheckResult, Exemption
from inspector.rules.rule import Family, Rule, rule
from inspector.verdict import Evidence, NotApplicable, Status, Verdict, failed, ok
from parsers.place import ParseError, Place
from tests.memory_tree import MemoryTree
from tests.volumes import storage_of, volume_of

FSTAB = {"/etc/os-release": "ID=debian", "/etc/fstab": ""}


def made(name: str, judge: Callable[..., Verdict], os: Family = "linux") -> Rule:
    def documented(facts: Facts, **parameters: Any) -> Verdict:
        """Why: it matters.

        Fix: mend it.
        """
        return judge(facts, **parameters)

    return rule(name, name, os)(documented)


def good(_: Facts) -> Verdict:
    return ok("it is good", Evidence(Place("/etc/fstab", 1), "x"))


def bad(_: Facts) -> Verdict:
    return failed("it is bad", Evidence(Place("sda1", offset=512, volume="sda1"), "x"))


def absent(_: Facts) -> Verdict:
    raise UnknownFact("no such fact", Place("/etc/x"))


def exempt(_: Facts) -> Verdict:
    raise NotApplicable("not here")


def broken(_: Facts) -> Verdict:
    raise KeyError("oh")


def unreadable(_: Facts) -> Verdict:
    raise ParseError(Place("/etc/x", 3), "a thing wanted, nothing found")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[CheckResult], list[Exemption]]]:
    def judge(
        *rules: Rule, facts: Facts | None = None, levels: Mapping[str, Mapping[str, Status]] | None = None
    ) -> tuple[list[CheckResult], list[Exemption]]:
        known = {rule.name: rule for rule in rules}
        monkeypatch.setattr(engine, "find_rule", lambda name, _: known[name])
        check = Check("Check", "ID", "A check", tuple(rule.name for rule in rules))
        profile = Profile("p", "P", (check,), {}, levels or {}, verified=True)
        return engine.judge(facts or facts_of(storage_of(volume_of(FSTAB))), profile)

    return judge


@pytest.mark.parametrize("name", ["fstab-devices-exists", "windows-hives-lode", "image-format-unambiguos"])
def test_a_rule_that_is_not_there_is_an_error_whatever_the_guest_is(name: str) -> None:
    profile = Profile("mine", "Mine", (Check("Check", "ID", "A check", ("image-format-unambiguous", name)),))
    with pytest.raises(ProfileError, match=f"profile mine: no rule is called {name!r}; did you mean"):
        engine.judge(facts_of(storage_of(volume_of(FSTAB))), profile)


def test_a_profile_that_was_not_loaded_is_judged_by() -> None:
    profile = Profile("mine", "Mine", (Check("Check", "ID", "A check", ("image-format-unambiguous",)),))
    assert [check.name for check in engine.judge(facts_of(storage_of(volume_of(FSTAB))), profile)[0]] == ["Check"]


def facts_of(disk: Storage) -> Facts:
    try:
        return Facts({Storage: disk, Guest: find_guest(disk)})
    except UnknownFact as unknown:
        return Facts({Storage: disk, Guest: unknown})


def test_a_check_is_as_bad_as_its_worst_rule_and_knows_the_volumes(judged: Any) -> None:
    (check,), exemptions = judged(made("a", good), made("b", bad))
    assert (check.name, check.id, check.status) == ("Check", "ID", Status.FAILED)
    assert [(r.rule, r.status, r.known, r.fix) for r in check.rules] == [
        ("a", Status.OK, True, "mend it."),
        ("b", Status.FAILED, True, "mend it."),
    ]
    assert [(e.path, e.line, e.offset, e.volume) for r in check.rules for e in r.evidence] == [
        ("/etc/fstab", 1, None, "sda1"),
        ("sda1", None, 512, "sda1"),
    ]
    assert exemptions == []


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (absent, "no such fact"),
        (unreadable, "a thing wanted, nothing found"),
        (broken, "this rule broke, please report it: KeyError: 'oh'"),
    ],
)
def test_what_could_not_be_had_is_a_warning_marked_as_unknown(judged: Any, judge: Any, message: str) -> None:
    (check,), _ = judged(made("a", judge))
    (result,) = check.rules
    assert (result.status, result.known) == (Status.WARNING, False)
    assert message in result.message
    assert result.evidence


def test_rules_that_do_not_apply_are_listed_apart(judged: Any) -> None:
    (check,), exemptions = judged(made("a", good), made("b", exempt))
    assert [result.rule for result in check.rules] == ["a"]
    assert exemptions == [Exemption("b", "not here")]
    checks, exemptions = judged(made("b", exempt), made("c", exempt), made("d", good, "windows"))
    assert checks == []
    assert exemptions == [Exemption("Check", "not here")]
    assert judged(made("d", good, "windows")) == ([], [])


def test_a_guest_that_the_profile_says_nothing_of_is_not_inspected() -> None:
    profile = Profile("p", "P", (), systems=frozenset({"windows"}))
    with pytest.raises(InspectorError, match="the profile p judges Windows guests, and this is a Linux guest"):
        engine.judge(facts_of(storage_of(volume_of(FSTAB))), profile)


def test_levels_change_what_a_status_counts_for(judged: Any) -> None:
    levels = {"a": {"failed": Status.WARNING}, "b": {"unknown": Status.FAILED}}
    (check,), _ = judged(made("a", bad), made("b", absent), levels=levels)
    assert [result.status for result in check.rules] == [Status.WARNING, Status.FAILED]
    assert check.rules[1].known is False


def test_nothing_is_ok_that_was_read_under_a_journal_which_was_not_replayed(judged: Any) -> None:
    tree = MemoryTree(FSTAB, "sda1", unreplayed_journal=True)
    (check,), _ = judged(made("a", good), made("b", bad), facts=facts_of(storage_of(volume_of(tree))))
    assert [(result.status, result.known) for result in check.rules] == [
        (Status.WARNING, False),
        (Status.FAILED, False),
    ]
    note = "read from sda1, not unmounted cleanly: what was written last may be lacking"
    assert [result.message for result in check.rules] == [note, f"it is bad ({note})"]
    assert "shut it down cleanly" in check.rules[0].fix
    assert check.rules[1].fix == "mend it."


def test_a_disk_without_a_root_is_still_judged(judged: Any) -> None:
    disk = storage_of(volume_of({"/data": ""}))
    (check,), _ = judged(made("a", lambda facts: good(facts) if facts[Guest] else bad(facts)), facts=facts_of(disk))
    assert check.rules[0].message == "no root file system was found"
    assert check.rules[0].known is False


def test_memory_that_runs_out_is_not_taken_for_a_broken_rule(judged: Any) -> None:
    def hungry(_: Facts) -> Verdict:
        raise MemoryError

    with pytest.raises(MemoryError):
        judged(made("a", hungry))


def test_open_facts_names_two_roots_as_an_error() -> None:
    with pytest.raises(InspectorError, match="--root"):
        engine.open_facts(storage_of(volume_of(FSTAB, 1), volume_of(FSTAB, 2)))
