"""Which subvolume the options of a mount mean, and by which names a person calls one: "sda2[/@home]", as findmnt(8).

Options: btrfs(5), `subvol` and `subvolid`: without either the default subvolume is mounted; with both they must mean
the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from inspector.errors import InspectorError
from parsers.filesystem.subvolume import Subvolume, Subvolumed, has_subvolumes
from parsers.filesystem.tree import Tree
from parsers.place import ParseError, Place

TOP_LEVEL: Final = 5
_C_NUMBER: Final = re.compile(r"0([0-7]{1,22})|0[xX]([0-9a-fA-F]{1,16})|(\d{1,20})", re.ASCII)
_NAMED: Final = re.compile(r"(?P<volume>[^\[\]]+)\[(?P<path>/.*)\]", re.DOTALL)


class Selection(msgspec.Struct, frozen=True):
    """What the options of a mount say of the subvolume; the last one of a kind counts."""

    path: str | None = None
    number: str | None = None

    def __str__(self) -> str:
        named = (("subvol", self.path), ("subvolid", self.number))
        return ",".join(f"{name}={value}" for name, value in named if value is not None)


def selection(options: Iterable[str]) -> Selection:
    """Return what mount options ("subvol=@", "noatime") select; nothing, for the default subvolume."""
    path = number = None
    for option in options:
        name, equals, value = option.partition("=")
        if equals and name == "subvol":
            path = value
        elif equals and name == "subvolid":
            number = value
    return Selection(path, number)


def select(tree: Subvolumed, wanted: Selection) -> Subvolumed:
    """Return the tree that a mount with this selection gives; raise `ParseError` where the kernel refuses it."""
    number = None if wanted.number is None else _number(tree, wanted.number)
    if wanted.path is None:
        number = tree.default_subvolume if number is None else number
        return tree if number == tree.subvolume else tree.at(number)
    named = tree.at(wanted.path)
    if number not in (None, named.subvolume):
        raise ParseError(Place(tree.name), f"subvolume {number} wanted at {wanted.path}, {named.subvolume} found")
    return named


def is_absent(tree: Subvolumed, wanted: Selection) -> bool:
    """Tell whether what was selected is certainly not there, rather than not to be read."""
    try:
        listed = tree.subvolumes
        number = None if wanted.number is None else _number(tree, wanted.number)
    except ParseError:
        return False
    path = None if wanted.path is None else "/".join(name for name in wanted.path.split("/") if name not in {"", "."})
    meant = [one for one in listed if number in (None, one.id) and path in (None, one.path)]
    return not meant and all(one.path is not None for one in listed)


def _number(tree: Subvolumed, text: str) -> int:
    """Read a number as the kernel does, in C's notation; 0 is the top level."""
    match = _C_NUMBER.fullmatch(text)
    if match is None:
        raise ParseError(Place(tree.name), f"the number of a subvolume wanted, {text} found")
    octal, hexadecimal, decimal = match.groups()
    number = int(octal, 8) if octal else int(hexadecimal, 16) if hexadecimal else int(decimal)
    return number or TOP_LEVEL


def subvolume_of(tree: Tree) -> Subvolume | None:
    """Return what is known of the subvolume that is open; None where the file system has none."""
    if not has_subvolumes(tree):
        return None
    return next((one for one in tree.subvolumes if one.id == tree.subvolume), None)


def subvolume_path(tree: Tree) -> str | None:
    """Return the path of the subvolume that is open, from the top level; None where there is none, or none known."""
    if has_subvolumes(tree) and tree.subvolume == TOP_LEVEL:
        return ""
    found = subvolume_of(tree)
    return found.path if found else None


def split_name(name: str) -> tuple[str, str | None]:
    """Split "/dev/sda2[/@home]" into the name of the volume, "sda2", and the path of the subvolume, "/@home"."""
    match = _NAMED.fullmatch(name)
    volume, path = (match["volume"], match["path"]) if match else (name, None)
    return volume.removeprefix("/dev/"), path


def at_path(tree: Tree, path: str | None, name: str) -> Tree:
    """Return the subvolume at `path`, or `tree` itself where that is None; raise `InspectorError` where there is none.

    `name` is what the user called it.
    """
    if path is None:
        return tree
    if not has_subvolumes(tree):
        raise InspectorError(f"{name}: {tree.name} has no subvolumes")
    try:
        return tree.at(path)
    except ParseError as error:
        raise InspectorError(f"{name}: {error.message}") from error
