r"""Updates that Windows must have, and updates that it must not have.

Updates of Windows 10, Server 2016 and later are cumulative: the build and its revision (UBR) tell which one counts. Of
Server 2012 R2 the packages of the servicing stack do: a rollup bears the revision that it makes, an update for security
alone its article, and one that another took the place of is no longer in force. Which revision is which update is from
Microsoft's "Windows Server release information", and for Server 2012 R2 from its CVE records (CVE-2022-21857,
CVE-2022-30163); which updates break instances is from the vendor's check items of custom images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_packages import PackageState, ServicingPackages
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown
from inspector.windows.registry import CURRENT_VERSION, Registry
from parsers.windows.pe_version import parse_pe_version

_KERNEL: Final = r"\Windows\System32\ntoskrnl.exe"
_WINDOWS_7: Final = (6, 1)
_WINDOWS_10: Final = 10
_SERVICE_PACK: Final = 7601
_FIRST: Final = 18741
_LIMITED: Final = range(20000, 22948)
"""Revisions of the branch for limited distribution that are older than the update, though their numbers are higher."""
_BRING_SHA2: Final = ("KB4474419", "KB3033929")


@rule("windows-checks-sha2-signatures", "Windows 7 and Server 2008 R2 know signatures with SHA-2", "windows")
def windows_checks_sha2_signatures(facts: Facts) -> Verdict:
    r"""The version of the kernel: at least 6.1.7601.18741, that of March 2015; else the updates that bring it.

    Why: drivers and agents that are signed with SHA-2 alone are refused, the disk's driver among them (stop 0x7B), and
    so is every update since July 2019.

    Fix: install the service pack 1, KB4490628 and KB4474419 (or KB3033929).

    Reads: the version resource of System32\ntoskrnl.exe, Component Based Servicing\Packages

    References: Alibaba Cloud, Detect custom images and repair (GUESTOS.Hotfix), and its diagnosis of Windows that does
    not start (the version of the kernel); Microsoft, 2019 SHA-2 Code Signing Support requirement for Windows and WSUS.
    """
    if facts[WindowsVersion].nt != _WINDOWS_7:
        raise NotApplicable("only Windows 7 and Server 2008 R2 came without SHA-2")
    place = facts[Guest].place(_KERNEL)
    version = parse_pe_version(facts[Guest].open(_KERNEL))
    seen = Evidence(place, "no version" if version is None else str(version))
    known = None if version is None else _kernel_knows(*version.file_version[2:])
    if known:
        return ok("signatures with SHA-2 are known", seen)
    brought = [Evidence(it.place, it.shown) for it in facts[ServicingPackages].articles(_BRING_SHA2) if it.has_been]
    if brought:
        return ok("an update brought signatures with SHA-2", *brought, seen)
    if known is None:
        return unknown("whether signatures with SHA-2 are known cannot be told by the kernel", seen)
    return failed("signatures with SHA-2 are not known", seen)


def _kernel_knows(build: int, revision: int) -> bool | None:
    """Tell whether a kernel of Windows 7 knows SHA-2; None where its version does not tell."""
    if build == _SERVICE_PACK and revision in _LIMITED:
        return None
    return (build, revision) >= (_SERVICE_PACK, _FIRST)


@rule("windows-has-no-known-bad-update", "No update that breaks instances is the last one", "windows")
def windows_has_no_known_bad_update(facts: Facts, *, bad: Mapping[str, str]) -> Verdict:
    r"""The build and its revision, with the next cumulative update another one, and the packages of updates.

    A rollup that the next start is to install counts, too; an update that a later rollup took the place of does not.

    Why: instances with one of these updates restart again and again, or lose their network.

    Fix: install the current cumulative update, or uninstall the one that is named.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion, Component Based Servicing\Packages

    References: Alibaba Cloud, Detect custom images and repair (GUESTOS.Hotfix); Microsoft, Windows Server release
    information (builds and KB articles), CBS Servicing States Chart.
    """
    version = facts[WindowsVersion]
    here = {name: number for name, number in bad.items() if number.startswith(f"{version.build}.")}
    if version.major < _WINDOWS_10 and not here:
        raise NotApplicable("no update of this release is known to be bad")
    found: list[tuple[str, Evidence]] = []
    wrong: list[tuple[str, Evidence]] = []
    unread = Unread()
    with unread.kept():
        for number, seen in _last_updates(facts):
            found.append((number, seen))
            wrong += [(name, seen) for name in here if here[name] == number]
        wrong += _single_updates(facts[ServicingPackages], version.build, here)
    if wrong:
        names = " or ".join(dict.fromkeys(name for name, _ in wrong))
        return failed(f"{names} is the last update", *dict.fromkeys(seen for _, seen in wrong))
    unread.tell()
    packages = facts[ServicingPackages]
    none = Evidence(packages.place, f"no rollup among {packages.count} packages")
    return ok("the last update is not known to be bad", *([seen for _, seen in found] or [none]))


def _last_updates(facts: Facts) -> Iterator[tuple[str, Evidence]]:
    """The revisions that are in force, or will be with the next start, as "20348.2113"."""
    version = facts[WindowsVersion]
    if version.major >= _WINDOWS_10:
        place = facts[Registry].place(CURRENT_VERSION, "UBR")
        if version.revision is None:
            raise UnknownFact("the last update is not told", place)
        yield f"{version.build}.{version.revision}", Evidence(place, version.number)
    packages = facts[ServicingPackages]
    if version.major < _WINDOWS_10 and (newest := packages.newest_rollup(version.build)):
        yield _number(newest.identity.version), Evidence(newest.place, newest.shown)
    for package in packages.updates:
        if package.state == PackageState.INSTALL_PENDING and package.identity.rollup:
            yield _number(package.identity.version), Evidence(package.place, package.shown)


def _single_updates(packages: ServicingPackages, build: int, bad: Mapping[str, str]) -> Iterator[tuple[str, Evidence]]:
    """The bad updates that packages are called after, unless a later rollup is there."""
    newest = packages.newest_rollup(build)
    last = _number(newest.identity.version) if newest else ""
    for package in packages.articles(bad):
        name = package.identity.article or ""
        pending = package.state == PackageState.INSTALL_PENDING
        if (package.in_force or pending) and not _is_later(last, bad[name]):
            yield name, Evidence(package.place, package.shown)


def _is_later(number: str, other: str) -> bool:
    """Tell whether a rollup such as "9600.21620" is later than another of the same build; one that is none is not."""
    ours, theirs = (text.partition(".")[2] for text in (number, other))
    return ours.isdecimal() and theirs.isdecimal() and int(ours) > int(theirs)


def _number(version: tuple[int, ...]) -> str:
    return f"{version[0]}.{version[1]}"


RULES = (windows_checks_sha2_signatures, windows_has_no_known_bad_update)
