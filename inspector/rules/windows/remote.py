r"""Remote Desktop: that it listens, on which port, and that the firewall lets it in.

Source: Microsoft's documentation of the policies and values of Remote Desktop Services ("Win32_TSPermissionsSetting",
"Troubleshoot Remote Desktop connections", "change logon") and of the firewall ([MS-GPFAS], "Firewall CSP").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_version import WindowsVersion
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import CURRENT_VERSION, WINLOGON, Registry
from inspector.windows.service_start import COPY, Flaw, flaw_of_service, lacking_below
from inspector.windows.services import SERVICES, Service, Start, absent, service
from parsers.place import Place
from parsers.windows.firewall_rule import FirewallRule, parse_firewall_rule

_SERVER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"
_LISTENER: Final = rf"{_SERVER}\WinStations\RDP-Tcp"
_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
_HOME: Final = ("Core", "Home", "Starter")
"""How the editions begin that are no host of Remote Desktop (Microsoft, "How to use Remote Desktop")."""
_DENY: Final = "fDenyTSConnections"
_NO_LOG_ON: Final = "WinStationsDisabled"
_DRAIN: Final = "TSServerDrainMode"
_DRAINED: Final = 2
"""No new sessions; 1 is until the next start."""
_PORT: Final = 3389
FIREWALL: Final = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy"
FIREWALL_OF_MDM: Final = rf"{FIREWALL}\Mdm"
"""What a management by MDM sets (Firewall CSP), in the form of the machine's own settings."""
_RESTRICTED: Final = tuple(rf"{FIREWALL}\RestrictedServices\{kind}\System" for kind in ("Static", "Configurable"))
"""Rules of single services, which come before all others and know neither profiles nor being switched off."""
FIREWALL_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"
_SERVICES: Final = frozenset({"", "*", "termservice"})
_PROGRAMS: Final = frozenset({"", "system"})
_PROFILES: Final = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "PublicProfile"}
"""Each profile's key among the machine's own settings."""
_POLICIES: Final = {"Domain": "DomainProfile", "Private": "PrivateProfile", "Public": "PublicProfile"}
_OLD_POLICIES: Final = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "StandardProfile"}
"""Keys of policies; where there is no newer one for private or public networks, the old one is for both."""
_ALLOW: Final = 0


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
    decides = registry.place(_SERVER if registry.number(_POLICY, _DENY) is None else _POLICY, _DENY)
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
    setting = registry.number(_SERVER, _DENY)
    if registry.number(_POLICY, _DENY) == 0 or setting == 0:
        return None
    return Evidence(registry.place(_SERVER, _DENY), "not set, which means 1" if setting is None else str(setting))


def _waits(facts: Facts) -> Iterator[tuple[str, Evidence]]:
    """A Remote Desktop that the cloud opens, or that lets nobody in who is new."""
    registry = facts[Registry]
    if (off := _off(registry)) and (opener := _opener(facts)):
        yield from (("Remote Desktop is off until the service of the cloud opens it", item) for item in (off, opener))
    if registry.number(_SERVER, _DRAIN) == _DRAINED:
        drained = Evidence(registry.place(_SERVER, _DRAIN), str(_DRAINED))
        yield "Remote Desktop lets nobody in who has no session yet", drained


def _lacking(facts: Facts, found: Service) -> Iterator[tuple[str, Flaw]]:
    """What keeps the service from listening: its program, what it depends on, the listener."""
    registry, message = facts[Registry], "nothing listens for Remote Desktop"
    if flaw := flaw_of_service(facts, found):
        yield message, flaw
    for flaw in lacking_below(registry, found):
        yield message, flaw
    if registry.key(_LISTENER) is None:
        absence = Evidence(registry.place(_LISTENER), "no such key")
        yield message, Flaw(absence, rf"import the key {_LISTENER} {COPY}.")
    if registry.number(_LISTENER, "fEnableWinStation") == 0:
        off = Evidence(registry.place(_LISTENER, "fEnableWinStation"), "0")
        yield message, Flaw(off, rf"set fEnableWinStation of {_LISTENER} to 1.")


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


def listening_port(registry: Registry) -> int:
    """Return the port of Remote Desktop, which is 3389 where none is set."""
    number = registry.number(_LISTENER, "PortNumber")
    return _PORT if number is None else number


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
    if registry.key(_LISTENER) is None:
        raise UnknownFact("Remote Desktop has no listener", registry.place(_LISTENER))
    bad = []
    port = listening_port(registry)
    if port != _PORT:
        bad.append(Evidence(registry.place(_LISTENER, "PortNumber"), str(port)))
    if card := registry.number(_LISTENER, "LanAdapter"):
        bad.append(Evidence(registry.place(_LISTENER, "LanAdapter"), f"the card {card} alone"))
    if registry.value(_LISTENER, "SSLCertificateSHA1Hash") is not None:
        bad.append(Evidence(registry.place(_LISTENER, "SSLCertificateSHA1Hash"), "a certificate was chosen"))
    if registry.number(_LISTENER, "MaxInstanceCount") == 0:
        bad.append(Evidence(registry.place(_LISTENER, "MaxInstanceCount"), "0: no connection"))
    if refused := registry.number(_LISTENER, "fLogonDisabled"):
        bad.append(Evidence(registry.place(_LISTENER, "fLogonDisabled"), f"{refused}: no log-on"))
    if bad:
        return warning("the listener of Remote Desktop is not as usual", *bad)
    return ok(
        "the listener of Remote Desktop is as usual", Evidence(registry.place(_LISTENER, "PortNumber"), str(port))
    )


