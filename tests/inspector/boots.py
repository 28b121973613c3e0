"""Guests that boot with GRUB, for tests of the boot loader, the kernel and its drivers: the golden one, changed."""

from __future__ import annotations

from collections.abc import Mapping

from fixtures.files import File, Node
from fixtures.golden import GOLDEN, KERNEL, ROOT_UUID
from inspector.collectors import COLLECTORS
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from tests.volumes import storage_of, volume_of

CFG = "/boot/grub/grub.cfg"
SETTINGS = "/etc/default/grub"
INITRD = f"/boot/initrd.img-{KERNEL}"
VMLINUZ = f"/boot/vmlinuz-{KERNEL}"
MODULES = f"/usr/lib/modules/{KERNEL}"
OTHER_UUID = "deadbeef-0000-4000-8000-000000000001"
LINUX_LINE = 89
SEARCH_LINE = 87
INITRD_LINE = 91


def text(path: str) -> str:
    """Return a text file of the golden guest."""
    node = GOLDEN[path]
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, str)
    return content


def changed(path: str, old: str, new: str) -> dict[str, Node | None]:
    """Replace a text in a file of the golden guest."""
    assert old in text(path)
    return {path: text(path).replace(old, new)}


def arguments(more: str) -> dict[str, Node | None]:
    """Add kernel arguments to every entry and to /etc/default/grub."""
    return {
        **changed(CFG, " ro net.ifnames=0", f" ro {more} net.ifnames=0"),
        **changed(SETTINGS, '"net.ifnames=0', f'"{more} net.ifnames=0'),
    }


def facts(change: Mapping[str, Node | None] | None = None, *volumes: Volume) -> Facts:
    """Return the facts of the golden guest with files changed, or taken away (None), and with further volumes."""
    gone = tuple(path for path, node in (change or {}).items() if node is None)
    files = {path: node for path, node in GOLDEN.items() if not path.startswith(gone)} if gone else dict(GOLDEN)
    files |= {path: node for path, node in (change or {}).items() if node is not None}
    disk = storage_of(volume_of(files, 1, uuid=ROOT_UUID), *volumes)
    return Facts({Storage: disk, Guest: find_guest(disk, "sda1")}, COLLECTORS)
