"""Evidence from the registry leads to its bytes: python-registry finds the key or value at the offset that is told."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inspector import engine
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.profile import load_profile
from inspector.report import EvidenceInfo
from tests.windows import CONFIG, golden_storage

Registry = pytest.importorskip("Registry.Registry", reason="python-registry is not installed")
pytestmark = pytest.mark.corpus
CELL = 4
"""Bytes of a cell before its record, which is where python-registry says that it is."""


def told(profile: str, **changes: Any) -> Iterator[tuple[Guest, EvidenceInfo]]:
    storage = golden_storage(**changes)
    guest = find_guest(storage)
    checks, _ = engine.judge(Facts({Storage: storage, Guest: guest}, COLLECTORS), load_profile(profile))
    for item in (item for check in checks for rule in check.rules for item in rule.evidence):
        if item.key is not None and item.offset is not None and CONFIG.replace("/", "\\") in item.path:
            yield guest, item


def found(hive: bytes, path: str) -> set[int]:
    """Return the offsets of the cells of the key and of the value that a path may mean."""
    registry = Registry.Registry(io.BytesIO(hive))
    above, _, name = path.rpartition("\\")
    reads: tuple[Callable[[], Any], ...] = (
        lambda: registry.open(path)._nkrecord,
        lambda: registry.open(above).value(name)._vkrecord,
    )
    offsets = set()
    for read in reads:
        with contextlib.suppress(Registry.RegistryKeyNotFoundException, Registry.RegistryValueNotFoundException):
            offsets.add(read()._offset - CELL)
    return offsets


@pytest.mark.parametrize("profile", ["ecs", "clone"])
def test_every_offset_is_that_of_the_key_or_value(profile: str) -> None:
    faults = {
        "system": {r"ControlSet001\Services\viostor": {"Start": 3}, r"ControlSet001\Services\Dhcp": {"Start": 4}},
        "software": {r"Microsoft\Windows NT\CurrentVersion": {"CurrentBuild": "9600"}},
    }
    checked = 0
    for changes in ({}, faults):
        for guest, item in told(profile, **changes):
            assert item.key is not None
            assert item.offset in found(guest.read_bytes(item.path), item.key), item
            checked += 1
    assert checked > 50
