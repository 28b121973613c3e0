"""The hives of the corpus with the dumps that hivex and yarp made of them; and our own dump, in their form."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import Hive, Key, open_hive
from tests.corpus import ROOT, corpus, entries

Dump = dict[str, dict[str, list[Any]]]


def hives(part: str) -> list[Any]:
    """Return a parameter of a test for each hive of a part of the corpus: its entry."""
    return [pytest.param(entry, id=entry["id"]) for entry in entries(part) if entry["kind"] == "hive"]


def source_of(part: str, entry: dict[str, Any]) -> Memory:
    return Memory(corpus(f"{part}/{entry['file']}").read_bytes(), entry["id"])


def opened(part: str, entry: dict[str, Any]) -> Hive:
    logs = [Memory(corpus(f"{part}/{name}").read_bytes(), name) for name in entry.get("logs", ())]
    return open_hive(source_of(part, entry), logs)


def known(name: str) -> dict[str, Any]:
    return next(entry for entry in entries("known") if entry["id"] == name)


def expected(part: str, file: str) -> Dump:
    dump: Dump = json.loads(gzip.decompress((ROOT / part / file).read_bytes()))
    return dump


def dump(hive: Hive, *, as_hivex: bool = False) -> tuple[Dump, int, int]:
    """Return all keys and values with their data, and how many of each; of two of one name the last."""
    name = escaped if as_hivex else str
    found: Dump = {}
    keys = values = 0
    for key in hive.walk():
        keys += 1
        into = found.setdefault("\\" + "\\".join(name(part) for part in names(key)), {})
        for value in key.values():
            values += 1
            try:
                into[name(value.name)] = [value.type, value.data.hex()]
            except ParseError:
                into[name(value.name)] = [value.type, None]
    return found, keys, values


def names(key: Key) -> list[str]:
    found = []
    while key.parent is not None:
        found.append(key.name)
        key = key.parent
    return found[::-1]


def escaped(name: str) -> str:
    """Return a name as the dumps of hivex have it, where it is stored as Latin-1."""
    if any(ord(character) > 0xFF for character in name):
        return name
    return "".join(
        character if character.isascii() else f"\\x{ord(character):02x}" for character in name.replace("\\", r"\\")
    )
