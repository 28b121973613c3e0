from __future__ import annotations

import random
import struct

import pytest

from parsers.place import ParseError, Place
from parsers.windows.winhttp_settings import parse_winhttp_proxy

PLACE = Place("SOFTWARE", key="WinHttpSettings")
DIRECT = bytes.fromhex("1800000000000000010000000000000000000000")
"""As Microsoft documents it for direct access."""


def settings(proxy: bytes, bypass: bytes = b"") -> bytes:
    parts = (struct.pack("<I", len(text)) + text for text in (proxy, bypass))
    return struct.pack("<III", 0x18, 0, 3) + b"".join(parts)


def test_direct_access() -> None:
    assert parse_winhttp_proxy(DIRECT, PLACE) is None


@pytest.mark.parametrize("bypass", [b"", b"<local>;*.example"])
def test_a_proxy(bypass: bytes) -> None:
    assert parse_winhttp_proxy(settings(b"proxy.example:8080", bypass), PLACE) == "proxy.example:8080"


def test_a_name_that_is_no_ascii_is_kept_as_far_as_it_is() -> None:
    assert parse_winhttp_proxy(settings(b"pr\xffxy"), PLACE) == "pr�xy"


@pytest.mark.parametrize("data", [b"", DIRECT[:15], settings(b"proxy")[:-5], settings(b"x")[:16]])
def test_a_value_that_is_too_short(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse_winhttp_proxy(data, PLACE)
    assert caught.value.place == PLACE


def test_nothing_else_escapes() -> None:
    chance = random.Random(2)
    for _ in range(500):
        data = bytearray(settings(b"proxy.example:8080", b"<local>"))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            parse_winhttp_proxy(bytes(data[: chance.randrange(len(data) + 1)]), PLACE)
        except ParseError:
            continue
