r"""The value `Version` of a package in Windows' driver database: for which machine, of which class, date and version.

No page of Microsoft's describes it. The layout is what packages say of themselves in other places: a viostor of
62.71.104.8600 and 4 June 2014, one of 100.90.104.21500 and 2 December 2021 (`DriverVer` of the INF file), and the 239
packages of a real Windows 10, whose own ones are of 21 June 2006 and 10.0.19041. Of 48 bytes, little-endian: two
numbers of 4 bytes, the high half of the first one the machine; the GUID of the class; the date as a FILETIME; the
version as four numbers of 2 bytes, the last one first; 8 bytes. A package that was written by hand has neither date nor
version: zeros. Not told: what the other bytes are for.
"""

from __future__ import annotations

import struct
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from parsers.place import ParseError, Place

_VERSION: Final = struct.Struct("<HHI16sQ4HQ")
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_LAST: Final = 2650467743990000000
"""The end of the year 9999."""
_MACHINES: Final = {0: "i386", 5: "arm", 6: "ia64", 9: "x86_64", 12: "aarch64"}
"""PROCESSOR_ARCHITECTURE_* of winnt.h."""


class DriverVersion(msgspec.Struct, frozen=True):
    """What the value says.

    Attributes:
        machine: as the kernel's architecture is called; the number where it is another.
        class_guid: of the device setup class, in lower case with braces.
        date: year, month and day; None where none is set.
        version: four numbers, the most significant first; None where none is set.
    """

    machine: str
    class_guid: str
    date: tuple[int, int, int] | None
    version: tuple[int, int, int, int] | None


def parse_driver_version(data: bytes, place: Place) -> DriverVersion:
    """Decode the value; raise `ParseError` where it is of another size, or its date none of the first 9999 years."""
    if len(data) != _VERSION.size:
        raise ParseError(place, f"a version of {_VERSION.size} bytes wanted, {len(data)} found")
    _, machine, _, guid, filetime, fourth, third, second, first, _ = _VERSION.unpack(data)
    if filetime > _LAST:
        raise ParseError(place, f"a date before the year 10000 wanted, FILETIME {filetime} found")
    day = _EPOCH + timedelta(microseconds=filetime // 10)
    version = (first, second, third, fourth)
    return DriverVersion(
        machine=_MACHINES.get(machine, str(machine)),
        class_guid=f"{{{uuid.UUID(bytes_le=guid)}}}",
        date=(day.year, day.month, day.day) if filetime else None,
        version=version if any(version) else None,
    )
