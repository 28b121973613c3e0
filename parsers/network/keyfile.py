"""NetworkManager: connection profiles of the keyfile plugin, and NetworkManager.conf with its conf.d.

Formats: nm-settings-keyfile(5), NetworkManager.conf(5), GLib's key file format (a line that is neither a comment, a
group nor `key=value` makes the whole file unreadable; of a key given twice the last counts).
Not done: who may read a profile (its owner and mode decide whether it counts at all) is for the caller; secrets,
wireless and VPN settings are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from parsers.network.interface import PRIORITY, Configuration, Kind, Match, Method, Profile, Said, is_ipv4, normal_mac
from parsers.place import Place, Problem

_GROUP: Final = re.compile(r"\[([^\[\]\x00-\x1f]+)\]\s*\Z")
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
_HARDWARE: Final = ("ethernet", "802-3-ethernet", "wifi", "802-11-wireless")
_METHODS: Final = {
    "auto": Method.DHCP,
    "manual": Method.STATIC,
    "link-local": Method.LINK_LOCAL,
    "shared": Method.SHARED,
    "disabled": Method.NONE,
}
_METHODS6: Final = {**_METHODS, "auto": Method.AUTO, "dhcp": Method.DHCP, "ignore": Method.AUTO}
_TRUE: Final = {"true", "yes", "1", "on"}


class Entry(msgspec.Struct, frozen=True):
    """One `key=value`, escapes left as they are."""

    place: Place
    group: str
    key: str
    value: str


class KeyFile(msgspec.Struct, frozen=True):
    """The groups of one file; `flaw` is the first line that makes it unreadable."""

    entries: dict[tuple[str, str], Entry]
    flaw: Problem | None = None

    def get(self, group: str, key: str, default: str = "") -> str:
        """Return a value, or `default`."""
        entry = self.entries.get((group, key))
        return entry.value if entry else default

    def has_group(self, group: str) -> bool:
        """Tell whether the group has any key."""
        return any(name == group for name, _ in self.entries)


def parse_key_file(text: str, path: str) -> KeyFile:
    """Read a GLib key file; `path` labels the places."""
    entries: dict[tuple[str, str], Entry] = {}
    group: str | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip(" \t")
        place = Place(path, number)
        if not line.strip() or line.startswith("#"):
            continue
        if match := _GROUP.match(line):
            group = match[1]
            continue
        key, equals, value = line.partition("=")
        if group is None or not equals or not key.strip():
            wanted = "a group or key=value" if group is not None else "a group before the first key"
            return KeyFile(entries, Problem(place, f"{wanted} wanted, {line[:80]} found"))
        # Blanks at the end belong to the value: `method=auto ` is no method.
        entries[group, key.strip()] = Entry(place, group, key.strip(), value.lstrip(" \t"))
    return KeyFile(entries)


def parse_connection(text: str, path: str) -> Configuration:
    """Read one connection profile. A profile that NetworkManager refuses is a problem, and gives none."""
    file = parse_key_file(text, path)
    flaw = file.flaw or _flaw(file, path)
    if flaw is not None:
        return Configuration((), (flaw,))
    kind = _KINDS.get(file.get("connection", "type"), Kind.OTHER)
    addresses = tuple(_addresses(file, "ipv4"))
    method = _METHODS.get(file.get("ipv4", "method", "auto"), Method.OTHER)
    entry = file.entries.get(("ipv4", "method"))
    master = file.get("connection", "master") or file.get("connection", "controller")
    profile = Profile(
        place=entry.place if entry else Place(path),
        backend="networkmanager",
        name=file.get("connection", "id") or path.rpartition("/")[2].removesuffix(".nmconnection"),
        match=_match(file),
        kind=kind,
        # A port of a bond or bridge has no addresses of its own.
        ipv4=Method.NONE if master else method,
        ipv6=Method.NONE if master else _METHODS6.get(file.get("ipv6", "method", "auto"), Method.OTHER),
        addresses=tuple(address for address, _ in addresses),
        gateway=file.get("ipv4", "gateway") or next((gateway for _, gateway in addresses if gateway), None),
        at_boot=_true(file.get("connection", "autoconnect", "true")) and not file.get("connection", "permissions"),
        master=master or None,
        priority=int(priority[0])
        if (priority := PRIORITY.match(file.get("connection", "autoconnect-priority")))
        else 0,
        said=_said(file),
    )
    return Configuration((profile,))


def _flaw(file: KeyFile, path: str) -> Problem | None:
    if not file.get("connection", "type"):
        return Problem(Place(path), "type= in [connection] wanted, none found")
    for group, methods in (("ipv4", _METHODS), ("ipv6", _METHODS6)):
        entry = file.entries.get((group, "method"))
        if entry is not None and entry.value not in methods:
            return Problem(entry.place, f"a method of {group} wanted, {entry.value[:80] or 'none'} found")
        addressed = next((it for it in _address_entries(file, group)), None)
        if entry is None and addressed is not None:
            return Problem(addressed.place, f"a method beside the addresses of {group} wanted, none found")
        if entry is not None and entry.value == "manual" and addressed is None:
            return Problem(entry.place, f"an address of {group} beside method=manual wanted, none found")
    return None


def _address_entries(file: KeyFile, group: str) -> list[Entry]:
    return [it for it in file.entries.values() if it.group == group and _ADDRESS.match(it.key) and it.value]


def _addresses(file: KeyFile, group: str) -> list[tuple[str, str | None]]:
    """Return address and gateway of `address1=10.0.0.2/24,10.0.0.1` and of the older lists with semicolons."""
    found: list[tuple[str, str | None]] = []
    for entry in _address_entries(file, group):
        if "," in entry.value or ";" not in entry.value:
            address, _, gateway = entry.value.rstrip(";").partition(",")
            found.append((address.strip(), gateway.strip() or None))
            continue
        address, *rest = entry.value.rstrip(";").split(";")
        prefix = f"/{rest[0]}" if rest and rest[0].isdigit() else ""
        found.append((address + prefix, next((it for it in rest[1:2] if is_ipv4(it)), None)))
    return found


def _true(value: str) -> bool:
    return value.strip().lower() in _TRUE


def _match(file: KeyFile) -> Match:
    name = file.get("connection", "interface-name")
    macs = [mac for group in _HARDWARE if (mac := file.get(group, "mac-address"))]
    other = [f"{key}={value}" for key in ("path", "kernel-command-line") if (value := file.get("match", key))]
    names = (name,) if name else _patterns(file.get("match", "interface-name"))
    if name and (globs := file.get("match", "interface-name")):
        other.append(f"interface-name={globs}")
    return Match(
        names=names,
        macs=tuple(normal_mac(mac) or mac.lower() for mac in macs),
        drivers=_patterns(file.get("match", "driver")),
        other=tuple(other),
    )


def _said(file: KeyFile) -> Said:
    def first(*keys: tuple[str, str]) -> Place | None:
        return next((file.entries[key].place for key in keys if key in file.entries and file.entries[key].value), None)

    return Said(
        name=first(("connection", "interface-name"), ("match", "interface-name")),
        mac=first(*((group, "mac-address") for group in _HARDWARE)),
        at_boot=first(("connection", "permissions"), ("connection", "autoconnect")),
    )


def _patterns(value: str) -> tuple[str, ...]:
    """Return the patterns of a [match] list; `|` and `&` before one are taken away, and `!` kept on the first."""
    words = [word.lstrip("|&") for word in re.split(r"[;, ]+", value) if word]
    inverted = [word.removeprefix("!") for word in words if word.startswith("!")]
    return ("!" + inverted[0], *inverted[1:]) if inverted and len(inverted) == len(words) else tuple(words)


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

    def makes_default(self, name: str) -> bool:
        """Tell whether an interface without a profile is given one that uses DHCP."""
        return not _listed(self.no_auto_default, name)

    def manages(self, name: str) -> bool:
        """Tell whether NetworkManager takes an interface on, as far as its name decides."""
        return not _listed(self.unmanaged, name)


def _listed(specifications: tuple[str, ...], name: str) -> bool:
    """Match a device list by interface name; `except:` takes a device out. Other specifications match none."""
    listed = False
    for word in specifications:
        negative = word.startswith("except:")
        spec = word.removeprefix("except:").removeprefix("interface-name:").removeprefix("=")
        if spec.startswith("type:"):
            matched = spec == "type:ethernet"
        else:
            matched = len(spec) <= 64 and fnmatchcase(name, re.sub(r"\*+", "*", spec))
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
