"""Subvolumes: the several trees of one file system, of which the options of a mount choose one (btrfs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard
from uuid import UUID

import msgspec

from parsers.filesystem.tree import Tree

if TYPE_CHECKING:
    from parsers.filesystem.btrfs.usage import ProfileUsage


class Subvolume(msgspec.Struct, frozen=True):
    """A subvolume or snapshot.

    Attributes:
        parent: id of the subvolume that it lies in; None of the top level.
        path: from the top level ("@/var"); empty for the top level itself, None where it cannot be worked out.
        parent_uuid: of a snapshot, the UUID of what it was taken of.
        otime: when it was made, in nanoseconds since 1970.
    """

    id: int
    parent: int | None
    path: str | None
    generation: int = 0
    read_only: bool = False
    uuid: UUID | None = None
    parent_uuid: UUID | None = None
    received_uuid: UUID | None = None
    otime: int | None = None


class Subvolumed(Tree, Protocol):
    """The tree of one subvolume, through which the others of its file system are reached."""

    @property
    def subvolume(self) -> int:
        """Id of the subvolume that is open."""
        ...

    @property
    def default_subvolume(self) -> int:
        """Id of the one that is mounted where no option names one. Raises `ParseError`."""
        ...

    @property
    def subvolumes(self) -> tuple[Subvolume, ...]:
        """All of them, the top level first. Raises `ParseError`."""
        ...

    @property
    def missing_devices(self) -> tuple[str, ...]:
        """The devices that belong to the file system and were not given, or are outdated: "device 2 (<UUID>)"."""
        ...

    @property
    def profiles(self) -> tuple[ProfileUsage, ...]:
        """Usage by kind and profile of the chunks. Raises `ParseError`."""
        ...

    def at(self, subvolume: int | str) -> Subvolumed:
        """Return the tree of another subvolume, by its id or its path. Raises `ParseError` where there is none."""
        ...


def has_subvolumes(tree: Tree) -> TypeGuard[Subvolumed]:
    """Tell whether a tree is one of several; asking its type reads nothing, as isinstance() with a protocol would."""
    return hasattr(type(tree), "default_subvolume")
