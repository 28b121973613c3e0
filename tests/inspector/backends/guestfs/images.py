"""Images that the appliance's kernel filled: one tree on four file systems, and guests on F2FS and on JFS.

One run of the appliance makes them all, and what was made is kept for as long as it would be the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.disk import DISK_ID, MIB, ROOT_UUID, tool
from fixtures.files import Dir, File, Files, Link
from fixtures.golden import BUILTIN, GOLDEN, KERNEL
from fixtures.kernel import SECTOR, grub_boot_sector, grub_core
from inspector.backends.guestfs import bindings
from tests.appliance import archive, environment

CACHE = Path(
    os.environ.get("INSPECTOR_GUESTFS_CACHE", Path(tempfile.gettempdir()) / f"inspector-guestfs-{os.getuid()}")
)
FIRST = 2048
GUESTS = ("f2fs", "jfs")
TREES = ("ext4", "xfs", "btrfs", "vfat")
ODD = "/names/no\udcffutf8\udc80"
FLAT: Files = {
    "/empty": "",
    "/many": Dir(),
    **{f"/many/file{number:04}": f"{number}\n" for number in range(700)},
    "/big": File(bytes(range(256)) * 9000, 0o755),
    "/EFI/BOOT/grub.cfg": "search\n",
    "/EFI/BOOT/A long name of a file.efi": b"MZ" * 3000,
}
"""What FAT can hold too."""
TREE: Files = {
    **FLAT,
    "/etc/shadow": File("root:*\n", 0o640, gid=42),
    "/suid": File("x", 0o4755, uid=1000, gid=100),
    "/tmp": Dir(0o1777),
    "/owned": Dir(0o750, uid=1000, gid=1000),
    "/link": Link("etc/shadow"),
    "/long": Link("x" * 500),
    "/dangling": Link("/no\udcfewhere"),
    "/names/ü and \n newline": "new\n",
    ODD: "odd\n",
    f"/names/{'l' * 255}": "long\n",
}


def guest(kind: str) -> Files:
    """Return the golden guest as it would be installed on a file system of type `kind`."""
    fstab = f"UUID={ROOT_UUID} / {kind} defaults 0 1\n"
    builtin = "".join(f"kernel/{path}.ko\n" for path in (*BUILTIN, f"fs/{kind}/{kind}"))
    return {**GOLDEN, "/etc/fstab": fstab, f"/usr/lib/modules/{KERNEL}/modules.builtin": builtin}


def made() -> Path:
    """Return the folder of the images, named for their file systems, and of the appliance (`appliance`)."""
    archives = {**{kind: archive(TREE) for kind in TREES[:3]}, **{kind: archive(guest(kind)) for kind in GUESTS}}
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for content in archives.values():
        digest.update(content)
    folder = CACHE / digest.hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            scratch = CACHE / "part"
            shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
            scratch.mkdir()
            _make(scratch, archives)
            scratch.rename(folder)
    return folder


@contextmanager
def appliance_environment() -> Iterator[None]:
    """Set the variables of libguestfs, here and for what is started."""
    before = dict(os.environ)
    os.environ.update(environment(CACHE / "appliance"))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _make(folder: Path, archives: dict[str, bytes]) -> None:
    for kind in TREES:
        _blank(folder / kind, 320 if kind == "xfs" else 128)
        _run(*_MAKERS[kind], str(folder / kind))
    scratch = folder / "flat"
    _write_tree(scratch, FLAT)
    _blank(folder / "lvm", 160)
    _run("mcopy", "-s", "-m", "-i", str(folder / "vfat"), *map(str, scratch.iterdir()), "::/")
    for kind in GUESTS:
        _guest_disk(folder, kind)
    _fill(folder, archives)


def _fill(folder: Path, archives: dict[str, bytes]) -> None:
    """Have the appliance unpack each archive; this is in a process of its own, since libguestfs reads variables."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.environ.update(environment(CACHE / "appliance"))
            handle = bindings.load().GuestFS(python_return_dict=True)
            for kind in (*archives, "lvm"):
                handle.add_drive(str(folder / kind), format="raw")
            handle.launch()
            (folder / "said").write_text(_make_group(handle, f"/dev/sd{chr(ord('a') + len(archives))}"))
            for number, (kind, content) in enumerate(archives.items()):
                packed = folder / f"{kind}.tar"
                packed.write_bytes(content)
                device = f"/dev/sd{chr(ord('a') + number)}{'1' if kind in GUESTS else ''}"
                handle.mount_vfs("", kind, device, "/")
                handle.tar_in(str(packed), "/")
                handle.umount("/")
                packed.unlink()
            handle.shutdown()
            handle.close()  # which removes libguestfs' own folders
            status = 0
        except BaseException as error:  # the end of a process: its parent tells of it
            (folder / "error").write_text(repr(error))
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"the appliance could not fill the images: {(folder / 'error').read_text()}"


