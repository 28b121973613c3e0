"""Rules about the operating system as a whole: its release and its clock."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel, Kernels
from inspector.facts.rtc import RtcMode
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, unknown, warning
from parsers.linux.adjtime import ClockMode
from parsers.linux.os_release import OsRelease
from parsers.place import Place


@rule("distribution-is-supported", "The distribution's release is known to the cloud and still maintained")
def distribution_is_supported(facts: Facts, *, oldest: Mapping[str, str], maintained: Mapping[str, str]) -> Verdict:
    """Why: a release that is too old has no drivers for current instance types, and one that has ended gets no fixes.

    Fix: upgrade to a release that its distribution still maintains.
    Reads: os-release, or the older release files
    """
    release = facts[OsRelease]
    if release.id not in oldest:
        akin = f", akin to {' '.join(release.id_like)}" if release.id_like else ""
        seen = f"{release.pretty_name} ({release.id}{akin})"
        return warning("the distribution is not in the table of supported ones", Evidence(release.at("ID"), seen))
    place = _place(release)
    if release.release is None:
        return warning("the release has no version to compare", Evidence(release.place, release.pretty_name))
    seen = f"{release.id} {release.release}"
    if _order(release.release) < _order(oldest[release.id]):
        return failed("the release is too old", Evidence(place, f"{oldest[release.id]} or later wanted, {seen} found"))
    current = maintained.get(release.id)
    if current is None or _order(release.release) < _order(current):
        wanted = f"{current} or later" if current else "another distribution"
        return warning("the release is not maintained any more", Evidence(place, f"{wanted} wanted, {seen} found"))
    return ok("the release is supported", Evidence(place, seen))


def _place(release: OsRelease) -> Place:
    return release.at("VERSION_ID") if "VERSION_ID" in release.lines else release.place


def _order(version: str) -> tuple[int, ...]:
    """Compare versions by their numbers; what follows a number's end ("5.11b1") does not count."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", version))


@rule("kernel-is-supported", "The kernel is new enough for current instance types")
def kernel_is_supported(facts: Facts, *, oldest: str) -> Verdict:
    """Why: an older kernel lacks the drivers of the network and disk devices that current instance types have.

    Fix: install a newer kernel and make it the default.
    Reads: the default boot entry; where it cannot be had, every kernel in /boot and /lib/modules
    """
    try:
        kernel = facts[DefaultKernel]
        versions = [(kernel.version, kernel.place)] if kernel.version else []
    except UnknownFact:
        versions = []
    if not versions:
        found = facts[Kernels].installed
        versions = [(kernel.version, Place(kernel.image or kernel.modules or "/boot")) for kernel in found]
    if not versions:
        return unknown("no kernel was found", Evidence(Place("/boot"), "no kernel"))
    old = [
        Evidence(place, f"{oldest} or later wanted, {version} found")
        for version, place in versions
        if _is_older(version, oldest)
    ]
    if old:
        return failed("the kernel is too old", *old)
    return ok("the kernel is new enough", *(Evidence(place, version) for version, place in versions))


def _is_older(version: str, than: str) -> bool:
    return _order(version.partition("-")[0]) < _order(than)


@rule("clock-keeps-utc", "The hardware clock keeps UTC")
def clock_keeps_utc(facts: Facts) -> Verdict:
    """Why: the cloud's hardware clock keeps UTC; a guest that takes it for local time starts with a wrong time.

    Fix: timedatectl set-local-rtc 0, which writes UTC as the third line of /etc/adjtime.
    Reads: /etc/adjtime, on old releases /etc/default/rcS or /etc/sysconfig/clock
    References: hwclock(8)
    """
    clock = facts[RtcMode]
    evidence = Evidence(clock.place, clock.reason)
    if clock.mode is ClockMode.UTC:
        return ok("the hardware clock keeps UTC", evidence)
    return warning("the hardware clock keeps local time", evidence)


RULES = (distribution_is_supported, kernel_is_supported, clock_keeps_utc)
