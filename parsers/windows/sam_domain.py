r"""What the hive SAM says of the machine: its SID, which all clones of a disk share, and who its administrators are.

Not documented by Microsoft; J. Metz, "Security Accounts Manager" (winreg-kb): the value V of `Domains\Account` ends
with the SID, the value C of a group has 52 bytes of places and sizes before what they are of, and its members are SIDs.
Those of a real machine agree with each other and with regipy (`tests/parsers/windows/test_sam_domain.py`).
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.place import ParseError, Place
from parsers.windows.registry import Hive, Value
from parsers.windows.security_descriptor import read_sid

MACHINE: Final = r"SAM\Domains\Account"
ADMINISTRATORS: Final = r"SAM\Domains\Builtin\Aliases\00000220"
"""The group S-1-5-32-544, whatever it is called."""
_SID_SIZE: Final = 24
_MEMBERS: Final = struct.Struct("<40xIII")
_BASE: Final = 52


def parse_machine_sid(hive: Hive) -> str:
    """Return what the SIDs of its accounts begin with (S-1-5-21-...). Raises ParseError where it is not there."""
    value = _wanted(hive, MACHINE, "V")
    data = value.data
    if len(data) < _SID_SIZE:
        raise ParseError(value.place, f"the SID of the machine in {_SID_SIZE} bytes wanted, {len(data)} found")
    return read_sid(data, len(data) - _SID_SIZE, value.place)


def parse_administrators(hive: Hive) -> tuple[str, ...]:
    """Return the SIDs of the administrators, of a domain too. Raises ParseError where the group is broken."""
    value = _wanted(hive, ADMINISTRATORS, "C")
    data = value.data
    if len(data) < _BASE:
        raise ParseError(value.place, f"a group of {_BASE} bytes wanted, {len(data)} found")
    offset, size, count = _MEMBERS.unpack_from(data)
    at, end = _BASE + offset, _BASE + offset + size
    if end > len(data):
        raise ParseError(value.place, f"members within {len(data)} bytes wanted, {end} found")
    members: list[str] = []
    while len(members) < count:
        members.append(read_sid(data[:end], at, value.place))
        at += 8 + 4 * data[at + 1]
    return tuple(members)


def _wanted(hive: Hive, path: str, name: str) -> Value:
    key = hive.key(path)
    value = key.value(name) if key else None
    if value is None:
        raise ParseError(Place(hive.name, key=rf"{path}\{name}"), "a value wanted, none found")
    return value
