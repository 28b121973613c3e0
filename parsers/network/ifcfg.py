"""ifcfg files of Red Hat's network scripts, and of SUSE's wicked.

Formats: Red Hat's `sysconfig.txt` of initscripts and nm-settings-ifcfg-rh(5) for
/etc/sysconfig/network-scripts/ifcfg-*; ifcfg(5), ifcfg-bonding(5), ifcfg-bridge(5) and ifcfg-vlan(5) of wicked for
/etc/sysconfig/network/ifcfg-*. Both are shell assignments; the scripts source the files, so quotes are the shell's.

An alias (ifcfg-eth0:1) only adds its addresses to an interface that another file brings up.

Deliberately not done: routes, DNS, wireless keys, teaming's JSON, data centre bridging.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.linux.shell_assignments import Assignment, Assignments, parse_assignments
from parsers.network.interface import (
    PRIORITY,
    Configuration,
    Kind,
    Match,
    Method,
    Profile,
    Said,
    is_ipv4,
    literal_name,
    normal_mac,
)
from parsers.place import Place, Problem

_NAME: Final = re.compile(r"ifcfg-(?P<name>.+)")
_IGNORED: Final = re.compile(r".*(~|\.bak|\.old|\.orig|\.rej|\.rpmnew|\.rpmorig|\.rpmsave|\.dpkg-\w+|\.scpmbackup|,v)")
_ADDRESS: Final = re.compile(r"IPADDR(\d*)")
_SUSE_ADDRESS: Final = re.compile(r"IPADDR(_\w+)?")
_BOND_PORT: Final = re.compile(r"BONDING_SLAVE_?\d+")
_MASTERS: Final = ("MASTER", "BRIDGE", "TEAM_MASTER", "MASTER_UUID", "BRIDGE_UUID", "TEAM_MASTER_UUID")
"""NetworkManager names a bond or bridge by the UUID of its profile where no interface's name will do."""
_NO: Final = frozenset({"no", "n", "false", "f", "off", "0"})
_YES: Final = frozenset({"yes", "y", "true", "t", "on", "1"})
_REDHAT: Final = {
    "dhcp": Method.DHCP,
    "bootp": Method.DHCP,
    "static": Method.STATIC,
    "none": Method.STATIC,
    "": Method.STATIC,
    "autoip": Method.LINK_LOCAL,
    "shared": Method.SHARED,
    "ibft": Method.OTHER,
}
_SUSE: Final = {
    "dhcp": (Method.DHCP, Method.DHCP),
    "dhcp4": (Method.DHCP, Method.NONE),
    "dhcp6": (Method.STATIC, Method.DHCP),
    "dhcp+autoip": (Method.DHCP, Method.DHCP),
    "dhcp4+autoip": (Method.DHCP, Method.NONE),
    "autoip": (Method.LINK_LOCAL, Method.NONE),
    "static": (Method.STATIC, Method.STATIC),
    "none": (Method.NONE, Method.NONE),
    "ibft": (Method.OTHER, Method.OTHER),
    "6to4": (Method.NONE, Method.OTHER),
}
_SUSE_OTHERS: Final = (
    *("TUNNEL", "PPPMODE", "WIREGUARD_PRIVATE_KEY", "DUMMY", "MACVLAN_DEVICE", "MACVTAP_DEVICE"),
    *("IPVLAN_DEVICE", "VXLAN_ID", "IPOIB_MODE", "OVS_BRIDGE_PORT_DEVICE_1"),
)
"""What makes an interface of wicked something else than a card: ifcfg-macvlan(5) and the like."""
_STARTED: Final = frozenset({"auto", "onboot", "on", "boot", "hotplug", "ifplugd", "nfsroot"})
_NOT_STARTED: Final = frozenset({"manual", "off"})
_KINDS: Final = {
    "ethernet": Kind.ETHERNET,
    "wireless": Kind.WIRELESS,
    "infiniband": Kind.OTHER,
    "bond": Kind.BOND,
    "bridge": Kind.BRIDGE,
    "ovsbridge": Kind.BRIDGE,
    "team": Kind.BOND,
    "vlan": Kind.VLAN,
    "loopback": Kind.LOOPBACK,
    "ipip": Kind.OTHER,
    "gre": Kind.OTHER,
    "sit": Kind.OTHER,
    "dummy": Kind.OTHER,
    "modem": Kind.OTHER,
    "xdsl": Kind.OTHER,
}


