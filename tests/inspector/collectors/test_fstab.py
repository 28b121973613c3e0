from __future__ import annotations

import pytest

from inspector.facts import UnknownFact
from parsers.linux.crypttab import Crypttab
from parsers.linux.fstab import Fstab
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import Dir


def test_both_tables_are_read() -> None:
    facts = facts_of({"/etc/fstab": "a / ext4\n", "/etc/crypttab": "x /dev/sdb\n"})
    assert [entry.device for entry in facts[Fstab].entries] == ["a"]
    assert [entry.name for entry in facts[Crypttab].entries] == ["x"]


def test_an_fstab_that_is_absent_is_empty_and_has_that_for_a_problem() -> None:
    fstab = facts_of({"/etc/passwd": ""})[Fstab]
    assert fstab.entries == ()
    assert [problem.place for problem in fstab.problems] == [Place("/etc/fstab")]


def test_a_crypttab_that_is_absent_is_empty() -> None:
    assert facts_of({"/etc/passwd": ""})[Crypttab] == Crypttab(())


def test_what_cannot_be_read_is_unknown() -> None:
    facts = facts_of({"/etc/fstab": Dir(), "/etc/crypttab": Dir()})
    for noun in (Fstab, Crypttab):
        with pytest.raises(UnknownFact):
            facts[noun]
