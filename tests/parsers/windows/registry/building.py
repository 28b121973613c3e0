"""Hives, built byte by byte from the description of the format, for tests.

Nothing of the reader is used; hivex reads what is built here (`test_hive.py`), which shows that it is right.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from fixtures.windows.hive_log import TIME, base_block

NONE = 0xFFFFFFFF
SECURITY = bytes.fromhex(
    "01000480 48000000 58000000 00000000 14000000"
    "02003400 02000000"
    "00021800 3f000f00 01020000 00000005 20000000 20020000"  # container inherit, full access, administrators
    "00021400 3f000f00 01010000 00000005 12000000"  # and the system
    "01020000 00000005 20000000 20020000 01010000 00000005 12000000"
)


@dataclass
class Node:
    """A key to build: values are (name, type, data)."""

    subkeys: dict[str, Node] = field(default_factory=dict)
    values: Sequence[tuple[str, int, bytes]] = ()
    class_name: str = ""
    flags: int = 0


def text(value: str) -> bytes:
    return value.encode("utf-16-le") + b"\0\0"


def upper(name: str) -> str:
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in name)


def key_hash(name: str) -> int:
    total = 0
    for (unit,) in struct.iter_unpack("<H", upper(name).encode("utf-16-le")):
        total = (total * 37 + unit) % (1 << 32)
    return total


class Builder:
    """Puts cells into one bin; `leaf` is the kind of list, `per_leaf` how many keys one takes before a root is made."""

    def __init__(self, *, minor: int = 5, leaf: str = "lh", per_leaf: int = 500) -> None:
        self.minor, self.leaf, self.per_leaf = minor, leaf, per_leaf
        self.bins = bytearray(32)
        self.security = NONE

    def cell(self, data: bytes) -> int:
        at = len(self.bins)
        size = -(-(len(data) + 4) // 8) * 8
        self.bins += struct.pack("<i", -size) + data.ljust(size - 4, b"\0")
        return at

    def build(self, root: Node, *, sequences: tuple[int, int] = (7, 7)) -> bytes:
        at = self.key("ROOT", root, 0, is_root=True)
        free = -len(self.bins) % 4096
        if free:
            self.bins += struct.pack("<i", free).ljust(free, b"\0")
        self.bins[:32] = struct.pack("<4sIIQQI", b"hbin", 0, len(self.bins), 0, TIME, 0)
        return base_block(sequences, at, len(self.bins), minor=self.minor) + bytes(self.bins)

    def key(self, name: str, node: Node, parent: int, *, is_root: bool = False) -> int:
        raw, compressed = stored_name(name)
        at = self.cell(bytes(76 + len(raw)))
        if self.security == NONE:
            self.security = self.cell(b"sk".ljust(16, b"\0") + struct.pack("<I", len(SECURITY)) + SECURITY)
            links = struct.pack("<III", self.security, self.security, 1)
            self.bins[self.security + 8 : self.security + 20] = links
        values = self.value_list(node)
        class_at = self.cell(node.class_name.encode("utf-16-le")) if node.class_name else NONE
        children = sorted(node.subkeys.items(), key=lambda item: upper(item[0]))
        listed = [(child, self.key(child, below, at)) for child, below in children]
        flags = node.flags | (0x20 if compressed else 0) | (0x0C if is_root else 0)
        body = struct.pack(
            "<2sHQIIIIIIIIIIIIIIIHH", b"nk", flags, TIME, 0, parent, len(listed), 0, self.subkey_list(listed), NONE,
            len(node.values), values, self.security, class_at, 0, 0, 0, 0, 0, len(raw), 2 * len(node.class_name),
        )  # fmt: skip
        self.bins[at + 4 : at + 4 + 76 + len(raw)] = body + raw
        return at

    def subkey_list(self, listed: list[tuple[str, int]]) -> int:
        if not listed:
            return NONE
        parts = [listed[start : start + self.per_leaf] for start in range(0, len(listed), self.per_leaf)]
        leaves = [self.leaf_cell(part) for part in parts]
        if len(leaves) == 1:
            return leaves[0]
        return self.cell(struct.pack(f"<2sH{len(leaves)}I", b"ri", len(leaves), *leaves))

    def leaf_cell(self, part: list[tuple[str, int]]) -> int:
        data = struct.pack("<2sH", self.leaf.encode(), len(part))
        for name, at in part:
            data += struct.pack("<I", at)
            if self.leaf == "lh":
                data += struct.pack("<I", key_hash(name))
            elif self.leaf == "lf":
                data += name[:4].encode("ascii").ljust(4, b"\0") if name.isascii() else bytes(4)
        return self.cell(data)

    def value_list(self, node: Node) -> int:
        if not node.values:
            return NONE
        offsets = [self.value(*value) for value in node.values]
        return self.cell(struct.pack(f"<{len(offsets)}I", *offsets))

    def value(self, name: str, kind: int, data: bytes) -> int:
        raw, compressed = stored_name(name)
        size, place = len(data), 0
        if len(data) <= 4:
            size, place = size | 0x80000000, int.from_bytes(data.ljust(4, b"\0"), "little")
        elif len(data) > 16344 and self.minor > 3:
            parts = [self.cell(data[start : start + 16344]) for start in range(0, len(data), 16344)]
            listing = self.cell(struct.pack(f"<{len(parts)}I", *parts))
            place = self.cell(struct.pack("<2sHI", b"db", len(parts), listing))
        else:
            place = self.cell(data)
        return self.cell(struct.pack("<2sHIIIHH", b"vk", len(raw), size, place, kind, int(compressed), 0) + raw)


def stored_name(name: str) -> tuple[bytes, bool]:
    if all(ord(character) < 256 for character in name):
        return name.encode("latin-1"), True
    return name.encode("utf-16-le", "surrogatepass"), False
