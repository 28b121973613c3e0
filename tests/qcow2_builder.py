"""A qcow2 file put together by hand from the specification, for what qemu-img cannot be made to write."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MAGIC = 0x514649FB


@dataclass
class Qcow2Builder:
    """Writes a small qcow2: header, refcounts left empty, one L1 table, one L2 table, then the clusters given.

    `entries` are the L2 entries of the first guest clusters, as (entry, bitmap); `data` lies behind the tables, from
    `data_offset` on. Every header field may be overridden through `header`.
    """

    cluster_bits: int = 16
    size: int = 1 << 20
    version: int = 3
    incompatible: int = 0
    compatible: int = 0
    autoclear: int = 0
    header_length: int = 112
    compression: int = 0
    extensions: bytes = b""
    backing: bytes = b""
    entries: list[tuple[int, int]] = field(default_factory=list)
    data: bytes = b""
    header: dict[str, int] = field(default_factory=dict)

    @property
    def cluster_size(self) -> int:
        return 1 << self.cluster_bits

    @property
    def data_offset(self) -> int:
        return 4 * self.cluster_size

    def build(self) -> bytes:
        size = self.cluster_size
        extended = bool(self.incompatible & 16)
        name_offset = self.header_length + len(self.extensions) if self.backing else 0
        fields = {
            "magic": MAGIC,
            "version": self.version,
            "backing_file_offset": name_offset,
            "backing_file_size": len(self.backing),
            "cluster_bits": self.cluster_bits,
            "size": self.size,
            "crypt_method": 0,
            "l1_size": 1,
            "l1_table_offset": 2 * size,
            "refcount_table_offset": size,
            "refcount_table_clusters": 1,
            "nb_snapshots": 0,
            "snapshots_offset": 0,
            **{key: value for key, value in self.header.items() if not key.startswith("v3_")},
        }
        head = struct.pack(">IIQIIQIIQQIIQ", *fields.values())
        if self.version >= 3:
            head += struct.pack(
                ">QQQII",
                self.incompatible,
                self.compatible,
                self.autoclear,
                self.header.get("v3_refcount_order", 4),
                self.header.get("v3_header_length", self.header_length),
            )
            head += bytes([self.compression]) + bytes(7)
        head += self.extensions + self.backing
        out = bytearray(head.ljust(size, b"\0"))
        out += bytes(size)
        out += struct.pack(">Q", 3 * size | 1 << 63).ljust(size, b"\0")
        words = [word for entry, bitmap in self.entries for word in ((entry, bitmap) if extended else (entry,))]
        out += struct.pack(f">{len(words)}Q", *words).ljust(size, b"\0")
        return bytes(out + self.data)


def packed(offset: int, length: int, cluster_bits: int) -> int:
    """The L2 entry of a compressed cluster of `length` stored bytes at `offset`."""
    shift = 62 - (cluster_bits - 8)
    sectors = (offset + length - 1) // 512 - offset // 512
    return 1 << 62 | sectors << shift | offset


def extension(kind: int, content: bytes) -> bytes:
    """A header extension, padded to eights."""
    return struct.pack(">II", kind, len(content)) + content.ljust(-(-len(content) // 8) * 8, b"\0")
