"""GLib's key files, and what NetworkManager.conf and its conf.d say, which are such files.

Formats: GLib's key file format (a line that is neither a comment, a group nor `key=value` makes the whole file
unreadable; of a key given twice the last counts), NetworkManager.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from parsers.network.interface import name_matches
from parsers.place import Place, Problem

_GROUP: Final = re.compile(r"\[([^\[\]\x00-\x1f]+)\]\s*\Z")
_TRUE: Final = {"true", "yes", "1", "on"}


class Entry(msgspec.Struct, frozen=True):
    """One `key=value`, escapes left as they are."""

    place: Place
    group: str
    key: str
    value: str


class KeyFile(msgspec.Struct, frozen=True):
    """The groups of one file, empty ones too; `flaw` is the first line that makes it unreadable."""

    entries: dict[tuple[str, str], Entry]
    flaw: Problem | None = None
    groups: dict[str, Place] = {}

    def get(self, group: str, key: str, default: str = "") -> str:
        """Return a value, or `default`."""
        entry = self.entries.get((group, key))
        return entry.value if entry else default

    def has_group(self, group: str) -> bool:
        """Tell whether the group is there."""
        return group in self.groups

    def place(self, group: str, *keys: str) -> Place | None:
        """Return where the first of the keys stands that has a value."""
        found = (self.entries.get((group, key)) for key in keys)
        return next((it.place for it in found if it is not None and it.value), None)


def parse_key_file(text: str, path: str) -> KeyFile:
    """Read a GLib key file; `path` labels the places."""
    entries: dict[tuple[str, str], Entry] = {}
    groups: dict[str, Place] = {}
    group: str | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip(" \t")
        place = Place(path, number)
        if not line.strip() or line.startswith("#"):
            continue
        if match := _GROUP.match(line):
            group = match[1]
            groups.setdefault(group, place)
            continue
        key, equals, value = line.partition("=")
        if group is None or not equals or not key.strip():
            wanted = "a group or key=value" if group is not None else "a group before the first key"
            return KeyFile(entries, Problem(place, f"{wanted} wanted, {line[:80]} found"), groups)
        # Blanks at the end belong to the value: `method=auto ` is no method.
        entries[group, key.strip()] = Entry(place, group, key.strip(), value.lstrip(" \t"))
    return KeyFile(entries, None, groups)


def _true(value: str) -> bool:
    return value.strip().lower() in _TRUE


class NetworkManagerConf(msgspec.Struct, frozen=True):
    """What NetworkManager.conf and its conf.d say, in force.

    Attributes:
        plugins: the settings plugins; keyfile is always among them.
        no_auto_default: devices that get no automatic DHCP profile (`*` for all), and where that is said.
        ifupdown_managed: whether interfaces of /etc/network/interfaces are managed here as well.
        unmanaged: device specifications that NetworkManager leaves alone, and where that is said.
    """

    plugins: tuple[str, ...] = ("keyfile",)
    no_auto_default: tuple[str, ...] = ()
    no_auto_default_place: Place | None = None
    ifupdown_managed: bool = False
    unmanaged: tuple[str, ...] = ()
    unmanaged_place: Place | None = None
    problems: tuple[Problem, ...] = ()

    def makes_default(self, name: str, driver: str = "") -> bool:
        """Tell whether an interface without a profile is given one that uses DHCP."""
        return not _listed(self.no_auto_default, name, driver)

    def manages(self, name: str, driver: str = "") -> bool:
        """Tell whether NetworkManager takes an interface on, as far as its name and driver decide."""
        return not _listed(self.unmanaged, name, driver)


def _listed(specifications: tuple[str, ...], name: str, driver: str) -> bool:
    """Match a device list by name and driver; `except:` takes a device out. Other specifications match none."""
    listed = False
    for word in specifications:
        negative = word.startswith("except:")
        spec = word.removeprefix("except:").removeprefix("interface-name:").removeprefix("=")
        if spec.startswith("type:"):
            matched = spec == "type:ethernet"
        elif spec.startswith("driver:"):
            matched = name_matches(driver, spec.removeprefix("driver:").partition("/")[0])
        else:
            matched = name_matches(name, spec)
        if matched and negative:
            return False
        listed = listed or (matched and not negative)
    return listed


def parse_networkmanager_conf(files: Iterable[tuple[str, str]]) -> NetworkManagerConf:
    """Read the files, given as (text, path) in the order in which they override one another."""
    merged: dict[tuple[str, str], Entry] = {}
    problems: list[Problem] = []
    for text, path in files:
        file = parse_key_file(text, path)
        if file.flaw is not None:
            problems.append(file.flaw)
        for entry in file.entries.values():
            _assign(merged, entry)
    devices = [
        merged.get((group, "match-device"))
        for group, key in merged
        if key == "managed" and group.startswith("device") and not _true(merged[group, key].value)
    ]
    left = tuple(word for entry in devices for word in (_list(entry) or ("*",)))
    plugins = _list(merged.get(("main", "plugins")))
    auto = merged.get(("main", "no-auto-default"))
    unmanaged = merged.get(("keyfile", "unmanaged-devices"))
    managed = merged.get(("ifupdown", "managed"))
    return NetworkManagerConf(
        plugins=(*(it for it in plugins if it != "keyfile"), "keyfile"),
        no_auto_default=_list(auto),
        no_auto_default_place=auto.place if auto else None,
        ifupdown_managed=_true(managed.value) if managed else False,
        unmanaged=(*_list(unmanaged), *left),
        unmanaged_place=unmanaged.place if unmanaged else next((it.place for it in devices if it), None),
        problems=tuple(problems),
    )


def _assign(merged: dict[tuple[str, str], Entry], entry: Entry) -> None:
    """Take an assignment in; `key+=` adds to what is there, `key-=` takes away."""
    name, operator = entry.key.rstrip("+-"), entry.key[-1]
    before = merged.get((entry.group, name))
    value = entry.value
    if operator == "+" and before is not None:
        value = f"{before.value},{entry.value}"
    elif operator == "-":
        gone = set(_list(entry))
        value = ",".join(word for word in _list(before) if word not in gone)
    merged[entry.group, name] = Entry(entry.place, entry.group, name, value[: 1 << 16])


def _list(entry: Entry | None) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,; ]+", entry.value) if word) if entry else ()
