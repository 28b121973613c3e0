"""Partition tables put together by hand from the specification, for what no partitioning tool would write."""

from __future__ import annotations

import struct
import uuid
import zlib

LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
Slot = tuple[int, int, int, int]  # status, type, first sector, sectors
Entry = tuple[int, int]  # first and last LBA, inclusive


def boot_record(*slots: Slot, disk_id: int = 0xDEADBEEF, code: bytes = b"") -> bytes:
    """A master or extended boot record of 512 bytes."""
    table = b"".join(struct.pack("<B3xB3xII", *slot) for slot in slots).ljust(64, b"\0")
    return code[:440].ljust(440, b"\0") + struct.pack("<I2x", disk_id) + table + b"\x55\xaa"


def mbr_disk(sectors: int, *slots: Slot, records: dict[int, bytes] | None = None, sector: int = 512) -> bytearray:
    """A disk with an MBR, and other sectors' contents by LBA."""
    disk = bytearray(sectors * sector)
    disk[:512] = boot_record(*slots)
    for lba, content in (records or {}).items():
        disk[lba * sector : lba * sector + len(content)] = content
    return disk


def gpt_disk(
    sectors: int,
    *entries: Entry,
    sector: int = 512,
    entry_size: int = 128,
    header: dict[str, int] | None = None,
    slots: tuple[Slot, ...] = ((0, 0xEE, 1, 0xFFFF_FFFF),),
) -> bytearray:
    """A disk with a protective MBR, a GPT and its backup; `header` overrides fields of both headers."""
    count = 128
    table = b"".join(
        (LINUX.bytes_le + uuid.UUID(int=number).bytes_le + struct.pack("<QQQ", first, last, 0))
        + f"part {number}".encode("utf-16-le").ljust(72, b"\0")
        + bytes(entry_size - 128)
        for number, (first, last) in enumerate(entries, start=1)
    ).ljust(count * entry_size, b"\0")
    span = -(-len(table) // sector)
    disk = bytearray(sectors * sector)
    disk[:512] = boot_record(*slots)
    for mine, other, start in ((1, sectors - 1, 2), (sectors - 1, 1, sectors - 1 - span)):
        fields = {
            "revision": 0x10000,
            "header_size": 92,
            "my_lba": mine,
            "alternate_lba": other,
            "first_usable": 2 + span,
            "last_usable": sectors - 2 - span,
            "entries_lba": start,
            "count": count,
            "entry_size": entry_size,
            "entries_crc": zlib.crc32(table),
            **(header or {}),
        }
        disk[start * sector : start * sector + len(table)] = table
        disk[mine * sector : mine * sector + 92] = gpt_header(fields)
    return disk


def gpt_header(fields: dict[str, int]) -> bytes:
    """A header with the right checksum of its first 92 bytes."""

    def packed(checksum: int) -> bytes:
        return (
            b"EFI PART"
            + struct.pack("<IIII", fields["revision"], fields["header_size"], checksum, 0)
            + struct.pack(
                "<QQQQ", *(fields[name] for name in ("my_lba", "alternate_lba", "first_usable", "last_usable"))
            )
            + uuid.UUID(int=7).bytes_le
            + struct.pack("<QIII", *(fields[name] for name in ("entries_lba", "count", "entry_size", "entries_crc")))
        )

    return packed(zlib.crc32(packed(0)))
