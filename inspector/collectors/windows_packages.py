r"""Collects `ServicingPackages` from `SOFTWARE\...\Component Based Servicing\Packages`.

A server has thousands of packages there. Their names are all read, since a list that ends early must not pass for one
without the update that is looked for; values are read of updates alone (`Package_for_...`).
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_packages import ServicingPackage, ServicingPackages
from inspector.windows.registry import SERVICING, Registry
from parsers.place import ParseError
from parsers.windows.package_identity import parse_package_identity

_PACKAGES: Final = rf"{SERVICING}\Packages"
_UPDATE: Final = "package_for_"
_STATE: Final = "CurrentState"
_MAX_PACKAGES: Final = 100_000  # a server that was updated for years has some thousand


def collect_servicing_packages(facts: Facts) -> ServicingPackages:
    """Read the updates with their states; without any package nothing is known, since every Windows came as some."""
    registry = facts[Registry]
    place = registry.place(_PACKAGES)
    updates = []
    count = 0
    for key in registry.subkeys(_PACKAGES):
        count += 1
        if count > _MAX_PACKAGES:
            raise ParseError(place, f"at most {_MAX_PACKAGES} packages wanted, more found")
        if key.name.lower().startswith(_UPDATE) and (identity := parse_package_identity(key.name)):
            value = key.value(_STATE)
            state = None if value is None else registry.dword(value)
            updates.append(ServicingPackage(identity, state, registry.in_guest((value or key).place)))
    if not count:
        raise UnknownFact("which updates are installed is not told", place)
    return ServicingPackages(tuple(updates), count, place)
