"""A logical volume that only the appliance's device mapper puts together: a snapshot, a cached volume.

Its bytes come back to this side, where our own readers read what lies on it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from inspector.backends.guestfs.messages import MAX_READ, DeviceSize, Number, ReadDevice
from inspector.backends.guestfs.session import Session
from parsers.place import ParseError, Place
from parsers.source import check_range

_BLOCK: Final = 256 << 10
_MAX_BLOCKS: Final = 32
_Bytes = Annotated[bytes, msgspec.Meta(max_length=MAX_READ)]


class LogicalDevice:
    """The logical volume `name` ("group/volume") as a source; blocks that were read are kept, some of them."""

    def __init__(self, session: Session, name: str) -> None:
        self.name = name
        self._session = session
        self.size: int = session.ask(DeviceSize(name), Number, name)
        self._blocks: dict[int, bytes] = {}

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the volume."""
        check_range(self, offset, size)
        if not size:
            return b""
        first, last = offset // _BLOCK, (offset + size - 1) // _BLOCK
        data = b"".join(self._block(number) for number in range(first, last + 1))
        return data[offset - first * _BLOCK :][:size]

    def _block(self, number: int) -> bytes:
        known = self._blocks.get(number)
        if known is None:
            while len(self._blocks) >= _MAX_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            known = self._blocks[number] = self._read(number * _BLOCK)
        return known

    def _read(self, offset: int) -> bytes:
        size = min(_BLOCK, self.size - offset)
        data = self._session.ask(ReadDevice(self.name, offset, size), _Bytes, self.name)
        if len(data) != size:
            raise ParseError(Place(self.name, offset=offset), f"{size} bytes wanted, {len(data)} found")
        return data
