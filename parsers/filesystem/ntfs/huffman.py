"""Canonical prefix codes of up to sixteen bits, as LZX and XPRESS use them.

Codes are given in order of their lengths, and of their symbols within a length ([MS-XCA] 2.2.4, [MS-PATCH] 2.6).
"""

from __future__ import annotations

from collections.abc import Sequence

from parsers.filesystem.ntfs.lznt1 import CompressionError


def decoding_table(lengths: Sequence[int]) -> tuple[list[int], int]:
    """Return a table, and the bits that index it. An element is `symbol << 5 | length`; 0 is no code.

    Raises `CompressionError` where there are more codes than fit.
    """
    bits = max(lengths, default=0) or 1
    room = 1 << bits
    table: list[int] = []
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        if len(table) >= room:
            raise CompressionError(f"codes that fit into {bits} bits wanted, more found")
        table += [symbol << 5 | length] * (1 << bits - length)
    if len(table) > room:
        raise CompressionError(f"codes that fit into {bits} bits wanted, more found")
    table += [0] * (room - len(table))
    return table, bits
