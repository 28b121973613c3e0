"""The configuration of GRUB Legacy (0.97): `menu.lst`, called `grub.conf` by Red Hat, and `device.map`.

Commands: GNU GRUB Legacy manual, sections 5 "Configuration", 13 "The list of available commands" and "Invoking
grub-set-default"; between a command and its arguments may stand blanks or one equals sign. Disks and partitions count
from 0: `(hd0,0)` is the first partition. `uuid` is Debian's addition.

What GRUB does: `default` counts titles from 0; `saved` takes the first line of the file `default` beside `stage2`; a
number that is too great gives the first usable one of `fallback`, or else the first title. Without `timeout` it waits.
Deliberately not done: `map`, `hide` and what else changes the disks; `configfile` is named, not followed.
"""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import Final

import msgspec

from parsers.boot.menu import LoadedFile, MenuEntry, Search
from parsers.place import Place, Problem

MAX_TEXT: Final = 1024 * 1024
MAX_ENTRIES: Final = 500
MAX_PROBLEMS: Final = 100

_WORD: Final = re.compile(r"\s*([^\s=]+)[\s=]*(.*)", re.DOTALL)
_FILE: Final = re.compile(r"(?:\(([^()]*)\))?(/.*)", re.DOTALL)
_BLOCKS: Final = re.compile(r"(?:\([^()]*\))?\+\d+|\([^()]*\)")
_MENU: Final = frozenset(
    {
        "default", "fallback", "hiddenmenu", "timeout", "title", "password", "splashimage", "color", "foreground",
        "background", "serial", "terminal", "terminfo", "gfxmenu", "viewport", "shade", "border", "setkey", "unhide",
        "hide", "partnew", "parttype", "bootp", "dhcp", "device", "ifconfig", "rarp", "tftpserver", "debug",
        "terminal-output", "findiso", "iftitle", "graphicsmode", "quiet", "verbose", "wallpaper", "write",
    }
)  # fmt: skip
_ENTRY: Final = frozenset(
    {
        "root", "rootnoverify", "kernel", "initrd", "module", "modulenounzip", "chainloader", "configfile",
        "savedefault", "lock", "map", "makeactive", "boot", "uppermem", "find", "halt", "reboot", "geometry", "cat",
        "cmp", "displayapm", "displaymem", "blocklist", "embed", "install", "setup", "ioprobe", "impsprobe", "md5crypt",
        "pause", "read", "testload", "testvbe", "uuid", "fstest", "help", "vbeprobe", "clear", "efimap", "quit",
    }
)  # fmt: skip
_LOADS: Final = frozenset({"kernel", "initrd", "module", "modulenounzip", "chainloader", "configfile"})


class Setting(msgspec.Struct, frozen=True):
    """A command of the menu with its line."""

    place: Place
    name: str
    value: str


class GrubLegacyConfig(msgspec.Struct, frozen=True):
    """A configuration of GRUB Legacy.

    Attributes:
        settings: the commands in front of the first title.
        default: what `default` says; None where it is not there.
        chosen: the entry that boots by default; empty where there are no titles.
        default_found: whether `default` names a title.
        timeout: seconds; None where GRUB waits for a key without end.
    """

    path: str
    entries: tuple[MenuEntry, ...]
    settings: tuple[Setting, ...] = ()
    default: str | None = None
    chosen: tuple[MenuEntry, ...] = ()
    default_found: bool = True
    timeout: int | None = None
    problems: tuple[Problem, ...] = ()

    def setting(self, name: str) -> Setting | None:
        """Return the last command `name` of the menu."""
        return next((setting for setting in reversed(self.settings) if setting.name == name), None)


def parse_grub_legacy(text: str, path: str = "/boot/grub/menu.lst", saved: str | None = None) -> GrubLegacyConfig:
    """Read a configuration; `saved` is the content of the file `default`, where it is there."""
    reader = _Reader(path)
    for number, line in enumerate(text[:MAX_TEXT].replace("\r", "").split("\n"), start=1):
        reader.line(Place(path, number), line)
    reader.end()
    return _config(reader, path, saved)


def _config(reader: _Reader, path: str, saved: str | None) -> GrubLegacyConfig:
    values = {setting.name: setting.value for setting in reader.settings}
    entries = tuple(reader.entries)
    default = values.get("default")
    index = _number(saved or "") if default == "saved" else _number(default or "0")
    found = index is not None and index < len(entries)
    if index is None or not found:
        spare = (_number(word) for word in values.get("fallback", "").split())
        index = next((number for number in spare if number is not None and number < len(entries)), 0)
    chosen = entries[index : index + 1]
    timeout = _number(values.get("timeout", ""))
    # Nothing was saved so far: GRUB starts with the first title, as grub-install has it.
    found = found or (default == "saved" and not saved)
    return GrubLegacyConfig(
        path, entries, tuple(reader.settings), default, chosen, found, timeout, tuple(reader.problems)
    )


