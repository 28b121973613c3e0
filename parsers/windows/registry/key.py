"""Keys of a hive: their subkeys and values, listed or asked for by name, their class, time and security.

Specification: M. Suhanov, "Windows registry file format specification", "Key node", "Key values list" and "Key
security". Volatile keys are never on a disk. What is damaged below a key is left out, with a problem of the hive; so
is what the hive says twice. Not done: laying the hives of version 1.6 over each other (each is read as it stands, and
its tombstones are told), and links (`SymbolicLinkValue`), which lead from one hive to another.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from parsers.place import ParseError, Place
from parsers.windows.registry import subkey_list
from parsers.windows.registry.cells import Cells
from parsers.windows.registry.name import decode_name, upcase
from parsers.windows.registry.value import Value, decode_text, name_of
from parsers.windows.security_descriptor import SecurityDescriptor, parse_security_descriptor

_CELL: Final = struct.Struct("<2sHQIIIIIIIIIIIIIIIHH")
_NAME_LENGTH: Final = 18  # of its fields
_SECURITY: Final = struct.Struct("<2sHIIII")
_COMPRESSED_NAME: Final = 0x20
_LINK: Final = 0x10
_PREDEFINED: Final = 0x40
_NONE: Final = 0xFFFFFFFF
_FIRST_WITH_LAYERS: Final = 6
_TOMBSTONE: Final = 1
_SMALLEST_KEY: Final = 80
_SMALLEST_VALUE: Final = 24
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_LAST_FILETIME: Final = 2650467743990000000
"""The end of the year 9999."""

_Item = TypeVar("_Item")
Note = Callable[[ParseError], None]
"""Takes what was wrong and was left out."""


def _head(cells: Cells, offset: int) -> tuple[tuple[Any, ...], str]:
    """Return the fields of a key and its name. Raises ParseError where there is none, or its name is cut off."""
    cell = cells.read(offset)
    if len(cell) < _CELL.size or cell[:2] != b"nk":
        raise cells.error(offset, f"a key (nk) wanted, {cell[:2].hex(' ')} found")
    fields = _CELL.unpack_from(cell)
    end = _CELL.size + fields[_NAME_LENGTH]
    if end > len(cell):
        raise cells.error(
            offset, f"a name of {fields[_NAME_LENGTH]} bytes wanted, the cell has {len(cell) - _CELL.size}"
        )
    return fields, decode_name(cell[_CELL.size : end], compressed=bool(fields[1] & _COMPRESSED_NAME))


class Key:
    """A key.

    Attributes:
        name: as it is written.
        parent: the key it was reached from; None for the root.
        offset: of its cell, in bytes from the first bin.
        written: FILETIME of the last change of it, its values or its list of subkeys.
        parent_offset: where the key itself says that its parent is.
        subkey_count, value_count: as the key says.
    """

    __slots__ = (
        "_asked", "_broken", "_cells", "_class_at", "_class_size", "_flags", "_found", "_layers", "_met", "_minor",
        "_note", "_pending", "_security_at", "_subkeys_at", "_values_at",
        "name", "offset", "parent", "parent_offset", "subkey_count", "value_count", "written",
    )  # fmt: skip

    def __init__(self, cells: Cells, offset: int, parent: Key | None, note: Note, *, minor: int) -> None:
        (
            _, self._flags, self.written, self._layers, self.parent_offset, self.subkey_count, _, self._subkeys_at, _,
            self.value_count, self._values_at, self._security_at, self._class_at, _, _, _, _, _, _,
            self._class_size,
        ), self.name = _head(cells, offset)  # fmt: skip
        if self._flags & _PREDEFINED:
            self.value_count = 0  # the field has another meaning
        self.parent = parent
        self.offset = offset
        self._cells = cells
        # by their names in upper case, for the same key is asked for several: subkeys, values, where values are
        self._asked: dict[str, Key] = {}
        self._found: dict[str, Value] = {}
        self._met: dict[str, int] = {}
        self._pending: Iterator[int] | None = None
        self._broken: ParseError | None = None
        self._note = note
        self._minor = minor

    @property
    def path(self) -> str:
        """The names from below the root, with backslashes between; the root's is empty."""
        names = []
        key = self
        while key.parent is not None:
            names.append(key.name)
            key = key.parent
        return "\\".join(reversed(names))

    @property
    def place(self) -> Place:
        """Where it stands: its path, and the offset of its cell in the file."""
        return self._cells.place(self.offset, self.path)

    @property
    def time(self) -> datetime | None:
        """When it was last written; None where that is no time before the year 10000."""
        if not 0 < self.written < _LAST_FILETIME:
            return None
        return _EPOCH + timedelta(microseconds=self.written // 10)

    @property
    def is_link(self) -> bool:
        """Whether it stands for the key that its value SymbolicLinkValue names."""
        return bool(self._flags & _LINK)

    @property
    def is_predefined(self) -> bool:
        """Whether it stands for a key of the system, so that its own values do not count."""
        return bool(self._flags & _PREDEFINED)

    @property
    def is_tombstone(self) -> bool:
        """Whether it hides the key of a lower layer, as in hives of version 1.6."""
        return self._minor >= _FIRST_WITH_LAYERS and self._layers >> 8 & 3 == _TOMBSTONE

    @property
    def class_name(self) -> str | None:
        """Its class; None where it has none. Raises ParseError where it cannot be read."""
        if not self._class_size or self._class_at == _NONE:
            return None
        cell = self._cells.read(self._class_at)
        if len(cell) < self._class_size:
            raise ParseError(self.place, f"a class of {self._class_size} bytes wanted, {len(cell)} found")
        return decode_text(cell[: self._class_size])

    @property
    def security(self) -> SecurityDescriptor:
        """Who may do what with it. Raises ParseError where that cannot be read."""
        cell = self._cells.read(self._security_at)
        if len(cell) < _SECURITY.size or cell[:2] != b"sk":
            raise self._cells.error(self._security_at, f"a security item (sk) wanted, {cell[:2].hex(' ')} found")
        size = _SECURITY.unpack_from(cell)[5]
        if _SECURITY.size + size > len(cell):
            message = f"a security descriptor of {size} bytes wanted, {len(cell) - _SECURITY.size} found"
            raise self._cells.error(self._security_at, message)
        return parse_security_descriptor(cell[_SECURITY.size : _SECURITY.size + size], self.place)

    def subkeys(self) -> Iterator[Key]:
        """Give the subkeys in the order of the hive, which is that of their names."""
        for offset in self._subkey_offsets():
            try:
                yield self._child(offset)
            except ParseError as error:
                self._note(error)

    def all_subkeys(self, prefix: str = "") -> Iterator[Key]:
        """Give the subkeys; raise `ParseError` at the end unless all were read: what is not given is not there.

        With `prefix` only those whose names begin with it, in any case; of the others the names alone are read.
        """
        subkeys = self._named(upcase(prefix)) if prefix else self.subkeys()
        return (key for key in self._all(subkeys, self.subkey_count, "subkeys") if key)

    def _named(self, prefix: str) -> Iterator[Key | None]:
        """Give the subkeys whose names begin with `prefix`, and None for each of the others."""
        for offset in self._subkey_offsets():
            try:
                yield self._child(offset) if upcase(_head(self._cells, offset)[1]).startswith(prefix) else None
            except ParseError as error:
                self._note(error)

    def all_values(self) -> Iterator[Value]:
        """Give the values; raise `ParseError` at the end unless all were read: what is not given is not there."""
        return self._all(self.values(), self.value_count, "values")

    def _all(self, items: Iterator[_Item], count: int, what: str) -> Iterator[_Item]:
        found = 0
        for item in items:
            found += 1
            yield item
        if found != count:
            raise ParseError(self.place, f"{count} {what} wanted, {found} could be read")

    def subkey(self, name: str) -> Key | None:
        """Return the subkey `name`, in any case; None where there is none.

        Raises:
            ParseError: it cannot be told, for the list of the subkeys or one that may be it is damaged.
        """
        if not self.subkey_count:
            return None
        wanted = upcase(name)
        if known := self._asked.get(wanted):
            return known
        broken: ParseError | None = None
        for offset in subkey_list.candidates(self._cells, self._subkeys_at, wanted):
            try:
                key = self._child(offset)
            except ParseError as error:
                broken = error
                continue
            if upcase(key.name) == wanted:
                self._asked[wanted] = key
                return key
        if broken:
            raise broken
        return None

    def misplaced(self) -> list[Key]:
        """Return the subkeys that are not found by name, for their list has another hash or hint for them."""
        subkeys = {key.offset: key for key in self.subkeys()}
        names = {offset: upcase(key.name) for offset, key in subkeys.items()}
        try:
            return [subkeys[at] for at in subkey_list.misplaced(self._cells, self._subkeys_at, names)] if names else []
        except ParseError as error:
            self._note(error)
            return []

    def values(self) -> Iterator[Value]:
        """Give the values in the order of the hive."""
        try:
            offsets = self._value_offsets()
        except ParseError as error:
            self._note(error)
            return
        for offset in offsets:
            try:
                yield Value(self._cells, offset, self, minor=self._minor)
            except ParseError as error:
                self._note(error)

    def value(self, name: str) -> Value | None:
        """Return the value `name`, in any case, and the default value for an empty one; None where there is none.

        Raises:
            ParseError: it cannot be told, for the list of the values or one that may be it is damaged.
        """
        wanted = upcase(name)
        found = self._found.get(wanted)
        if found is None:
            offset = self._value_offset(wanted)
            if offset is None:
                return None
            found = self._found[wanted] = Value(self._cells, offset, self, minor=self._minor)
        return found

    def _value_offset(self, wanted: str) -> int | None:
        """Return where the value of a name is; the names before it are read, each once."""
        if self._pending is None:
            self._pending = iter(self._value_offsets())
        while wanted not in self._met:
            offset = next(self._pending, None)
            if offset is None:
                break
            try:
                self._met.setdefault(upcase(name_of(self._cells, offset)), offset)
            except ParseError as error:
                self._broken = error
        found = self._met.get(wanted)
        if found is None and self._broken:
            raise self._broken.with_traceback(None)
        return found

    def _child(self, offset: int) -> Key:
        key = Key(self._cells, offset, self, self._note, minor=self._minor)
        if key.parent_offset != self.offset:
            self._note(ParseError(key.place, f"parent {self.offset:#x} wanted, {key.parent_offset:#x} found"))
        return key

    def _subkey_offsets(self) -> list[int]:
        """Return where the subkeys are: each once, and not more than the hive has room for."""
        if not self.subkey_count:
            return []
        found: dict[int, None] = {}
        room = self._cells.size // _SMALLEST_KEY
        listed = 0
        try:
            for offset in subkey_list.offsets(self._cells, self._subkeys_at):
                listed += 1
                found[offset] = None
                if listed > room:
                    break
        except ParseError as error:
            self._note(error)
        if listed != len(found) or listed != self.subkey_count:
            message = f"{self.subkey_count} subkeys wanted, {listed} listed, {len(found)} of them different"
            self._note(ParseError(self.place, message))
        return list(found)

    def _value_offsets(self) -> list[int]:
        """Return where the values are: each once. Raises ParseError where there is no list of them."""
        if not self.value_count:
            return []
        if self.value_count > self._cells.size // _SMALLEST_VALUE:
            raise ParseError(self.place, f"{self.value_count} values wanted, the hive has no room for them")
        cell = self._cells.read(self._values_at)
        if len(cell) < 4 * self.value_count:
            raise ParseError(self.place, f"{self.value_count} values wanted, a list of {len(cell) // 4} found")
        offsets = struct.unpack_from(f"<{self.value_count}I", cell)
        found = list(dict.fromkeys(offsets))
        if len(found) != len(offsets):
            self._note(ParseError(self.place, f"{len(offsets)} values wanted, {len(found)} different ones listed"))
        return found
