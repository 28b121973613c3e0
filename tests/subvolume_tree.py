"""A file system with subvolumes in memory, each of them with its files."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from fixtures.files import Files, Node
from parsers.filesystem.btrfs.usage import ProfileUsage
from parsers.filesystem.subvolume import Subvolume
from parsers.place import ParseError, Place
from tests.memory_tree import MemoryTree

TOP_LEVEL = 5
FIRST = 256


class SubvolumeTree(MemoryTree):
    """`SubvolumeTree({"": {...}, "@": {...}, "@/var": {...}}, default="@")`; `snapshots` maps copies to originals.

    The ids are 5 for the top level, then 256, 257, ... in the order given.
    """

    def __init__(
        self,
        subvolumes: Mapping[str, Files],
        default: str = "",
        opened: str | None = None,
        *,
        name: str = "sda1",
        snapshots: Mapping[str, str] | None = None,
        read_only: frozenset[str] = frozenset(),
        missing: tuple[str, ...] = (),
    ) -> None:
        self._all: dict[str, Files] = {"": {}, **subvolumes}
        self._default = default
        self._opened = default if opened is None else opened
        self._snapshots = dict(snapshots or {})
        self._read_only = read_only
        self.missing_devices = missing
        inside = [path for path in self._all if _is_below(path, self._opened)]
        files: dict[str, Node] = {}
        for path in inside:
            below = path[len(self._opened) :].strip("/")
            files |= {f"/{below}{file}" if below else file: node for file, node in self._all[path].items()}
        super().__init__(files, name)

    def _id(self, path: str) -> int:
        return TOP_LEVEL if not path else FIRST + [one for one in self._all if one].index(path)

    @property
    def subvolume(self) -> int:
        """Id of the one that is open."""
        return self._id(self._opened)

    @property
    def default_subvolume(self) -> int:
        """Id of the default."""
        return self._id(self._default)

    @property
    def subvolumes(self) -> tuple[Subvolume, ...]:
        """All of them."""
        return tuple(
            Subvolume(
                self._id(path),
                TOP_LEVEL if path else None,
                path,
                read_only=path in self._read_only,
                uuid=UUID(int=self._id(path)),
                parent_uuid=UUID(int=self._id(self._snapshots[path])) if path in self._snapshots else None,
            )
            for path in sorted(self._all, key=self._id)
        )

    @property
    def profiles(self) -> tuple[ProfileUsage, ...]:
        """No usage."""
        return ()

    def at(self, subvolume: int | str) -> SubvolumeTree:
        """Return another one."""
        if isinstance(subvolume, str):
            path = subvolume.strip("/")
        else:
            path = next((one for one in self._all if self._id(one) == subvolume), "\0")
        if path not in self._all:
            raise ParseError(Place(self.name), f"subvolume {subvolume!r} wanted, none found")
        return SubvolumeTree(
            self._all, self._default, path, name=self.name, snapshots=self._snapshots, read_only=self._read_only
        )


def _is_below(path: str, top: str) -> bool:
    return not top or f"{path}/".startswith(f"{top}/")
