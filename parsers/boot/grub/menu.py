"""What a GRUB configuration comes to: menu entries, and which of them GRUB takes by itself.

The choice of the default: GNU GRUB manual 2.12, variable `default`: a number counts from 0 within one menu, anything
else is a title or an `--id`; `>` goes into a submenu and `>>` stands for a `>` in a name. Where `default` names
nothing, GRUB takes the first entry; so it does in a submenu that `default` leads to and says no more about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.boot.menu import Include, MenuEntry, Search, walk
from parsers.place import Place, Problem

_NUMBER: Final = re.compile(r"\s*[0-9]{1,9}")
_SEGMENT: Final = re.compile(r"((?:[^>]|>>)*)(?:>(.*))?", re.DOTALL)


class GrubConfig(msgspec.Struct, frozen=True):
    """An evaluated configuration.

    Attributes:
        path: the file it began with.
        files: every file that was read, in order.
        variables: the variables as the menu finds them, by name.
        places: where each variable that the configuration sets was set last.
        default: the value of `default`; None where it was not set.
        chosen: the entries from the menu to the one that boots by default; empty where there is none.
        default_found: whether `default` names an entry; if not, `chosen` is the first, as GRUB has it.
        searches, includes: those outside of menu entries.
        blscfg: where the command `blscfg` asks for the entries of the boot loader specification.
        not_evaluated: commands whose outcome is not known here.
        assumptions: tests that were answered without a file system to ask.
        problems: what GRUB would stumble over.
    """

    path: str
    files: tuple[str, ...]
    entries: tuple[MenuEntry, ...]
    variables: tuple[tuple[str, str], ...] = ()
    default: str | None = None
    places: tuple[tuple[str, Place], ...] = ()
    chosen: tuple[MenuEntry, ...] = ()
    default_found: bool = True
    searches: tuple[Search, ...] = ()
    includes: tuple[Include, ...] = ()
    blscfg: tuple[Place, ...] = ()
    not_evaluated: tuple[Problem, ...] = ()
    assumptions: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def default_entry(self) -> MenuEntry | None:
        """The entry that GRUB boots when nobody touches a key."""
        return self.chosen[-1] if self.chosen and not self.chosen[-1].submenu else None

    def variable(self, name: str) -> str | None:
        """Return the value of a variable."""
        return next((value for known, value in self.variables if known == name), None)

    def place_of(self, name: str) -> Place | None:
        """Return where a variable was set last; None where the configuration does not set it."""
        return next((place for known, place in self.places if known == name), None)

    @property
    def default_place(self) -> Place | None:
        """Where `default` was set last."""
        return self.place_of("default")

    def walk(self) -> Iterator[MenuEntry]:
        """Give every entry, those of submenus after their submenu."""
        return walk(self.entries)


def choose(entries: tuple[MenuEntry, ...], default: str | None) -> tuple[tuple[MenuEntry, ...], bool]:
    """Return the way to the entry that `default` leads to, and whether each step of it was found."""
    chosen: list[MenuEntry] = []
    found = True
    while entries:
        segment, default = _split(default)
        index = _index(entries, segment)
        found = found and index is not None
        entry = entries[index or 0]
        chosen.append(entry)
        entries = entry.entries
    return tuple(chosen), found


def _split(default: str | None) -> tuple[str | None, str | None]:
    if default is None:
        return None, None
    match = _SEGMENT.fullmatch(default)
    if match is None:  # cannot happen: the pattern takes any text
        return default, None
    return match.group(1), match.group(2) or None


def _index(entries: tuple[MenuEntry, ...], segment: str | None) -> int | None:
    if segment is None:
        return 0
    if _NUMBER.fullmatch(segment):
        index = int(segment)
        return index if index < len(entries) else None
    name = segment.replace(">>", ">")
    return next((index for index, entry in enumerate(entries) if name in {entry.title, entry.id}), None)
