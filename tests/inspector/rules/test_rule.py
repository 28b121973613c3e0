from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.rules import rules
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Status, Verdict, ok
from parsers.place import Place

SECTIONS = ("What", "Why", "Fix", "Reads", "References")


@rule("thing-is-good", "The thing is good")
def thing_is_good(facts: Facts, *, limit: int) -> Verdict:
    """It is looked at
    twice.

    Why: a bad thing
    breaks.

    Fix: mend the thing.
    Reads: /etc/thing
    """
    if limit > 3:
        raise UnknownFact("no thing", Place("/etc/thing"))
    return ok("the thing is good", Evidence(Place("/etc/thing"), f"{limit} {facts}"))


def test_the_docstring_is_the_documentation() -> None:
    assert (thing_is_good.why, thing_is_good.fix) == ("a bad thing breaks.", "mend the thing.")
    assert list(thing_is_good.sections) == ["What", "Why", "Fix", "Reads"]
    assert (thing_is_good.sections["What"], thing_is_good.sections["Reads"]) == ("It is looked at twice.", "/etc/thing")
    assert list(thing_is_good.parameters) == ["limit"]
    assert thing_is_good.os == "linux"


def test_what_a_rule_cannot_have_is_unknown_with_its_place() -> None:
    assert thing_is_good(Facts({}), limit=3).status is Status.OK
    verdict = thing_is_good(Facts({}), limit=4)
    assert (verdict.status, verdict.known, verdict.message) == (Status.WARNING, False, "no thing")
    assert verdict.evidence == (Evidence(Place("/etc/thing"), "no thing"),)


def test_a_rule_without_why_or_fix_cannot_be_made() -> None:
    def undocumented(facts: Facts) -> Verdict:
        """Why: no fix."""
        raise NotImplementedError(facts)

    with pytest.raises(TypeError, match="wants the sections Why and Fix"):
        rule("x", "X")(undocumented)


@pytest.mark.parametrize("name", sorted(rules()))
def test_every_rule_is_documented_for_a_stranger(name: str) -> None:
    found = rules()[name]
    assert found.name == name
    assert not found.title.endswith(".")
    for section in (found.title, found.why, found.fix):
        assert section == section.strip() != ""
    assert found.why.endswith(".")
    assert found.fix.endswith(".")
    assert found.sections.get("Reads"), "says which files it reads"
    assert found.sections.get("References"), "says where more is written"
    assert list(found.sections) == [name for name in SECTIONS if name in found.sections]
    for text in found.sections.values():
        assert text.count("`") % 2 == 0
