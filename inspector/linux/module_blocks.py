"""What keeps kernel modules from being loaded: modprobe.d(5), and the arguments of the kernel that do the same."""

from __future__ import annotations

import posixpath
from typing import Final

from inspector.facts.boot import DefaultKernel
from inspector.guest import Guest, NotFound
from parsers.linux.modules import Modprobe, parse_modprobe
from parsers.place import Place, Problem

_MODPROBE: Final = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
                    "/lib/modprobe.d")  # fmt: skip
_ARGUMENTS: Final = ("modprobe.blacklist", "module_blacklist", "rd.driver.blacklist", "blacklist")
"""The last one is that of initramfs-tools(7)."""


def argument_blocks(default: DefaultKernel) -> tuple[Problem, ...]:
    """Return what the kernel's arguments block; the module is the key of the place."""
    return tuple(
        Problem(Place(default.place.path, default.place.line, name.replace("-", "_")), f"{argument}={value}")
        for argument in _ARGUMENTS
        for value in default.values(argument)
        for name in value.split(",")
    )


def modprobe_blocks(guest: Guest) -> list[Problem]:
    """The blocks of modprobe.d; of two files with one name, the one in the earlier directory counts."""
    paths: dict[str, str] = {}
    for folder in _MODPROBE:
        for path in guest.glob(f"{folder}/*.conf"):
            paths.setdefault(posixpath.basename(path), path)
    blocks: list[Problem] = []
    for path in sorted(paths.values()):
        try:
            blocks += blocks_of(parse_modprobe(guest.read_text(path), path))
        except NotFound:  # a dangling link
            continue
    return blocks


def blocks_of(modprobe: Modprobe) -> list[Problem]:
    """Return the commands of one file that block a module, which is the key of the place."""
    return [
        Problem(
            Place(command.place.path, command.place.line, command.module),
            f"{command.command} {command.module} {command.arguments}".strip(),
        )
        for command in modprobe.commands
        if command.command == "blacklist" or (command.command == "install" and "modprobe" not in command.arguments)
    ]
