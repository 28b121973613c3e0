"""What kind of file an image is, by its bytes alone.

Only what cannot be a disk's own content is told from raw: a partition table, a file system, LUKS or squashfs on the
whole disk are `RAW`, since a superblock names them. Sources: QEMU's docs/interop, the VHD and VHDX specifications
by Microsoft, VMware's Virtual Disk Format 5.0, ECMA-119 (ISO 9660), POSIX ustar, RFC 1952 and 8878, the .xz file
format 1.2, APPNOTE (zip), libewf's Expert Witness Compression Format, Microsoft's Windows Imaging File Format.
"""

from __future__ import annotations

import codecs
import zlib
from enum import StrEnum
from typing import Final

from parsers.source import Source


class Format(StrEnum):
    """Kinds of files that are taken for disk images."""

    RAW = "raw"
    QCOW2 = "qcow2"
    QCOW = "qcow"
    VMDK = "vmdk"
    VHD = "vhd"
    VHDX = "vhdx"
    VDI = "vdi"
    QED = "qed"
    PARALLELS = "parallels"
    EWF = "ewf"
    WIM = "wim"
    ISO9660 = "iso9660"
    TAR = "tar"
    OVA = "ova"
    GZIP = "gzip"
    XZ = "xz"
    BZIP2 = "bzip2"
    ZSTD = "zstd"
    ZIP = "zip"
    SEVENZIP = "7z"
    TEXT = "text"


HEAD: Final = 4096

_MAGICS: Final = (
    (0, b"KDMV", Format.VMDK),
    (0, b"COWD", Format.VMDK),
    (0, b"\xbe\xba\xfe\xca\0\0\0\0", Format.VMDK),  # SEsparse
    (0, b"conectix", Format.VHD),
    (0, b"vhdxfile", Format.VHDX),
    (64, b"\x7f\x10\xda\xbe", Format.VDI),
    (0, b"QED\0", Format.QED),
    (0, b"WithoutFreeSpace", Format.PARALLELS),
    (0, b"WithouFreSpacExt", Format.PARALLELS),
    (0, b"EVF\t\r\n\xff\0", Format.EWF),
    (0, b"EVF2\r\n\x81\0", Format.EWF),
    (0, b"MSWIM\0\0\0", Format.WIM),
    (0, b"\x28\xb5\x2f\xfd", Format.ZSTD),
    (0, b"7z\xbc\xaf\x27\x1c", Format.SEVENZIP),
    (0, b"PK\x03\x04", Format.ZIP),
)
_DESCRIPTOR: Final = b"# Disk DescriptorFile"
_BZIP2_BLOCKS: Final = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_VOLUME_DESCRIPTOR: Final = 0x8000
_SECTOR: Final = 512
_TEXT: Final = 128 << 10
_NOT_TEXT: Final = frozenset(map(chr, (*range(0x20), 0x7F))) - frozenset("\t\n\f\r\x1b")


def detect(source: Source) -> Format:
    """Name the format of `source`; `RAW` where nothing else is recognised. Reads a few KiB."""
    head = source.read_at(0, min(HEAD, source.size))
    by_magic = next((name for at, magic, name in _MAGICS if head[at : at + len(magic)] == magic), None)
    if by_magic is not None:
        return by_magic
    for found in (_qcow(head), _vmdk_descriptor(head), _compressed(head), _tar(source, head)):
        if found is not None:
            return found
    if _has_vhd_footer(source):
        return Format.VHD
    if _is_iso9660(source):
        return Format.ISO9660
    return Format.TEXT if _is_text(source, head) else Format.RAW


def _qcow(head: bytes) -> Format | None:
    if head[:4] != b"QFI\xfb":
        return None
    return Format.QCOW if head[4:8] == b"\0\0\0\1" else Format.QCOW2


def _vmdk_descriptor(head: bytes) -> Format | None:
    """A descriptor is text; comments and blank lines may come first."""
    for line in head.lstrip().split(b"\n")[:16]:
        if line.strip().lower().startswith(_DESCRIPTOR.lower()):
            return Format.VMDK
        if line.strip() and not line.startswith(b"#"):
            return None
    return None


def _compressed(head: bytes) -> Format | None:
    # The method (8: deflate) and the reserved flags make three bytes of gzip's magic a little safer.
    if head[:3] == b"\x1f\x8b\x08" and len(head) >= 18 and not head[3] & 0xE0:
        return Format.GZIP
    if head[:6] == b"\xfd7zXZ\0" and int.from_bytes(head[8:12], "little") == zlib.crc32(head[6:8]):
        return Format.XZ
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in _BZIP2_BLOCKS:
        return Format.BZIP2
    return None


def _tar(source: Source, head: bytes) -> Format | None:
    """A tar, or an OVA: a tar whose first member is the OVF descriptor (DMTF DSP0243)."""
    if len(head) < 512 or head[257:262] != b"ustar":
        return None
    try:
        checksum = int(head[148:156].rstrip(b"\0 ") or b"0", 8)
    except ValueError:
        return None
    if checksum != sum(head[:148]) + sum(head[156:512]) + 8 * 0x20 or source.size < 1024:
        return None
    return Format.OVA if head[:100].rstrip(b"\0").lower().endswith(b".ovf") else Format.TAR


def _has_vhd_footer(source: Source) -> bool:
    """A fixed VHD is a raw disk followed by a footer of 512 bytes, or of 511 when written by Virtual PC 2004."""
    for length in (512, 511):
        if source.size <= length:
            continue
        footer = source.read_at(source.size - length, length)
        if footer[:8] != b"conectix":
            continue
        checksum = ~(sum(footer) - sum(footer[64:68])) & 0xFFFF_FFFF
        if checksum == int.from_bytes(footer[64:68], "big"):
            return True
    return False


def _is_iso9660(source: Source) -> bool:
    """A primary volume descriptor, whose block size is 2048 in both byte orders."""
    if source.size < _VOLUME_DESCRIPTOR + 2048:
        return False
    descriptor = source.read_at(_VOLUME_DESCRIPTOR, 2048)
    return descriptor[:7] == b"\x01CD001\x01" and descriptor[128:132] == b"\x00\x08\x08\x00"


def _is_text(source: Source, head: bytes) -> bool:
    """Text has no control characters; a disk begins so at most up to its superblock, at 64 KiB or before."""
    if len(head) < _SECTOR or not _has_only_text(head):
        return False
    return source.size <= HEAD or _has_only_text(source.read_at(0, min(_TEXT, source.size)))


def _has_only_text(data: bytes) -> bool:
    encoding = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    try:
        return _NOT_TEXT.isdisjoint(codecs.getincrementaldecoder(encoding)().decode(data))
    except UnicodeDecodeError:
        return False
