"""Collects `NetworkConfig`: every back end, and netplan, which writes for systemd-networkd and NetworkManager."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from msgspec.structs import replace

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.network import DRIVER, PREDICTABLE, BackEnd, Binding, InterfaceNames, NetworkConfig
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.ifcfg_files import (
    handed_over,
    left_alone,
    network_scripts,
    networkmanager_files,
    unread_files,
    wicked,
)
from inspector.linux.network_daemons import connman, dhcpcd
from inspector.linux.network_files import TEXT_LIMIT, networkmanager_conf, overlaid, service_state, texts
from inspector.linux.programs import program_flaw
from parsers.linux.systemd import Unit
from parsers.network.ifupdown import DIRECTORY_NAME, Include, Interfaces, parse_interfaces
from parsers.network.ifupdown_ng import parse_interfaces_ng
from parsers.network.interface import Configuration, Profile
from parsers.network.networkd import NetworkdFile, link_files, networkd_configuration, parse_networkd
from parsers.place import Place, Problem

INTERFACES: Final = "/etc/network/interfaces"
_ADDITION: Final = "/etc/network/interfaces.d/50-cloud-init"
"""Where cloud-init writes for ifupdown."""
_NETPLAN: Final = ("/lib/netplan", "/usr/lib/netplan", "/etc/netplan")
_NETPLAN_PROGRAMS: Final = (
    "/usr/lib/systemd/system-generators/netplan",
    "/lib/systemd/system-generators/netplan",
    "/usr/sbin/netplan",
)
_NETPLAN_MASK: Final = ("/etc/systemd/system-generators/netplan",)
_NETWORKD: Final = (
    "/lib/systemd/network",
    "/usr/lib/systemd/network",
    "/usr/local/lib/systemd/network",
    "/etc/systemd/network",
)
"""Later directories hide files of the same name in earlier ones; /run is empty in a guest that is not running."""
_CONNECTIONS: Final = ("/usr/lib/NetworkManager/system-connections", "/etc/NetworkManager/system-connections")
_RULES: Final = ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
_UDEV_RULES: Final = ("80-net-setup-link.rules", "80-net-name-slot.rules")
"""Either gives a card the name of its place; the second is that of systemd before 209, and of EL 7."""
_IFTAB: Final = "/etc/iftab"
_IFTAB_LINE: Final = re.compile(r"[ \t]*[^#\s]\S*[ \t]+mac[ \t]+\S")
"""What ifrename(8) names by its hardware address."""
_BY_PLACE: Final = frozenset({"onboard", "slot", "path", "mac"})
"""Naming policies that succeed for any card on a bus."""
_NAMES_CARD: Final = re.compile(r'(?<![A-Z_])NAME:?="(?!\$env\{ID_NET_NAME\}|lo"|")')
"""A rule of udev(7) that gives an interface a name; `NAME==` asks for one."""
_ABOUT_CARDS: Final = re.compile(r'=="net"|address\}')
_NG: Final = ("/usr/libexec/ifupdown-ng", "/etc/network/ifupdown-ng.conf")
"""What ifupdown-ng of Alpine brings, which reads the same file otherwise."""
_IFUPDOWN_SETTINGS: Final = "/etc/default/networking"
_SETTING: Final = re.compile(r"""\s*(?:export\s+)?(CONFIGURE_INTERFACES|EXCLUDE_INTERFACES)=["']?([^"'#]*)""")
_NM_STATE: Final = "/var/lib/NetworkManager/NetworkManager.state"
_CLIENTS: Final = ("dhclient", "dhclient3", "udhcpc", "dhcpcd", "pump")
"""The DHCP clients that the releases of ifupdown know."""
_PROGRAMS: Final = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
_INCLUDES_MAX: Final = 2000
_WILDCARD: Final = re.compile(r"[^/]*[*?\[][^/]*")
_Read = TypeVar("_Read")


def collect_network(facts: Facts) -> NetworkConfig:
    """Read the configuration of every back end that the guest has, running or not."""
    guest, services = facts[Guest], facts[Services]
    netplan = _netplan(guest)
    links = _networkd_files(guest, ".link")
    interfaces: Interfaces | None = None
    own: Configuration | None
    if any(map(guest.exists, _NG)):
        own, additions = _interfaces(guest, parse_interfaces_ng)
    else:
        interfaces, additions = _interfaces(guest, parse_interfaces)
        own = interfaces.configuration() if interfaces else None
    candidates = [
        _ifupdown(guest, services, own or Configuration(), additions=additions),
        _networkd(guest, services, netplan),
        _networkmanager(guest, services, netplan, interfaces),
        dhcpcd(guest, services),
        connman(guest, services),
        network_scripts(guest, services),
        wicked(guest, services),
    ]
    backends = handed_over([backend for backend in candidates if backend is not None])
    return NetworkConfig(
        backends=tuple(backends),
        names=_names(guest, facts[DefaultKernel], links),
        bindings=tuple(_bindings(guest, links)),
        unread=tuple(unread_files(guest, backends)),
        clients=tuple(_clients(guest)),
        netplan=_has_netplan(guest),
    )


# -- ifupdown


def _interfaces(guest: Guest, parse: Callable[[str, str, Include], _Read]) -> tuple[_Read | None, bool]:
    """Read /etc/network/interfaces, where there is one, and what it includes; tell if cloud-init's file would be."""
    additions, budget = False, _INCLUDES_MAX

    def include(pattern: str, within: bool) -> list[tuple[str, str]]:  # noqa: FBT001 - the parser's own contract
        nonlocal additions, budget
        budget -= 5 * 4 ** min(len(_WILDCARD.findall(pattern)), 8)  # each may multiply the directories to look into
        if budget < 0:
            raise UnknownFact("too many files are included to follow them all", Place(INTERFACES))
        additions = additions or fnmatchcase(_ADDITION.rpartition("/")[0] if within else _ADDITION, pattern)
        paths = guest.glob(pattern)
        if within:
            folders = (path for path in paths if guest.is_dir(path))
            names = [(folder, entry.name) for folder in folders for entry in guest.listdir(folder)]
            paths = [f"{folder}/{name}" for folder, name in names if DIRECTORY_NAME.match(name)]
        return list(texts(guest, paths))

    try:
        text = guest.read_text(INTERFACES, TEXT_LIMIT)
    except NotFound:
        return None, False
    return parse(text, INTERFACES, include), additions


def _ifupdown(guest: Guest, services: Services, own: Configuration, *, additions: bool) -> BackEnd | None:
    state = service_state(services, "ifup", "networking.service")
    if not state.installed and not guest.exists("/sbin/ifup"):
        return None
    state, excluded = _ifupdown_settings(guest, state)
    reason = f"networking.service: {state.reason}"
    return BackEnd(
        "ifupdown",
        state.enabled,
        state.place,
        reason,
        own,
        ignores=excluded,
        masked=state.masked,
        additions=additions,
    )


def _ifupdown_settings(guest: Guest, state: UnitState) -> tuple[UnitState, tuple[str, ...]]:
    """What /etc/default/networking takes back: the whole service, or single interfaces."""
    excluded: tuple[str, ...] = ()
    for path, text in texts(guest, [_IFUPDOWN_SETTINGS]):
        for number, line in enumerate(text.split("\n"), start=1):
            match = _SETTING.match(line)
            if match and match[1] == "EXCLUDE_INTERFACES":
                excluded = tuple(match[2].replace(",", " ").split())
            elif match and match[2].strip() == "no":
                state = replace(state, started=False, place=Place(path, number), reason=line.strip())
    return state, excluded


def _clients(guest: Guest) -> Iterator[str]:
    for name in _CLIENTS:
        path = next((path for folder in _PROGRAMS if guest.is_file(path := f"{folder}/{name}")), None)
        if path is not None and program_flaw(guest, path) is None:
            yield path


# -- netplan and systemd-networkd


def _netplan(guest: Guest) -> Configuration:
    """Read netplan's files; without its generator they say nothing."""
    if not _has_netplan(guest):
        return Configuration()
    from parsers.network.netplan import merge_netplan, parse_netplan

    paths = overlaid(guest, _NETPLAN, ".yaml")
    return merge_netplan(parse_netplan(text, path) for path, text in texts(guest, paths))


def _has_netplan(guest: Guest) -> bool:
    if any(guest.glob(path) and not guest.exists(path) for path in _NETPLAN_MASK):
        return False
    return any(guest.is_file(path) and guest.stat(path).mode & 0o111 for path in _NETPLAN_PROGRAMS)


def _with_netplan(own: Configuration, netplan: Configuration, renderer: str) -> Configuration:
    """Put what netplan writes for a back end with its own profiles, in the order of the file names."""
    written = [profile for profile in netplan.profiles if profile.renderer == renderer]
    if renderer == "networkd":
        named = [(f"10-netplan-{profile.name}.network", profile) for profile in written]
        named += [(profile.name, profile) for profile in own.profiles]
        profiles = tuple(profile for _, profile in sorted(named, key=lambda item: item[0]))
    else:
        profiles = (*own.profiles, *written)
    return Configuration(profiles, own.problems + netplan.problems, own.fatal or netplan.fatal)


def _networkd_files(guest: Guest, suffix: str) -> list[NetworkdFile]:
    found = []
    for path in overlaid(guest, _NETWORKD, suffix):
        name = path.rpartition("/")[2]
        if not guest.is_file(path):  # a link to /dev/null, which no image has
            found.append(NetworkdFile(path, parse_networkd("", path).unit, masked=True))
            continue
        if suffix != ".link" and (flaw := _unreadable(guest, path)):
            found.append(NetworkdFile(path, Unit((), (flaw,)), masked=True))
            continue
        drop_ins = overlaid(guest, (f"{folder}/{name}.d" for folder in _NETWORKD), ".conf")
        more = [(text, drop_in) for drop_in, text in texts(guest, drop_ins)]
        found.append(parse_networkd(guest.read_text(path, TEXT_LIMIT), path, more))
    return found


def _unreadable(guest: Guest, path: str) -> Problem | None:
    """Networkd does not run as root: a file that others may not read, nor its own group, is none to it."""
    stat = guest.stat(path)
    if stat.mode & 0o004 or (stat.mode & 0o040 and stat.gid != 0) or stat.uid != 0:
        return None
    return Problem(Place(path), f"mode 0644 wanted, {stat.mode & 0o7777:04o} found: networkd may not read it")


def _networkd(guest: Guest, services: Services, netplan: Configuration) -> BackEnd | None:
    state = service_state(services, "networkd", "systemd-networkd.service")
    if not state.installed:
        return None
    own = networkd_configuration(_networkd_files(guest, ".network"), _networkd_files(guest, ".netdev"))
    configuration = _with_netplan(own, netplan, "networkd")
    reason = f"systemd-networkd.service: {state.reason}"
    return BackEnd("networkd", state.enabled, state.place, reason, configuration, masked=state.masked)


# -- NetworkManager


def _networkmanager(
    guest: Guest, services: Services, netplan: Configuration, interfaces: Interfaces | None
) -> BackEnd | None:
    state = service_state(services, "NetworkManager", "NetworkManager.service")
    if not state.installed:
        return None
    conf = networkmanager_conf(guest)
    for path, text in texts(guest, [_NM_STATE]):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.replace(" ", "") == "NetworkingEnabled=false":
                state = replace(state, started=False, place=Place(path, number), reason=line.strip())
    own = _connections(guest)
    scripts = networkmanager_files(guest, conf.plugins)
    also = scripts or Configuration()
    own = Configuration(own.profiles + also.profiles, own.problems + conf.problems + also.problems)
    listed: tuple[str, ...] = ()
    if interfaces is not None and "ifupdown" in conf.plugins and not conf.ifupdown_managed:
        listed = tuple(stanza.name for stanza in interfaces.stanzas)
    listed += tuple(name for name in ("eth0", *PREDICTABLE) if not conf.manages(name, DRIVER))
    listed += left_alone(guest) if scripts is not None else ()
    default = state.place if conf.makes_default("eth0", DRIVER) else None
    configuration = _with_netplan(own, netplan, "NetworkManager")
    reason = f"NetworkManager.service: {state.reason}"
    return BackEnd(
        "networkmanager",
        state.enabled,
        state.place,
        reason,
        configuration,
        default,
        listed,
        ifcfg=scripts is not None,
    )


def _connections(guest: Guest) -> Configuration:
    """Read the profiles that NetworkManager reads: it passes over those that others than root could have seen."""
    from parsers.network.connection import parse_connection

    profiles: list[Profile] = []
    problems: list[Problem] = []
    for path in overlaid(guest, _CONNECTIONS, ""):
        if path.endswith(("~", ".bak")) or not guest.is_file(path):
            continue
        stat = guest.stat(path)
        if stat.uid != 0 or stat.mode & 0o077:
            found = f"uid {stat.uid}, mode {stat.mode & 0o7777:04o}"
            problems.append(Problem(Place(path), f"owner root and mode 0600 wanted, {found} found: it is ignored"))
            continue
        connection = parse_connection(guest.read_text(path, TEXT_LIMIT), path)
        profiles += connection.profiles
        problems += connection.problems
    return Configuration(tuple(profiles), tuple(problems))


# -- names


def _names(guest: Guest, kernel: DefaultKernel, links: list[NetworkdFile]) -> InterfaceNames:
    """Work out what the first interface will be called (systemd.net-naming-scheme(7), systemd.link(5))."""
    by_policy = kernel.value("net.ifnames") != "0"  # which undoes NamePolicy= alone: Name= still counts
    rules = next((path for name in _UDEV_RULES for folder in _RULES if guest.glob(path := f"{folder}/{name}")), None)
    named = _named_by_link(links, by_policy=by_policy) if rules is not None and guest.is_file(rules) else None
    if named is not None and named.names != ("eth0",):
        return named
    if not by_policy:
        return _fixed("eth0", kernel.place, "net.ifnames=0")
    if rules is None or not guest.is_file(rules):
        return _fixed("eth0", Place(rules or f"{_RULES[1]}/{_UDEV_RULES[0]}"), "no such rules: the kernel's name stays")
    for file in links:
        if file.masked and file.path.endswith("/99-default.link"):
            return _fixed("eth0", Place(file.path), "the default naming policy is masked")
    if named is not None:
        return named
    reason = "no net.ifnames=0: the place of the card gives the name"
    return InterfaceNames(PREDICTABLE, predictable=True, place=kernel.place, reason=reason)


def _named_by_link(links: list[NetworkdFile], *, by_policy: bool) -> InterfaceNames | None:
    """The name that a .link file gives the first interface; None where its policy gives it by the card's place.

    Name= counts where no policy gives a name: `keep`, `kernel` and `database` give a virtual machine's card none.
    """
    for link in link_files(links):
        drivers = link.match.drivers
        match = replace(link.match, names=(), drivers=())
        if not (match.any and link.match.takes_name("eth0") and (not drivers or DRIVER in drivers)):
            continue
        if by_policy and _BY_PLACE & set(link.policy):
            return None
        if link.renamed and link.name:
            return _fixed(link.renamed, link.name, f"Name={link.renamed}")
        return _fixed("eth0", link.place, f"NamePolicy={' '.join(link.policy)}")
    return _fixed("eth0", Place(f"{_NETWORKD[1]}/99-default.link"), "no .link file gives another name")


def _fixed(name: str, place: Place, reason: str) -> InterfaceNames:
    return InterfaceNames((name,), predictable=False, place=place, reason=reason)


def _bindings(guest: Guest, links: list[NetworkdFile]) -> Iterator[Binding]:
    """Give what ties a name to a hardware address outside the profiles: udev rules, iftab(5) and .link files."""
    for path, text in texts(guest, [_IFTAB]):
        for number, line in enumerate(text.split("\n"), start=1):
            if _IFTAB_LINE.match(line):
                yield Binding(Place(path, number), line.strip()[:200])
    for path, text in texts(guest, guest.glob("/etc/udev/rules.d/*.rules")):
        if "NAME" in text:
            for number, line in enumerate(text.split("\n"), start=1):
                if _NAMES_CARD.search(line) and _ABOUT_CARDS.search(line) and not line.lstrip().startswith("#"):
                    yield Binding(Place(path, number), line.strip()[:200])
    for link in link_files(links):
        if link.match.macs and link.name is not None:
            yield Binding(link.name, f"Name={link.renamed} for {', '.join(link.match.macs[:4])}")
