"""The back ends that take every interface they are not told to leave: dhcpcd and ConnMan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from inspector.facts.network import PREDICTABLE, BackEnd
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest
from inspector.linux.network_files import service_state, texts
from parsers.network.connman import (
    ConnmanMain,
    parse_connman_config,
    parse_connman_main,
    parse_connman_settings,
)
from parsers.network.dhcpcd import parse_dhcpcd
from parsers.network.interface import Configuration, Method
from parsers.network.keyfile import parse_key_file

_DHCPCD: Final = "/etc/dhcpcd.conf"
_CONNMAN: Final = "/etc/connman/main.conf"
_STATE: Final = "/var/lib/connman"
_NAMES: Final = ("eth0", *PREDICTABLE)


def dhcpcd(guest: Guest, services: Services) -> BackEnd | None:
    """Return dhcpcd where it runs by itself; others use it as their client."""
    state = service_state(services, "dhcpcd", "dhcpcd.service", "dhcpcd5.service")
    if not state.enabled:
        return None
    conf = parse_dhcpcd(next((text for _, text in texts(guest, [_DHCPCD])), ""), _DHCPCD)
    return BackEnd(
        "dhcpcd",
        state.enabled,
        state.place,
        f"{state.unit}: {state.reason}",
        conf.configuration,
        default=state.place if conf.default is Method.DHCP else None,
        ignores=tuple(name for name in _NAMES if not conf.takes(name)),
    )


def connman(guest: Guest, services: Services) -> BackEnd | None:
    """Return ConnMan where it is installed: what it was provisioned with, and what it remembers of wired services."""
    state = service_state(services, "connmand", "connman.service")
    if not state.installed:
        return None
    main = next((parse_connman_main(text, path) for path, text in texts(guest, [_CONNMAN])), ConnmanMain())
    state = _wired(guest, state)
    found = [parse_connman_config(text, path) for path, text in texts(guest, guest.glob(f"{_STATE}/*.config"))]
    remembered = texts(guest, guest.glob(f"{_STATE}/ethernet_*/settings"))
    found += [parse_connman_settings(text, path) for path, text in remembered]
    return BackEnd(
        "connman",
        state.enabled,
        state.place,
        f"{state.unit}: {state.reason}",
        _joined(found, main),
        default=state.place if main.connects_wired else None,
        ignores=tuple(name for name in _NAMES if name.startswith(main.ignored)),
        masked=state.masked,
    )


def _joined(found: Sequence[Configuration], main: ConnmanMain) -> Configuration:
    return Configuration(
        tuple(profile for one in found for profile in one.profiles),
        main.problems + tuple(problem for one in found for problem in one.problems),
    )


def _wired(guest: Guest, state: UnitState) -> UnitState:
    """ConnMan remembers that a person switched wired networks off."""
    for path, text in texts(guest, [f"{_STATE}/settings"]):
        entry = parse_key_file(text, path).entries.get(("Wired", "Enable"))
        if entry is not None and entry.value == "false":
            return replace(state, started=False, place=entry.place, reason="[Wired] Enable=false")
    return state
