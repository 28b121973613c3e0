r"""Services and drivers: the keys below `SYSTEM\CurrentControlSet\Services`, and the files that they start.

Source: Microsoft's documentation, "CreateServiceW" (types, start types, error control), "HKLM\SYSTEM\CurrentControlSet\
Services registry tree" and "Specifying Driver Load Order": a driver without an image path is
`System32\drivers\<name>.sys`, and a relative path begins at the Windows folder; a program or DLL that is named alone is
looked for in System32. From Windows 8 on the system itself writes `StartOverride\0` for a boot driver that its machine
could do without: that number counts, not `Start`.
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final

import msgspec

from inspector.facts import UnknownFact
from inspector.unread import Unread
from inspector.verdict import Evidence
from inspector.windows.registry import Registry
from parsers.place import ParseError, Place
from parsers.windows.registry import Key

SERVICES: Final = r"HKLM\SYSTEM\CurrentControlSet\Services"
TCPIP: Final = rf"{SERVICES}\Tcpip\Parameters"
INTERFACES: Final = rf"{TCPIP}\Interfaces"
_DRIVER: Final = 0xB
_MAX_VALUES: Final = 200_000  # of all services; a busy server has a tenth of it
_NAMED: Final = re.compile(r"(?i)^(?:[A-Z]:|[\\/]|%)")
_QUOTED: Final = re.compile(r'\s*"([^"]*)')
_PROGRAM: Final = re.compile(r"(?i)\s*(.+?\.(?:exe|sys|com|bat|cmd))(?=\s|$)")
_MAX_WORDS: Final = 32
_MAX_DEPENDED: Final = 512  # one of a real machine depends on a dozen


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
        type: bits: 1 a driver, 2 one of a file system, 8 one that recognises file systems, 0x10 and 0x20 programs.
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
    def can_start(self) -> bool:
        """Whether it is started at all: one without a start type is no service."""
        return self.start not in (None, Start.DISABLED)

    @property
    def start_name(self) -> str:
        """When it is started, in words."""
        if self.start is None:
            return "no start type"
        return Start(self.start).name.lower() if self.start in _STARTS else f"start type {self.start}"

    @property
    def lacks_dll(self) -> bool:
        """Whether it is to run within svchost, and names nothing that runs there."""
        return not self.dll and any(path.lower().endswith(r"\svchost.exe") for path in self.programs[:1])

    @property
    def file(self) -> str:
        """Path of the file that is loaded: of a driver its image, of a service its DLL or program."""
        if self.dll:
            return _path(self.dll)
        if self.is_driver and self.image_path:
            return self.image_path if _NAMED.match(self.image_path) else rf"\Windows\{self.image_path}"
        return self.programs[0] if self.programs else rf"\Windows\System32\drivers\{self.name}.sys"

    @property
    def programs(self) -> tuple[str, ...]:
        """Paths of which the first that is there is run: where spaces are not within quotes, each may end the path.

        The likely one stands before those. None where no image path is set.
        """
        if match := _QUOTED.match(self.image_path):
            return (_path(match[1], ".exe"),)
        words = self.image_path.split()
        paths = [" ".join(words[: count + 1]) for count in range(min(len(words), _MAX_WORDS))]
        likely = _PROGRAM.match(self.image_path)
        return tuple(_path(path, ".exe") for path in ([likely[1]] if likely else []) + paths)


def _path(path: str, extension: str = "") -> str:
    """Return the path of a program or DLL: one without an extension gets its own, a bare name is one of System32."""
    path = path.strip(" ")  # as Windows does with what an API is given
    if not ntpath.splitext(path)[1]:
        path += extension
    if _NAMED.match(path):
        return path
    return rf"\Windows\{path}" if "\\" in path or "/" in path else rf"\Windows\System32\{path}"


class Services(msgspec.Struct, frozen=True):
    """Every service and driver of the machine.

    Attributes:
        readable: those that could be read.
        unread: what kept others from being read.
    """

    readable: tuple[Service, ...]
    unread: Unread

    @property
    def items(self) -> tuple[Service, ...]:
        """All of them. Raise what `tell` raises."""
        self.tell()
        return self.readable

    def tell(self) -> None:
        """Raise `UnknownFact` or `ParseError` where one could not be read."""
        self.unread.tell()


_STARTS: Final = frozenset(Start)


def service(registry: Registry, name: str) -> Service | None:
    """Return a service by its name, in any case; None where there is none. Raises what `Registry.key` raises."""
    key = registry.key(rf"{SERVICES}\{name}")
    return None if key is None else _service(registry, key)


def absent(registry: Registry, name: str) -> Evidence:
    """Return the evidence that there is no service of a name."""
    return Evidence(registry.place(rf"{SERVICES}\{name}"), "no such service")


def services(registry: Registry) -> Services:
    """Return every service; those that cannot be read, and those behind too many values, hide none of the others.

    Raise `UnknownFact` or `ParseError` where none can be read.
    """
    found: list[Service] = []
    unread = Unread()
    room = _MAX_VALUES
    with unread.kept():
        for key in registry.subkeys(SERVICES):
            room -= key.value_count + 1
            if room < 0:
                message = f"services with at most {_MAX_VALUES} values wanted, more found"
                raise ParseError(registry.place(SERVICES), message)
            with unread.kept():
                found.append(_service(registry, key))
    if not found:
        unread.tell()
        raise UnknownFact("the registry has no services", registry.place(SERVICES))
    return Services(tuple(found), unread)


def unmet(
    registry: Registry, found: Service, known: Mapping[str, Service] | None = None
) -> Iterator[tuple[Place, str]]:
    """Give the services on which `found` depends that are not there or disabled, as a place and what was seen.

    `known` are services by their names in lower case, which are not read again. Raise what `service` raises.
    """
    for name in found.depends:
        if not name or name.startswith("+"):
            continue
        other = (known or {}).get(name.lower()) or service(registry, name)
        if other is None:
            yield registry.place(rf"{SERVICES}\{found.name}", "DependOnService"), f"{name}, which is not there"
        elif not other.can_start:
            yield other.start_place, f"{other.name}, on which {found.name} depends: {other.start_name}"


def depended(registry: Registry, found: Service) -> tuple[Service, ...]:
    """Return a service, and all that it depends on in turn, each once, as far as they are there and not disabled."""
    known: dict[str, Service] = {}
    waiting = [found]
    while waiting:
        item = waiting.pop()
        if item.name.lower() in known:
            continue
        known[item.name.lower()] = item
        if len(known) > _MAX_DEPENDED:
            message = f"a service that depends on at most {_MAX_DEPENDED} others wanted, more found"
            raise ParseError(found.place, message)
        names = (name for name in item.depends if name and not name.startswith("+"))
        waiting += (other for name in names if (other := service(registry, name)) and other.can_start)
    return (*known.values(),)


def _service(registry: Registry, key: Key) -> Service:
    registry.own(key)
    start = key.value("Start")
    parameters, override = (registry.own(key.subkey(name)) for name in ("Parameters", "StartOverride"))
    dll = registry.string(parameters.value("ServiceDll")) if parameters else ""
    return Service(
        name=key.name,
        start=None if start is None else registry.dword(start),
        start_override=_number(registry, override, "0") if override else None,
        type=_number(registry, key, "Type"),
        error_control=_number(registry, key, "ErrorControl"),
        group=registry.string(key.value("Group")),
        image_path=registry.string(key.value("ImagePath")),
        dll=dll or registry.string(key.value("ServiceDll")),
        depends=_texts(registry, key, "DependOnService"),
        place=registry.in_guest(key.place),
        start_place=registry.in_guest(start.place if start else Place(key.place.path, key=rf"{key.path}\Start")),
    )


def _number(registry: Registry, key: Key, name: str) -> int | None:
    value = key.value(name)
    return None if value is None else registry.dword(value)


def _texts(registry: Registry, key: Key, name: str) -> tuple[str, ...]:
    value = key.value(name)
    if value is None:
        return ()
    texts = value.texts if value.texts is not None or value.text is None else tuple(filter(None, [value.text]))
    return registry.wanted(texts, "a list of texts", value)
