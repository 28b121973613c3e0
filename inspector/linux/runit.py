"""Services of runit (Void, Artix, Devuan): directories that runsvdir(8) watches.

/etc/runit/2 has runsvdir watch /etc/runit/runsvdir/current, which stage 1 points at `default`, or at the runlevel that
a word of the kernel's arguments names; Debian's watches /etc/service. A file `down` keeps runsv(8) from starting what
it supervises. Not done: services that another's script starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest
from parsers.place import Place

LEVELS: Final = "/etc/runit/runsvdir"
AVAILABLE: Final = "/etc/sv"
_WATCHED: Final = ("/etc/service", "/service")


class Runit:
    """The supervised services of one guest."""

    def __init__(self, guest: Guest, arguments: Sequence[str]) -> None:
        """`arguments` are the kernel's."""
        self._guest = guest
        levels = [word for word in arguments if "/" not in word and guest.is_dir(f"{LEVELS}/{word}")]
        folders = (f"{LEVELS}/{levels[-1] if levels else 'default'}", *_WATCHED)
        self.folder = next((folder for folder in folders if guest.is_dir(folder)), folders[0])
        """The directory that is watched."""

    def state(self, unit: str) -> UnitState:
        """Return whether a service is supervised from the boot on."""
        name = unit.removesuffix(".service")
        link, own = f"{self.folder}/{name}", f"{AVAILABLE}/{name}"
        if not self._guest.is_dir(link):
            if not self._guest.is_dir(own):
                return UnitState(unit, Enablement.ABSENT, Place(AVAILABLE), f"there is no {own}")
            return UnitState(unit, Enablement.DISABLED, Place(own), f"{self.folder} has no link to it", f"{own}/run")
        if self._guest.exists(f"{link}/down"):
            reason = "the file down keeps it from starting"
            return UnitState(unit, Enablement.DISABLED, Place(f"{link}/down"), reason, f"{link}/run")
        reason = f"{self.folder} holds it"
        return UnitState(unit, Enablement.ENABLED, Place(link), reason, f"{link}/run", started=True)
