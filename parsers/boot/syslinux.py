"""The configuration of Syslinux, EXTLINUX and ISOLINUX, `extlinux.conf` or `syslinux.cfg`; U-Boot reads it, too.

Directives: syslinux.cfg(5) and the menu's doc/menu.txt of Syslinux 6.03; U-Boot, doc/develop/distro.rst. Keywords are
read without regard to case. Files are named from the directory of the configuration; `::` begins at the top.

What Syslinux does without a hand on the keyboard: with a menu (`UI menu.c32`, or that as `DEFAULT`) the label marked
`MENU DEFAULT`, else the one that `DEFAULT` names, else the first boots after `TIMEOUT`, or what `ONTIMEOUT` says;
without `TIMEOUT` the menu waits. Without a menu `DEFAULT` boots at once, or after `TIMEOUT` with `PROMPT 1`. U-Boot
goes on with the first label where `DEFAULT` is missing.

Deliberately not done: keys and their files, `CONFIG`, and modules other than the menus (`COM32`), which are named as
what an entry loads. A path with a disk in front ("(hd0,1)/vmlinuz") keeps it as the device.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.boot.menu import Include, LoadedFile, MenuEntry, walk
from parsers.place import Place, Problem

MAX_TEXT: Final = 1024 * 1024
MAX_ENTRIES: Final = 500
MAX_PROBLEMS: Final = 100
MAX_INCLUDES: Final = 16
MAX_SUBMENUS: Final = 8

Read = Callable[[str], tuple[str, str] | None]
"""Takes a path below the top of the file system; returns the text and what to call the file."""

_LOADERS: Final = frozenset(
    {"kernel", "linux", "boot", "bss", "pxe", "fdimage", "comboot", "com32", "config", "localboot"}
)
_LABELS: Final = frozenset(
    {
        "append", "initrd", "fdt", "devicetree", "fdtdir", "devicetreedir", "ipappend", "sysappend", "fdtoverlays",
        "devicetree-overlay", "kaslrseed",
    }
)  # fmt: skip
_SETTINGS: Final = frozenset(
    {
        "default", "ui", "prompt", "timeout", "totaltimeout", "ontimeout", "onerror", "implicit", "noescape", "say",
        "nocomplete", "nohalt", "allowoptions", "display", "font", "kbdmap", "serial", "console", "path", "easykey",
        "sendcookies", "append", "ipappend", "sysappend",
    }
)  # fmt: skip
_KEY: Final = re.compile(r"f\d{1,2}")
_FILE: Final = re.compile(r"\(([^()]*)\)(.*)")
_NOT_LINUX: Final = (".c32", ".0", ".bin", ".bs", ".bss", ".bcd", ".com", ".cbt", ".img")
_MENUS: Final = frozenset({"menu.c32", "vesamenu.c32", "gfxboot.c32", "gfxboot.com"})


class Setting(msgspec.Struct, frozen=True):
    """A directive with its line."""

    place: Place
    name: str
    value: str


class SyslinuxConfig(msgspec.Struct, frozen=True):
    """A configuration.

    Attributes:
        settings: the directives outside of labels, in order; keywords in lower case.
        default: what is to boot by itself: a label, or a kernel with its arguments; None where nothing says so.
        chosen: the entries from the menu to the one that boots by default; empty where none does.
        default_found: whether `default` names a label.
        menu: whether a menu is shown (`UI`).
        timeout: tenths of a second, 0 for none.
        includes: files that are included.
    """

    path: str
    entries: tuple[MenuEntry, ...]
    settings: tuple[Setting, ...] = ()
    default: Setting | None = None
    chosen: tuple[MenuEntry, ...] = ()
    default_found: bool = True
    menu: bool = False
    timeout: int = 0
    includes: tuple[Include, ...] = ()
    problems: tuple[Problem, ...] = ()

    def setting(self, name: str) -> Setting | None:
        """Return the last directive `name` outside of labels."""
        return next((setting for setting in reversed(self.settings) if setting.name == name), None)

    @property
    def waits(self) -> bool:
        """Whether it waits for a key without end."""
        prompt = self.setting("prompt")
        return (self.menu or (prompt is not None and _number(prompt.value) > 0)) and not self.timeout


class _Level:
    """One menu, the first or that of a submenu."""

    def __init__(self, place: Place, title: str) -> None:
        self.place = place
        self.title = title
        self.entries: list[MenuEntry] = []
        self.marked: int | None = None


class _Label(msgspec.Struct):
    place: Place
    name: str
    title: str | None = None
    keys: dict[str, Setting] = msgspec.field(default_factory=dict)
    kind: str = "kernel"
    locked: bool = False
    marked: bool = False


def parse_syslinux(
    text: str, path: str = "/boot/extlinux/extlinux.conf", directory: str = "/boot/extlinux", read: Read | None = None
) -> SyslinuxConfig:
    """Read a configuration; `path` labels the places, `directory` is where its files are sought.

    `read` gives the files of `INCLUDE`; without, none is there.
    """
    reader = _Reader(directory, read)
    reader.text(text, path)
    reader.end()
    return _config(reader, path)


def _config(reader: _Reader, path: str) -> SyslinuxConfig:
    values = {setting.name: setting for setting in reader.settings}
    default = values.get("default")
    menu = "ui" in values or (default is not None and _is_menu(default.value))
    timeout = _tenths(values.get("timeout")) or _tenths(values.get("totaltimeout"))
    prompt = _tenths(values.get("prompt")) > 0
    if default and _is_menu(default.value):
        default = None
    if timeout and (menu or prompt) and "ontimeout" in values:
        default, menu_decides = values["ontimeout"], False
    else:
        menu_decides = menu
    top = reader.levels[0]
    chosen, found = reader.chosen(default, menu_decides=menu_decides)
    return SyslinuxConfig(
        path,
        tuple(top.entries),
        tuple(reader.settings),
        default,
        chosen,
        found,
        menu,
        timeout,
        tuple(reader.includes),
        tuple(reader.problems),
    )


def _is_menu(command: str) -> bool:
    words = command.split()
    return bool(words) and posixpath.basename(words[0]).lower() in _MENUS


def _tenths(setting: Setting | None) -> int:
    return _number(setting.value) if setting else 0


def _number(text: str) -> int:
    match = re.match(r"\s*(\d{1,9})", text)
    return int(match[1]) if match else 0


class _Reader:
    def __init__(self, directory: str, read: Read | None) -> None:
        self._directory = directory
        self._read = read
        self._label: _Label | None = None
        self._help = False
        self._entries = 0
        self.levels = [_Level(Place(directory), "")]
        self.settings: list[Setting] = []
        self.includes: list[Include] = []
        self.problems: list[Problem] = []

    def text(self, text: str, path: str) -> None:
        """Read the lines of a file."""
        for number, line in enumerate(text[:MAX_TEXT].replace("\r", "").split("\n"), start=1):
            words = line.strip().split(None, 1)
            if not words or words[0].startswith("#"):
                continue
            name, rest = words[0].lower(), words[1] if len(words) > 1 else ""
            if self._help:
                self._help = name != "endtext"
            else:
                self._line(Setting(Place(path, number), name, rest))

    def _note(self, place: Place, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(place, message))

    def _line(self, line: Setting) -> None:
        match line.name:
            case "label":
                self.end()
                self._label = _Label(line.place, line.value)
            case "text":
                self._help = line.value.lower().startswith("help")
            case "menu":
                self._menu(line)
            case "include":
                self._include(line.place, line.value)
            case _ if self._label and line.name in _LOADERS | _LABELS:
                self._label.keys["file" if line.name in _LOADERS else line.name] = line
                self._label.kind = line.name if line.name in _LOADERS else self._label.kind
            case _ if line.name in _SETTINGS:
                if len(self.settings) < MAX_ENTRIES:
                    self.settings.append(line)
            case _ if not _KEY.fullmatch(line.name) and line.name not in _LOADERS | _LABELS:
                self._note(line.place, f"a directive of Syslinux wanted, {line.name[:40]!r} found")

    def _menu(self, line: Setting) -> None:
        words = line.value.split(None, 1)
        name, rest = (words[0].lower() if words else ""), (words[1] if len(words) > 1 else "")
        label = self._label
        match name:
            case "begin":
                self.end()
                if len(self.levels) <= MAX_SUBMENUS:
                    self.levels.append(_Level(line.place, rest))
            case "end":
                self.end()
                self._close()
            case "title" if label is None and len(self.levels) > 1:
                self.levels[-1].title = rest
            case "include":
                self._include(line.place, rest.split()[0] if rest else "")
            case "label" if label:
                label.title = rest.replace("^", "", 1)
            case "default" if label:
                label.marked = True
            case "passwd" if label:
                label.locked = True

    def _close(self) -> None:
        """Leave a submenu, which becomes an entry of the menu around it."""
        if len(self.levels) == 1:
            return
        level = self.levels.pop()
        title = level.title or "submenu"
        inner = tuple(level.entries)
        self.levels[-1].entries.append(MenuEntry(level.place, title, title, submenu=True, entries=inner))

    def _include(self, place: Place, name: str) -> None:
        file = self._file(place, "include", name.split(maxsplit=1)[0] if name.split() else "")
        if len(self.includes) >= MAX_INCLUDES:
            self._note(place, f"at most {MAX_INCLUDES} included files wanted, more found")
            return
        found = self._read(file.path) if self._read else None
        self.includes.append(Include(file, found is not None))
        if found:
            self.text(*found)

    def end(self) -> None:
        """The label, if there is one, is complete."""
        label, self._label = self._label, None
        if label is None:
            return
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            self._note(label.place, f"at most {MAX_ENTRIES} labels wanted, more found")
            return
        level = self.levels[-1]
        if label.marked:
            level.marked = len(level.entries)
        level.entries.append(self._entry(label))

    def _entry(self, label: _Label) -> MenuEntry:
        file = label.keys.get("file") or Setting(label.place, "kernel", label.name)
        append = label.keys.get("append") or next(
            (setting for setting in reversed(self.settings) if setting.name == "append"), None
        )
        words = append.value.split() if append and append.value.strip() != "-" else []
        loaded = self._file(file.place, label.kind, file.value, tuple(words), append.place if append else None)
        is_linux = label.kind == "linux" or (label.kind == "kernel" and not file.value.lower().endswith(_NOT_LINUX))
        title = label.title or label.name
        return MenuEntry(
            label.place,
            title,
            label.name,
            unrestricted=not label.locked,
            linux=loaded if is_linux else None,
            initrds=self._initrds(label, loaded) if is_linux else (),
            loaders=() if is_linux else (loaded,),
        )

    def _initrds(self, label: _Label, kernel: LoadedFile) -> tuple[LoadedFile, ...]:
        """The files of `INITRD`, and those of `initrd=` among the arguments, of which the last counts."""
        given = [word.partition("=")[2] for word in kernel.arguments if word.startswith("initrd=")]
        line = label.keys.get("initrd")
        place, value = (line.place, line.value) if line else (kernel.line_of_arguments, given[-1] if given else "")
        return tuple(self._file(place, "initrd", name.strip()) for name in value.split(",") if name.strip())

    def _file(
        self, place: Place, command: str, name: str, arguments: tuple[str, ...] = (), line: Place | None = None
    ) -> LoadedFile:
        match = _FILE.fullmatch(name)
        device, name = (match[1], match[2]) if match else (None, name)
        top = "/" if name.startswith("::") else self._directory
        path = posixpath.normpath(posixpath.join(top, name.removeprefix("::"))).replace("//", "/")
        return LoadedFile(place, command, device, path, arguments, line)

    def chosen(self, default: Setting | None, *, menu_decides: bool) -> tuple[tuple[MenuEntry, ...], bool]:
        """Return the way to the entry that boots, and whether `default` names a label."""
        while len(self.levels) > 1:
            self._close()
        level = self.levels[0]
        marked = level.entries[level.marked] if level.marked is not None else None
        if menu_decides and marked:
            return (marked,), True
        if default is None:
            return _first(tuple(level.entries)) if menu_decides else (), menu_decides
        words = default.value.split()
        entries = tuple(walk(tuple(level.entries)))
        whole = next((entry for entry in entries if entry.id == default.value and not entry.submenu), None)
        named = whole or next((entry for entry in entries if words and entry.id == words[0]), None)
        if named:
            return (_with_words(named, default, () if whole else tuple(words[1:])),), True
        if menu_decides:
            return _first(tuple(level.entries)), False
        name = words[0] if words else ""
        label = _Label(default.place, name, keys={"append": Setting(default.place, "append", " ".join(words[1:]))})
        return (self._entry(label),), False


def _first(entries: tuple[MenuEntry, ...]) -> tuple[MenuEntry, ...]:
    """The way to the first entry, down into submenus."""
    way: list[MenuEntry] = []
    while entries:
        way.append(entries[0])
        entries = entries[0].entries
    return tuple(way)


def _with_words(entry: MenuEntry, default: Setting, words: tuple[str, ...]) -> MenuEntry:
    """Put what follows the label in `DEFAULT` behind the arguments."""
    if not words or entry.linux is None:
        return entry
    arguments = (*entry.linux.arguments, *words)
    return replace(entry, linux=replace(entry.linux, arguments=arguments, arguments_place=default.place))
