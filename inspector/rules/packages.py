"""Whether the guest's package manager knows what is installed."""

from __future__ import annotations

from itertools import islice

from inspector.facts import Facts
from inspector.facts.packages import Packages
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, unknown
from parsers.linux.package import is_key
from parsers.place import Place

_SHOWN = 10


@rule("installed-packages-are-recorded", "The package manager knows what is installed")
def installed_packages_are_recorded(facts: Facts) -> Verdict:
    """The database of the package manager can be read and holds packages.

    Why: a system whose database is empty gets no security updates, and nothing can be installed in it; whoever looks
    for a vulnerable package there finds none and takes the system for safe.

    Fix: restore the database from a backup (/var/backups on Debian, rpmdb --rebuilddb where the headers are there),
    or build the image anew.

    Reads: /var/lib/dpkg/status, rpmdb.sqlite, Packages.db or Packages of rpm, apk's installed, pacman's local

    References: rpmdb(8), dpkg(1)
    """
    packages = facts[Packages]
    if packages.problems:
        shown = map(Evidence.of, islice(packages.problems, _SHOWN))
        return unknown(f"entries of the package database that cannot be read: {len(packages.problems)}", *shown)
    place = Place(packages.database)
    if all(map(is_key, packages)):
        return failed(
            f"the package database of {packages.manager} holds no packages",
            Evidence(place, "packages wanted, none found"),
        )
    return ok("the package database holds packages", Evidence(place, packages.manager))


RULES = (installed_packages_are_recorded,)
