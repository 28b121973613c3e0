"""The table of faults: what is done to the golden guest, which check turns, where the evidence is, and what mends it.

A fault is a mapping of guest paths to new content (None takes the path away) or a change of the disk. `mended` is the
advised fix applied on top of the fault; where the advice is to undo the fault, it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from fixtures.disk import Ext, Layout
from fixtures.files import File, Files, Link, Node
from fixtures.golden import (
    GOLDEN,
    KERNEL,
)
from inspector.verdict import Status

OTHER_UUID: Final = "deadbeef-0000-4000-8000-000000000001"
GRUB: Final = "/boot/grub/grub.cfg"
INITRD: Final = f"/boot/initrd.img-{KERNEL}"
SSHD: Final = "/etc/ssh/sshd_config"
SOURCES: Final = "/etc/cloud/cloud.cfg.d/90_datasource.cfg"
UNITS: Final = "/etc/systemd/system"
NO_NETWORK: Final = "/etc/cloud/cloud.cfg.d/99-network.cfg"
ETH0: Final = "/etc/network/interfaces.d/eth0"
MODULES: Final = f"/usr/lib/modules/{KERNEL}"

Change = Mapping[str, Node | None]
W, F = Status.WARNING, Status.FAILED


@dataclass(frozen=True)
class Mutation:
    """One fault.

    Attributes:
        checks: the checks that turn, the fault's own first.
        status: what the first check becomes.
        place: "path" or "path:line" that a rule of the first check must name.
        mended: the advised fix on top of the fault; None undoes the fault.
        left: the status that the fix leaves the check in, where it is not the golden one.
    """

    name: str
    change: Change
    checks: str
    status: Status
    place: str
    mended: Change | None = None
    ext: Ext = field(default_factory=Ext)
    layout: Layout = field(default_factory=Layout)
    left: Status = Status.OK

    @property
    def files(self) -> Files:
        """The files of the faulty guest."""
        return changed(GOLDEN, self.change)

    @property
    def mended_files(self) -> Files:
        """The files of the guest after the fix; where that is to undo the fault, the golden ones."""
        return GOLDEN if self.mended is None else changed(self.files, self.mended)


def changed(files: Files, change: Change) -> Files:
    """Apply a change; a directory that is taken away goes with what is below it."""
    gone = tuple(path for path, node in change.items() if node is None)
    kept = {path: node for path, node in files.items() if not any(path == g or path.startswith(g + "/") for g in gone)}
    return kept | {path: node for path, node in change.items() if node is not None}


def text(path: str) -> str:
    """Return the golden content of a text file."""
    node = GOLDEN[path]
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, str)
    return content


def sub(path: str, old: str, new: str) -> Change:
    """Replace a text in a file; it must be there."""
    before = text(path)
    assert old in before, f"{old!r} is not in {path}"
    return {path: like(path, before.replace(old, new))}


def add(path: str, more: str) -> Change:
    """Append to a file."""
    return {path: like(path, text(path) + more)}


def argued(old: str, new: str) -> Change:
    """Replace kernel arguments, where they are set and where they are in effect."""
    return {**sub(GRUB, old, new), **sub("/etc/default/grub", old, new)}


def like(path: str, content: str) -> Node:
    node = GOLDEN[path]
    return replace(node, content=content) if isinstance(node, File) else content


def flagged(path: str, flag: str) -> Change:
    """Set an inode flag."""
    node = GOLDEN[path]
    file = node if isinstance(node, File) else File(text(path))
    return {path: replace(file, flags=(flag,))}


def unit_link(unit: str, target: str = "multi-user.target") -> str:
    """Return the path of the link that enables a unit."""
    return f"{UNITS}/{target}.wants/{unit}"


def masked(unit: str) -> Change:
    """Mask a unit."""
    return {f"{UNITS}/{unit}": Link("/dev/null")}


def unit(description: str) -> str:
    """Return the text of a service's unit file."""
    return f"[Unit]\nDescription={description}\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"


def package(name: str, version: str) -> str:
    """Return a stanza of the package database."""
    return (
        f"\nPackage: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\n"
        f"Maintainer: Debian <debian@example.org>\nArchitecture: amd64\nVersion: {version}\nDescription: {name}\n"
    )


def fstab(*lines: str) -> Change:
    """Append lines to fstab; the golden one ends with line 3."""
    return add("/etc/fstab", "".join(f"{line}\n" for line in lines))


def free(what: str, count: int, groups: int = 8) -> Ext:
    """Let each of the block groups (of 128 MiB) have `count` free blocks or inodes on record."""
    commands = tuple(f"set_block_group {group} {what} {count}" for group in range(groups))
    return Ext(features="^metadata_csum", commands=commands)


ARGUMENTS: Final = "nvme_core.io_timeout=4294967295 nvme_core.admin_timeout=4294967295"
SECOND_KERNEL: Final = "6.1.0-49-cloud-amd64"
CLOUD_UNITS: Final = ("cloud-init-local", "cloud-init", "cloud-config", "cloud-final")
