"""Init scripts of System V: what their headers provide, and the dependencies that insserv(8) works out of them.

Formats: Linux Standard Base 5.0, Core, "Comment Conventions for Init Scripts"; startpar(8) and insserv(8) for
/etc/init.d/.depend.{boot,start,stop}. Of a header only what is provided is read: a script is started by its links,
not by its `Default-Start:`, which tells insserv(8) and chkconfig(8) what links to make.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place

_BEGIN: Final = "### BEGIN INIT INFO"
_END: Final = "### END INIT INFO"
_PROVIDES: Final = re.compile(r"#\s*provides:(.*)", re.IGNORECASE)
_LINE_LIMIT: Final = 4096
_MAX_NAMES: Final = 4096


class Provided(msgspec.Struct, frozen=True):
    """A name that a script provides; one of a facility begins with `$`."""

    name: str
    place: Place


def parse_init_script(text: str, path: str) -> tuple[Provided, ...]:
    """Return what the header of a script provides; nothing where it has no header. `path` only labels the places."""
    found: list[Provided] = []
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line[:_LINE_LIMIT].strip()
        if stripped in {_BEGIN, _END}:
            inside = stripped == _BEGIN
        elif inside and (match := _PROVIDES.match(stripped)):
            found += [Provided(name, Place(path, number)) for name in match[1].split()]
    return tuple(found[:_MAX_NAMES])


def parse_depend(text: str) -> frozenset[str]:
    """Return the scripts that a .depend file of insserv(8) knows: its `TARGETS`, and what its lines depend on."""
    found: set[str] = set()
    for line in text.split("\n"):
        targets, equals, names = line.partition("=")
        if equals and targets.strip() == "TARGETS":
            found.update(names.split())
        elif not equals and ":" in line and not line.lstrip().startswith("#"):
            found.update(line.partition(":")[2].split())
    return frozenset(found)