def _make_group(handle: Any, device: str) -> str:
    """Make a group with a snapshot and a cached volume, and return the SHA-256 of both as the kernel reads them.

    Each is an ext4 that says what it is; the origin of the snapshot says something else by now.
    """
    handle.pvcreate(device)
    handle.vgcreate("vg", [device])
    for name in ("origin", "slow"):
        handle.lvcreate(name, "vg", 32)
        handle.mkfs("ext4", f"/dev/vg/{name}")
        _write(handle, name, name)
    said = [
        handle.debug("sh", ["lvm lvcreate -q -y -s -n snap -l 4 vg/origin 2>&1"]),
        _write(handle, "origin", "newer"),
        handle.debug("sh", ["lvm lvcreate -q -y --type cache-pool -n fast -L 12m vg 2>&1"]),
        handle.debug("sh", ["lvm lvconvert -q -y --type cache --cachepool vg/fast --cachemode writeback vg/slow 2>&1"]),
        _write(handle, "slow", "cached"),
    ]
    sums = [f"{name} {handle.checksum_device('sha256', f'/dev/vg/{name}')}" for name in ("snap", "slow")]
    handle.vg_activate_all(False)
    return "\n".join((*sums, *said, ""))


def _write(handle: Any, volume: str, text: str) -> str:
    handle.mount(f"/dev/vg/{volume}", "/")
    handle.write("/name", text)
    handle.umount("/")
    return f"{volume}: {text}"


def _guest_disk(folder: Path, kind: str) -> None:
    """Make a disk with an MBR, GRUB's boot code, and one partition with an empty file system."""
    disk, part = folder / kind, folder / f"{kind}.part"
    _blank(disk, 513)
    _blank(part, 512)
    script = f"label: dos\nlabel-id: {DISK_ID}\nstart={FIRST}, size={512 * MIB // SECTOR}, type=83, bootable\n"
    _run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", str(disk), stdin=script)
    if kind == "f2fs":
        _run("mkfs.f2fs", "-q", "-U", ROOT_UUID, str(part))
    else:
        _run("jfs_mkfs", "-q", str(part))
        _run("jfs_tune", "-U", ROOT_UUID, str(part))
    with disk.open("r+b") as file:
        file.write(grub_boot_sector(1))
        file.seek(SECTOR)
        file.write(grub_core(1))
    _run("dd", f"if={part}", f"of={disk}", "bs=1M", "seek=1", "conv=notrunc,sparse")
    part.unlink()


_MAKERS = {
    "ext4": ("mke2fs", "-q", "-F", "-t", "ext4"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
    "vfat": ("mkfs.vfat", "-F", "32", "-s", "1"),
}


def _write_tree(folder: Path, files: Files) -> None:
    for path, node in files.items():
        target = folder / path.strip("/")
        if isinstance(node, Dir):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = node.content if isinstance(node, File) else node
        assert isinstance(content, str | bytes)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def _blank(path: Path, mib: int) -> None:
    with path.open("wb") as file:
        file.truncate(mib * MIB)


def _run(*command: str, stdin: str = "") -> None:
    subprocess.run([tool(command[0]), *command[1:]], input=stdin, text=True, check=True, capture_output=True)
