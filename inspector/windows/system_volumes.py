"""The volumes that Windows needs to start: its system drive, and what each kind of firmware starts."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_boot import WindowsBoot, WindowsLoader
from inspector.guest import Guest


def system_volume(facts: Facts) -> Volume:
    """Return the volume of the system drive. Raise `UnknownFact` where it is not known."""
    volume = facts[Guest].mount_of("/").volume
    if volume is None:
        raise UnknownFact("the volume of the system drive is not known", facts[Guest].place("\\"))
    return volume


def started_volumes(facts: Facts) -> Iterator[tuple[WindowsLoader, Volume]]:
    """Give the partitions that the kinds of firmware start from, with the loaders there."""
    for loader in facts[WindowsBoot].loaders:
        volume = facts[Storage].volume(loader.volume)
        if volume is not None:
            yield loader, volume
