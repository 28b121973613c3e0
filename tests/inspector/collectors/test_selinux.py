from __future__ import annotations

import pytest

from inspector.facts import UnknownFact
from inspector.facts.selinux import Selinux
from parsers.linux.selinux import SelinuxMode
from tests.facts_of import facts_of
from tests.memory_tree import Dir


def test_the_configuration_the_policies_and_the_wish_to_relabel() -> None:
    found = facts_of(
        {
            "/etc/selinux/config": "SELINUX=permissive\n",
            "/etc/selinux/targeted/policy/policy.33": "x",
            "/etc/selinux/mls/policy/policy.31": "x",
            "/etc/selinux/empty/policy": Dir(),
            "/.autorelabel": "",
        }
    )[Selinux]
    assert found.config is not None
    assert found.config.mode is SelinuxMode.PERMISSIVE
    assert (found.policies, found.relabel) == (("mls", "targeted"), True)


def test_a_guest_without_selinux_has_no_configuration_and_an_unreadable_one_is_unknown() -> None:
    assert facts_of({"/etc/passwd": ""})[Selinux] == Selinux(None)
    with pytest.raises(UnknownFact):
        facts_of({"/etc/selinux/config": Dir()})[Selinux]
