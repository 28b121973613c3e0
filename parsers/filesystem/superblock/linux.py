"""Superblocks of file systems of Linux: ext, XFS, btrfs, F2FS, JFS, ReiserFS, NILFS2, EROFS, squashfs, minix.

Layouts: kernel documentation (filesystems/ext4, filesystems/f2fs, filesystems/erofs, XFS Filesystem Structure,
btrfs on-disk format); mkfs.minix(8), mkreiserfs(8).
"""

from __future__ import annotations

import zlib
from typing import Final

from parsers.filesystem.superblock.model import Probe, Superblock, dce, power_of_two, text, utf16

KIB: Final = 1024

_EXT_HAS_JOURNAL: Final = 0x4
_EXT_JOURNAL_DEV: Final = 0x8
# What the drivers named ext2 and ext3 know; any other feature makes it ext4.
_EXT2_INCOMPAT: Final = 0x2 | 0x10
_EXT3_INCOMPAT: Final = 0x2 | 0x4 | 0x10
_EXT2_RO_COMPAT: Final = 0x1 | 0x2 | 0x4


def ext(probe: Probe) -> Superblock | None:
    """ext2, ext3, ext4, or an external journal (jbd); the type is told by the features."""
    if probe.read(1080, 2) != b"\x53\xef":
        return None
    head = probe.read(1024, 256)
    compat, incompat, ro_compat = (int.from_bytes(head[at : at + 4], "little") for at in (92, 96, 100))
    version = f"{int.from_bytes(head[76:80], 'little')}.{int.from_bytes(head[62:64], 'little')}"
    kind = _ext_kind(compat, incompat, ro_compat)
    return Superblock(kind, 1080, dce(head[104:120]), text(head[120:136]), version)


def _ext_kind(compat: int, incompat: int, ro_compat: int) -> str:
    if incompat & _EXT_JOURNAL_DEV:
        return "jbd"
    if not ro_compat & ~_EXT2_RO_COMPAT:
        if compat & _EXT_HAS_JOURNAL:
            if not incompat & ~_EXT3_INCOMPAT:
                return "ext3"
        elif not incompat & ~_EXT2_INCOMPAT:
            return "ext2"
    return "ext4"


def xfs(probe: Probe) -> Superblock | None:
    """XFS, where its geometry is possible."""
    if probe.read(0, 4) != b"XFSB":
        return None
    head = probe.read(0, 256)
    block = int.from_bytes(head[4:8], "big")
    sector, inode = int.from_bytes(head[102:104], "big"), int.from_bytes(head[104:106], "big")
    blocklog, sectlog, inodelog, inopblog, imax_pct = head[120], head[121], head[122], head[123], head[127]
    possible = (
        power_of_two(block, 512, 65536)
        and power_of_two(sector, 512, 32768)
        and power_of_two(inode, 256, 2048)
        and (block, sector, inode) == (1 << blocklog, 1 << sectlog, 1 << inodelog)
        and blocklog - inodelog == inopblog
        and imax_pct <= 100
        and _xfs_groups(head)
    )
    return Superblock("xfs", 0, dce(head[32:48]), text(head[108:120])) if possible else None


def _xfs_groups(head: bytes) -> bool:
    blocks, per_group, groups = (
        int.from_bytes(head[8:16], "big"),
        int.from_bytes(head[84:88], "big"),
        int.from_bytes(head[88:92], "big"),
    )
    return groups > 0 and blocks <= groups * per_group and blocks >= (groups - 1) * per_group + 64


def btrfs(probe: Probe) -> Superblock | None:
    """btrfs; UUID is the fsid that users see, not the metadata_uuid."""
    base = 64 * KIB
    if probe.read(base + 64, 8) != b"_BHRfS_M":
        return None
    return Superblock("btrfs", base + 64, dce(probe.read(base + 32, 16)), text(probe.read(base + 299, 256)))


def f2fs(probe: Probe) -> Superblock | None:
    """F2FS; the volume name is UTF-16."""
    if probe.read(1024, 4) != b"\x10\x20\xf5\xf2":
        return None
    version = f"{probe.uint(1028, 2)}.{probe.uint(1030, 2)}"
    label = utf16(probe.read(1024 + 124, 512))
    return Superblock("f2fs", 1024, dce(probe.read(1024 + 108, 16)), label, version)


