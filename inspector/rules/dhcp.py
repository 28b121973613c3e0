"""Rules about the network of the guest: it must come up by itself, with DHCP, on an interface it has never seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from inspector.facts import Facts
from inspector.facts.cloud_init import CloudInit
from inspector.facts.network import BackEnd, Choice, Fit, NetworkConfig, method_of
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.network.interface import Kind, Method, Profile
from parsers.place import Place

_SHOWN: Final = 16
_UNTRIED: Final = (
    "/etc/network/interfaces",
    "/etc/systemd/network",
    "/etc/NetworkManager/system-connections",
    "/etc/netplan",
)
_RENDERERS: Final = {
    "eni": "ifupdown",
    "sysconfig": "ifcfg",
    "netplan": "netplan",
    "network-manager": "networkmanager",
    "networkd": "networkd",
}
"""The renderers of cloud-init, in the order in which it tries them, and the back end that each writes for."""
_METHOD: Final = {
    Method.STATIC: "has a static address",
    Method.NONE: "is given no IPv4 address",
    Method.LINK_LOCAL: "is given a link-local address alone",
    Method.SHARED: "serves addresses to others",
    Method.OTHER: "is given its address by something else than DHCP",
}


def _started(backend: BackEnd) -> Evidence:
    return Evidence(backend.place, backend.reason)


def _seen(choice: Choice) -> Evidence:
    if choice.profile is None:
        return Evidence(choice.backend.place, f"{choice.backend.name} uses DHCP where it has no profile")
    profile = choice.profile
    words = [f"{profile.backend}: {profile.name}", f"IPv4 {choice.method}", *profile.addresses[:4]]
    return Evidence(profile.place, ", ".join(words))


def _profile(profile: Profile, found: str, place: Place | None = None) -> Evidence:
    """Show a profile at the line that says what is found, where there is one."""
    return Evidence(place or profile.place, f"{profile.backend}: {profile.name}: {found}")


def _shown(evidence: Iterable[Evidence]) -> list[Evidence]:
    return list(dict.fromkeys(evidence))[:_SHOWN]


@rule("network-service-enabled", "A network back end is started at boot")
def network_service_enabled(facts: Facts) -> Verdict:
    """Why: with every network service masked or disabled the instance never gets an address, and nobody can reach it.

    Fix: enable the service whose configuration is meant (`systemctl enable`, `chkconfig` or `rc-update add`):
    networking, systemd-networkd, NetworkManager, wicked, or network of Red Hat's scripts.
    Reads: the units and init scripts of ifupdown, systemd-networkd, NetworkManager, wicked, network, dhcpcd, ConnMan
    References: ifup(8), systemd-networkd.service(8), NetworkManager(8), wicked(8)
    """
    network = facts[NetworkConfig]
    if network.enabled:
        return ok("the network is brought up at boot", *map(_started, network.enabled))
    if network.unread:
        return unknown("the network is configured in files that are not read so far", *_unread(network))
    later = network.started_by_netplan
    if later is not None and facts[CloudInit].renders_network:
        writes = Evidence(Place(facts[CloudInit].programs[0]), "cloud-init writes a netplan file at boot")
        return ok(f"netplan starts {later.name} at boot", writes, _started(later))
    if not network.backends:
        return failed("no network back end is installed", *(Evidence(Place(path), "no back end") for path in _UNTRIED))
    return failed("no network back end is started at boot", *map(_started, network.backends))


@rule("network-config-parses", "The back ends that run accept their configuration")
def network_config_parses(facts: Facts) -> Verdict:
    """Why: ifupdown and netplan refuse everything for one mistake, and NetworkManager ignores the profile that has it.

    Fix: correct the line; a profile of NetworkManager must belong to root with mode 0600.
    Reads: the configuration of every back end that is started at boot
    References: interfaces(5), netplan(5), systemd.network(5), nm-settings-keyfile(5)
    """
    network = facts[NetworkConfig]
    fatal = {backend.name: backend.configuration.fatal for backend in network.enabled if backend.configuration.fatal}
    problems = [Evidence.of(problem) for backend in network.enabled for problem in backend.configuration.problems]
    if fatal:
        return failed(f"{' and '.join(fatal)} can read nothing of the configuration", *_shown(problems))
    if problems:
        return warning(f"{_count(len(problems), 'line')} of the configuration that do not count", *_shown(problems))
    if not network.enabled:
        raise NotApplicable("no network back end is started at boot, which network-service-enabled reports")
    return ok(
        "the configuration can be read",
        *(
            Evidence(it.place, f"{it.name}: {_count(len(it.configuration.profiles), 'profile')}")
            for it in network.enabled
        ),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@rule("primary-interface-uses-dhcp", "The first interface gets its IPv4 address by DHCP at boot")
def primary_interface_uses_dhcp(facts: Facts) -> Verdict:
    """Why: the cloud gives each instance another address; one that does not ask for it cannot be reached.

    Fix: give the first interface DHCP and have it brought up at boot: for ifupdown `auto eth0` or `allow-hotplug eth0`
    and `iface eth0 inet dhcp`; dhcp4: true in netplan; DHCP=yes for systemd-networkd; method=auto for NetworkManager.
    Reads: the configuration of every back end that is started at boot, the kernel's arguments, cloud-init
    References: interfaces(5), netplan(5), systemd.network(5), nm-settings-keyfile(5)
    """
    network = facts[NetworkConfig]
    choices = [choice for backend in network.enabled for choice in network.choices(backend)]
    good = [it for it in choices if it.fit is Fit.YES and it.method is Method.DHCP and it.profile is not None]
    if good and (conflict := _overridden(facts, network)):
        return conflict
    if good:
        name = " or ".join(network.names.names)
        return ok(f"{name} uses DHCP", *_shown([*map(_seen, good), *(_started(it.backend) for it in good)]))
    if network.unread:
        return unknown("the network is configured in files that are not read so far", *_unread(network))
    doubtful = _doubtful(network, choices)
    return doubtful if doubtful is not None else _without_dhcp(facts, network, choices)


def _overridden(facts: Facts, network: NetworkConfig) -> Verdict | None:
    """cloud-init may write another configuration over the good one that is there."""
    cloud_init = facts[CloudInit]
    own = cloud_init.system_network
    if own is None or not cloud_init.renders_network:
        return None
    mine = [it for it in own.profiles if network.names.fit(it.match) is Fit.YES]
    if not mine or any(method_of(it, own.profiles) is Method.DHCP for it in mine):
        return None
    return warning(
        "cloud-init is told to configure the network without DHCP",
        *_shown(_profile(it, f"IPv4 {it.ipv4}") for it in mine),
    )


def _doubtful(network: NetworkConfig, choices: Sequence[Choice]) -> Verdict | None:
    """Judge what may come to DHCP: a default, a condition, a name that the target may give."""
    dhcp = [it for it in choices if it.method is Method.DHCP]
    default = [it for it in dhcp if it.profile is None]
    if default:
        return warning("no profile is for the first interface: a default gives it DHCP", *_shown(map(_seen, default)))
    likely = [it for it in dhcp if it.fit in (Fit.SLOT, Fit.CONDITION)]
    static = [it for it in choices if it.fit is Fit.YES]
    if likely and not static:
        return warning("DHCP is used if the target meets a condition", *_shown(map(_seen, likely)), _named(network))
    return None


def _without_dhcp(facts: Facts, network: NetworkConfig, choices: Sequence[Choice]) -> Verdict:
    """Judge a guest none of whose profiles gives the first interface DHCP: cloud-init may still do so."""
    evidence, message = _fault(network, choices)
    cloud_init = facts[CloudInit]
    broken = any(backend.configuration.fatal for backend in network.enabled)
    if not broken and cloud_init.renders_network and _would_read(network, cloud_init):
        return _rendered(cloud_init, network, message, evidence)
    off = [*cloud_init.switches, *cloud_init.network_off]
    return failed(message, *_shown([*evidence, *off]))


def _would_read(network: NetworkConfig, cloud_init: CloudInit) -> bool:
    """Tell whether what cloud-init writes is read at boot: it writes for the first back end that is installed."""
    backends = {backend.name: backend for backend in network.backends}
    asked = cloud_init.config.value("system_info", "network", "renderers")
    order = asked if isinstance(asked, list) and asked else list(_RENDERERS)
    for renderer in order:
        name = _RENDERERS.get(str(renderer), "")
        if name == "netplan" and network.netplan:
            return bool(network.started_by_netplan or "networkmanager" in {it.name for it in network.enabled})
        if name == "ifcfg" and (readers := [it for it in network.backends if it.ifcfg]):
            return any(it.enabled for it in readers)
        if name in backends:
            return backends[name].enabled and backends[name].additions
    return False


def _rendered(cloud_init: CloudInit, network: NetworkConfig, message: str, evidence: list[Evidence]) -> Verdict:
    """cloud-init writes a configuration of its own: DHCP on the first interface, unless its files say otherwise."""
    place = Place(cloud_init.programs[0])
    version = cloud_init.version.text if cloud_init.version else ""
    own = cloud_init.system_network
    if own is not None:
        mine = [it for it in own.profiles if network.names.fit(it.match) is Fit.YES]
        dhcp = [it for it in mine if method_of(it, own.profiles) is Method.DHCP]
        if own.fatal is not None or not dhcp:
            said = [_profile(it, f"IPv4 {it.ipv4}") for it in own.profiles]
            said += map(Evidence.of, own.problems)
            return failed("cloud-init is told to configure the network without DHCP", *_shown([*said, *evidence]))
        return ok("cloud-init configures DHCP", *_shown(_profile(it, "IPv4 dhcp") for it in dhcp))
    writes = Evidence(place, f"cloud-init {version} writes the network configuration at boot")
    if not network.profiles():
        return ok("cloud-init configures DHCP", writes, *map(_started, network.enabled))
    return warning(f"{message}; cloud-init alone mends that at boot", *_shown([*evidence, writes]))


def _fault(network: NetworkConfig, choices: Sequence[Choice]) -> tuple[list[Evidence], str]:
    """Say why the first interface gets no address by DHCP, with the nearest profiles."""
    name = " or ".join(network.names.names)
    profiles = network.profiles()
    for backend in network.enabled:
        fatal = backend.configuration.fatal
        if fatal is not None:
            return [Evidence.of(fatal)], f"{backend.name} can read nothing of its configuration"
    certain = [choice for choice in choices if choice.fit is Fit.YES]
    if certain:
        return _shown(map(_seen, certain)), f"{name} {_METHOD.get(certain[0].method, 'does not use DHCP')}"
    bound = [choice.profile for choice in choices if choice.fit is Fit.MAC and choice.profile]
    if bound:
        return _shown(map(_bound, bound)), f"{name} is configured for one hardware address alone"
    down = [it for it in profiles if not it.at_boot and network.names.fit(it.match) is not Fit.NO]
    if down:
        found = [_profile(it, "nothing brings it up at boot", it.said.at_boot) for it in down]
        return found[:_SHOWN], f"nothing brings {name} up"
    others = [it for it in profiles if it.at_boot and it.ipv4 is Method.DHCP]
    if others:
        return [*_shown(map(_names, others)), _named(network)], f"DHCP is used on other interfaces than {name}"
    if profiles:
        return [_profile(it, f"IPv4 {it.ipv4}") for it in profiles][:_SHOWN], "no interface uses DHCP"
    return _nothing(network), f"nothing configures {name}"


def _nothing(network: NetworkConfig) -> list[Evidence]:
    virtual = [
        _profile(it, f"{it.kind} with IPv4 {it.ipv4}")
        for backend in network.enabled
        for it in backend.configuration.profiles
        if it.kind not in (Kind.LOOPBACK, Kind.ETHERNET)
    ]
    found = virtual or [_started(it) for it in network.enabled or network.backends]
    return _shown(found or [Evidence(Place(path), "no profile") for path in _UNTRIED])


def _named(network: NetworkConfig) -> Evidence:
    return Evidence(network.names.place, network.names.reason)


def _unread(network: NetworkConfig) -> list[Evidence]:
    return [Evidence(place, "not read so far") for place in network.unread[:_SHOWN]]


@rule("interface-names-match-kernel", "Profiles are for the names that the kernel's arguments give the interfaces")
def interface_names_match_kernel(facts: Facts) -> Verdict:
    """Why: on other hardware the same card is called otherwise; a profile for the old name then configures nothing.

    Fix: boot with net.ifnames=0 biosdevname=0 and configure eth0, or match every card with a pattern such as en*.
    Reads: the kernel's arguments, the configuration of every back end that is started at boot
    References: systemd.net-naming-scheme(7), systemd.link(5)
    """
    network = facts[NetworkConfig]
    named = [it for it in network.profiles() if it.match.names and it.ipv4 is not Method.NONE]
    unnamed = [it for it in network.profiles() if not it.match.names and network.names.fit(it.match) is Fit.YES]
    if not named or unnamed:
        raise NotApplicable("no profile depends on the name of the interface")
    name = " or ".join(network.names.names)
    fits = {id(it): network.names.fit(it.match) for it in named}
    if any(fit in (Fit.YES, Fit.MAC) for fit in fits.values()):
        fitting = [it for it in named if fits[id(it)] in (Fit.YES, Fit.MAC)]
        return ok(f"{name} is configured", *_shown([_names(it) for it in fitting]), _named(network))
    if any(fit in (Fit.SLOT, Fit.CONDITION) for fit in fits.values()):
        message = "whether a profile is for the first interface depends on the slot of the card"
        return warning(message, *_shown(map(_names, named)), _named(network))
    return warning(f"no profile is for {name}", *_shown(map(_names, named)), _named(network))


def _names(profile: Profile) -> Evidence:
    return _profile(profile, f"for {', '.join(profile.match.names[:8]) or 'another interface'}", profile.said.name)


def _bound(profile: Profile) -> Evidence:
    return _profile(profile, ", ".join(profile.match.macs[:4]), profile.said.mac)


@rule("network-not-bound-to-mac", "No profile or name is tied to a hardware address")
def network_not_bound_to_mac(facts: Facts) -> Verdict:
    """Why: every instance has another hardware address; what is tied to the one of the source machine never applies.

    Fix: take the hardware address out of the profile, and remove /etc/udev/rules.d/70-persistent-net.rules.
    Reads: the configuration of every back end that is started at boot, udev rules, .link files
    References: systemd.link(5), udev(7)
    """
    network = facts[NetworkConfig]
    bound = [_bound(it) for it in network.profiles() if it.match.macs]
    bound += [Evidence(it.place, it.seen) for it in network.bindings]
    if bound:
        return warning(f"{_count(len(bound), 'setting')} for one machine alone", *_shown(bound))
    seen = [Evidence(it.place, f"{it.name}: no hardware address") for it in network.enabled or network.backends]
    return ok("nothing is tied to a hardware address", *(seen or [_named(network)]))


@rule("one-back-end-per-interface", "One back end alone configures the first interface")
def one_back_end_per_interface(facts: Facts) -> Verdict:
    """Why: two programs that both ask for an address take it from each other, or set two default routes.

    Fix: keep the configuration of one back end and disable the service of the other.
    Reads: the configuration of every back end that is started at boot
    References: NetworkManager.conf(5), systemd.network(5)
    """
    network = facts[NetworkConfig]
    found = {
        backend.name: [it for it in network.choices(backend) if it.fit is Fit.YES and it.method is not Method.NONE]
        for backend in network.enabled
    }
    users = {name: choices for name, choices in found.items() if choices}
    if len(users) > 1:
        seen = [_seen(choice) for choices in users.values() for choice in choices]
        return warning(f"{' and '.join(users)} configure the same interface", *_shown(seen))
    if not users:
        raise NotApplicable("no back end certainly configures the first interface")
    return ok("one back end configures it", *_shown(_seen(it) for choices in users.values() for it in choices))


@rule("dhcp-client-installed", "A DHCP client is installed where what configures the network needs one")
def dhcp_client_installed(facts: Facts) -> Verdict:
    """Why: ifupdown and Red Hat's network scripts run a client; without it the interface stays without address.

    Fix: install isc-dhcp-client or dhcpcd-base; for the network scripts dhclient (dhcp-client).
    Reads: /usr/sbin/dhclient, udhcpc, dhcpcd, the configuration of ifupdown and of the network scripts
    References: interfaces(5), dhclient(8)
    """
    network = facts[NetworkConfig]
    backends = [it for it in network.enabled if it.name in _WITHOUT_CLIENT]
    users = [it for backend in backends for it in network.choices(backend) if it.method is Method.DHCP]
    if not users:
        raise NotApplicable("the first interface gets no DHCP, or its back end asks the server itself")
    by_scripts = users[0].backend.name == "network-scripts"
    clients = [path for path in network.clients if path.endswith("/dhclient") or not by_scripts]
    if not clients:
        return failed(
            "no DHCP client is installed", Evidence(Place("/usr/sbin/dhclient"), "no such file"), _seen(users[0])
        )
    return ok("a DHCP client is installed", *(Evidence(Place(path), "present") for path in clients))


_WITHOUT_CLIENT: Final = frozenset({"ifupdown", "network-scripts"})


RULES: Final = (
    network_service_enabled,
    network_config_parses,
    primary_interface_uses_dhcp,
    interface_names_match_kernel,
    network_not_bound_to_mac,
    one_back_end_per_interface,
    dhcp_client_installed,
)
