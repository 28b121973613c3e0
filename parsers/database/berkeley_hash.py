"""The key and data pairs of a Berkeley DB hash file, in either byte order.

Format: as db_page.h of Berkeley DB 4 to 18 lays it out (hash versions 8 to 10): a metadata page, then pages of one
size, each with a header of 26 bytes. A pair is two items of a page of its bucket; a bucket's pages are a chain,
and so are the overflow pages of an item too long for its page, which names the first of them and the length.
Deliberately not done: duplicates of a key, which lie in pages of their own, checksums, encryption, and the
transactions of an environment's log; each is refused where it shows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from parsers.place import ParseError, Place
from parsers.source import Source

MAX_ITEM: Final = 64 << 20
"""Bytes of a key, or of its data."""

Pair = tuple[bytes, bytes]

_META_SIZE: Final = 224
_SPARES: Final = 96
_MAGIC: Final = 0x061561
_VERSIONS: Final = range(8, 11)
_PAGE_HEADER: Final = 26
_UNUSED, _UNSORTED_HASH, _OVERFLOW, _HASH_META, _HASH = 0, 2, 7, 8, 13
_KEY_DATA, _OFF_PAGE = 1, 3
_CHECKSUMS: Final = 1
_OFF_PAGE_SIZE: Final = 12


class HashFile:
    """A file of pairs.

    Attributes:
        byte_order: "<" or ">".
        elements: how many pairs the metadata page counts; after a crash it may be wrong.

    Raises:
        ParseError: it is no such file, or made in a way that is not read.
    """

    def __init__(self, file: Source) -> None:
        self._file = file
        self.name = file.name
        if file.size < _META_SIZE:
            raise self._error(0, f"a metadata page of {_META_SIZE} bytes wanted, {file.size} bytes found")
        head = file.read_at(0, _META_SIZE)
        self.byte_order = next((order for order in "<>" if _number(order, head, 12) == _MAGIC), "")
        if not self.byte_order:
            raise self._error(12, f"the magic number of a hash file wanted, {head[12:16].hex(' ')} found")
        version, self._page_size = struct.unpack_from(f"{self.byte_order}II", head, 16)
        if version not in _VERSIONS:
            raise self._error(16, f"version {_VERSIONS[0]} to {_VERSIONS[-1]} wanted, {version} found")
        if not 512 <= self._page_size <= 65536 or self._page_size & (self._page_size - 1):
            raise self._error(20, f"a page size of 512 to 65536 bytes wanted, {self._page_size} found")
        encryption, kind, flags = head[24:27]
        if kind != _HASH_META:
            raise self._error(25, f"a metadata page of a hash file ({_HASH_META}) wanted, type {kind} found")
        if encryption or flags & _CHECKSUMS:
            raise self._error(24, "a file without encryption and checksums wanted, one with them found")
        self._last = _number(self.byte_order, head, 32)
        if (self._last + 1) * self._page_size > file.size:
            raise self._error(32, f"{self._last + 1} pages wanted, a file of {file.size} bytes found")
        self._max_bucket = _number(self.byte_order, head, 72)
        if self._max_bucket >= self._last:
            raise self._error(72, f"at most {self._last} buckets wanted, {self._max_bucket + 1} found")
        self.elements = _number(self.byte_order, head, 88)
        self._spares = struct.unpack_from(f"{self.byte_order}32I", head, _SPARES)

    def pairs(self) -> Iterator[Pair]:
        """Give every pair, in no order that means anything.

        Raises:
            ParseError: a page is broken; pairs may have been given before.
        """
        seen: set[int] = set()
        for bucket in range(self._max_bucket + 1):
            # The buckets of each doubling lie together; a spare says how far from their own number.
            number = bucket + self._spares[bucket.bit_length()]
            while number:
                page = self._page(number, seen)
                if page[25] == _UNUSED:
                    break  # a bucket into which nothing was put
                if page[25] not in {_HASH, _UNSORTED_HASH}:
                    raise self._broken(number, f"a page of a bucket ({_HASH}) wanted, type {page[25]} found")
                items = list(self._items(number, page))
                if len(items) % 2:
                    raise self._broken(number, f"an even number of items wanted, {len(items)} found")
                # One pair at a time is in memory: what an item names may be long.
                found = (self._item(number, item, seen) for item in items)
                yield from zip(found, found, strict=True)
                number = _number(self.byte_order, page, 16)

    def _page(self, number: int, seen: set[int]) -> bytes:
        if not 1 <= number <= self._last:
            raise ParseError(Place(self.name), f"a page of 1 to {self._last} wanted, {number} found")
        if number in seen:
            raise self._broken(number, "a page that is used once wanted, one that is used twice found")
        seen.add(number)
        return self._file.read_at(number * self._page_size, self._page_size)

    def _items(self, number: int, page: bytes) -> Iterator[bytes]:
        """The items of a page: they are laid down from its end, so each ends where the one before begins."""
        count = struct.unpack_from(f"{self.byte_order}H", page, 20)[0]
        if _number(self.byte_order, page, 8) != number:
            raise self._broken(number, f"page {number} wanted, {_number(self.byte_order, page, 8)} found")
        if _PAGE_HEADER + 2 * count > self._page_size:
            raise self._broken(number, f"at most {self._page_size // 2} items wanted, {count} found")
        end = self._page_size
        for start in struct.unpack_from(f"{self.byte_order}{count}H", page, _PAGE_HEADER):
            if not _PAGE_HEADER + 2 * count <= start < end:
                raise self._broken(number, f"an item that begins before byte {end} of its page wanted, {start} found")
            yield page[start:end]
            end = start

    def _item(self, number: int, item: bytes, seen: set[int]) -> bytes:
        kind = item[0]
        if kind == _KEY_DATA:
            return item[1:]
        if kind != _OFF_PAGE or len(item) != _OFF_PAGE_SIZE:
            raise self._broken(number, f"an item of type 1 or 3 wanted, {kind} found")
        first, size = struct.unpack_from(f"{self.byte_order}II", item, 4)
        if size > min(MAX_ITEM, self._file.size):
            raise self._broken(number, f"an item of at most {MAX_ITEM} bytes wanted, {size} found")
        return b"".join(self._overflow(first, size, seen))

    def _overflow(self, number: int, size: int, seen: set[int]) -> Iterator[bytes]:
        while size:
            page = self._page(number, seen)
            if page[25] != _OVERFLOW:
                raise self._broken(number, f"an overflow page ({_OVERFLOW}) wanted, type {page[25]} found")
            used = struct.unpack_from(f"{self.byte_order}H", page, 22)[0]
            if not 0 < used <= min(size, self._page_size - _PAGE_HEADER):
                raise self._broken(
                    number, f"1 to {min(size, self._page_size - _PAGE_HEADER)} bytes wanted, {used} found"
                )
            yield page[_PAGE_HEADER : _PAGE_HEADER + used]
            size -= used
            number = _number(self.byte_order, page, 16)

    def _error(self, offset: int, message: str) -> ParseError:
        return ParseError(Place(self.name, offset=offset), message)

    def _broken(self, number: int, message: str) -> ParseError:
        return self._error(number * self._page_size, message)


def _number(order: str, data: bytes, offset: int) -> int:
    number: int = struct.unpack_from(f"{order}I", data, offset)[0]
    return number
