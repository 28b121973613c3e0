r"""The drive letters and volume names that Windows has given: values of the key `MountedDevices` of SYSTEM.

Source: Microsoft's documentation of the mount manager (`IOCTL_MOUNTMGR_QUERY_POINTS`, "Supporting Mount Manager
Requests in a Storage Class Driver"): the names are `\DosDevices\C:` and `\??\Volume{GUID}`, the data the unique id of
the volume: of a partition of an MBR disk its signature and the offset in bytes, of a GPT one `DMIO:ID:` and its GUID,
of anything else what its driver chose, mostly the path of a device in UTF-16.
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from parsers.place import ParseError, Place

_GPT: Final = b"DMIO:ID:"
_MBR_SIZE: Final = 12
_PATHS: Final = ("\\??\\", "_??_", "\\\\?\\")
"""How the paths of devices begin, as real machines have them."""


class MbrPartition(msgspec.Struct, frozen=True):
    """A partition by the signature of its disk (eight hexadecimal digits) and its offset in bytes."""

    disk_id: str
    offset: int


class GptPartition(msgspec.Struct, frozen=True):
    """A partition by its GUID."""

    uuid: str


class OtherDevice(msgspec.Struct, frozen=True):
    """A device that is no partition of a fixed disk, by its path: a CD drive, a floppy disk, a stick."""

    path: str


Device = MbrPartition | GptPartition | OtherDevice


def parse_unique_id(data: bytes, place: Place) -> Device:
    """Return the device that a unique id speaks of. Raises ParseError, at `place`, where it has no known form."""
    if len(data) == _MBR_SIZE:
        return MbrPartition(f"{int.from_bytes(data[:4], 'little'):08x}", int.from_bytes(data[4:], "little"))
    if data.startswith(_GPT) and len(data) == len(_GPT) + 16:
        return GptPartition(str(uuid.UUID(bytes_le=data[len(_GPT) :])))
    path = data.decode("utf-16-le", "replace")
    if path.startswith(_PATHS) and len(data) % 2 == 0:
        return OtherDevice(path)
    raise ParseError(
        place, f"a partition or the path of a device wanted, {len(data)} bytes found: {data[:16].hex(' ')}"
    )


def drive_of(name: str) -> str | None:
    r"""Return "C:" of `\DosDevices\C:`; None where the name is no letter's."""
    prefix, _, drive = name.rpartition("\\")
    known = prefix.lower() == "\\dosdevices" and len(drive) == 2 and drive[0].isascii() and drive[0].isalpha()
    return drive.upper() if known and drive[1] == ":" else None


def volume_of(name: str) -> str | None:
    r"""Return "volume{guid}", in lower case, of `\??\Volume{GUID}`; None where the name is no volume's."""
    prefix, _, volume = name.rpartition("\\")
    return volume.lower() if prefix == "\\??" and volume.lower().startswith("volume{") else None
