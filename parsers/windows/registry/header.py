"""The base block of a hive: the first 512 bytes of the file, and of each of its transaction logs.

Specification: M. Suhanov, "Windows registry file format specification", "Base block" and "Dirty state of a hive".
The fields of the Kernel Transaction Manager are not read but for its flag: transactions of the CLFS are not replayed.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

import msgspec

from parsers.place import ParseError, Place, UnsupportedError
from parsers.source import Source

BASE_BLOCK_SIZE: Final = 4096
"""Bytes before the hive bins; every offset of a cell counts from behind it."""
MINOR_VERSIONS: Final = range(3, 7)
_HEAD_SIZE: Final = 512
_HEAD: Final = struct.Struct("<4sIIQIIIIIII64s")
_WORDS: Final = struct.Struct("<127I")
_KTM_FLAGS: Final = 144
_KTM_LOCKED: Final = 1
_KTM_SIGNATURE: Final = 164


class FileType(IntEnum):
    """What a file with a base block is."""

    PRIMARY = 0
    LOG = 1
    LOG_OF_WINDOWS_2000 = 2
    LOG_ENTRIES = 6


class BaseBlock(msgspec.Struct, frozen=True):
    """A base block.

    Attributes:
        primary_sequence: raised by one before the hive is written.
        secondary_sequence: raised by one after it was written.
        written: FILETIME of the last write; 0 where the system no longer keeps it.
        minor: version 1.`minor` of the format.
        file_type: a number of `FileType`, or another.
        root_offset: of the root key's cell, in bytes from the first bin.
        bins_size: bytes of all bins.
        sector_size: of the logs, in bytes.
        file_name: the tail of the path that the hive had.
        checksum_is_right: whether the checksum fits.
        has_transactions: whether transactions of the Kernel Transaction Manager were pending.
    """

    primary_sequence: int
    secondary_sequence: int
    written: int
    major: int
    minor: int
    file_type: int
    file_format: int
    root_offset: int
    bins_size: int
    sector_size: int
    file_name: str
    checksum_is_right: bool
    has_transactions: bool

    @property
    def is_dirty(self) -> bool:
        """Whether a write was not completed, so that the logs are to be replayed."""
        return not self.checksum_is_right or self.primary_sequence != self.secondary_sequence


def checksum(head: bytes) -> int:
    """Return what bytes 508 to 511 of the base block `head` are to hold."""
    total = 0
    for word in _WORDS.unpack_from(head):
        total ^= word
    return {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total)


def parse_base_block(source: Source) -> BaseBlock:
    """Read the base block of a hive or of a log. Raises ParseError where there is none."""
    head = source.read_at(0, _HEAD_SIZE)
    signature, first, second, written, major, minor, kind, form, root, size, cluster, name = _HEAD.unpack_from(head)
    if signature != b"regf":
        raise ParseError(Place(source.name, offset=0), f"regf wanted, {signature.hex(' ')} found")
    flags = int.from_bytes(head[_KTM_FLAGS : _KTM_FLAGS + 4], "little")
    return BaseBlock(
        primary_sequence=first,
        secondary_sequence=second,
        written=written,
        major=major,
        minor=minor,
        file_type=kind,
        file_format=form,
        root_offset=root,
        bins_size=size,
        sector_size=cluster * 512,
        file_name=name.decode("utf-16-le", "surrogatepass").partition("\0")[0],
        checksum_is_right=checksum(head) == int.from_bytes(head[508:512], "little"),
        has_transactions=head[_KTM_SIGNATURE : _KTM_SIGNATURE + 4] == b"rmtm" and bool(flags & _KTM_LOCKED),
    )


def check_primary(base: BaseBlock, name: str) -> None:
    """Raise ParseError unless `base` is that of a hive, not of a log, in a version of the format that is known."""
    if base.file_type != FileType.PRIMARY:
        kind = "a transaction log" if base.file_type in set(FileType) else f"type {base.file_type:#x}"
        raise ParseError(Place(name, offset=28), f"a primary file wanted, {kind} found")
    if base.major != 1 or base.minor not in MINOR_VERSIONS:
        raise UnsupportedError(Place(name, offset=20), f"version 1.3 to 1.6 wanted, {base.major}.{base.minor} found")
    if base.file_format != 1:
        raise UnsupportedError(Place(name, offset=32), f"format 1 wanted, {base.file_format} found")
