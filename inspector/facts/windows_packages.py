"""The updates that the servicing stack of Windows knows, and how far each is installed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import msgspec

from parsers.place import Place
from parsers.windows.package_identity import PackageIdentity


class PackageState(IntEnum):
    """How far a package is installed: `CurrentState` in the registry, by Microsoft's "CBS Servicing States Chart"."""

    ABSENT = 0
    UNINSTALL_PENDING = 0x5
    RESOLVING = 0x10
    RESOLVED = 0x20
    STAGING = 0x30
    STAGED = 0x40
    SUPERSEDED = 0x50
    INSTALL_PENDING = 0x60
    PARTIALLY_INSTALLED = 0x65
    INSTALLED = 0x70
    PERMANENT = 0x80


_STATES = frozenset(PackageState)
_IN_FORCE = frozenset({PackageState.INSTALLED, PackageState.PERMANENT})
_PENDING = frozenset({PackageState.INSTALL_PENDING, PackageState.UNINSTALL_PENDING})


class ServicingPackage(msgspec.Struct, frozen=True):
    """An update, as the servicing stack keeps it.

    Attributes:
        state: a number of `PackageState`; None where none is told.
        place: where it is told.
        installed_at: seconds since 1970; None where that is not told.
    """

    identity: PackageIdentity
    state: int | None
    place: Place
    installed_at: int | None = None

    @property
    def in_force(self) -> bool:
        """Whether it is installed, and no other has taken its place."""
        return self.state in _IN_FORCE

    @property
    def has_been(self) -> bool:
        """Whether it is installed, or another has taken its place that brings the same."""
        return self.in_force or self.state == PackageState.SUPERSEDED

    @property
    def is_pending(self) -> bool:
        """Whether the next start is to install it, or to take it away."""
        return self.state in _PENDING

    @property
    def name(self) -> str:
        """The article that it is called after ("KB4474419"), else the name of the package."""
        return self.identity.article or self.identity.name

    @property
    def state_name(self) -> str:
        """Its state in a word: "installed", "superseded", "install pending"; another number as it stands."""
        if self.state is None:
            return "not told"
        return PackageState(self.state).name.lower().replace("_", " ") if self.state in _STATES else f"{self.state}"

    @property
    def shown(self) -> str:
        """Its name and its state, for a person."""
        return f"{self.name}: {self.state_name}"


class ServicingPackages(msgspec.Struct, frozen=True):
    """The updates.

    Attributes:
        updates: as whole; what they consist of, and what Windows came with, is left out.
        count: of all packages.
        place: the key that holds them.
    """

    updates: tuple[ServicingPackage, ...]
    count: int
    place: Place

    def articles(self, names: Iterable[str]) -> list[ServicingPackage]:
        """Return the updates that are called after one of these articles ("KB4474419")."""
        wanted = frozenset(names)
        return [package for package in self.updates if package.identity.article in wanted]

    def newest_rollup(self, build: int) -> ServicingPackage | None:
        """Return the last rollup of a build that is installed."""
        return max(self._rollups(build), key=lambda package: package.identity.version, default=None)

    def _rollups(self, build: int) -> Iterable[ServicingPackage]:
        for package in self.updates:
            if package.in_force and (package.identity.rollup or (0, 0))[0] == build:
                yield package
