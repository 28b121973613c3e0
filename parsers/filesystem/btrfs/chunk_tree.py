"""Reading the chunks: those of the superblock lead to the chunk tree, which holds all of them and the devices.

Specification: btrfs on-disk format, "Superblock" (sys_chunk_array), "CHUNK_ITEM", "DEV_ITEM".
"""

from __future__ import annotations

from struct import Struct
from typing import Final
from uuid import UUID

from parsers.filesystem.btrfs.btree import LAST, BTree, Nodes, Position
from parsers.filesystem.btrfs.chunks import Chunk, ChunkError, Chunks, chunk_size, parse_chunk
from parsers.filesystem.btrfs.superblock import DEVICE_ITEM_SIZE, DeviceItem, parse_device
from parsers.filesystem.btrfs.volume import Volume
from parsers.place import ParseError, Place

_KEY = Struct("<QBQ")
_CHUNK: Final = (256, 228)
_DEVICE: Final = (1, 216)
_MAX_CHUNKS: Final = 1 << 18  # 256 TiB in chunks of 1 GiB
_MAX_DEVICES: Final = 1 << 12
_ARRAY_AT: Final = 811


def load_chunks(volume: Volume, nodes: Nodes) -> list[DeviceItem]:
    """Tell the volume its chunks, and return the devices that it consists of. Raises `ParseError`.

    A chunk that is broken is noted and left out: what lies in it cannot be read.
    """
    system = _system_chunks(volume)
    volume.chunks = _joined(volume, system)
    superblock = volume.superblock
    tree = BTree(nodes, Position(superblock.chunk_root, superblock.chunk_root_level, superblock.chunk_root_generation))
    chunks: dict[int, Chunk] = {}
    devices: dict[UUID, DeviceItem] = {}
    for entry, item in tree.items((0, 0, 0), LAST):
        if entry[:2] == _CHUNK:
            try:
                chunks[entry[2]] = parse_chunk(item, entry[2], superblock.sector_size)
            except ChunkError as error:
                volume.report(Place(volume.name), f"chunk {entry[2]}: {error}")
            if len(chunks) > _MAX_CHUNKS:
                raise ParseError(Place(volume.name), f"at most {_MAX_CHUNKS} chunks wanted, more found")
        elif entry[:2] == _DEVICE and len(item) >= DEVICE_ITEM_SIZE:
            device = parse_device(item)
            devices[device.uuid] = device
            if len(devices) > _MAX_DEVICES:
                raise ParseError(Place(volume.name), f"at most {_MAX_DEVICES} devices wanted, more found")
    volume.chunks = _joined(volume, {**system, **chunks})
    volume.check_devices(devices)
    return list(devices.values())


def _system_chunks(volume: Volume) -> dict[int, Chunk]:
    data = volume.superblock.chunks
    place = Place(volume.name, offset=volume.superblock.offset + _ARRAY_AT)
    chunks: dict[int, Chunk] = {}
    at = 0
    while at < len(data):
        if at + _KEY.size + chunk_size(0) > len(data):
            raise ParseError(place, f"system chunks: {chunk_size(0)} bytes wanted, {len(data) - at} found")
        number, kind, start = _KEY.unpack_from(data, at)
        if (number, kind) != _CHUNK:
            raise ParseError(place, f"system chunks: a key of {_CHUNK} wanted, {(number, kind)} found")
        at += _KEY.size
        try:
            chunks[start] = parse_chunk(data[at:], start, volume.superblock.sector_size)
        except ChunkError as error:
            raise ParseError(place, f"system chunks: {error}") from None
        at += chunk_size(len(chunks[start].stripes))
    return chunks


def _joined(volume: Volume, chunks: dict[int, Chunk]) -> Chunks:
    try:
        return Chunks(chunks.values())
    except ChunkError as error:
        raise ParseError(Place(volume.name), str(error)) from None
