"""Physical volumes, thin metadata and md superblocks written byte by byte from the formats' descriptions, for tests."""

from __future__ import annotations

import binascii
import struct

import google_crc32c

SECTOR = 512
MIB = 1 << 20
EXTENT = MIB
_LVM_SEED = 0xF597A6CF


def lvm_crc(data: bytes) -> int:
    """Compute LVM's checksum bit by bit."""
    crc = _LVM_SEED
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc


def pv_uuid(number: int) -> str:
    return f"pv{number:04}".ljust(32, "x")


def pv_id(number: int) -> str:
    text = pv_uuid(number)
    return "-".join((text[:6], text[6:10], text[10:14], text[14:18], text[18:22], text[22:26], text[26:]))


def group_text(logical: str, pvs: int = 1, seqno: int = 1, extents: int = 8) -> str:
    physical = "".join(
        f'pv{n} {{ id = "{pv_id(n)}" device = "/dev/sd{n}" flags = [] dev_size = 99 pe_start = 2048 '
        f"pe_count = {extents} }}\n"
        for n in range(pvs)
    )
    return (
        f'# comment "with quotes\nvg {{\nid = "GROUP0-aaaa-bbbb-cccc-dddd-eeee-ffffff"\nseqno = {seqno}\n'
        f'format = "lvm2"\nextent_size = {EXTENT // SECTOR}\nphysical_volumes {{\n{physical}}}\n'
        f'logical_volumes {{\n{logical}}}\n}}\ncontents = "Text Format Volume Group"\nversion = 1\n'
    )


def logical(name: str, *segments: str, visible: bool = True) -> str:
    status = '["READ", "VISIBLE"]' if visible else '["READ"]'
    return f'{name} {{ id = "{name:x<32.32}" status = {status} flags = []\n{"".join(segments)}}}\n'


def segment(start: int, count: int, kind: str, keys: str, number: int = 1) -> str:
    return f'segment{number} {{ start_extent = {start} extent_count = {count} type = "{kind}" {keys} }}\n'


def linear(name: str, extent: int, count: int = 1, pv: str = "pv0", *, visible: bool = True) -> str:
    keys = f'stripe_count = 1 stripes = ["{pv}", {extent}]'
    return logical(name, segment(0, count, "striped", keys), visible=visible)


def physical_volume(text: str, number: int = 0, extents: int = 8, at: int = SECTOR, label: int = 1) -> bytes:
    """Return a physical volume of `extents` MiB behind 1 MiB; each extent holds its number and that of the volume."""
    content = b"".join(bytes([number << 4 | extent]) * MIB for extent in range(extents))
    return physical_header(text, number, extents, at, label) + content


def physical_header(text: str, number: int, extents: int, at: int = SECTOR, label: int = 1) -> bytes:
    """Return the first MiB of a physical volume of `extents` MiB behind it."""
    start, length = 4096, 65536
    raw = text.encode()
    area = bytearray(length)
    ring = area[SECTOR:]
    for index, byte in enumerate(raw):
        ring[(at - SECTOR + index) % len(ring)] = byte
    area[SECTOR:] = ring
    header = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, start, length)
    header += struct.pack("<QQII", at, len(raw), lvm_crc(raw), 0)
    area[:SECTOR] = struct.pack("<I", lvm_crc(header.ljust(508, b"\0"))) + header.ljust(508, b"\0")
    body = pv_uuid(number).encode() + struct.pack("<Q", (extents + 1) * MIB)
    body += struct.pack("<QQQQ", MIB, 0, 0, 0) + struct.pack("<QQQQ", start, length, 0, 0)
    inner = struct.pack("<I8s", 32, b"LVM2 001") + body
    sector = inner.ljust(SECTOR - 20, b"\0")
    disk = bytearray(MIB)
    disk[label * SECTOR : (label + 1) * SECTOR] = struct.pack("<8sQI", b"LABELONE", label, lvm_crc(sector)) + sector
    disk[start : start + length] = area
    return bytes(disk)


def _salted(block: bytes, salt: int) -> bytes:
    return struct.pack("<I", google_crc32c.value(block) ^ 0xFFFFFFFF ^ salt) + block


def thin_node(number: int, entries: dict[int, bytes], size: int, *, leaf: bool = True) -> bytes:
    """Return a node of a b-tree in a block of 4 KiB."""
    most = (4096 - 32) // (8 + size) // 3 * 3
    keys = b"".join(struct.pack("<Q", key) for key in entries).ljust(8 * most, b"\0")
    head = struct.pack("<IQIIII", 2 if leaf else 1, number, len(entries), most, size, 0)
    return _salted((head + keys + b"".join(entries.values())).ljust(4092, b"\0"), 121107)


def thin_metadata(mappings: dict[int, int], chunk: int = 128, device: int = 1) -> bytes:
    """Return the metadata of a pool with one thin device, whose blocks lie where `mappings` says."""
    head = struct.pack("<IQ16sQIIQQ128s128s", 0, 0, b"", 27022010, 2, 0, 1, 0, b"", b"")
    head += struct.pack("<QQIIQIII", 1, 2, chunk, 8, 4, 0, 0, 0)
    values = {key: struct.pack("<Q", value << 24 | 5) for key, value in sorted(mappings.items())}
    return b"".join(
        (
            _salted(head.ljust(4092, b"\0"), 160774),
            thin_node(1, {device: struct.pack("<Q", 3)}, 8),
            thin_node(2, {device: struct.pack("<QQII", len(values), 1, 0, 0)}, 24),
            thin_node(3, values, 8),
        )
    )


def md_member(role: int, legs: int, level: int, size: int = 64 * 1024, name: bytes = b"host:7", **fields: int) -> bytes:
    """Return a member with a superblock of version 1.2 and data of `size` bytes at 8 KiB, every sector its own."""
    data = b"".join(binascii.crc32(struct.pack("<II", role, n)).to_bytes(4, "little") * 128 for n in range(size // 512))
    return md_header(role, legs, level, size, name, **fields) + data


def md_header(role: int, legs: int, level: int, size: int, name: bytes = b"host:7", **fields: int) -> bytes:
    """Return the first 8 KiB of a member, behind which its data of `size` bytes begin."""
    roles = list(range(legs))
    head = struct.pack(
        "<IIII16s32sQiIQII", 0xA92B4EFC, 1, fields.get("features", 0), 0, b"0123456789abcdef", name, 0, level,
        fields.get("layout", 0), size // SECTOR, fields.get("chunk", 4096) // SECTOR, legs,
    ).ljust(128, b"\0")  # fmt: skip
    own = struct.pack(
        "<QQQQII16s8sQQQII", 16, size // SECTOR, 8, fields.get("recovery", 0), role, 0, bytes(16), bytes(8), 0,
        fields.get("events", 10), fields.get("resync", (1 << 64) - 1), 0, legs,
    ).ljust(128, b"\0")  # fmt: skip
    raw = bytearray(head + own + struct.pack(f"<{legs}H", *roles))
    padded = bytes(raw).ljust(-(-len(raw) // 4) * 4, b"\0")
    total = sum(struct.unpack(f"<{len(padded) // 4}I", padded))
    raw[216:220] = struct.pack("<I", (total & 0xFFFFFFFF) + (total >> 32) & 0xFFFFFFFF)
    return bytes(4096) + bytes(raw).ljust(4096, b"\0")
