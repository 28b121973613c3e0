from __future__ import annotations

import pytest

from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_boot import WindowsBoot
from tests.volumes import storage_of, volume_of
from tests.windows import WindowsTree


def test_a_disk_that_no_firmware_starts_is_not_known() -> None:
    storage = storage_of(volume_of(WindowsTree({"/bootmgr": b"x"}), 1, "ntfs"))
    with pytest.raises(UnknownFact, match="neither an active partition nor an EFI system partition"):
        Facts({Storage: storage}, COLLECTORS)[WindowsBoot]
