"""Entries of directories, which extended attributes share.

Specification: btrfs on-disk format, "DIR_ITEM", "DIR_INDEX", "XATTR_ITEM". Entries whose names have the same hash
share an item.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.btrfs.btree import Key

INODE_ITEM: Final = 1
XATTR_ITEM: Final = 24
DIR_ITEM: Final = 84
DIR_INDEX: Final = 96
ROOT_ITEM: Final = 132
MAX_NAME: Final = 255
_ENTRY = Struct("<QBQQHHB")
_ENCRYPTED: Final = 0x80
_FORBIDDEN: Final = (b"", b".", b"..")


class EntryError(Exception):
    """An item of a directory that is broken."""


class Entry(msgspec.Struct, frozen=True):
    """A name, the key of what it stands for, the type that it is said to have, and the value of an attribute."""

    name: bytes
    key: Key
    type: int
    value: bytes


def parse_entries(item: bytes) -> list[Entry]:
    """Return the entries of an item; raise `EntryError` where it is broken."""
    entries: list[Entry] = []
    at = 0
    while at < len(item):
        if at + _ENTRY.size > len(item):
            raise EntryError(f"an entry of {_ENTRY.size} bytes wanted, {len(item) - at} found")
        number, kind, offset, _, value_length, name_length, file_type = _ENTRY.unpack_from(item, at)
        at += _ENTRY.size
        end = at + name_length + value_length
        if end > len(item):
            raise EntryError(f"a name and value of {len(item) - at} bytes wanted, {end - at} found")
        value = at + name_length
        entries.append(Entry(item[at:value], (number, kind, offset), file_type & ~_ENCRYPTED, item[value:end]))
        at = end
    return entries


def check_name(name: bytes) -> None:
    """Raise `EntryError` for what can be no name of a file."""
    if name in _FORBIDDEN or len(name) > MAX_NAME or b"/" in name or b"\0" in name:
        raise EntryError(f"a name of a file wanted, {name[:MAX_NAME]!r} found")
