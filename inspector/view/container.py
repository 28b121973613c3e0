"""What `show` tells of the file that holds the disk: version, clusters, features, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.console.printable import iso_time
from parsers.container.qcow2_header import Qcow2


def container_facts(info: Qcow2 | None) -> dict[str, Any] | None:
    """Return the facts of a container as `show --format json` prints them; None for a raw disk. Sizes in bytes."""
    if info is None:
        return None
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
    words = [f"version {facts['version']}", f"clusters of {facts['cluster_size']} bytes", facts["compression"]]
    words += [feature["name"] or f"{feature['kind']} feature {feature['bit']}" for feature in facts["features"]]
    yield f"container: {', '.join(words)}"
    for key, meaning in (("backing_file", "backing file"), ("data_file", "external data file")):
        if facts[key] is not None:
            yield f"  {meaning} {facts[key]}"
    for snapshot in facts["snapshots"]:
        yield f'  snapshot {snapshot["id"]} "{snapshot["name"]}" of {snapshot["date"]}'
    if facts["snapshot_count"] > len(facts["snapshots"]):
        yield f"  {facts['snapshot_count']} snapshots in all"
