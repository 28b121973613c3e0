"""Names of keys and values: how they are stored, compared and hashed.

Specification: M. Suhanov, "Windows registry file format specification", "Key node", "Key value", "Hash leaf". Names
are compared without regard to case, character by character as the kernel does it: no character becomes two, and none
outside ASCII becomes one of ASCII (the long s is no S). The kernel's own table of capitals is older than Python's, so
that names with letters of newer scripts may be found here which it tells apart.
"""

from __future__ import annotations

import struct
from codecs import utf_16_le_decode
from functools import lru_cache
from typing import Final

_HASH_FACTOR: Final = 37
_HASH_MASK: Final = 0xFFFFFFFF


def decode_name(raw: bytes, *, compressed: bool) -> str:
    """Return the name; what is no UTF-16 is kept as lone surrogates, and an odd byte at its end is lost."""
    if compressed:
        return raw.decode("latin-1")
    return utf_16_le_decode(raw[: len(raw) & ~1], "surrogatepass", True)[0]  # noqa: FBT003 - final, by its place


def upcase(name: str) -> str:
    """Return `name` as it is compared."""
    if name.isascii():
        return name.upper()
    return "".join(map(_upcase_character, name))


def _upcase_character(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1 or (upper.isascii() and not character.isascii()):
        return character
    return upper


@lru_cache(maxsize=256)
def name_hash(upper: str) -> int:
    """Return the hash by which a hash leaf lists a key whose name is `upper` in capitals."""
    units = upper.encode("utf-16-le", "surrogatepass")
    total = 0
    for unit in struct.unpack(f"<{len(units) // 2}H", units):
        total = total * _HASH_FACTOR + unit & _HASH_MASK
    return total


def name_hint(upper: str) -> bytes:
    """Return the first four characters by which a fast leaf lists a key, in capitals; only for names in ASCII."""
    return upper[:4].encode("ascii").ljust(4, b"\0")
