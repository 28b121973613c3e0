r"""Local accounts: the keys below `SAM\Domains\Account\Users`, one by one, without their secrets.

Microsoft documents the flags ([MS-SAMR] 2.2.1.12, as the SAM keeps them: USER_ACCOUNT codes), not the layout. That is
known from others: J. Metz, "Security Accounts Manager" (winreg-kb): F has the flags at 0x38; V begins with 17 entries
of an offset, a size and something unknown, the offsets counted from behind them; the second is the name, the fifteenth
the NT hash, of which only the size is looked at: 4 or 24 bytes are a head alone, 20 or 56 have a hash behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.windows.registry import Hive, Key

USERS: Final = r"SAM\Domains\Account\Users"
ADMINISTRATOR: Final = 500
"""The number of the built-in administrator, whatever it is called."""
_NAMES: Final = "names"
_DISABLED: Final = 0x1
_NO_PASSWORD_NEEDED: Final = 0x4
_FLAGS_AT: Final = 0x38
_ENTRY: Final = struct.Struct("<III")
_HEAD: Final = 17 * _ENTRY.size
_NAME, _NT_HASH = 1, 14
_WITHOUT_HASH: Final = frozenset({0, 4, 24})
_WITH_HASH: Final = frozenset({20, 56})
_LONGEST_NAME: Final = 512


class SamAccount(msgspec.Struct, frozen=True):
    """An account.

    Attributes:
        rid: its number; 500 the administrator, 501 the guest, from 1000 on those that somebody made.
        has_password: whether a hash of a password is kept.
        needs_password: whether an empty password is refused when one is set.
    """

    rid: int
    name: str
    disabled: bool
    has_password: bool
    needs_password: bool
    place: Place


def parse_sam_accounts(hive: Hive) -> Iterator[SamAccount]:
    """Give every account. Raises ParseError where one of them cannot be read, or there are none."""
    users = hive.key(USERS)
    if users is None:
        raise ParseError(Place(hive.name, key=USERS), "the key of the accounts wanted, none found")
    for key in users.all_subkeys():
        if key.name.lower() != _NAMES:
            yield _account(key)


def _account(key: Key) -> SamAccount:
    try:
        rid = int(key.name, 16)
    except ValueError:
        raise ParseError(key.place, f"a number in hexadecimal wanted, {key.name!r} found") from None
    fixed, variable = _data(key, "F", _FLAGS_AT + 2), _data(key, "V", _HEAD)
    flags = int.from_bytes(fixed[_FLAGS_AT : _FLAGS_AT + 2], "little")
    offset, size, _ = _ENTRY.unpack_from(variable, _NAME * _ENTRY.size)
    if size > _LONGEST_NAME or _HEAD + offset + size > len(variable):
        raise ParseError(key.place, f"a name within {len(variable)} bytes wanted, {size} bytes at {offset} found")
    name = variable[_HEAD + offset : _HEAD + offset + size].decode("utf-16-le", "replace")
    _, hashed, _ = _ENTRY.unpack_from(variable, _NT_HASH * _ENTRY.size)
    if hashed not in _WITHOUT_HASH | _WITH_HASH:
        raise ParseError(key.place, f"a hash of a known size wanted, {hashed} bytes found")
    return SamAccount(
        rid, name, bool(flags & _DISABLED), hashed in _WITH_HASH, not flags & _NO_PASSWORD_NEEDED, key.place
    )


def _data(key: Key, name: str, least: int) -> bytes:
    value = key.value(name)
    size = len(value.data) if value else 0
    if value is None or size < least:
        raise ParseError(Place(key.place.path, key=rf"{key.path}\{name}"), f"{least} bytes wanted, {size} found")
    return value.data
