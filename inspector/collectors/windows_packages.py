r"""Collects `ServicingPackages` from `SOFTWARE\...\Component Based Servicing\Packages`.

A server has thousands of packages there. Their names are all read, since a list that ends early must not pass for one
without the update that is looked for; values are read of updates alone (`Package_for_...`). Microsoft does not document
InstallTimeHigh and InstallTimeLow; that they are the halves of a FILETIME is how its support scripts and inventory
programs read them: no rule rests on it.
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_packages import ServicingPackage, ServicingPackages
from inspector.unread import Unread
from inspector.windows.registry import SERVICING, Registry
from parsers.place import ParseError
from parsers.windows.package_identity import PackageIdentity, parse_package_identity
from parsers.windows.registry import Key

_PACKAGES: Final = rf"{SERVICING}\Packages"
_UPDATE: Final = "package_for_"
_STATE: Final = "CurrentState"
_INSTALLED: Final = ("InstallTimeHigh", "InstallTimeLow")
_EPOCH: Final = 11_644_473_600
"""Seconds from 1601 to 1970."""
_MAX_PACKAGES: Final = 100_000  # a server that was updated for years has some thousand


def collect_servicing_packages(facts: Facts) -> ServicingPackages:
    """Read the updates with their states; without any package nothing is known, since every Windows came as some."""
    unread = Unread()
    found = read_servicing_packages(facts[Registry], unread, Unread())
    unread.tell()
    return found


def read_servicing_packages(registry: Registry, unread: Unread, untold: Unread) -> ServicingPackages:
    """Read the updates that can be read.

    `unread` keeps what hides an update or its state, `untold` what else is not told: when it was installed, or that
    its key has no state at all, or a name that is none of a package.
    """
    place = registry.place(_PACKAGES)
    updates: list[ServicingPackage] = []
    count = 0
    with unread.kept():
        for key in registry.subkeys(_PACKAGES):
            count += 1
            if count > _MAX_PACKAGES:
                raise ParseError(place, f"at most {_MAX_PACKAGES} packages wanted, more found")
            if not key.name.lower().startswith(_UPDATE):
                continue
            if identity := parse_package_identity(key.name):
                updates.append(_update(registry, key, identity, unread, untold))
                continue
            with untold.kept():
                raise UnknownFact(f"the identity of a package wanted, {key.name} found", registry.in_guest(key.place))
        if not count:
            raise UnknownFact("which updates are installed is not told", place)
    return ServicingPackages(tuple(updates), count, place)


def _update(
    registry: Registry, key: Key, identity: PackageIdentity, unread: Unread, untold: Unread
) -> ServicingPackage:
    value = state = installed_at = None
    with unread.kept():
        registry.own(key)
        value = key.value(_STATE)
        state = None if value is None else registry.dword(value)
    with untold.kept():
        if value is None:
            raise UnknownFact("the state of an update wanted, none found", registry.in_guest(key.place))
        installed_at = _installed_at(registry, key)
    return ServicingPackage(identity, state, registry.in_guest((value or key).place), installed_at)


def _installed_at(registry: Registry, key: Key) -> int | None:
    high, low = (None if value is None else registry.dword(value) for value in map(key.value, _INSTALLED))
    if high is None or low is None:
        return None
    return (high << 32 | low) // 10_000_000 - _EPOCH
