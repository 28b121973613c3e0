"""The systemd units of a guest: which file a name means, and which unit pulls in which.

Load path, aliases, masks and drop-ins: systemd.unit(5). /run is empty in a guest that is not running, so what
generators would write there is not seen; those that matter here are told of in `inspector/linux/generators.py`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Final

import msgspec

from inspector.guest import Guest, NotFound
from inspector.linux.generators import generated_pulls
from inspector.linux.presets import FirstBoot
from inspector.linux.pull import Pull
from inspector.linux.template import template_of
from parsers.filesystem.tree import FileType
from parsers.linux.systemd import Unit, parse_unit
from parsers.place import ParseError, Place

CONFIG: Final = "/etc/systemd/system"
"""Where `systemctl enable` makes its links."""
SEARCH: Final = (
    "/etc/systemd/system.control",
    CONFIG,
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_DEPENDENCY_FOLDERS: Final = (".wants", ".requires", ".upholds")
_DEPENDENCY_KEYS: Final = ("Wants", "Requires", "BindsTo", "Upholds")
_ACTIVATORS: Final = {".socket": ("Socket", "Service"), ".timer": ("Timer", "Unit"), ".path": ("Path", "Unit")}
_READ_ALWAYS: Final = (".target", *_ACTIVATORS)
"""Units that are read to find out what starts at boot; the text of the others matters only where no link decides."""
_SUFFIXES: Final = (".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice")
_UNIT_FILES: Final = frozenset({FileType.FILE, FileType.SYMLINK, FileType.UNKNOWN})
_MAX_ALIASES: Final = 16
_MAX_UNITS: Final = 20_000
_MAX_PENDING: Final = 50_000
_MAX_DROP_INS: Final = 256
_UNIT_LIMIT: Final = 1 << 18
"""Bytes; the largest units of distributions have some 10 KiB."""


class Kind(StrEnum):
    """What the file of a unit is."""

    FILE = "file"
    ALIAS = "alias"
    LINKED = "linked"
    MASK = "mask"
    DANGLING = "dangling"


class Fragment(msgspec.Struct, frozen=True):
    """The file that a unit name means. `target` is where a link leads, or for an alias the other unit's name."""

    name: str
    path: str
    kind: Kind
    target: str | None = None


