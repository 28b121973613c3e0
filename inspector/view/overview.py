"""What a disk holds, for `show`: container, partitions, volumes, mounts, kernels, and who the guest is.

A disk that holds no guest, or two of them, is shown all the same; `guest` is then null and `reason` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from inspector.console.json_line import json_text
from inspector.console.output import Write
from inspector.console.printable import printable
from inspector.console.stream import pass_on
from inspector.disks.disk import Disk, Volume
from inspector.disks.storage import Storage, open_storage
from inspector.engine import open_facts
from inspector.errors import InspectorError
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import Kernels
from inspector.guest import Guest
from inspector.identity import identify_guest
from inspector.isolate import CHECK_LIMITS, Send
from inspector.target import Target
from inspector.view.cloud_init import cloud_init_facts, cloud_init_lines
from inspector.view.container import container_facts, container_lines
from inspector.view.size import size
from inspector.view.stack import add_problems, storage_tree, table_facts, tree_lines, unplaced
from inspector.view.subvolumes import subvolume_facts, subvolume_lines
from parsers.place import ParseError, Problem


def overview(target: Target) -> dict[str, Any]:
    """Return the contents of a machine's disks as `show --format json` prints them; sizes and offsets in bytes.

    What is said of one disk stands in `disks`, and that of the first beside it.
    """
    storage = open_storage(target)
    guest, facts, reason = _guest(storage, target.root)
    first = _disk(storage.system_disk)
    container = first.pop("container")
    volumes = [_volume(volume) for volume in storage.volumes]
    mounts = (
        [{"path": guest.written(m.path), "device": m.device, "reason": m.reason} for m in guest.mounts] if guest else []
    )
    problems = [_problem(problem) for problem in _problems(storage)]
    tree = storage_tree(storage, volumes, mounts)
    add_problems(tree, problems)
    return {
        **first,
        "volumes": [seen | subvolume_facts(volume) for seen, volume in zip(volumes, storage.volumes, strict=True)],
        "guest": msgspec.to_builtins(identify_guest(facts)) if guest and facts else None,
        "reason": reason,
        "mounts": mounts,
        "kernels": _kernels(facts) if facts else [],
        "container": container,
        "problems": problems,
        "disks": [{"name": disk.name, **_disk(disk)} for disk in storage.disks],
        "stack": tree,
        "cloud_init": cloud_init_facts(facts) if facts else None,
    }


def _disk(disk: Disk) -> dict[str, Any]:
    table = disk.table
    return {
        "image": {
            "path": disk.image.path,
            "format": disk.image.format,
            "virtual_size": disk.image.virtual_size,
            "file_size": disk.image.file_size,
        },
        "partition_table": table_facts(table),
        "partitions": [
            {
                "number": part.number,
                "offset": part.offset,
                "size": part.size,
                "type": part.type,
                "uuid": part.uuid,
                "name": part.name,
                "bootable": part.bootable,
            }
            for part in table.partitions
        ],
        "container": container_facts(disk.image.container, disk.image.member),
    }


def _guest(storage: Storage, root: str | None) -> tuple[Guest | None, Facts | None, str | None]:
    try:
        facts = open_facts(storage, root)
        return facts[Guest], facts, None
    except (InspectorError, UnknownFact) as error:
        if root:
            raise
        return None, None, str(error)


def _volume(volume: Volume) -> dict[str, Any]:
    usage = None
    reason = volume.reason
    try:
        usage = volume.tree.usage if volume.tree else None
    except ParseError as error:
        reason = str(error)
    return {
        "device": volume.name,
        "offset": volume.offset,
        "size": volume.size,
        "type": volume.type,
        "uuid": volume.uuid,
        "label": volume.label,
        "members": _members(volume),
        "holder": volume.holder,
        "used": usage.total - usage.free if usage else None,
        "total": usage.total if usage else None,
        "backend": volume.backend,
        "reason": reason,
    }


def _members(volume: Volume) -> list[str]:
    """What it is made of; a file system on several devices lies on itself and the others."""
    return list(volume.members) or ([volume.name, *(one.name for one in volume.others)] if volume.others else [])


def _kernels(facts: Facts) -> list[dict[str, Any]]:
    """Every kernel that has an image in /boot or a directory of modules."""
    try:
        installed = facts[Kernels].installed
    except UnknownFact:
        return []
    return [
        {"version": one.version, "image": one.image, "modules": one.modules, "initramfs": one.initramfs}
        for one in installed
    ]


def _problems(storage: Storage) -> Iterator[Problem]:
    yield from storage.problems
    for volume in storage.volumes:
        if volume.tree:
            yield from volume.tree.problems


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "path": place.path,
        "line": place.line,
        "key": place.key,
        "offset": place.offset,
        "volume": place.volume,
        "message": problem.message,
    }


def overview_text(view: dict[str, Any]) -> str:
    """Return the overview for a person, as an indented tree."""
    return "".join(f"{printable(line)}\n" for line in _lines(view))


def _lines(view: dict[str, Any]) -> Iterator[str]:
    for disk in view["disks"]:
        yield from _disk_lines(disk)
    yield "storage:"
    yield from (f"  {line}" for line in tree_lines(view["stack"]))
    yield from subvolume_lines(view["volumes"])
    yield from _guest_lines(view)
    others = unplaced(view["stack"], view["problems"])
    if others:
        yield "problems:"
        yield from (f"  {problem['path']}: {problem['message']}" for problem in others)


def _disk_lines(disk: dict[str, Any]) -> Iterator[str]:
    image = disk["image"]
    sizes = f"{size(image['virtual_size'])} virtual, {size(image['file_size'])} file"
    yield f"{image['path']}: {image['format']}, {sizes}"
    yield from container_lines(disk["container"])


def _guest_lines(view: dict[str, Any]) -> Iterator[str]:
    guest = view["guest"]
    if guest is None:
        yield f"guest: none ({view['reason']})"
        return
    yield f"guest: {guest['product'] or guest['os'] or 'unknown'}"
    for key in ("hostname", "architecture", "kernel", "boot_mode", "rtc_mode"):
        if guest[key]:
            yield f"  {key.replace('_', ' ')}: {guest[key]}"
    yield "mounts:"
    for mount in view["mounts"]:
        reason = f" (not read: {mount['reason']})" if mount["reason"] else ""
        yield f"  {mount['path']} from {mount['device']}{reason}"
    if view["kernels"] or guest["os"] != "windows":
        yield "kernels:"
    for kernel in view["kernels"]:
        missing = [f"no {part}" for part in ("image", "modules", "initramfs") if kernel[part] is None]
        yield f"  {kernel['version']}{f' ({_joined(missing)})' if missing else ''}"
    yield from cloud_init_lines(view["cloud_init"])


def _joined(words: list[Any]) -> str:
    return ", ".join(str(word) for word in words if word)


def show(target: Target, write: Write, *, json: bool) -> None:
    """Write what a machine's disks hold."""

    def job(send: Send) -> None:
        view = overview(target)
        send((json_text(view) + "\n" if json else overview_text(view)).encode("utf-8", "backslashreplace"))

    pass_on(target, job, write, CHECK_LIMITS)
