r"""The names of network cards: an interface is a GUID everywhere, its card has a name in the class of such devices.

Source: Microsoft's documentation, "System-Defined Device Setup Classes" (the class of network adapters) and "Add-
Registry-Sections in a Network INF File" (NetCfgInstanceId, the GUID of the interface); DriverDesc beside it is the name
that Device Manager shows. Cards that are gone keep their keys.
"""

from __future__ import annotations

from typing import Final

from inspector.facts import UnknownFact
from inspector.windows.registry import Registry
from parsers.place import ParseError

_CLASS: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}"


def with_card(registry: Registry, interface: str, seen: str) -> str:
    """Return what was seen at an interface, by its GUID, with the name of its card where that can be read."""
    try:
        for key in registry.subkeys(_CLASS):
            path = rf"{_CLASS}\{key.name}"
            if (registry.text(path, "NetCfgInstanceId") or "").lower() == interface.lower():
                name = registry.text(path, "DriverDesc")
                return f"{seen}, of {name}" if name else seen
    except (UnknownFact, ParseError):
        return seen  # it is no more than a name
    return seen
