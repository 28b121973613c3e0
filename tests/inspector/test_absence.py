"""No rule is OK on the strength of a file that was taken away."""

from __future__ import annotations

from functools import cache

import pytest

from fixtures.golden import GOLDEN
from inspector import engine
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.profile import load_profile
from inspector.report import RuleResult
from inspector.verdict import Status
from tests.inspector.boots import facts

GUEST = facts()[Guest]


def judged(of: Facts) -> dict[str, RuleResult]:
    checks, _ = engine.judge(of, load_profile("ecs"))
    return {result.rule: result for check in checks for result in check.rules}


@cache
def spoken_of() -> dict[str, dict[str, set[str]]]:
    """Path -> the rules that are OK for what they saw there."""
    paths: dict[str, dict[str, set[str]]] = {}
    for name, result in judged(facts()).items():
        for item in result.evidence if result.status is Status.OK else ():
            if item.path.startswith("/") and item.path != "/" and GUEST.exists(item.path):
                paths.setdefault(item.path, {}).setdefault(name, set()).add(item.seen)
    return paths


@pytest.mark.parametrize("path", sorted(spoken_of()))
def test_a_rule_does_not_vouch_for_a_file_that_was_taken_away(path: str) -> None:
    spellings = {path, GUEST.realpath(path)}
    gone = {name: None for name in spellings if any(f"{file}/".startswith(f"{name}/") for file in GOLDEN)}
    assert gone, "the golden guest has what its rules speak of"
    after = judged(facts(gone))
    vouching = {
        name
        for name, seen in spoken_of()[path].items()
        if name in after and after[name].status is Status.OK
        if any(item.path in spellings and item.seen in seen for item in after[name].evidence)
    }
    assert vouching == set()


def test_most_rules_speak_of_files() -> None:
    rules = {name for names in spoken_of().values() for name in names}
    assert len(spoken_of()) >= 60
    assert len(rules) >= 55