def _number(text: str) -> int | None:
    match = re.match(r"\s*(\d{1,9})", text)
    return int(match[1]) if match else None


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path
        self._title: tuple[Place, str] | None = None
        self._menu_root: str | None = None
        self._clear()
        self.entries: list[MenuEntry] = []
        self.settings: list[Setting] = []
        self.problems: list[Problem] = []

    def _clear(self) -> None:
        self._root = self._menu_root
        self._linux: LoadedFile | None = None
        self._initrds: list[LoadedFile] = []
        self._loaders: list[LoadedFile] = []
        self._searches: list[Search] = []
        self._locked = False
        self._stopped = False

    def line(self, place: Place, line: str) -> None:
        """Read one line."""
        match = _WORD.match(line)
        if match is None or match[1].startswith("#"):
            return
        name, rest = match[1], match[2].strip()
        if name == "title":
            self.end()
            self._title = (place, rest)
        elif self._title is None:
            self._setting(place, name, rest)
        elif not self._stopped:
            self._command(place, name, rest)

    def _note(self, place: Place, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(place, message))

    def _setting(self, place: Place, name: str, rest: str) -> None:
        if name not in _MENU and name not in _ENTRY:
            self._note(place, f"a command of GRUB Legacy wanted, {name[:40]!r} found")
        elif len(self.settings) < MAX_ENTRIES:
            self.settings.append(Setting(place, name, rest))
            if name in {"root", "rootnoverify"}:
                self._root = self._menu_root = _device(rest)

    def _command(self, place: Place, name: str, rest: str) -> None:
        match name:
            case "root" | "rootnoverify":
                self._root = _device(rest)
            case "uuid":
                self._root = f"fs-uuid/{rest}"
                self._searches.append(Search(place, "fs-uuid", rest, "root", self._root))
            case "lock" | "password":  # without a password of the menu, "lock" is nothing
                self._locked |= name == "password" or any(one.name == "password" for one in self.settings)
            case "halt" | "reboot":
                self._linux, self._loaders, self._stopped = None, [LoadedFile(place, name, None, "")], True
            case _ if name in _LOADS:
                self._load(place, name, _without_options(rest.split()))
            case _ if name not in _ENTRY and name not in _MENU:
                self._note(place, f"a command of GRUB Legacy wanted, {name[:40]!r} found")

    def _load(self, place: Place, name: str, words: list[str]) -> None:
        match name:
            case "kernel":
                self._kernel(place, words)
            case "initrd":
                self._initrds = self._files(place, name, words)
            case "chainloader":
                self._chain(place, words)
            case _:
                self._loaders += self._files(place, name, words[:1], tuple(words[1:]))

    def _kernel(self, place: Place, words: list[str]) -> None:
        files = self._files(place, "kernel", words[:1], tuple(words[1:]))
        self._linux = files[0] if files else None
        self._initrds, self._loaders = [], []

    def _chain(self, place: Place, words: list[str]) -> None:
        if words and _BLOCKS.fullmatch(words[0]):
            self._loaders.append(LoadedFile(place, "chainloader", self._root, words[0]))
        else:
            self._loaders += self._files(place, "chainloader", words[:1])

    def _files(self, place: Place, name: str, paths: list[str], arguments: tuple[str, ...] = ()) -> list[LoadedFile]:
        located = [_FILE.fullmatch(path) for path in paths]
        if not located or None in located:
            self._note(place, f"a file wanted after {name}, {' '.join(paths)!r} found")
        return [LoadedFile(place, name, match[1] or self._root, match[2], arguments) for match in located if match]

    def end(self) -> None:
        """The entry, if there is one, is complete."""
        if self._title is not None and len(self.entries) < MAX_ENTRIES:
            place, title = self._title
            linux = self._linux
            if linux and self._loaders and self._loaders[0].command.startswith("module"):
                self._loaders.insert(0, linux)  # a multiboot kernel, such as Xen's
                linux = None
            if linux is None and not self._loaders:
                self._note(place, "kernel or chainloader wanted in the entry, none found")
            self.entries.append(
                MenuEntry(
                    place,
                    title,
                    str(len(self.entries)),
                    unrestricted=not self._locked,
                    linux=linux,
                    initrds=tuple(self._initrds),
                    loaders=tuple(self._loaders),
                    searches=tuple(self._searches),
                )
            )
        elif self._title is not None:
            self._note(self._title[0], f"at most {MAX_ENTRIES} entries wanted, more found")
        self._clear()


def _without_options(words: list[str]) -> list[str]:
    """Take away what stands before the file ("--type=linux")."""
    return list(dropwhile(lambda word: word.startswith("--"), words))


def _device(text: str) -> str | None:
    match = re.match(r"\(([^()]*)\)", text)
    return match[1] if match else None


class MappedDisk(msgspec.Struct, frozen=True):
    """A line of device.map: the disk of GRUB ("hd0") and the device of Linux."""

    place: Place
    disk: str
    device: str


class DeviceMap(msgspec.Struct, frozen=True):
    """The lines of device.map."""

    disks: tuple[MappedDisk, ...]
    problems: tuple[Problem, ...] = ()


def parse_device_map(text: str, path: str = "/boot/grub/device.map") -> DeviceMap:
    """Read device.map: GNU GRUB Legacy manual, "The map between BIOS drives and OS devices"."""
    disks: list[MappedDisk] = []
    problems: list[Problem] = []
    for number, line in enumerate(text[:MAX_TEXT].split("\n"), start=1):
        fields, place = line.split(), Place(path, number)
        if not fields or fields[0].startswith("#"):
            continue
        name = _device(fields[0])
        if name is None or len(fields) != 2:
            problems += [Problem(place, f"(hdN) and a device wanted, {line.strip()[:80]!r} found")]
        else:
            disks.append(MappedDisk(place, name, fields[1]))
    return DeviceMap(tuple(disks[:MAX_ENTRIES]), tuple(problems[:MAX_PROBLEMS]))
