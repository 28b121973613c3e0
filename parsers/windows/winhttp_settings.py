"""The proxy of WinHTTP, by which services go: the value `WinHttpSettings` that `netsh winhttp set proxy` writes.

Source: Microsoft's documentation, "Use Group Policy to apply WinHTTP proxy settings" (the value, and its twenty bytes
for direct access), and the script of its Upgrade Readiness (the length of the proxy at byte 12, its name behind). Left
out are the names that are reached without it, and what newer releases write behind.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.place import ParseError, Place

_LENGTH_AT: Final = 12
_NAME_AT: Final = 16


def parse_winhttp_proxy(data: bytes, place: Place) -> str | None:
    """Return the proxy, "server:8080" or a list of them; None where there is none.

    Raises:
        ParseError: the value is shorter than it says.
    """
    if len(data) < _NAME_AT:
        raise ParseError(place, f"settings of at least {_NAME_AT} bytes wanted, {len(data)} found")
    (length,) = struct.unpack_from("<I", data, _LENGTH_AT)
    if length > len(data) - _NAME_AT:
        raise ParseError(place, f"a proxy of {length} bytes wanted, {len(data) - _NAME_AT} found")
    return data[_NAME_AT : _NAME_AT + length].decode("ascii", "replace") or None
