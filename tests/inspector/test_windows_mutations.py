"""Hives of a good Windows with bytes changed by chance: no rule may break on them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import pytest

from fixtures.windows.golden import SECURITY, SOFTWARE, SYSTEM, changed
from inspector.facts import UnknownFact
from inspector.profile import load_profile
from inspector.rules import rules
from inspector.verdict import NotApplicable
from parsers.place import ParseError
from tests.windows import CONFIG, golden, hive

pytestmark = pytest.mark.corpus

KEYS: Final = {"SYSTEM": SYSTEM, "SOFTWARE": SOFTWARE, "SECURITY": SECURITY}
NUMBERS: Final = (bytes(4), b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\1\0\0\0")
FIRST_CELL: Final = 4096 + 32


def mutations(name: str, count: int) -> Iterator[bytes]:
    """Give the hive with one to forty changes to its bytes, numbers and runs, the same ones each time."""
    chance = random.Random(name)
    good = hive(changed(KEYS[name], {}))
    for _ in range(count):
        content = bytearray(good)
        for _ in range(chance.choice((1, 1, 2, 8, 40))):
            at = chance.randrange(FIRST_CELL, len(content) - 64)
            kind = chance.randrange(4)
            if kind == 0:
                content[at] = chance.randrange(256)
            elif kind == 1:
                content[at] ^= 1 << chance.randrange(8)
            elif kind == 2:
                content[at & ~3 : (at & ~3) + 4] = chance.choice(NUMBERS)
            else:
                size, source = chance.randrange(1, 64), chance.randrange(len(content) - 64)
                content[at : at + size] = content[source : source + size]
        yield bytes(content)


def judge_all(name: str, count: int) -> None:
    profile = load_profile("ecs")
    asked = [rules()[it] for check in profile.checks for it in check.rules if rules()[it].os == "windows"]
    for content in mutations(name, count):
        try:
            facts = golden(files={f"{CONFIG}/{name}": content})
        except (UnknownFact, ParseError):
            continue
        for rule in asked:
            try:
                rule(facts, **profile.parameters.get(rule.name, {}))
            except NotApplicable:
                continue


@pytest.mark.parametrize("name", KEYS)
def test_no_rule_breaks_on_a_damaged_hive(name: str) -> None:
    judge_all(name, 50)


@pytest.mark.soak
@pytest.mark.parametrize("name", KEYS)
def test_no_rule_breaks_on_thousands_of_damaged_hives(name: str) -> None:
    judge_all(name, 2000)
