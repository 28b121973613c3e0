"""Faults of the disks of Windows: what is written over which bytes, which check turns, and where it is said.

A fault is mended by putting back what stood there, which is what the rules advise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspector.verdict import Status
from parsers.filesystem.ntfs import open_ntfs
from parsers.filesystem.ntfs.attribute import Runs
from parsers.source import Source
from tests.volumes import storage_at

FAILED, WARNING = Status.FAILED, Status.WARNING
Patches = dict[int, bytes]
_ENTRIES: Final = 446
_ENTRY: Final = 16
_TYPE: Final = 4
_DESCRIPTOR: Final = 0x50


@dataclass(frozen=True)
class VolumeFault:
    """Bytes of a disk that are others.

    Attributes:
        patches: gives the bytes to write, by where they go on the disk.
        checks: the checks that turn, the first to `status`, with `place` among its evidence.
    """

    name: str
    checks: str
    status: Status
    place: str
    patches: Callable[[Path], Patches]


def _volume(image: Path, number: int) -> tuple[int, Source]:
    volume = storage_at(image).volume(f"sda{number}")
    assert volume
    assert volume.offset is not None
    return volume.offset, volume.source


def _over(number: int, at: int, data: bytes) -> Callable[[Path], Patches]:
    """Write over bytes of a volume; where `at` is negative, from its end."""

    def patches(image: Path) -> Patches:
        start, source = _volume(image, number)
        return {start + at + (source.size if at < 0 else 0): data}

    return patches


def _message(number: int, old: bytes, new: bytes) -> Callable[[Path], Patches]:
    def patches(image: Path) -> Patches:
        start, source = _volume(image, number)
        return {start + source.read_at(0, 512).index(old): new.ljust(len(old), b"\0")}

    return patches


def _typed(number: int, kind: int) -> Callable[[Path], Patches]:
    return lambda _: {_ENTRIES + (number - 1) * _ENTRY + _TYPE: bytes((kind,))}


def _mirrored(number: int, record: int) -> Callable[[Path], Patches]:
    """Write another count of links into the copy of a record."""

    def patches(image: Path) -> Patches:
        start, source = _volume(image, number)
        boot = open_ntfs(source).boot
        return {start + boot.mirror * boot.cluster_size + record * boot.record_size + 18: b"\7"}

    return patches


def _without_system(number: int) -> Callable[[Path], Patches]:
    """Let the root's descriptor speak of a service and of users where it spoke of SYSTEM and of administrators."""

    def patches(image: Path) -> Patches:
        start, source = _volume(image, number)
        tree = open_ntfs(source)
        old = tree.security_descriptor(tree.root)
        new = old.replace(bytes.fromhex("0512000000"), bytes.fromhex("0513000000"))
        new = new.replace(bytes.fromhex("052000000020020000"), bytes.fromhex("052000000021020000"))
        attribute = tree._records.get(tree.root).find(_DESCRIPTOR)
        assert attribute
        cluster, _ = Runs(tree._volume, attribute).find(0)
        assert cluster
        return {start + cluster * tree.boot.cluster_size: new}

    return patches


def _active(number: int) -> Callable[[Path], Patches]:
    """Mark another partition as active, and the first no more."""
    return lambda _: {_ENTRIES: b"\0", _ENTRIES + (number - 1) * _ENTRY: b"\x80"}


BIOS_FAULTS: Final = (
    VolumeFault("disk-without-code", "BootMode", FAILED, "sda", lambda _: {0: bytes(440)}),
    VolumeFault("partition-without-code", "BootMode BootMgr", FAILED, "sda", _over(1, 0x54, bytes(0x1AA))),
    VolumeFault("nothing-is-active", "BootMode BootMgr BCD WindowsVolumes", FAILED, "sda", lambda _: {_ENTRIES: b"\0"}),
    VolumeFault("system-drive-is-active", "BootMgr BCD", FAILED, r"\bootmgr", _active(2)),
    VolumeFault("moved-partition", "BootMgr", FAILED, "sda1", _over(1, 0x1C, b"\x3f\0\0\0")),
    VolumeFault("geometry-not-set", "BootMgr", WARNING, "sda1", _over(1, 0x18, bytes(4))),
    VolumeFault("code-of-server-2003", "BootMgr", FAILED, "sda1",
                _message(1, b"BOOTMGR is compressed", b"NTLDR is missing")),
    VolumeFault("hidden-boot-partition", "WindowsVolumes", WARNING, "sda1", _typed(1, 0x27)),
    VolumeFault("hidden-system-drive", "WindowsVolumes", WARNING, "sda2", _typed(2, 0x17)),
    VolumeFault("root-without-system", "WindowsVolumes", WARNING, "C:\\", _without_system(2)),
    VolumeFault("old-copy-of-a-record", "FileSystemState", WARNING, "sda2", _mirrored(2, 2)),
    VolumeFault("no-copy-of-the-boot-sector", "FileSystemState", WARNING, "sda2", _over(2, -512, bytes(512))),
)  # fmt: skip
