r"""Whether Windows asks for IPsec before anybody may connect to Remote Desktop.

Source: Microsoft, [MS-GPFAS] 2.2.6.2 (connection security rules, which lie beside those of the firewall), [MS-FASP]
2.2.52 (what their actions do), and the troubleshooting of IPsec (an older policy, of `secpol.msc` or
`netsh ipsec static`, counts where `ActivePolicy` names it). The filters of older policies are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from inspector.windows.firewall_stores import FIREWALL, FIREWALL_OF_MDM, FIREWALL_POLICY
from inspector.windows.registry import Registry
from inspector.windows.remote_desktop import listening_port
from parsers.place import Place
from parsers.windows.connection_security_rule import ConnectionSecurityRule, parse_connection_security_rule

_RULES: Final = tuple(rf"{store}\ConSecRules" for store in (FIREWALL_POLICY, FIREWALL_OF_MDM, FIREWALL))
_OLD: Final = (
    (r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local", "ActivePolicy"),
    (r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\GPTIPSECPolicy", "DSIPSECPolicyPath"),
)
_SHOWN: Final = 16


@rule("windows-rdp-needs-no-ipsec", "Remote Desktop takes connections without IPsec", "windows")
def windows_rdp_needs_no_ipsec(facts: Facts) -> Verdict:
    r"""No active connection security rule refuses plain connections to the port, unless another one exempts it.

    Which addresses a rule is limited to is not judged. Of an older IPsec policy that is active nothing is known but
    that it filters.

    Why: the computers of users outside have no key of the source's network: they are refused before Remote Desktop
    answers.

    Fix: delete the rule that is named (`wf.msc`, Connection Security Rules), or `netsh ipsec static set policy
    name=NAME assign=no` for an older policy.

    Reads: ConSecRules of Services\SharedAccess\Parameters\FirewallPolicy and of Policies\Microsoft\WindowsFirewall,
    Policies\Microsoft\Windows\IPSec

    References: Microsoft, [MS-GPFAS] 2.2.6.2 Connection Security Rule; [MS-FASP] 2.2.52 FW_CS_RULE_ACTION; Netsh
    commands for Internet Protocol security (IPsec).
    """
    registry = facts[Registry]
    port = listening_port(registry)
    found = list(_rules(registry, port))
    exempted = [item for _, item in found if item.exempts]
    refusing = [
        Evidence(place, f"port {port} with IPsec only, in {', '.join(item.profiles) or 'every profile'}")
        for place, item in found
        if item.requires and not any(_covers(other, item) for other in exempted)
    ]
    older = [Evidence(registry.place(path, name), text) for path, name in _OLD if (text := registry.text(path, name))]
    if refusing:
        return warning("connections to Remote Desktop without IPsec are refused", *refusing[:_SHOWN], *older)
    if older:
        return unknown("an older policy of IPsec is active, whose filters are not read", *older)
    return ok("no rule asks for IPsec", *(Evidence(registry.place(path), "no rule for the port") for path in _RULES))


def _rules(registry: Registry, port: int) -> Iterator[tuple[Place, ConnectionSecurityRule]]:
    for path in _RULES:
        for value in registry.values(path):
            found = parse_connection_security_rule(registry.string(value))
            if found and found.is_active and found.holds_for_port(port):
                yield registry.in_guest(value.place), found


def _covers(exempting: ConnectionSecurityRule, other: ConnectionSecurityRule) -> bool:
    return not exempting.profiles or (bool(other.profiles) and set(other.profiles) <= set(exempting.profiles))


RULES = (windows_rdp_needs_no_ipsec,)
