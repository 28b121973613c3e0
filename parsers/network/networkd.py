"""systemd-networkd: .network files (addresses), .link files (names) and .netdev files (virtual interfaces).

Formats: systemd.network(5), systemd.link(5), systemd.netdev(5). The files are given in the order in which networkd
reads them, each with its drop-ins; of all .network files that match an interface, the first alone is applied.
Not done: conditions that need a running machine (Path=, Type=, Host=, Virtualization=, ...) are kept as text, and
decide nothing. Routes count only for the default gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from parsers.linux.systemd import Unit, parse_unit, split_words
from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said, is_ipv4, normal_mac
from parsers.place import Place, Problem

_TRUE: Final = {"yes", "true", "on", "1", "y", "t"}
_OTHER_CONDITIONS: Final = (
    "Path",
    "Type",
    "Kind",
    "Property",
    "WLANInterfaceType",
    "SSID",
    "BSSID",
    "Host",
    "Virtualization",
    "KernelCommandLine",
    "KernelVersion",
    "Architecture",
    "Firmware",
    "PermanentMACAddress",
    "OriginalName",
    "Credential",
    "Version",
)
_CONTAINERS: Final = frozenset(
    {"docker", "lxc", "lxc-libvirt", "openvz", "podman", "pouch", "proot", "rkt", "systemd-nspawn", "wsl"}
)
_CONDITIONS: Final = frozenset(
    (
        *("Name", "OriginalName", "MACAddress", "PermanentMACAddress", "Path", "Driver", "Type", "Kind", "Property"),
        *("WLANInterfaceType", "SSID", "BSSID", "Host", "Virtualization", "KernelCommandLine", "KernelVersion"),
        *("Credential", "Architecture", "Firmware", "Version"),
    )
)
_MASTERS: Final = ("Bond", "Bridge", "VRF", "BatmanAdvanced")
_KINDS: Final = {"bond": Kind.BOND, "bridge": Kind.BRIDGE, "vlan": Kind.VLAN, "dummy": Kind.OTHER}


class NetworkdFile(msgspec.Struct, frozen=True):
    """One file with its drop-ins; `masked` where it is a link to /dev/null or empty."""

    path: str
    unit: Unit
    masked: bool = False


class LinkFile(msgspec.Struct, frozen=True):
    """A .link file: what the interfaces that it matches are called. `policy` lists where a name is taken from."""

    place: Place
    match: Match
    name: Place | None
    renamed: str | None
    policy: tuple[str, ...]


def parse_networkd(text: str, path: str, drop_ins: Iterable[tuple[str, str]] = ()) -> NetworkdFile:
    """Read one file and its drop-ins, given as (text, path) in the order in which they apply."""
    unit = parse_unit(text, path)
    for drop_in, drop_in_path in drop_ins:
        unit = unit.with_drop_in(parse_unit(drop_in, drop_in_path))
    return NetworkdFile(path, unit, masked=not text.strip())


def networkd_configuration(networks: Iterable[NetworkdFile], netdevs: Iterable[NetworkdFile] = ()) -> Configuration:
    """Return the profiles of all .network files, in the order in which they are tried."""
    kinds = dict(_netdevs(netdevs))
    profiles: list[Profile] = []
    problems: list[Problem] = []
    for file in networks:
        problems += file.unit.problems
        if file.masked:
            continue
        if not _conditions(file.unit):
            problem = Problem(Place(file.path), "a condition in [Match] wanted, none found: networkd ignores the file")
            problems.append(problem)
            continue
        profiles.append(_profile(file, kinds))
    return Configuration(tuple(profiles), tuple(problems))


def link_files(links: Iterable[NetworkdFile]) -> tuple[LinkFile, ...]:
    """Return what the .link files say, in the order in which they are tried."""
    found = []
    for file in links:
        if file.masked or not _conditions(file.unit):
            continue
        name = file.unit.last("Link", "Name")
        policy = file.unit.words("Link", "NamePolicy")
        match = _match(file.unit)
        found.append(
            LinkFile(Place(file.path), match, name.place if name else None, name.value if name else None, policy)
        )
    return tuple(found)


def _conditions(unit: Unit) -> bool:
    """Tell whether [Match] says anything; systemd.network(5): an empty one is matched by no interface.

    Keys that networkd does not know say nothing: it passes over them with a warning.
    """
    return any(it.section == "Match" and it.value and it.key in _CONDITIONS for it in unit.assignments)


def _netdevs(files: Iterable[NetworkdFile]) -> Iterator[tuple[str, Kind]]:
    for file in files:
        name, kind = file.unit.last("NetDev", "Name"), file.unit.last("NetDev", "Kind")
        if not file.masked and name and kind:
            yield name.value, _KINDS.get(kind.value, Kind.OTHER)


def _match(unit: Unit) -> Match:
    macs = [word for key in ("MACAddress", "PermanentMACAddress") for word in unit.words("Match", key)]
    return Match(
        # An original name is tried before any renaming; the name of a .link file is of that kind alone.
        names=unit.words("Match", "Name") or unit.words("Match", "OriginalName"),
        macs=tuple(normal_mac(word) or word.lower() for word in macs),
        drivers=unit.words("Match", "Driver"),
        other=tuple(
            f"{assignment.key}={assignment.value}"
            for key in _OTHER_CONDITIONS
            for assignment in unit.all("Match", key)
            if key not in ("PermanentMACAddress", "OriginalName") and not _always(assignment.key, assignment.value)
        ),
    )


def _always(key: str, value: str) -> bool:
    """Tell conditions that every network card of a virtual machine meets."""
    if key in ("Type", "Kind") and value.startswith("!"):
        # A card has the type ether and no kind, which virtual interfaces alone have.
        return key == "Kind" or "ether" not in split_words(value[1:])
    return (key, value) in {
        ("Type", "ether"),
        ("Virtualization", "yes"),
        ("Virtualization", "vm"),
        ("Virtualization", "!container"),
    }


def excludes_cards(condition: str) -> bool:
    """Tell whether a condition of `Match.other` is one that no network card of a virtual machine meets."""
    key, _, value = condition.partition("=")
    if key == "Virtualization":
        return value in {"no", "container", "!vm", "!yes"} or value in _CONTAINERS
    if key in ("Type", "Kind"):
        return not value.startswith("!") and (key == "Kind" or "ether" not in split_words(value))
    return key in ("WLANInterfaceType", "SSID", "BSSID")


def _profile(file: NetworkdFile, netdevs: dict[str, Kind]) -> Profile:
    unit = file.unit
    match = _match(unit)
    dhcp = unit.last("Network", "DHCP")
    dhcp_value = dhcp.value.lower() if dhcp else "no"
    addresses = [it.value for section in ("Network", "Address") for it in unit.all(section, "Address")]
    ipv4 = tuple(address for address in addresses if is_ipv4(address))
    ipv6 = tuple(address for address in addresses if ":" in address)
    managed = unit.last("Link", "Unmanaged")
    activation = unit.last("Link", "ActivationPolicy")
    link_local = unit.last("Network", "LinkLocalAddressing")
    master = next((it.value for key in _MASTERS if (it := unit.last("Network", key))), None)
    return Profile(
        place=dhcp.place if dhcp else Place(file.path),
        backend="networkd",
        name=file.path.rpartition("/")[2],
        match=match,
        kind=_kind(match, netdevs),
        ipv4=_ipv4(dhcp_value, ipv4, link_local.value.lower() if link_local else "no"),
        ipv6=_ipv6(unit, dhcp_value, ipv6),
        addresses=ipv4,
        gateway=_gateway(unit),
        at_boot=not (managed and managed.value.lower() in _TRUE)
        and not (activation and activation.value in ("manual", "down", "always-down")),
        master=master,
        said=Said(
            _place(unit, "Match", "Name", "OriginalName"),
            _place(unit, "Match", "MACAddress", "PermanentMACAddress"),
            _place(unit, "Link", "Unmanaged", "ActivationPolicy"),
        ),
    )


def _place(unit: Unit, section: str, *keys: str) -> Place | None:
    return next((it.place for key in keys if (it := unit.last(section, key)) is not None and it.value), None)


def _kind(match: Match, netdevs: dict[str, Kind]) -> Kind:
    if match.names == ("lo",):
        return Kind.LOOPBACK
    kinds = {netdevs[name] for name in match.names if name in netdevs}
    if len(kinds) == 1:
        return kinds.pop()
    if match.names and all(re.match(r"wl[a-z0-9*?]*\Z", name) for name in match.names):
        return Kind.WIRELESS
    return Kind.ETHERNET


def _ipv4(dhcp: str, addresses: tuple[str, ...], link_local: str) -> Method:
    if dhcp in _TRUE | {"ipv4", "both", "v4"}:
        return Method.DHCP
    if addresses:
        return Method.STATIC
    return Method.LINK_LOCAL if link_local in _TRUE | {"ipv4", "ipv4-fallback", "fallback"} else Method.NONE


def _ipv6(unit: Unit, dhcp: str, addresses: tuple[str, ...]) -> Method:
    if dhcp in _TRUE | {"ipv6", "both", "v6"}:
        return Method.DHCP
    if addresses:
        return Method.STATIC
    accepts = unit.last("Network", "IPv6AcceptRA")
    return Method.NONE if accepts and accepts.value.lower() not in _TRUE else Method.AUTO


def _gateway(unit: Unit) -> str | None:
    gateways = [it.value for section in ("Network", "Route") for it in unit.all(section, "Gateway")]
    return next((value for value in gateways if is_ipv4(value)), None)