def interface_name(path: str) -> str | None:
    """Return the interface that an ifcfg file is named for; None for a file that the scripts pass over."""
    match = _NAME.fullmatch(path.rpartition("/")[2])
    if match is None or _IGNORED.fullmatch(match["name"]):
        return None
    return match["name"]


def parse_redhat_ifcfg(text: str, path: str, *, by_manager: bool = False) -> Configuration:
    """Read a file of /etc/sysconfig/network-scripts; nothing comes of one that is passed over, or of an alias.

    `by_manager` is whether NetworkManager reads it: without DEVICE it takes any card, and with USERS it waits for one
    of them to log in. The scripts take the file's name for the device, and know no users.
    """
    name = interface_name(path)
    if name is None or ":" in name:
        return Configuration()
    values = _Values(parse_assignments(text, path), path)
    device = values.get("DEVICE") or ("" if by_manager or values.get("HWADDR") else name)
    users = values.said("USERS") if by_manager else None
    kind = _redhat_kind(values, device)
    method = _REDHAT.get(values.get("BOOTPROTO").lower())
    problems = [*values.problems]
    if method is None:
        problems.append(values.wrong("BOOTPROTO", "dhcp, bootp, static or none"))
    addresses = tuple(_redhat_addresses(values))
    if method is Method.SHARED:
        addresses = addresses[:1]  # NetworkManager, which alone knows it, ignores the others
    mac = values.get("HWADDR")
    if mac and normal_mac(mac) is None:
        problems.append(values.wrong("HWADDR", "a hardware address"))
    master = next((value for key in _MASTERS if (value := values.get(key))), None)
    profile = Profile(
        place=values.place("BOOTPROTO"),
        backend="network-scripts",
        name=device or name,
        match=Match((literal_name(device),) if device else (), (normal_mac(mac) or mac.lower(),) if mac else ()),
        kind=kind,
        ipv4=Method.NONE if master else _static(method, addresses),
        ipv6=_redhat_ipv6(values, master),
        addresses=addresses,
        gateway=values.get("GATEWAY") or values.get("GATEWAY0") or None,
        at_boot=values.get("ONBOOT").lower() not in _NO and users is None,
        hotplug=values.get("HOTPLUG").lower() not in _NO,
        master=master,
        renderer=None if values.get("NM_CONTROLLED").lower() not in _NO else "network-scripts",
        priority=int(priority[0]) if (priority := PRIORITY.match(values.get("AUTOCONNECT_PRIORITY"))) else 0,
        uuid=values.get("UUID").lower() or None,
        said=Said(values.said("DEVICE") or Place(path), values.said("HWADDR"), users or values.said("ONBOOT")),
    )
    return Configuration((profile,), tuple(problems))


class Alias(msgspec.Struct, frozen=True):
    """A file such as ifcfg-eth0:1: more addresses for the interface of the file without the colon."""

    base: str
    addresses: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def parse_redhat_alias(text: str, path: str) -> Alias | None:
    """Read an alias; None for a file that is none, and for one whose DEVICE is not named after its base."""
    base, colon, _ = (interface_name(path) or "").partition(":")
    if not colon:
        return None
    values = _Values(parse_assignments(text, path), path)
    if not values.get("DEVICE").startswith(f"{base}:") or values.get("ONPARENT").lower() in _NO:
        return None
    return Alias(base, tuple(_redhat_addresses(values)), tuple(values.problems))


