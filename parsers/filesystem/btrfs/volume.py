"""The devices of a file system as one space of logical addresses, and what was found wrong in it.

A device that is not given, or whose superblock is older than that of the others, is not read: what lies on it
alone raises `ParseError`, all else can be read.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from parsers.filesystem.btrfs.chunks import Chunk, Chunks, Stripe
from parsers.filesystem.btrfs.superblock import DeviceItem, Flag, Superblock, read_superblock
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_MAX_PROBLEMS: Final = 100


class Device(msgspec.Struct, frozen=True):
    """A device that was given, with its own superblock."""

    source: Source
    superblock: Superblock

    @property
    def item(self) -> DeviceItem:
        """The device's own description."""
        return self.superblock.device


class MissingDeviceError(ParseError):
    """What is wanted lies on a device that was not given, which is said once for the whole file system."""


class Volume:
    """The bytes of one file system by their logical addresses."""

    def __init__(self, source: Source, others: tuple[Source, ...]) -> None:
        self.name = source.name
        self._problems: dict[Problem, None] = {}
        superblock, flaws = read_superblock(source)
        self._problems.update(dict.fromkeys(flaws))
        devices = self._join(Device(source, superblock), others)
        newest = max(
            (device.superblock for device in devices if device.superblock.fsid == superblock.fsid),
            key=lambda one: one.generation,
        )
        self.superblock = newest
        self.devices = {device.item.uuid: device for device in devices if self._is_current(device)}
        self.fsids = {newest.metadata_uuid} | {device.superblock.metadata_uuid for device in devices}
        self.chunks = Chunks(())
        for device in devices:
            self._check_size(device)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far, at most a hundred things."""
        return tuple(self._problems)

    def report(self, place: Place, message: str) -> None:
        """Note something that is wrong."""
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems[Problem(place, message)] = None

    def place(self, logical: int, copy: int = 0) -> Place:
        """Where a logical address lies: its device and the offset there."""
        chunk = self.chunks.find(logical)
        if chunk is None:
            return Place(self.name)
        stripe, offset, _ = chunk.locate(logical, copy)
        device = self.devices.get(stripe.uuid)
        return Place(device.source.name, offset=offset) if device else Place(self.name)

    def error(self, logical: int, message: str) -> ParseError:
        """Make the error for a logical address."""
        return ParseError(self.place(logical), message)

    def copies(self, logical: int) -> int:
        """Return how many copies there are of what lies at an address; raise `ParseError` where nothing does."""
        return self._chunk(logical).copies

    def read_copy(self, logical: int, size: int, copy: int) -> bytes:
        """Return bytes as one of the copies has them."""
        pieces: list[bytes] = []
        while size:
            chunk = self._chunk(logical)
            stripe, offset, run = chunk.locate(logical, min(copy, chunk.copies - 1))
            run = min(run, size)
            pieces.append(self._device(stripe).source.read_at(offset, run))
            logical += run
            size -= run
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read(self, logical: int, size: int) -> bytes:
        """Return bytes, each from the first copy that can be read."""
        pieces: list[bytes] = []
        while size:
            piece = self._read_run(logical, size)
            pieces.append(piece)
            logical += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_run(self, logical: int, size: int) -> bytes:
        chunk = self._chunk(logical)
        flaw: ParseError | None = None
        for copy in range(chunk.copies):
            stripe, offset, run = chunk.locate(logical, copy)
            try:
                return self._device(stripe).source.read_at(offset, min(run, size))
            except ParseError as error:
                flaw = flaw or error
        raise flaw or self.error(logical, "at least one copy wanted, none found")

    def _chunk(self, logical: int) -> Chunk:
        chunk = self.chunks.find(logical)
        if chunk is None:
            raise ParseError(Place(self.name), f"a chunk for logical address {logical} wanted, none found")
        return chunk

    def _device(self, stripe: Stripe) -> Device:
        device = self.devices.get(stripe.uuid)
        if device is None:
            text = f"device {stripe.device} ({stripe.uuid}) wanted, not given or outdated"
            raise MissingDeviceError(Place(self.name), text)
        return device

    def _join(self, first: Device, others: tuple[Source, ...]) -> list[Device]:
        """Return the devices given that belong together; a seed has a file system of its own."""
        devices = {first.item.uuid: first}
        for source in others:
            place = Place(source.name)
            try:
                superblock, flaws = read_superblock(source)
            except ParseError as error:
                self.report(error.place, f"a device of {first.superblock.fsid} wanted: {error.message}")
                continue
            self._problems.update(dict.fromkeys(flaws))
            if superblock.fsid != first.superblock.fsid and not superblock.flags & Flag.SEEDING:
                self.report(place, f"a device of {first.superblock.fsid} wanted, one of {superblock.fsid} found")
            elif superblock.device.uuid in devices:
                self.report(place, f"each device once wanted, {superblock.device.uuid} found again")
            else:
                devices[superblock.device.uuid] = Device(source, superblock)
        return list(devices.values())

    def _is_current(self, device: Device) -> bool:
        wanted, found = self.superblock.generation, device.superblock.generation
        if device.superblock.fsid != self.superblock.fsid or wanted == found:
            return True
        place = Place(device.source.name, offset=device.superblock.offset + 72)
        text = f"device {device.item.id}: generation {wanted} wanted, {found} found; it is outdated and not read"
        self.report(place, text)
        return False

    def _check_size(self, device: Device) -> None:
        wanted, found = device.item.total_bytes, device.source.size
        if wanted > found:
            place = Place(device.source.name, offset=found)
            self.report(place, f"device {device.item.id}: {wanted} bytes wanted, it ends at byte {found}")

    def check_devices(self, items: dict[UUID, DeviceItem]) -> None:
        """Note the devices that the file system has and that were not given."""
        for uuid, item in items.items():
            if uuid not in self.devices:
                self.report(Place(self.name), f"device {item.id} ({uuid}) wanted, not given or outdated")
        if len(items) != self.superblock.devices:
            text = f"{self.superblock.devices} devices wanted, {len(items)} listed"
            self.report(Place(self.name, offset=self.superblock.offset + 136), text)
