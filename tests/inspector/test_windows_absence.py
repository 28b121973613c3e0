"""Take away each file, and each value, that a rule of Windows is OK for: no OK may still speak of it."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import Final

import pytest

from fixtures.windows.golden import FILES, SECURITY, SOFTWARE, SYSTEM
from fixtures.windows.hive import Keys
from inspector.facts import Facts
from inspector.rules import rules
from inspector.verdict import Status
from inspector.windows.paths import windows_paths
from tests.inspector.absence import judged
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

NAMES: Final = tuple(name for name, rule in rules().items() if rule.os in {"windows", "any"})
HIVES: Final = ("SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DEFAULT")
BOOT: Final = ("/bootmgr", "/Boot/BCD")
METADATA: Final = "windows-cloudbase-init-finds-metadata"  # a file without settings is one with the default ones
THERE: Final = frozenset({"windows-desktop-settings-are-there", "windows-virtio-driver-files-are-writable", METADATA})
"""Rules that ask of a file whether it is there and what its attributes are, not what is in it."""
DEFAULTS: Final = {
    "Tcpip\\Parameters\\Domain": "a machine of no domain has an empty one, or none",
    "EnableFirewall": "a firewall that nothing is said of is on, as it is said of it",
    "PortNumber": "3389 where none is set",
    "AutoAdminLogon": "off where it is not set",
}
"""Values that are taken for what Windows takes where there is none, by the ends of their names."""
Seen = tuple[str, str]


def unified(path: str) -> str:
    """Return a path as rules write it, in any of the ways of Windows, as the fixtures do."""
    return "/" + "/".join(windows_paths().split(path).parts).lower()


@functools.cache
def spoken_of() -> dict[Seen, dict[str, set[str]]]:
    """(file, key) -> the rules that are OK for what they saw there, and what that was."""
    found: dict[Seen, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for rule, result in judged(golden(), NAMES)[0].items():
        for item in result.evidence if result.status is Status.OK else ():
            if item.path.startswith(("/", "\\", "C:")):
                found[unified(item.path), item.key or ""][rule].add(item.seen)
    return found


def still_ok(facts: Facts, before: dict[str, set[str]], where: Seen) -> set[str]:
    """Return the rules that are OK, and say of the place what they said before."""
    after, _ = judged(facts, tuple(before))
    return {
        rule
        for rule, result in after.items()
        if result.status is Status.OK
        and any((unified(it.path), it.key or "") == where and it.seen in before[rule] for it in result.evidence)
    }


def paths() -> list[str]:
    return [*FILES, *(f"{CONFIG}/{name}" for name in HIVES), *BOOT]


@pytest.mark.parametrize("content", [None, ""], ids=["gone", "empty"])
def test_no_rule_is_ok_for_a_file_that_is_gone_or_empty(content: str | None) -> None:
    wrong: dict[str, set[str]] = {}
    count = 0
    for path in paths():
        places = [where for where in spoken_of() if where[0] == unified(path)]
        facts = golden(boot={path: content}) if path in BOOT else golden(files={path: content})
        count += bool(places)
        bad = {rule for where in places for rule in still_ok(facts, spoken_of()[where], where)}
        if bad - (THERE if content == "" else set()):
            wrong[path] = bad
    assert wrong == {}
    assert count > 15


def test_no_rule_is_ok_for_a_value_that_is_gone() -> None:
    """What is not there may be as good as what was; then the rule does not say that it saw it."""
    wrong: dict[str, set[str]] = {}
    count = 0
    for hive, table in (("SYSTEM", SYSTEM), ("SOFTWARE", SOFTWARE)):
        file = unified(f"{CONFIG}/{hive}")
        for (at, key), before in spoken_of().items():
            path, _, name = key.rpartition("\\")
            if at != file or table.get(path, {}).get(name) is None or key.endswith(tuple(DEFAULTS)):
                continue
            change: Keys = {path: {name: None}}
            count += 1
            facts = golden(change) if hive == "SYSTEM" else golden(software=change)
            if bad := still_ok(facts, before, (at, key)):
                wrong[key] = bad
    assert wrong == {}
    assert count > 25


def test_no_rule_is_ok_for_what_the_lsa_kept_and_does_not_any_more() -> None:
    """Its values have no names: the rules speak of their keys."""
    file = unified(f"{CONFIG}/SECURITY")
    found = {key: before for (at, key), before in spoken_of().items() if at == file and key in SECURITY}
    assert len(found) > 1
    for key, before in found.items():
        for change in ({key: {"": None}}, {key: None}):
            assert still_ok(golden(security=change), before, (file, key)) == set(), key
