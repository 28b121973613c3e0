"""Signatures of what holds other volumes: md RAID, LVM, LUKS, bcache, and swap areas.

Specifications: md(4) and the Linux RAID wiki (superblock formats 0.90 and 1.x); LVM2 on-disk format (lvm label
and PV header); LUKS1 1.2.3 and LUKS2 1.1 on-disk formats; mkswap(8); kernel power/swsusp.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Final

from parsers.filesystem.superblock.model import Probe, Superblock, dce, text

SECTOR: Final = 512
_MD_MAGIC: Final = 0xA92B4EFC


def linux_raid(probe: Probe) -> Superblock | None:
    """Members of md arrays: 1.0 at the end, 1.1 at the start, 1.2 at 4 KiB, 0.90 in the last whole 64 KiB."""
    return _md_090(probe) or _md_1(probe)


def _md_090(probe: Probe) -> Superblock | None:
    if probe.size < 0x10000:
        return None
    offset = (probe.size & ~0xFFFF) - 0x10000
    raw = probe.read(offset, 64)
    for order in ("little", "big"):
        words = struct.unpack(("<" if order == "little" else ">") + "16I", raw)
        # A component that is larger than what lies before its superblock is that of another device.
        if words[0] == _MD_MAGIC and words[1] == 0 and words[8] * 1024 <= offset:
            uuid = (
                struct.pack(">4I", words[5], *words[13:16]) if words[2] >= 90 else struct.pack(">4I", words[5], 0, 0, 0)
            )
            return Superblock("linux_raid_member", offset, dce(uuid), version=f"{words[1]}.{words[2]}.{words[3]}")
    return None


def _md_1(probe: Probe) -> Superblock | None:
    sectors = probe.size // SECTOR
    for version, sector in (("1.0", (sectors - 16) & ~7), ("1.1", 0), ("1.2", 8)):
        if sector < 0:
            continue
        raw = probe.read(sector * SECTOR, 256)
        magic, major = struct.unpack_from("<II", raw)
        if magic == _MD_MAGIC and major == 1 and int.from_bytes(raw[144:152], "little") == sector:
            return Superblock("linux_raid_member", sector * SECTOR, dce(raw[16:32]), text(raw[32:64]), version)
    return None


def _lvm_crc(data: bytes) -> int:
    # CRC-32 whose start value is LVM's own and whose end is not inverted.
    crc = 0xF597A6CF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc


def lvm2(probe: Probe) -> Superblock | None:
    """A physical volume of LVM2: a label in one of the first four sectors, with a good checksum."""
    for sector in range(4):
        raw = probe.read(sector * SECTOR, SECTOR)
        if raw[:8] != b"LABELONE" or raw[24:32] != b"LVM2 001":
            continue
        number, crc, offset = struct.unpack_from("<QII", raw, 8)
        if number != sector or offset > SECTOR - 32 or _lvm_crc(raw[20:]) != crc:
            continue
        uuid = raw[offset : offset + 32].decode("ascii", "replace")
        cuts = (0, 6, 10, 14, 18, 22, 26, 32)
        spelled = "-".join(uuid[start:end] for start, end in pairwise(cuts))
        return Superblock("LVM2_member", sector * SECTOR + 24, spelled, version="LVM2 001")
    return None


# Where a LUKS2 header's second copy may stand (LUKS2 on-disk format, 2.2).
_LUKS2_COPIES: Final = tuple(0x4000 << shift for shift in range(9))


def luks(probe: Probe) -> Superblock | None:
    """LUKS 1 and 2; of LUKS2, the second header too where the first is lost."""
    raw = probe.read(0, 264)
    if raw[:6] == b"LUKS\xba\xbe":
        version = int.from_bytes(raw[6:8], "big")
        if version == 2 and any(raw[256:264]):
            return None
        return _luks(raw, 0, version) if version in (1, 2) else None
    for offset in _LUKS2_COPIES:
        if probe.read(offset, 6) == b"SKUL\xba\xbe":
            raw = probe.read(offset, 264)
            if int.from_bytes(raw[6:8], "big") == 2 and int.from_bytes(raw[256:264], "big") == offset:
                return _luks(raw, offset, 2)
    return None


def _luks(raw: bytes, offset: int, version: int) -> Superblock:
    label = text(raw[24:72]) if version == 2 else None
    return Superblock("crypto_LUKS", offset, text(raw[168:208]), label, str(version))


_BCACHE: Final = bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")


def bcache(probe: Probe) -> Superblock | None:
    """A backing or caching device of bcache, whose superblock says where it stands."""
    raw = probe.read(4096, 56)
    if raw[24:40] != _BCACHE or int.from_bytes(raw[8:16], "little") != 8:
        return None
    return Superblock("bcache", 4096 + 24, dce(raw[40:56]))


_PAGES: Final = (4096, 8192, 16384, 32768, 65536)
_SUSPENDED: Final = {
    b"S1SUSPEND": "s1suspend",
    b"S2SUSPEND": "s2suspend",
    b"ULSUSPEND": "ulsuspend",
    b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c": "tuxonice",
    b"LINHIB0001": "linhib0001",
}


def swap(probe: Probe) -> Superblock | None:
    """A swap area, or one that holds a suspended system (swsuspend). Pages of 4 to 64 KiB."""
    for page in _PAGES:
        magic = probe.read(page - 10, 10)
        if magic == b"SWAP-SPACE":
            return Superblock("swap", page - 10, version="0")
        if magic == b"SWAPSPACE2":
            return _swap_1(probe, page - 10)
        for suspended, version in _SUSPENDED.items():
            if magic.startswith(suspended):
                uuid, label = _swap_identity(probe)
                return Superblock("swsuspend", page - 10, uuid, label, version)
    return None


def _swap_identity(probe: Probe) -> tuple[str | None, str | None]:
    return dce(probe.read(1036, 16)), text(probe.read(1052, 16))


def _swap_1(probe: Probe, offset: int) -> Superblock | None:
    version, swapped = probe.uint(1024, 4), probe.uint(1024, 4, "big")
    last_page = probe.uint(1028, 4)
    if 1 not in (version, swapped) or not last_page:
        return None
    uuid, label = _swap_identity(probe)
    return Superblock("swap", offset, uuid, label, "1")