def with_aliases(configuration: Configuration, aliases: Iterable[Alias]) -> Configuration:
    """Give profiles the addresses of their aliases. `name` of a file and of a profile are the same but for DEVICE."""
    added: dict[str, tuple[str, ...]] = {}
    problems = list(configuration.problems)
    for alias in aliases:
        added[alias.base] = added.get(alias.base, ()) + alias.addresses
        problems += alias.problems
    profiles = tuple(
        _with_addresses(it, added[base]) if (base := interface_name(it.place.path) or "") in added else it
        for it in configuration.profiles
    )
    return Configuration(profiles, tuple(problems), configuration.fatal)


def _with_addresses(profile: Profile, addresses: tuple[str, ...]) -> Profile:
    static = profile.ipv4 is Method.NONE and profile.master is None and addresses
    return replace(profile, addresses=profile.addresses + addresses, ipv4=Method.STATIC if static else profile.ipv4)


def parse_suse_ifcfg(text: str, path: str) -> Configuration:
    """Read a file of /etc/sysconfig/network; nothing comes of one that is passed over."""
    name = interface_name(path)
    if name is None or name == "template":
        return Configuration()
    values = _Values(parse_assignments(text, path), path)
    problems = [*values.problems]
    protocols = values.get("BOOTPROTO").lower() or "static"
    methods = _SUSE.get(protocols)
    if methods is None:
        problems.append(values.wrong("BOOTPROTO", "dhcp, dhcp4, dhcp6, static or none"))
    mode = values.get("STARTMODE").lower() or "manual"
    if mode not in _STARTED | _NOT_STARTED:
        problems.append(values.wrong("STARTMODE", "auto, hotplug, manual or off"))
    addresses = tuple(_suse_addresses(values))
    ipv4, ipv6 = methods or (Method.OTHER, Method.OTHER)
    profile = Profile(
        place=values.place("BOOTPROTO"),
        backend="wicked",
        name=name,
        match=Match((literal_name(name),)),
        kind=_suse_kind(values, name),
        ipv4=_static(ipv4, addresses),
        ipv6=Method.NONE if ipv6 is Method.STATIC else ipv6,
        addresses=addresses,
        at_boot=mode in _STARTED,
        hotplug=mode in {"hotplug", "ifplugd"},
        said=Said(Place(path), None, values.said("STARTMODE") or Place(path)),
    )
    return Configuration((profile,), tuple(problems))


def with_ports(configurations: Iterable[Configuration], ports: dict[str, tuple[str, ...]]) -> Configuration:
    """Join wicked's files: a bond or bridge names its ports, which then get their addresses there.

    `ports` are those that `suse_ports` gave, by the name of the bond or bridge.
    """
    joined = list(configurations)
    masters = {port: master for master, names in ports.items() for port in names}
    profiles = tuple(
        _as_port(profile, masters[profile.name]) if profile.name in masters else profile
        for configuration in joined
        for profile in configuration.profiles
    )
    return Configuration(profiles, tuple(problem for configuration in joined for problem in configuration.problems))


def suse_ports(text: str, path: str) -> tuple[str, ...]:
    """Return the interfaces that a bond or bridge of wicked takes in."""
    values = _Values(parse_assignments(text, path), path)
    bond = (value for _, value in values.matching(_BOND_PORT) if value)
    return (*values.get("BRIDGE_PORTS").split(), *bond)