def jfs(probe: Probe) -> Superblock | None:
    """JFS, where the logarithms of its sizes agree with the sizes."""
    head = probe.read(32 * KIB, 184)
    if head[:4] != b"JFS1":
        return None
    block, log_block, log_factor = (
        int.from_bytes(head[16:20], "little"),
        int.from_bytes(head[20:22], "little"),
        int.from_bytes(head[22:24], "little"),
    )
    physical, log_physical = int.from_bytes(head[24:28], "little"), int.from_bytes(head[28:30], "little")
    if not (power_of_two(block, 512, 65536) and block == 1 << log_block):
        return None
    if not (power_of_two(physical, 512, 65536) and physical == 1 << log_physical):
        return None
    if log_block - log_physical != log_factor:
        return None
    return Superblock("jfs", 32 * KIB, dce(head[136:152]), text(head[152:168]))


_REISER: Final = {b"ReIsErFs": "3.5", b"ReIsEr2Fs": "3.6", b"ReIsEr3Fs": "JR"}


def reiserfs(probe: Probe) -> Superblock | None:
    """ReiserFS 3.5 and 3.6, and reiser4."""
    for base in (8 * KIB, 64 * KIB):
        head = probe.read(base, 128)
        for magic, version in _REISER.items():
            if head[52 : 52 + len(magic)] == magic:
                if not power_of_two(int.from_bytes(head[44:46], "little"), 512, 65536):
                    return None
                return Superblock("reiserfs", base + 52, dce(head[84:100]), text(head[100:116]), version)
    head = probe.read(64 * KIB, 64)
    if head[:7] == b"ReIsEr4":
        return Superblock("reiser4", 64 * KIB, dce(head[20:36]), text(head[36:52]), "4")
    return None


def nilfs2(probe: Probe) -> Superblock | None:
    """NILFS2: the first superblock whose checksum is right, of the one at 1 KiB and the one at the end."""
    for base in (1024, probe.size // 4096 * 4096 - 4096):
        head = probe.read(base, 1024)
        length = int.from_bytes(head[8:10], "little")
        if head[6:8] != b"\x34\x34" or not 20 < length <= 1024:
            continue
        # The CRC is not inverted at either end, and starts from a seed in the superblock.
        seed = int.from_bytes(head[12:16], "little") ^ 0xFFFFFFFF
        crc = zlib.crc32(head[:16] + bytes(4) + head[20:length], seed) ^ 0xFFFFFFFF
        if crc == int.from_bytes(head[16:20], "little"):
            version = str(int.from_bytes(head[:4], "little"))
            return Superblock("nilfs2", base + 6, dce(head[152:168]), text(head[168:248]), version)
    return None


def erofs(probe: Probe) -> Superblock | None:
    """EROFS."""
    if probe.read(1024, 4) != b"\xe2\xe1\xf5\xe0":
        return None
    return Superblock("erofs", 1024, dce(probe.read(1024 + 48, 16)), text(probe.read(1024 + 64, 16)))


def squashfs(probe: Probe) -> Superblock | None:
    """Squashfs of either byte order; version 3 and before is called squashfs3."""
    magic = probe.read(0, 4)
    if magic not in (b"hsqs", b"sqsh"):
        return None
    order = "little" if magic == b"hsqs" else "big"
    major, minor = probe.uint(28, 2, order), probe.uint(30, 2, order)
    if major >= 4 and order == "big":
        return None
    return Superblock("squashfs" if major >= 4 else "squashfs3", 0, version=f"{major}.{minor}")


# Magic -> version, at byte 16 of the superblock (versions 1 and 2) and at byte 24 (version 3).
_MINIX: Final = {0x137F: "1", 0x138F: "1", 0x2468: "2", 0x2478: "2"}


def minix(probe: Probe) -> Superblock | None:
    """MINIX 1 to 3, little-endian, where its maps can hold what it says it holds.

    Its magic is two bytes, so that the counts are checked too; a volume that is ext as well is ext.
    """
    head = probe.read(1024, 32)
    version = _MINIX.get(int.from_bytes(head[16:18], "little"))
    if version is None:
        if head[24:26] != b"\x5a\x4d":
            return None
        version, block = "3", int.from_bytes(head[28:30], "little")
        inodes, zones = int.from_bytes(head[:4], "little"), int.from_bytes(head[20:24], "little")
        inode_map, zone_map, first = (int.from_bytes(head[at : at + 2], "little") for at in (6, 8, 10))
    else:
        block, inodes = 1024, int.from_bytes(head[:2], "little")
        inode_map, zone_map, first = (int.from_bytes(head[at : at + 2], "little") for at in (4, 6, 8))
        zones = int.from_bytes(head[2:4] if version == "1" else head[20:24], "little")
    if not inodes or not first < zones or not power_of_two(block, 1024, 65536):
        return None
    if inode_map * block * 8 < inodes + 1 or zone_map * block * 8 < zones - first + 1:
        return None
    return None if ext(probe) else Superblock("minix", 1024 + 16, version=version)
