"""Feature bits of a qcow2 v3 header, by the names of QEMU's docs/interop/qcow2.txt.

A file may name its own features in the feature name table; such a name only labels a bit that is unknown here.
"""

from __future__ import annotations

from typing import Final

import msgspec

DIRTY: Final = 0
CORRUPT: Final = 1
EXTERNAL_DATA: Final = 2
INCOMPATIBLE_COMPRESSION: Final = 3
EXTENDED_L2: Final = 4

NAMES: Final = {
    DIRTY: "dirty",
    CORRUPT: "corrupt",
    EXTERNAL_DATA: "external data file",
    INCOMPATIBLE_COMPRESSION: "compression type",
    EXTENDED_L2: "extended L2 entries",
}
_KNOWN: Final = (
    ("incompatible", NAMES),
    ("compatible", {0: "lazy refcounts"}),
    ("autoclear", {0: "bitmaps", 1: "raw external data"}),
)
_ENTRY_SIZE: Final = 48


class Feature(msgspec.Struct, frozen=True):
    """A feature bit that is set.

    Attributes:
        kind: "incompatible" (a reader that does not know it must stop), "compatible" or "autoclear".
        bit: its number, 0 the least significant.
        name: the specification's name, or the one that the file gives, or None.
        known: the specification names it.
    """

    kind: str
    bit: int
    name: str | None
    known: bool


def feature_names(masks: tuple[int, int, int], table: bytes) -> tuple[Feature, ...]:
    """List the bits set in `masks` (incompatible, compatible, autoclear); `table` is the feature name table."""
    given = _name_table(table)
    features = []
    for number, ((kind, known), mask) in enumerate(zip(_KNOWN, masks, strict=True)):
        for bit in range(64):
            if mask >> bit & 1:
                name = known.get(bit) or given.get((number, bit))
                features.append(Feature(kind, bit, name, bit in known))
    return tuple(features)


def _name_table(table: bytes) -> dict[tuple[int, int], str]:
    names = {}
    for at in range(0, len(table) - _ENTRY_SIZE + 1, _ENTRY_SIZE):
        name = table[at + 2 : at + _ENTRY_SIZE].split(b"\0", 1)[0]
        names[table[at], table[at + 1]] = name.decode("utf-8", "replace")
    return names
