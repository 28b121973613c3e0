"""Which release of Windows it is, and how long it gets updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture
from inspector.facts.windows_version import WindowsVersion
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import CURRENT_VERSION, Registry

_OLDEST: Final = (6, 1)
_ENTERPRISE: Final = ("Enterprise", "Education", "IoTEnterprise", "ServerRdsh")
"""How the editions begin that have the longer time; ServerRdsh is Enterprise multi-session."""
_LONG_TERM: Final = ("EnterpriseS", "IoTEnterpriseS")
"""So begin those of the long-term servicing channel: EnterpriseSN, EnterpriseSEval, IoTEnterpriseSK are others."""
_IOT: Final = "IoTEnterpriseS"
_EVALUATION: Final = "eval"


@rule("windows-release-is-supported", "The cloud takes this release of Windows", "windows")
def windows_release_is_supported(facts: Facts) -> Verdict:
    r"""Server 2008 R2 or Windows 7 and later; of clients those for 64 bits.

    Why: the vendor takes neither older releases nor clients for 32 bits; they have no drivers for the devices of
    current instance types.

    Fix: upgrade Windows, or install a current release and move the applications there.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion, the head of ntoskrnl.exe

    References: Alibaba Cloud, Detect custom images and repair, limits (GUESTOS.OSVersion, GUESTOS.Architecture).
    """
    version, architecture = facts[WindowsVersion], facts[Architecture]
    seen = Evidence(version.place, f"{version.product}, {version.number}")
    if version.nt < _OLDEST:
        return failed("this release of Windows is too old", seen)
    if architecture.bits < 64 and not version.is_server:
        return failed("a client for 64 bits is wanted", Evidence(architecture.place, architecture.machine), seen)
    return ok("this release of Windows is supported", seen, Evidence(architecture.place, architecture.machine))


@rule("windows-release-is-maintained", "This release of Windows still gets updates", "windows")
def windows_release_is_maintained(
    facts: Facts,
    *,
    as_of: str,
    server: Mapping[str, str],
    client: Mapping[str, str],
    enterprise: Mapping[str, str],
    long_term: Mapping[str, str],
    iot: Mapping[str, str],
) -> Verdict:
    r"""The end of its support, by build, and the date at which the profile was written.

    Of clients, the editions Enterprise and Education are maintained longer than Home and Pro, those of the long-term
    servicing channel still longer, and those of it for devices (IoT) longest. Updates that are paid for beyond that
    (Extended Security Updates) are not seen.

    Why: a release that has come to its end gets no security updates.

    Fix: upgrade Windows to a release that is maintained.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion

    References: Microsoft, Windows Server release information; Windows 10 release information; Windows 11 release
    information; Microsoft Lifecycle, Windows 7, Windows 8.1, Windows Server 2008 R2, 2012 and 2012 R2.
    """
    version = facts[WindowsVersion]
    ends = server if version.is_server else _client_ends(version.edition or "", client, enterprise, long_term, iot)
    end = ends.get(str(version.build))
    seen = f"{version.product}, build {version.build}"
    if end is None:
        return warning("the end of this build is not known", Evidence(version.place, seen))
    if end < as_of:
        return warning("this release is not maintained any more", Evidence(version.place, f"{seen}, ended on {end}"))
    return ok("this release is maintained", Evidence(version.place, f"{seen}, until {end}"))


def _client_ends(
    edition: str,
    client: Mapping[str, str],
    enterprise: Mapping[str, str],
    long_term: Mapping[str, str],
    iot: Mapping[str, str],
) -> Mapping[str, str]:
    if edition.startswith(_LONG_TERM):
        return {**long_term, **iot} if edition.startswith(_IOT) else long_term
    return enterprise if edition.startswith(_ENTERPRISE) else client


@rule(
    "windows-edition-does-not-expire",
    "This edition of Windows is no evaluation, which ends after some months",
    "windows",
)
def windows_edition_does_not_expire(facts: Facts) -> Verdict:
    r"""The names of evaluations end with Eval: ServerStandardEval, ServerDatacenterEval, EnterpriseEval.

    How much of its time is left is not known: it stands in the licence store.

    Why: an evaluation ends after 90 or 180 days, which began on the source; from then on Windows shuts itself down
    every hour.

    Fix: of a server `DISM /online /Set-Edition:ServerStandard /ProductKey:KEY /AcceptEula` (or ServerDatacenter) with
    a key of the edition, and a restart; a client is to be installed anew.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion\EditionID

    References: Microsoft, Upgrade and conversion options for Windows Server (converting an evaluation); the message of
    the licence monitor (WLMS), which says what follows.
    """
    version, place = facts[WindowsVersion], facts[Registry].place(CURRENT_VERSION, "EditionID")
    if not version.edition:
        raise UnknownFact("which edition it is is not told", place)
    if version.edition.lower().endswith(_EVALUATION):
        return warning("this edition is an evaluation, and ends", Evidence(place, version.edition))
    return ok("this edition does not end", Evidence(place, version.edition))


RULES = (windows_edition_does_not_expire, windows_release_is_maintained, windows_release_is_supported)
