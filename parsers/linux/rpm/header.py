"""The header of an rpm package, as a database keeps it: values by their tags.

Format: "RPM V4 Package format" and "RPM Header format" of rpm's manual, and the Linux Standard Base, "Package File
Format": the number of index entries and of bytes in the store, both big-endian, then the entries and the store. A
database leaves out the magic number and the signature. The first entry ("region") covers what came with the package
and is never changed; what installing added follows it, and wins where a tag stands in both.
A digest of the region (SHA256HEADER, SHA1HEADER) stands behind it and is verified, so damage to what came with the
package is noticed. Not done: signatures, whose keys the image would choose itself.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from parsers.place import ParseError, Place

MAX_ENTRIES: Final = 0xFFFF
MAX_STORE: Final = 64 << 20
"""Bytes; rpm itself takes up to 256 MiB, the header of 100,000 files has 15."""
MAX_VALUES: Final = 1 << 20
"""Of an array: more files than any package has."""

_HEAD: Final = struct.Struct(">II")
_ENTRY: Final = struct.Struct(">iIiI")
_MAGIC: Final = bytes.fromhex("8eade80100000000")
_IMMUTABLE: Final = 63
_SHA1: Final = 269
_SHA256: Final = 273
_STRING, _BINARY, _STRING_ARRAY, _I18N_STRING = 6, 7, 8, 9
_INTEGERS: Final = {2: "B", 3: "H", 4: "I", 5: "Q"}
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, _BINARY: 1}
"""Bytes of one value, by type; of a string at least the zero at its end."""


class Header:
    """The values of one package. A tag that is not there, or of another type, gives nothing.

    Raises:
        ParseError: the header is broken, or its digest is another one.
    """

    def __init__(self, blob: bytes, place: Place) -> None:
        self.place = place
        if len(blob) < _HEAD.size:
            raise self._error(f"a header of at least {_HEAD.size} bytes wanted, {len(blob)} found")
        count, size = _HEAD.unpack_from(blob)
        if not 1 <= count <= MAX_ENTRIES or size > MAX_STORE or _HEAD.size + count * _ENTRY.size + size != len(blob):
            raise self._error(f"{count} entries and {size} bytes in a header of {len(blob)} bytes found")
        start = _HEAD.size + count * _ENTRY.size
        self._index = blob[_HEAD.size : start]
        self._store = blob[start:]
        self._entries: dict[int, tuple[int, int, int]] = {}
        for tag, kind, offset, values in _ENTRY.iter_unpack(self._index):
            if kind > _I18N_STRING or not 0 <= offset <= size or values * _SIZES.get(kind, 1) > size - offset:
                raise self._error(f"tag {tag}: {values} values of type {kind} at {offset} of {size} bytes found")
            self._entries[tag] = kind, offset, values
        self._verify()

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def text(self, tag: int) -> str:
        """Return a string, of a translated one the untranslated text; "" where there is none."""
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        if kind not in {_STRING, _I18N_STRING} or not count:
            return ""
        end = self._store.find(b"\0", offset)
        if end < 0:
            raise self._error(f"tag {tag}: a string with an end wanted, none found")
        return self._store[offset:end].decode("utf-8", "surrogateescape")

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the strings of an array."""
        kind, offset, count = self._array(tag)
        if kind != _STRING_ARRAY:
            return ()
        parts = self._store[offset:].split(b"\0", count)
        if len(parts) <= count:
            raise self._error(f"tag {tag}: {count} strings wanted, {len(parts) - 1} found")
        return tuple(part.decode("utf-8", "surrogateescape") for part in parts[:count])

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the values of an array of unsigned integers."""
        kind, offset, count = self._array(tag)
        if kind not in _INTEGERS:
            return ()
        return struct.unpack_from(f">{count}{_INTEGERS[kind]}", self._store, offset)

    def number(self, tag: int) -> int | None:
        """Return the first integer; None where there is none."""
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        if kind not in _INTEGERS or not count:
            return None
        return int.from_bytes(self._store[offset : offset + _SIZES[kind]], "big")

    def _array(self, tag: int) -> tuple[int, int, int]:
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        if count > MAX_VALUES and kind != _BINARY:
            raise self._error(f"tag {tag}: at most {MAX_VALUES} values wanted, {count} found")
        return kind, offset, count

    def _verify(self) -> None:
        """Compare the region with the digests of it."""
        first, _, offset, size = _ENTRY.unpack_from(self._index)
        if first != _IMMUTABLE:
            return  # from a package of rpm 3, which has neither a region nor a digest
        if size != _ENTRY.size or offset + size > len(self._store):
            raise self._error(f"a region that ends with an entry wanted, {size} bytes found")
        trailer, _, back, _ = _ENTRY.unpack_from(self._store, offset)
        length = -back
        if trailer != _IMMUTABLE or not 0 < length <= len(self._index) or length % _ENTRY.size:
            raise self._error(f"a region of at most {len(self._index)} bytes of entries wanted, {length} found")
        end = offset + size
        for tag, kind in ((_SHA256, "sha256"), (_SHA1, "sha1")):
            wanted = self.text(tag)
            if not wanted:
                continue
            digest = hashlib.new(kind, _MAGIC, usedforsecurity=False)
            digest.update(_HEAD.pack(length // _ENTRY.size, end))
            digest.update(self._index[:length])
            digest.update(memoryview(self._store)[:end])
            if digest.hexdigest() != wanted:
                raise self._error(f"{kind} {wanted[:80]} wanted, {digest.hexdigest()} found: the header is damaged")
            return

    def _error(self, message: str) -> ParseError:
        return ParseError(self.place, message)
