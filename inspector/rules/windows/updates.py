r"""Updates that Windows must have, and updates that it must not have.

Updates of Windows 10, Server 2016 and later are cumulative: the build and its revision (UBR) tell which one counts.
Which revision is which update is from Microsoft's "Windows Server release information"; which updates break instances
is from the vendor's check items of custom images. Left out are those of Server 2012 R2 and before, whose updates no
number tells apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown
from inspector.windows.registry import Registry
from parsers.windows.pe_version import parse_pe_version

_KERNEL: Final = r"C:\Windows\System32\ntoskrnl.exe"
_CURRENT: Final = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_WINDOWS_7: Final = (6, 1)
_WINDOWS_10: Final = 10
_SERVICE_PACK: Final = 7601
_FIRST: Final = 18741
_LIMITED: Final = range(20000, 22948)
"""Revisions of the branch for limited distribution that are older than the update, though their numbers are higher."""


@rule("windows-checks-sha2-signatures", "Windows 7 and Server 2008 R2 know signatures with SHA-2", "windows")
def windows_checks_sha2_signatures(facts: Facts) -> Verdict:
    r"""The version of the kernel: at least 6.1.7601.18741, that of KB3033929 from March 2015.

    Why: drivers and agents that are signed with SHA-2 alone are refused, the disk's driver among them (stop 0x7B), and
    so is every update since July 2019.

    Fix: install the service pack 1, KB4490628 and KB4474419 (or KB3033929).

    Reads: the version resource of System32\ntoskrnl.exe

    References: Alibaba Cloud, check items of custom images (GUESTOS.Hotfix); Microsoft, 2019 SHA-2 Code Signing Support
    requirement for Windows and WSUS.
    """
    if (facts[WindowsVersion].major, facts[WindowsVersion].minor) != _WINDOWS_7:
        raise NotApplicable("only Windows 7 and Server 2008 R2 came without SHA-2")
    place = facts[Guest].place(_KERNEL)
    version = parse_pe_version(facts[Guest].open(_KERNEL))
    if version is None:
        raise UnknownFact("the kernel does not tell its version", place)
    seen = Evidence(place, str(version))
    *_, build, revision = version.file_version
    if build < _SERVICE_PACK or (build == _SERVICE_PACK and revision < _FIRST):
        return failed("signatures with SHA-2 are not known", seen)
    if build == _SERVICE_PACK and revision in _LIMITED:
        return unknown("whether signatures with SHA-2 are known cannot be told by this version", seen)
    return ok("signatures with SHA-2 are known", seen)


@rule("windows-has-no-known-bad-update", "No update that breaks instances is the last one", "windows")
def windows_has_no_known_bad_update(facts: Facts, *, bad: Mapping[str, str]) -> Verdict:
    r"""The build and its revision: with the next cumulative update the number is another.

    Why: instances with one of these updates restart again and again, or lose their network.

    Fix: install the current cumulative update, or uninstall the one that is named.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion

    References: Alibaba Cloud, check items of custom images (GUESTOS.Hotfix); Microsoft, Windows Server release
    information (builds and KB articles).
    """
    version = facts[WindowsVersion]
    if version.major < _WINDOWS_10:
        raise NotApplicable("updates of this release are not told apart by a number")
    if version.revision is None:
        raise UnknownFact("the last update is not told", facts[Registry].place(_CURRENT, "UBR"))
    seen = Evidence(facts[Registry].place(_CURRENT, "UBR"), version.number)
    if found := bad.get(f"{version.build}.{version.revision}"):
        return failed(f"{found} is the last update", seen)
    return ok("the last update is not known to be bad", seen)


RULES = (windows_checks_sha2_signatures, windows_has_no_known_bad_update)
