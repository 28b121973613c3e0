"""Lists of subkeys: leaves (li, lf, lh) and roots of leaves (ri), gone through whole or asked for one name.

Specification: M. Suhanov, "Windows registry file format specification", "Index leaf" to "Index root". A root of roots
is not followed. Asked for a name, a hash leaf gives the keys with its hash and a fast leaf those with its first
letters, as the kernel does it: a key whose hash is wrong is not found by name, which the walk of a hive reports.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from parsers.windows.registry.cells import Cells
from parsers.windows.registry.name import name_hash, name_hint

_HEAD: Final = struct.Struct("<2sH")
_WORDS: Final = {b"li": 1, b"ri": 1, b"lf": 2, b"lh": 2}


def leaves(cells: Cells, offset: int) -> Iterator[tuple[bytes, tuple[int, ...]]]:
    """Give each leaf's signature and its words: offsets, each followed by its hint or hash unless it is a plain leaf.

    Raises ParseError where the list, or one of its leaves, is none, and where all of them have more than the hive can.
    """
    kind, words = _list(cells, offset)
    if kind != b"ri":
        yield kind, words
        return
    room = cells.size // 4
    for leaf in dict.fromkeys(words):
        kind, inner = _list(cells, leaf)
        if kind == b"ri":
            raise cells.error(leaf, "a leaf of subkeys wanted, a root of leaves found")
        room -= len(inner)
        if room < 0:
            raise cells.error(leaf, f"subkeys in {cells.size} bytes wanted, leaves of more found")
        yield kind, inner


def misplaced(cells: Cells, offset: int, upper_names: dict[int, str]) -> Iterator[int]:
    """Give the offsets of those keys whose name, by offset and in capitals, is not what their hash or hint is of."""
    for kind, words in leaves(cells, offset):
        if kind == b"li":
            continue
        for at, found in zip(words[::2], words[1::2], strict=True):
            name = upper_names.get(at)
            if name is None or not name.isascii():
                continue
            if found != name_hash(name) if kind == b"lh" else not _fits(found, name_hint(name)):
                yield at


def offsets(cells: Cells, offset: int) -> Iterator[int]:
    """Give the offsets of all keys of the list."""
    for kind, words in leaves(cells, offset):
        yield from words[:: _WORDS[kind]]


def candidates(cells: Cells, offset: int, upper: str) -> Iterator[int]:
    """Give the offsets of the keys that may have the name `upper` (in capitals); their names are to be compared.

    For a name outside ASCII these are all: capitals are not in all systems the same.
    """
    if not upper.isascii():
        yield from offsets(cells, offset)
        return
    wanted, hint = name_hash(upper), name_hint(upper)
    for kind, words in leaves(cells, offset):
        if kind == b"lh":
            hashes = words[1::2]
            if wanted in hashes:  # most lists do not have the name
                yield from (at for at, found in zip(words[::2], hashes, strict=True) if found == wanted)
        elif kind == b"lf":
            yield from (at for at, found in zip(words[::2], words[1::2], strict=True) if _fits(found, hint))
        else:
            yield from words


def _fits(found: int, hint: bytes) -> bool:
    raw = found.to_bytes(4, "little")
    return raw.upper() == hint or raw[0] == 0


def _list(cells: Cells, offset: int) -> tuple[bytes, tuple[int, ...]]:
    cell = cells.read(offset)
    kind, count = _HEAD.unpack_from(cell)
    if kind not in _WORDS:
        raise cells.error(offset, f"a list of subkeys (li, lf, lh or ri) wanted, {kind.hex(' ')} found")
    size = _WORDS[kind] * count
    if 4 * size > len(cell) - _HEAD.size:
        raise cells.error(offset, f"{count} subkeys wanted, a cell of {len(cell)} bytes found")
    return kind, struct.unpack_from(f"<{size}I", cell, _HEAD.size)
