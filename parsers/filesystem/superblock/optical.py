"""ISO 9660 and UDF.

Specifications: ECMA-119 (ISO 9660) with Joliet; ECMA-167 and the OSTA UDF specification. UUIDs and labels are made
of dates and volume identifiers as blkid makes them.
"""

from __future__ import annotations

from typing import Final

from parsers.filesystem.superblock.model import Probe, Superblock, text, utf16

_SECTOR: Final = 2048
_FIRST: Final = 16 * _SECTOR
_MAX_DESCRIPTORS: Final = 64
_JOLIET: Final = (b"%/@", b"%/C", b"%/E")
_ZERO_DATE: Final = b"0000000000000000"


def iso9660(probe: Probe) -> Superblock | None:
    """ISO 9660; the label is Joliet's where that is another than the beginning of the primary one."""
    primary: bytes | None = None
    joliet: str | None = None
    for number in range(_MAX_DESCRIPTORS):
        raw = probe.read(_FIRST + number * _SECTOR, _SECTOR)
        if raw[1:6] != b"CD001" or raw[0] == 255:
            break
        if raw[0] == 1 and primary is None:
            primary = raw
        if raw[0] == 2 and raw[88:91] in _JOLIET and joliet is None:
            joliet = utf16(raw[40:72], "big") or ""
    if primary is None:
        return None
    label = text(primary[40:72])
    if joliet and (label or "")[:16].rstrip().lower() != joliet.lower():
        label = joliet
    date = next((when for when in (primary[830:847], primary[813:830]) if _is_date(when)), None)
    return Superblock(
        "iso9660",
        _FIRST + 1,
        _spell(date) if date else None,
        label,
        "Joliet Extension" if joliet is not None else None,
    )


def _is_date(raw: bytes) -> bool:
    return raw[:16].isdigit() and raw[:16] != _ZERO_DATE


def _spell(date: bytes) -> str:
    digits = date[:16].decode("ascii")
    return "-".join((digits[:4], *(digits[at : at + 2] for at in range(4, 16, 2))))


def udf(probe: Probe) -> Superblock | None:
    """UDF: a volume recognition sequence, and the descriptors that the anchor at block 256 leads to."""
    blocks = _recognised(probe)
    if not blocks:
        return None
    for block in blocks:
        anchor = probe.read(256 * block, 512)
        if _tag(anchor) == 2 and int.from_bytes(anchor[12:16], "little") == 256:
            start, length = int.from_bytes(anchor[20:24], "little"), int.from_bytes(anchor[16:20], "little")
            return _describe(probe, block, start, min(length // block, _MAX_DESCRIPTORS))
    return Superblock("udf", _FIRST + 1)


def _recognised(probe: Probe) -> tuple[int, ...]:
    """Return the block sizes that the spacing of the volume recognition sequence allows; none where there is none."""
    for step, blocks in ((2048, (512, 1024, 2048)), (4096, (4096,))):
        for number in range(_MAX_DESCRIPTORS):
            name = probe.read(_FIRST + number * step + 1, 5)
            if name in (b"NSR02", b"NSR03"):
                return blocks
            if name not in (b"BEA01", b"BOOT2", b"CD001", b"CDW02", b"TEA01"):
                break
    return ()


def _tag(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "little")


def _describe(probe: Probe, block: int, start: int, count: int) -> Superblock:
    uuid = label = version = None
    for number in range(start, start + count):
        raw = probe.read(number * block, 512)
        if _tag(raw) == 1 and uuid is None:
            uuid = _udf_uuid(_dstring(raw[72:200]))
        elif _tag(raw) == 6 and version is None:
            label = _dstring(raw[84:212]).rstrip() or None
            revision = int.from_bytes(raw[240:242], "little")
            version = f"{revision >> 8:x}.{revision & 0xFF:02x}"
        elif _tag(raw) == 8:
            break
    return Superblock("udf", _FIRST + 1, uuid, label, version)


def _dstring(raw: bytes) -> str:
    used = raw[1 : min(raw[-1], len(raw) - 1)]
    if raw[0] == 16:
        return used[: len(used) // 2 * 2].decode("utf-16-be", "replace").split("\0", 1)[0]
    return used.decode("latin-1").split("\0", 1)[0] if raw[0] == 8 else ""


def _udf_uuid(volume_set: str) -> str | None:
    """The first 16 hexadecimal digits of the volume set's name; what of them are no digits is spelled in hex."""
    raw = volume_set.encode("utf-8", "replace")
    if len(raw) < 8:
        return None
    for digits, others in ((16, 0), (8, 4)):
        if len(raw) >= digits + others and all(byte in b"0123456789abcdefABCDEF" for byte in raw[:digits]):
            return raw[:digits].decode("ascii").lower() + raw[digits : digits + others].hex()
    return raw[:8].hex()
