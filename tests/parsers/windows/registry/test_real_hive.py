"""The hive SYSTEM of a Windows 10, as large as real ones are."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsers.windows.registry import HiveState, open_hive
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.windows.registry.peers import compare_with_python_registry
from tests.samples import SYSTEM_HIVE, sample

pytestmark = pytest.mark.slow


def test_every_byte_is_as_python_registry_has_it(tmp_path: Path) -> None:
    file = sample(SYSTEM_HIVE, tmp_path / "SYSTEM")
    hive = open_hive(FileSource(file))
    assert compare_with_python_registry(hive, file) > 20_000
    assert (hive.state, hive.problems, hive.check_bins(), hive.check_names()) == (HiveState.CLEAN, (), (), ())
