"""A registry hive with its transaction logs: opened, asked for a key, walked, checked.

Specification: M. Suhanov, "Windows registry file format specification". Where a hive is dirty its logs are replayed in
memory; `Hive.raw` is then the hive as its file has it, so that both readings of a value can be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Final

from parsers.place import ParseError, Place, Problem
from parsers.source import Source
from parsers.windows.registry import cells as cell_file
from parsers.windows.registry.header import BASE_BLOCK_SIZE, BaseBlock, check_primary, parse_base_block
from parsers.windows.registry.key import Key
from parsers.windows.registry.replay import replay

MAX_PROBLEMS: Final = 1000
"""Problems that a hive keeps."""
MAX_DEPTH: Final = 512
"""Levels of keys, as Windows allows."""
_SMALLEST_KEY: Final = 80


class HiveState(StrEnum):
    """How the last write to a hive ended."""

    CLEAN = "clean"
    REPLAYED = "replayed"
    """It was not completed; the logs were replayed in memory."""
    DIRTY = "dirty"
    """It was not completed, and no log could be replayed."""


class Hive:
    """A hive.

    Attributes:
        name: of its source.
        base: the base block, as it is after the logs were replayed.
        state: how its last write ended.
        logs: names of the logs that were replayed.
        entries: how many writes were replayed.
        raw: the hive as its file has it, where logs were replayed; otherwise None.
    """

    def __init__(self, source: Source, base: BaseBlock, state: HiveState = HiveState.CLEAN) -> None:
        self.name = source.name
        self.base = base
        self.state = state
        self.logs: tuple[str, ...] = ()
        self.entries = 0
        self.raw: Hive | None = None
        self._source = source
        self._problems: dict[Problem, None] = {}
        size = base.bins_size
        if not base.checksum_is_right:
            size = max(size, cell_file.bins_end(source))
        self._cells = cell_file.Cells(source, size)
        if self._cells.size < size:
            self.note(ParseError(Place(self.name, offset=40), f"{size} bytes of bins wanted, {self._cells.size} found"))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong, as far as the hive was read."""
        return tuple(self._problems)

    @cached_property
    def root(self) -> Key:
        """The root key. Raises ParseError where there is none."""
        return Key(self._cells, self.base.root_offset, None, self.note, minor=self.base.minor)

    def note(self, error: ParseError) -> None:
        """Keep what was wrong and was left out; what is beyond `MAX_PROBLEMS` is not kept."""
        if len(self._problems) < MAX_PROBLEMS:
            self._problems[Problem(error.place, error.message)] = None

    def key(self, path: str | Sequence[str]) -> Key | None:
        r"""Return the key at `path` below the root, in any case; None where there is none.

        `path` has backslashes between its names, or is a sequence of names; a leading backslash does not matter.

        Raises:
            ParseError: it cannot be told, for a key or list on the way is damaged.
        """
        names = [name for name in path.split("\\") if name] if isinstance(path, str) else path
        key: Key | None = self.root
        for name in names:
            key = key.subkey(name) if key is not None else None
        return key

    def walk(self, top: Key | None = None) -> Iterator[Key]:
        """Give `top` (the root) and every key below it, each before its subkeys; none that contains itself."""
        stack = [iter([self.root if top is None else top])]
        above: list[int] = []
        room = self._cells.size // _SMALLEST_KEY + 1
        while stack:
            key = next(stack[-1], None)
            if key is None:
                stack.pop()
                if above:
                    above.pop()
                continue
            room -= 1
            if key.offset in above or len(above) >= MAX_DEPTH or room < 0:
                self.note(ParseError(key.place, "a key wanted that is in the tree once, one that returns found"))
                if room < 0:
                    return
                continue
            yield key
            above.append(key.offset)
            stack.append(key.subkeys())

    def check_ends(self, whole: int = 0) -> None:
        """Raise `ParseError` unless the first bin is one, and the file holds all that the base block says.

        Of a hive with at most `whole` bytes of bins all of them are checked.
        """
        if self._cells.size < self.base.bins_size:
            place = Place(self.name, offset=40)
            raise ParseError(place, f"{self.base.bins_size} bytes of bins wanted, {self._cells.size} found")
        if not cell_file.bins_end(self._source, 1):
            raise ParseError(Place(self.name, offset=BASE_BLOCK_SIZE), "a bin wanted, something else found")
        if self.base.bins_size <= whole and (flaws := self.check_bins()):
            raise ParseError(flaws[0].place, flaws[0].message)

    def check_bins(self) -> tuple[Problem, ...]:
        """Return what is wrong with the chain of bins and their cells; the whole hive is read."""
        return tuple(cell_file.check_bins(self._source, self.base.bins_size))

    def check_names(self) -> tuple[Problem, ...]:
        """Return a problem for each key that its list does not lead to; the whole hive is walked."""
        message = "the hash of its name wanted in the list of its parent, another found: it is not found by name"
        return tuple(Problem(found.place, message) for key in self.walk() for found in key.misplaced())


def open_hive(source: Source, logs: Iterable[Source] = ()) -> Hive:
    """Open a hive; its `logs` are read only where it is dirty.

    `logs` stand in the order .LOG1, .LOG2, or are the single .LOG; what is wrong with them is among the problems.

    Raises:
        ParseError: it is no hive, or one of a version that is not known.
    """
    base = parse_base_block(source)
    if not base.is_dirty:
        check_primary(base, source.name)
        return Hive(source, base)
    done = replay(source, base, tuple(logs))
    check_primary(done.base, source.name)
    state = HiveState.REPLAYED if done.applied else HiveState.DIRTY
    hive = Hive(done.source if done.applied else source, done.base, state)
    if done.applied:
        hive.raw = Hive(source, base, HiveState.DIRTY)
    else:
        hive.note(ParseError(Place(source.name, offset=4), _dirt(base)))
    hive.logs, hive.entries = done.applied, done.entries
    for problem in done.problems:
        hive.note(ParseError(problem.place, problem.message))
    return hive


def _dirt(base: BaseBlock) -> str:
    if not base.checksum_is_right:
        return "the checksum of the base block is wrong, and no log has another"
    return (
        f"a completed write or a log of it wanted, sequence {base.primary_sequence} and {base.secondary_sequence} found"
    )
