r"""Servers that Windows is bound to: for updates (WSUS), for activation (KMS), for the time.

Source: Microsoft's documentation, "Manage additional Windows Update settings" (the policies WUServer, WUStatusServer,
UseWUServer), "Slmgr.vbs options" (the value KeyManagementServiceName that /skms writes and /ckms takes away) and
"Windows Time service tools and settings" (Type and NtpServer). A server is the cloud's where its name ends with one of
the profile's domains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES
from parsers.windows.lsa_policy import parse_primary_domain

_UPDATE: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate"
_AUTOMATIC: Final = rf"{_UPDATE}\AU"
_LICENCE: Final = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
_HOST: Final = "KeyManagementServiceName"
_TIME: Final = rf"{SERVICES}\W32Time\Parameters"
_TIME_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\W32Time\Parameters"
_CLIENT: Final = rf"{SERVICES}\W32Time\TimeProviders\NtpClient"
_CLIENT_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\W32Time\TimeProviders\NtpClient"
_PEER: Final = "time.windows.com"
"""The peer that Windows has by default."""


@rule("windows-update-server-is-reachable", "Windows gets its updates from Microsoft, or from this cloud", "windows")
def windows_update_server_is_reachable(facts: Facts, *, domains: Sequence[str]) -> Verdict:
    r"""The policies that bind Windows Update to a server of one's own (WSUS), and that they agree.

    Why: an instance gets no updates where the server of the source's network is not reachable, or where one policy
    asks for a server and another names none.

    Fix: delete the values WUServer and WUStatusServer, and UseWUServer below AU, or name the cloud's server in both.

    Reads: SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate

    References: Microsoft, Manage additional Windows Update settings.
    """
    registry = facts[Registry]
    used = registry.number(_AUTOMATIC, "UseWUServer")
    server = registry.text(_UPDATE, "WUServer") or ""
    status = registry.text(_UPDATE, "WUStatusServer") or ""
    use = Evidence(registry.place(_AUTOMATIC, "UseWUServer"), "not set" if used is None else str(used))
    seen = Evidence(registry.place(_UPDATE, "WUServer"), server or "not set")
    if not used:
        return warning("a server is named, and not used", seen, use) if server else ok("Microsoft's servers", seen, use)
    if not server:
        return warning("a server is to be used, and none is named", seen, use)
    if server.rstrip("/").lower() != status.rstrip("/").lower():
        other = Evidence(registry.place(_UPDATE, "WUStatusServer"), status or "not set")
        return warning("updates and their reports go to different servers", seen, other)
    if not _within(_host(server), domains):
        return warning("updates come from a server of another network", seen)
    return ok("updates come from the cloud's server", seen)


@rule("windows-licence-server-is-reachable", "Windows finds its licence server by DNS, or in this cloud", "windows")
def windows_licence_server_is_reachable(facts: Facts, *, domains: Sequence[str]) -> Verdict:
    r"""The name of a KMS host that is set for good, for all applications, for one, or for one edition of it.

    Why: a copy that asks a server of the source's network is not activated, and says so after 180 days at the latest.

    Fix: `slmgr /ckms`, or `slmgr /skms HOST` with the cloud's host; below a key of an application delete the value.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform

    References: Microsoft, Slmgr.vbs options for obtaining volume activation information; Key Management Services (KMS)
    client activation and product keys (180 days).
    """
    registry = facts[Registry]
    good: list[Evidence] = []
    bad: list[Evidence] = []
    for path in _licence_keys(registry):
        host = (registry.text(path, _HOST) or "").strip()
        if host and not _within(host, domains):
            bad.append(Evidence(registry.place(path, _HOST), host))
        elif host or path == _LICENCE:
            good.append(Evidence(registry.place(path, _HOST), host or "not set"))
    return warning("a licence server of another network is set", *bad) if bad else ok("no other server is set", *good)


def _licence_keys(registry: Registry) -> Iterator[str]:
    """Give the keys that may name a host: of all, of each application, of each of its editions."""
    yield _LICENCE
    for application in registry.subkeys(_LICENCE):
        path = rf"{_LICENCE}\{application.name}"
        yield path
        yield from (rf"{path}\{edition.name}" for edition in registry.subkeys(path))


@rule("windows-takes-the-time-from-a-server", "Windows takes the time from servers that it can reach", "windows")
def windows_takes_the_time_from_a_server(facts: Facts, *, domains: Sequence[str]) -> Verdict:
    r"""The type of the time service, NTP outside of a domain, and its peers: the default one, or the cloud's.

    Why: a clock that nobody sets runs astray; certificates and log-ons fail after some minutes. A machine outside of a
    domain finds no controller to ask (NT5DS).

    Fix: `w32tm /config /manualpeerlist:time.windows.com /syncfromflags:manual /update` in the running Windows, or the
    cloud's servers; set Enabled of NtpClient to 1; where the key that is named is the policy's, take the policy away.

    Reads: Services\W32Time\Parameters, TimeProviders\NtpClient, the policies of the same names,
    SECURITY\Policy\PolPrDmS

    References: Microsoft, Windows Time service tools and settings; Alibaba Cloud, Initialization tools, Vminit
    (ConfigNtp).
    """
    registry = facts[Registry]
    path = _TIME_POLICY if registry.text(_TIME_POLICY, "Type") else _TIME
    kind = registry.text(path, "Type") or ""
    seen = Evidence(registry.place(path, "Type"), kind or "not set")
    client = _CLIENT if registry.number(_CLIENT_POLICY, "Enabled") is None else _CLIENT_POLICY
    enabled = registry.number(client, "Enabled")
    off = [] if enabled in (None, 1) else [Evidence(registry.place(client, "Enabled"), str(enabled))]
    if off or not kind or kind.lower() == "nosync":
        return warning("the clock is not set by any server", *off, seen)
    if kind.lower() == "nt5ds":
        domain = parse_primary_domain(registry.hive("SECURITY"))
        member = Evidence(registry.in_guest(domain.place), domain.name if domain.sid else "no domain")
        if domain.sid:
            return ok("the domain sets the clock", seen, member)
        return warning("a domain is to set the clock, and there is none", seen, member)
    peers = (registry.text(path, "NtpServer") or "").split()
    place = registry.place(path, "NtpServer")
    listed = [Evidence(place, peer) for peer in peers] or [Evidence(place, "no peer")]
    if not peers:
        return warning("the clock is to be set by servers, and none is named", seen, *listed)
    other = [item for item in listed if not _within(item.seen.partition(",")[0], [_PEER, *domains])]
    if other:
        return warning("a time server of another network is asked", *other, seen)
    return ok("the clock is set by servers", *listed, seen)


def _host(url: str) -> str:
    """Return the host of a URL, "" where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _within(host: str, domains: Sequence[str]) -> bool:
    name = f".{host.lower().partition(':')[0].rstrip('.')}"
    return any(name.endswith(f".{domain}") for domain in domains)


RULES = (
    windows_licence_server_is_reachable,
    windows_takes_the_time_from_a_server,
    windows_update_server_is_reachable,
)
