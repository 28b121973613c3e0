"""The kernel modules of a guest: the lists in `/lib/modules/VERSION`, and what `modprobe.d` says about them.

Formats: modules.builtin: kbuild.rst of the Linux kernel; modules.dep: modules.dep(5). One module per line, its path
from the directory of the version; in modules.dep a colon and the modules that it needs. modprobe.d(5): one command per
line, `#` comments, a backslash continues a line. In the names of modules `-` and `_` are the same; here it is `_`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAX_PROBLEMS: Final = 100

_COMMANDS: Final = {"alias": 2, "blacklist": 1, "install": 2, "options": 2, "remove": 2, "softdep": 1, "weakdep": 1}


class ListedModule(msgspec.Struct, frozen=True):
    """A line of modules.builtin or modules.dep; paths from the directory of the version."""

    place: Place
    name: str
    path: str
    needs: tuple[str, ...] = ()


class ModuleList(msgspec.Struct, frozen=True):
    """The modules of modules.builtin or modules.dep."""

    path: str
    modules: tuple[ListedModule, ...]

    def get(self, name: str) -> ListedModule | None:
        """Return the module `name`, as lsmod gives it."""
        return next((module for module in self.modules if module.name == name), None)


class ModprobeCommand(msgspec.Struct, frozen=True):
    """One command: `blacklist virtio_blk` is command "blacklist", module "virtio_blk", no arguments."""

    place: Place
    command: str
    module: str
    arguments: str = ""


class Modprobe(msgspec.Struct, frozen=True):
    """The commands of one file of modprobe.d, and the lines that are none."""

    path: str
    commands: tuple[ModprobeCommand, ...]
    problems: tuple[Problem, ...] = ()


def module_name(path: str) -> str:
    """Return the name of a module as lsmod gives it, from its path ("kernel/drivers/virtio/virtio-rng.ko.xz")."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def parse_module_list(text: str, path: str, wanted: frozenset[str] | None = None) -> ModuleList:
    """Read modules.builtin or modules.dep: the modules `wanted`, or all of them."""
    modules: list[ListedModule] = []
    for number, line in enumerate(text.split("\n"), start=1):
        file, _, needs = line.partition(":")
        file = file.strip()
        if not file or file.startswith("#"):
            continue
        name = module_name(file)
        if wanted is None or name in wanted:
            modules.append(ListedModule(Place(path, number), name, file, tuple(needs.split())))
    return ModuleList(path, tuple(modules))


def parse_modprobe(text: str, path: str) -> Modprobe:
    """Read a file of modprobe.d; `path` only labels the places."""
    commands: list[ModprobeCommand] = []
    problems: list[Problem] = []
    for number, line in _lines(text):
        fields = line.split(None, 2)
        if not fields or fields[0].startswith("#"):
            continue
        place, wanted = Place(path, number), _COMMANDS.get(fields[0])
        if wanted is None or len(fields) <= wanted:
            message = f"a command of modprobe.d wanted, {line.strip()[:80]!r} found"
            problems += [Problem(place, message)] if len(problems) < MAX_PROBLEMS else []
            continue
        arguments = fields[2].strip() if len(fields) > 2 else ""
        # The name of an alias is a pattern, in which "-" and "_" are kept as they are.
        name = fields[1] if fields[0] == "alias" else fields[1].replace("-", "_")
        commands.append(ModprobeCommand(place, fields[0], name, arguments))
    return Modprobe(path, tuple(commands), tuple(problems))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Give logical lines with the number of their first line."""
    pending, first = "", 0
    for number, line in enumerate(text.replace("\r", "").split("\n"), start=1):
        first = first or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        yield first, pending + line
        pending, first = "", 0
    if pending:
        yield first, pending
