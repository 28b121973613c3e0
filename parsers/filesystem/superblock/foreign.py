"""File systems and members that Linux guests seldom have: of macOS, the BSDs, Solaris, OS/2, flash and clusters.

Specifications: Apple TN1150 (HFS Plus) and the Apple File System Reference; ZFS On-Disk Specification; fs(5) of
FreeBSD. Of most others only the signature is looked at.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.filesystem.superblock.model import Probe, Superblock, dce, serial, text, utf16

KIB: Final = 1024
_HFS_UUID_SALT: Final = bytes.fromhex("b3e20f39f29211d697a400306543ecac")

_SIGNATURES: Final = (
    ("romfs", 0, b"-rom1fs-"),
    ("cramfs", 0, b"\x45\x3d\xcd\x28"),
    ("cramfs", 0, b"\x28\xcd\x3d\x45"),
    ("bfs", 0, b"\xce\xfa\xad\x1b"),
    ("zonefs", 0, b"SFOZ"),
    ("ceph_bluestore", 0, b"bluestore block device\n"),
    ("DM_verity_hash", 0, b"verity\0\0"),
    ("stratis", 512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh"),
    ("gfs2", 64 * KIB, b"\x01\x16\x19\x70"),
    ("vxfs", 1 * KIB, b"\xf5\xfc\x01\xa5"),
    ("vxfs", 8 * KIB, b"\xa5\x01\xfc\xf5"),
)
# From the end of the volume.
_TAILS: Final = (
    ("isw_raid_member", 1024, b"Intel Raid ISM Cfg Sig. "),
    ("ddf_raid_member", 512, b"\xde\x11\xde\x11"),
    ("lsi_mega_raid_member", 512, b"$XIDE$"),
    ("nvidia_raid_member", 1024, b"NVIDIA"),
    ("promise_fasttrack_raid_member", 63 * 512, b"Promise Technology, Inc."),
)


def firmware_raid(probe: Probe) -> Superblock | None:
    """Members of RAIDs that a controller's firmware makes; their signature stands at the end."""
    sectors = probe.size // 512
    for kind, back, magic in _TAILS:
        offset = sectors * 512 - back
        if probe.read(offset, len(magic)) == magic:
            return Superblock(kind, offset)
    last = probe.read((sectors - 1) * 512, 512)
    if last[:4] == b"\x37\xfc\x4d\x1e" and last[256:260] == b"DPTM":
        return Superblock("adaptec_raid_member", (sectors - 1) * 512)
    if last[:2] == b"\x55\xaa" and last[2] <= 2 and sum(last[:50]) & 0xFF == last[50]:
        return Superblock("via_raid_member", (sectors - 1) * 512, version=str(last[2]))
    return None


def drbd(probe: Probe) -> Superblock | None:
    """A device that is mirrored over the network (DRBD 8.x); its metadata fills the last 4 KiB."""
    base = probe.size - 4 * KIB
    raw = probe.read(base, 64)
    if raw[60:64] not in (b"\x83\x74\x02\x6b", b"\x83\x74\x02\x6c"):
        return None
    return Superblock("drbd", base + 60, raw[40:48].hex(), version="v08")


def flash(probe: Probe) -> Superblock | None:
    """UBI and UBIFS of raw flash memory; the UUID of UBI is the number of the image."""
    raw = probe.read(0, 132)
    if raw[:4] == b"UBI#":
        return Superblock("ubi", 0, str(int.from_bytes(raw[24:28], "big")), version=str(raw[4]))
    if raw[:4] == b"\x31\x18\x10\x06":
        version, compatible = (int.from_bytes(raw[at : at + 4], "little") for at in (80, 128))
        return Superblock("ubifs", 0, dce(raw[108:124]), version=f"w{version}r{compatible}")
    return None


def vmfs(probe: Probe) -> Superblock | None:
    """A member of a datastore of VMware; it spells its own UUID."""
    base = 1024 * KIB
    if probe.read(base, 4) != b"\x0d\xd0\x01\xc0":
        return None
    return Superblock(
        "VMFS_volume_member", base, text(probe.read(base + 532, 35)), version=str(probe.uint(base + 4, 4))
    )


def by_signature(probe: Probe) -> Superblock | None:
    """What is told by its magic alone."""
    for kind, offset, magic in _SIGNATURES:
        if probe.read(offset, len(magic)) == magic:
            return Superblock(kind, offset, label=text(probe.read(16, 64)) if kind == "romfs" else None)
    return None


def ocfs2(probe: Probe) -> Superblock | None:
    """OCFS2, whose superblock stands at block 2 of any block size."""
    for base in (1 * KIB, 2 * KIB, 4 * KIB, 8 * KIB):
        if probe.read(base, 6) == b"OCFSV2":
            raw = probe.read(base, 352)
            major, minor = struct.unpack_from("<HH", raw, 192)
            return Superblock("ocfs2", base, dce(raw[336:352]), text(raw[272:336]), f"{major}.{minor}")
    return None


def hpfs(probe: Probe) -> Superblock | None:
    """HPFS of OS/2, by its superblock and spare block."""
    if probe.read(8 * KIB, 4) != b"\x49\xe8\x95\xf9" or probe.read(17 * 512, 4) != b"\x49\x18\x91\xf9":
        return None
    boot, version = probe.read(0, 64), str(probe.read(8 * KIB + 8, 1)[0])
    if boot[54:58] != b"HPFS" or boot[38] != 0x28:
        return Superblock("hpfs", 8 * KIB, version=version)
    return Superblock("hpfs", 8 * KIB, serial(boot[39:43]), text(boot[43:54]), version)


