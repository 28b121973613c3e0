from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from parsers.boot.decompress import READ_SIZE
from parsers.boot.initramfs import Archive, scan_initramfs, walk_initramfs
from parsers.place import ParseError
from parsers.source import Memory
from tests.parsers.boot.archives import COMPRESSORS, compress, cpio, listed

KERNEL = "6.1.0-50-amd64"
TOP = f"usr/lib/modules/{KERNEL}/kernel"
MODULES = {
    f"{TOP}/drivers/block/virtio_blk.ko": "virtio_blk",
    f"{TOP}/drivers/nvme/host/nvme-core.ko.xz": "nvme_core",
    f"{TOP}/drivers/nvme/host/nvme.ko.zst": "nvme",
    f"{TOP}/drivers/virtio/virtio_pci.ko.gz": "virtio_pci",
}
FILES = {"conf/modules": "virtio_blk\n", "etc/modprobe.d/a.conf": "blacklist floppy\n", "init": "#!/bin/sh\n"}
WANTED = frozenset(MODULES.values())


class Counted(Memory):
    """A source that knows how much of it was read."""

    read = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.read += size
        return super().read_at(offset, size)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("initramfs")
    for name in (*MODULES, *FILES, "usr/lib/zzz/padding.bin"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(FILES[name].encode() if name in FILES else os.urandom(3000))
    (top / "usr/lib/zzz/padding.bin").write_bytes(os.urandom(1 << 20))
    (top / "usr/lib/modules/other").mkdir()
    return top


@pytest.fixture(scope="module")
def archive(folder: Path) -> bytes:
    return cpio(folder)


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    top = tmp_path_factory.mktemp("early")
    path = top / "kernel/x86/microcode/AuthenticAMD.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(5_000_000))
    return cpio(top)


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_every_compression_gives_what_cpio_lists(archive: bytes, early: bytes, compression: str) -> None:
    data = early + compress(archive, compression)
    found = [member.name.decode() for member in walk_initramfs(Memory(data))]
    assert found == listed(early) + listed(archive)
    scan = scan_initramfs(Memory(data), "/boot/i")
    assert scan.complete
    assert scan.problems == ()
    assert [(module.path, module.name, module.kernel) for module in scan.modules] == [
        (path, name, KERNEL) for path, name in MODULES.items()
    ]
    assert {file.path: file.text for file in scan.files} == {name: FILES[name] for name in list(FILES)[:2]}
    assert [found.compression for found in scan.archives] == ["none", compression]


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_archives_follow_one_another(archive: bytes, folder: Path, compression: str) -> None:
    small = cpio(folder, ["init"])
    data = compress(small, compression) + bytes(700) + compress(archive, "gzip") + bytes(3) + small.ljust(2048, b"\0")
    found = [member.name.decode() for member in walk_initramfs(Memory(data))]
    assert found == ["init", *listed(archive), "init"]
    inner = compress(small + bytes(512) + archive, compression)
    assert [member.name.decode() for member in walk_initramfs(Memory(inner))] == ["init", *listed(archive)]


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_the_reading_stops_when_all_was_found(archive: bytes, early: bytes, compression: str) -> None:
    source = Counted(early + compress(archive, compression))
    scan = scan_initramfs(source, "/boot/i", WANTED)
    assert not scan.complete
    assert {module.name for module in scan.modules} == WANTED
    assert scan.file_paths == ("conf/modules", "etc/modprobe.d/a.conf")
    skipped = compression not in {"bzip2", "lz4-legacy"}  # whose blocks are larger than this archive
    assert source.read <= 2 * READ_SIZE + 16 * 1024 + (0 if skipped else 2 << 20)


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_programs_are_sought_in_their_folders_behind_the_modules(tmp_path: Path, compression: str) -> None:
    names = ("bin/lvm", "etc/modprobe.d/a.conf", f"usr/lib/modules/{KERNEL}/a.ko", "usr/lib/systemd/opener",
             "usr/sbin/lvm", "usr/sbin/lvmdump", "usr/sbin/mdadm", "usr/sbin/zz/lvm")  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"" if name == "usr/sbin/mdadm" else b"x")
        (tmp_path / name).chmod(0o755)
    data = Memory(compress(cpio(tmp_path), compression))
    scan = scan_initramfs(data, "/boot/i", frozenset({"a"}), programs=frozenset({"lvm", "mdadm", "opener"}))
    assert [(item.path, item.flaw) for item in scan.programs] == [
        ("bin/lvm", None), ("usr/lib/systemd/opener", None), ("usr/sbin/lvm", None), ("usr/sbin/mdadm", "empty"),
    ]  # fmt: skip
    assert scan.file_paths == ("etc/modprobe.d/a.conf",)
    early = scan_initramfs(data, "/boot/i", frozenset(), programs=frozenset({"lvm"}))
    assert early.file_paths == ("etc/modprobe.d/a.conf",)  # what is found in front of the modules ends nothing
    assert scan_initramfs(data, "/boot/i", frozenset({"a"})).programs == ()


