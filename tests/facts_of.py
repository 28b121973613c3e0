"""The facts of a guest made of files in memory, collected as they would be from an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspector.collectors import COLLECTORS
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from tests.memory_tree import Files
from tests.volumes import storage_of, volume_of

ROOT_UUID = "aaaa-aaaa"


def facts_of(files: Files, *others: Volume, given: Mapping[type[Any], object] | None = None) -> Facts:
    """Return the facts of a guest whose root sda1 (ext4, UUID `ROOT_UUID`) holds `files`, with `others` beside it.

    `given` facts are not collected.
    """
    disk = storage_of(volume_of(dict(files), uuid=ROOT_UUID), *others)
    return Facts({Storage: disk, Guest: find_guest(disk, "sda1"), **(given or {})}, COLLECTORS)
