r"""Remote Desktop: that it is on, listens, and on which port.

Source: Microsoft's documentation of the policies and values of Remote Desktop Services ("Win32_TSPermissionsSetting",
"Troubleshoot Remote Desktop connections", "change logon").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_version import WindowsVersion
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import CURRENT_VERSION, WINLOGON, Registry
from inspector.windows.remote_desktop import LISTENER, PORT, SERVER, listening_port
from inspector.windows.service_start import COPY, Flaw, flaw_of_service, lacking_below
from inspector.windows.services import SERVICES, Service, Start, absent, service

_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
_HOME: Final = ("Core", "Home", "Starter")
"""How the editions begin that are no host of Remote Desktop (Microsoft, "How to use Remote Desktop")."""
_DENY: Final = "fDenyTSConnections"
_NO_LOG_ON: Final = "WinStationsDisabled"
_DRAIN: Final = "TSServerDrainMode"
_DRAINED: Final = 2
"""No new sessions; 1 is until the next start."""


@rule("windows-rdp-is-enabled", "Remote Desktop is switched on", "windows")
def windows_rdp_is_enabled(facts: Facts) -> Verdict:
    r"""The policy, where there is one, outweighs the setting of the machine; editions for the home take no connections.

    Why: a Windows instance without Remote Desktop can be reached over the cloud's console only.

    Fix: set fDenyTSConnections to 0 (System Properties, Remote), take the policy away, let TermService start, and
    `change logon /enable`, which ends the drain mode, too.

    Reads: Control\Terminal Server, Policies\Microsoft\Windows NT\Terminal Services, Services\TermService,
    SOFTWARE\Microsoft\Windows NT\CurrentVersion\EditionID, Winlogon\WinStationsDisabled, TSServerDrainMode

    References: Microsoft, General Remote Desktop connection troubleshooting; Prepare a Windows VHD or VHDX to upload to
    Azure; Unattended Windows Setup Reference, fDenyTSConnections (on by default); Introducing Terminal Services Server
    Drain Mode; VMware, Managing RDS hosts in Horizon (the values of the drain mode).
    """
    registry = facts[Registry]
    found = service(registry, "TermService")
    if found is None:
        fix = rf"import the key {SERVICES}\TermService {COPY}."
        return failed("the service of Remote Desktop is not there", absent(registry, "TermService"), fix=fix)
    version = facts[WindowsVersion]
    if not version.is_server and (version.edition or "").startswith(_HOME):
        place = registry.place(CURRENT_VERSION, "EditionID")
        return failed("this edition takes no connections by Remote Desktop", Evidence(place, version.edition or ""))
    closed: list[tuple[str, Flaw]] = []
    waits: list[tuple[str, Evidence]] = []
    unread = Unread()
    for part in (_refused, _lacking, _not_let_in):
        with unread.kept():
            closed += part(facts, found)
    with unread.kept():
        waits += _waits(facts)
    messages = dict.fromkeys(message for message, _ in (closed or waits))
    if closed:
        fixes = dict.fromkeys(flaw.fix for _, flaw in closed)
        seen = (flaw.evidence for _, flaw in closed)
        return failed("; ".join(messages), *seen, *(item for _, item in waits), fix=" ".join(fixes))
    if waits:
        return warning("; ".join(messages), *(item for _, item in waits))
    unread.tell()
    decides = registry.place(SERVER if registry.number(_POLICY, _DENY) is None else _POLICY, _DENY)
    return ok("Remote Desktop is on", Evidence(decides, "0"), Evidence(found.start_place, found.start_name))


def _refused(facts: Facts, found: Service) -> Iterator[tuple[str, Flaw]]:
    """A service that is disabled, and a Remote Desktop that is switched off, by the policy or for good."""
    registry = facts[Registry]
    if found.start not in (Start.AUTOMATIC, Start.MANUAL):
        runs = Evidence(found.start_place, found.start_name)
        yield "the service of Remote Desktop cannot start", Flaw(runs, "`sc.exe config TermService start= demand`.")
    if policy := registry.number(_POLICY, _DENY):
        seen = Evidence(registry.place(_POLICY, _DENY), str(policy))
        yield "a policy refuses Remote Desktop", Flaw(seen, "take the policy away that is named.")
    if (off := _off(registry)) and not _opener(facts):
        yield "Remote Desktop is off", Flaw(off, "set fDenyTSConnections to 0 (System Properties, Remote).")


def _off(registry: Registry) -> Evidence | None:
    """Return the setting that switches Remote Desktop off, where no policy outweighs it."""
    setting = registry.number(SERVER, _DENY)
    if registry.number(_POLICY, _DENY) == 0 or setting == 0:
        return None
    return Evidence(registry.place(SERVER, _DENY), "not set, which means 1" if setting is None else str(setting))


def _waits(facts: Facts) -> Iterator[tuple[str, Evidence]]:
    """A Remote Desktop that the cloud opens, or that lets nobody in who is new."""
    registry = facts[Registry]
    if (off := _off(registry)) and (opener := _opener(facts)):
        yield from (("Remote Desktop is off until the service of the cloud opens it", item) for item in (off, opener))
    if registry.number(SERVER, _DRAIN) == _DRAINED:
        drained = Evidence(registry.place(SERVER, _DRAIN), str(_DRAINED))
        yield "Remote Desktop lets nobody in who has no session yet", drained


def _lacking(facts: Facts, found: Service) -> Iterator[tuple[str, Flaw]]:
    """What keeps the service from listening: its program, what it depends on, the listener."""
    registry, message = facts[Registry], "nothing listens for Remote Desktop"
    if flaw := flaw_of_service(facts, found):
        yield message, flaw
    for flaw in lacking_below(facts, found):
        yield message, flaw
    if registry.key(LISTENER) is None:
        absence = Evidence(registry.place(LISTENER), "no such key")
        yield message, Flaw(absence, rf"import the key {LISTENER} {COPY}.")
    if registry.number(LISTENER, "fEnableWinStation") == 0:
        off = Evidence(registry.place(LISTENER, "fEnableWinStation"), "0")
        yield message, Flaw(off, rf"set fEnableWinStation of {LISTENER} to 1.")


def _not_let_in(facts: Facts, _: Service) -> Iterator[tuple[str, Flaw]]:
    """Log-ons that are switched off (`change logon /disable`)."""
    registry = facts[Registry]
    if (text := registry.text(WINLOGON, _NO_LOG_ON) or "0") != "0":
        off = Evidence(registry.place(WINLOGON, _NO_LOG_ON), f"{text}: log-ons are switched off")
        yield "nobody is let in by Remote Desktop", Flaw(off, "`change logon /enable`.")


def _opener(facts: Facts) -> Evidence | None:
    """The initialiser of the cloud, one of whose plugins opens Remote Desktop at the first boot, where it can run."""
    found = service(facts[Registry], "vminit")
    if found is None or found.start != Start.AUTOMATIC or flaw_of_service(facts, found):
        return None
    return Evidence(found.start_place, "vminit")


@rule("windows-rdp-listens-as-usual", "Remote Desktop listens on its usual port, with its own certificate", "windows")
def windows_rdp_listens_as_usual(facts: Facts) -> Verdict:
    r"""The port, the card, the certificate and the number of connections of the listener RDP-Tcp.

    Why: security groups open port 3389; a listener of one card does not listen on another machine's; a certificate that
    was chosen by hand is not made anew in a copy, and where it is lacking nobody can connect; a listener that takes no
    connection, or no log-on, lets nobody in.

    Fix: set PortNumber to 3389, LanAdapter and fLogonDisabled to 0, MaxInstanceCount to 4294967295, and delete
    SSLCertificateSHA1Hash.

    Reads: Control\Terminal Server\WinStations\RDP-Tcp

    References: Microsoft, Change the listening port for Remote Desktop on your computer; Prepare a Windows VHD or VHDX
    to upload to Azure (port, card, certificate, connections). fLogonDisabled is known from a real hive alone.
    """
    registry = facts[Registry]
    if registry.key(LISTENER) is None:
        raise UnknownFact("Remote Desktop has no listener", registry.place(LISTENER))
    bad = []
    port = listening_port(registry)
    if port != PORT:
        bad.append(Evidence(registry.place(LISTENER, "PortNumber"), str(port)))
    if card := registry.number(LISTENER, "LanAdapter"):
        bad.append(Evidence(registry.place(LISTENER, "LanAdapter"), f"the card {card} alone"))
    if registry.value(LISTENER, "SSLCertificateSHA1Hash") is not None:
        bad.append(Evidence(registry.place(LISTENER, "SSLCertificateSHA1Hash"), "a certificate was chosen"))
    if registry.number(LISTENER, "MaxInstanceCount") == 0:
        bad.append(Evidence(registry.place(LISTENER, "MaxInstanceCount"), "0: no connection"))
    if refused := registry.number(LISTENER, "fLogonDisabled"):
        bad.append(Evidence(registry.place(LISTENER, "fLogonDisabled"), f"{refused}: no log-on"))
    if bad:
        return warning("the listener of Remote Desktop is not as usual", *bad)
    return ok("the listener of Remote Desktop is as usual", Evidence(registry.place(LISTENER, "PortNumber"), str(port)))


RULES = (
    windows_rdp_is_enabled,
    windows_rdp_listens_as_usual,
)
