"""The names of directories, or of blocks of large ones, kept because the same are asked again and again."""

from __future__ import annotations

from typing import Final

from parsers.place import ParseError

MAX_NAMES: Final = 30_000  # some 4 MiB, and once more as much for the directory that was asked last


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

    def find(self, directory: int, name: bytes) -> int | None:
        """Return the inode of a name, or None; raise `ParseError` where it may be among what could not be read."""
        names, broken = self._names[directory]
        if broken and name not in names:
            raise ParseError(broken.place, broken.message)
        return names.get(name)
