from __future__ import annotations

from dataclasses import dataclass

import pytest

from inspector.facts import Facts, UnknownFact
from parsers.place import ParseError, Place


@dataclass(frozen=True)
class Noun:
    text: str


@dataclass(frozen=True)
class Other:
    noun: Noun


def test_a_fact_is_collected_once_and_from_other_facts() -> None:
    asked: list[str] = []

    def noun(_: Facts) -> Noun:
        asked.append("noun")
        return Noun("x")

    facts = Facts({}, {Noun: noun, Other: lambda facts: Other(facts[Noun])})
    assert asked == []
    assert facts[Other].noun is facts[Noun]
    assert asked == ["noun"]


def test_a_fact_that_could_not_be_had_gives_its_reason_every_time() -> None:
    def broken(_: Facts) -> Noun:
        raise ParseError(Place("/etc/x", 3), "a noun wanted, a verb found")

    facts = Facts({}, {Noun: broken, Other: lambda facts: Other(facts[Noun])})
    for _ in range(2):
        with pytest.raises(UnknownFact, match="/etc/x:3: a noun wanted, a verb found") as caught:
            facts[Other]
        assert caught.value.places == (Place("/etc/x", 3),)


def test_a_fact_nobody_collects_is_unknown() -> None:
    with pytest.raises(UnknownFact, match="Noun was not collected"):
        Facts({})[Noun]
    with pytest.raises(UnknownFact, match="no root"):
        Facts({Noun: UnknownFact("no root")})[Noun]


def test_a_fact_that_needs_itself_is_unknown() -> None:
    with pytest.raises(UnknownFact, match="depends on itself"):
        Facts({}, {Noun: lambda facts: facts[Noun]})[Noun]


def test_an_error_in_a_collector_is_not_hidden_and_not_remembered() -> None:
    answers: list[Noun] = []

    def flaky(_: Facts) -> Noun:
        answers.append(Noun("x"))
        if len(answers) == 1:
            raise KeyError("once")
        return answers[-1]

    facts = Facts({}, {Noun: flaky})
    with pytest.raises(KeyError):
        facts[Noun]
    assert facts[Noun].text == "x"
