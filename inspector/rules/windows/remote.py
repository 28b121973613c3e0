r"""Remote Desktop: that it listens, on which port, and that the firewall lets it in.

Source: Microsoft's documentation of the policies and values of Remote Desktop Services ("Win32_TSPermissionsSetting",
"Troubleshoot Remote Desktop connections") and of the firewall ([MS-GPFAS]).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES, Start, service
from parsers.place import Place
from parsers.windows.firewall_rule import FirewallRule, parse_firewall_rule

_SERVER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"
_LISTENER: Final = rf"{_SERVER}\WinStations\RDP-Tcp"
_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
_DENY: Final = "fDenyTSConnections"
_PORT: Final = 3389
_FIREWALL: Final = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy"
_FIREWALL_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"
_SERVICES: Final = frozenset({"", "*", "termservice"})
_PROGRAMS: Final = frozenset({"", "system"})
_PROFILES: Final = {"DomainProfile": "Domain", "StandardProfile": "Private", "PublicProfile": "Public"}


@rule("windows-rdp-is-enabled", "Remote Desktop is switched on", "windows")
def windows_rdp_is_enabled(facts: Facts) -> Verdict:
    r"""The policy, where there is one, outweighs the setting of the machine.

    Why: a Windows instance without Remote Desktop can be reached over the cloud's console only.

    Fix: set fDenyTSConnections to 0 (System Properties, Remote), take the policy away, and let TermService start.

    Reads: Control\Terminal Server, Policies\Microsoft\Windows NT\Terminal Services, Services\TermService
    """
    registry = facts[Registry]
    found = service(registry, "TermService")
    if found is None:
        place = registry.place(rf"{SERVICES}\TermService")
        return failed("the service of Remote Desktop is not there", Evidence(place, "no such service"))
    runs = Evidence(found.start_place, found.start_name)
    if found.start in (None, Start.DISABLED):
        return failed("the service of Remote Desktop cannot start", runs)
    policy, setting = registry.number(_POLICY, _DENY), registry.number(_SERVER, _DENY)
    if policy:
        return failed("a policy refuses Remote Desktop", Evidence(registry.place(_POLICY, _DENY), str(policy)))
    if policy is None and (setting is None or setting):
        seen = "not set, which means 1" if setting is None else str(setting)
        evidence = Evidence(registry.place(_SERVER, _DENY), seen)
        if opener := _opener(registry):
            return warning("Remote Desktop is off until the service of the cloud opens it", evidence, opener)
        return failed("Remote Desktop is off", evidence)
    if registry.number(_LISTENER, "fEnableWinStation") == 0:
        place = registry.place(_LISTENER, "fEnableWinStation")
        return failed("the listener of Remote Desktop is off", Evidence(place, "0"))
    decides = registry.place(_SERVER if policy is None else _POLICY, _DENY)
    return ok("Remote Desktop is on", Evidence(decides, "0"), runs)


def _opener(registry: Registry) -> Evidence | None:
    """The initialiser of the cloud, one of whose plugins opens Remote Desktop at the first boot."""
    found = service(registry, "vminit")
    return Evidence(found.start_place, "vminit") if found and found.start == Start.AUTOMATIC else None


def listening_port(registry: Registry) -> int:
    """Return the port of Remote Desktop, which is 3389 where none is set."""
    return registry.number(_LISTENER, "PortNumber") or _PORT


@rule("windows-rdp-listens-as-usual", "Remote Desktop listens on its usual port, with its own certificate", "windows")
def windows_rdp_listens_as_usual(facts: Facts) -> Verdict:
    r"""The port and the certificate of the listener RDP-Tcp.

    Why: security groups open port 3389; a certificate that was chosen by hand is not made anew in a copy, and where it
    is lacking nobody can connect.

    Fix: set PortNumber to 3389, and delete SSLCertificateSHA1Hash.

    Reads: Control\Terminal Server\WinStations\RDP-Tcp
    """
    registry = facts[Registry]
    bad = []
    port = listening_port(registry)
    if port != _PORT:
        bad.append(Evidence(registry.place(_LISTENER, "PortNumber"), str(port)))
    if registry.value(_LISTENER, "SSLCertificateSHA1Hash") is not None:
        bad.append(Evidence(registry.place(_LISTENER, "SSLCertificateSHA1Hash"), "a certificate was chosen"))
    if bad:
        return warning("the listener of Remote Desktop is not as usual", *bad)
    return ok(
        "the listener of Remote Desktop is as usual", Evidence(registry.place(_LISTENER, "PortNumber"), str(port))
    )


@rule("windows-firewall-lets-rdp-in", "The firewall of Windows lets Remote Desktop in", "windows")
def windows_firewall_lets_rdp_in(facts: Facts) -> Verdict:
    r"""For each profile in which the firewall is on, an active rule lets TCP connections to the port in, none blocks.

    To which addresses a rule is limited is not judged.

    Why: the security groups of the cloud stand before the instance; behind a firewall without that rule nobody gets in.

    Fix: `netsh advfirewall firewall set rule group="remote desktop" new enable=yes`, with the port where it is another.

    Reads: Services\SharedAccess\Parameters\FirewallPolicy, Policies\Microsoft\WindowsFirewall
    """
    registry = facts[Registry]
    port = listening_port(registry)
    good: list[Evidence] = []
    bad: list[Evidence] = []
    rules = [(name, found) for name, found in _rules(registry) if found.is_active and found.is_inbound]
    for key, name in _PROFILES.items():
        place, on = _state(registry, key)
        if not on:
            good.append(Evidence(place, f"{name}: off"))
            continue
        here = [(it, found) for it, found in rules if _holds(found, name, port)]
        blocked = next((it for it, found in here if not found.allows), None)
        allowed = next((it for it, found in here if found.allows), None)
        if blocked:
            bad.append(Evidence(place, f"{name}: on, and blocked by {blocked}"))
        elif allowed is None:
            bad.append(Evidence(place, f"{name}: on, and no rule lets port {port} in"))
        else:
            good.append(Evidence(place, f"{name}: on, let in by {allowed}"))
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
    return not found.allows or found.names_ports or name == "termservice"


def _state(registry: Registry, profile: str) -> tuple[Place, bool]:
    policy = registry.number(rf"{_FIREWALL_POLICY}\{profile}", "EnableFirewall")
    if policy is not None:
        return registry.place(rf"{_FIREWALL_POLICY}\{profile}", "EnableFirewall"), policy != 0
    setting = registry.number(rf"{_FIREWALL}\{profile}", "EnableFirewall")
    return registry.place(rf"{_FIREWALL}\{profile}", "EnableFirewall"), setting is None or setting != 0


def _rules(registry: Registry) -> Iterator[tuple[str, FirewallRule]]:
    for path in (rf"{_FIREWALL}\FirewallRules", rf"{_FIREWALL_POLICY}\FirewallRules"):
        for value in registry.values(path):
            if found := parse_firewall_rule(value.text or ""):
                yield value.name, found


RULES = (windows_firewall_lets_rdp_in, windows_rdp_is_enabled, windows_rdp_listens_as_usual)
