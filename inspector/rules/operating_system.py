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


@rule("distribution-is-supported", "The distribution's release is known to the cloud, and not too old")
def distribution_is_supported(facts: Facts, *, oldest: Mapping[str, str]) -> Verdict:
    """Why: a release that is too old has no drivers for current instance types.

    Fix: upgrade to a release that its distribution still maintains.
    Reads: os-release, or the older release files
    References: os-release(5)
    """
    release = facts[OsRelease]
    if release.id not in oldest:
        akin = f", akin to {' '.join(release.id_like)}" if release.id_like else ""
        seen = f"{release.pretty_name} ({release.id}{akin})"
        return warning("the distribution is not in the table of supported ones", Evidence(release.at("ID"), seen))
    place = _place(release)
    if oldest[release.id] == "rolling":
        return ok("the release is always the newest", Evidence(release.at("ID"), release.pretty_name))
    if release.release is None:
        return warning("the release has no version to compare", Evidence(release.place, release.pretty_name))
    seen = f"{release.id} {release.release}"
    if _order(release.release) < _order(oldest[release.id]):
        return failed("the release is too old", Evidence(place, f"{oldest[release.id]} or later wanted, {seen} found"))
    return ok("the release is supported", Evidence(place, seen))


@rule("release-is-maintained", "The release still gets updates from its distribution")
def release_is_maintained(facts: Facts, *, as_of: str, ends: Mapping[str, Mapping[str, str]]) -> Verdict:
    """Whether a release gets updates is told by the date of its end, and the date at which the profile was written.

    Why: a release that has come to its end gets no security updates, and its package archives go away.
    Fix: upgrade to a release that its distribution still maintains.
    Reads: os-release, or the older release files
    References: os-release(5), SUPPORT_END
    """
    release = facts[OsRelease]
    known = ends.get(release.id)
    if known is None:
        return warning("the distribution's calendar is not known", Evidence(release.at("ID"), release.pretty_name))
    if not known:
        return ok("the distribution has no releases that end", Evidence(release.at("ID"), release.pretty_name))
    place = _place(release)
    end = _end(release.release or "", known)
    seen = f"{release.id} {release.release or 'without a version'}"
    if end is None:
        return warning("the release is not in the distribution's calendar", Evidence(place, seen))
    if end < as_of:
        return warning("the release is not maintained any more", Evidence(place, f"{seen}, which ended on {end}"))
    return ok("the release is maintained", Evidence(place, f"{seen}, until {end}"))


def _end(version: str, ends: Mapping[str, str]) -> str | None:
    """Find the release that a version belongs to: 12.8 to 12, 15.6 to 15.6."""
    numbers = version.split(".")
    candidates = (".".join(numbers[:count]) for count in range(len(numbers), 0, -1))
    return next((ends[candidate] for candidate in candidates if candidate in ends), None)


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
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
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
    nameless = [Evidence(place, version) for version, place in versions if not _order(version.partition("-")[0])]
    if nameless:
        return unknown("the version of a kernel is no number", *nameless)
    return ok("the kernel is new enough", *(Evidence(place, version) for version, place in versions))


def _is_older(version: str, than: str) -> bool:
    numbers = _order(version.partition("-")[0])
    return bool(numbers) and numbers < _order(than)


@rule("clock-keeps-utc", "The hardware clock keeps UTC")
def clock_keeps_utc(facts: Facts) -> Verdict:
    """Why: the cloud's hardware clock keeps UTC; a guest that takes it for local time starts with a wrong time.

    Fix: `timedatectl set-local-rtc 0`, which writes UTC as the third line of /etc/adjtime; in the other files, write
    UTC=yes or clock="UTC".
    Reads: /etc/adjtime; /etc/default/rcS, /etc/sysconfig/clock or /etc/conf.d/hwclock where the release keeps it there
    References: hwclock(8)
    """
    clock = facts[RtcMode]
    evidence = Evidence(clock.place, clock.reason)
    if clock.mode is ClockMode.UTC:
        return ok("the hardware clock keeps UTC", evidence)
    return warning("the hardware clock keeps local time", evidence)


RULES = (distribution_is_supported, release_is_maintained, kernel_is_supported, clock_keeps_utc)
