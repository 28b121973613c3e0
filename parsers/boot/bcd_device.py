"""Device elements of a BCD store: which partition of which disk an entry starts from.

Microsoft documents the classes of devices (BCD WMI provider: `BcdDeviceElement` and its data), not their bytes. The
layout is that of Windows 10's own stores: the GUID of the options, then type, flags and size of the device, then its
data. A partition is named by the GUIDs of a GPT, or by its byte offset and the signature of an MBR; a RAM disk by a
file of another device. Not decoded: virtual disks (VHD), devices of a network or a serial line, and the old form of a
partition that early builds of Windows Vista wrote; they are named by their kind alone, which resolves to nothing.
"""

from __future__ import annotations

import struct
import uuid
from enum import StrEnum
from typing import Final

import msgspec

from parsers.place import ParseError, Place

_HEAD: Final = struct.Struct("<IIII")
_OPTIONS: Final = 16
_PARTITION: Final = struct.Struct("<16sII16s")
_RAM_DISK: Final = struct.Struct("<IQQI")
_FILE: Final = struct.Struct("<III")
_LOCATE: Final = struct.Struct("<II")
_FILE_PATH: Final = 5
_MAX_DEPTH: Final = 4


class BcdDeviceKind(StrEnum):
    """What a device is."""

    BOOT = "boot"
    """Whatever the boot manager itself was started from."""
    PARTITION = "partition"
    DISK = "disk"
    RAM_DISK = "ramdisk"
    FILE = "file"
    VIRTUAL_DISK = "vhd"
    LOCATE = "locate"
    """The first volume that holds the file which another element names."""
    OTHER = "other"


_BLOCK: Final = {
    0: BcdDeviceKind.DISK,
    3: BcdDeviceKind.RAM_DISK,
    5: BcdDeviceKind.FILE,
    6: BcdDeviceKind.VIRTUAL_DISK,
}
_STYLES: Final = {0: "gpt", 1: "mbr"}


class BcdDevice(msgspec.Struct, frozen=True):
    """A device.

    Attributes:
        kind: what it is.
        scheme: "gpt" or "mbr" of a partition, None where it has neither.
        disk: the disk's GUID, or its MBR signature in eight hexadecimal digits, as `PartitionTable.disk_id` has them.
        partition: the partition's GUID in a GPT.
        offset: the partition's first byte on an MBR disk.
        path: the file of a RAM disk.
        parent: the device that this file is on.
        element: the element by whose path a device is located.
        options: the object with the options of the device, in braces.
    """

    kind: BcdDeviceKind
    scheme: str | None = None
    disk: str | None = None
    partition: str | None = None
    offset: int | None = None
    path: str | None = None
    parent: BcdDevice | None = None
    element: int | None = None
    options: str | None = None

    def __str__(self) -> str:
        where = self.partition or (f"byte {self.offset}" if self.offset is not None else None)
        if where:
            return f"partition {where} of disk {self.disk}"
        if self.path is not None:
            return f"{self.kind} {self.path} on {self.parent or 'an unknown device'}"
        if self.element is not None:
            return f"{self.kind} by element {self.element:08x}"
        return str(self.kind)


def parse_bcd_device(data: bytes, place: Place) -> BcdDevice:
    """Decode the data of a device element. Raises ParseError, at `place`, where it is none."""
    if len(data) < _OPTIONS + _HEAD.size:
        raise ParseError(place, f"a device of {_OPTIONS + _HEAD.size} bytes wanted, {len(data)} found")
    device, _ = _device(data[_OPTIONS:], place, 0)
    if any(data[:_OPTIONS]):
        device = msgspec.structs.replace(device, options=f"{{{uuid.UUID(bytes_le=data[:_OPTIONS])}}}")
    return device


def _device(data: bytes, place: Place, depth: int) -> tuple[BcdDevice, int]:
    """Return the device at the start of `data`, and how many bytes it takes."""
    kind, _, size, _ = _HEAD.unpack_from(data)
    if not _HEAD.size <= size <= len(data):
        raise ParseError(place, f"a device of {_HEAD.size} to {len(data)} bytes wanted, {size} found")
    body = data[_HEAD.size : size]
    if kind == 0:
        return _block(body, place, depth), size
    if kind == 5:
        return BcdDevice(BcdDeviceKind.BOOT), size
    if kind == 6:
        return _partition(body, place), size
    if kind == 8:
        return _locate(body), size
    return BcdDevice(BcdDeviceKind.OTHER), size


def _partition(body: bytes, place: Place) -> BcdDevice:
    if len(body) < _PARTITION.size:
        raise ParseError(place, f"a partition of {_PARTITION.size} bytes wanted, {len(body)} found")
    partition, block, style, disk = _PARTITION.unpack_from(body)
    if block != 0:
        return BcdDevice(_BLOCK.get(block, BcdDeviceKind.OTHER))
    if style == 0:
        guid = str(uuid.UUID(bytes_le=partition))
        return BcdDevice(BcdDeviceKind.PARTITION, _STYLES[style], str(uuid.UUID(bytes_le=disk)), guid)
    if style == 1:
        signature = f"{int.from_bytes(disk[:4], 'little'):08x}"
        offset = int.from_bytes(partition[:8], "little")
        return BcdDevice(BcdDeviceKind.PARTITION, _STYLES[style], signature, offset=offset)
    return BcdDevice(BcdDeviceKind.PARTITION)


def _block(body: bytes, place: Place, depth: int) -> BcdDevice:
    """Return a block device: a disk as a whole, or what a file stands for."""
    kind = _BLOCK.get(int.from_bytes(body[:4], "little"), BcdDeviceKind.OTHER)
    if kind is not BcdDeviceKind.RAM_DISK:
        return BcdDevice(kind)
    at = _RAM_DISK.size
    if len(body) < at + _FILE.size:
        raise ParseError(place, f"the file of a RAM disk wanted, {len(body)} bytes found")
    _, size, form = _FILE.unpack_from(body, at)
    file = body[at + _FILE.size : at + size]
    if form != _FILE_PATH or len(file) < _HEAD.size or depth >= _MAX_DEPTH:
        return BcdDevice(kind)
    parent, used = _device(file, place, depth + 1)
    path = file[used : used + (len(file) - used & ~1)].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    return BcdDevice(kind, path=path, parent=parent)


def _locate(body: bytes) -> BcdDevice:
    if len(body) < _LOCATE.size:
        return BcdDevice(BcdDeviceKind.LOCATE)
    _, element = _LOCATE.unpack_from(body)
    return BcdDevice(BcdDeviceKind.LOCATE, element=element or None)
