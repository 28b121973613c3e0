"""The menu of systemd-boot: `loader/loader.conf`, entries of the boot loader specification, and unified kernel images.

loader.conf(5); systemd-boot(7); UAPI.1, "Sorting" and "Boot Counting". Entries whose tries are used up come last; then
those with `sort-key` come first, by that key, machine and version, newest first; the rest by name, newest first. What
`default` names, as a pattern for ids without regard to case, boots; else the first entry. What it would remember
between boots (`@saved`, the last choice) lies in variables of the firmware, which an image does not carry.

Entries for another machine and such whose kernel is not there are passed over. Deliberately not done: entries that it
finds by itself (Windows, a shell), which boot by default only where there is nothing else; `profile` and `extra`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from functools import cmp_to_key
from typing import Final, TypeVar

import msgspec

from parsers.boot.bls import BlsEntry, BlsKey, BootCount, split_counters
from parsers.boot.menu import LoadedFile, MenuEntry
from parsers.boot.uki import Uki
from parsers.place import Place, Problem
from parsers.version import compare_uapi

MAX_TEXT: Final = 256 * 1024
MAX_SETTINGS: Final = 200
MAX_PROBLEMS: Final = 50
MENU_WITHOUT_END: Final = "menu-force"

_KEYS: Final = frozenset(
    {
        "timeout", "default", "preferred", "editor", "auto-entries", "auto-firmware", "auto-poweroff", "auto-reboot",
        "beep", "console-mode", "secure-boot-enroll", "secure-boot-enroll-action", "secure-boot-enroll-timeout-sec",
        "reboot-for-bitlocker", "random-seed-mode", "log-level", "reboot-on-error",
    }
)  # fmt: skip
_Ordered = TypeVar("_Ordered", int, str)
_MAX_PATTERN: Final = 1024
_SAVED: Final = "@saved"
_MACHINES: Final = {
    "x64": "x86_64", "ia32": "i386", "aa64": "aarch64", "arm": "arm", "riscv64": "riscv64",
    "loongarch64": "loongarch64",
}  # fmt: skip


class LoaderConf(msgspec.Struct, frozen=True):
    """The lines of loader.conf; of a key that comes twice the last counts."""

    path: str
    settings: tuple[BlsKey, ...]
    problems: tuple[Problem, ...] = ()

    def get(self, name: str) -> BlsKey | None:
        """Return the last line with the key `name`."""
        return next((setting for setting in reversed(self.settings) if setting.name == name), None)


class SystemdBootEntry(msgspec.Struct, frozen=True):
    """An entry with what it is ordered by."""

    menu_entry: MenuEntry
    sort_key: str = ""
    machine_id: str = ""
    version: str = ""
    count: BootCount | None = None

    @property
    def id(self) -> str:
        """The name of its file without counters, in lower case."""
        return self.menu_entry.id.lower()

    @property
    def is_bad(self) -> bool:
        """Whether every try was used up."""
        return self.count is not None and self.count.left == 0


class SystemdBootMenu(msgspec.Struct, frozen=True):
    """The menu.

    Attributes:
        entries: in its order.
        default: the line with the pattern; None where loader.conf has none.
        chosen: the entry that boots by default; empty where there are none.
        default_found: whether the pattern names an entry.
        is_bad: whether the chosen entry used up its tries.
        timeout: the line; None where loader.conf has none, and no menu is shown.
        waits: whether the menu waits for a key without end.
    """

    entries: tuple[MenuEntry, ...]
    default: BlsKey | None = None
    chosen: tuple[MenuEntry, ...] = ()
    default_found: bool = True
    is_bad: bool = False
    timeout: BlsKey | None = None
    waits: bool = False
    problems: tuple[Problem, ...] = ()


def parse_loader_conf(text: str, path: str = "/boot/loader/loader.conf") -> LoaderConf:
    """Read loader.conf; `path` only labels the places."""
    settings: list[BlsKey] = []
    problems: list[Problem] = []
    for number, line in enumerate(text[:MAX_TEXT].split("\n"), start=1):
        fields = line.strip().split(None, 1)
        if not fields or fields[0].startswith("#"):
            continue
        place = Place(path, number)
        if fields[0] not in _KEYS or len(fields) < 2:
            message = f"a setting of systemd-boot and its value wanted, {line.strip()[:60]!r} found"
            problems += [Problem(place, message)] if len(problems) < MAX_PROBLEMS else []
        elif len(settings) < MAX_SETTINGS:
            settings.append(BlsKey(place, fields[0], _unquoted(fields[1].strip())))
    return LoaderConf(path, tuple(settings), tuple(problems))


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def type1_entry(entry: BlsEntry, device: str | None, machine: str | None = None) -> SystemdBootEntry | Problem:
    """Return what a file `loader/entries/*.conf` on `device` gives; a problem where systemd-boot passes over it.

    `machine` is the one that it runs on, as `uname -m` calls it; None: any.
    """
    wanted = _MACHINES.get(entry.value("architecture").lower())
    if entry.value("architecture") and machine and wanted != machine:
        return Problem(entry.place, f"an entry for {machine} wanted, one for {entry.value('architecture')} found")
    program = entry.last("linux") or entry.last("efi") or entry.last("uki")
    if program is None or not program.value:
        return Problem(entry.place, "a line linux, efi or uki wanted, none found: systemd-boot passes over the entry")
    options = entry.all("options")
    words = tuple(word for line in options for word in _unquoted(line.value).split())
    file = LoadedFile(
        program.place, program.name, device, _path(program.value), words, options[0].place if options else None
    )
    is_linux = program.name in {"linux", "uki"}
    initrds = tuple(LoadedFile(line.place, "initrd", device, _path(line.value)) for line in entry.all("initrd"))
    title = _unquoted(entry.value("title")) or entry.id
    menu_entry = MenuEntry(
        entry.place,
        title,
        entry.id,
        unrestricted=True,
        linux=file if is_linux else None,
        initrds=initrds if is_linux else (),
        loaders=() if is_linux else (file,),
    )
    return SystemdBootEntry(
        menu_entry, entry.value("sort-key"), entry.value("machine-id"), entry.value("version"), entry.count
    )


def type2_entry(uki: Uki, path: str, device: str | None) -> SystemdBootEntry:
    """Return what a unified kernel image `EFI/Linux/*.efi`, at `path` of `device`, gives."""
    name, count = split_counters(path.rpartition("/")[2])
    place = Place(uki.path)
    words = tuple((uki.cmdline or "").split())
    section = uki.section(".cmdline")
    line = Place(uki.path, key=".cmdline", offset=section.offset) if section else None
    version = next(filter(None, map(uki.release, ("IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"))), "")
    title = uki.release("PRETTY_NAME") or uki.release("NAME") or name
    kernel = LoadedFile(place, "uki", device, path, words, line)  # its RAM disk lies in the same file
    menu_entry = MenuEntry(place, title, name, unrestricted=True, linux=kernel)
    sort_key = uki.release("IMAGE_ID") or uki.release("ID")
    return SystemdBootEntry(menu_entry, sort_key, "", uki.uname or version, count)


def _path(value: str) -> str:
    return "/" + value.replace("\\", "/").lstrip("/")


def systemd_boot_menu(
    entries: Iterable[SystemdBootEntry], conf: LoaderConf | None, exists: Callable[[LoadedFile], bool]
) -> SystemdBootMenu:
    """Order the entries whose program exists, and choose among them."""
    there: list[SystemdBootEntry] = []
    problems = list(conf.problems) if conf else []
    for entry in entries:
        program = entry.menu_entry.linux or entry.menu_entry.loaders[0]
        if exists(program):
            there.append(entry)
        else:
            problems.append(Problem(program.place, f"{program.path} is not there: systemd-boot passes over the entry"))
    there.sort(key=_ORDER)
    default = conf.get("default") if conf else None
    timeout = conf.get("timeout") if conf else None
    chosen, found = _choose(there, default)
    return SystemdBootMenu(
        tuple(entry.menu_entry for entry in there),
        default,
        (chosen.menu_entry,) if chosen else (),
        found,
        chosen is not None and chosen.is_bad,
        timeout,
        timeout is not None and timeout.value == MENU_WITHOUT_END,
        tuple(problems),
    )


def _choose(entries: list[SystemdBootEntry], default: BlsKey | None) -> tuple[SystemdBootEntry | None, bool]:
    first = entries[0] if entries else None
    if default is None or default.value == _SAVED:
        return first, first is not None
    pattern = _pattern(default.value[:_MAX_PATTERN].lower())
    named = next((entry for entry in entries if pattern.fullmatch(entry.id)), None)
    return named or first, named is not None


def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of `*`, `?` and `[...]`, in which nothing negates."""
    return re.compile(fnmatch.translate(text.replace("[!", "[\\!")))


def _compare(one: SystemdBootEntry, two: SystemdBootEntry) -> int:
    steps = [_sign(one.is_bad, two.is_bad), _sign(not one.sort_key, not two.sort_key)]
    if one.sort_key and two.sort_key:
        steps += [
            _sign(one.sort_key, two.sort_key),
            _sign(one.machine_id, two.machine_id),
            compare_uapi(two.version, one.version),
        ]
    steps.append(compare_uapi(two.id, one.id))
    if one.count and two.count:
        steps += [_sign(two.count.left, one.count.left), _sign(one.count.done, two.count.done)]
    return next(filter(None, steps), 0)


def _sign(one: _Ordered, two: _Ordered) -> int:
    return (one > two) - (one < two)


_ORDER: Final = cmp_to_key(_compare)
