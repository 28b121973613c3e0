"""libguestfs' appliance for tests: its environment, and disks that only its kernel can fill."""

from __future__ import annotations

import os
import platform
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from fixtures.files import Dir, File, Files, Link, Node

EPOCH = 1_700_000_000
_MODULES = ("f2fs", "jfs")


def kernel() -> Path | None:
    """Return the newest kernel of this machine that reads F2FS and JFS; Debian's kernel for clouds does not."""
    if "SUPERMIN_KERNEL" in os.environ:
        return Path(os.environ["SUPERMIN_KERNEL"])
    found = [
        Path("/boot") / f"vmlinuz-{folder.name}"
        for folder in Path("/lib/modules").glob(f"*-{_architecture()}")
        if all((folder / f"kernel/fs/{name}/{name}.ko").exists() for name in _MODULES)
    ]
    return max((path for path in found if path.is_file()), default=None)


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def environment(cache: Path) -> dict[str, str]:
    """Return what the appliance needs to know: no KVM, which not every machine has, and a kernel that can do it all.

    It is built below `cache`, so that the user's own is left alone, and for each kernel anew: supermin takes one that
    is there for another kernel as well.
    """
    chosen = kernel()
    assert chosen is not None
    version = chosen.name.removeprefix("vmlinuz-")
    modules = os.environ.get("SUPERMIN_MODULES", f"/lib/modules/{version}")
    folder = cache / version
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "LIBGUESTFS_BACKEND": "direct",
        "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg",
        "LIBGUESTFS_CACHEDIR": str(folder),
        "SUPERMIN_KERNEL": str(chosen),
        "SUPERMIN_KERNEL_VERSION": version,
        "SUPERMIN_MODULES": modules,
    }


def needs_appliance() -> pytest.MarkDecorator:
    """Mark a test that starts the appliance."""
    from inspector.backends.guestfs import bindings

    if not bindings.installed():
        return pytest.mark.skipif(condition=True, reason="not installed: python3-guestfs")
    reason = "no kernel in /boot reads F2FS and JFS: install linux-image-amd64"
    return pytest.mark.skipif(kernel() is None, reason=reason)


def archive(files: Files) -> bytes:
    """Return a tar of a guest's files with their owners and modes."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, node in _with_parents(files):
            name = path.strip("/")
            header = tarfile.TarInfo(name)
            header.mtime = EPOCH
            content = b""
            match node:
                case Link(target):
                    header.type, header.linkname, header.mode = tarfile.SYMTYPE, target, 0o777
                case Dir(mode, uid, gid):
                    header.type, header.mode, header.uid, header.gid = tarfile.DIRTYPE, mode, uid, gid
                case File(text, mode, uid, gid):
                    header.mode, header.uid, header.gid, content = mode, uid, gid, _bytes(text)
                case _:
                    header.mode, content = 0o644, _bytes(node)
            header.size = len(content)
            tar.addfile(header, BytesIO(content))
    return buffer.getvalue()


def _with_parents(files: Files) -> Iterator[tuple[str, Node]]:
    nodes: dict[str, Node] = {}
    for path, node in files.items():
        for parent in reversed(Path(path).parents[:-1]):
            nodes.setdefault(str(parent), Dir())
        nodes[path] = node
    return iter(sorted(nodes.items()))


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
