"""The volumes of a machine as drives of one appliance, and a tree for each that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.backends import Reader, native
from inspector.backends.guestfs import NAME, bindings
from inspector.backends.guestfs.broker import Broker
from inspector.backends.guestfs.device import LogicalDevice
from inspector.backends.guestfs.file_systems import FILE_SYSTEMS
from inspector.backends.guestfs.messages import MAX_DRIVES
from inspector.backends.guestfs.session import Session
from inspector.backends.guestfs.tree import GuestfsTree
from inspector.disks.disk import Volume
from parsers.filesystem.mount_state import MountState, parse_mount_state
from parsers.filesystem.superblock import identify
from parsers.filesystem.tree import SelfReporting, Tree
from parsers.place import ParseError, Place, UnsupportedError
from parsers.source import Source

_UNKNOWN_JOURNAL: Final = MountState("whether its journal has to be replayed is not known", stale=True)


class Drives:
    """Volumes as drives of one appliance, which starts when the first one is opened.

    `sources` are those of volumes that can be read: the type, whether the volume is needed for others that lie on it,
    and its bytes with those of the other devices of its file system.
    """

    def __init__(self, broker: Broker | None, sources: Sequence[tuple[str, bool, tuple[Source, ...]]]) -> None:
        self._broker = broker
        possible = [item for item in sources if item[0] in FILE_SYSTEMS or item[1]]
        # Those that nothing else reads come first, where there are more than one appliance takes.
        possible.sort(key=lambda item: item[0] in native.READERS)
        first = [source for _, _, (source, *_) in possible]
        others = [source for _, _, (_, *rest) in possible for source in rest]
        self._sources = [*first, *others][:MAX_DRIVES]
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
