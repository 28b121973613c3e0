r"""The registry of a guest: keys under the names that Windows gives them, each hive opened when it is first asked for.

Source: Microsoft's documentation, "Registry Hives", "Predefined Keys" and "HKLM\SYSTEM\Select": `CurrentControlSet` is
no key of a hive but the control set that the next start takes: `Select\Default`, else `Select\Current`. Hives of users
are those of `ProfileList`.
Not done: `HKEY_CURRENT_USER` (a disk has no current user), volatile keys (`HARDWARE`), registry links: what lies behind
one is not known, as what lies in a control set that is not there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import replace

from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Guest, NotFound
from parsers.place import ParseError, Place
from parsers.source import Source, Window
from parsers.windows.registry import Hive, HiveState, Key, Value, ValueType, open_hive

CONFIG: Final = r"\Windows\System32\config"

# keys that several modules read
CURRENT_VERSION: Final = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PROFILE_LIST: Final = rf"{CURRENT_VERSION}\ProfileList"
WINLOGON: Final = rf"{CURRENT_VERSION}\Winlogon"
SESSION_MANAGER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
ENVIRONMENT: Final = rf"{SESSION_MANAGER}\Environment"
MOUNTED_DEVICES: Final = r"HKLM\SYSTEM\MountedDevices"
SETUP: Final = r"HKLM\SYSTEM\Setup"
UNINSTALL: Final = r"Microsoft\Windows\CurrentVersion\Uninstall"
"""Below SOFTWARE, each of its views for 32 bits, and Software of a user."""
SERVICING: Final = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"

UNFINISHED: Final = "the last write to the hive was not completed, and no log of it can be replayed"
_LOGS: Final = (".LOG1", ".LOG2", ".LOG")
_ROOTS: Final = {
    "HKEY_LOCAL_MACHINE": "HKLM",
    "HKEY_USERS": "HKU",
    "HKEY_CLASSES_ROOT": "HKCR",
    "HKEY_CURRENT_CONFIG": "HKCC",
    "HKEY_CURRENT_USER": "HKCU",
    "MACHINE": "HKLM",
    "USER": "HKU",
}
_PREFIX: Final = re.compile(r"(?i)\A(?:(?:Microsoft\.PowerShell\.Core\\)?Registry::|Computer\\|\\Registry\\)")
"""What PowerShell, regedit and the kernel put before a name."""
_ALIASES: Final = {
    "HKCR": ["HKLM", "SOFTWARE", "Classes"],
    "HKCC": ["HKLM", "SYSTEM", "CurrentControlSet", "Hardware Profiles", "Current"],
}
_MACHINE: Final = ("SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DRIVERS", "COMPONENTS")
_SERVICES: Final = {
    ".DEFAULT": rf"{CONFIG}\DEFAULT",
    "S-1-5-18": rf"{CONFIG}\DEFAULT",
    "S-1-5-19": r"\Windows\ServiceProfiles\LocalService\NTUSER.DAT",
    "S-1-5-20": r"\Windows\ServiceProfiles\NetworkService\NTUSER.DAT",
}
_NOT_HERE: Final = {
    "HARDWARE": "it is made when Windows starts, and no disk holds it",
    "BCD00000000": r"the boot store is a file: --hive '\Boot\BCD', of UEFI '\EFI\Microsoft\Boot\BCD', with --volume",
}
"""Keys of HKLM that are no hive of the folder of hives."""
_SHOWN: Final = 20
_CLASSES: Final = "_CLASSES"
_SEPARATORS: Final = re.compile(r"[\\/]+")

_Found = TypeVar("_Found")


class RegistryPathError(InspectorError):
    """A name that no hive of a guest can have."""


class Location(NamedTuple):
    r"""A key: its hive, what Windows calls the root of it (`HKEY_LOCAL_MACHINE\SYSTEM`), and the names below that."""

    hive: Hive
    root: str
    names: list[str]


class Registry:
    """The hives of a guest, and the keys in them.

    With `whole_only` a hive is not known whose last write was not completed, and of which no log can be replayed.
    """

    def __init__(self, guest: Guest, *, whole_only: bool = False) -> None:
        self._guest = guest
        self._whole_only = whole_only
        self._hives: dict[str, Hive | UnknownFact | ParseError] = {}
        self._volumes: dict[str, str | None] = {}
        self._control_set: str | None = None

    @property
    def control_set(self) -> str:
        r"""Name of the control set that the next start takes, such as `ControlSet001`.

        Raise `UnknownFact` where `Select` names none.
        """
        if self._control_set is None:
            hive = self.hive("SYSTEM")
            select = hive.key("Select")
            found = (select.value("Default") or select.value("Current")) if select else None
            if found is None or found.type != ValueType.REG_DWORD or found.number is None:
                raise UnknownFact(r"Select\Current names no control set", Place(hive.name, key=r"Select\Current"))
            self._control_set = f"ControlSet{found.number:03}"
        return self._control_set

    def hive(self, name: str) -> Hive:
        """Return a hive of the machine ("SYSTEM"); raise `UnknownFact` or `ParseError` where it cannot be had."""
        return self.open(rf"{CONFIG}\{name.upper()}")

    def key(self, path: str) -> Key | None:
        r"""Return the key at a path such as `HKLM\SYSTEM\CurrentControlSet\Services`; None where there is none.

        Raises:
            RegistryPathError: the path does not begin with a name of the registry.
            UnknownFact, ParseError: the hive is not there, or cannot be read as far as the key.
        """
        location = self.locate(path)
        key: Key | None = location.hive.root
        for name in location.names:
            key = self.own(key.subkey(name) if key else None)
        return key

    def own(self, key: Key | None) -> Key | None:
        """Return `key`, which is to be read; raise `UnknownFact` where another key is read in its place."""
        if key and (key.is_link or key.is_predefined):
            raise UnknownFact(f"{key.path} is a link to another key, which is not followed", self.in_guest(key.place))
        return key

    def value(self, path: str, name: str) -> Value | None:
        """Return a value of the key at `path`; None where there is no such key or value. Raises what `key` raises."""
        key = self.key(path)
        return key.value(name) if key else None

    def subkeys(self, path: str, prefix: str = "") -> Iterator[Key]:
        """Give all subkeys of the key at `path`, none where there is no such key, as `Key.all_subkeys` gives them."""
        key = self.key(path)
        return key.all_subkeys(prefix) if key else iter(())

    def values(self, path: str) -> Iterator[Value]:
        """Give all values of the key at `path`, none where there is no such key, as `Key.all_values` gives them."""
        key = self.key(path)
        return key.all_values() if key else iter(())

    def number(self, path: str, name: str) -> int | None:
        """Return the number of a value; None where there is none. Raise `UnknownFact` where it is no REG_DWORD."""
        value = self.value(path, name)
        return None if value is None else self.dword(value)

    def text(self, path: str, name: str) -> str | None:
        """Return the text of a value; None where there is none. Raise `UnknownFact` where it is no text."""
        value = self.value(path, name)
        return None if value is None else self.string(value)

    def texts(self, path: str, name: str) -> tuple[str, ...]:
        """Return the texts of a value; none where there is none. Raise `UnknownFact` where it is no list."""
        value = self.value(path, name)
        return () if value is None else self.wanted(value.texts, "a list of texts", value)

    def dword(self, value: Value) -> int:
        """Return the number of a REG_DWORD; raise `UnknownFact` where it is none, for Windows takes no other number."""
        return self.wanted(value.number if value.type == ValueType.REG_DWORD else None, "a REG_DWORD", value)

    def string(self, value: Value | None) -> str:
        """Return the text of a value, "" where there is none; raise `UnknownFact` where it is no text."""
        return "" if value is None else self.wanted(value.text, "a text", value)

    def wanted(self, found: _Found | None, what: str, value: Value) -> _Found:
        """Return what was found in a value; raise `UnknownFact` where it is not `what` was wanted."""
        if found is None:
            message = f"{value.place.key}: {what} wanted, {value.size} bytes of {value.type_name} found"
            raise UnknownFact(message, self.in_guest(value.place))
        return found

    def place(self, path: str, name: str | None = None) -> Place:
        """Return where the key at `path`, or the value `name` of it, stands, or would stand: then without an offset."""
        location = self.locate(path)
        try:
            key = location.hive.key(location.names)
            found = key.value(name) if key and name else key
        except ParseError:
            found = None
        names = [*location.names, *([name] if name else [])]
        return self.in_guest(found.place if found else Place(location.hive.name, key="\\".join(names)))

    def in_guest(self, place: Place) -> Place:
        """Return a place in a hive with the volume that it lies on."""
        if place.path not in self._volumes:
            self._volumes[place.path] = self._guest.volume_of(place.path)
        return replace(place, volume=self._volumes[place.path])

    def locate(self, path: str) -> Location:
        """Return the hive of a path, what it is called there, and the names below its root."""
        names = [name for name in _SEPARATORS.split(_PREFIX.sub("", path)) if name]
        root = names[0].upper().removesuffix(":") if names else ""
        root = _ROOTS.get(root, root)
        if root == "HKCU":
            raise RegistryPathError(r"a disk has no current user: name one (HKU\SID), or a file of a hive by --hive")
        if alias := _ALIASES.get(root):
            root, names = alias[0], [*alias, *names[1:]]
        if root in _MACHINE:  # SYSTEM\Select, as the hive is called
            root, names = "HKLM", ["HKLM", *names]
        if root == "HKLM" and len(names) > 1 and names[1].upper() in _MACHINE:
            return self._in_machine(names[1].upper(), names[2:])
        if root == "HKU" and len(names) > 1:
            return Location(self.open(self._user_hive(names[1])), rf"HKEY_USERS\{names[1]}", names[2:])
        raise RegistryPathError(self._refusal(path, root, names))

    def _refusal(self, path: str, root: str, names: list[str]) -> str:
        """Say what was wanted in place of a path that no hive has."""
        if root == "HKU":
            return rf"a key below HKU\SID wanted, HKU found; there are {self._users()}"
        if root == "HKLM" and len(names) > 1 and (where := _NOT_HERE.get(names[1].upper())):
            return f"{path}: {where}"
        wanted = rf"a key below HKLM\{{{','.join(_MACHINE)}}}, HKU\SID, HKCR or HKCC wanted"
        return f"{wanted}, {path} found" if path else wanted

    def _users(self) -> str:
        """The names below HKU that have hives, the first of them, with the folders of those that log on."""
        users = list(_SERVICES)
        with contextlib.suppress(UnknownFact, ParseError):
            for key in self.subkeys(PROFILE_LIST):
                if key.name not in _SERVICES:
                    users.append(f"{key.name} ({self.string(key.value('ProfileImagePath'))})")
        return ", ".join(users[:_SHOWN]) + (", ..." if len(users) > _SHOWN else "")

    def _in_machine(self, name: str, names: list[str]) -> Location:
        if name == "SYSTEM" and names and names[0].lower() == "currentcontrolset":
            names = [self.control_set, *names[1:]]
            if self.hive(name).key(names[:1]) is None:
                place = self.in_guest(Place(self.hive(name).name, key=names[0]))
                raise UnknownFact(f"{names[0]} is current, and not there", place)
        return Location(self.hive(name), rf"HKEY_LOCAL_MACHINE\{name}", names)

    def _user_hive(self, name: str) -> str:
        if path := _SERVICES.get(name.upper()):
            return path
        sid = name[: -len(_CLASSES)] if name.upper().endswith(_CLASSES) else name
        image = self.value(rf"{PROFILE_LIST}\{sid}", "ProfileImagePath")
        if image is None or not image.text:
            raise RegistryPathError(f"no profile of {sid} in {PROFILE_LIST}; there are {self._users()}")
        if sid != name:
            return rf"{image.text}\AppData\Local\Microsoft\Windows\UsrClass.dat"
        own, mandatory = rf"{image.text}\NTUSER.DAT", rf"{image.text}\NTUSER.MAN"
        return mandatory if not self._guest.exists(own) and self._guest.exists(mandatory) else own

    def open(self, path: str) -> Hive:
        """Return the hive that the file at `path` is, with its logs; raise what `hive` raises."""
        known = path.lower()
        if known not in self._hives:
            try:
                self._hives[known] = self._opened(path)
            except (UnknownFact, ParseError) as error:  # each rule asks for it again
                self._hives[known] = error
        found = self._hives[known]
        if not isinstance(found, Hive):
            raise found.with_traceback(None)
        return found

    def _opened(self, path: str) -> Hive:
        hive = open_hive(self._source(path), self._logs(path))
        if self._whole_only and hive.state is HiveState.DIRTY:
            raise UnknownFact(UNFINISHED, self.in_guest(Place(hive.name)))
        return hive

    def _logs(self, path: str) -> list[Source]:
        found = []
        for suffix in _LOGS:
            try:
                found.append(self._source(path + suffix))
            except NotFound:
                continue
        return [source for source in found if source.size]

    def _source(self, path: str) -> Source:
        written = self._guest.written(path)
        content = self._guest.open(written)
        return Window(content, 0, content.size, written)
