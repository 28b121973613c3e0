r"""Which release of Windows it is, and whether its updates are whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import Registry

_OLDEST: Final = (6, 1)
_ENTERPRISE: Final = ("Enterprise", "Education", "IoTEnterprise", "ServerRdsh")
"""How the editions begin that have the longer time; ServerRdsh is Enterprise multi-session."""
_LONG_TERM: Final = ("EnterpriseS", "IoTEnterpriseS")
"""So begin those of the long-term servicing channel: EnterpriseSN, EnterpriseSEval, IoTEnterpriseSK are others."""
_IOT: Final = "IoTEnterpriseS"
_SERVICING: Final = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
_UPDATE: Final = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
_MANAGER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
_PENDING: Final = r"C:\Windows\WinSxS\pending.xml"


@rule("windows-release-is-supported", "The cloud takes this release of Windows", "windows")
def windows_release_is_supported(facts: Facts) -> Verdict:
    r"""Server 2008 R2 or Windows 7 and later; of clients those for 64 bits.

    Why: older releases have no drivers for the devices of current instance types, and never will have.

    Fix: upgrade Windows, or install a current release and move the applications there.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion, the head of ntoskrnl.exe

    References: Alibaba Cloud, check items of custom images (GUESTOS.OSVersion, GUESTOS.Architecture).
    """
    version, architecture = facts[WindowsVersion], facts[Architecture]
    seen = Evidence(version.place, f"{version.product}, {version.number}")
    if (version.major, version.minor) < _OLDEST:
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


@rule("windows-no-update-is-under-way", "No update of Windows is half installed or waits for a restart", "windows")
def windows_no_update_is_under_way(facts: Facts) -> Verdict:
    r"""What the servicing stack, Windows Update and the session manager have left to do at the next start.

    Why: an update that was interrupted is finished or taken back at the first boot of every copy, which takes many
    minutes, and may end in a loop; drivers that the import adds get in its way.

    Fix: restart Windows until nothing is pending, shut it down, and take the image then.

    Reads: Component Based Servicing, WindowsUpdate\Auto Update, Session Manager, C:\Windows\WinSxS\pending.xml

    References: Microsoft, Windows Update troubleshooting; Alibaba Cloud, GUESTOS.Update.
    """
    guest, registry = facts[Guest], facts[Registry]
    begun: list[Evidence] = []
    waiting: list[Evidence] = []
    if registry.key(_SERVICING) is None:
        raise UnknownFact("the state of the updates is not told", registry.place(_SERVICING))
    if guest.is_file(_PENDING):
        begun.append(Evidence(guest.place(_PENDING), "operations that the next start has to do"))
    for name, found in (("RebootInProgress", begun), ("RebootPending", waiting), ("PackagesPending", waiting)):
        path = rf"{_SERVICING}\{name}"
        if registry.key(path) is not None:
            found.append(Evidence(registry.place(path), "there"))
    if registry.number(rf"{_SERVICING}\SessionsPending", "Exclusive"):
        begun.append(Evidence(registry.place(rf"{_SERVICING}\SessionsPending", "Exclusive"), "a session is under way"))
    if registry.key(rf"{_UPDATE}\RebootRequired") is not None:
        waiting.append(Evidence(registry.place(rf"{_UPDATE}\RebootRequired"), "there"))
    waiting += _renamed(registry)
    if begun:
        return failed("an update is half installed", *begun, *waiting)
    if waiting:
        return warning("Windows waits for a restart", *waiting)
    return ok("no update is under way", Evidence(registry.place(_SERVICING), "nothing pending"))


def _renamed(registry: Registry) -> Iterator[Evidence]:
    for name in ("PendingFileRenameOperations", "PendingFileRenameOperations2"):
        value = registry.value(_MANAGER, name)
        texts = registry.wanted(value.all_texts, "a list of texts", value) if value else ()
        if names := [text for text in texts if text]:
            yield Evidence(registry.place(_MANAGER, name), f"files are to be renamed, the first: {names[0]}")


RULES = (windows_no_update_is_under_way, windows_release_is_maintained, windows_release_is_supported)
