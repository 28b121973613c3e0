"""What readers of file systems in blocks share: the volume, what was found wrong on it, and what was verified."""

from __future__ import annotations

from typing import Final

from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_MAX_PROBLEMS: Final = 100
_MAX_REMEMBERED: Final = 1 << 18  # pieces of metadata that are not verified twice


class BlockVolume:
    """A volume of `blocks` of `block_size` bytes, whose metadata may have checksums."""

    def __init__(
        self, source: Source, block_size: int, blocks: int, known: tuple[Problem, ...], *, checksums: bool
    ) -> None:
        self.source = source
        self.name = source.name
        self.block_size = block_size
        self.blocks = blocks
        # asked for each block and inode, where an IntFlag's arithmetic would be most of the work
        self.has_checksums = checksums
        self._problems: dict[Problem, None] = dict.fromkeys(known)
        self._verified: set[int] = set()
        size = blocks * block_size
        if size > source.size:
            self.report(source.size, f"a file system of {size} bytes wanted, the volume ends at byte {source.size}")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far, at most a hundred things."""
        return tuple(self._problems)

    def report(self, offset: int, message: str) -> None:
        """Note something that is wrong at a byte of the volume."""
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems[Problem(Place(self.name, offset=offset), message)] = None

    def error(self, offset: int, message: str) -> ParseError:
        """Make the error for a byte of the volume."""
        return ParseError(Place(self.name, offset=offset), message)

    def verifies(self, offset: int) -> bool:
        """Tell whether the metadata at `offset` are to be verified: they carry a checksum, and were not so far."""
        if not self.has_checksums or offset in self._verified:
            return False
        if len(self._verified) >= _MAX_REMEMBERED:
            self._verified.clear()
        self._verified.add(offset)
        return True
