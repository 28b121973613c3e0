"""/etc/network/interfaces as ifupdown-ng of Alpine reads it: interfaces(5) and interfaces-dhcp(5) of ifupdown-ng.

An `iface` needs no family or method: `use dhcp` has it ask for an address, `address` gives it one; the words of
ifupdown (`inet dhcp`) are understood as well. Stanzas of one name add up, `inherit` takes those of another; `auto`
alone within a stanza brings up that interface.
Not done: executors of other packages beyond the kind of interface they make, and variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, is_ipv4, name_matches
from parsers.place import Place, Problem

Include = Callable[[str, bool], Sequence[tuple[str, str]]]
"""As for `parse_interfaces`: (path, text) of the files that a pattern picks; True asks for those within directories."""

DEPTH_MAX: Final = 16
STANZAS_MAX: Final = 4096
_OPTIONS_MAX: Final = 65_536
_USES: Final = {"bond": Kind.BOND, "bridge": Kind.BRIDGE, "vlan": Kind.VLAN, "ppp": Kind.OTHER, "tunnel": Kind.OTHER}
_PREFIXES: Final = {"bond-": Kind.BOND, "bridge-": Kind.BRIDGE, "vlan-": Kind.VLAN}


class _Stanza(msgspec.Struct):
    """Everything said of one name."""

    place: Place
    options: list[tuple[str, str, Place]] = msgspec.field(default_factory=list)
    template: bool = False


class _Reading(msgspec.Struct):
    include: Include
    stanzas: dict[str, _Stanza] = msgspec.field(default_factory=dict)
    automatic: list[str] = msgspec.field(default_factory=list)
    problems: list[Problem] = msgspec.field(default_factory=list)
    seen: set[str] = msgspec.field(default_factory=set)
    current: _Stanza | None = None
    name: str = ""
    options: int = 0


def parse_interfaces_ng(text: str, path: str, include: Include = lambda _pattern, _within: ()) -> Configuration:
    """Read the main file and, through `include`, those it names; a line that cannot be read hides no other."""
    reading = _Reading(include)
    _read_file(reading, text, path, 0)
    profiles = tuple(_profile(reading, name, stanza) for name, stanza in reading.stanzas.items() if not stanza.template)
    return Configuration(profiles, tuple(reading.problems))


def _read_file(reading: _Reading, text: str, path: str, depth: int) -> None:
    if path in reading.seen or depth > DEPTH_MAX:
        return
    reading.seen.add(path)
    for number, raw in enumerate(text.split("\n"), start=1):
        words = raw.partition("#")[0].split()
        if words:
            _read_line(reading, words, Place(path, number), depth)


def _read_line(reading: _Reading, words: list[str], place: Place, depth: int) -> None:
    key, *values = words
    if key in {"source", "source-directory"}:
        for file, text in reading.include(values[0], key != "source") if values else ():
            _read_file(reading, text, file, depth + 1)
    elif key == "auto":
        names = values or ([reading.name] if reading.current else [])
        reading.automatic += names[: STANZAS_MAX - len(reading.automatic)]
    elif key in {"iface", "template"}:
        _begin(reading, values, place, template=key == "template")
    elif reading.current is None:
        reading.problems.append(Problem(place, f"iface, template, auto or source wanted, {key[:80]} found"))
    elif reading.options < _OPTIONS_MAX:
        reading.options += 1
        reading.current.options.append((key, " ".join(values), place))


def _begin(reading: _Reading, values: list[str], place: Place, *, template: bool) -> None:
    if not values:
        reading.problems.append(Problem(place, "the name of an interface wanted, none found"))
        return
    name, *rest = values
    if name not in reading.stanzas and len(reading.stanzas) >= STANZAS_MAX:
        reading.problems.append(Problem(place, f"at most {STANZAS_MAX} interfaces wanted, more found"))
        return
    reading.name, reading.current = name, reading.stanzas.setdefault(name, _Stanza(place, template=template))
    options = reading.current.options
    while rest:
        word = rest.pop(0)
        if word == "inherits" and rest:
            options.append(("inherit", rest.pop(0), place))
        elif word in {"inet", "inet6"} and rest:
            options.append(
                ("use", {"dhcp": "dhcp" if word == "inet" else "dhcp6"}.get(method := rest.pop(0), method), place)
            )


def _options(reading: _Reading, name: str) -> list[tuple[str, str, Place]]:
    """The options of a stanza and of those it inherits from, each once."""
    found: list[tuple[str, str, Place]] = []
    pending, seen = [name], set[str]()
    while pending:
        one = pending.pop()
        stanza = reading.stanzas.get(one)
        if one in seen or stanza is None:
            continue
        seen.add(one)
        found += stanza.options
        pending += [value for key, value, _ in stanza.options if key in {"inherit", "inherits"}]
    return found


def _profile(reading: _Reading, name: str, stanza: _Stanza) -> Profile:
    options = _options(reading, name)
    uses = {value: place for key, value, place in options if key == "use"}
    addresses = [(value, place) for key, value, place in options if key == "address" and is_ipv4(value)]
    method, place = Method.NONE, stanza.place
    if "dhcp" in uses:
        method, place = Method.DHCP, uses["dhcp"]
    elif addresses:
        method, place = Method.STATIC, addresses[0][1]
    gateways = [value for key, value, _ in options if key == "gateway" and is_ipv4(value)]
    return Profile(
        place,
        "ifupdown",
        name,
        Match((name,)),
        _kind(name, uses, options),
        method,
        Method.DHCP if "dhcp6" in uses else Method.NONE,
        tuple(value for value, _ in addresses),
        gateways[0] if gateways else None,
        any(name_matches(name, glob) for glob in reading.automatic),
    )


def _kind(name: str, uses: dict[str, Place], options: list[tuple[str, str, Place]]) -> Kind:
    if name == "lo" or "loopback" in uses:
        return Kind.LOOPBACK
    for use, kind in _USES.items():
        if use in uses:
            return kind
    for key, _, _ in options:
        for prefix, kind in _PREFIXES.items():
            if key.startswith(prefix) and key not in {"bond-master", "bridge-master"}:
                return kind
    return Kind.VLAN if "." in name else Kind.ETHERNET
