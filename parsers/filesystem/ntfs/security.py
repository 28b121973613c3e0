r"""Security descriptors of files: in an attribute of their own, or in $Secure, which keeps each of them once.

Layout: libfsntfs' documentation of the format, "Security descriptor" and "$Secure". A file of NTFS 3 names its
descriptor by a number, which stands in its times and flags, and the stream $SDS holds the descriptors behind each
other: 256 KiB of them, then a copy of those, and so on. They are looked through in order, not by the index $SII, for
what is asked for here are roots, whose descriptors are among the first. The copies are not read.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.filesystem.ntfs.attribute import Type, value_of
from parsers.filesystem.ntfs.content import open_attribute
from parsers.filesystem.ntfs.records import Inode, Records

_SECURE: Final = 9
_STREAM: Final = "$SDS"
_DESCRIPTOR: Final = 0x50
_NUMBER: Final = struct.Struct("<52xI")
_ENTRY: Final = struct.Struct("<4xIQI")
_ALIGNMENT: Final = 16
_BLOCK: Final = 256 << 10
_MAX_DESCRIPTOR: Final = 128 << 10  # an ACL has at most 64 KiB, and there are two
_MAX_STREAM: Final = 64 << 20


def read_security_descriptor(records: Records, file: Inode) -> bytes:
    """Return the descriptor of a file, self-relative. Raises `ParseError` where it has none, or none that is whole."""
    information = file.find(Type.STANDARD_INFORMATION)
    value = value_of(records.volume, information) if information else b""
    number = _NUMBER.unpack_from(value)[0] if len(value) >= _NUMBER.size else 0
    if number:
        return _from_secure(records, file, number)
    attribute = file.find(_DESCRIPTOR)
    if attribute is None:
        raise records.volume.error(
            file.record.offset, f"record {file.number}: a security descriptor wanted, none found"
        )
    source = open_attribute(records, file, attribute)
    if source.size > _MAX_DESCRIPTOR:
        wanted = f"a security descriptor of up to {_MAX_DESCRIPTOR} bytes wanted"
        raise records.volume.error(attribute.place, f"{wanted}, {source.size} found")
    return source.read_at(0, source.size)


def _from_secure(records: Records, file: Inode, number: int) -> bytes:
    volume = records.volume
    secure = records.get(_SECURE)
    stream = secure.find(Type.DATA, _STREAM)
    if stream is None:
        raise volume.error(secure.record.offset, "$Secure: the stream $SDS wanted, none found")
    source = open_attribute(records, secure, stream)
    for start in range(0, min(source.size, _MAX_STREAM), 2 * _BLOCK):
        block = source.read_at(start, min(_BLOCK, source.size - start))
        at = 0
        while at + _ENTRY.size <= len(block):
            found, offset, size = _ENTRY.unpack_from(block, at)
            if size < _ENTRY.size or offset != start + at or size > len(block) - at:
                break  # what is left of a block that the next descriptor did not fit into
            if found == number:
                return block[at + _ENTRY.size : at + size]
            at += -(-size // _ALIGNMENT) * _ALIGNMENT
    text = f"record {file.number}: security descriptor {number} wanted, it is not in $Secure"
    raise volume.error(file.record.offset, text)
