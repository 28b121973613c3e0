r"""The driver store: which package an id of a device leads to, and what the package says of itself.

Source: Windows 8 and later keep a database in `SYSTEM\DriverDatabase`, from Windows 10 on also in the hive DRIVERS, of
which Microsoft documents nothing. What is known of it is what machines have: the 239 packages of a real SYSTEM hive of
Windows 10, exports of two drivers, and what virt-v2v writes for the first start. `DeviceIds\<bus>\<id>` has a value for
each published INF file, `DriverInfFiles\<file>` names its packages and the one that is `Active`, `DriverPackages\
<package>` says who made it and its version, without which Windows passes it over, and its `Descriptors` which of its
`Configurations`, with which service, each id is given. A package that was staged, and never installed for a device, has
neither of the two, nor its service a start. The folder of a package is `System32\DriverStore\FileRepository\<package>`
(Microsoft, "Driver Store"). Not done: the names of a file in all packages (`DriverFiles`), and extensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts.windows_drivers import DriverPackage
from inspector.guest import Guest, NotFound
from inspector.windows.registry import Registry
from parsers.place import ParseError
from parsers.windows.driver_version import DriverVersion, parse_driver_version
from parsers.windows.inf import MAX_SIZE, Inf, parse_inf
from parsers.windows.registry import Key

DATABASES: Final = (r"HKLM\SYSTEM\DriverDatabase", r"HKLM\DRIVERS\DriverDatabase")
REPOSITORY: Final = r"\Windows\System32\DriverStore\FileRepository"
_UNSIGNED: Final = 0xF0000000
"""SIGNERSCORE_SIGNED_MASK of setupapi.h: all scores without these bits are those of signatures."""
_MAX_INFS: Final = 32 << 20
"""Bytes of INF files of one guest that are taken apart; those of virtio have a few thousand each."""


class DriverStore:
    """The packages of a guest, each read once."""

    def __init__(self, guest: Guest, registry: Registry) -> None:
        self._guest = guest
        self._registry = registry
        self._room = _MAX_INFS
        self._packages: dict[str, tuple[str, DriverPackage] | str] = {}
        self._infs: dict[str, Inf | None] = {}
        self._services: dict[str, dict[str, str]] = {}

    def subkeys(self, path: str, prefix: str = "") -> Iterator[Key]:
        """Give the subkeys of a key, with `prefix` those that it begins; none where its hive is not there."""
        try:
            yield from self._registry.subkeys(path, prefix)
        except NotFound:  # the hive DRIVERS came with Windows 10
            return

    def driver(self, published: str, device: str) -> tuple[DriverPackage | None, str, str | None]:
        """Return the active package of a published INF file, its service for `device`, and why it installs none.

        The service is "" where it is not told. Raise what `Registry.key` and `Guest.open` raise.
        """
        known = published.lower()
        if known not in self._packages:
            self._packages[known] = self._package(published)
        found = self._packages[known]
        if isinstance(found, str):
            return None, "", found
        path, package = found
        return package, self._service(path, device), None

    def inf(self, path: str) -> Inf | None:
        """Return the INF file at `path`; None where there is none. Raise `ParseError` where all are too large."""
        if path not in self._infs:
            try:
                content = self._guest.read_bytes(path, MAX_SIZE)
            except NotFound:
                self._infs[path] = None
                return None
            self._room -= len(content)
            if self._room < 0:
                raise ParseError(self._guest.place(path), f"INF files of at most {_MAX_INFS} bytes wanted, more found")
            self._infs[path] = parse_inf(content, self._guest.written(path))
        return self._infs[path]

    def services(self, path: str) -> dict[str, str]:
        r"""Return the services that the INF file at `path` installs for PCI devices, by their ids without `PCI\`."""
        if path not in self._services:
            inf = self.inf(path)
            found = ((name, inf.service(item.section)) for item in inf.devices() for name in item.ids) if inf else ()
            self._services[path] = {
                name.removeprefix("PCI\\"): service for name, service in found if service and name.startswith("PCI\\")
            }
        return self._services[path]

    def _package(self, published: str) -> tuple[str, DriverPackage] | str:
        """Return the key of the active package and what it says, or why there is none."""
        name = None
        for base in DATABASES:
            name = name or self._text(rf"{base}\DriverInfFiles\{published}", "Active")
        if not name:
            return f"no package of {published} is active"
        for base in DATABASES:
            path = rf"{base}\DriverPackages\{name}"
            if self._there(path):
                version = self._version(path)
                if version is None:
                    return f"its package {name} has no version"
                return path, self._described(path, name, published, version)
        return f"its package {name} is not in the driver database"

    def _version(self, path: str) -> DriverVersion | None:
        value = self._registry.value(path, "Version")
        return None if value is None else parse_driver_version(value.data, self._registry.in_guest(value.place))

    def _described(self, path: str, name: str, published: str, said: DriverVersion) -> DriverPackage:
        inf = self._text(path, "InfName") or ""
        version, date, place = said.version, said.date, self._registry.place(path, "Version")
        if version is None and inf and (text := self.inf(rf"{REPOSITORY}\{name}\{inf}")):
            version, date = text.driver_version, text.driver_date
            entry = text.entry("Version", "DriverVer")
            place = self._guest.place(rf"{REPOSITORY}\{name}\{inf}", entry.place.line if entry else None)
        provider = self._text(path, "Provider") or ""
        score = self._registry.number(path, "SignerScore") or 0
        unsigned = self._registry.place(path, "SignerScore") if score & _UNSIGNED else None
        return DriverPackage(name, inf, published, provider, version, date, place, unsigned)

    def _service(self, path: str, device: str) -> str:
        """Return the service that a package is configured with for a device; "" where it was staged alone."""
        section = self._text(rf"{path}\Descriptors\PCI\{device}", "Configuration")
        return (self._text(rf"{path}\Configurations\{section}", "Service") or "") if section else ""

    def _there(self, path: str) -> bool:
        try:
            return self._registry.key(path) is not None
        except NotFound:
            return False

    def _text(self, path: str, name: str) -> str | None:
        try:
            return self._registry.text(path, name)
        except NotFound:
            return None
