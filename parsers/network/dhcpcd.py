"""dhcpcd.conf(5), the configuration of dhcpcd, which asks for an address on every interface it is not told to leave.

Options before the first `interface`, `ssid` or `profile` are for all interfaces; those after it for that one alone.
A later option wins; `static ip_address=` and `inform` take the place of asking for an address.
Not done: `ssid` sections, which no wired card has; profiles, which stand in when a fallback is due; hooks; everything
about options of DHCP itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.network.interface import Configuration, Match, Method, Profile, is_ipv4, name_matches
from parsers.place import Place, Problem

LINES_MAX: Final = 20_000
_SECTIONS: Final = frozenset({"interface", "ssid", "profile"})
_MAX_NAMES: Final = 256


class _Section(msgspec.Struct, frozen=True):
    """What is said of one interface, or of all where `name` is None."""

    place: Place
    name: str | None = None
    method: Method = Method.DHCP
    addresses: tuple[str, ...] = ()
    gateway: str | None = None


class DhcpcdConf(msgspec.Struct, frozen=True):
    """The profiles of interfaces that have a section of their own; how the others are configured; names left alone.

    `default` is the method of an interface without a section, said at `place` (the file itself where nothing is).
    `denied` and `allowed` are patterns of names.
    """

    configuration: Configuration
    default: Method
    place: Place
    denied: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        """Tell whether dhcpcd configures an interface of this name; one that is denied is, allowed or not, left."""
        if any(name_matches(name, glob) for glob in self.denied):
            return False
        return not self.allowed or any(name_matches(name, glob) for glob in self.allowed)


def parse_dhcpcd(text: str, path: str = "/etc/dhcpcd.conf") -> DhcpcdConf:
    """Read dhcpcd.conf; `path` labels the places."""
    common = _Section(Place(path))
    sections: list[_Section] = []
    problems: list[Problem] = []
    names: dict[str, tuple[str, ...]] = {"denyinterfaces": (), "allowinterfaces": ()}
    kind = ""
    for number, line in _logical_lines(text):
        place = Place(path, number)
        option, _, rest = line.partition(" ")
        value = rest.strip()
        if option in _SECTIONS:
            kind = option
            if option == "interface":
                sections.append(replace(common, place=place, name=value))
        elif option in names:
            names[option] += tuple(value.replace(",", " ").split())[:_MAX_NAMES]
        elif kind in {"", "interface"}:
            section = sections[-1] if kind else common
            changed = _with_option(section, option, value, place)
            if isinstance(changed, Problem):
                problems.append(changed)
            elif kind:
                sections[-1] = changed
            else:
                common = changed
    profiles = [_profile(section) for section in sections if section.name]
    if common.method is not Method.DHCP:
        profiles.append(_profile(common))
    return DhcpcdConf(
        Configuration(tuple(profiles), tuple(problems)),
        common.method,
        common.place,
        names["denyinterfaces"],
        names["allowinterfaces"],
    )


def _with_option(section: _Section, option: str, value: str, place: Place) -> _Section | Problem:
    if option in {"nodhcp", "noipv4"}:
        return section if section.addresses else replace(section, method=Method.NONE, place=place)
    if option == "dhcp" and not section.addresses:
        return replace(section, method=Method.DHCP, place=place)
    if option in {"static", "inform"}:
        key, _, given = value.partition("=") if option == "static" else ("ip_address", "=", value)
        given = given.strip()
        if key.strip() == "routers":
            return replace(section, gateway=given.split()[0] if given else None)
        if key.strip() == "ip_address" and given:
            if not is_ipv4(given):
                return Problem(place, f"an address with its prefix wanted, {given[:80]} found")
            return replace(section, method=Method.STATIC, addresses=(given,), place=place)
    return section


def _profile(section: _Section) -> Profile:
    return Profile(
        section.place,
        "dhcpcd",
        section.name or "all interfaces",
        Match((section.name,) if section.name else ()),
        ipv4=section.method,
        ipv6=Method.AUTO,
        addresses=section.addresses,
        gateway=section.gateway,
    )


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give lines without comments and blanks around them; a backslash at the end joins the next."""
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.split("\n")[:LINES_MAX], start=1):
        line = raw.strip().replace("\t", " ")
        if line.startswith("#") or (not line and not parts):
            continue
        first = first if parts else number
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield first, " ".join(parts).strip()
            parts = []
    if parts:
        yield first, " ".join(parts).strip()
