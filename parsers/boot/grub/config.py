"""The configuration of GRUB 2, `grub.cfg`, evaluated as far as a boot without a hand on the keyboard goes.

Commands and variables: GNU GRUB manual 2.12, sections 6, 16 and 17. What a configuration does depends on the files
around it: a caller who has them passes `Surroundings`; without, each `search` is taken to succeed, no file exists, and
the tests that were answered so are listed in `assumptions`. Menu entries are evaluated one by one after the whole
file was read, as GRUB runs them then. Everything is bounded: commands, nesting, expanded text, entries and files.

Deliberately not done: `regexp`, `probe`, `smbios` and other questions to the machine (named in `not_evaluated`, counted
as failed), wildcards, passwords. No key is held, no timer is interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from parsers.boot.grub.interpreter import Interpreter
from parsers.boot.grub.menu import GrubConfig, choose
from parsers.boot.grub.state import FEATURES, Exhausted, Limits, Notes, Pending, Replaced, Scope, Surroundings
from parsers.boot.menu import MenuEntry
from parsers.place import Place

_SUBMENU_DEPTH: Final = 8


def parse_grub_config(
    text: str,
    path: str = "/boot/grub/grub.cfg",
    *,
    surroundings: Surroundings | None = None,
    variables: Mapping[str, str] | None = None,
) -> GrubConfig:
    """Evaluate a configuration file.

    Args:
        text: its content.
        path: labels the places.
        surroundings: the file systems to ask; None: nothing is known of them.
        variables: what GRUB's core sets before (`root`, `prefix`, `grub_platform`); all of it is exported.
    """
    initial = dict.fromkeys(FEATURES, "y") | {"grub_cpu": "x86_64", "grub_platform": "pc"} | dict(variables or {})
    if "prefix" in initial:
        initial.setdefault("config_directory", initial["prefix"])
    notes, limits = Notes(), Limits()
    interpreter = Interpreter(surroundings, limits, notes)
    scope = Scope(initial, {*initial, "root", "prefix"}, {})
    start = path
    while True:
        notes.files.append(path)
        try:
            interpreter.run_text(text, path, scope)
        except Replaced as other:
            includes, searches = scope.includes, scope.searches
            text, path, scope = other.text, other.path, other.scope
            scope.includes, scope.searches = includes, searches
            continue
        except Exhausted as limit:
            notes.add(notes.problems, Place(path), str(limit))
        return _config(start, interpreter, scope, notes)


def _config(path: str, interpreter: Interpreter, scope: Scope, notes: Notes) -> GrubConfig:
    entries = _entries(interpreter, scope, notes, depth=0)
    default = scope.variables.get("default")
    chosen, found = choose(entries, default)
    return GrubConfig(
        path,
        tuple(notes.files),
        entries,
        tuple(sorted(scope.variables.items())),
        default,
        tuple(sorted(scope.places.items())),
        chosen,
        found,
        tuple(scope.searches),
        tuple(scope.includes),
        tuple(notes.blscfg),
        tuple(notes.not_evaluated),
        tuple(notes.assumptions),
        tuple(notes.problems),
    )


def _entries(interpreter: Interpreter, scope: Scope, notes: Notes, depth: int) -> tuple[MenuEntry, ...]:
    entries: list[MenuEntry] = []
    for pending in scope.entries:
        inner = scope.entered(pending.arguments, submenu=pending.submenu)
        inner.variables["chosen"] = pending.options.get("--id", pending.arguments[0])
        if depth >= _SUBMENU_DEPTH:
            notes.add(notes.problems, pending.place, f"at most {_SUBMENU_DEPTH} nested submenus wanted, more found")
            return tuple(entries)
        try:
            interpreter.run_entry(pending, inner)
        except Exhausted as limit:
            notes.add(notes.problems, pending.place, str(limit))
        children = _entries(interpreter, inner, notes, depth + 1) if pending.submenu and inner.entries else ()
        entries.append(_entry(pending, inner, children))
    return tuple(entries)


def _entry(pending: Pending, inner: Scope, children: tuple[MenuEntry, ...]) -> MenuEntry:
    title = pending.arguments[0]
    linux = inner.linux
    if linux and pending.arguments_place:
        linux = replace(linux, arguments_place=pending.arguments_place)
    return MenuEntry(
        pending.place,
        title,
        pending.options.get("--id", title),
        pending.submenu,
        pending.classes,
        "--unrestricted" in pending.options,
        pending.options.get("--users"),
        children,
        linux,
        tuple(inner.initrds),
        tuple(inner.loaders),
        tuple(inner.searches),
        tuple(inner.includes),
    )
