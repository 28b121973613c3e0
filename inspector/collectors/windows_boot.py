"""Collects `WindowsBoot`."""

from __future__ import annotations

from inspector.boot.windows import windows_loaders
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_boot import WindowsBoot


def collect_windows_boot(facts: Facts) -> WindowsBoot:
    """Look at the active partition and the EFI system partitions of the system disk."""
    storage = facts[Storage]
    loaders = tuple(windows_loaders(storage))
    if not loaders:
        reason = "neither an active partition nor an EFI system partition"
        raise UnknownFact(reason, storage.system_disk.place)
    return WindowsBoot(loaders)
