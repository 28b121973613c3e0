"""Who the guest is: the head of the report, from whatever facts could be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from msgspec.structs import replace

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.hostname import Hostname
from inspector.facts.platform import Architecture, BootModes
from inspector.facts.rtc import RtcMode
from inspector.guest import Guest
from inspector.report import GuestInfo
from parsers.linux.os_release import OsRelease

_Fact = TypeVar("_Fact")
_Value = TypeVar("_Value")


def guest_family(facts: Facts) -> Literal["linux", "windows"] | None:
    """Return what kind of system the guest is, or None where no root was found."""
    return _had(facts, Guest, lambda guest: guest.family)


def identify_guest(facts: Facts) -> GuestInfo:
    """Return what is known of the guest; what could not be had stays null."""
    family = guest_family(facts)
    if family is None:
        return GuestInfo()
    system = _windows(facts) if family == "windows" else _linux(facts)
    return replace(
        system,
        os=family,
        architecture=_had(facts, Architecture, lambda architecture: architecture.machine),
        rtc_mode=_had(facts, RtcMode, lambda rtc: rtc.mode),
        boot_mode=_had(facts, BootModes, lambda modes: modes.mode),
        hostname=_had(facts, Hostname, lambda hostname: hostname.name),
    )


def _linux(facts: Facts) -> GuestInfo:
    return GuestInfo(
        distro=_had(facts, OsRelease, lambda release: release.id),
        version=_had(facts, OsRelease, lambda release: release.version_id),
        product=_had(facts, OsRelease, lambda release: release.pretty_name),
        kernel=_had(facts, DefaultKernel, lambda kernel: kernel.version),
    )


def _windows(facts: Facts) -> GuestInfo:
    from inspector.facts.windows_version import WindowsVersion  # which no other guest has

    return GuestInfo(
        version=_had(facts, WindowsVersion, lambda version: f"{version.major}.{version.minor}.{version.build}"),
        product=_had(facts, WindowsVersion, lambda version: version.product),
        kernel=_had(facts, WindowsVersion, lambda version: version.number),
    )


def _had(facts: Facts, noun: type[_Fact], take: Callable[[_Fact], _Value | None]) -> _Value | None:
    try:
        return take(facts[noun])
    except UnknownFact:
        return None
