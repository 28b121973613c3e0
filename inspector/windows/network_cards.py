r"""The names of network cards: an interface is a GUID everywhere, its card has a name in the class of such devices.

Source: Microsoft's documentation, "System-Defined Device Setup Classes" (the class of network adapters) and
"Add-Registry-Sections in a Network INF File" (NetCfgInstanceId, the GUID of the interface); DriverDesc beside it is the
name that Device Manager shows. Cards that are gone keep their keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from inspector.unread import Unread
from inspector.verdict import Evidence
from inspector.windows.device_classes import CARDS, CLASSES
from inspector.windows.registry import Registry

_CLASS: Final = rf"{CLASSES}\{CARDS}"


def with_cards(registry: Registry, found: Sequence[Evidence]) -> list[Evidence]:
    """Return evidence about values of interfaces, each with the name of its card where that can be read."""
    names: dict[str, str] = {}
    with Unread().kept():  # they are no more than names
        names.update(_names(registry))
    return [
        replace(item, seen=f"{item.seen}, of {names[interface]}") if (interface := _interface(item)) in names else item
        for item in found
    ]


def _interface(item: Evidence) -> str:
    r"""Return the GUID in a key such as `Interfaces\{GUID}\EnableDHCP`, in lower case."""
    return (item.place.key or "").rpartition("\\")[0].rpartition("\\")[2].lower()


def _names(registry: Registry) -> Iterator[tuple[str, str]]:
    for key in registry.subkeys(_CLASS):
        path = rf"{_CLASS}\{key.name}"
        interface, name = (registry.text(path, value) for value in ("NetCfgInstanceId", "DriverDesc"))
        if interface and name:
            yield interface.lower(), name
