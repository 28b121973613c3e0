"""The one model of a network configuration, which every parser of this package returns.

A `Profile` is what one stanza, file or mapping wants done to the interfaces that its `Match` picks. What a format
can say beyond this (routes, DNS, tunnels' ends, wireless keys) is left out: it does not decide whether a guest is
given its address.
"""

from __future__ import annotations

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAC: Final = re.compile(
    r"[0-9a-fA-F]{1,2}([:-])(?:[0-9a-fA-F]{1,2}\1){4}(?:(?:[0-9a-fA-F]{1,2}\1){14})?[0-9a-fA-F]{1,2}\Z"
)
"""Six bytes, or the twenty of InfiniBand."""

PRIORITY: Final = re.compile(r"-?\d{1,3}\Z", re.ASCII)
"""connection.autoconnect-priority of NetworkManager, from -999 to 999."""

_IPV4: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\S+)?\Z")


class Method(StrEnum):
    """How an interface comes by its addresses of one family."""

    DHCP = "dhcp"
    STATIC = "static"
    AUTO = "auto"  # IPv6: router advertisements, and DHCPv6 where they say so
    LINK_LOCAL = "link-local"
    SHARED = "shared"  # the guest serves addresses to others
    NONE = "none"  # brought up without an address, or not configured at all
    OTHER = "other"  # ppp, tunnels: an address from elsewhere


class Kind(StrEnum):
    """What sort of interface a profile makes or configures."""

    ETHERNET = "ethernet"
    LOOPBACK = "loopback"
    WIRELESS = "wireless"
    BOND = "bond"
    BRIDGE = "bridge"
    VLAN = "vlan"
    OTHER = "other"


class Match(msgspec.Struct, frozen=True):
    """The interfaces that a profile is for: every kind of condition given must hold; none given is any interface.

    Attributes:
        names: interface names or shell globs, one of which must match; a leading `!` on the first inverts the list.
        macs: hardware addresses in lower case with colons, one of which must match.
        drivers: kernel drivers or globs, one of which must match.
        other: conditions that only a running machine can answer (`Path=pci-0000:02:*`).
    """

    names: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether every interface is meant."""
        return not (self.names or self.macs or self.drivers or self.other)

    def takes_name(self, name: str) -> bool:
        """Tell whether the condition on names lets `name` through."""
        if not self.names:
            return True
        inverted = self.names[0].startswith("!")
        globs = (self.names[0].removeprefix("!"), *self.names[1:])
        return any(name_matches(name, glob) for glob in globs) is not inverted


class Said(msgspec.Struct, frozen=True):
    """Where a profile says which interface it is for and whether it is brought up; None where nothing says so."""

    name: Place | None = None
    mac: Place | None = None
    at_boot: Place | None = None


class Profile(msgspec.Struct, frozen=True):
    """What is to be done to the interfaces that `match` picks.

    Attributes:
        place: where it stands in the guest.
        backend: who reads it: "ifupdown", "netplan", "networkd", "networkmanager", "wicked", "dhcpcd", "connman".
        name: what the file calls it: an interface, a connection, a netplan id.
        ipv4, ipv6: how addresses are had.
        addresses: IPv4 addresses as written, with their prefix or mask where one is given.
        gateway: the IPv4 default gateway.
        at_boot: brought up at boot, or as soon as the interface appears.
        master: the bond or bridge that takes the interface in, by its interface, `name` or `uuid`; or None.
        renamed: the name that the interface is given, or None.
        renderer: netplan alone: the back end it is written for.
        priority: NetworkManager alone: of several profiles for an interface the highest is taken.
        uuid: NetworkManager alone: the name that no two profiles share, in lower case.
        said: where the name, the hardware address and the bringing up are spoken of.
    """

    place: Place
    backend: str
    name: str
    match: Match
    kind: Kind = Kind.ETHERNET
    ipv4: Method = Method.NONE
    ipv6: Method = Method.NONE
    addresses: tuple[str, ...] = ()
    gateway: str | None = None
    at_boot: bool = True
    hotplug: bool = False
    master: str | None = None
    renamed: str | None = None
    renderer: str | None = None
    priority: int = 0
    uuid: str | None = None
    said: Said = Said()

    @property
    def physical(self) -> bool:
        """Whether it configures an interface that the machine, not the configuration, brings."""
        return self.kind in (Kind.ETHERNET, Kind.WIRELESS)


class Configuration(msgspec.Struct, frozen=True):
    """What one back end has been told.

    `fatal` is set where a problem makes the back end refuse the whole configuration, not the one entry.
    """

    profiles: tuple[Profile, ...] = ()
    problems: tuple[Problem, ...] = ()
    fatal: Problem | None = None


def normal_mac(text: str) -> str | None:
    """Return a hardware address as `aa:bb:cc:dd:ee:ff`, or None where `text` is none."""
    text = text.strip()
    if not MAC.match(text):
        return None
    return ":".join(f"{int(part, 16):02x}" for part in re.split("[:-]", text))


def is_ipv4(text: str) -> bool:
    """Tell whether `text` is written as an IPv4 address, with or without a prefix."""
    return bool(_IPV4.match(text))


def literal_name(name: str) -> str:
    """Return the pattern for a name in which stars and brackets stand for themselves."""
    return re.sub(r"([*?\[])", r"[\1]", name)


@lru_cache(maxsize=1024)
def name_matches(name: str, glob: str) -> bool:
    """Match an interface name against a shell glob, in time that the glob cannot blow up."""
    # fnmatch builds a regular expression, whose time a row of stars could raise without bound.
    glob = re.sub(r"\*+", "*", glob)
    return len(glob) <= 256 and glob.count("*") <= 8 and fnmatchcase(name, glob)
