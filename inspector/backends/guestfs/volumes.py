"""The readers that a user chose, for the volumes of a machine. Most machines need no appliance, and load none of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from inspector.backends import Reader, native
from inspector.backends.choice import Backend, Choice
from inspector.backends.guestfs import NAME
from inspector.disks.disk import Volume
from parsers.filesystem.tree import Tree

if TYPE_CHECKING:
    from inspector.backends.guestfs.drives import Drives
    from parsers.volume.lvm2 import VolumeGroup

_MAPPED: Final = frozenset({"cache", "writecache", "integrity", "snapshot"})
"""Types of logical volumes that we do not read, and that the device mapper of the appliance knows."""


def equip(volumes: Sequence[Volume], backend: Backend, groups: Sequence[VolumeGroup] = ()) -> None:
    """Give the volumes of a machine the readers that the user chose; logical volumes that we cannot read, their bytes.

    `groups` are the volume groups that `volumes` make.
    """
    mapped = {
        logical.name: (logical, group)
        for group in groups
        for logical in group.volumes
        if logical.source is None and logical.type in _MAPPED and not group.missing
    }
    appliance = _Appliance(volumes, backend, {member for _, group in mapped.values() for member in group.members})
    reader = Reader(NAME, appliance.open)
    readers = (reader,) if backend.choice is Choice.GUESTFS else (native.READER, reader)
    for volume in volumes:
        volume.readers = readers
        if volume.flaw and volume.name in mapped:
            appliance.drives.map(volume)
            # A snapshot has the names of its origin, and udev has them lead to the origin.
            volume.dormant |= mapped[volume.name][0].type == "snapshot"


class _Appliance:
    """What libguestfs could be given, until it is asked for something.

    It holds no volumes, only their bytes: so it ends, and libguestfs with it, when the last of the volumes does.
    """

    def __init__(self, volumes: Sequence[Volume], backend: Backend, members: set[str]) -> None:
        self._helper = backend.helper
        self._sources = [
            (volume.type or "", volume.name in members, (volume.source, *volume.others))
            for volume in volumes
            if not volume.flaw
        ]
        self._drives: Drives | None = None

    @property
    def drives(self) -> Drives:
        """The drives; from here on everything is loaded."""
        if self._drives is None:
            from inspector.backends.guestfs.drives import Drives

            self._drives = Drives(self._helper, self._sources)
        return self._drives

    def open(self, volume: Volume) -> Tree:
        """Return the files of a volume."""
        return self.drives.open(volume)
