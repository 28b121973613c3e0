"""The command `blscfg` of GRUB 2: menu entries from the files of the boot loader specification.

GNU GRUB manual 2.14, "blscfg", and Fedora's `/etc/grub.d/10_linux`, whose grub.cfg relies on it: the entries of
`$blsdir`, or of `/loader/entries` on `$root`, newest first as rpm compares name, version and release of the file name;
variables are put into `options`, `initrd` and `grub_users` when the command runs; an entry without `options` has
those of `$default_kernelopts`. The id is the file's name without `.conf`.

GRUB takes the first `options` line of a file alone, and asks for a password only where `grub_users` names somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import Final

from parsers.boot.bls import BlsEntry, BlsKey, parse_bls_entry
from parsers.boot.grub.location import locate
from parsers.boot.grub.state import Pending, Scope, Surroundings
from parsers.boot.grub.syntax import Command, parse_script
from parsers.place import Problem
from parsers.version import compare_rpm

DIRECTORY: Final = "/loader/entries"
FALLBACK: Final = "/boot/loader/entries"
MAX_ENTRIES: Final = 500

_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})")

Value = Callable[[str], str]
"""Gives the value of a variable; empty where it is not set."""


def newest_first(entries: list[BlsEntry]) -> list[BlsEntry]:
    """Order entries as GRUB shows them."""
    return sorted(entries, key=lambda entry: _ORDER(entry.stem), reverse=True)


def _compare(one: str, two: str) -> int:
    pairs = zip(_split(one), _split(two), strict=True)
    return next((decided for a, b in pairs if (decided := compare_rpm(a, b))), 0)


_ORDER: Final = cmp_to_key(_compare)


def _split(stem: str) -> tuple[str, str, str]:
    """Split into name, version and release at the last two dashes; what is missing is missing at the end."""
    parts = stem.rsplit("-", 2)
    name, version, release = [*parts, "", ""][:3]
    return name, version, release


def pending_entry(entry: BlsEntry, value: Value) -> tuple[Pending | None, tuple[Problem, ...]]:
    """Return what is to be run when the entry is chosen; None where GRUB passes over it. Problems come with either."""
    linux = entry.first("linux")
    if linux is None or not linux.value:
        return None, (Problem(entry.place, "a line linux wanted, none found: GRUB passes over the entry"),)
    problems = [
        Problem(key.place, f"one line {name} wanted, GRUB does not read this one")
        for name in ("linux", "options")
        for key in entry.all(name)[1:]
    ]
    options = entry.first("options")
    arguments = _expand(options.value if options else "", value) or _expand(value("default_kernelopts"), value)
    block = [_command(f"linux {linux.value} {arguments}", linux, entry, problems)]
    initrds = [f"{_folder(entry)}{name}" for name in value("early_initrd").split()]
    initrds += [_expand(key.value, value) for key in entry.all("initrd")]
    if names := " ".join(initrds).strip():
        block.append(_command(f"initrd {names}", entry.first("initrd") or linux, entry, problems))
    if tree := entry.first("devicetree"):
        block.append(_command(f"devicetree {_expand(tree.value, value)}", tree, entry, problems))
    title = entry.first("title")
    users = entry.first("grub_users")
    names = _expand(users.value, value) if users else ""
    pending = Pending(
        linux.place,
        (title.value if title and title.value else entry.stem,),
        {"--id": entry.stem, **({"--users": names} if names else {"--unrestricted": ""})},
        tuple(word for key in entry.all("grub_class") for word in key.value.split()),
        tuple(command for command in block if command),
        submenu=False,
        arguments_place=options.place if options else None,
    )
    return pending, tuple(problems)


def _command(text: str, key: BlsKey, entry: BlsEntry, problems: list[Problem]) -> Command | None:
    """Read a line as the script that GRUB makes of the entry; its place is the line of the key."""
    script, flaws = parse_script(text.replace("\n", " "), entry.place.path)
    problems += [Problem(key.place, flaw.message) for flaw in flaws]
    first = script[0] if script else None
    if not isinstance(first, Command):
        return None
    if len(script) > 1:
        problems.append(Problem(key.place, "one command wanted of this line, a separator found in it"))
    return first._replace(line=key.place.line or 1)


def _expand(text: str, value: Value) -> str:
    return _VARIABLE.sub(lambda match: value(match[1] or match[2]), text).strip()


def _folder(entry: BlsEntry) -> str:
    first = entry.first("initrd") or entry.first("linux")
    return first.value.rpartition("/")[0] + "/" if first else "/"


def bls_entries(
    arguments: list[str], surroundings: Surroundings, scope: Scope
) -> tuple[list[Pending], tuple[Problem, ...]]:
    """Read the entries that `blscfg ARGUMENTS` asks for, in the order of the menu."""
    show, wanted = _show(arguments)
    wanted = wanted or scope.value("blsdir")
    found: list[BlsEntry] = []
    for path in (wanted,) if wanted else (DIRECTORY, FALLBACK):
        located = locate(path, scope, surroundings)
        if located and (found := _read(surroundings, *located)):
            break
    default = scope.value("default")
    entries: list[Pending] = []
    problems: list[Problem] = []
    for entry in newest_first(found):
        if show != "all" and (entry.stem == default) is not (show == "default"):
            continue
        pending, flaws = pending_entry(entry, scope.value)
        problems += flaws
        entries += [pending] if pending else []
    return entries, tuple(problems)


def _show(arguments: list[str]) -> tuple[str, str]:
    """Return which entries are shown ("all", "default", "non-default"), and the directory or file that is named."""
    show, wanted = "all", ""
    rest = iter(arguments)
    for argument in rest:
        option, _, value = argument.partition("=")
        if option in {"-p", "--path", "-e", "--entry"}:
            wanted = value or next(rest, "")
        elif argument in {"default", "-d", "--show-default"}:
            show = "default"
        elif argument in {"non-default", "-n", "--show-non-default"}:
            show = "non-default"
        elif not argument.startswith("-"):
            wanted = argument
    return show, wanted


def _read(surroundings: Surroundings, device: str | None, path: str) -> list[BlsEntry]:
    if path.endswith(".conf"):
        files = [path]
    else:
        names = sorted(name for name in surroundings.names(device, path) if name.endswith(".conf") and name[0] != ".")
        files = [f"{path.rstrip('/')}/{name}" for name in names[:MAX_ENTRIES]]
    read = (surroundings.read(device, file) for file in files)
    return [parse_bls_entry(*found) for found in read if found]
