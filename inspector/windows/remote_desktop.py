"""Remote Desktop's own key, and the port that it listens on."""

from __future__ import annotations

from typing import Final

from inspector.windows.registry import Registry

SERVER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"
LISTENER: Final = rf"{SERVER}\WinStations\RDP-Tcp"
PORT: Final = 3389


def listening_port(registry: Registry) -> int:
    """Return the port of Remote Desktop, which is 3389 where none is set."""
    number = registry.number(LISTENER, "PortNumber")
    return PORT if number is None else number
