"""Guests of Windows in memory: hives that hivex wrote, below a tree whose names have no case."""

from __future__ import annotations

import functools
import posixpath
import shutil
from collections.abc import Mapping
from typing import Final

import pytest

from fixtures.files import Files, Node
from fixtures.windows import bcd
from fixtures.windows.boot_sector import boot_sector
from fixtures.windows.golden import FILES, SECURITY, SOFTWARE, SYSTEM, changed
from fixtures.windows.hive import PROGRAM, Data, Keys, merged, registry_text
from fixtures.windows.security import descriptor
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest, Mount
from inspector.mounts import find_guest
from inspector.windows.paths import windows_paths
from parsers.partition.table import Partition
from parsers.source import Memory, check_range
from parsers.windows.registry import open_hive
from parsers.windows.sam import ADMINISTRATOR, USERS
from tests.corpus import corpus
from tests.memory_tree import MemoryTree
from tests.volumes import SIZE, storage_of, volume_of

CONFIG = "/Windows/System32/config"
SIGNATURE: Final = 0xDEADBEEF
SECTOR: Final = 512
PER_USER: Final[dict[str, Mapping[str, Data]]] = {
    r"Software\Microsoft\Windows\CurrentVersion\Uninstall\gitkraken": {
        "DisplayName": "GitKraken", "DisplayVersion": "5.0.4", "Publisher": "Axosoft, LLC", "InstallDate": "20190410",
        "InstallLocation": r"C:\Users\Administrator\AppData\Local\gitkraken",
    },
}  # fmt: skip
"""What is installed for the administrator alone."""
STARTED: Final = 100 << 20
DRIVE: Final = 20 << 30
"""Bytes of the partition that is started, and of the system drive; they lie where `SIZE` puts them all the same."""
ENABLED: Final = 0x10
Changes = Mapping[str, Node | None]
_HIVES: dict[str, bytes] = {}


class Large:
    """A source of any size that begins with some bytes; the rest are zeros."""

    def __init__(self, head: bytes, size: int, name: str) -> None:
        self.name = name
        self.size = size
        self._head = head

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes."""
        check_range(self, offset, size)
        return self._head[offset : offset + size].ljust(size, b"\0")


class WindowsTree(MemoryTree):
    """A tree in which names are found in any case, as NTFS finds them; `security` is the descriptor of all of them."""

    security = descriptor()

    def security_descriptor(self, inode: int) -> bytes:
        """Return the descriptor of an inode."""
        self._node(inode)
        return self.security

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of a name."""
        wanted = posixpath.join(self._paths[directory], name).lower()
        return next((number for path, number in self._inodes.items() if path.lower() == wanted), None)


def hive(keys: Keys) -> bytes:
    """Return a hive with these keys; skip where hivex is not installed."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed: no hives")
    text = registry_text(keys)
    if text not in _HIVES:
        _HIVES[text] = merged(corpus("known/hives/hv-hx-minimal.hive.xz").read_bytes(), keys)
    return _HIVES[text]


def sam(flags: Mapping[int, int]) -> bytes:
    """Return a real SAM in which accounts have other flags, by their numbers."""
    content = corpus("known/hives/hv-rp-SAM.hive.xz").read_bytes()
    changes: dict[str, Mapping[str, Data]] = {}
    for rid, number in flags.items():
        path = rf"{USERS}\{rid:08X}"
        key = open_hive(Memory(content)).key(path)
        value = key.value("F") if key else None
        assert value is not None
        changes[path] = {"F": value.data[:0x38] + number.to_bytes(2, "little") + value.data[0x3A:]}
    return merged(content, changes)


@functools.cache
def other_hives() -> dict[str, bytes]:
    """Return the other hives that every machine has: a real SAM, and small ones for what hardly anything is read of."""
    return {
        f"{CONFIG}/SAM": sam({ADMINISTRATOR: ENABLED}),
        f"{CONFIG}/SECURITY": hive(SECURITY),
        f"{CONFIG}/DEFAULT": hive({"Console": {}}),
        "/Users/Default/NTUSER.DAT": hive({"Environment": {}}),
        "/Users/Administrator/NTUSER.DAT": hive({"Environment": {}, **PER_USER}),
    }


def windows_files(system: Keys, software: Keys | None = None, files: Changes | None = None) -> Files:
    """Return the files of a system drive with these hives; None takes a file away."""
    found: Changes = {f"{CONFIG}/SYSTEM": hive({"Select": {"Current": 1}, **system})}
    if software is not None:
        found = {**found, f"{CONFIG}/SOFTWARE": hive(software)}
    return _there({**found, **(files or {})})


def windows_of(system: Keys, software: Keys | None = None, files: Changes | None = None) -> Guest:
    """Return a guest of one drive."""
    tree = WindowsTree(windows_files(system, software, files))
    return Guest([Mount("/", None, tree, tree.root)], "windows", windows_paths())


def golden(
    system: Keys | None = None,
    software: Keys | None = None,
    files: Changes | None = None,
    boot: Changes | None = None,
    security: Keys | None = None,
) -> Facts:
    """Return the facts of the golden Windows with changes to its hives and files; None takes away.

    `boot` changes the files of the partition that is started, /bootmgr and /Boot/BCD.
    """
    storage = golden_storage(system, software, files, boot, security)
    return Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)


def golden_storage(
    system: Keys | None = None,
    software: Keys | None = None,
    files: Changes | None = None,
    boot: Changes | None = None,
    security: Keys | None = None,
) -> Storage:
    """Return the disk of the golden Windows: a partition to start from, and the system drive."""
    store = hive(bcd.store(bcd.mbr_device(SIGNATURE, SIZE), bcd.mbr_device(SIGNATURE, 2 * SIZE)))
    started: Changes = {"/bootmgr": b"\xe9 BOOTMGR", "/Boot/BCD": store, **(boot or {})}
    first = volume_of(WindowsTree(_there(started)), 1, "ntfs")
    first.partition = Partition(1, SIZE, STARTED, "0x07", f"{SIGNATURE:08x}-01", bootable=True)
    first.source = Large(boot_sector(SIZE // SECTOR), STARTED, first.name)
    secured: Changes = {f"{CONFIG}/SECURITY": hive(changed(SECURITY, security))} if security else {}
    there = {**other_hives(), **FILES, **secured, **(files or {})}
    drive = WindowsTree(windows_files(changed(SYSTEM, system or {}), changed(SOFTWARE, software or {}), there))
    second = volume_of(drive, 2, "ntfs")
    second.partition = Partition(2, 2 * SIZE, DRIVE, "0x07", f"{SIGNATURE:08x}-02")
    second.source = Large(boot_sector(2 * SIZE // SECTOR), DRIVE, second.name)
    return storage_of(first, second)


def _there(files: Changes) -> Files:
    return {path: node for path, node in files.items() if node is not None}
