"""Contents of attributes: in the record, in clusters, sparse, compressed.

Layout: libfsntfs' documentation of the format, "Data stream" and "Compressed data". Compressed files are cut into
units of (mostly) sixteen clusters: one whose clusters are all there is stored as it is, one without any is zeros,
and of any other the clusters that are there hold the compressed bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parsers.filesystem.mapped import MappedContent
from parsers.filesystem.ntfs.attribute import COMPRESSED, ENCRYPTED, Attribute, Extent, extent_of, value_of
from parsers.filesystem.ntfs.lznt1 import CompressionError, decompress_lznt1
from parsers.filesystem.ntfs.records import Inode, Mapping, Records
from parsers.filesystem.ntfs.volume import Volume
from parsers.place import Place, UnsupportedError
from parsers.source import Memory, Source, check_range

_MAX_UNIT: Final = 1 << 20  # bytes; Windows compresses 64 KiB together
_KEPT_BYTES: Final = 1 << 20


def open_attribute(records: Records, inode: Inode, attribute: Attribute) -> Source:
    """Return the content of an attribute. Raises `UnsupportedError` where it is encrypted."""
    volume = records.volume
    name = f"{volume.name} inode {inode.number}" + (f":{attribute.name}" if attribute.name else "")
    if attribute.flags & ENCRYPTED:
        raise UnsupportedError(Place(name), "content that can be read wanted, content encrypted with EFS found")
    if attribute.resident:
        return Memory(value_of(volume, attribute), name)
    extent = extent_of(volume, attribute)
    mapping = Mapping(records, inode, attribute)
    size = extent.size
    if attribute.flags & COMPRESSED and extent.unit > 1:
        content: Source = _compressed(volume, mapping, name, extent)
    else:
        content = MappedContent(volume.source, volume.block_size, mapping, name, size)
    return content if extent.initialised >= size else _Initialised(content, extent.initialised)


class _Initialised:
    """Content that was written up to some byte; behind it there are zeros, whatever the clusters hold."""

    def __init__(self, content: Source, initialised: int) -> None:
        self.name = content.name
        self.size = content.size
        self._content = content
        self._initialised = initialised

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the content."""
        check_range(self, offset, size)
        there = min(max(self._initialised - offset, 0), size)
        return (self._content.read_at(offset, there) if there else b"") + bytes(size - there)


class Pieced:
    """Content that is expanded piece by piece; some pieces are kept."""

    def __init__(self, name: str, size: int, piece: int, expand: Callable[[int], bytes]) -> None:
        self.name = name
        self.size = size
        self._piece = piece
        self._expand = expand
        self._kept: dict[int, bytes] = {}

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the content."""
        check_range(self, offset, size)
        piece = self._piece
        parts = []
        while size:
            index, within = divmod(offset, piece)
            part = self._get(index)[within : within + size]
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return b"".join(parts)

    def _get(self, index: int) -> bytes:
        data = self._kept.pop(index, None)
        if data is None:
            data = self._expand(index).ljust(min(self._piece, self.size - index * self._piece), b"\0")
            if len(self._kept) * self._piece >= _KEPT_BYTES:
                del self._kept[next(iter(self._kept))]
        self._kept[index] = data
        return data


def _compressed(volume: Volume, mapping: Mapping, name: str, extent: Extent) -> Pieced:
    size, unit = extent.size, extent.unit
    length, clusters = unit * volume.block_size, extent.allocated // volume.block_size
    if length > _MAX_UNIT:
        raise volume.error(0, f"{name}: compression units of up to {_MAX_UNIT} bytes wanted, {length} found")

    def expand(index: int) -> bytes:
        runs, there = _runs(mapping, index * unit, min(unit, clusters - index * unit))
        if not there:
            return b""
        stored = b"".join(
            volume.source.read_at(at * volume.block_size, count * volume.block_size) for at, count in runs
        )
        wanted = min(length, size - index * length)
        if there == unit:
            return stored[:wanted]
        try:
            return decompress_lznt1(stored, wanted)
        except CompressionError as error:
            raise volume.error(runs[0][0] * volume.block_size, f"{name}, unit {index}: {error}") from None

    return Pieced(name, size, length, expand)


def _runs(mapping: Mapping, first: int, count: int) -> tuple[list[tuple[int, int]], int]:
    """Return the clusters of the volume that some clusters of the value lie in, up to the first sparse one."""
    runs: list[tuple[int, int]] = []
    at, end = first, first + count
    while at < end:
        place, left = mapping.find(at)
        if place is None:
            break
        left = min(left, end - at)
        runs.append((place, left))
        at += left
    return runs, at - first
