"""The software that the guest's package manager knows."""

from __future__ import annotations

from collections.abc import Iterable

from parsers.linux.dpkg import Package


class Packages:
    """The packages whose files are in the guest, by name. `manager` is "dpkg"; `database` is the path that was read."""

    def __init__(self, manager: str, database: str, packages: Iterable[Package]) -> None:
        self.manager = manager
        self.database = database
        self._by_name: dict[str, Package] = {}
        for package in packages:
            if package.installed:
                self._by_name.setdefault(package.name, package)

    def find(self, name: str) -> Package | None:
        """Return the installed package called `name`, or None where the database certainly has none."""
        return self._by_name.get(name)

    def first(self, *names: str) -> Package | None:
        """Return the first of `names` that is installed, or None."""
        return next((package for name in names if (package := self.find(name))), None)

    def __len__(self) -> int:
        return len(self._by_name)
