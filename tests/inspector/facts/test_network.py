"""What a profile's match means for an interface that nobody has seen yet."""

from __future__ import annotations

import pytest

from inspector.facts.network import PREDICTABLE, BackEnd, Fit, InterfaceNames, NetworkConfig
from parsers.network.interface import Configuration, Match, Method, Profile
from parsers.place import Place

HERE = Place("/x")
ETH0 = InterfaceNames(("eth0",), predictable=False, place=HERE, reason="net.ifnames=0")
SLOT = InterfaceNames(PREDICTABLE, predictable=True, place=HERE, reason="no net.ifnames=0")


@pytest.mark.parametrize(
    ("match", "eth0", "slot"),
    [
        (Match(), Fit.YES, Fit.YES),
        (Match(("eth0",)), Fit.YES, Fit.NO),
        (Match(("eth*", "en*")), Fit.YES, Fit.YES),
        (Match(("en*",)), Fit.NO, Fit.YES),
        (Match(("ens3",)), Fit.NO, Fit.SLOT),
        (Match(("ens5",)), Fit.NO, Fit.SLOT),
        (Match(("ens*",)), Fit.NO, Fit.SLOT),
        (Match(("wl*",)), Fit.NO, Fit.NO),
        (Match(("!lo",)), Fit.YES, Fit.YES),
        (Match(macs=("52:54:00:00:00:01",)), Fit.MAC, Fit.MAC),
        (Match(("eth1",), macs=("52:54:00:00:00:01",)), Fit.NO, Fit.NO),
        (Match(drivers=("virtio*",)), Fit.YES, Fit.YES),
        (Match(drivers=("e1000",)), Fit.NO, Fit.NO),
        (Match(other=("Path=pci-*",)), Fit.CONDITION, Fit.CONDITION),
    ],
)
def test_fit(match: Match, eth0: Fit, slot: Fit) -> None:
    assert (ETH0.fit(match), SLOT.fit(match)) == (eth0, slot)


def profile(name: str, match: Match, method: Method = Method.DHCP, *, at_boot: bool = True) -> Profile:
    return Profile(HERE, "networkd", name, match, ipv4=method, at_boot=at_boot)


def config(name: str, *profiles: Profile, default: Place | None = None) -> NetworkConfig:
    return NetworkConfig((BackEnd(name, True, HERE, "started", Configuration(profiles), default),), ETH0)


def chosen(network: NetworkConfig) -> list[str | None]:
    return [it.profile.name if it.profile else None for it in network.choices(network.backends[0])]


def test_networkd_takes_the_first_certain_match() -> None:
    both = (profile("mac", Match(macs=("x",))), profile("a", Match(("eth0",))), profile("b", Match()))
    assert chosen(config("networkd", *both)) == ["mac", "a"]
    unmanaged = (profile("a", Match(("eth0",)), at_boot=False), profile("b", Match()))
    assert chosen(config("networkd", *unmanaged)) == []


def test_ifupdown_applies_all_that_are_brought_up() -> None:
    found = config("ifupdown", profile("a", Match(("eth0",))), profile("b", Match(("eth0",)), at_boot=False))
    assert chosen(found) == ["a"]


def test_networkmanager_prefers_the_profile_for_the_very_interface() -> None:
    found = config("networkmanager", profile("any", Match()), profile("eth0", Match(("eth0",))), default=HERE)
    assert chosen(found) == ["eth0"]
    assert chosen(config("networkmanager", profile("other", Match(("eth9",))), default=HERE)) == [None]


def test_nothing_is_done_to_an_interface_that_is_left_to_others() -> None:
    backend = BackEnd("networkmanager", True, HERE, "started", Configuration(), HERE, ignores=("eth0",))
    assert NetworkConfig((backend,), ETH0).choices(backend) == ()
