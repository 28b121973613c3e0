"""The firewall of Windows: that it lets Remote Desktop in.

Source: Microsoft's documentation of the firewall ([MS-GPFAS], "Firewall CSP").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.firewall_stores import FIREWALL, FIREWALL_OF_MDM, FIREWALL_POLICY
from inspector.windows.registry import Registry
from inspector.windows.remote_desktop import listening_port
from parsers.place import Place
from parsers.windows.firewall_rule import FirewallRule, parse_firewall_rule

_RESTRICTED: Final = tuple(rf"{FIREWALL}\RestrictedServices\{kind}\System" for kind in ("Static", "Configurable"))
"""Rules of single services, which come before all others and know neither profiles nor being switched off."""
_SERVICES: Final = frozenset({"", "*", "termservice"})
_PROGRAMS: Final = frozenset({"", "system"})
_PROFILES: Final = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "PublicProfile"}
"""Each profile's key among the machine's own settings."""
_POLICIES: Final = {"Domain": "DomainProfile", "Private": "PrivateProfile", "Public": "PublicProfile"}
_OLD_POLICIES: Final = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "StandardProfile"}
"""Keys of policies; where there is no newer one for private or public networks, the old one is for both."""
_ALLOW: Final = 0


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


RULES = (windows_firewall_lets_rdp_in,)