def hfs(probe: Probe) -> Superblock | None:
    """HFS, and HFS Plus plain or wrapped in HFS."""
    raw = probe.read(KIB, 162)
    if raw[:2] in (b"H+", b"HX"):
        return _hfsplus(probe, 0)
    if raw[:2] != b"BD" or not _is_block_size(int.from_bytes(raw[20:24], "big")):
        return None
    if raw[124:126] in (b"H+", b"HX"):
        first, start = int.from_bytes(raw[28:30], "big"), int.from_bytes(raw[126:128], "big")
        return _hfsplus(probe, first * 512 + start * int.from_bytes(raw[20:24], "big"))
    name = raw[37 : 37 + min(raw[36], 27)]
    return Superblock("hfs", KIB, _hfs_uuid(raw[116:124]), text(name))


def _is_block_size(size: int) -> bool:
    return size > 0 and size % 512 == 0


def _hfs_uuid(identity: bytes) -> str | None:
    """A UUID of version 3 made of the volume's 8 bytes of identity."""
    if not any(identity):
        return None
    import hashlib  # milliseconds, for a volume that is seldom met

    digest = bytearray(hashlib.md5(_HFS_UUID_SALT + identity, usedforsecurity=False).digest())
    digest[6] = 0x30 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return dce(bytes(digest))


def _hfsplus(probe: Probe, base: int) -> Superblock | None:
    raw = probe.read(base + KIB, 512)
    if raw[:2] not in (b"H+", b"HX"):
        return None
    label = _hfsplus_label(probe, base, raw)
    return Superblock("hfsplus", base + KIB, _hfs_uuid(raw[104:112]), label)


def _hfsplus_label(probe: Probe, base: int, raw: bytes) -> str | None:
    """The name of the root folder: the first record of the catalogue's first leaf, in its first extent."""
    block, (start, count) = int.from_bytes(raw[40:44], "big"), struct.unpack_from(">II", raw, 288)
    catalogue = base + start * block
    header = probe.read(catalogue, 34)
    leaf, node = int.from_bytes(header[24:28], "big"), int.from_bytes(header[32:34], "big")
    if not 512 <= node <= 32768 or (leaf + 1) * node > count * block:
        return None
    record = probe.read(catalogue + leaf * node, 14 + 8 + 510)
    parent, length = struct.unpack_from(">IH", record, 16)
    return utf16(record[22 : 22 + 2 * min(length, 255)], "big") if record[8] == 0xFF and parent == 1 else None


def apfs(probe: Probe) -> Superblock | None:
    """A container of APFS."""
    if probe.read(32, 4) != b"NXSB" or probe.uint(24, 2) != 1:
        return None
    return Superblock("apfs", 32, dce(probe.read(72, 16)))


_UFS_PLACES: Final = (0, 8 * KIB, 64 * KIB, 256 * KIB)


def ufs(probe: Probe) -> Superblock | None:
    """UFS1 and UFS2 of the BSDs, of either byte order."""
    for base in _UFS_PLACES:
        magic = probe.read(base + 1372, 4)
        for order in ("<", ">"):
            version = {0x00011954: "1", 0x19540119: "2"}.get(struct.unpack(f"{order}I", magic)[0])
            if version is None:
                continue
            low, high = struct.unpack(f"{order}II", probe.read(base + 144, 8))
            label = text(probe.read(base + 680, 32)) if version == "2" else None
            return Superblock("ufs", base + 1372, f"{low:08x}{high:08x}" if low or high else None, label, version)
    return None


_UBERBLOCK: Final = 0x00BAB10C
_NVLIST: Final = 112 * KIB


def zfs(probe: Probe) -> Superblock | None:
    """A member of a ZFS pool: UUID is the pool's number, the label its name. One of the two labels at the start."""
    for base in (0, 256 * KIB):
        head = probe.read(base + 16 * KIB, 12)
        if head[0] != 1 or head[4:12] != b"\0\0\0\0\0\0\0\1":
            continue
        values = _nvlist(probe.read(base + 16 * KIB + 12, _NVLIST - 12))
        blocks = probe.read(base + 128 * KIB, 128 * KIB)
        magics = (_UBERBLOCK.to_bytes(8, "little"), _UBERBLOCK.to_bytes(8, "big"))
        first = next((at for at in range(0, len(blocks), KIB) if blocks[at : at + 8] in magics), None)
        if first is not None and "pool_guid" in values:
            name, version = values.get("name"), values.get("version")
            return Superblock(
                "zfs_member",
                base + 128 * KIB + first,
                str(values["pool_guid"]),
                name if isinstance(name, str) else None,
                str(version) if version is not None else None,
            )
    return None


def _nvlist(raw: bytes) -> dict[str, int | str]:
    """The numbers and strings of the outermost list in XDR."""
    values: dict[str, int | str] = {}
    at = 0
    while at + 12 <= len(raw):
        size, _, length = struct.unpack_from(">III", raw, at)
        padded = (length + 3) & ~3
        if size < 20 + padded or at + size > len(raw):
            break
        name = raw[at + 12 : at + 12 + length].decode("utf-8", "replace")
        body = raw[at + 12 + padded : at + size]
        kind = int.from_bytes(body[:4], "big")
        if kind == 8 and len(body) >= 16:
            values[name] = int.from_bytes(body[8:16], "big")
        elif kind == 9 and len(body) >= 12:
            count = int.from_bytes(body[8:12], "big")
            values[name] = body[12 : 12 + count].decode("utf-8", "surrogateescape")
        at += size
    return values
