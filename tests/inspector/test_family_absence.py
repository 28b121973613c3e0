"""No rule is OK on the strength of a file that was taken away, in the guests of the Linux families."""

from __future__ import annotations

import shutil

import pytest

from fixtures.families import RECIPES, guest_of_family
from fixtures.families.family import Family
from inspector import engine
from inspector.guest import Guest
from inspector.profile import load_profile
from inspector.report import RuleResult
from inspector.verdict import Status
from tests.inspector.family_guests import facts_of

pytestmark = pytest.mark.slow
EVERY = 8
"""Of the paths, how many are passed over in a normal run; the families begin with different ones."""
ABSENT = frozenset({("/etc/init.d", "firewall-is-off")})
"""What a rule says of a path is that nothing is there."""


def judged(family: Family) -> dict[str, RuleResult]:
    checks, _ = engine.judge(facts_of(family), load_profile("ecs"))
    return {result.rule: result for check in checks for result in check.rules}


def vouched_for(family: Family) -> dict[str, dict[str, set[str]]]:
    """Path -> the rules that are OK for what they saw there."""
    guest = facts_of(family)[Guest]
    paths: dict[str, dict[str, set[str]]] = {}
    for name, result in judged(family).items():
        for item in result.evidence if result.status is Status.OK else ():
            if item.path.startswith("/") and item.path != "/" and guest.exists(item.path):
                paths.setdefault(item.path, {}).setdefault(name, set()).add(item.seen)
    return paths


def vouching(family: Family, path: str, before: dict[str, set[str]]) -> set[str]:
    """Return the rules that are still OK for what they saw at a path that was taken away."""
    spellings = {path, facts_of(family)[Guest].realpath(path)}
    gone = {name: None for name in spellings if any(f"{file}/".startswith(f"{name}/") for file in family.files)}
    assert gone, "the guest has what its rules speak of"
    after = judged(family.changed(gone))
    return {
        name
        for name, seen in before.items()
        if (path, name) not in ABSENT and name in after and after[name].status is Status.OK
        if any(item.path in spellings and item.seen in seen for item in after[name].evidence)
    }


def check(name: str, first: int, step: int) -> None:
    if missing := [program for program in RECIPES[name].needs if shutil.which(program) is None]:
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    family = guest_of_family(name)
    spoken = vouched_for(family)
    assert len(spoken) >= 50
    found = {path: vouching(family, path, spoken[path]) for path in sorted(spoken)[first::step]}
    assert {path: rules for path, rules in found.items() if rules} == {}


@pytest.mark.parametrize(("number", "name"), list(enumerate(RECIPES)))
def test_a_rule_does_not_vouch_for_a_file_that_was_taken_away(number: int, name: str) -> None:
    check(name, number % EVERY, EVERY)


@pytest.mark.soak
@pytest.mark.parametrize("name", RECIPES)
def test_no_rule_vouches_for_any_of_the_files(name: str) -> None:
    check(name, 0, 1)
