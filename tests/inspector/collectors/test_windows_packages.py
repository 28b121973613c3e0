from __future__ import annotations

import pytest

from fixtures.windows.golden import PACKAGES, SOFTWARE, changed, package
from inspector.facts import UnknownFact
from inspector.facts.windows_packages import PackageState, ServicingPackages
from parsers.place import ParseError
from tests.windows import CONFIG, golden, hive

pytestmark = pytest.mark.corpus


def test_the_updates_of_the_golden_guest() -> None:
    found = golden()[ServicingPackages]
    assert [it.shown for it in found.updates] == [
        "Package_for_RollupFix: superseded", "Package_for_RollupFix: installed",
        "Package_for_ServicingStack_2110: installed",
    ]  # fmt: skip
    assert found.count == 4
    newest = found.newest_rollup(20348)
    assert newest
    assert newest.identity.rollup == (20348, 2113)
    assert found.newest_rollup(17763) is None
    assert newest.place.key == rf"{PACKAGES}\Package_for_RollupFix~31bf3856ad364e35~amd64~~20348.2113.1.9\CurrentState"


@pytest.mark.parametrize("state", PackageState)
def test_states(state: PackageState) -> None:
    (found,) = golden(software=package("Package_for_KB5000001", "10.0.1.2", state))[ServicingPackages].articles(
        ["KB5000001"]
    )
    assert found.in_force == (state in {0x70, 0x80})
    assert found.has_been == (state in {0x50, 0x70, 0x80})
    assert found.is_pending == (state in {0x05, 0x60})
    assert found.shown == f"KB5000001: {state.name.lower().replace('_', ' ')}"


def test_a_state_that_is_no_number_is_not_known() -> None:
    (path,) = package("Package_for_KB5000001", "10.0.1.2")
    with pytest.raises(UnknownFact, match="a REG_DWORD wanted"):
        golden(software={path: {"CurrentState": "x"}})[ServicingPackages]
    (found,) = golden(software={path: {"CurrentState": None}})[ServicingPackages].articles(["KB5000001"])
    assert (found.state, found.in_force, found.is_pending, found.shown) == (None, False, False, "KB5000001: not told")


def test_without_packages_nothing_is_known() -> None:
    with pytest.raises(UnknownFact, match="which updates are installed is not told"):
        golden(software={PACKAGES: None})[ServicingPackages]


@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_hive_nothing_is_known(content: bytes | None) -> None:
    with pytest.raises((UnknownFact, ParseError)):
        golden(files={f"{CONFIG}/SOFTWARE": content})[ServicingPackages]


def test_of_packages_that_are_no_updates_nothing_but_the_names_is_read() -> None:
    (path,) = package("Microsoft-Windows-Foundation-Package", "10.0.20348.1")
    assert golden(software={path: {"CurrentState": "x"}})[ServicingPackages].count == 4


def test_a_package_that_cannot_be_read_leaves_no_list_without_it() -> None:
    """It might be the update that is looked for."""
    content = hive(changed(SOFTWARE, {}))
    name = b"Package_for_ServicingStack_2110"
    key = content.index(name) - 76
    assert content[key : key + 2] == b"nk"
    broken = content[:key] + b"??" + content[key + 2 :]
    with pytest.raises(UnknownFact, match="4 subkeys wanted, 3 could be read"):
        golden(files={f"{CONFIG}/SOFTWARE": broken})[ServicingPackages]
