"""The volumes of a machine as drives of one appliance, and a tree for each that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.backends import Reader, native
from inspector.backends.choice import Backend, Choice
from inspector.backends.guestfs import NAME, bindings
from inspector.backends.guestfs.broker import Broker
from inspector.backends.guestfs.file_systems import FILE_SYSTEMS
from inspector.backends.guestfs.messages import MAX_DRIVES
from inspector.backends.guestfs.session import Session
from inspector.backends.guestfs.tree import GuestfsTree
from inspector.disk import Volume
from parsers.filesystem.mount_state import MountState, parse_mount_state
from parsers.filesystem.tree import SelfReporting, Tree
from parsers.place import ParseError, Place, UnsupportedError

_UNKNOWN_JOURNAL: Final = MountState("whether its journal has to be replayed is not known", stale=True)


def equip(volumes: Sequence[Volume], backend: Backend) -> None:
    """Give the volumes of a machine the readers that the user chose."""
    reader = Reader(NAME, _Drives(volumes, backend.helper).open)
    readers = (reader,) if backend.choice is Choice.GUESTFS else (native.READER, reader)
    for volume in volumes:
        volume.readers = readers


class _Drives:
    """All volumes that libguestfs could read, as drives; its appliance starts when the first one is opened.

    It ends with the last of the volumes, which is why it holds none of them.
    """

    def __init__(self, volumes: Sequence[Volume], broker: Broker | None) -> None:
        self._broker = broker
        possible = [volume for volume in volumes if volume.type in FILE_SYSTEMS and not volume.flaw]
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
        drive = next((number for number, source in enumerate(self._sources) if source is volume.source), None)
        if drive is None:
            raise ParseError(place, f"at most {MAX_DRIVES} volumes for libguestfs wanted, more found")
        if self._session is None:
            self._session = Session(self._broker, self._sources)
        state = mount_state(volume)
        mount = self._session.mount(drive, volume.type, volume.name)
        return GuestfsTree(self._session, mount, volume.name, state, has_flags=FILE_SYSTEMS[volume.type].flags)


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
