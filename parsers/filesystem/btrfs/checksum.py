"""The four checksums of btrfs: CRC-32C, xxHash64, SHA-256, BLAKE2b-256.

Specifications: btrfs on-disk format, "Checksum types"; xxHash fast digest algorithm, version 0.1.1, section 3
(XXH64). xxHash64 is written in plain Python, for no other part of the project needs it: some 20 MB per second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from struct import Struct
from typing import Final

import msgspec

from parsers.checksum import crc32c

_MASK: Final = (1 << 64) - 1
_P1: Final = 0x9E3779B185EBCA87
_P2: Final = 0xC2B2AE3D27D4EB4F
_P3: Final = 0x165667B19E3779F9
_P4: Final = 0x85EBCA77C2B2AE63
_P5: Final = 0x27D4EB2F165667C5
_LANES = Struct("<4Q")
_STRIPE: Final = 32
_INVERTED: Final = 0xFFFFFFFF
NAME_SEED: Final = 0xFFFFFFFE


class Checksum(msgspec.Struct, frozen=True):
    """A kind of checksum: its name, its length in bytes, and the function that gives those bytes."""

    name: str
    size: int
    digest: Callable[[bytes], bytes]


def name_hash(name: bytes) -> int:
    """Hash of a name in a directory, by which its entry is found."""
    return crc32c(NAME_SEED, name)


def xxhash64(data: bytes) -> int:
    """Return XXH64 of `data` with seed 0."""
    whole = len(data) // _STRIPE * _STRIPE
    value = (_stripes(data[:whole]) if whole else _P5) + len(data) & _MASK
    return _avalanche(_tail(value, data[whole:]))


def _stripes(data: bytes) -> int:
    one, two, three, four = (_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK
    for first, second, third, fourth in _LANES.iter_unpack(data):
        one = one + first * _P2 & _MASK
        one = (one << 31 | one >> 33) * _P1 & _MASK
        two = two + second * _P2 & _MASK
        two = (two << 31 | two >> 33) * _P1 & _MASK
        three = three + third * _P2 & _MASK
        three = (three << 31 | three >> 33) * _P1 & _MASK
        four = four + fourth * _P2 & _MASK
        four = (four << 31 | four >> 33) * _P1 & _MASK
    value = _rotate(one, 1) + _rotate(two, 7) + _rotate(three, 12) + _rotate(four, 18)
    for lane in (one, two, three, four):
        value = ((value ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return value


def _tail(value: int, rest: bytes) -> int:
    at = 0
    while at + 8 <= len(rest):
        value ^= _round(0, int.from_bytes(rest[at : at + 8], "little"))
        value = (_rotate(value, 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= len(rest):
        value ^= int.from_bytes(rest[at : at + 4], "little") * _P1 & _MASK
        value = (_rotate(value, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in rest[at:]:
        value ^= byte * _P5 & _MASK
        value = _rotate(value, 11) * _P1 & _MASK
    return value


def _avalanche(value: int) -> int:
    value = (value ^ value >> 33) * _P2 & _MASK
    value = (value ^ value >> 29) * _P3 & _MASK
    return value ^ value >> 32


def _round(accumulator: int, lane: int) -> int:
    return _rotate(accumulator + lane * _P2 & _MASK, 31) * _P1 & _MASK


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK


def _crc32c(data: bytes) -> bytes:
    return (crc32c(_INVERTED, data) ^ _INVERTED).to_bytes(4, "little")


def _xxhash64(data: bytes) -> bytes:
    return xxhash64(data).to_bytes(8, "little")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _blake2b(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


CHECKSUMS: Final = {
    0: Checksum("crc32c", 4, _crc32c),
    1: Checksum("xxhash64", 8, _xxhash64),
    2: Checksum("sha256", 32, _sha256),
    3: Checksum("blake2b", 32, _blake2b),
}
"""By the number in the superblock."""
