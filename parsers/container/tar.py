"""The members of a tar archive, read in place: an OVA is a tar of a virtual machine's description and its disks.

Specification: POSIX.1-1988 ustar and POSIX.1-2001 pax ("size" and "path" records), GNU tar's manual, "Basic Tar
Format" (base-256 numbers, long names); DMTF DSP0243 for the OVA.
Not done: sparse members (an error when one is met), links, and what a member's name would mean on a host: nothing is
ever unpacked.
"""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source

BLOCK: Final = 512
MAX_MEMBERS: Final = 10_000
MAX_NAME: Final = 64 << 10
_FILE_TYPES: Final = (b"\0", b"0", b"7")
_LONG_NAME: Final = b"L"
_LONG_LINK: Final = b"K"
_PAX: Final = b"x"
_PAX_GLOBAL: Final = b"g"
_HEADERS: Final = (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL)  # members that tell of the next one
_SPARSE: Final = b"S"
_NO_CONTENT: Final = (
    b"1",
    b"2",
    b"3",
    b"4",
    b"5",
    b"6",
)  # links, devices, directories, FIFOs: a size that they state is not stored


class TarMember(msgspec.Struct, frozen=True):
    """A regular file of the archive; `offset` and `size` are bytes of its content."""

    name: str
    offset: int
    size: int


def tar_members(source: Source) -> tuple[TarMember, ...]:
    """Return the archive's regular files; raises `ParseError` where it is broken or ends too soon."""
    found: list[TarMember] = []
    at = 0
    name = b""
    records: dict[bytes, bytes] = {}
    for _ in range(MAX_MEMBERS):
        block = _block(source, at)
        if not any(block):
            return tuple(found)
        start = at + BLOCK
        kind = block[156:157]
        size = _size(source, at, block, records)
        if start + size > source.size:
            message = f"a member of {size} bytes wanted, the archive ends at {source.size}: truncated"
            raise _fail(source, at, message)
        at = min(start + (size + BLOCK - 1) // BLOCK * BLOCK, source.size)
        if kind in _HEADERS:
            content = _bounded(source, start, size)
            name = content.rstrip(b"\0") if kind == _LONG_NAME else name
            records = _pax(source, start, content) if kind == _PAX else records
            continue
        if kind == _SPARSE or any(key.startswith(b"GNU.sparse") for key in records):
            raise _fail(source, start - BLOCK, "no sparse member wanted, one found")
        if kind in _FILE_TYPES:
            whole = records.get(b"path") or name or _name(block)
            found.append(TarMember(whole.decode("utf-8", "surrogateescape"), start, size))
        name, records = b"", {}
    raise _fail(source, at, f"at most {MAX_MEMBERS} members wanted, more found")


def _block(source: Source, at: int) -> bytes:
    """Return the header at `at`, zeros at the archive's end, which may come without blocks of zeros."""
    if at == source.size:
        return b""
    if at + BLOCK > source.size:
        raise _fail(source, at, f"a header of 512 bytes wanted, the archive ends at {source.size}: truncated")
    block = source.read_at(at, BLOCK)
    if any(block):
        _check(source, at, block)
    return block


def _fail(source: Source, offset: int, message: str) -> ParseError:
    return ParseError(Place(source.name, offset=offset), message)


def _check(source: Source, at: int, block: bytes) -> None:
    wanted = sum(block[:148]) + sum(block[156:]) + 8 * 0x20
    try:
        found = int(block[148:156].rstrip(b"\0 ").lstrip(b" ") or b"0", 8)
    except ValueError:
        found = -1
    if found != wanted:
        raise _fail(source, at + 148, f"a tar header with checksum {wanted} wanted, {found} found")


def _size(source: Source, at: int, block: bytes, records: dict[bytes, bytes]) -> int:
    if block[156:157] in _NO_CONTENT:
        return 0
    field = block[124:136]
    try:
        if b"size" in records and block[156:157] not in _HEADERS:
            size = int(records[b"size"][:24])
        elif field[0] & 0x80:  # GNU: a binary number behind the flag
            size = int.from_bytes(field, "big", signed=False) - (0x80 << 88)
        else:
            size = int(field.strip(b"\0 ") or b"0", 8)
    except ValueError:
        size = -1
    if not 0 <= size < 1 << 62:
        raise _fail(source, at + 124, f"a member's size wanted, {field.hex(' ')} found")
    return size


def _name(block: bytes) -> bytes:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _bounded(source: Source, start: int, size: int) -> bytes:
    if size > MAX_NAME:
        raise _fail(source, start, f"a long name or pax header of at most {MAX_NAME} bytes wanted, {size} found")
    return source.read_at(start, size)


def _pax(source: Source, start: int, content: bytes) -> dict[bytes, bytes]:
    """Read records, each a length, a blank, a key, "=", a value and a line feed."""
    found = {}
    at = 0
    while at < len(content):
        digits, _, _ = content[at : at + 20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = content[at : at + length]
        if length <= len(digits) + 1 or len(record) < length or not record.endswith(b"\n"):
            raise _fail(source, start + at, "a pax record wanted, none found")
        key, _, value = record[len(digits) + 1 : -1].partition(b"=")
        found[key] = value
        at += length
    return found
