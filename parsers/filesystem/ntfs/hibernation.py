"""hiberfil.sys: whether a session of Windows sleeps on the volume, and which kind.

The file begins with the kernel's structure PO_MEMORY_IMAGE: a signature, at byte 12 its own length, and since
Windows 8 the flag Hiberboot, which a shutdown for a fast startup sets. Where it stands changed with the structure;
the length tells. Lengths and places: the kernels' public debug symbols, as the Vergilius project prints them, Windows
8 to 11; the structures of Windows Vista, 7 and earlier have no such flag, because there was no fast startup.
"""

from __future__ import annotations

from typing import Final

from parsers.source import Source

_ASLEEP: Final = (b"hibr", b"HIBR", b"HORM")  # the last one wakes from the same image again and again
_RESTORING: Final = (b"rstr", b"RSTR")
_HEADER: Final = 4096
_HIBERBOOT: Final = {
    0x0A8: None,
    0x0E0: None,
    0x128: None,
    0x2C8: 0x27C,
    0x310: 0x2C4,
    0x328: 0x2CC,
    0x340: 0x2DC,
    0x360: 0x2FC,
    0x3B0: 0x34C,
    0x3C8: 0x354,
    0x3D8: 0x364,
    0x3E0: 0x364,
    0x448: 0x3CC,
}
"""Length of the structure -> byte of the flag; None: it has none."""


def read_hibernation(file: Source) -> str | None:
    """Tell in words how a session of Windows sleeps on the volume; None where none does."""
    head = file.read_at(0, min(_HEADER, file.size))
    if head[:4] in _RESTORING:
        return "Windows was about to resume from hibernation (hiberfil.sys)"
    if head[:4] not in _ASLEEP:
        return None
    length = int.from_bytes(head[12:16], "little")
    if length not in _HIBERBOOT or length > len(head):
        return "Windows is hibernated, or was shut down for a fast startup (hiberfil.sys holds its session)"
    at = _HIBERBOOT[length]
    if at is not None and head[at]:
        return "Windows was shut down for a fast startup (hiberfil.sys holds its kernel's session)"
    return "Windows is hibernated (hiberfil.sys holds its session)"