class UnitFiles:
    """The unit files of one guest, listed on first use and read one by one as they are asked for."""

    def __init__(self, guest: Guest, first_boot: FirstBoot | None = None) -> None:
        """`first_boot` is what the next boot presets, where it is a first one."""
        self._guest = guest
        self._first_boot = first_boot
        self._fragments: dict[str, Fragment | None] = {}
        self._texts: dict[str, Unit] = {}
        self._closures: dict[bool, dict[str, Pull]] = {}

    # -- files -----------------------------------------------------------------------------------------------------

    @cached_property
    def directories(self) -> tuple[str, ...]:
        """The load path: those directories that exist, each once, the one that wins first."""
        real: dict[str, str] = {}
        for path in SEARCH:
            if self._guest.is_dir(path):
                real.setdefault(self._guest.realpath(path), path)
        return tuple(real.values())

    @cached_property
    def _listing(self) -> dict[str, dict[str, FileType]]:
        """What each directory of the load path holds."""
        return {
            directory: {entry.name: entry.type for entry in self._guest.listdir(directory)}
            for directory in self.directories
        }

    def names(self) -> list[str]:
        """Return the names of all unit files, aliases and masks among them."""
        found = {name for names in self._listing.values() for name, kind in names.items() if kind in _UNIT_FILES}
        return sorted(name for name in found if name.endswith(_SUFFIXES))

    def fragment(self, name: str) -> Fragment | None:
        """Return the file for `name`, for an instance also that of its template; None where there is none."""
        if name not in self._fragments:
            self._fragments[name] = self._find(name) or self._find(template_of(name))
        return self._fragments[name]

    def _find(self, name: str | None) -> Fragment | None:
        for directory, names in self._listing.items():
            if name in names:
                return self._classify(name, posixpath.join(directory, name))
        return None

    def _classify(self, name: str, path: str) -> Fragment:
        stat = self._guest.lstat(path)
        if stat.type is not FileType.SYMLINK:
            return Fragment(name, path, Kind.FILE if stat.size else Kind.MASK)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), self._guest.readlink(path)))
        if target == "/dev/null":
            return Fragment(name, path, Kind.MASK, target)
        if posixpath.basename(target) != name and not _is_own_template(name, posixpath.basename(target)):
            return Fragment(name, path, Kind.ALIAS, posixpath.basename(target))
        if not self._guest.exists(path):
            return Fragment(name, path, Kind.DANGLING, target)
        if self._guest.stat(path).size == 0:
            return Fragment(name, path, Kind.MASK, target)
        return Fragment(name, path, Kind.LINKED, target)

    def canonical(self, name: str) -> Fragment | None:
        """Follow aliases to the unit's own file; None where they end nowhere or go in a circle."""
        for _ in range(_MAX_ALIASES):
            fragment = self.fragment(name)
            if fragment is None or fragment.kind is not Kind.ALIAS or fragment.target is None:
                return fragment
            name = _with_instance(fragment.target, name)
        return None

    @cached_property
    def own_aliases(self) -> dict[str, list[Fragment]]:
        """The links below `CONFIG` that give a unit another name, under the name that they lead to."""
        found: dict[str, list[Fragment]] = {}
        for name, kind in self._listing.get(CONFIG, {}).items():
            if kind in {FileType.SYMLINK, FileType.UNKNOWN} and not name.endswith(_DEPENDENCY_FOLDERS):
                fragment = self._classify(name, posixpath.join(CONFIG, name))
                if fragment.kind is Kind.ALIAS and fragment.target is not None:
                    found.setdefault(fragment.target, []).append(fragment)
        return found

    def text(self, name: str) -> Unit:
        """Return what the unit's file and its drop-ins say; nothing where there is no file."""
        fragment = self.canonical(name)
        if fragment is None or fragment.kind in {Kind.MASK, Kind.DANGLING, Kind.ALIAS}:
            return Unit(())
        key = f"{fragment.path}\n{name}"
        if key not in self._texts:
            unit = self._read(fragment.path)
            drop_ins = self._drop_ins(fragment.name, name)
            if len(drop_ins) > _MAX_DROP_INS:
                found = f"at most {_MAX_DROP_INS} drop-ins wanted, {len(drop_ins)} found"
                raise ParseError(Place(fragment.path), found)
            for path in drop_ins:
                unit = unit.with_drop_in(self._read(path))
            self._texts[key] = unit
        return self._texts[key]

    def _read(self, path: str) -> Unit:
        try:
            return parse_unit(self._guest.read_text(path, limit=_UNIT_LIMIT), path)
        except NotFound:  # a dangling drop-in: systemd passes over it
            return Unit(())

    def _drop_ins(self, *names: str) -> list[str]:
        """The drop-ins of a unit in the order of their names; of two with one name the first directory's wins."""
        paths: dict[str, str] = {}
        for directory, listed in self._listing.items():
            for folder in dict.fromkeys(f"{name}.d" for own in names for name in _drop_in_names(own)):
                if folder in listed:
                    for path in self._guest.glob(posixpath.join(directory, folder, "*.conf")):
                        paths.setdefault(posixpath.basename(path), path)
        return [path for _, path in sorted(paths.items()) if self._guest.is_file(path)]

    # -- dependencies ----------------------------------------------------------------------------------------------

    @cached_property
    def links(self) -> dict[str, list[Pull]]:
        """What the .wants, .requires and .upholds folders pull in, under the unit whose folder it is."""
        found: dict[tuple[str, str], Pull] = {}
        for directory, names in self._listing.items():
            for folder in names:
                parent, suffix = posixpath.splitext(folder)
                if suffix in _DEPENDENCY_FOLDERS and self._guest.is_dir(posixpath.join(directory, folder)):
                    for pull in self._folder(posixpath.join(directory, folder), parent):
                        found.setdefault((folder, pull.unit), pull)
        pulls: dict[str, list[Pull]] = {}
        for pull in found.values():
            if not pull.masked:
                pulls.setdefault(self._name_of(pull.by), []).append(pull)
        return pulls

    def _folder(self, path: str, parent: str) -> Iterator[Pull]:
        for entry in self._guest.listdir(path):
            link = posixpath.join(path, entry.name)
            kind = entry.type if entry.type is not FileType.UNKNOWN else self._guest.lstat(link).type
            masked = kind is FileType.SYMLINK and self._guest.readlink(link) == "/dev/null"
            yield Pull(entry.name, parent, Place(link), f"{parent} pulls it in", masked=masked)

    def _name_of(self, name: str) -> str:
        """The name under which a unit is reached: that of its own file, for an instance its own."""
        fragment = self.canonical(name)
        return name if fragment is None or fragment.name == template_of(name) else fragment.name

    def dependencies(self, name: str) -> Iterator[Pull]:
        """What the text of a unit pulls in, and what it activates on first use."""
        unit = self.text(name)
        for key in _DEPENDENCY_KEYS:
            for assignment in unit.all("Unit", key):
                for word in assignment.value.split():
                    yield Pull(word, name, assignment.place, f"{name} says {key}={word}")

    def activated(self, name: str) -> Pull | None:
        """What a socket, timer or path unit starts when its time comes."""
        stem, suffix = posixpath.splitext(name)
        if suffix not in _ACTIVATORS:
            return None
        section, key = _ACTIVATORS[suffix]
        unit = self.text(name)
        if assignment := unit.last(section, key):
            return Pull(assignment.value, name, assignment.place, f"{name} activates it")
        fragment = self.canonical(name)
        accept = unit.last("Socket", "Accept")
        per_connection = accept is not None and accept.value.lower() in {"yes", "true", "on", "1"}
        service = f"{stem}@.service" if per_connection else f"{stem}.service"
        return Pull(service, name, Place(fragment.path if fragment else name), f"{name} activates it")

    def reached(self, *, deep: bool) -> dict[str, Pull]:
        """Return the units that the default target reaches, each with what pulls it in.

        `deep` reads the text of every unit on the way; otherwise only that of targets and of what activates others,
        which is where the links of the folders matter.
        """
        if deep not in self._closures:
            self._closures[deep] = self._close(deep=deep)
        return self._closures[deep]

    def _close(self, *, deep: bool) -> dict[str, Pull]:
        reached: dict[str, Pull] = {}
        start = self.fragment("default.target")
        pending = [Pull("default.target", "", Place(start.path if start else CONFIG), "it is the default target")]
        extra = generated_pulls(self._guest)
        links = self.links if self._first_boot is None else self._first_boot.links(self, CONFIG)
        while pending and len(reached) < _MAX_UNITS:
            pull = pending.pop()
            if pull.unit in reached or not self._is_there(pull.unit, deep=deep):
                continue
            reached[pull.unit] = pull
            if not deep and not pull.unit.endswith(_READ_ALWAYS):
                continue
            name = self._name_of(pull.unit)
            if name != pull.unit and name in reached:
                continue
            reached[name] = pull
            # The last one pushed is looked at first: text, then generators, then links, so that a link is the evidence.
            pending += [*self._by_text(name, deep=deep), *extra.get(name, ()), *links.get(name, ())]
            if len(pending) > _MAX_PENDING:
                raise ParseError(pull.place, f"at most {_MAX_PENDING} dependencies wanted, more found")
        return reached

    def _is_there(self, name: str, *, deep: bool) -> bool:
        """Whether a unit can be started. What pulls in nothing here is not looked at before it is asked for."""
        if not deep and not name.endswith(_READ_ALWAYS):
            return True
        fragment = self.canonical(name)
        return fragment is not None and fragment.kind not in {Kind.MASK, Kind.DANGLING}

    def _by_text(self, name: str, *, deep: bool) -> Iterator[Pull]:
        if deep or name.endswith(".target"):
            yield from self.dependencies(name)
        activated = self.activated(name)
        if activated is not None:
            yield activated


def _drop_in_names(name: str) -> Iterator[str]:
    """The names whose drop-ins count for a unit: its own, those it begins with up to a dash, and its type."""
    yield name
    stem, dot, suffix = name.rpartition(".")
    while "-" in (stem := stem.rstrip("-")):
        stem = stem[: stem.rindex("-") + 1]
        yield f"{stem}{dot}{suffix}"
    yield suffix


def _is_own_template(name: str, target: str) -> bool:
    return template_of(name) == target


def _with_instance(target: str, name: str) -> str:
    """Give a template that an instance is an alias of the same instance."""
    prefix, at, rest = target.partition("@.")
    instance = name.partition("@")[2].rpartition(".")[0]
    return f"{prefix}@{instance}.{rest}" if at and instance else target