def test_without_the_order_of_names_everything_is_read(folder: Path) -> None:
    for names in ([*MODULES, *FILES], ["init", *MODULES, *FILES], [".", "init", "etc", *MODULES, *FILES]):
        archive = cpio(folder, names)
        scan = scan_initramfs(Memory(archive), "/boot/i", frozenset({"virtio_blk"}))
        assert scan.complete
        assert scan.file_paths == ("conf/modules", "etc/modprobe.d/a.conf")


def test_a_module_of_another_kernel_or_without_content_is_not_found(tmp_path: Path) -> None:
    for name in ("lib/modules/5.10/nvme.ko", f"lib/modules/{KERNEL}/nvme.ko"):
        (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / "lib/modules/5.10/nvme.ko").write_text("x")
    (tmp_path / f"lib/modules/{KERNEL}/nvme.ko").touch()
    scan = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i", frozenset({"nvme"}), KERNEL)
    assert scan.complete
    assert scan.module("nvme", KERNEL) is None
    assert scan.module("nvme") is not None


def test_linked_modules_and_files_are_found(tmp_path: Path) -> None:
    for name in ("etc/modprobe.d/b.conf", "lib/modules/1/a.ko"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("options a b=1\n")
    os.link(tmp_path / "etc/modprobe.d/b.conf", tmp_path / "etc/modprobe.d/c.conf")
    os.link(tmp_path / "lib/modules/1/a.ko", tmp_path / "lib/modules/1/b.ko")
    scan = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i")
    assert [file.path for file in scan.files] == ["etc/modprobe.d/b.conf", "etc/modprobe.d/c.conf"]
    assert {file.text for file in scan.files} == {"options a b=1\n"}
    assert [module.name for module in scan.modules] == ["a", "b"]


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_what_is_cut_off_is_a_problem_with_what_was_read_before(archive: bytes, compression: str) -> None:
    data = compress(archive, compression)
    scan = scan_initramfs(Memory(data[: len(data) * 3 // 4]), "/boot/i", WANTED | {"none"})
    assert not scan.complete
    assert [problem.place.path for problem in scan.problems] == ["/boot/i"]
    if compression not in {"bzip2", "lz4-legacy"}:  # whose first block was not complete
        assert {module.name for module in scan.modules} == WANTED


def test_what_is_no_initramfs_is_a_problem() -> None:
    for data, message in (
        (b"hello world", "a cpio archive or compressed data wanted, b'hello ' found"),
        (b"\x89LZO\0\r\n\x1a\n" + bytes(50), "lzo found, which is not read"),
        (b"\x1f\x8b" + b"\xff" * 50, "gzip data wanted"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "zstd data wanted"),
        (b"\xfd7zXZ\x00" + b"\xff" * 50, "xz data wanted"),
        (b"BZh9" + b"\xff" * 50, "bzip2 data wanted"),
        (b"\x02\x21\x4c\x18\x04\0\0\0" + b"\xff" * 50, "an lz4 block wanted"),
        (b"\x04\x22\x4d\x18" + b"\xff" * 50, "lz4 data wanted"),
        (b"\x5d\0\0" + b"\xff" * 50, "lzma data wanted"),
    ):
        scan = scan_initramfs(Memory(data), "/boot/i")
        assert not scan.complete
        assert [message in problem.message for problem in scan.problems] == [True], data
    assert scan_initramfs(Memory(b""), "/boot/i").archives == ()


@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd", "bzip2", "lz4-legacy", "lz4", "lzma"])
def test_bombs_are_bounded(compression: str) -> None:
    data = compress(bytes(12 << 20), compression)
    scan = scan_initramfs(Memory(data), "/boot/i", limit=8 << 20)
    assert "decompressed bytes wanted, more found" in scan.problems[0].message
    many = scan_initramfs(Memory(compress(bytes(3 << 20), compression) * 5), "/boot/i", limit=8 << 20)
    assert "decompressed bytes wanted, more found" in many.problems[0].message


def test_too_many_archives_and_too_much_padding_are_bounded(folder: Path) -> None:
    small = cpio(folder, ["init"])
    with pytest.raises(ParseError, match="at most 64 archives wanted"):
        list(walk_initramfs(Memory(small * 100)))
    with pytest.raises(ParseError, match="NUL bytes wanted"):
        list(walk_initramfs(Memory(bytes(65 << 20))))


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_damage_ends_in_a_problem(folder: Path, compression: str) -> None:
    data = compress(cpio(folder, [*FILES, *MODULES]), compression)
    chance = random.Random(len(compression))
    for _ in range(120):
        damaged = bytearray(data[: chance.randrange(1, len(data) + 1)])
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(min(len(damaged), 600))] = chance.randrange(256)
        scan = scan_initramfs(Memory(bytes(damaged)), "/boot/i", limit=32 << 20)
        assert scan.complete or scan.problems


def test_archives_know_where_they_begin(archive: bytes, early: bytes) -> None:
    scan = scan_initramfs(Memory(early + compress(archive, "zstd")), "/boot/i")
    assert scan.archives == (Archive(0, "none"), Archive(len(early), "zstd"))


def test_init_is_told_of_with_what_speaks_against_it(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "init").write_text("#!/bin/sh\n")
    for mode, flaw in ((0o755, None), (0o644, "not executable")):
        (tmp_path / "init").chmod(mode)
        init = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i").init
        assert init is not None
        assert (init.path, init.flaw) == ("init", flaw)
    (tmp_path / "init").write_text("")
    empty = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i").init
    assert empty is not None
    assert empty.flaw == "empty"
    (tmp_path / "init").unlink()
    (tmp_path / "init").symlink_to("usr/lib/systemd/systemd")
    link = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i").init
    assert link is not None
    assert (link.flaw, link.target) == (None, "usr/lib/systemd/systemd")
    (tmp_path / "init").unlink()
    (tmp_path / "init").mkdir()
    folder = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i").init
    assert folder is not None
    assert folder.flaw == "no regular file"
    (tmp_path / "init").rmdir()
    assert scan_initramfs(Memory(cpio(tmp_path)), "/boot/i").init is None


def test_the_reading_goes_on_until_what_init_leads_to_was_met_with(tmp_path: Path) -> None:
    modules = tmp_path / "usr/lib/modules" / KERNEL / "kernel"
    modules.mkdir(parents=True)
    (modules / "nvme.ko").write_bytes(b"x")
    (tmp_path / "init").symlink_to("/lib/systemd/systemd")
    (tmp_path / "usr/lib/systemd").mkdir()
    program = tmp_path / "usr/lib/systemd/systemd"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    (tmp_path / "usr/share").mkdir()
    (tmp_path / "usr/share/last").write_text("x")
    scan = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i", frozenset({"nvme"}), KERNEL)
    assert scan.started is not None
    assert (scan.started.path, scan.started.flaw) == ("usr/lib/systemd/systemd", None)
    assert (scan.complete, scan.leads_nowhere) == (False, False)
    program.unlink()
    scan = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i", frozenset({"nvme"}), KERNEL)
    assert (scan.started, scan.complete, scan.leads_nowhere) == (None, True, True)


def test_a_module_where_modprobe_does_not_look_belongs_to_no_kernel(tmp_path: Path) -> None:
    for folder in (f"modules/{KERNEL}", f"opt/lib/modules/{KERNEL}"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "nvme.ko").write_bytes(b"x")
    scan = scan_initramfs(Memory(cpio(tmp_path)), "/boot/i")
    assert {module.kernel for module in scan.modules} == {""}
    assert scan.module("nvme", KERNEL) is None


@pytest.mark.parametrize("compression", ["gzip", "xz"])
def test_a_file_that_was_cut_off_behind_what_is_sought_is_read_on(tmp_path: Path, compression: str) -> None:
    (tmp_path / f"lib/modules/{KERNEL}/a").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for name in ("nvme", "virtio_blk"):
        (tmp_path / f"lib/modules/{KERNEL}/a/{name}.ko").write_bytes(b"x")
    (tmp_path / "usr").write_bytes(random.Random(5).randbytes(3_000_000))
    names = ["bin", f"lib/modules/{KERNEL}/a/nvme.ko", f"lib/modules/{KERNEL}/a/virtio_blk.ko", "usr"]
    data = compress(cpio(tmp_path, names), compression)
    wanted = frozenset({"nvme"})
    whole = scan_initramfs(Memory(data), "/boot/i", wanted, KERNEL)
    assert (whole.complete, whole.problems) == (False, ())
    cut = scan_initramfs(Memory(data[:-300_001]), "/boot/i", wanted, KERNEL)
    assert cut.problems != ()
    assert cut.module("nvme", KERNEL)
