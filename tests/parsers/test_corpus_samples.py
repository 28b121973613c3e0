"""Every configuration sample of the corpus that has an independent answer is held against it by a test.

`HELD` names, for each kind of sample (its folder), the tuples that tests are made of: a test that is given a sample by
one of them must compare it. `UNREAD` are the samples that no parser reads, each with the reason. What a test knowingly
lets differ is listed, with reasons, beside that test.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Final

import pytest

from tests.corpus import entries

HELD: Final[dict[str, tuple[str, ...]]] = {
    # -- networks and cloud-init
    "cloud-init": (),
    "ifcfg": (),
    "interfaces": (),
    "netplan": (),
    "networkd": (),
    "nmconnection": (),
    # -- everything else
}
"""Kind -> "module:TUPLE"; the members of a tuple are entries of the corpus, ids of them, or tuples that begin so."""

UNREAD: Final[dict[str, str]] = {
    # -- networks and cloud-init
    # -- everything else
}
"""Id -> why no parser is there to be held against the answer: the output of commands, settings that decide nothing."""

SAMPLES: Final = tuple(
    entry for entry in entries("known") if entry["file"].startswith("configs/") and entry.get("expected")
)
KINDS: Final = tuple(sorted({entry["file"].split("/")[1] for entry in SAMPLES}))


def ids(members: Iterable[Any]) -> set[str]:
    """Return the ids of what a tuple of `HELD` has for members."""
    found = set()
    for member in members:
        first = member[0] if isinstance(member, tuple) else member
        found.add(first["id"] if isinstance(first, dict) else first)
    return found


def held(kind: str) -> set[str]:
    """Return the ids of the samples that tests of a kind compare."""
    found: set[str] = set()
    for name in HELD.get(kind, ()):
        module, _, attribute = name.partition(":")
        found |= ids(getattr(importlib.import_module(module), attribute))
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_is_held_by_a_test_or_listed_as_unread(kind: str) -> None:
    samples = {entry["id"] for entry in SAMPLES if entry["file"].split("/")[1] == kind}
    assert sorted(samples - held(kind) - UNREAD.keys()) == []


@pytest.mark.corpus
def test_what_is_listed_is_there() -> None:
    known = {entry["id"] for entry in entries("known")}
    assert sorted(UNREAD.keys() - known) == []
    assert sorted(HELD.keys() - set(KINDS)) == []
    assert sorted({it for kind in HELD for it in held(kind)} & UNREAD.keys()) == []
