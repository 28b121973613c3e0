r"""An entry of the list of installed programs: a key below `...\CurrentVersion\Uninstall`.

Source: Microsoft's documentation, "Uninstall Registry Key" (the values, and that Windows Installer calls the key after
the product code), "ARPSYSTEMCOMPONENT property" (what is not listed), "Working with Add or Remove Programs in the
Control Panel" (an update names the key and the name of what it updates, ParentKeyName and ParentDisplayName). That
`WindowsInstaller` and `SystemComponent` are REG_DWORDs, and that an entry without a DisplayName is passed over, is from
Microsoft's own reader (microsoft/winget-cli, ARPHelper). InstallDate is mostly `YYYYMMDD`, and any text all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.windows.registry import Key, Value, ValueType

MAX_TEXT: Final = 1 << 14
"""Bytes of a text; what is shown of it is a line of a list."""
_GUID: Final = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
Note = Callable[[Problem], None]
_Found = TypeVar("_Found")


class UninstallEntry(msgspec.Struct, frozen=True):
    """What an installer wrote of a program; "" where it wrote nothing.

    Attributes:
        key: the name of the key.
        place: the key.
        name: DisplayName.
        install_date: as it is written, mostly "20260301"; the day of the last repair or patch, of an MSI product.
        location: the folder it is installed in.
        product_code: of an MSI product.
        is_msi: whether Windows Installer takes care of it.
        is_system_component: whether its installer hides it from Programs and Features.
        parent: the key of the program that this is an update of, parent_name: how that is called.
    """

    key: str
    place: Place
    name: str = ""
    version: str = ""
    publisher: str = ""
    install_date: str = ""
    location: str = ""
    comments: str = ""
    url: str = ""
    parent: str = ""
    parent_name: str = ""
    product_code: str = ""
    is_msi: bool = False
    is_system_component: bool = False

    @property
    def hidden(self) -> str | None:
        """Why Programs and Features does not list it; None where it does, an update among the installed updates."""
        if self.is_system_component:
            return "system component"
        return None if self.name else "no display name"

    @property
    def updates(self) -> str:
        """What this is an update of, for a person; "" where it is none."""
        return self.parent and (self.parent_name or self.parent)


_TEXTS: Final = {
    "name": "DisplayName",
    "version": "DisplayVersion",
    "publisher": "Publisher",
    "install_date": "InstallDate",
    "location": "InstallLocation",
    "comments": "Comments",
    "url": "URLInfoAbout",
    "parent": "ParentKeyName",
    "parent_name": "ParentDisplayName",
}


def parse_uninstall_entry(key: Key) -> tuple[UninstallEntry, tuple[Problem, ...]]:
    """Return an entry, and a problem for each value that is there and cannot be read as what it has to be."""
    problems: dict[Problem, None] = {}  # a damaged list of values is met once for each of them

    def note(problem: Problem) -> None:
        problems[problem] = None

    texts = {field: _text(key, name, note) for field, name in _TEXTS.items()}
    is_msi = _flag(key, "WindowsInstaller", note)
    entry = UninstallEntry(
        key=key.name,
        place=key.place,
        **texts,
        product_code=key.name if is_msi and _GUID.fullmatch(key.name) else "",
        is_msi=is_msi,
        is_system_component=_flag(key, "SystemComponent", note),
    )
    return entry, tuple(problems)


def _text(key: Key, name: str, note: Note) -> str:
    def read(value: Value) -> str | None:
        if value.size > MAX_TEXT:
            raise ParseError(value.place, f"at most {MAX_TEXT} bytes of text wanted, {value.size} found")
        return value.text

    return _read(key, name, "a text", read, note) or ""


def _flag(key: Key, name: str, note: Note) -> bool:
    def read(value: Value) -> int | None:
        return value.number if value.type == ValueType.REG_DWORD else None

    return bool(_read(key, name, "a REG_DWORD", read, note))


def _read(key: Key, name: str, wanted: str, read: Callable[[Value], _Found | None], note: Note) -> _Found | None:
    try:
        value = key.value(name)
        found = None if value is None else read(value)
    except ParseError as error:
        note(Problem(error.place, error.message))
        return None
    if value is not None and found is None:
        note(Problem(value.place, f"{wanted} wanted, {value.size} bytes of {value.type_name} found"))
    return found
