"""Which of the kernel's arguments keep a guest from starting its system.

Arguments: Linux, Documentation/admin-guide/kernel-parameters.txt; systemd(1), kernel-command-line(7), init(8);
initramfs-tools(7); dracut.cmdline(7), and its spelling in CentOS 6. What stands behind `--` counts as well: an initial
RAM disk and systemd read all of /proc/cmdline, and other inits are given it as their own arguments.

Deliberately not done: `systemd.unit=` of other units, which is judged with what systemd starts; arguments that take
memory away by other means (`memmap=`, `hugepages=`, `crashkernel=`).
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

from inspector.guest import Guest

_RESCUE: Final = frozenset(
    {
        "single", "s", "S", "1", "0", "6", "emergency", "-b", "-s", "rescue", "recovery", "rd.break", "rdbreak",
        "break", "systemd.confirm_spawn",
    }
)  # fmt: skip
_RESCUE_UNITS: Final = frozenset(
    {"rescue", "emergency", "rescue.target", "emergency.target", "rescue.service", "emergency.service"}
)
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "busybox"})
_NO_INITS: Final = frozenset({"true", "false", "sleep", "cat", "halt", "poweroff", "reboot", "shutdown"})
_INITS: Final = frozenset(
    {"init", "systemd", "openrc-init", "runit", "runit-init", "upstart", "dinit", "finit", "s6-linux-init"}
)
_OTHER_ROOTS: Final = {"boot": frozenset({"nfs", "live", "casper"}), "rd.cmdline": frozenset({"ask"})}
"""What `boot=` has initramfs-tools do, and `rd.cmdline=` dracut, instead of mounting the root of a disk."""
_STOPS: Final = frozenset({"systemd.run", "rd.break", "rdbreak", "break"})
_YES: Final = frozenset({"1", "yes", "y", "true", "t", "on", "/dev/console"})
MINIMUM_MEMORY: Final = 256 << 20
"""Bytes; with less a kernel has no room to unpack its initial RAM disk."""
_SIZE: Final = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|\d{1,19})([kKmMgGtT]?)")


def is_hazard(argument: str, guest: Guest) -> bool:
    """Tell whether `argument`, one word of the command line, keeps the system from starting."""
    key, equals, value = argument.partition("=")
    value = value.strip('"')
    if argument in _RESCUE or (key in _STOPS and bool(equals)) or argument == "pci=off":
        return True
    match key:
        case "systemd.unit" | "rd.systemd.unit":
            return value in _RESCUE_UNITS
        case "systemd.confirm_spawn" | "rd.systemd.confirm_spawn":
            return value.lower() in _YES or value.startswith("tty")
        case "init" if equals:
            return _runs_no_system(value, guest)
        case "rdinit":
            return posixpath.basename(value) in _SHELLS
        case "boot" | "rd.cmdline":
            return value in _OTHER_ROOTS[key]
        case "mem" if equals:
            return _is_too_small(value)
    return False


def is_doubtful(argument: str, guest: Guest) -> bool:
    """Tell whether `argument` has a program started as init that is not known to be one."""
    key, equals, value = argument.partition("=")
    if key != "init" or not equals or is_hazard(argument, guest):
        return False
    return posixpath.basename(value) not in _INITS and posixpath.basename(guest.realpath(value)) not in _INITS


def _runs_no_system(path: str, guest: Guest) -> bool:
    if not guest.is_file(path):
        return True
    names = {posixpath.basename(path), posixpath.basename(guest.realpath(path))}
    return bool((names - _INITS) & (_SHELLS | _NO_INITS)) and not names & _INITS


def _is_too_small(value: str) -> bool:
    """Read a size as the kernel's memparse does; what is no size, such as `nopentium`, is none."""
    match = _SIZE.match(value)
    if match is None:
        return False
    number, unit = match.groups()
    size = (
        int(number, 16 if number[:2] in {"0x", "0X"} else 10)
        << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[unit.lower()]
    )
    return size < MINIMUM_MEMORY
