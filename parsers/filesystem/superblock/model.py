"""What a superblock says about a volume, and the bounded, cached reading that every probe uses."""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.source import Source

_PIECE: Final = 4096


class Superblock(msgspec.Struct, frozen=True):
    """The identity of a volume, in the words of blkid(8).

    Attributes:
        type: blkid's TYPE ("ext4", "vfat", "LVM2_member", "crypto_LUKS", "linux_raid_member", "swap", ...).
        offset: byte of the volume at which the signature stands.
        uuid: blkid's UUID in its spelling ("8CB5-BA49" of FAT, upper-case hex of NTFS); None where there is none.
        label: blkid's LABEL, decoded as UTF-8 with surrogateescape; None where there is none.
        version: blkid's VERSION ("1.0", "FAT32", "1.2", "2").
        others: types whose signatures were found as well, so that it is not certain what the volume is. blkid
            then names neither type nor UUID; here `type` is the first candidate, `uuid` and `label` are None.
    """

    type: str
    offset: int
    uuid: str | None = None
    label: str | None = None
    version: str | None = None
    others: tuple[str, ...] = ()


class Probe:
    """Reads pieces of a source at most once each; what lies outside reads as nothing."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.size = source.size
        self._source = source
        self._pieces: dict[int, bytes] = {}

    def read(self, offset: int, size: int) -> bytes:
        """Return the `size` bytes at `offset`, or zeros where any of them lies outside the source.

        No signature consists of zeros, so that a probe need not ask twice. `size` is the caller's, never the image's.
        """
        if offset < 0 or offset + size > self.size:
            return bytes(size)
        first, last = offset // _PIECE, (offset + size - 1) // _PIECE
        self._fetch(first, last)
        data = b"".join(self._pieces[number] for number in range(first, last + 1))
        return data[offset - first * _PIECE :][:size]

    def _fetch(self, first: int, last: int) -> None:
        missing = [number for number in range(first, last + 1) if number not in self._pieces]
        if not missing:
            return
        start, end = missing[0] * _PIECE, min((missing[-1] + 1) * _PIECE, self.size)
        data = self._source.read_at(start, end - start)
        for index in range(0, len(data), _PIECE):
            self._pieces[(start + index) // _PIECE] = data[index : index + _PIECE]

    def uint(self, offset: int, size: int, order: str = "little") -> int:
        """Return an unsigned integer of `size` bytes."""
        return int.from_bytes(self.read(offset, size), "big" if order == "big" else "little")


def dce(raw: bytes) -> str | None:
    """Spell 16 bytes as a UUID; None for zeros."""
    if not any(raw):
        return None
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def serial(raw: bytes) -> str | None:
    """Spell a DOS volume serial number of 4 bytes ("8CB5-BA49"); None for zeros."""
    text = raw[::-1].hex().upper()
    return f"{text[:4]}-{text[4:]}" if any(raw) else None


def text(raw: bytes) -> str | None:
    """Decode a label that ends at the first NUL; trailing blanks do not count. None for an empty one."""
    return raw.split(b"\0", 1)[0].rstrip(b" \t\n\r\v\f").decode("utf-8", "surrogateescape") or None


def utf16(raw: bytes, order: str = "little") -> str | None:
    """Decode a UTF-16 label that ends at the first NUL unit; None for an empty one."""
    codec = "utf-16-be" if order == "big" else "utf-16-le"
    units = raw[: len(raw) // 2 * 2].decode(codec, "replace")
    return units.split("\0", 1)[0].rstrip() or None


def power_of_two(value: int, low: int, high: int) -> bool:
    """Tell whether `value` is a power of two in `low`..`high`."""
    return low <= value <= high and value & (value - 1) == 0