class _Values:
    """The last value of each variable, with its place; what needs a command to be run counts as empty."""

    def __init__(self, assignments: Assignments, path: str) -> None:
        self._last: dict[str, Assignment] = {item.name: item for item in assignments.assignments}
        self._path = path
        unknown = [item for item in self._last.values() if not item.known]
        self.problems = [
            *assignments.problems,
            *(Problem(item.place, f"a value wanted, a command for {item.name} found") for item in unknown),
        ]

    def get(self, name: str) -> str:
        """Return a value without blanks around it; empty where there is none."""
        found = self._last.get(name)
        return found.value.strip() if found and found.known else ""

    def matching(self, names: re.Pattern[str]) -> list[tuple[str, str]]:
        """Return (name, value) of the variables with such a name, in the file's order."""
        return [(name, self.get(name)) for name in self._last if names.fullmatch(name)]

    def place(self, name: str) -> Place:
        """Return where a variable stands; the file where it does not."""
        found = self._last.get(name)
        return found.place if found else Place(self._path)

    def said(self, name: str) -> Place | None:
        """Return where a variable is given a value; None where it is not."""
        return self.place(name) if self.get(name) else None

    def wrong(self, name: str, wanted: str) -> Problem:
        """Say that a variable has another value than `wanted`."""
        return Problem(self.place(name), f"{name}: {wanted} wanted, {self.get(name)[:80]!r} found")


def _static(method: Method | None, addresses: tuple[str, ...]) -> Method:
    """A static method without an address brings the interface up, and no more."""
    if method is None:
        return Method.OTHER
    return Method.NONE if method is Method.STATIC and not addresses else method


def _redhat_kind(values: _Values, device: str) -> Kind:
    kind = values.get("TYPE").lower() or values.get("DEVICETYPE").lower()
    if device == "lo":
        return Kind.LOOPBACK
    if kind in {"", "ethernet", "teamport"}:
        if values.get("VLAN").lower() in _YES:
            return Kind.VLAN
        if values.get("BONDING_OPTS") or values.get("BONDING_MASTER").lower() in _YES:
            return Kind.BOND
        return Kind.ETHERNET
    return _KINDS.get(kind, Kind.OTHER)


def _redhat_addresses(values: _Values) -> Iterable[str]:
    for name, address in values.matching(_ADDRESS):
        number = name.removeprefix("IPADDR")
        prefix = values.get(f"PREFIX{number}") or values.get(f"NETMASK{number}")
        if address:
            yield f"{address}/{prefix}" if prefix and "/" not in address else address


def _redhat_ipv6(values: _Values, master: str | None) -> Method:
    if master or values.get("IPV6INIT").lower() in _NO or values.get("IPV6_DISABLED").lower() in _YES:
        return Method.NONE
    if values.get("DHCPV6C").lower() in _YES:
        return Method.DHCP
    if values.get("IPV6_AUTOCONF").lower() in _NO:
        return Method.STATIC if values.get("IPV6ADDR") else Method.NONE
    return Method.AUTO


def _suse_kind(values: _Values, name: str) -> Kind:
    if name == "lo":
        return Kind.LOOPBACK
    if values.get("BRIDGE_PORTS"):
        return Kind.BRIDGE
    if values.matching(_BOND_PORT):
        return Kind.BOND
    for key, kind in (("BONDING_MASTER", Kind.BOND), ("BRIDGE", Kind.BRIDGE), ("TEAM", Kind.BOND)):
        if values.get(key).lower() in _YES:
            return kind
    if values.get("ETHERDEVICE"):
        return Kind.VLAN
    if any(values.get(key) for key in _SUSE_OTHERS):
        return Kind.OTHER
    if values.get("WIRELESS").lower() in _YES or values.get("WIRELESS_ESSID") or values.get("WIRELESS_AUTH_MODE"):
        return Kind.WIRELESS
    return Kind.ETHERNET


def _suse_addresses(values: _Values) -> Iterable[str]:
    for name, address in values.matching(_SUSE_ADDRESS):
        suffix = name.removeprefix("IPADDR")
        prefix = values.get(f"PREFIXLEN{suffix}") or values.get(f"NETMASK{suffix}")
        if is_ipv4(address) and not address.startswith("0.0.0.0"):  # noqa: S104 - how SUSE writes that there is none
            yield f"{address}/{prefix}" if prefix and "/" not in address else address


def _as_port(profile: Profile, master: str) -> Profile:
    return replace(profile, ipv4=Method.NONE, ipv6=Method.NONE, addresses=(), gateway=None, master=master)
