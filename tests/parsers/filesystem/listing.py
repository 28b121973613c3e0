"""Listings of file systems that the kernel gave for images of the corpus, and their comparison with a tree."""

from __future__ import annotations

import json
import posixpath
from typing import Any

import pytest

from parsers.filesystem.tree import FileType, Tree
from parsers.place import ParseError
from tests.corpus import ROOT
from tests.parsers.filesystem.ext4.files import sha256, walk

TYPES = {FileType.DIRECTORY: "dir"}
# What mounting without replay gives is one of the two answers; the other one is journal_replayed.
ANSWERS = ("kernel_mount", "kernel_mount_journal_replayed")
BIGGEST = 64 << 20
FORMATS = ("raw", "qcow2")


def listings(entry: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the listings of file systems whose type begins with `kind` that the kernel gave for an image."""
    if entry.get("format") not in FORMATS or not entry.get("detail"):
        return []
    detail = json.loads((ROOT / "known" / entry["detail"]).read_text())
    return [
        listing
        for answer in ANSWERS
        for listing in (detail.get(answer) or {}).get("filesystems", ())
        if str(listing.get("type", "")).startswith(kind) and "files" in listing
    ]


def differences(tree: Tree, listing: dict[str, Any]) -> list[str]:
    wanted = {item["path"]: item for item in listing["files"]}
    found = dict(walk(tree))
    if "/" not in wanted:  # a listing of the paths below
        del found["/"]
    # Without the key the kernel makes up names of its own for encrypted ones.
    secret = {path for path in found if "/[encrypted " in path}
    made_up = {path for path in wanted if any(path.startswith(name[: name.index("[")]) for name in secret)}
    found = {path: stat for path, stat in found.items() if path not in secret}
    wanted = {path: item for path, item in wanted.items() if path not in made_up}
    assert len(made_up) == len(secret)
    wrong = sorted(f"only in one: {path}" for path in wanted.keys() ^ found.keys())
    for path in wanted.keys() & found.keys():
        item, stat = wanted[path], found[path]
        if item["type"] == "hardlink":
            other = posixpath.normpath(posixpath.join("/", item["target"]))
            assert found[other].inode == stat.inode
            continue
        seen: dict[str, Any] = {
            "type": TYPES.get(stat.type, str(stat.type)),
            "mode": oct(stat.mode),
            "uid": stat.uid,
            "gid": stat.gid,
            "mtime": stat.mtime // 10**9,
        }
        if stat.type is FileType.FILE:
            seen["size"] = stat.size
        if "target" in item:
            seen["target"] = tree.readlink(stat.inode)
        if item.get("read_error"):
            with pytest.raises(ParseError):
                sha256(tree.open(stat.inode))
        if item.get("sha256") and stat.size <= BIGGEST:
            seen["sha256"] = sha256(tree.open(stat.inode))
        wrong += [
            f"{path}: {key} {item[key]} wanted, {seen[key]} found"
            for key in seen
            if item.get(key, seen[key]) != seen[key]
        ]
    return wrong


def usage_differs(tree: Tree, listing: dict[str, Any]) -> list[str]:
    usage, wanted = tree.usage, listing["statvfs"]
    assert usage
    found = {
        "blocks": usage.total // wanted["bsize"],
        "bfree": usage.free // wanted["bsize"],
        "files": usage.inodes,
        "ffree": usage.inodes_free,
    }
    return [f"{key}: {wanted[key]} wanted, {found[key]} found" for key in found if wanted[key] != found[key]]
