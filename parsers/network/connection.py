"""NetworkManager's connection profiles as its keyfile plugin has them: /etc/NetworkManager/system-connections.

Format: nm-settings-keyfile(5), nm-settings-nmcli(5). A profile that NetworkManager refuses is a problem and gives
none; what `nmcli --offline` 1.42 refuses is asked by the tests. Values that it passes over count as not given.
Not done: who may read a profile (its owner and mode decide whether it counts at all) is for the caller; secrets,
wireless and VPN settings are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from parsers.network.interface import (
    PRIORITY,
    Configuration,
    Kind,
    Match,
    Method,
    Profile,
    Said,
    literal_name,
    normal_mac,
)
from parsers.network.keyfile import Entry, KeyFile, parse_key_file
from parsers.place import Place, Problem

_ADDRESS: Final = re.compile(r"address(?:es)?(\d*)\Z")
_KINDS: Final = {
    "ethernet": Kind.ETHERNET,
    "802-3-ethernet": Kind.ETHERNET,
    "wifi": Kind.WIRELESS,
    "802-11-wireless": Kind.WIRELESS,
    "bond": Kind.BOND,
    "team": Kind.BOND,
    "bridge": Kind.BRIDGE,
    "vlan": Kind.VLAN,
    "loopback": Kind.LOOPBACK,
}
_BASES: Final = frozenset(
    {
        *_KINDS, "6lowpan", "adsl", "bluetooth", "cdma", "dummy", "generic", "gsm", "hsr", "infiniband", "ip-tunnel",
        "ipvlan", "macsec", "macvlan", "olpc-mesh", "ovs-bridge", "ovs-interface", "ovs-port", "pppoe", "tun", "veth",
        "vpn", "vrf", "vxlan", "wifi-p2p", "wimax", "wireguard", "wpan",
    }
)  # fmt: skip
"""Groups that say what a profile is for, where type= does not."""
_HARDWARE: Final = ("ethernet", "802-3-ethernet", "wifi", "802-11-wireless")
_NAMED: Final = ("bond", "bridge", "team", "dummy")
"""Kinds that must be given a name; old releases wrote it into the group of the kind."""
_METHODS: Final = {
    "auto": Method.DHCP,
    "manual": Method.STATIC,
    "link-local": Method.LINK_LOCAL,
    "shared": Method.SHARED,
    "disabled": Method.NONE,
}
_METHODS6: Final = {**_METHODS, "auto": Method.AUTO, "dhcp": Method.DHCP, "ignore": Method.AUTO}
_WITHOUT_ADDRESSES: Final = {"ipv4": ("disabled", "link-local"), "ipv6": ("disabled", "link-local", "ignore")}
_NAME: Final = re.compile(r"(?!(?:\.{1,2}|all|default)\Z)[^\s/:]{1,15}\Z")


def parse_connection(text: str, path: str) -> Configuration:
    """Read one connection profile. A profile that NetworkManager refuses is a problem, and gives none."""
    file = parse_key_file(text, path)
    flaw = file.flaw or next(_flaws(file, path), None)
    if flaw is not None:
        return Configuration((), (flaw,))
    addresses = _addresses(file, "ipv4")
    method = _METHODS[file.get("ipv4", "method", "auto")]
    if method is Method.SHARED:
        addresses = addresses[:1]
    master = file.get("connection", "master") or file.get("connection", "controller")
    priority = PRIORITY.match(file.get("connection", "autoconnect-priority"))
    profile = Profile(
        place=file.place("ipv4", "method") or Place(path),
        backend="networkmanager",
        name=file.get("connection", "id") or path.rpartition("/")[2].removesuffix(".nmconnection"),
        match=_match(file),
        kind=_KINDS.get(_type(file), Kind.OTHER),
        # A port of a bond or bridge has no addresses of its own.
        ipv4=Method.NONE if master else method,
        ipv6=Method.NONE if master else _METHODS6[file.get("ipv6", "method", "auto")],
        addresses=tuple(address for address, _ in addresses),
        gateway=file.get("ipv4", "gateway") or next((gateway for _, gateway in addresses if gateway), None),
        # GLib knows true, false, 1 and 0; NetworkManager passes over anything else, and connects.
        at_boot=file.get("connection", "autoconnect").strip() not in ("false", "0")
        and not file.get("connection", "permissions"),
        master=master or None,
        uuid=file.get("connection", "uuid").lower() or None,
        priority=int(priority[0]) if priority else 0,
        said=_said(file),
    )
    return Configuration((profile,))


def _type(file: KeyFile) -> str:
    """Return the type, which the one group of a kind stands for where none is given; empty where neither says it."""
    given = file.get("connection", "type")
    bases = file.groups.keys() & _BASES
    return given or (min(bases) if len(bases) == 1 else "")


def _flaws(file: KeyFile, path: str) -> Iterator[Problem]:
    kind = _type(file)
    if not kind:
        yield Problem(Place(path), "type= in [connection] wanted, none found")
    name = file.entries.get(("connection", "interface-name"))
    if name is not None and not _NAME.match(name.value):
        yield Problem(name.place, f"the name of an interface wanted, {name.value[:80] or 'none'} found")
    if kind in _NAMED and name is None and not file.get(kind, "interface-name"):
        yield Problem(Place(path), f"interface-name of a {kind} wanted, none found")
    yield from _flaws_of_a_port(file)
    for group, methods in (("ipv4", _METHODS), ("ipv6", _METHODS6)):
        if file.has_group(group):
            yield from _flaws_of_a_family(file, group, methods)


def _flaws_of_a_port(file: KeyFile) -> Iterator[Problem]:
    master = file.place("connection", "master", "controller")
    kind = file.place("connection", "slave-type", "port-type")
    if kind is not None and master is None:
        yield Problem(kind, "a master beside slave-type wanted, none found")
    if master is not None and kind is None and not any(group.endswith("-port") for group in file.groups):
        yield Problem(master, "slave-type beside the master wanted, none found")


def _flaws_of_a_family(file: KeyFile, group: str, methods: dict[str, Method]) -> Iterator[Problem]:
    entry = file.entries.get((group, "method"))
    addresses = _addresses(file, group)
    if entry is None:
        yield Problem(file.groups[group], f"a method of {group} wanted, none found")
        return
    if entry.value not in methods:
        yield Problem(entry.place, f"a method of {group} wanted, {entry.value[:80] or 'none'} found")
    if entry.value == "manual" and not addresses:
        yield Problem(entry.place, f"an address of {group} beside method=manual wanted, none found")
    if addresses and entry.value in _WITHOUT_ADDRESSES[group]:
        yield Problem(entry.place, f"no address beside method={entry.value} wanted, {addresses[0][0]} found")
    gateway = file.entries.get((group, "gateway"))
    if gateway is not None and gateway.value and (not addresses or _version(gateway.value) != int(group[-1])):
        yield Problem(gateway.place, f"a gateway of {group} beside an address wanted, {gateway.value[:80]} found")


def _version(text: str) -> int | None:
    try:
        return ip_address(text).version
    except ValueError:
        return None


def _addresses(file: KeyFile, group: str) -> list[tuple[str, str | None]]:
    """Return address and gateway of `address1=10.0.0.2/24,10.0.0.1` and of the older lists with semicolons."""
    entries = (it for it in file.entries.values() if it.group == group and _ADDRESS.match(it.key) and it.value)
    return [found for entry in entries if (found := _address(entry, int(group[-1]))) is not None]


def _address(entry: Entry, version: int) -> tuple[str, str | None] | None:
    """Return one address with its prefix; None for what NetworkManager passes over, with a warning in its log."""
    value = entry.value.rstrip(";")
    if ";" in value and "," not in value:
        text, prefix, gateway, *_ = [*value.split(";"), "", ""]
    else:
        address, _, gateway = value.partition(",")
        text, _, prefix = address.partition("/")
    if _version(text) != version or (gateway and _version(gateway) != version):
        return None
    if prefix.strip() != prefix:
        return None
    fits = prefix.isdecimal() and len(prefix) < 4 and int(prefix) <= (32 if version == 4 else 128)
    return f"{text}/{prefix if fits else 24 if version == 4 else 64}", gateway or None


def _match(file: KeyFile) -> Match:
    kind = _type(file)
    name = file.get("connection", "interface-name") or (file.get(kind, "interface-name") if kind in _KINDS else "")
    macs = [mac for group in _HARDWARE if (mac := normal_mac(file.get(group, "mac-address")))]
    other = [f"{key}={value}" for key in ("path", "kernel-command-line") if (value := file.get("match", key))]
    names = (literal_name(name),) if name else _patterns(file.get("match", "interface-name"))
    if name and (globs := file.get("match", "interface-name")):
        other.append(f"interface-name={globs}")
    return Match(names=names, macs=tuple(macs), drivers=_patterns(file.get("match", "driver")), other=tuple(other))


def _said(file: KeyFile) -> Said:
    return Said(
        name=file.place("connection", "interface-name") or file.place("match", "interface-name"),
        mac=next((place for group in _HARDWARE if (place := file.place(group, "mac-address"))), None),
        at_boot=file.place("connection", "permissions", "autoconnect"),
    )


def _patterns(value: str) -> tuple[str, ...]:
    """Return the patterns of a [match] list; `|` and `&` before one are taken away, and `!` kept on the first."""
    words = [word.lstrip("|&") for word in re.split(r"[;, ]+", value) if word]
    inverted = [word.removeprefix("!") for word in words if word.startswith("!")]
    return ("!" + inverted[0], *inverted[1:]) if inverted and len(inverted) == len(words) else tuple(words)
