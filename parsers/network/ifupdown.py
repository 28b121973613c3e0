"""/etc/network/interfaces, the configuration of ifupdown.

Syntax: interfaces(5) of ifupdown 0.8.41. Comments stand on lines of their own; a backslash at the end of a line joins
it with the next. What the manual leaves open follows `ifquery`: a mistake in the main file makes ifup refuse the whole
configuration, a mistake in an included file ends that file alone; an interface that is named by `auto` but has no
`iface` is unknown; `lo` is there without being asked for.
Not done: the scripts of `mapping` are not run, so what they would answer is not known; options of other packages
(bridge-ports, bond-master, vlan-raw-device, wpa-ssid) are read only as far as they tell the kind of an interface.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from posixpath import dirname, join
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said, is_ipv4, normal_mac
from parsers.place import Place, Problem

DIRECTORY_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+\Z")
"""Files of a `source-directory` have such names; others are passed over."""

DEPTH_MAX: Final = 16
STANZAS_MAX: Final = 4096
SELECTIONS_MAX: Final = 1024
OPTIONS_MAX: Final = 256
_WORK_MAX: Final = 200_000  # names tried against patterns, and profiles made

Include = Callable[[str, bool], Sequence[tuple[str, str]]]
"""Gives (path, text) of the files that a pattern picks; True asks for the files within the directories it picks."""

_METHODS: Final = {
    "inet": {"loopback", "static", "manual", "dhcp", "bootp", "tunnel", "ppp", "wvdial", "ipv4ll"},
    "inet6": {"auto", "loopback", "static", "manual", "dhcp", "tunnel", "v4tunnel", "6to4"},
    "ipx": {"static", "dynamic"},
    "can": {"static"},
    "meta": {"none"},
}
_NEUTRAL: Final = {
    "loopback": Method.STATIC,
    "static": Method.STATIC,
    "manual": Method.NONE,
    "dhcp": Method.DHCP,
    "bootp": Method.DHCP,
    "ipv4ll": Method.LINK_LOCAL,
    "auto": Method.AUTO,
    "none": Method.NONE,
}
_PATTERN: Final = re.compile(r"(?P<variable>[^/=]*)/(?P<value>[^/=]+)(?:/[^=]*)?(?:=(?P<logical>.+))?\Z")


class Stanza(msgspec.Struct, frozen=True):
    """One `iface`: its options in order, those of an inherited stanza first. Family and method may be inherited."""

    place: Place
    name: str
    family: str
    method: str
    options: tuple[tuple[str, str, Place], ...]

    def values(self, *keys: str) -> tuple[str, ...]:
        """Return every value of an option, under any of its names."""
        return tuple(value for key, value, _ in self.options if key in keys)


class Selection(msgspec.Struct, frozen=True):
    """One word of an `auto` or `allow-*` line: an interface or a pattern, and the logical name it is brought up as."""

    place: Place
    word: str
    match: Match
    logical: str | None
    pattern: bool


class Interfaces(msgspec.Struct, frozen=True):
    """Everything that the main file and what it includes say. `mappings` are globs whose script decides."""

    stanzas: tuple[Stanza, ...]
    selections: dict[str, tuple[Selection, ...]]
    mappings: tuple[tuple[str, Place], ...]
    renames: tuple[tuple[str, str, Place], ...]
    problems: tuple[Problem, ...]
    fatal: Problem | None

    def configuration(self) -> Configuration:
        """Return the profiles of all interfaces that can come up, and the stanzas that nothing brings up."""
        if self.fatal:
            return Configuration((), self.problems, self.fatal)
        before = {new: old for old, new, _ in self.renames if "/" not in old}
        profiles = tuple(_with_first_name(profile, before) for profile in _profiles(self))
        return Configuration(profiles, (*self.problems, *_unknown_interfaces(self)))


class _Reading(msgspec.Struct):
    """The state while files are read."""

    include: Include
    stanzas: list[Stanza] = msgspec.field(default_factory=list)
    selections: dict[str, list[Selection]] = msgspec.field(default_factory=dict)
    mappings: list[tuple[str, Place]] = msgspec.field(default_factory=list)
    renames: list[tuple[str, str, Place]] = msgspec.field(default_factory=list)
    problems: list[Problem] = msgspec.field(default_factory=list)
    seen: set[str] = msgspec.field(default_factory=set)


class _Flaw(Exception):  # noqa: N818 - ends the reading of one file, never leaves this module
    pass


def parse_interfaces(
    text: str, path: str = "/etc/network/interfaces", include: Include = lambda _pattern, _within: ()
) -> Interfaces:
    """Read the main file and, through `include`, the files it names; `path` labels the places."""
    reading = _Reading(include)
    flaw = _read_file(reading, text, path, 0)
    selections = {name: tuple(found) for name, found in reading.selections.items()}
    stanzas, mappings, renames = tuple(reading.stanzas), tuple(reading.mappings), tuple(reading.renames)
    return Interfaces(stanzas, selections, mappings, renames, tuple(reading.problems), flaw)


def _read_file(reading: _Reading, text: str, path: str, depth: int) -> Problem | None:
    """Read one file up to its first mistake, which is returned and noted."""
    if path in reading.seen or depth > DEPTH_MAX:
        return None
    reading.seen.add(path)
    block = ""
    for number, line in _logical_lines(text):
        place = Place(path, number)
        try:
            block = _read_line(reading, line, place, block, depth)
        except _Flaw as flaw:
            problem = Problem(place, str(flaw))
            reading.problems.append(problem)
            return problem
    return None


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines, each with the number of its first; a comment is not continued."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), start=1):
        first = first if parts else number
        if not parts and line.lstrip(" \t").startswith("#"):
            continue
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        joined = "".join([*parts, line]).strip(" \t\r\f\v")
        parts.clear()
        if joined:
            yield first, joined
    if joined := "".join(parts).strip():
        yield first, joined


def _read_line(reading: _Reading, line: str, place: Place, block: str, depth: int) -> str:
    """Take one line in; return the block that the next option belongs to."""
    keyword, *words = line.split()
    if keyword == "iface":
        reading.stanzas.append(_stanza(reading, words, place))
        return "iface"
    if keyword == "mapping":
        reading.mappings += [(word, place) for word in words]
        return "mapping"
    if keyword in ("source", "source-directory"):
        _read_included(reading, words, place, depth, within=keyword == "source-directory")
        return ""
    if keyword == "auto" or keyword.startswith(("allow-", "no-auto-down", "no-scripts")):
        _select(reading, keyword, words, place)
        return ""
    if keyword == "rename":
        pairs = (word.partition("=") for word in words)
        reading.renames += [(old, new, place) for old, _, new in pairs if new]
        return ""
    return _option(reading, line, place, block)


def _stanza(reading: _Reading, words: list[str], place: Place) -> Stanza:
    if len(reading.stanzas) >= STANZAS_MAX:
        raise _Flaw(f"at most {STANZAS_MAX} iface stanzas wanted, more found")
    if len(words) < 2:
        raise _Flaw(f"an interface, a family and a method wanted after iface, {' '.join(words) or 'nothing'} found")
    name, *rest = words
    parent = ""
    if "inherits" in rest and (at := rest.index("inherits")) + 1 < len(rest):
        parent, rest = rest[at + 1], rest[:at]
    family = rest[0] if rest else ""
    if family not in _METHODS and (family or not parent):
        raise _Flaw(f"one of {', '.join(_METHODS)} wanted, {family or 'no family'} found")
    method = rest[1] if len(rest) > 1 else ""
    if family and method not in _METHODS[family] and (method or not parent):
        raise _Flaw(f"a method of {family} wanted, {method or 'none'} found")
    if not parent:
        return Stanza(place, name, family, method, ())
    base = next((it for it in reading.stanzas if it.name == parent and family in ("", it.family)), None)
    if base is None:
        raise _Flaw(f"an iface {parent} defined above wanted to inherit from, none found")
    return Stanza(place, name, family or base.family, method or base.method, base.options)


def _option(reading: _Reading, line: str, place: Place, block: str) -> str:
    key, _, value = (line.replace("\t", " ")).partition(" ")
    if not block:
        raise _Flaw(f"auto, allow-*, iface, mapping or source wanted, {key[:80]} found")
    if not value.strip():
        raise _Flaw(f"a value wanted for option {key[:80]}, none found")
    if block == "iface":
        last = reading.stanzas[-1]
        if len(last.options) < OPTIONS_MAX:
            reading.stanzas[-1] = replace(last, options=(*last.options, (key, value.strip(), place)))
        return block
    if key == "map" or (key == "script" and block == "mapping"):
        return "mapping with its script" if key == "script" else block
    raise _Flaw(f"one script and map lines wanted in a mapping, {key[:80]} found")


def _select(reading: _Reading, keyword: str, words: list[str], place: Place) -> None:
    group = {"auto": "auto"}.get(keyword, keyword.removeprefix("allow-"))
    if not group:
        raise _Flaw("the name of a class wanted after allow-, none found")
    known = reading.selections.setdefault(group, [])
    known += [_selection(word, place) for word in words[: SELECTIONS_MAX - len(known)]]


def _selection(word: str, place: Place) -> Selection:
    pattern = None if word.startswith("/dev/") else _PATTERN.match(word)
    if pattern is None:
        name, _, logical = word.partition("=")
        return Selection(place, word, Match(names=(name,)), logical or None, pattern=False)
    variable, value, logical = pattern["variable"], pattern["value"], pattern["logical"]
    match = Match(other=(f"{variable}={value}",))
    if not variable:
        match = Match(names=(value,))
    elif variable == "mac":
        match = Match(macs=(normal_mac(value) or value.lower(),))
    return Selection(place, word, match, logical, pattern=True)


def _read_included(reading: _Reading, words: list[str], place: Place, depth: int, *, within: bool) -> None:
    for word in words[:256]:
        pattern = word if word.startswith("/") else join(dirname(place.path), word)
        for path, text in reading.include(pattern, within):
            if within and not DIRECTORY_NAME.match(path.rpartition("/")[2]):
                continue
            _read_file(reading, text, path, depth + 1)


def _profiles(interfaces: Interfaces) -> Iterator[Profile]:
    """Yield a profile for each way that a stanza is used; one that no `auto` or `allow-` names is not brought up."""
    by_name: dict[str, list[Stanza]] = {}
    for stanza in interfaces.stanzas:
        by_name.setdefault(stanza.name, []).append(stanza)
    used: set[str] = set()
    budget = _WORK_MAX
    for group in ("auto", "hotplug"):
        for selection in interfaces.selections.get(group, ()):
            logical = selection.logical or ("" if selection.pattern else selection.word)
            candidates = [logical] if logical else list(by_name)[: max(0, budget)]
            budget -= len(candidates)
            for name in candidates:
                if not logical and not selection.match.takes_name(name):
                    continue
                if name in by_name and (budget := budget - len(by_name[name])) > 0:
                    used.add(name)
                    match = selection.match if logical else Match(names=(name,))
                    profile = _profile(by_name[name], match, hotplug=group == "hotplug", at_boot=True)
                    yield replace(profile, said=Said(mac=selection.place)) if match.macs else profile
    for name, stanzas in by_name.items():
        if name not in used:
            yield _profile(stanzas, Match(names=(name,)), hotplug=False, at_boot=False)


def _with_first_name(profile: Profile, before: dict[str, str]) -> Profile:
    """Match an interface that `rename` gives its name by the name that it has before."""
    names = tuple(before.get(name, name) for name in profile.match.names)
    if names == profile.match.names:
        return profile
    return replace(profile, match=replace(profile.match, names=names), renamed=profile.match.names[0])


def _profile(stanzas: Sequence[Stanza], match: Match, *, hotplug: bool, at_boot: bool) -> Profile:
    """Put the stanzas of one name together; where several give IPv4, DHCP is what an address is had by."""
    ipv4 = [it for it in stanzas if it.family == "inet"]
    ipv6 = [it for it in stanzas if it.family == "inet6"]
    chosen = next((it for it in ipv4 if it.method in ("dhcp", "bootp")), (ipv4 or [*stanzas])[0])
    # hwaddress sets an address, it binds to none; only a pattern on `mac` binds.
    addresses = [value for it in ipv4 for value in it.values("address") if is_ipv4(value)]
    gateways = [value for it in ipv4 for value in it.values("gateway")]
    return Profile(
        place=chosen.place,
        backend="ifupdown",
        name=chosen.name,
        match=match,
        kind=_kind(stanzas),
        ipv4=_method(chosen) if ipv4 else Method.NONE,
        ipv6=_method(ipv6[0]) if ipv6 else Method.NONE,
        addresses=tuple(addresses),
        gateway=gateways[0] if gateways else None,
        at_boot=at_boot,
        hotplug=hotplug,
        master=next(iter(it for stanza in stanzas for it in stanza.values("bond-master", "bond_master")), None),
    )


def _method(stanza: Stanza) -> Method:
    return _NEUTRAL.get(stanza.method, Method.OTHER)


def _kind(stanzas: Sequence[Stanza]) -> Kind:
    name = stanzas[0].name
    keys = {key.replace("_", "-") for stanza in stanzas for key, _, _ in stanza.options}
    if name == "lo" or any(stanza.method == "loopback" for stanza in stanzas):
        return Kind.LOOPBACK
    if "bridge-ports" in keys:
        return Kind.BRIDGE
    if keys & {"bond-slaves", "bond-mode"}:
        return Kind.BOND
    if "vlan-raw-device" in keys or re.search(r"\.\d+\Z|\Avlan\d+\Z", name):
        return Kind.VLAN
    if any(key.startswith(("wpa-", "wireless-")) for key in keys):
        return Kind.WIRELESS
    if any(stanza.method in ("tunnel", "v4tunnel", "6to4", "ppp", "wvdial") for stanza in stanzas):
        return Kind.OTHER
    return Kind.ETHERNET


def _unknown_interfaces(interfaces: Interfaces) -> Iterator[Problem]:
    names = {stanza.name for stanza in interfaces.stanzas} | {"lo"}
    for group in ("auto", "hotplug"):
        for it in interfaces.selections.get(group, ()):
            logical = it.logical or it.word
            mapped = any(Match(names=(glob,)).takes_name(logical) for glob, _ in interfaces.mappings)
            if logical not in names and not mapped and (it.logical or not it.pattern):
                yield Problem(it.place, f"an iface {logical} wanted, none found")
