"""OSTree: systems whose root is a deployment, /ostree/deploy/<os>/deploy/<checksum>.<n>, not the top of a file system.

ostree-prepare-root(1): the boot entry's `ostree=` leads, by links of /ostree/boot.*, to the deployment that becomes
the root; the top of the file system is then at /sysroot, /var is the operating system's own, shared by its
deployments, and /boot is that of the file system where no other is mounted. Configuration is in /etc of the
deployment, the vendor's copy in /usr/etc.
Not done: images of composefs, whose files OSTree checks out into the deployment as well; bootc's own store of them
(/composefs, /state), which has no deployments.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Final

from inspector.boot.root_arguments import default_kernel
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.roots.subvolumes import subvolume_path
from parsers.filesystem.tree import Tree
from parsers.place import ParseError

_DEPLOYMENTS: Final = "/ostree/deploy/*/deploy/*"
_LEVELS: Final = 3  # from /ostree/deploy/<os> to the deployment
_MAX_DEPLOYMENTS: Final = 16  # a system keeps two or three


def deployments(volume: Volume, tree: Tree) -> list[Mount]:
    """Return the deployments of a file system as roots; none where there is no OSTree on it."""
    top = Guest([Mount("/", volume, tree, tree.root)])
    try:
        paths = [path for path in top.glob(_DEPLOYMENTS) if top.is_dir(f"{path}/usr") and top.is_dir(f"{path}/etc")]
        return [
            Mount("/", volume, tree, top.stat(path).inode, subvolume=subvolume_path(tree), directory=path)
            for path in paths[:_MAX_DEPLOYMENTS]
        ]
    except (UnknownFact, ParseError):
        return []


def booting(roots: list[Mount], storage: Storage, guest_at: Callable[[Mount], Guest]) -> list[Mount]:
    """Return the deployment that the default entry's `ostree=` leads to; none where no entry is known to name one."""
    return [root for root in roots if _is_booted(root, storage, guest_at(root))]


def _is_booted(root: Mount, storage: Storage, guest: Guest) -> bool:
    kernel = default_kernel(guest, storage)
    named = kernel.value("ostree") if kernel else None
    if not named or root.tree is None:
        return False
    top = Guest([Mount("/", root.volume, root.tree, root.tree.root)])
    try:
        return top.realpath(named) == root.directory
    except (UnknownFact, ParseError):
        return False


def deployment_mounts(root: Mount) -> list[Mount]:
    """Return what is mounted below a root that is a deployment, before its fstab; nothing below any other root."""
    if root.directory is None or root.tree is None:
        return []
    tree, volume = root.tree, root.volume
    top = Guest([Mount("/", volume, tree, tree.root)])
    mounts = [Mount("/sysroot", volume, tree, tree.root, subvolume=root.subvolume)]
    system = root.directory
    for _ in range(_LEVELS - 1):
        system = posixpath.dirname(system)
    for point, source, needed in (("/var", f"{system}/var", f"{system}/var"), ("/boot", "/boot", "/boot/loader")):
        try:
            if top.exists(needed):
                inode = top.stat(source).inode
                mounts.append(Mount(point, volume, tree, inode, subvolume=root.subvolume, directory=source))
        except (UnknownFact, ParseError) as error:
            mounts.append(Mount(point, volume, None, 0, str(error)))
    return mounts
