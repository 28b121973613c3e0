"""The boot chain of UEFI, on EFI system partitions in memory and on one made by mkfs.vfat."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from inspector.boot.uefi import uefi_chain
from inspector.collectors.platform import collect_boot_modes
from inspector.disks.disk import Opened, Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.facts.platform import BootChain, ChainState, EfiLoader
from parsers.filesystem.fat import open_fat
from parsers.filesystem.superblock import Superblock, identify
from parsers.partition.table import Partition
from parsers.place import ParseError, Place
from parsers.source import Memory
from tests.memory_tree import Dir, Files, MemoryTree
from tests.volumes import disk_of, storage_at, volume_of

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


def loader(machine: int = 0x8664, subsystem: int = 10) -> bytes:
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<H", optional, 68, subsystem)
    return dos + b"PE\0\0" + struct.pack("<HHIIIHH", machine, 0, 0, 0, 0, 240, 0x206) + bytes(optional)


def esp(files: Files | None, kind: str | None = "vfat", of: str = ESP, reason: str | None = None) -> Volume:
    volume = volume_of(files, 1, kind, reason=reason)
    assert volume.partition
    volume.partition = replace(volume.partition, type=of)
    return volume


def chain(*volumes: Volume) -> tuple[BootChain, tuple[EfiLoader, ...]]:
    found, loaders = uefi_chain(disk_of(*volumes))
    assert found.evidence
    return found, loaders


@pytest.mark.parametrize("of", [ESP, "0xef"])
def test_a_fallback_loader_makes_it_complete(of: str) -> None:
    found, loaders = chain(esp({"/EFI/BOOT/BOOTX64.EFI": loader()}, of=of))
    assert found.state is ChainState.COMPLETE
    assert loaders == (EfiLoader(Place("/EFI/BOOT/BOOTX64.EFI", volume="sda1"), fallback=True, machine="x86_64"),)


@pytest.mark.parametrize(
    "path", ["/EFI/debian/grubx64.efi", "/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/systemd/systemd-bootx64.efi"]
)
def test_a_loader_of_a_vendor_makes_it_complete_but_is_no_fallback(path: str) -> None:
    found, loaders = chain(esp({path: loader()}))
    assert found.state is ChainState.COMPLETE
    assert [(item.place.path, item.fallback) for item in loaders] == [(path, False)]


def test_a_shim_needs_grub_beside_it() -> None:
    found, (shim,) = chain(esp({"/EFI/debian/shimx64.efi": loader()}))
    assert found.state is ChainState.BROKEN
    assert shim.flaw == "shim starts grubx64.efi beside it, which is not there"
    found, _ = chain(esp({"/EFI/debian/shimx64.efi": loader(), "/EFI/debian/grubx64.efi": loader()}))
    assert found.state is ChainState.COMPLETE


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"", "no EFI loader"),
        (b"#!/bin/sh\n" + bytes(100), "MZ wanted"),
        (loader(0xAA64), "a loader for x86_64 wanted, one for aarch64 found"),
        (loader(subsystem=3), "an EFI application wanted, subsystem 3 found"),
    ],
)
def test_a_loader_that_firmware_would_refuse_is_broken(content: bytes, flaw: str) -> None:
    found, (item,) = chain(esp({"/EFI/BOOT/BOOTX64.EFI": content}))
    assert found.state is ChainState.BROKEN
    assert flaw in (item.flaw or "")


@pytest.mark.parametrize(
    "files", [{"/EFI": Dir()}, {"/EFI/BOOT/readme.txt": ""}, {"/x": ""}, {"/EFI/Linux/a.efi": "MZ"}]
)
def test_a_partition_without_a_loader_is_broken(files: Files) -> None:
    assert chain(esp(files))[0].state is ChainState.BROKEN


def test_a_partition_that_is_not_fat_is_broken() -> None:
    assert chain(esp({"/EFI/BOOT/BOOTX64.EFI": loader()}, "ext4"))[0].state is ChainState.BROKEN
    assert chain(esp(None, None, reason="no known file system was recognised"))[0].state is ChainState.BROKEN


def test_a_partition_that_cannot_be_read_is_unknown() -> None:
    found, _ = chain(esp(None, reason="vfat cannot be read: a table wanted, 0 found"))
    assert found.state is ChainState.UNKNOWN
    assert "a table wanted" in found.evidence[0].seen
    volume = esp({})
    volume.__dict__["_opened"] = Opened(
        MemoryTree({"/EFI/debian/grubx64.efi": loader()}, broken=frozenset({"/EFI/debian"}))
    )
    assert chain(volume)[0].state is ChainState.UNKNOWN


def test_a_partition_of_which_nothing_is_certain_is_unknown() -> None:
    class Broken(Memory):
        def read_at(self, offset: int, size: int) -> bytes:
            raise ParseError(Place("sda1", offset=offset), f"{size} bytes wanted")

    volume = esp(None, None, reason="it cannot be read")
    volume.source = Broken(bytes(4096), "sda1")
    assert chain(volume)[0].state is ChainState.UNKNOWN
    volume = esp(None, reason="it carries the signatures of swap and vfat")
    volume.superblock = Superblock("swap", 0, others=("vfat",))
    assert chain(volume)[0].state is ChainState.UNKNOWN


def test_no_partition_is_absent_and_loaders_elsewhere_are_broken() -> None:
    assert chain(volume_of({"/etc/fstab": ""}))[0].state is ChainState.ABSENT
    found, _ = chain(volume_of({"/EFI/BOOT/BOOTX64.EFI": loader()}, kind="vfat"))
    assert found.state is ChainState.BROKEN
    assert "another type" in found.message


@pytest.mark.skipif(
    not (shutil.which("mcopy") and shutil.which("mkfs.vfat", path="/usr/sbin:/sbin:/usr/bin")),
    reason="mkfs.vfat (dosfstools) and mcopy (mtools) make the partition, and are absent",
)
def test_a_real_partition_is_read_without_regard_to_case(tmp_path: Path) -> None:
    image, tree = tmp_path / "esp.img", tmp_path / "efi" / "boot"
    image.write_bytes(bytes(34 << 20))
    tree.mkdir(parents=True)
    (tree / "bootx64.efi").write_bytes(loader())
    environment = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    subprocess.run(["mkfs.vfat", "-F", "32", image], check=True, capture_output=True, env=environment)
    subprocess.run(["mcopy", "-s", "-i", image, tree.parent, "::"], check=True, capture_output=True)
    source = Memory(image.read_bytes(), "sda1")
    volume = Volume("sda1", source, 0, Partition(1, 0, source.size, ESP), Superblock("vfat", 0))
    volume.__dict__["_opened"] = Opened(open_fat(source))
    found, loaders = chain(volume)
    assert found.state is ChainState.COMPLETE
    assert loaders[0].place.path.lower() == "/efi/boot/bootx64.efi"


def test_errors_name_where_they_are() -> None:
    class Broken(MemoryTree):
        def lookup(self, directory: int, name: str) -> int | None:
            raise ParseError(Place("sda1", offset=4096), f"{directory} {name}")

    volume = esp({})
    volume.__dict__["_opened"] = Opened(Broken({}))
    assert chain(volume)[0].evidence[0].place == Place("sda1", offset=4096)


@pytest.mark.skipif(
    not all(
        shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") for name in ("sfdisk", "mkfs.vfat", "mcopy")
    )
    or not shutil.which("grub-mkimage"),
    reason="sfdisk, mkfs.vfat, mcopy and grub-mkimage make the disk, and one of them is absent",
)
def test_a_disk_with_a_real_loader_is_started_by_uefi(tmp_path: Path) -> None:
    environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}

    def run(*command: str | Path, stdin: str | None = None) -> None:
        subprocess.run(command, check=True, capture_output=True, env=environment, input=stdin, text=True)

    image, esp_image, grub = tmp_path / "disk.raw", tmp_path / "esp.img", tmp_path / "BOOTX64.EFI"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    run("sfdisk", "-q", image, stdin=f"label: gpt\nstart=2048, size=81920, type={ESP}\n")
    with esp_image.open("wb") as file:
        file.truncate(40 << 20)
    run("mkfs.vfat", "-F", "32", esp_image)
    run("grub-mkimage", "-O", "x86_64-efi", "-o", grub, "-p", "/EFI/debian", "fat", "part_gpt")
    (tmp_path / "EFI" / "BOOT").mkdir(parents=True)
    shutil.copy(grub, tmp_path / "EFI" / "BOOT")
    run("mcopy", "-s", "-i", esp_image, tmp_path / "EFI", "::")
    with image.open("r+b") as made:
        made.seek(1 << 20)
        made.write(esp_image.read_bytes())
    storage = storage_at(image)
    with storage.system_disk.image:
        modes = collect_boot_modes(Facts({Storage: storage}))
        assert modes.mode == "uefi"
        assert [loader.machine for loader in modes.loaders] == ["x86_64"]
        assert modes.bios.state is ChainState.ABSENT
        assert storage.bytes_read < 1 << 20


@pytest.mark.skipif(
    not (shutil.which("mcopy") and shutil.which("mkfs.vfat", path="/usr/sbin:/sbin:/usr/bin")),
    reason="mkfs.vfat (dosfstools) and mcopy (mtools) make the partition, and are absent",
)
def test_a_damaged_partition_ends_in_a_chain_with_evidence(tmp_path: Path) -> None:
    image = tmp_path / "esp.img"
    image.write_bytes(bytes(1 << 20))
    for name in ("BOOT/BOOTX64.EFI", "debian/shimx64.efi", "debian/grubx64.efi", "Microsoft/Boot/bootmgfw.efi"):
        (tmp_path / "EFI" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "EFI" / name).write_bytes(loader())
    subprocess.run(["mkfs.vfat", image], check=True, capture_output=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin"})
    subprocess.run(["mcopy", "-s", "-i", image, tmp_path / "EFI", "::"], check=True, capture_output=True)
    data = image.read_bytes()
    used = [at for at in range(len(data)) if data[at]]
    chance = random.Random(5)
    states = set()
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 2, 8))):
            broken[chance.choice(used)] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
        source = Memory(bytes(broken), "sda1")
        found, _ = chain(Volume("sda1", source, 0, Partition(1, 0, source.size, ESP), identify(source)))
        states.add(found.state)
    assert states >= {ChainState.COMPLETE, ChainState.UNKNOWN}
