"""Other readers of hives, key by key beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsers.windows.registry import Hive

_TWO_BYTES = 0xFFFF0005
"""The type of a device's property whose data python-registry looks for where those of REG_DWORD_BIG_ENDIAN are."""


def compare_with_python_registry(hive: Hive, file: Path) -> int:
    """Assert that every key, value, type and byte is as python-registry has it, and return how many keys there are."""
    registry = pytest.importorskip("Registry.Registry", reason="not installed: python-registry")
    keys = [(hive.root, registry.Registry(str(file)).root())]
    count = 0
    while keys:
        ours, theirs = keys.pop()
        count += 1
        for value, other in zip(ours.values(), theirs.values(), strict=True):
            record = other._vkrecord
            name = other.name() if record.has_name() else ""
            length = record.data_length() & 0x7FFFFFFF
            assert (value.name, value.size) == (name, length)
            assert value.type & 0xFFF == other.value_type()  # it leaves the rest out, which properties of devices have
            raw = record.raw_data()[: value.size]
            if len(raw) != value.size:
                continue  # it shortens numbers that are too long, and short lists of texts
            if value.type != _TWO_BYTES:
                assert value.data == raw
        children = list(zip(ours.subkeys(), theirs.subkeys(), strict=True))
        assert [ours.name for ours, _ in children] == [theirs.name() for _, theirs in children]
        keys += children
    return count
