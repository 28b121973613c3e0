r"""Services and drivers: the keys below `SYSTEM\CurrentControlSet\Services`, and the files that they start.

Source: Microsoft's documentation, "CreateServiceW" (types, start types, error control), "HKLM\SYSTEM\CurrentControlSet\
Services registry tree" and "Specifying Driver Load Order": a driver without an image path is
`System32\drivers\<name>.sys`, and a relative path begins at the Windows folder. From Windows 8 on the system itself
writes `StartOverride\0` for a boot driver that its machine could do without: that number counts, not `Start`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec

from inspector.facts import UnknownFact
from inspector.windows.registry import Registry
from parsers.place import ParseError, Place
from parsers.windows.registry import Key

SERVICES: Final = r"HKLM\SYSTEM\CurrentControlSet\Services"
_DRIVER: Final = 0x3
_MAX_VALUES: Final = 200_000  # of all services; a busy server has a tenth of it
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
        start_override: what counts instead of `start` at the next boot; None where nothing does.
        type: bits: 1 a driver, 2 a driver of a file system, 0x10 and 0x20 programs.
        error_control: 0 to 3; at 3 the machine does not start without it.
        image_path: as it stands; "" where none is set.
        dll: of a service within svchost, `Parameters\ServiceDll`; "" where none is set.
        depends: services, and with a `+` before them groups, that have to run first.
        place: its key.
        start_place: where it is said when it is started, or would be.
    """

    name: str
    start: int | None
    start_override: int | None
    type: int | None
    error_control: int | None
    group: str
    image_path: str
    dll: str
    depends: tuple[str, ...]
    place: Place
    start_place: Place

    @property
    def is_driver(self) -> bool:
        """Whether the kernel loads it."""
        return bool((self.type or 0) & _DRIVER)

    @property
    def start_name(self) -> str:
        """When it is started, in words."""
        return Start(self.start).name.lower() if self.start in _STARTS else f"start type {self.start}"

    @property
    def lacks_dll(self) -> bool:
        """Whether it is to run within svchost, and names nothing that runs there."""
        return not self.dll and self.file.lower().endswith(r"\svchost.exe")

    @property
    def file(self) -> str:
        """Path of the file that is loaded: of a driver its image, of a service its DLL or program."""
        if self.dll:
            return self.dll
        if not self.image_path:
            return rf"\Windows\System32\drivers\{self.name}.sys"
        path = self.image_path
        if not self.is_driver and (match := _QUOTED.match(path) or _PROGRAM.match(path)):
            path = match[1]
        return path if _NAMED.match(path) else rf"\Windows\{path}"


class Services(msgspec.Struct, frozen=True):
    """Every service and driver of the machine."""

    items: tuple[Service, ...]


_STARTS: Final = frozenset(Start)


def service(registry: Registry, name: str) -> Service | None:
    """Return a service by its name, in any case; None where there is none. Raises what `Registry.key` raises."""
    key = registry.key(rf"{SERVICES}\{name}")
    return None if key is None else _service(registry, key)


def services(registry: Registry) -> Iterator[Service]:
    """Give every service.

    Raise `UnknownFact` where there are none, and `ParseError` where one cannot be read, or all have too many values.
    """
    room = _MAX_VALUES
    for key in registry.subkeys(SERVICES):
        room -= key.value_count + 1
        if room < 0:
            raise ParseError(registry.place(SERVICES), f"services with at most {_MAX_VALUES} values wanted, more found")
        yield _service(registry, key)
    if room == _MAX_VALUES:
        raise UnknownFact("the registry has no services", registry.place(SERVICES))


def _service(registry: Registry, key: Key) -> Service:
    registry.own(key)
    start = key.value("Start")
    parameters, override = (registry.own(key.subkey(name)) for name in ("Parameters", "StartOverride"))
    return Service(
        name=key.name,
        start=None if start is None else registry.wanted(start.number, "a number", start),
        start_override=_number(registry, override, "0") if override else None,
        type=_number(registry, key, "Type"),
        error_control=_number(registry, key, "ErrorControl"),
        group=_text(registry, key, "Group"),
        image_path=_text(registry, key, "ImagePath"),
        dll=(_text(registry, parameters, "ServiceDll") if parameters else "") or _text(registry, key, "ServiceDll"),
        depends=_texts(registry, key, "DependOnService"),
        place=registry.in_guest(key.place),
        start_place=registry.in_guest(start.place if start else Place(key.place.path, key=rf"{key.path}\Start")),
    )


def _number(registry: Registry, key: Key, name: str) -> int | None:
    value = key.value(name)
    return None if value is None else registry.wanted(value.number, "a number", value)


def _text(registry: Registry, key: Key, name: str) -> str:
    value = key.value(name)
    return "" if value is None else registry.wanted(value.text, "a text", value)


def _texts(registry: Registry, key: Key, name: str) -> tuple[str, ...]:
    value = key.value(name)
    if value is None:
        return ()
    texts = value.texts if value.texts is not None or value.text is None else tuple(filter(None, [value.text]))
    return registry.wanted(texts, "a list of texts", value)
