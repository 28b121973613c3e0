r"""What the hive SECURITY says of a machine: its domain, who has which rights to log on, which secrets are kept.

Microsoft documents the objects ([MS-LSAD] 3.1.1, the abstract data model) and the bits of the rights (2.2.1.2,
POLICY_SYSTEM_ACCESS_MODE), not where they are kept. That is the unnamed value of keys below `Policy`, as a real machine
has them (`tests/parsers/windows/test_lsa_policy.py`): `PolPrDmN` a name behind its length, the length of its room and
its offset; `PolPrDmS` a SID, empty outside of a domain; `Accounts\<SID>\ActSysAc` a mask, not there where an account
has no such rights; `Secrets\<name>\CurrVal` a secret, which stays closed: 60 bytes, then blocks of sixteen, of which
the first is its length. Of that machine the secrets of known lengths, 44 and 64 bytes, have four and six such blocks:
there is always room behind one, so that what has two blocks may be empty. Not done: privileges, quotas and audit.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.windows.registry import Hive, Key
from parsers.windows.security_descriptor import read_sid

ACCOUNTS: Final = r"Policy\Accounts"
NETWORK: Final = 0x2
"""The right to log on from the network (SeNetworkLogonRight)."""
DENY_NETWORK: Final = 0x80
"""Its opposite, which counts more (SeDenyNetworkLogonRight)."""
REMOTE: Final = 0x400
"""The right to log on as a client of Remote Desktop (SeRemoteInteractiveLogonRight)."""
DENY_REMOTE: Final = 0x800
"""Its opposite, which counts more (SeDenyRemoteInteractiveLogonRight)."""
_DOMAIN_NAME: Final = r"Policy\PolPrDmN"
_DOMAIN_SID: Final = r"Policy\PolPrDmS"
_SECRETS: Final = r"Policy\Secrets"
_TEXT: Final = struct.Struct("<HHI")
_MASK: Final = struct.Struct("<I")
_MAYBE_EMPTY: Final = 60 + 2 * 16
"""Bytes of a secret of no more than seven characters, among them none."""


class PrimaryDomain(msgspec.Struct, frozen=True):
    """The domain that a machine belongs to.

    Attributes:
        name: as NetBIOS has it; of a machine outside of domains that of its workgroup.
        sid: None outside of domains.
        place: where the SID stands, or would stand.
    """

    name: str
    sid: str | None
    place: Place


class LogOnRights(msgspec.Struct, frozen=True):
    """How an account or group may log on: `rights` has the bits of POLICY_SYSTEM_ACCESS_MODE."""

    sid: str
    rights: int
    place: Place


def parse_primary_domain(hive: Hive) -> PrimaryDomain:
    """Return the domain. Raises ParseError where it is not told, or broken."""
    name, named_at = _data(hive, _DOMAIN_NAME)
    sid, place = _data(hive, _DOMAIN_SID)
    return PrimaryDomain(_text(name, named_at), read_sid(sid, 0, place) if sid else None, place)


def parse_log_on_rights(hive: Hive) -> tuple[LogOnRights, ...]:
    """Return the rights of every account that has any. Raises ParseError where they are broken, or not there."""
    accounts = hive.key(ACCOUNTS)
    if accounts is None:
        raise ParseError(Place(hive.name, key=ACCOUNTS), "the rights of accounts wanted, no such key found")
    return tuple(found for key in accounts.all_subkeys() if (found := _rights(key)))


class KeptSecret(msgspec.Struct, frozen=True):
    """A secret: where it is kept, and whether something certainly is in it."""

    place: Place
    is_filled: bool


def secret(hive: Hive, name: str) -> KeptSecret | None:
    """Return a secret; None where it is not kept. Raises ParseError where it cannot be read."""
    key = hive.key(rf"{_SECRETS}\{name}\CurrVal")
    value = key.value("") if key else None
    return KeptSecret(key.place, value.size > _MAYBE_EMPTY) if key and value and value.size else None


def _rights(account: Key) -> LogOnRights | None:
    key = account.subkey("ActSysAc")
    value = key.value("") if key else None
    if key is None or value is None:
        return None
    if len(value.data) != _MASK.size:
        raise ParseError(key.place, f"a mask of {_MASK.size} bytes wanted, {len(value.data)} found")
    return LogOnRights(account.name, _MASK.unpack(value.data)[0], key.place)


def _text(data: bytes, place: Place) -> str:
    if not data:
        return ""
    length, _, offset = _TEXT.unpack_from(data) if len(data) >= _TEXT.size else (0, 0, len(data) + 1)
    if offset + length > len(data):
        raise ParseError(place, f"a text within {len(data)} bytes wanted, {length} bytes at {offset} found")
    return data[offset : offset + length].decode("utf-16-le", "replace")


def _data(hive: Hive, path: str) -> tuple[bytes, Place]:
    """Return the unnamed value of a key, and the place of the key."""
    key = hive.key(path)
    value = key.value("") if key else None
    if key is None or value is None:
        raise ParseError(Place(hive.name, key=path), "a value wanted, none found")
    return value.data, key.place
