"""The facts about machine, firmware and disk, collected from volumes in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.kernel import elf, grub_boot_sector, grub_core
from inspector.collectors import COLLECTORS
from inspector.collectors.platform import collect_architecture, collect_boot_modes
from inspector.disks.disk import Disk, Volume
from inspector.disks.storage import Storage, joined
from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import ChainState, DiskContent
from inspector.guest import Guest
from inspector.image import Image
from inspector.verdict import Evidence
from parsers.partition.table import PartitionTable, Scheme
from parsers.place import ParseError, Place
from parsers.source import Memory
from tests.memory_tree import Files, Link, guest_of
from tests.volumes import storage_of, volume_of
from tests.windows import WindowsTree


def architecture_of(files: Files) -> tuple[str, str]:
    found = collect_architecture(Facts({Guest: guest_of(files)}))
    return found.machine, found.place.path


def test_the_first_program_tells_the_architecture() -> None:
    init: Files = {
        "/sbin/init": Link("/lib/systemd/systemd"),
        "/lib/systemd/systemd": elf(machine=183),
        "/bin/sh": elf(),
    }
    assert architecture_of(init) == ("aarch64", "/sbin/init")


def test_scripts_and_dangling_links_are_passed_over() -> None:
    files: Files = {"/sbin/init": "#!/bin/sh\n" + " " * 64, "/bin/bash": Link("nowhere"), "/bin/sh": elf(machine=62)}
    assert architecture_of(files) == ("x86_64", "/bin/sh")


def test_no_program_is_unknown_and_says_what_was_found() -> None:
    with pytest.raises(UnknownFact, match=r"^no program tells the architecture$"):
        architecture_of({"/etc/fstab": ""})
    with pytest.raises(UnknownFact, match="/sbin/init: an ELF file wanted"):
        architecture_of({"/sbin/init": "x" * 64})


def disk(data: bytes, *volumes: Volume, scheme: Scheme = Scheme.MBR) -> Storage:
    image = SimpleNamespace(source=Memory(data, "disk.raw"))
    return joined((Disk("sda", cast("Image", image), PartitionTable(scheme, 512), volumes),))


def test_boot_modes_join_both_chains() -> None:
    data = bytearray(1 << 20)
    data[:440] = grub_boot_sector()
    data[510:512] = b"\x55\xaa"
    core = grub_core()
    data[512 : 512 + len(core)] = core
    modes = collect_boot_modes(Facts({Storage: disk(bytes(data))}))
    assert (modes.bios.state, modes.uefi.state) == (ChainState.COMPLETE, ChainState.ABSENT)
    assert (modes.mode, modes.grub_code) == ("bios", True)
    modes = collect_boot_modes(Facts({Storage: disk(bytes(4096))}))
    assert (modes.mode, modes.grub_code) == ("none", False)


def content_of(storage: Storage) -> DiskContent:
    return Facts({Storage: storage}, COLLECTORS)[DiskContent]


def test_roots_are_told_from_data_and_from_what_cannot_be_read() -> None:
    storage = storage_of(
        volume_of({"/etc/os-release": ""}, 1),
        volume_of({"/photos/1.jpg": ""}, 2),
        volume_of(None, 3, "xfs", reason="xfs is not read so far"),
        volume_of(None, 4, "swap"),
        volume_of(None, 5, None, reason="no known file system was recognised"),
    )
    content = content_of(storage)
    assert [item.place for item in content.roots] == [Place("/etc", volume="sda1")]
    assert [item.seen for item in content.unread] == ["xfs is not read so far"]
    assert [item.seen for item in content.others] == [
        "ext4 without a system",
        "swap",
        "empty: zeros at its start, middle and end",
    ]
    assert content.medium is None


def test_a_windows_without_its_registry_is_told_from_data() -> None:
    torn = volume_of(WindowsTree({"/Windows/System32/ntoskrnl.exe": b"MZ"}), 1, "ntfs")
    data = volume_of(WindowsTree({"/photos/1.jpg": b""}), 2, "ntfs")
    content = content_of(storage_of(torn, data))
    assert content.roots == ()
    assert content.others == (
        Evidence(Place(r"\Windows", volume="sda1"), r"Windows without System32\config, which holds its registry"),
        Evidence(data.place, "ntfs without a system"),
    )


def test_what_is_not_known_and_not_empty_counts_as_unread() -> None:
    volume = volume_of(None, 1, None, reason="no known file system was recognised")
    volume.source = Memory(b"\1" * 4096, "sda1")
    content = content_of(storage_of(volume))
    assert [item.seen for item in content.unread] == ["no known file system was recognised"]


def test_a_source_that_cannot_be_read_is_not_called_empty() -> None:
    class Broken(Memory):
        def read_at(self, offset: int, size: int) -> bytes:
            raise ParseError(Place("sda1", offset=offset), f"{size} bytes wanted")

    volume = volume_of(None, 1, None, reason="it cannot be read")
    volume.source = Broken(bytes(4096), "sda1")
    made = storage_of(volume)
    content = content_of(made)
    assert [item.seen for item in content.unread] == ["it cannot be read"]
    broken = disk(b"", volume)
    broken.system_disk.image.__dict__["source"] = Broken(bytes(4096), "disk.raw")
    assert content_of(broken).medium is None


def test_an_optical_medium_is_told_by_its_signature() -> None:
    data = bytearray(1 << 20)
    data[32768:32775] = b"\1CD001\1"
    content = content_of(disk(bytes(data)))
    assert content.medium is not None
    assert "iso9660" in content.medium.seen
    assert [item.seen for item in content.others] == ["a partition table without partitions"]
