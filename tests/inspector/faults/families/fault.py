"""A fault of a family's guest: what is done to it, which checks turn, where the evidence is, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fixtures.families.family import Family, Kernel
from fixtures.files import File, Link, Node
from inspector.verdict import Status

Change = Mapping[str, Node | None]
F, W = Status.FAILED, Status.WARNING
UNITS: Final = "/etc/systemd/system"
VENDOR: Final = "/usr/lib/systemd/system"
OTHER_UUID: Final = "deadbeef-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        checks: the checks that turn, the fault's own first.
        status: what the first of them becomes.
        place: "path" or "path:line" that a rule of the first check names.
        mended: the advised fix on top of the fault; None undoes the fault.
    """

    name: str
    change: Change
    checks: str
    status: Status
    place: str
    mended: Change | None = None


def like(family: Family, path: str, content: str) -> Node:
    """Return a file with the mode of that which the guest has there."""
    node = family.files.get(path)
    return replace(node, content=content) if isinstance(node, File) else content


def edited(
    family: Family,
    name: str,
    path: str,
    old: str,
    new: str,
    checks: str,
    status: Status = F,
    *,
    at: str | None = None,
    place: str = "",
) -> Fault:
    """Replace a text of a file; the place is the line of what is new, or of `at`, or the file where `at` is empty.

    `place` is another one.
    """
    before = family.text(path)
    assert old in before, f"{old!r} is not in {path} of {family.name}"
    after = before.replace(old, new)
    here = place or where(path, after, new if at is None else at)
    return Fault(name, {path: like(family, path, after)}, checks, status, here)


def added(family: Family, name: str, path: str, more: str, checks: str, status: Status = F) -> Fault:
    """Append lines to a file, or make it; the place is the first of them."""
    before = family.text(path) if path in family.files else ""
    return Fault(name, {path: like(family, path, before + more)}, checks, status, where(path, before + more, more))


def where(path: str, text: str, part: str) -> str:
    """Return "path:line" of the part of a text."""
    if not part:
        return path
    assert part in text
    start = text.index(part) + len(part) - len(part.lstrip("\n"))
    return f"{path}:{text.count(chr(10), 0, start) + 1}"


def masked(unit: str, checks: str, status: Status = F) -> Fault:
    """Mask a unit; unmasking it mends that."""
    path = f"{UNITS}/{unit}"
    return Fault(f"masked-{unit.partition('.')[0]}", {path: Link("/dev/null")}, checks, status, path, {path: None})


def gone(name: str, path: str, checks: str, status: Status = F, place: str | None = None) -> Fault:
    """Take a file away."""
    return Fault(name, {path: None}, checks, status, place or path)


def disk_driver_missing(kernel: Kernel, initramfs: str) -> Fault:
    """Leave the driver of virtio disks out of the initial RAM disk."""
    change = {initramfs: File(kernel.initramfs("virtio_blk"), 0o600)}
    return Fault("initramfs-without-virtio-blk", change, "Virtio", F, initramfs)


def unit_text(command: str) -> str:
    """Return the text of a service that is wanted by a server's target."""
    return f"[Unit]\nDescription=x\n\n[Service]\nExecStart={command}\n\n[Install]\nWantedBy=multi-user.target\n"
