r"""Services and drivers: the keys below `SYSTEM\CurrentControlSet\Services`, and the files that they start.

Source: Microsoft's documentation, "CreateServiceW" (types, start types, error control), "HKLM\SYSTEM\CurrentControlSet\
Services registry tree" and "Specifying Driver Load Order": a driver without an image path is
`System32\drivers\<name>.sys`, and a relative path begins at the Windows folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from inspector.facts import UnknownFact
from inspector.windows.registry import Registry
from parsers.place import Place
from parsers.windows.registry import Key

SERVICES: Final = r"HKLM\SYSTEM\CurrentControlSet\Services"
_DRIVER: Final = 0x3
_NAMED: Final = re.compile(r"(?i)^(?:[A-Z]:|[\\/]|%)")
_QUOTED: Final = re.compile(r'\s*"([^"]*)"')
_PROGRAM: Final = re.compile(r"(?i)\s*(.+?\.(?:exe|sys|com|bat|cmd))(?=\s|$)")


class Start(IntEnum):
    """When a service is started."""

    BOOT = 0
    SYSTEM = 1
    AUTOMATIC = 2
    MANUAL = 3
    DISABLED = 4


class Service(msgspec.Struct, frozen=True):
    r"""A service or driver.

    Attributes:
        start: a number of `Start`; None where none is set.
        type: bits: 1 a driver, 2 a driver of a file system, 0x10 and 0x20 programs.
        error_control: 0 to 3; at 3 the machine does not start without it.
        image_path: as it stands; "" where none is set.
        dll: of a service within svchost, `Parameters\ServiceDll`; "" where none is set.
        depends: services, and with a `+` before them groups, that have to run first.
        place: its key.
    """

    name: str
    start: int | None
    type: int | None
    error_control: int | None
    group: str
    image_path: str
    dll: str
    depends: tuple[str, ...]
    place: Place

    @property
    def is_driver(self) -> bool:
        """Whether the kernel loads it."""
        return bool((self.type or 0) & _DRIVER)

    @property
    def start_name(self) -> str:
        """When it is started, in words."""
        return Start(self.start).name.lower() if self.start in _STARTS else f"start type {self.start}"

    @property
    def start_place(self) -> Place:
        """Where it is said when it is started."""
        return replace(self.place, key=rf"{self.place.key}\Start")

    @property
    def file(self) -> str:
        """Path of the file that is loaded: of a driver its image, of a service its DLL or program."""
        if self.dll:
            return self.dll
        if not self.image_path:
            return rf"C:\Windows\System32\drivers\{self.name}.sys"
        path = self.image_path
        if not self.is_driver and (match := _QUOTED.match(path) or _PROGRAM.match(path)):
            path = match[1]
        return path if _NAMED.match(path) else rf"C:\Windows\{path}"


_STARTS: Final = frozenset(Start)


def service(registry: Registry, name: str) -> Service | None:
    """Return a service by its name, in any case; None where there is none. Raises what `Registry.key` raises."""
    key = registry.key(rf"{SERVICES}\{name}")
    return None if key is None else _service(registry, key)


def services(registry: Registry) -> Iterator[Service]:
    """Give every service. Raise `UnknownFact` where there are none, and `ParseError` where one cannot be read."""
    found = False
    for key in registry.subkeys(SERVICES):
        found = True
        yield _service(registry, key)
    if not found:
        raise UnknownFact("the registry has no services", registry.place(SERVICES))


def _service(registry: Registry, key: Key) -> Service:
    parameters = key.subkey("Parameters")
    return Service(
        name=key.name,
        start=_number(key, "Start"),
        type=_number(key, "Type"),
        error_control=_number(key, "ErrorControl"),
        group=_text(key, "Group"),
        image_path=_text(key, "ImagePath"),
        dll=(_text(parameters, "ServiceDll") if parameters else "") or _text(key, "ServiceDll"),
        depends=_texts(key, "DependOnService"),
        place=registry.in_guest(key.place),
    )


def _number(key: Key, name: str) -> int | None:
    value = key.value(name)
    return value.number if value else None


def _text(key: Key, name: str) -> str:
    value = key.value(name)
    return (value.text or "") if value else ""


def _texts(key: Key, name: str) -> tuple[str, ...]:
    value = key.value(name)
    if value is None:
        return ()
    return value.texts if value.texts is not None else tuple(filter(None, [value.text]))
