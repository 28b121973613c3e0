"""ConnMan: provisioning files (connman-service.config(5)), what it remembers of a service, and main.conf.

Every file is a GLib key file. A wired card that no file speaks of is given its address by DHCP.
Not done: wireless services, VPNs, and the order in which ConnMan prefers one service to another.
"""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said, is_ipv4, normal_mac
from parsers.network.keyfile import KeyFile, parse_key_file
from parsers.place import Place, Problem

_METHODS: Final = {"dhcp": Method.DHCP, "auto": Method.DHCP, "off": Method.NONE, "manual": Method.STATIC}
_METHODS6: Final = {"auto": Method.AUTO, "off": Method.NONE, "manual": Method.STATIC}
_FALSE: Final = frozenset({"false", "0"})


class ConnmanMain(msgspec.Struct, frozen=True):
    """main.conf: names of interfaces that ConnMan leaves alone begin so; whether it connects wired ones by itself."""

    ignored: tuple[str, ...] = ()
    connects_wired: bool = True
    problems: tuple[Problem, ...] = ()


def parse_connman_main(text: str, path: str) -> ConnmanMain:
    """Read /etc/connman/main.conf."""
    file = parse_key_file(text, path)
    technologies = file.get("General", "DefaultAutoConnectTechnologies").split(",")
    return ConnmanMain(
        tuple(filter(None, map(str.strip, file.get("General", "NetworkInterfaceBlacklist").split(",")))),
        technologies == [""] or "ethernet" in map(str.strip, technologies),
        (file.flaw,) if file.flaw else (),
    )


def parse_connman_config(text: str, path: str) -> Configuration:
    """Read a provisioning file, /var/lib/connman/*.config: a profile for each wired [service_*]."""
    file = parse_key_file(text, path)
    profiles: list[Profile] = []
    problems: list[Problem] = [file.flaw] if file.flaw else []
    for group in dict.fromkeys(group for group, _ in file.entries):
        if group.startswith("service_") and file.get(group, "Type") == "ethernet":
            entry = file.entries.get((group, "IPv4"))
            method, address, gateway = _ipv4(entry.value if entry else "dhcp")
            place = entry.place if entry else Place(path)
            if method is None:
                problems.append(
                    Problem(place, f"off, dhcp or address/mask/gateway wanted, {entry and entry.value} found")
                )
                continue
            profiles.append(_profile(file, group, place, method, address, gateway))
    return Configuration(tuple(profiles), tuple(problems))


def parse_connman_settings(text: str, path: str) -> Configuration:
    """Read what ConnMan remembers of one wired service: /var/lib/connman/ethernet_<hardware address>_cable/settings."""
    file = parse_key_file(text, path)
    profiles: list[Profile] = []
    for group in dict.fromkeys(group for group, _ in file.entries):
        kind, _, rest = group.partition("_")
        mac = rest.partition("_")[0]
        if kind == "ethernet":
            entry = file.entries.get((group, "IPv4.method"))
            address = file.get(group, "IPv4.local_address")
            profiles.append(
                Profile(
                    entry.place if entry else Place(path),
                    "connman",
                    group,
                    Match(macs=tuple(filter(None, [normal_mac(":".join(mac[i : i + 2] for i in range(0, 12, 2)))]))),
                    ipv4=_METHODS.get(entry.value if entry else "dhcp", Method.OTHER),
                    addresses=(address,) if address else (),
                    at_boot=file.get(group, "AutoConnect") not in _FALSE,
                )
            )
    return Configuration(tuple(profiles), (file.flaw,) if file.flaw else ())


def _ipv4(value: str) -> tuple[Method | None, str | None, str | None]:
    if value in {"off", "dhcp", "auto"}:
        return _METHODS[value], None, None
    address, _, rest = value.partition("/")
    mask, _, gateway = rest.partition("/")
    if not is_ipv4(address) or not mask:
        return None, None, None
    return Method.STATIC, f"{address}/{mask}", gateway or None


def _profile(
    file: KeyFile, group: str, place: Place, method: Method, address: str | None, gateway: str | None
) -> Profile:
    mac = normal_mac(file.get(group, "MAC"))
    name = file.get(group, "DeviceName")
    return Profile(
        place,
        "connman",
        group,
        Match((name,) if name else (), (mac,) if mac else ()),
        Kind.ETHERNET,
        method,
        _METHODS6.get(file.get(group, "IPv6", "auto"), Method.STATIC),
        (address,) if address else (),
        gateway,
        said=Said(mac=file.entries[group, "MAC"].place if mac else None),
    )
