r"""Local accounts of a Windows, out of its hive SAM: who there is, who may log in, and who has a password.

Microsoft documents the meaning of the fields ([MS-SAMR] 2.2.1.12 USER_ACCOUNT Codes, 2.2.6.x user attributes), not how
the hive keeps them; that is libyal's winreg-kb, "Security Accounts Manager", and was held against real hives. A hash
of a password is never kept or decrypted: that there is one shows in its length. Not read: groups other than the
administrators', password policy, and accounts of a domain, which a domain controller keeps elsewhere.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.windows.registry import Hive, Key, Value
from parsers.windows.registry.value import decode_text
from parsers.windows.security_descriptor import read_sid

MAX_ACCOUNTS: Final = 10000
ADMINISTRATOR: Final = 500
GUEST: Final = 501
DISABLED: Final = 0x0001
PASSWORD_NOT_REQUIRED: Final = 0x0004
NORMAL: Final = 0x0010
PASSWORD_NEVER_EXPIRES: Final = 0x0200
LOCKED: Final = 0x0400

_DOMAIN: Final = r"SAM\Domains\Account"
_ADMINISTRATORS: Final = r"SAM\Domains\Builtin\Aliases\00000220"
_FIXED: Final = struct.Struct("<8xQ8xQQQIII")
_TABLE: Final = 17 * 12
_NAME, _FULL_NAME, _COMMENT, _NT_HASH = 1, 2, 3, 14
_HASH_HEAD: Final = struct.Struct("<HHI")
_HASH_SIZES: Final = {1: 20, 2: 56}
"""Revision of an encrypted hash (RC4, AES) -> its bytes; without a hash there are fewer."""
_MEMBERS: Final = struct.Struct("<40xIII")
_MEMBERS_BASE: Final = 52
_SID_OF_DOMAIN: Final = 24


class SamAccount(msgspec.Struct, frozen=True):
    """A local account.

    Attributes:
        place: its key.
        rid: the last part of its SID; 500 is the administrator, whatever his name.
        flags: USER_ACCOUNT codes.
        has_password: whether a hash is stored for it; None where that cannot be told.
        last_logon, password_set, expires: FILETIMEs; 0 is never.
    """

    place: Place
    rid: int
    name: str
    full_name: str
    comment: str
    flags: int
    has_password: bool | None
    last_logon: int
    password_set: int
    expires: int

    @property
    def is_disabled(self) -> bool:
        """Whether nobody can log in with it."""
        return bool(self.flags & DISABLED)


class Sam(msgspec.Struct, frozen=True):
    """The accounts of a machine.

    Attributes:
        machine_sid: what the SIDs of its accounts begin with (S-1-5-21-...); None where it cannot be told.
        accounts: by their RIDs.
        administrators: the SIDs in the group of administrators, those of a domain included.
        problems: what could not be read.
    """

    machine_sid: str | None
    accounts: tuple[SamAccount, ...]
    administrators: tuple[str, ...]
    problems: tuple[Problem, ...]


def parse_sam(hive: Hive) -> Sam:
    """Read the accounts. Raises ParseError where the hive is no SAM, or the list of the accounts cannot be read."""
    domain = hive.key(_DOMAIN)
    users = domain.subkey("Users") if domain else None
    if domain is None or users is None:
        raise ParseError(Place(hive.name, key=rf"{_DOMAIN}\Users"), "the key of the accounts wanted, none found")
    problems: list[Problem] = []
    accounts: list[SamAccount] = []
    for key in users.subkeys():
        if key.name.lower() == "names":
            continue
        if len(accounts) >= MAX_ACCOUNTS:
            problems.append(Problem(users.place, f"at most {MAX_ACCOUNTS} accounts wanted"))
            break
        try:
            accounts.append(_account(key))
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
    sid: str | None = None
    members: tuple[str, ...] = ()
    try:
        sid = _machine_sid(domain)
    except ParseError as error:
        problems.append(Problem(error.place, error.message))
    try:
        members = _members(hive.key(_ADMINISTRATORS))
    except ParseError as error:
        problems.append(Problem(error.place, error.message))
    accounts.sort(key=lambda account: account.rid)
    return Sam(sid, tuple(accounts), members, (*problems, *hive.problems))


def _account(key: Key) -> SamAccount:
    fixed, variable = _wanted(key, "F"), _wanted(key, "V")
    if fixed.size < _FIXED.size:
        raise ParseError(fixed.place, f"{_FIXED.size} bytes wanted, {fixed.size} found")
    last_logon, password_set, expires, _, rid, _, flags = _FIXED.unpack_from(fixed.data)
    data = variable.data
    texts = [decode_text(_field(data, number, variable.place)) for number in (_NAME, _FULL_NAME, _COMMENT)]
    if f"{rid:08x}" != key.name.lower():
        raise ParseError(fixed.place, f"account {key.name} wanted, {rid:08x} found")
    return SamAccount(
        place=key.place,
        rid=rid,
        name=texts[0],
        full_name=texts[1],
        comment=texts[2],
        flags=flags,
        has_password=_has_hash(_field(data, _NT_HASH, variable.place)),
        last_logon=last_logon,
        password_set=password_set,
        expires=expires,
    )


def _wanted(key: Key, name: str) -> Value:
    value = key.value(name)
    if value is None:
        raise ParseError(key.place, f"the value {name} of the account wanted, none found")
    return value


def _field(data: bytes, number: int, place: Place) -> bytes:
    """Return one of the fields of V, whose places and sizes are in a table before them."""
    if len(data) < _TABLE:
        raise ParseError(place, f"a table of {_TABLE} bytes wanted, {len(data)} found")
    offset, size = struct.unpack_from("<II", data, 12 * number)
    if _TABLE + offset + size > len(data):
        raise ParseError(place, f"field {number} within {len(data)} bytes wanted, {_TABLE + offset + size} found")
    return data[_TABLE + offset : _TABLE + offset + size]


def _has_hash(field: bytes) -> bool | None:
    """Tell by its length whether a field holds a hash; None where its revision is not known."""
    if not field:
        return False
    if len(field) < 4:
        return None
    size = _HASH_SIZES.get(int.from_bytes(field[2:4], "little"))
    return None if size is None else len(field) >= size


def _machine_sid(domain: Key) -> str:
    value = _wanted(domain, "V")
    data = value.data
    if len(data) < _SID_OF_DOMAIN:
        raise ParseError(value.place, f"the SID of the machine in {_SID_OF_DOMAIN} bytes wanted, {len(data)} found")
    return read_sid(data, len(data) - _SID_OF_DOMAIN, value.place)


def _members(group: Key | None) -> tuple[str, ...]:
    if group is None:
        return ()
    value = _wanted(group, "C")
    data = value.data
    if len(data) < _MEMBERS_BASE:
        raise ParseError(value.place, f"a group of {_MEMBERS_BASE} bytes wanted, {len(data)} found")
    offset, size, count = _MEMBERS.unpack_from(data)
    at, end = _MEMBERS_BASE + offset, _MEMBERS_BASE + offset + size
    if end > len(data):
        raise ParseError(value.place, f"members within {len(data)} bytes wanted, {end} found")
    members: list[str] = []
    while len(members) < count and at < end:
        members.append(read_sid(data[:end], at, value.place))
        at += 8 + 4 * data[at + 1]
    return tuple(members)
