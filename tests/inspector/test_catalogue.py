"""Every row of the catalogue is a rule of the profiles that ask for it, or a table says why it is none."""

from __future__ import annotations

import subprocess

import pytest

from inspector.profile import Profile, load_profile
from inspector.rules import rules
from inspector.verdict import Status
from tests.inspector.catalogue import (
    OPERATIONS,
    OTHER_CELLS,
    PROFILES,
    ROWS,
    WITHOUT_A_RULE,
    WITHOUT_AN_ANSWER,
    Row,
)
from tests.oracles import needs

LOADED = {name: load_profile(name) for name in PROFILES}


def used(profile: Profile) -> set[str]:
    return {rule for check in profile.checks for rule in check.rules}


def lowered(profile: Profile, rule: str, status: str) -> Status | None:
    """What a status of a rule counts as, where the profile says so."""
    return profile.levels.get(rule, {}).get(status)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_a_rule_of_every_profile_that_judges_it(name: str) -> None:
    row = ROWS[name]
    named = row.rules.split()
    assert named
    assert set(named) <= set(rules())
    for profile, cell in zip(PROFILES, row.cells, strict=True):
        assert cell in "FWI-"
        if cell in "FW":
            assert set(named) <= used(LOADED[profile]), profile
    assert set(named) <= set.union(*(used(profile) for profile in LOADED.values()))


@pytest.mark.parametrize("name", ROWS)
def test_no_profile_makes_a_row_milder_or_harder_than_it_is(name: str) -> None:
    row: Row = ROWS[name]
    for profile, cell in zip(PROFILES, row.cells, strict=True):
        for rule in row.rules.split():
            if cell == "F":
                others = [it for it in ROWS.values() if rule in it.rules.split()]
                milder = any(it.cells[PROFILES.index(profile)] in "WI" for it in others)
                assert lowered(LOADED[profile], rule, "failed") in ({None, Status.WARNING} if milder else {None})
            if cell == "W":
                assert lowered(LOADED[profile], rule, "warning") is not Status.FAILED or _hard(rule, profile)


def _hard(rule: str, profile: str) -> bool:
    """Whether another row makes the rule's WARNING a FAILED."""
    at = PROFILES.index(profile)
    return any(rule in it.rules.split() and it.cells[at] == "F" for it in ROWS.values())


def test_every_rule_about_windows_comes_of_a_row() -> None:
    asked = {name for row in ROWS.values() for name in row.rules.split()}
    assert [name for name in rules() if name.startswith("windows-") and name not in asked] == []


def test_a_row_has_rules_or_a_reason() -> None:
    assert not ROWS.keys() & WITHOUT_A_RULE.keys()
    assert all(WITHOUT_A_RULE.values())


def test_cells_that_differ_from_what_was_researched_say_why() -> None:
    for name, (cells, why) in OTHER_CELLS.items():
        assert ROWS[name].cells != cells
        assert why


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_profile_of_copies_answers_an_operation_of_virt_sysprep(name: str) -> None:
    assert set(OPERATIONS[name].split()) <= used(LOADED["clone"])
    assert name not in WITHOUT_AN_ANSWER


def test_an_operation_without_an_answer_has_a_reason() -> None:
    assert all(WITHOUT_AN_ANSWER.values())


@needs("virt-sysprep")
def test_no_operation_of_virt_sysprep_is_left_out() -> None:
    """Its release may be older than the list: `zsh-history` and `lvm-system-devices` are of 2022 and later."""
    done = subprocess.run(["virt-sysprep", "--list-operations"], capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert len(listed) > 40
    assert listed - {*OPERATIONS, *WITHOUT_AN_ANSWER} == set()
