"""A log put into a VHDX that has none, as a program leaves it that was killed between log and file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from parsers.checksum import crc32c

GUID = bytes(range(1, 17))
HEADERS = (64 << 10, 128 << 10)


def sealed(data: bytes) -> bytes:
    """Put the CRC-32C of a structure into its bytes 4 to 8."""
    data = data[:4] + bytes(4) + data[8:]
    return data[:4] + struct.pack("<I", crc32c(0xFFFFFFFF, data) ^ 0xFFFFFFFF) + data[8:]


@dataclass
class Data:
    """One sector of 4 KiB to be written."""

    offset: int
    content: bytes


@dataclass
class Zero:
    """Zeros to be written."""

    offset: int
    length: int


def entry(
    number: int,
    tail: int,
    operations: list[Data | Zero],
    *,
    flushed: int,
    last: int | None = None,
    guid: bytes = GUID,
) -> bytes:
    """Return a log entry; `tail` is where the first active entry begins in the log."""
    descriptors = sectors = b""
    for item in operations:
        if isinstance(item, Zero):
            descriptors += struct.pack("<4sIQQQ", b"zero", 0, item.length, item.offset, number)
            continue
        lead, middle, trail = item.content[:8], item.content[8:-4], item.content[-4:]
        descriptors += struct.pack("<4s4s8sQQ", b"desc", trail, lead, item.offset, number)
        sectors += struct.pack("<4sI", b"data", number >> 32) + middle + struct.pack("<I", number & 0xFFFFFFFF)
    length = -(-(64 + len(descriptors)) // 4096) * 4096 + len(sectors)
    head = struct.pack("<4sIIIQII16s", b"loge", 0, length, tail, number, len(operations), 0, guid)
    head += struct.pack("<QQ", flushed, flushed if last is None else last)
    return sealed((head + descriptors).ljust(length - len(sectors), b"\0") + sectors)


def current_header(data: bytes | bytearray) -> int:
    """Return where the current header stands."""
    return max(HEADERS, key=lambda at: struct.unpack_from("<Q", data, at + 8)[0])


def log_place(data: bytes | bytearray) -> tuple[int, int]:
    """Return offset and length of the log."""
    length, offset = struct.unpack_from("<IQ", data, current_header(data) + 68)
    return offset, length


def with_log(data: bytes, entries: list[tuple[int, bytes]], guid: bytes = GUID) -> bytearray:
    """Return the VHDX with `entries` at their places in the log, which is a ring, and a header that names the log."""
    whole = bytearray(data)
    at = current_header(whole)
    whole[at + 48 : at + 64] = guid
    whole[at : at + 4096] = sealed(bytes(whole[at : at + 4096]))
    offset, length = log_place(whole)
    for place, content in entries:
        first = content[: length - place]
        whole[offset + place : offset + place + len(first)] = first
        whole[offset : offset + len(content) - len(first)] = content[len(first) :]
    return whole
