"""The units that systemd-sysv-generator(8) makes of init scripts which have none of their own.

A script with a start link in rc2.d to rc4.d is wanted by multi-user.target, in rc5.d by graphical.target; its unit also
goes by the names that its header provides. Links of rcS.d are not looked at, since the generator does not either
(before 2018 that of Debian did).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Final

from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest
from inspector.linux.init_scripts import InitScripts, start_links
from inspector.linux.pull import Pull
from parsers.place import Place

_LEVELS: Final = {"multi-user.target": "234", "graphical.target": "5"}


def unit_of_script(
    guest: Guest, scripts: InitScripts, unit: str, reached: Callable[[], Mapping[str, Pull]]
) -> UnitState | None:
    """Return the state of the unit that is made of an init script; None where none is made.

    `reached` gives what the default target reaches.
    """
    name = unit.removesuffix(".service")
    paths = scripts.named(name) if name != unit and scripts.become_units else []
    if not paths:
        return None
    path = next((path for path in paths if guest.stat(path).mode & 0o100), None)
    if path is None:
        reason = "its init script may not be executed, so that no unit is made of it"
        return UnitState(unit, Enablement.DISABLED, Place(paths[0]), reason, paths[0])
    script = posixpath.basename(path)
    levels = "".join(numbers for target, numbers in _LEVELS.items() if target in reached())
    if links := start_links(guest, script, levels, always=()):
        reason = "its init script has a start link"
        return UnitState(unit, Enablement.GENERATED, Place(links[0]), reason, path, started=True)
    if links := start_links(guest, script):
        reason = "its init script has a start link, but in no runlevel that the default target stands for"
        return UnitState(unit, Enablement.GENERATED, Place(links[0]), reason, path)
    return UnitState(unit, Enablement.GENERATED, Place(path), "its init script has no start link", path)