@rule("windows-firewall-lets-rdp-in", "The firewall of Windows lets Remote Desktop in", "windows")
def windows_firewall_lets_rdp_in(facts: Facts) -> Verdict:
    r"""For each profile in which the firewall is on, an active rule lets TCP connections to the port in, none blocks.

    Which addresses a rule is limited to is not judged, but for one that lets private networks in alone; one
    that is limited to cards, users, releases or IPsec lets nobody in, and one that blocks some addresses, users or
    packages does not block the others. The policies that refuse all exceptions, or the machine's own rules, count, and
    so does a profile that allows what no rule is about. Exceptions that policies of Windows XP name
    (AuthorizedApplications, GloballyOpenPorts, Services) are not read. Rules and settings of a management by MDM count
    as policies, and so does what restricts the service itself.

    Why: the security groups of the cloud stand before the instance; behind a firewall without that rule nobody gets in.

    Fix: `netsh advfirewall firewall set rule group="@FirewallAPI.dll,-28752" new enable=yes` (Remote Desktop, in every
    language), or for another port `netsh advfirewall firewall add rule name=RDP dir=in action=allow protocol=TCP
    localport=PORT`; a rule that blocks is named, and is to be deleted.

    Reads: Services\SharedAccess\Parameters\FirewallPolicy with Mdm and RestrictedServices,
    Policies\Microsoft\WindowsFirewall

    References: Microsoft, [MS-GPFAS] 2.2.2.19 Firewall Rule and the Firewall Rule Grammar Rule, 2.2.3 Per-Profile
    Policy Configuration Options; Firewall CSP (MdmStore); Unattended Windows Setup Reference, Networking-MPSSVC-Svc
    (the group's name).
    """
    registry = facts[Registry]
    port = listening_port(registry)
    good: list[Evidence] = []
    bad = list(_restricted(registry, port))
    local = list(_rules(registry, FIREWALL))
    policy = [*_rules(registry, FIREWALL_POLICY), *_rules(registry, FIREWALL_OF_MDM)]
    settings = _settings(registry)
    for name in _PROFILES:
        place, on = settings(name, "EnableFirewall")
        if on == 0:
            good.append(Evidence(place, f"{name}: off"))
            continue
        refusal, refuses = settings(name, "DoNotAllowExceptions")
        if refuses:
            bad.append(Evidence(refusal, f"{name}: no rule counts, everything is blocked"))
            continue
        merged = settings(name, "AllowLocalPolicyMerge")[1] != 0
        here = [(it, found) for it, found in (policy + local if merged else policy) if _holds(found, name, port)]
        blocked = next((it for it, found in here if not found.allows), None)
        allowed = next((it for it, found in here if found.allows), None)
        if blocked:
            bad.append(Evidence(place, f"{name}: on, and blocked by {blocked}"))
        elif allowed is None and settings(name, "DefaultInboundAction")[1] != _ALLOW:
            bad.append(Evidence(place, f"{name}: on, and no rule lets port {port} in"))
        else:
            good.append(Evidence(place, f"{name}: on, let in by {allowed or 'default'}"))
    if bad:
        return warning("the firewall does not let Remote Desktop in", *bad)
    return ok("the firewall lets Remote Desktop in", *good)


def _holds(found: FirewallRule, profile: str, port: int) -> bool:
    """Tell whether a rule is about Remote Desktop in a profile; one that allows has to name the port or the service."""
    if not found.holds_for_port(port) or (found.profiles and profile not in found.profiles):
        return False
    program, name = found.first("App").lower(), found.first("Svc").lower()
    if name not in _SERVICES or not (program in _PROGRAMS or program.endswith(r"\svchost.exe")):
        return False
    if not found.allows:
        return not found.is_partial
    return not found.is_limited and (found.names_ports or name == "termservice")


def _settings(registry: Registry) -> Callable[[str, str], tuple[Place, int | None]]:
    """Return what tells what holds for a profile, and where it stands: a policy, or the machine's own setting."""
    newer = any(registry.key(rf"{FIREWALL_POLICY}\{_POLICIES[name]}") for name in ("Private", "Public"))
    policies = _POLICIES if newer else _OLD_POLICIES

    def setting(profile: str, name: str) -> tuple[Place, int | None]:
        own = _PROFILES[profile]
        paths = (rf"{FIREWALL_POLICY}\{policies[profile]}", rf"{FIREWALL_OF_MDM}\{own}", rf"{FIREWALL}\{own}")
        found = ((path, registry.number(path, name)) for path in paths)
        path, number = next((it for it in found if it[1] is not None), (paths[-1], None))
        return registry.place(path, name), number

    return setting


def _rules(registry: Registry, policy: str) -> Iterator[tuple[str, FirewallRule]]:
    """The rules that count for connections from outside."""
    for value in registry.values(rf"{policy}\FirewallRules"):
        found = parse_firewall_rule(value.text or "")
        if found and found.is_active and found.is_inbound:
            yield value.name, found


def _restricted(registry: Registry, port: int) -> Iterator[Evidence]:
    """Give the rule that closes the service of Remote Desktop itself, where no rule of that kind opens it."""
    found = [
        (value, here)
        for path in _RESTRICTED
        for value in registry.values(path)
        if (here := parse_firewall_rule(value.text or "")) and here.is_inbound and here.holds_for_port(port)
        if here.first("Svc").lower() == "termservice"
    ]
    if not any(here.allows for _, here in found):
        for value, _ in found:
            yield Evidence(registry.in_guest(value.place), "the service itself is closed, in every profile")


RULES = (windows_firewall_lets_rdp_in, windows_rdp_is_enabled, windows_rdp_listens_as_usual)
