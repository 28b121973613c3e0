"""What is said where a guest does not have the file or the key that was asked for: what it has there instead."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Guest, NotFound
from inspector.suggestion import closest
from parsers.filesystem.tree import FileType, StreamKeeping
from parsers.place import ParseError

_WILDCARD: Final = re.compile(r"[*?]")
_DRIVE: Final = re.compile(r"/[A-Za-z]:")
_SHOWN: Final = 20
Written = Callable[[Sequence[str]], str]
Names = Callable[[Sequence[str]], Iterable[str] | None]


@contextlib.contextmanager
def with_hint(guest: Guest, path: str) -> Iterator[None]:
    """Say of a file at `path` that is not there what may have been meant.

    Raises:
        InspectorError: in place of `NotFound`.
    """
    try:
        yield
    except NotFound as error:
        raise InspectorError(f"{error}{_hint(guest, path)}") from error


def _hint(guest: Guest, path: str) -> str:
    parts = guest.normal(path).strip("/").split("/")
    if _DRIVE.fullmatch(f"/{parts[0]}"):
        return _drives(guest)

    def names(above: Sequence[str]) -> Iterable[str] | None:
        where = _joined(above)
        return [entry.name for entry in guest.listdir(where)] if guest.is_dir(where) else None

    def written(parts: Sequence[str]) -> str:
        return _joined(parts) if path.startswith("/") else guest.written(_joined(parts))

    try:
        return _in_the_way(guest, parts, written) or _streams(guest, parts) or instead(parts, names, written)
    except (UnknownFact, ParseError):
        return ""


def _in_the_way(guest: Guest, parts: Sequence[str], written: Written) -> str:
    """Tell of the file or link of the path that leads no further; "" where all of it that is there are directories."""
    for count in range(1, len(parts) + 1):
        where = _joined(parts[:count])
        try:
            kind = guest.lstat(where).type
        except NotFound:
            break
        if kind is FileType.SYMLINK and not guest.exists(where):
            return f"; '{written(parts[:count])}' is a link to '{guest.readlink(where)}'"
        if kind not in {FileType.SYMLINK, FileType.DIRECTORY}:
            return f"; '{written(parts[:count])}' is no directory"
    return ""


def _streams(guest: Guest, parts: Sequence[str]) -> str:
    """Tell which streams a file has, where one of them was asked for; "" where none was, or the file is not there."""
    *above, last = parts
    name, colon, _ = last.partition(":")
    tree = guest.mount_of(_joined(above)).tree
    if not colon or not isinstance(tree, StreamKeeping) or not guest.exists(_joined([*above, name])):
        return ""
    names = [stream.name for stream in tree.streams(guest.lstat(_joined([*above, name])).inode)]
    return f"; the streams of '{name}': {', '.join(names[:_SHOWN])}" if names else f"; '{name}' has no streams"


def _joined(parts: Sequence[str]) -> str:
    return "/" + "/".join(parts)


def _drives(guest: Guest) -> str:
    own = guest.written("/")
    if own == "\\":
        return "; a volume by itself has no letter"
    drives = [own, *(guest.written(mount.path) for mount in guest.mounts if _DRIVE.fullmatch(mount.path))]
    return f"; there {'is' if len(drives) == 1 else 'are'} {', '.join(sorted(drives))}"


def instead(parts: Sequence[str], names: Names, written: Written) -> str:
    """Return what is to be added to a message about something that is not there; "" where nothing is close.

    `names` gives what is below some of its parts, and None where these are not there.
    """
    above = next((count for count in range(len(parts) - 1, 0, -1) if names(parts[:count]) is not None), 0)
    if _WILDCARD.search(parts[above]):
        return "; wildcards are not expanded"
    found = closest(parts[above], names(parts[:above]) or ())
    return f"; did you mean '{written([*parts[:above], found])}'?" if found else ""
