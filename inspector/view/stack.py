"""The storage of a machine as a tree: disks, their partitions, what is made of these, and where each is mounted.

What is made of several volumes hangs below the first of them, and names the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from inspector.disks.disk import Disk, partition_name
from inspector.disks.storage import Storage
from inspector.roots.subvolumes import split_name
from inspector.view.size import size
from parsers.partition.table import Partition, PartitionTable

Node = dict[str, Any]

_KNOWN_TYPES: Final = {
    "0x05": "extended",
    "0x07": "NTFS or exFAT",
    "0x0b": "FAT32",
    "0x0c": "FAT32",
    "0x0f": "extended",
    "0x42": "LDM",
    "0x82": "Linux swap",
    "0x83": "Linux",
    "0x85": "extended",
    "0x8e": "Linux LVM",
    "0xee": "GPT protective",
    "0xef": "EFI system",
    "0xfd": "Linux RAID",
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
    "9e1a2d38-c612-4316-aa26-8b49521e5a8b": "PReP boot",
    "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux extended boot",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
    "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (ARM64)",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft basic data",
    "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "LDM metadata",
    "af9b60a0-1431-4f62-bc68-3311714a69ad": "LDM data",
    "e75caf8f-f680-4cee-afa3-b001e56efc2d": "Storage Spaces",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
}
"""Type of a partition as the tables have it -> what a person calls it (UEFI 2.10, 5.3.3; Discoverable Partitions)."""


def storage_tree(storage: Storage, volumes: Sequence[Node], mounts: Sequence[Node]) -> list[Node]:
    """Return a node for each disk, with `children` down to the file systems.

    `volumes` and `mounts` are those of `show`; a node has all fields of its volume, and `name`, `kind`, `partition`,
    `mounts` (paths), `problems` (messages) and `children` besides.
    """
    by_name = {volume["device"]: volume for volume in volumes}
    nodes = {name: _node(name, "volume", volume) for name, volume in by_name.items()}
    disks = [_disk(disk, nodes) for disk in storage.disks]
    for array in storage.stack.arrays:
        _hang(nodes, array.members, nodes[array.name], "array")
    for opened in storage.stack.opened:
        _hang(nodes, opened.members, nodes[opened.name], "opened volume")
    for group in storage.stack.groups:
        node = _node(group.name, "volume group", {"uuid": group.uuid, "members": list(group.members)})
        node["problems"] += [f"its physical volume {uuid} is missing" for uuid in group.missing]
        for volume in group.volumes:
            nodes[volume.name]["kind"] = "logical volume"
            node["children"].append(nodes[volume.name])
        _hang(nodes, group.members, node, "volume group")
    for mount in mounts:
        if there := nodes.get(split_name(mount["device"])[0]):
            there["mounts"].append(mount["path"])
    return disks


def add_problems(tree: Sequence[Node], problems: Sequence[Node]) -> None:
    """Write the message of each problem to the node of the volume that it names, if any."""
    nodes = _volumes(tree)
    for problem in problems:
        if node := nodes.get(problem["volume"] or problem["path"]):
            node["problems"].append(problem["message"])


def unplaced(tree: Sequence[Node], problems: Sequence[Node]) -> list[Node]:
    """Return the problems that are about no volume: those of the files that hold the disks."""
    nodes = _volumes(tree)
    return [problem for problem in problems if (problem["volume"] or problem["path"]) not in nodes]


def _volumes(tree: Sequence[Node]) -> dict[str, Node]:
    return {node["name"]: node for node in _all(tree) if node["kind"] != "volume group"}


def _all(tree: Sequence[Node]) -> Iterator[Node]:
    pending = list(tree)
    while pending:
        node = pending.pop()
        yield node
        pending += node["children"]


def _node(name: str, kind: str, fields: Node) -> Node:
    own = {key: value for key, value in fields.items() if key != "device"}
    return {"name": name, "kind": kind, **own, "mounts": [], "problems": [], "children": []}


def _disk(disk: Disk, nodes: dict[str, Node]) -> Node:
    whole = nodes.get(disk.name)  # without a partition table the disk is a volume
    node = whole or _node(disk.name, "disk", {"size": disk.image.virtual_size})
    node["kind"] = "disk"
    node["partition_table"] = table_facts(disk.table)
    for partition in disk.table.partitions:
        name = partition_name(disk.name, partition.number)
        below = nodes.get(name) or _node(name, "partition", {"size": partition.size, "offset": partition.offset})
        nodes[name] = below
        below |= {"kind": "partition", "partition": _partition(partition)}
        node["children"].append(below)
    return node


def table_facts(table: PartitionTable) -> Node:
    """Return what is said of a partition table as a whole."""
    return {
        "scheme": str(table.scheme),
        "sector_size": table.sector_size,
        "disk_id": table.disk_id,
        "hybrid": table.hybrid,
    }


def _partition(partition: Partition) -> Node:
    return {
        "number": partition.number,
        "type": partition.type,
        "uuid": partition.uuid,
        "name": partition.name,
        "bootable": partition.bootable,
    }


def _hang(nodes: dict[str, Node], members: Sequence[str], node: Node, kind: str) -> None:
    node["kind"] = kind
    first = next((nodes[name] for name in members if name in nodes), None)
    if first is not None:
        first["children"].append(node)


def tree_lines(tree: Sequence[Node]) -> Iterator[str]:
    """Draw the tree for a person."""
    pending = [(node, "", "", "") for node in reversed(tree)]
    while pending:
        node, indent, branch, stem = pending.pop()
        yield f"{indent}{branch}{_line(node)}"
        inner = indent + stem
        rail = "│  " if node["children"] else "   "
        yield from (f"{inner}{rail}! {text}" for text in _flaws(node))
        last = len(node["children"]) - 1
        for index, child in reversed(list(enumerate(node["children"]))):
            ends = index == last
            pending.append((child, inner, "└─ " if ends else "├─ ", "   " if ends else "│  "))


def _flaws(node: Node) -> list[str]:
    reason = node.get("reason")
    said = [text for text in node["problems"] if text != reason]
    return [f"not read: {reason}", *said] if reason else said


def _line(node: Node) -> str:
    words = [*_what(node), *_usage(node)]
    if node["mounts"]:
        words.append(f"on {', '.join(node['mounts'])}")
    if node.get("backend"):
        words.append(node["backend"])
    return f"{node['name']}{_role(node)}: {', '.join(str(word) for word in words if word)}"


def _role(node: Node) -> str:
    """What it is, where the name does not tell: a group, an array, a partition of some purpose."""
    partition = node.get("partition")
    if partition is None:
        return f" ({node['kind']})" if node["kind"] in {"volume group", "array"} else ""
    known = _KNOWN_TYPES.get(partition["type"], partition["type"])
    return f" ({known})" if known != "Linux" else ""


def _what(node: Node) -> Iterator[str | None]:
    yield size(node["size"]) if "size" in node else None
    if len(node.get("members") or ()) > 1 or node["kind"] == "array":
        yield f"of {' and '.join(node['members'])}"
    yield from _table_words(node.get("partition_table"))
    if node.get("type"):
        yield node["type"]
    yield from _partition_words(node)
    if node.get("uuid"):
        yield f"UUID {node['uuid']}"
    if node.get("label"):
        yield f'label "{node["label"]}"'
    if node.get("holder") is not None:
        yield f"member of {node['holder']}" if node["holder"] else "member of no group"


def _table_words(table: Node | None) -> Iterator[str | None]:
    if table is None or table["scheme"] == "none":
        return
    yield f"hybrid {table['scheme']}" if table["hybrid"] else table["scheme"]
    yield f"sectors of {table['sector_size']} bytes"
    yield f"id {table['disk_id']}" if table["disk_id"] else None


def _partition_words(node: Node) -> Iterator[str | None]:
    partition = node.get("partition")
    if partition is None:
        return
    yield f'named "{partition["name"]}"' if partition["name"] else None
    yield "bootable" if partition["bootable"] else None


def _usage(node: Node) -> Iterator[str]:
    total, used = node.get("total"), node.get("used")
    if total and used is not None:
        yield f"{size(used)} of {size(total)} used ({used * 100 // total} %)"
