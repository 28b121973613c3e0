"""Version 4, which kernels of today no longer mount: the one of the libguestfs appliance writes it from an archive."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.xfs import open_xfs
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ext4.reference import differences, fill, mounted, needs_mount, unlock
from tests.parsers.filesystem.xfs.reference import ALL_FORMS, fill_forms, forms, make, needs_xfsprogs

pytestmark = [
    needs_xfsprogs,
    needs_mount,
    pytest.mark.soak,  # minutes in an appliance under software emulation
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not shutil.which("guestfish"), reason="libguestfs' kernel is the oracle, and guestfish absent"),
]
VARIANTS = {
    "4 KiB blocks": (),
    "512 byte blocks": ("-b", "size=512", "-i", "size=256"),
    "no types, eager counters": ("-n", "ftype=0", "-l", "lazy-count=0", "-b", "size=1024"),
    "old attributes, directory blocks of 16 KiB": ("-i", "attr=1,projid32bit=0,size=256", "-n", "size=16384"),
}


def test_version_4_reads_as_what_was_written(tmp_path: Path) -> None:
    images = {
        name: make(tmp_path / f"{number}.img", "400M", "-m", "crc=0", *options)
        for number, (name, options) in enumerate(VARIANTS.items())
    }
    source = make(tmp_path / "source.img", "400M")
    archive = tmp_path / "archive"
    with mounted(source, kind="xfs") as top:
        fill(top, huge_attribute=60_000)
        fill_forms(top, names=1500, extents=400)
        _without_what_tar_lacks(top)
        command = ("tar", "--xattrs", "--xattrs-include=*", "--acls", "--sparse", "--warning=no-file-ignored")
        subprocess.run([*command, "-cf", archive, "-C", top, "."], check=True)
    free = _unpack(archive, list(images.values()))
    with mounted(source, "ro", kind="xfs") as top:
        for name, image in images.items():
            tree = open_xfs(FileSource(image))
            assert differences(tree, top, exact=False) == [], name
            assert forms(tree) >= ALL_FORMS, name
            assert tree.problems == (), name
            usage = tree.usage
            assert usage
            assert [usage.total, usage.free, usage.inodes, usage.inodes_free] == free.pop(0), name


def _without_what_tar_lacks(top: Path) -> None:
    """Remove what an archive does not carry: sockets, and files too large for its kind of holes."""
    (top / "sock").unlink()
    (top / "terabyte").unlink()
    unlock(top)


def _unpack(archive: Path, images: list[Path]) -> list[list[int]]:
    """Unpack an archive into volumes inside the appliance; return size, free space, inodes, free ones by statfs."""
    with archive.open("ab") as file:
        file.truncate(-(-file.tell() // 512) * 512)
    names = "abcdefgh"[: len(images)]
    adds = [f"add {image} format:raw label:{name}" for name, image in zip(names, images, strict=True)]
    fill_one = (
        "mount -t xfs /dev/disk/guestfs/$d /sysroot && tar -xpf /dev/disk/guestfs/t --xattrs --xattrs-include=* "
        "--acls --numeric-owner -C /sysroot && umount /sysroot && mount -t xfs -o ro /dev/disk/guestfs/$d /sysroot && "
        "stat -f -c %S:%b:%f:%c:%d /sysroot && umount /sysroot || exit 9"
    )
    run = f'debug sh "for d in {" ".join(names)}; do {fill_one}; done 2>&1"'
    done = subprocess.run(
        ["guestfish"],
        input="\n".join((*adds, f"add {archive} format:raw label:t readonly:true", "run", run)),
        env={**os.environ, "LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    if done.returncode:
        pytest.skip(f"the appliance does not run, or does not know version 4: {(done.stderr + done.stdout)[-500:]}")
    answers = [[int(word) for word in line.split(":")] for line in done.stdout.split() if line.count(":") == 4]
    return [[total * size, free * size, inodes, spare] for size, total, free, inodes, spare in answers]
