"""The volumes of a machine as drives of one appliance, and a tree for each that is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from inspector.backends import Reader, native
from inspector.backends.choice import Backend, Choice
from inspector.backends.guestfs import NAME, bindings
from inspector.backends.guestfs.broker import Broker
from inspector.backends.guestfs.device import LogicalDevice
from inspector.backends.guestfs.file_systems import FILE_SYSTEMS
from inspector.backends.guestfs.messages import MAX_DRIVES
from inspector.backends.guestfs.session import Session
from inspector.backends.guestfs.tree import GuestfsTree
from inspector.disk import Volume
from parsers.filesystem.mount_state import MountState, parse_mount_state
from parsers.filesystem.superblock import identify
from parsers.filesystem.tree import SelfReporting, Tree
from parsers.place import ParseError, Place, UnsupportedError

if TYPE_CHECKING:
    from parsers.volume.lvm2 import VolumeGroup

_UNKNOWN_JOURNAL: Final = MountState("whether its journal has to be replayed is not known", stale=True)


_MAPPED: Final = frozenset({"cache", "writecache", "integrity", "snapshot"})
"""Types of logical volumes that we do not read, and that the device mapper of the appliance knows."""


def equip(volumes: Sequence[Volume], backend: Backend, groups: Sequence[VolumeGroup] = ()) -> None:
    """Give the volumes of a machine the readers that the user chose; logical volumes that we cannot read, their bytes.

    `groups` are the volume groups that `volumes` make.
    """
    mapped = {
        logical.name: group.members
        for group in groups
        for logical in group.volumes
        if logical.source is None and logical.type in _MAPPED and not group.missing
    }
    members = {member for names in mapped.values() for member in names}
    drives = _Drives(volumes, backend.helper, members)
    reader = Reader(NAME, drives.open)
    readers = (reader,) if backend.choice is Choice.GUESTFS else (native.READER, reader)
    for volume in volumes:
        volume.readers = readers
        if volume.flaw and volume.name in mapped:
            drives.map(volume)
            # Snapshots carry the names of their origin, which udev gives to the origin.
            volume.dormant |= any(
                item.name == volume.name and item.type == "snapshot" for g in groups for item in g.volumes
            )


class _Drives:
    """All volumes that libguestfs could read, as drives; its appliance starts when the first one is opened.

    It ends with the last of the volumes, which is why it holds none of them.
    """

    def __init__(self, volumes: Sequence[Volume], broker: Broker | None, members: Collection[str] = ()) -> None:
        self._broker = broker
        possible = [
            volume for volume in volumes if (volume.type in FILE_SYSTEMS or volume.name in members) and not volume.flaw
        ]
        # Those that nothing else reads come first, where there are more than one appliance takes.
        possible.sort(key=lambda volume: volume.type in native.READERS)
        sources = [volume.source for volume in possible]
        sources += [source for volume in possible for source in volume.others]
        self._sources = sources[:MAX_DRIVES]
        self._session: Session | None = None

    def open(self, volume: Volume) -> Tree:
        """Return the files of a volume."""
        place = Place(volume.name, volume=volume.name)
        if volume.type not in FILE_SYSTEMS:
            raise UnsupportedError(place, f"{volume.type} is not read through libguestfs")
        if self._broker is None:
            raise UnsupportedError(place, bindings.MISSING)
        source = volume.name if isinstance(volume.source, LogicalDevice) else self._drive(volume)
        session = self._started(self._broker)
        state = mount_state(volume)
        mount = session.mount(source, volume.type, volume.name)
        return GuestfsTree(session, mount, volume.name, state, has_flags=FILE_SYSTEMS[volume.type].flags)

    def map(self, volume: Volume) -> None:
        """Give a logical volume that we cannot read its bytes, or a better reason why it has none."""
        if self._broker is None:
            volume.flaw = f"{volume.flaw}; {bindings.MISSING}"
            return
        try:
            volume.source = LogicalDevice(self._started(self._broker), volume.name)
            volume.superblock = identify(volume.source)
            volume.flaw = None
        except ParseError as error:
            volume.flaw = f"{volume.flaw}; {error.message}"
            return
        # What lies on it we read ourselves if we can, but on bytes that come from there.
        volume.readers = tuple(Reader(NAME, reader.open) for reader in volume.readers)

    def _started(self, broker: Broker) -> Session:
        if self._session is None:
            self._session = Session(broker, self._sources)
        return self._session

    def _drive(self, volume: Volume) -> int:
        for number, source in enumerate(self._sources):
            if source is volume.source:
                return number
        place = Place(volume.name, volume=volume.name)
        raise ParseError(place, f"at most {MAX_DRIVES} volumes for libguestfs wanted, more found")


def mount_state(volume: Volume) -> MountState:
    """Return how a file system fared, as we read it ourselves; what is not known counts as not clean."""
    kind = volume.type or ""
    known = parse_mount_state(volume.source, kind)
    if known is not None:
        return known
    if kind in native.READERS:
        return _native_state(volume, journal=FILE_SYSTEMS[kind].journal)
    return _UNKNOWN_JOURNAL if FILE_SYSTEMS[kind].journal else MountState()


def _native_state(volume: Volume, *, journal: bool) -> MountState:
    try:
        tree = native.READER.open(volume)
    except ParseError:
        return _UNKNOWN_JOURNAL if journal else MountState()
    if not isinstance(tree, SelfReporting):
        return MountState(stale=tree.unreplayed_journal)
    unclean = tree.unclean.message if tree.unclean else None
    stale = tree.unreplayed_journal or (journal and unclean is not None)
    return MountState(unclean, stale, tuple(problem.message for problem in tree.recorded_errors))
