"""The fixtures are what they say they are, by the word of foreign tools: what is built wrong proves nothing."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Final

import pytest

from fixtures.disk import EPOCH, ROOT_UUID, Layout, build_disk, tool
from fixtures.files import Dir, File, Link
from fixtures.golden import GOLDEN, INITRAMFS_MODULES, KERNEL, golden_initramfs
from fixtures.initramfs import COMPRESSORS, EARLY, cpio, initramfs
from fixtures.mutation import Range, mutated, mutation
from tests.oracles import needs

UNPACK: Final = {
    "none": ["cat"],
    "gzip": ["gzip", "-dc"],
    "xz": ["xz", "-dc"],
    "lzma": ["xz", "--format=lzma", "-dc"],
    "bzip2": ["bzip2", "-dc"],
    "zstd": ["zstd", "-dc"],
    "lz4": ["lz4", "-dc"],
}


def output(*command: str, stdin: bytes = b"") -> bytes:
    return subprocess.run([tool(command[0]), *command[1:]], input=stdin, capture_output=True, check=True).stdout


@needs("cpio", "gzip", "xz", "bzip2", "zstd", "lz4")
@pytest.mark.parametrize("compression", COMPRESSORS)
def test_an_initial_ram_disk_unpacks_with_the_tools_of_its_format(compression: str) -> None:
    packed = initramfs(KERNEL, INITRAMFS_MODULES, compression, early=False)
    names = output("cpio", "-t", "--quiet", stdin=output(*UNPACK[compression], stdin=packed)).decode().split()
    assert {Path(name).stem for name in names if name.endswith(".ko")} == set(INITRAMFS_MODULES)


@needs("cpio")
def test_the_early_archive_comes_first_and_ends_where_the_next_begins() -> None:
    early = cpio(EARLY)
    assert golden_initramfs("gzip").startswith(early)
    assert golden_initramfs("gzip")[len(early) :].startswith(b"\x1f\x8b")
    assert output("cpio", "-t", "--quiet", stdin=early).decode().split()[-1] in EARLY


@needs("mke2fs", "debugfs", "e2fsck", "dumpe2fs")
def test_the_golden_file_system_is_clean_and_has_its_uuid(tmp_path: Path) -> None:
    disk = build_disk(GOLDEN, tmp_path / "disk.raw", "raw", layout=Layout("none", boot_code=False))
    output("e2fsck", "-fn", str(disk))  # which fails where it would repair anything
    assert f"Filesystem UUID:          {ROOT_UUID}".encode() in output("dumpe2fs", "-h", str(disk))


@needs("mke2fs", "debugfs", "e2fsck")
def test_owners_modes_and_flags_are_in_the_image_whoever_made_it(tmp_path: Path) -> None:
    files = GOLDEN | {"/etc/shadow": File("x", 0o640, 0, 42, ("immutable",)), "/sealed": Dir(0o700, 7, 8, ("append",))}
    disk = build_disk(files, tmp_path / "disk.raw", "raw", layout=Layout("none", boot_code=False))
    shown = output("debugfs", "-R", "stat /etc/shadow", str(disk)).decode()
    assert "Mode:  0640   Flags: 0x80010" in shown
    assert "User:     0   Group:    42" in shown
    assert "Mode:  0700   Flags: 0x80020" in output("debugfs", "-R", "stat /sealed", str(disk)).decode()


@needs("mke2fs", "debugfs", "sfdisk", "qemu-img")
@pytest.mark.parametrize("table", ["mbr", "gpt"])
def test_the_partition_table_is_one_that_sfdisk_finds_nothing_wrong_with(table: str, tmp_path: Path) -> None:
    disk = build_disk(GOLDEN, tmp_path / "disk.raw", "raw", layout=Layout(table))
    assert b"No errors detected" in output("sfdisk", "--verify", str(disk))


@needs("mke2fs", "debugfs", "sfdisk", "qemu-img")
def test_the_same_files_give_the_same_disk(tmp_path: Path) -> None:
    one = build_disk(GOLDEN, tmp_path / "one.qcow2", compressed=True)
    two = build_disk(GOLDEN, tmp_path / "two.qcow2", compressed=True)
    assert output("qemu-img", "compare", str(one), str(two)) == b"Images are identical.\n"
    bare = build_disk(GOLDEN, tmp_path / "bare.raw", "raw", layout=Layout("none", boot_code=False))
    shown = output("debugfs", "-R", "stat /etc/fstab", str(bare)).decode()
    assert {line.split()[1] for line in shown.splitlines() if "time:" in line} == {f"0x{EPOCH:08x}:00000000"}


def test_every_link_of_the_golden_guest_leads_to_something() -> None:
    paths = set(GOLDEN) | {str(parent) for path in GOLDEN for parent in Path(path).parents}
    merged = {"/lib/": "/usr/lib/", "/bin/": "/usr/bin/", "/sbin/": "/usr/sbin/"}
    for path, node in GOLDEN.items():
        if not isinstance(node, Link) or path in {"/etc/localtime", "/var/lock"}:
            continue
        target = node.target if node.target.startswith("/") else str(Path(path).parent / node.target)
        target = str(Path("/", *_normal(target)))
        for short, long in merged.items():
            target = target.replace(short, long, 1) if target.startswith(short) else target
        assert target in paths | {"/usr/lib64"}, path


def _normal(path: str) -> list[str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def test_damage_is_reproducible_and_taken_out_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content := bytes(range(256)) * 64)
    read, kept = [Range(100, 50)], [Range(0, len(content))]
    changed = set()
    for seed in range(300):
        change = mutation(seed, path, read, kept)
        assert change == mutation(seed, path, read, kept)
        with mutated(path, change):
            changed.add(path.read_bytes() != content)
            assert path.stat().st_size == (change.length or len(content))
        assert path.read_bytes() == content
        if seed % 2:
            assert all(100 <= offset < 150 for offset, _ in change.patches)
    assert True in changed


def test_the_lists_of_packages_name_each_package_once() -> None:
    folder = Path(__file__).parents[1] / "fixtures" / "setup"
    for name in ("demo.txt", "oracles.txt"):
        lines = [line for line in (folder / name).read_text().splitlines() if line and not line.startswith("#")]
        assert lines == sorted(set(lines)), name
    assert all(script.stat().st_mode & stat.S_IXUSR for script in folder.glob("*.sh"))
