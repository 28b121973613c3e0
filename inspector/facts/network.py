"""How the guest configures its network: the back ends that run, and what the first interface will be called."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, name_matches
from parsers.network.networkd import excludes_cards
from parsers.place import Place

DRIVER: Final = "virtio_net"
"""The driver of the interface that the target gives the guest."""
PREDICTABLE: Final = ("ens5", "enp0s5", "enp1s0")
"""Names that systemd's naming scheme gives a network card, by hot-plug slot or by its place on the PCI bus."""


class Fit(StrEnum):
    """Whether a profile is for the first interface of the target.

    YES: certainly. SLOT: if the card sits where the name says. MAC: only on the machine that has this address.
    CONDITION: a condition decides that only a running machine can answer. NO: it is for another interface.
    """

    YES = "yes"
    SLOT = "slot"
    MAC = "mac"
    CONDITION = "condition"
    NO = "no"


class InterfaceNames(msgspec.Struct, frozen=True):
    """What the first interface is called: `names` are all it may be called. `place` says why."""

    names: tuple[str, ...]
    predictable: bool
    place: Place
    reason: str

    def fit(self, match: Match) -> Fit:
        """Tell whether a profile's match takes the first interface."""
        by_name = self._by_name(match)
        if any(map(excludes_cards, match.other)):
            return Fit.NO
        if by_name is Fit.NO or (match.drivers and not Match(names=match.drivers).takes_name(DRIVER)):
            return Fit.NO
        if match.macs:
            return Fit.MAC
        return Fit.CONDITION if match.other else by_name

    def _by_name(self, match: Match) -> Fit:
        taken = [match.takes_name(name) for name in self.names]
        if all(taken):
            return Fit.YES
        literal = any(name.startswith("en") and not name_matches(name, "*[*?[]*") for name in match.names)
        return Fit.SLOT if self.predictable and (any(taken) or literal) else Fit.NO


class BackEnd(msgspec.Struct, frozen=True):
    """A program that configures interfaces.

    Attributes:
        name: "ifupdown", "networkd", "networkmanager", "dhcpcd", "connman", "network-scripts" or "wicked".
        enabled: whether it is started at boot.
        place, reason: why it is started, or why not.
        configuration: what it has been told, netplan's files for it included.
        default: where it is said that an interface without a profile uses DHCP; None where it does not.
        ignores: interface names that it leaves to others.
        masked: whether its service was made impossible to start.
        additions: whether it would read a file that cloud-init adds to its configuration.
        ifcfg: whether it reads the ifcfg files of /etc/sysconfig, which cloud-init's renderer "sysconfig" writes.
    """

    name: str
    enabled: bool
    place: Place
    reason: str
    configuration: Configuration
    default: Place | None = None
    ignores: tuple[str, ...] = ()
    masked: bool = False
    additions: bool = True
    ifcfg: bool = False


class Binding(msgspec.Struct, frozen=True):
    """Something that is tied to one hardware address: `seen` says what."""

    place: Place
    seen: str


class Choice(msgspec.Struct, frozen=True):
    """What a back end does with the first interface; `profile` is None where it has a default for it, or nothing."""

    backend: BackEnd
    profile: Profile | None
    fit: Fit
    method: Method


class NetworkConfig:
    """The network configuration of a guest."""

    def __init__(
        self,
        backends: tuple[BackEnd, ...],
        names: InterfaceNames,
        bindings: tuple[Binding, ...] = (),
        unread: tuple[Place, ...] = (),
        clients: tuple[str, ...] = (),
        *,
        netplan: bool = False,
    ) -> None:
        """Take what was found.

        `backends` are those installed; `unread` is the configuration of others, which is not read; `clients` are the
        DHCP clients that ifup can call; `netplan` is whether netplan writes for systemd-networkd and NetworkManager.
        """
        self.backends = backends
        self.names = names
        self.bindings = bindings
        self.unread = unread
        self.clients = clients
        self.netplan = netplan

    @property
    def enabled(self) -> tuple[BackEnd, ...]:
        """The back ends that are started at boot."""
        return tuple(backend for backend in self.backends if backend.enabled)

    @property
    def started_by_netplan(self) -> BackEnd | None:
        """systemd-networkd where it does not run yet, but would once there is a netplan file for it."""
        found = (it for it in self.backends if it.name == "networkd" and not it.masked)
        return next(found, None) if self.netplan else None

    def choices(self, backend: BackEnd) -> tuple[Choice, ...]:
        """Return what a back end may do with the first interface, the likeliest first; none where it does nothing."""
        if any(name in backend.ignores for name in self.names.names):
            return ()
        profiles = backend.configuration.profiles
        found = [
            Choice(backend, profile, fit, method_of(profile, profiles))
            for profile in profiles
            if profile.kind in (Kind.ETHERNET, Kind.WIRELESS) and (profile.at_boot or backend.name == "networkd")
            if (fit := self.names.fit(profile.match)) is not Fit.NO
        ]
        if backend.name == "networkd":
            found = _first_match(found)
        elif backend.name == "networkmanager":
            # autoconnect-priority decides; of equals a profile for the very interface is taken before one for any.
            found.sort(key=_networkmanager_order)
            found = found[:1] if found and found[0].fit is Fit.YES else found
        # NetworkManager makes no profile of its own for a card that has one, be it one that nothing brings up.
        certain = any(self.names.fit(profile.match) is Fit.YES for profile in profiles)
        if backend.default is not None and not certain:
            found.append(Choice(backend, None, Fit.YES, Method.DHCP))
        return tuple(found)

    def profiles(self) -> tuple[Profile, ...]:
        """Return the profiles of the enabled back ends that are for interfaces of the machine."""
        found = (profile for backend in self.enabled for profile in backend.configuration.profiles)
        return tuple(it for it in found if it.physical and not any(map(excludes_cards, it.match.other)))


def _networkmanager_order(choice: Choice) -> tuple[bool, int, bool]:
    profile = choice.profile
    return choice.fit is not Fit.YES, -profile.priority if profile else 0, profile is None or profile.match.any


def _first_match(choices: list[Choice]) -> list[Choice]:
    """Of the files of systemd-networkd the first that matches counts; those after a certain match never do."""
    for number, choice in enumerate(choices):
        if choice.fit is Fit.YES:
            choices = choices[: number + 1]
            break
    return [choice for choice in choices if choice.profile is None or choice.profile.at_boot]


def method_of(profile: Profile, profiles: tuple[Profile, ...]) -> Method:
    """Return how an interface gets its IPv4 address: one that is taken into a bond or bridge gets it there."""
    if profile.master is None:
        return profile.ipv4
    named = {profile.master, profile.master.lower()}
    masters = (it for it in profiles if named & {it.name, it.uuid, *it.match.names})
    return next((it.ipv4 for it in masters if it is not profile), Method.NONE)
