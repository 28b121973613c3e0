"""What `show` tells of the file that holds the disk: version, clusters, features, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import asdict

from inspector.console.printable import iso_time
from parsers.container.qcow2_header import Qcow2

if TYPE_CHECKING:
    from inspector.image import Container

_TOLD_ELSEWHERE: Final = frozenset({"problems", "virtual_size"})


def container_facts(info: Container | None, member: str | None = None) -> dict[str, Any] | None:
    """Return the facts of a container as `show --format json` prints them; None for a raw disk. Sizes in bytes.

    `member` is the name of the container in an archive.
    """
    facts: dict[str, Any] = {} if member is None else {"member": member}
    if isinstance(info, Qcow2):
        return facts | _qcow2_facts(info)
    if info is not None:
        facts |= {key: value for key, value in asdict(info).items() if key not in _TOLD_ELSEWHERE}
    if "extents" in facts:
        facts["extents"] = [
            {"access": item.access, "size": item.size, "kind": item.kind, "file": item.file, "offset": item.offset}
            for item in facts["extents"]
        ]
    return facts or None


def _qcow2_facts(info: Qcow2) -> dict[str, Any]:
    return {
        "version": info.version,
        "cluster_size": info.cluster_size,
        "compression": info.compression,
        "encryption": info.encryption,
        "refcount_bits": info.refcount_bits,
        "features": [
            {"kind": feature.kind, "bit": feature.bit, "name": feature.name, "known": feature.known}
            for feature in info.features
        ],
        "extensions": [
            {"type": f"{item.type:#010x}", "name": item.name, "length": item.length} for item in info.extensions
        ],
        "backing_file": info.backing_file,
        "data_file": info.data_file,
        "dirty": info.dirty,
        "corrupt": info.corrupt,
        "truncated": info.truncated,
        "snapshot_count": info.snapshot_count,
        "snapshots": [
            {
                "id": snapshot.id,
                "name": snapshot.name,
                "date": iso_time(snapshot.date * 1_000_000_000),
                "disk_size": snapshot.disk_size,
                "vm_state_size": snapshot.vm_state_size,
            }
            for snapshot in info.snapshots
        ],
    }


def container_lines(facts: dict[str, Any] | None) -> Iterator[str]:
    """Yield the same for a person."""
    if facts is None:
        return
    if "refcount_bits" not in facts:
        yield from _plain_lines(facts)
        return
    words = [f"version {facts['version']}", f"clusters of {facts['cluster_size']} bytes", facts["compression"]]
    words += [feature["name"] or f"{feature['kind']} feature {feature['bit']}" for feature in facts["features"]]
    words += [f"member {facts['member']}"] if "member" in facts else []
    yield f"container: {', '.join(words)}"
    for key, meaning in (("backing_file", "backing file"), ("data_file", "external data file")):
        if facts[key] is not None:
            yield f"  {meaning} {facts[key]}"
    for snapshot in facts["snapshots"]:
        yield f'  snapshot {snapshot["id"]} "{snapshot["name"]}" of {snapshot["date"]}'
    if facts["snapshot_count"] > len(facts["snapshots"]):
        yield f"  {facts['snapshot_count']} snapshots in all"


def _plain_lines(facts: dict[str, Any]) -> Iterator[str]:
    """The facts that are anything but empty, named as they are in JSON."""
    words = [
        key.replace("_", " ") if value is True else f"{key.replace('_', ' ')} {value}"
        for key, value in facts.items()
        if value and isinstance(value, str | int)
    ]
    yield f"container: {', '.join(words)}"
    for item in facts.get("extents", ()):
        yield f"  extent of {item['size']} bytes, {item['kind']} {item['file'] or ''}".rstrip()
