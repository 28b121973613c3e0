"""Where the firewall of Windows keeps its rules, and those of IPsec beside them.

Source: Microsoft, [MS-GPFAS] 2.2; Firewall CSP (MdmStore).
"""

from __future__ import annotations

from typing import Final

from inspector.windows.services import SERVICES

FIREWALL: Final = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy"
FIREWALL_OF_MDM: Final = rf"{FIREWALL}\Mdm"
"""What a management by MDM sets (Firewall CSP), in the form of the machine's own settings."""
FIREWALL_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"
