"""The names of directories, or of blocks of large ones, kept because the same are asked again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from parsers.place import ParseError

MAX_NAMES: Final = 30_000  # some 4 MiB, and once more as much for the directory that was asked last


class Listed(Protocol):
    """A directory that is read from end to end: names with inodes and types, and then what could not be read of it."""

    broken: ParseError | None

    def entries(self) -> Iterator[tuple[bytes, int, int]]:
        """Give every entry that can be read."""
        ...


def search(directory: Listed, is_wanted: Callable[[bytes], bool]) -> int | None:
    """Return the inode of the first name that is wanted, or None; raise `ParseError` where it may be what is broken."""
    for name, inode, _ in directory.entries():
        if is_wanted(name):
            return inode
    if directory.broken:
        raise directory.broken
    return None


class KnownNames:
    """Names and inodes of directories by number; the oldest go when there are more than `MAX_NAMES` names."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[dict[bytes, int], ParseError | None]] = {}
        self._count = 0

    def __contains__(self, directory: int) -> bool:
        return directory in self._names

    def keep(self, directory: int, names: dict[bytes, int], broken: ParseError | None) -> None:
        """Remember all names of a directory, and what of it could not be read."""
        self._names[directory] = names, broken
        self._count += len(names) + 1
        while self._count > MAX_NAMES and len(self._names) > 1:
            self._count -= len(self._names.pop(next(iter(self._names)))[0]) + 1

    def look_up(self, number: int, opened: Callable[[], Listed], name: bytes) -> int | None:
        """Look for a name in all of a directory, and keep its names, unless they are too many."""
        directory = opened()
        names: dict[bytes, int] = {}
        for found, inode, _ in directory.entries():
            names.setdefault(found, inode)
            if len(names) > MAX_NAMES:
                return search(opened(), name.__eq__)
        self.keep(number, names, directory.broken)
        return self.find(number, name)

    def find(self, directory: int, name: bytes) -> int | None:
        """Return the inode of a name, or None; raise `ParseError` where it may be among what could not be read."""
        names, broken = self._names[directory]
        if broken and name not in names:
            raise ParseError(broken.place, broken.message)
        return names.get(name)
