"""The Marvin32 checksum, in the form and with the seed that the entries of a registry log carry.

Specification: US patent 8,255,386 B1 (the function); M. Suhanov, "Windows registry file format specification", "Log
entries", note 3 (the seed).
"""

from __future__ import annotations

import struct
from typing import Final

SEED: Final = 0x82EF4D887A4E55C5
_MASK: Final = 0xFFFFFFFF
_STEP: Final = 1 << 16


def marvin32(data: bytes, seed: int = SEED) -> int:
    """Return the 64 bits of the checksum."""
    low, high = seed & _MASK, seed >> 32
    whole = len(data) & ~3
    tail = int.from_bytes(data[whole:] + b"\x80", "little")
    for start in range(0, whole, _STEP):
        words = struct.unpack_from(f"<{(min(whole, start + _STEP) - start) >> 2}I", data, start)
        low, high = _mix(low, high, words)
    low, high = _mix(low, high, (tail, 0))
    return high << 32 | low


def _mix(low: int, high: int, words: tuple[int, ...]) -> tuple[int, int]:
    """Take in `words`; a loop without calls, for a log has millions of them."""
    for word in words:
        low = low + word & _MASK
        high ^= low
        low = (low << 20 & _MASK | low >> 12) + high & _MASK
        high = (high << 9 & _MASK | high >> 23) ^ low
        low = (low << 27 & _MASK | low >> 5) + high & _MASK
        high = high << 19 & _MASK | high >> 13
    return low, high
