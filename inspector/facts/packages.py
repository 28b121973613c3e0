"""The software that the guest's package manager knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.facts import UnknownFact
from parsers.linux.package import Package
from parsers.place import Problem


class Packages:
    """The packages whose files are in the guest, in the order of the database.

    `manager` is "dpkg", "rpm", "apk" or "pacman"; `database` is the path that was read, a file or a folder. Where
    `problems` stands anything, a package may be there that could not be read.
    """

    def __init__(
        self, manager: str, database: str, packages: Iterable[Package], problems: Iterable[Problem] = ()
    ) -> None:
        self.manager = manager
        self.database = database
        self.problems = tuple(problems)
        self._installed = tuple(package for package in packages if package.installed)
        self._by_name: dict[str, Package] = {}
        for package in self._installed:
            self._by_name.setdefault(package.name, package)

    def find(self, name: str) -> Package | None:
        """Return the installed package called `name`, or None where the database certainly has none.

        Raises:
            UnknownFact: it was not found, and not everything could be read.
        """
        found = self._by_name.get(name)
        if found is None and self.problems:
            reason = f"{len(self.problems)} packages of the database cannot be read; {name} may be one of them"
            raise UnknownFact(reason, *(problem.place for problem in self.problems))
        return found

    def first(self, *names: str) -> Package | None:
        """Return the first of `names` that is installed, or None; raise `UnknownFact` as `find`."""
        return next((package for name in names if (package := self.find(name))), None)

    def by_name(self) -> list[Package]:
        """The packages by name, then by version: the same whatever the order of the database."""
        return sorted(self._installed, key=lambda package: (package.name, package.full_version, package.architecture))

    def __iter__(self) -> Iterator[Package]:
        return iter(self._installed)

    def __len__(self) -> int:
        return len(self._installed)
