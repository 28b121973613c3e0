"""How cloud-init merges two YAML values: by default, and as `merge_how` or `merge_type` of a file asks.

Reference: docs.cloud-init.io, "Merging user data sections", and what cloud-init 22.4.2 answers. A file's own rules say
how it is merged below what later files say. A kind of value for which the rules name no merger stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place
from parsers.yaml_document import Mapping, Node, Scalar, Sequence

RULES: Final = ("merge_how", "merge_type")
_LETTERS_MAX: Final = 4096
_RULE: Final = re.compile(r"([a-z_][a-z0-9_]*)\((.*)\)\Z")


class MergeError(Exception):
    """Rules that cloud-init cannot follow: it then fails. Caught by whoever merges files."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


class Mergers(msgspec.Struct, frozen=True):
    """The options of the merger for each kind of value; None where the rules name none."""

    mapping: frozenset[str] | None = frozenset()
    sequence: frozenset[str] | None = frozenset()
    text: frozenset[str] | None = frozenset()


DEFAULT: Final = Mergers()


def without_rules(root: Mapping) -> tuple[Mapping, Mergers]:
    """Return a file's mapping without the rules it asks to be merged by, and these rules."""
    key = next((name for name in RULES if name in root.entries and _given(root.entries[name])), None)
    gone = {RULES[0]} | ({RULES[1]} if key != RULES[0] else set())
    entries = {name: node for name, node in root.entries.items() if name not in gone}
    rest = Mapping(root.place, entries, {name: root.keys[name] for name in entries}, root.size)
    return rest, _mergers(root.entries[key]) if key else DEFAULT


def _given(node: Node) -> bool:
    return not (isinstance(node, Scalar) and node.value is None)


def _mergers(node: Node) -> Mergers:
    found: dict[str, frozenset[str]] = {}
    for name, options in _named(node):
        kind = name.removeprefix("m_")
        if kind not in ("dict", "list", "str"):
            raise MergeError(node.place, f"a merger dict, list or str wanted, {name[:80]} found")
        found.setdefault(kind, options)
    return Mergers(found.get("dict"), found.get("list"), found.get("str")) if found else DEFAULT


def _named(node: Node) -> list[tuple[str, frozenset[str]]]:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        words = [word.strip().replace("-", "_") for word in node.value.lower().split("+")]
        matches = [_RULE.match(word) for word in words if word]
        if not all(matches):
            raise MergeError(
                node.place, f"mergers such as list(append)+dict(recurse_list) wanted, {node.text[:80]} found"
            )
        return [(match[1], _options(match[2].split(","))) for match in matches if match]
    if not isinstance(node, Sequence):
        raise MergeError(node.place, "a text or a list of mergers wanted, something else found")
    return [_listed(item) for item in node.items]


def _listed(item: Node) -> tuple[str, frozenset[str]]:
    if isinstance(item, Mapping):
        name, settings = item.get("name"), item.get("settings")
        options = settings.items if isinstance(settings, Sequence) else None
    else:
        items = item.items if isinstance(item, Sequence) else ()
        name, options = (items[0], items[1:]) if items else (None, None)
    if not isinstance(name, Scalar) or not isinstance(name.value, str) or options is None:
        raise MergeError(item.place, "a name and settings of a merger wanted, something else found")
    words = [option.text for option in options if isinstance(option, Scalar)]
    return name.value.replace("-", "_").strip(), frozenset(words)


def _options(words: list[str]) -> frozenset[str]:
    return frozenset(word.strip() for word in words if word.strip())


def merge(winner: Node, other: Node, how: Mergers) -> Node:
    """Merge a value of an earlier file below one of later files. The depth was bounded when they were read."""
    if isinstance(winner, Mapping):
        return winner if how.mapping is None else _mapping(winner, other, how, how.mapping)
    if isinstance(winner, Sequence):
        return winner if how.sequence is None else _sequence(winner, other, how, how.sequence)
    if isinstance(winner.value, str) and how.text is not None:
        return _text(winner, other, how.text)
    return winner


def _mapping(winner: Mapping, other: Node, how: Mergers, options: frozenset[str]) -> Node:
    if not isinstance(other, Mapping):
        return winner
    entries, keys = dict(winner.entries), dict(winner.keys)
    for key, value in other.entries.items():
        if key not in entries:
            entries[key], keys[key] = value, other.keys[key]
        elif "allow_delete" in options and not _given(value):
            del entries[key], keys[key]
        else:
            before = entries[key]
            entries[key] = value if "replace" in options else _inner(before, value, how, options, before)
            if entries[key] is value:
                keys[key] = other.keys[key]
    return Mapping(winner.place, entries, keys, winner.size + other.size)


def _inner(mine: Node, value: Node, how: Mergers, options: frozenset[str], otherwise: Node) -> Node:
    """Merge two values of one key or index where the options ask for that kind of value to be merged."""
    if isinstance(value, Mapping):
        wanted = otherwise is mine or "recurse_dict" in options
    elif isinstance(value, Sequence):
        wanted = bool(options & {"recurse_array", "recurse_list"})
    else:
        wanted = isinstance(value.value, str) and "recurse_str" in options
    return merge(mine, value, how) if wanted else otherwise


def _sequence(winner: Sequence, other: Node, how: Mergers, options: frozenset[str]) -> Node:
    method = next((name for name in ("append", "prepend", "replace", "no_replace") if name in options), "replace")
    if method == "replace" and not isinstance(other, Sequence):
        return other
    theirs = _elements(other)
    size = winner.size + sum(item.size for item in theirs)
    if method in ("append", "prepend"):
        items = winner.items + theirs if method == "append" else theirs + winner.items
        return Sequence(winner.place, items, winner.flow, size)
    if isinstance(other, Mapping) and winner.items and theirs:
        raise MergeError(other.place, "a list to merge into a list wanted, a mapping found")
    merged = list(winner.items)
    for number, value in enumerate(theirs[: len(merged)]):
        mine = merged[number]
        merged[number] = mine if method == "no_replace" else _inner(mine, value, how, options, value)
    return Sequence(winner.place, tuple(merged), winner.flow, size)


def _elements(other: Node) -> tuple[Node, ...]:
    """What cloud-init takes one by one: the items of a list, the keys of a mapping, the letters of a text."""
    if isinstance(other, Sequence):
        return other.items
    if isinstance(other, Mapping):
        return tuple(Scalar(other.keys[key], str(key), key) for key in other.entries)
    if isinstance(other.value, str) and len(other.value) <= _LETTERS_MAX:
        return tuple(Scalar(other.place, letter, letter) for letter in other.value)
    raise MergeError(other.place, f"a list to merge into a list wanted, {other.text[:80]} found")


def _text(winner: Scalar, other: Node, options: frozenset[str]) -> Node:
    if "append" not in options:
        return other
    if not isinstance(other, Scalar) or not isinstance(other.value, str):
        raise MergeError(other.place, "a text to append to a text wanted, something else found")
    joined = winner.value + other.value
    return Scalar(winner.place, joined, joined)
