"""Superblocks of FAT, exFAT, NTFS, ReFS and BitLocker.

Specifications: Microsoft FAT32 File System Specification 1.03; exFAT file system specification; [MS-NTFS] as
documented by Linux-NTFS. Labels follow blkid 2.38: of FAT, the label in the root directory, never that in
the boot sector.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.filesystem.superblock.model import Probe, Superblock, power_of_two, serial, text, utf16

_FAT_MAGICS: Final = (
    (0x52, b"MSWIN"),
    (0x52, b"FAT32   "),
    (0x36, b"MSDOS"),
    (0x36, b"FAT16   "),
    (0x36, b"FAT12   "),
    (0x36, b"FAT     "),
)
_FAT12_CLUSTERS: Final = 0xFF4
_FAT16_CLUSTERS: Final = 0xFFF4
_FAT32_CLUSTERS: Final = 0x0FFFFFF6
_MAX_ROOT_CLUSTERS: Final = 100
_MAX_ROOT_BYTES: Final = 2 << 20

_NOT_FAT: Final = (b"NTFS    ", b"EXFAT   ", b"-FVE-FS-")

_BPB: Final = struct.Struct("<HBHBHHBH8xI")  # from byte 11: sector size ... sectors per FAT (16 bit), sectors (32)
_BITLOCKER_GUID: Final = bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")


def bitlocker(probe: Probe) -> Superblock | None:
    """BitLocker of Vista (no version) and later, and BitLocker To Go; the version is that of its metadata."""
    head = probe.read(0, 512)
    if head[3:11] == b"-FVE-FS-":
        metadata = int.from_bytes(head[176:184], "little") if head[160:176] == _BITLOCKER_GUID else 0
    elif head[3:11] == b"MSWIN4.1" and head[424:440] == _BITLOCKER_GUID:
        metadata = int.from_bytes(head[440:448], "little")
    else:
        return None
    raw = probe.read(metadata, 12)
    version = str(int.from_bytes(raw[10:12], "little")) if raw[:8] == b"-FVE-FS-" else None
    return Superblock("BitLocker", 3, version=version)


def vfat(probe: Probe) -> Superblock | None:
    """FAT12, FAT16 and FAT32, where the parameter block is possible."""
    head = probe.read(0, 512)
    magic = next((at for at, value in _FAT_MAGICS if head[at : at + len(value)] == value), None)
    if magic is None and not _looks_like_dos(head):
        return None
    sector, per_cluster, reserved, fats, entries, sectors16, media, fat16, sectors32 = _BPB.unpack_from(head, 11)
    fat32 = int.from_bytes(head[36:40], "little")
    possible = (
        power_of_two(sector, 512, 4096)
        and power_of_two(per_cluster, 1, 128)
        and reserved
        and fats
        and (media >= 0xF8 or media == 0xF0)
        and (fat16 or fat32)
    )
    if not possible or bitlocker(probe):
        return None
    fat_bytes = (fat16 or fat32) * fats * sector
    root = reserved * sector + fat_bytes
    root_bytes = (entries * 32 + sector - 1) // sector * sector
    clusters = ((sectors16 or sectors32) - (root + root_bytes) // sector) // per_cluster
    if not 0 <= clusters <= (_FAT32_CLUSTERS if not fat16 else _FAT16_CLUSTERS):
        return None
    if fat16:
        label = _root_label(probe.read(root, min(root_bytes, _MAX_ROOT_BYTES)))
        version = "FAT12" if clusters <= _FAT12_CLUSTERS else "FAT16"
        uuid = serial(head[39:43]) if head[38] in (0x28, 0x29) else None
        return Superblock("vfat", magic or 0, uuid, label, version)
    data = root + root_bytes
    label = _fat32_label(probe, reserved * sector, data, per_cluster * sector, int.from_bytes(head[44:48], "little"))
    return Superblock("vfat", magic or 0, serial(head[67:71]), label, "FAT32")


def _looks_like_dos(head: bytes) -> bool:
    """Tell whether a boot sector without the word FAT may still be one."""
    if head[510:512] != b"\x55\xaa" and head[0] not in (0xEB, 0xE9):
        return False
    return head[0x36:0x3E] not in (b"JFS     ", b"HPFS    ") and head[3:11] not in _NOT_FAT


def _root_label(directory: bytes) -> str | None:
    """Return the volume label in (a part of) a root directory."""
    for at in range(0, len(directory) - 31, 32):
        entry = directory[at : at + 32]
        if entry[0] == 0:
            return None
        attributes, cluster = entry[11], entry[20:22] + entry[26:28]
        if entry[0] == 0xE5 or attributes & 0x3F == 0x0F or any(cluster):
            continue
        if attributes & 0x18 == 0x08:
            name = entry[:11]
            return text(b"\xe5" + name[1:] if name[0] == 0x05 else name)
    return None


def _fat32_label(probe: Probe, fat: int, data: int, cluster_bytes: int, cluster: int) -> str | None:
    for _ in range(_MAX_ROOT_CLUSTERS):
        if not 2 <= cluster < _FAT32_CLUSTERS:
            return None
        directory = probe.read(data + (cluster - 2) * cluster_bytes, cluster_bytes)
        label = _root_label(directory)
        if label or any(directory[at] == 0 for at in range(0, len(directory), 32)):
            return label
        cluster = probe.uint(fat + cluster * 4, 4) & 0x0FFFFFFF
    return None


def ntfs(probe: Probe) -> Superblock | None:
    """NTFS, where its geometry is possible and its master file table begins with a record; label from $Volume."""
    head = probe.read(0, 512)
    if head[3:11] != b"NTFS    ":
        return None
    sector, per_cluster = int.from_bytes(head[11:13], "little"), head[13]
    per_cluster = 1 << (256 - per_cluster) if per_cluster >= 0xF0 else per_cluster
    if not power_of_two(sector, 256, 4096) or not power_of_two(per_cluster, 1, 1 << 16):
        return None
    if any(head[14:21]) or any(head[22:24]) or any(head[32:36]):
        return None
    cluster, record = sector * per_cluster, int.from_bytes(head[64:65], "little", signed=True)
    record_bytes = 1 << -record if record < 0 else record * cluster
    if not power_of_two(record_bytes, 256, 1 << 16):
        return None
    sectors, mft = int.from_bytes(head[40:48], "little"), int.from_bytes(head[48:56], "little")
    if mft >= sectors // per_cluster or probe.read(mft * cluster, 4) != b"FILE":
        return None
    label = _volume_name(probe.read(mft * cluster + 3 * record_bytes, record_bytes))
    return Superblock("ntfs", 3, head[72:80][::-1].hex().upper(), label)


def _volume_name(record: bytes) -> str | None:
    """Return the content of the resident attribute $VOLUME_NAME (0x60) of an MFT record."""
    if record[:4] != b"FILE":
        return None
    at = int.from_bytes(record[20:22], "little")
    while 24 <= at <= len(record) - 24:
        kind, length = struct.unpack_from("<II", record, at)
        if kind == 0x60:
            size, offset = struct.unpack_from("<IH", record, at + 16)
            return utf16(record[at + offset : at + offset + size]) if offset + size <= length else None
        if kind == 0xFFFFFFFF or length < 24:
            return None
        at += length
    return None


def refs(probe: Probe) -> Superblock | None:
    """ReFS."""
    return Superblock("ReFS", 0) if probe.read(0, 8) == b"\0\0\0ReFS\0" else None


def exfat(probe: Probe) -> Superblock | None:
    """ExFAT, where its geometry is possible; label from the root directory."""
    head = probe.read(0, 512)
    if head[3:11] != b"EXFAT   " or any(head[11:64]) or head[510:512] != b"\x55\xaa":
        return None
    sector_shift, cluster_shift = head[108], head[109]
    if not 9 <= sector_shift <= 12 or cluster_shift > 25 - sector_shift:
        return None
    fat, _, heap, clusters, root = struct.unpack_from("<IIIII", head, 80)
    sector, cluster_bytes = 1 << sector_shift, 1 << (sector_shift + cluster_shift)
    label = _exfat_label(probe, fat * sector, heap * sector, cluster_bytes, clusters, root)
    return Superblock("exfat", 3, serial(head[100:104]), label, f"{head[105]}.{head[104]}")


def _exfat_label(probe: Probe, fat: int, heap: int, cluster_bytes: int, clusters: int, cluster: int) -> str | None:
    entry, seen = 0, 0
    while 2 <= cluster < clusters + 2 and seen < 10_000:
        record = probe.read(heap + (cluster - 2) * cluster_bytes + entry, 32)
        if record[0] == 0:
            return None
        if record[0] == 0x83:
            return utf16(record[2 : 2 + 2 * min(record[1], 11)])
        entry, seen = entry + 32, seen + 1
        if entry >= cluster_bytes:
            entry, cluster = 0, probe.uint(fat + cluster * 4, 4)
    return None
