r"""Packages of virtio's drivers: how old they are, whether they are whole, and whether their files were signed.

Source: Microsoft, "How Windows Ranks Drivers" and "INF DriverVer Directive": of packages for one device the newest date
counts, then the highest version. The sources of virtio's drivers number them `<Windows>.<release of Red Hat Enterprise
Linux>.<major>.<minor>`, where Red Hat's own minor number is a hundred times that of its build, and 58000 where nobody
sets one. Alibaba Cloud's number goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_drivers import DriverPackage, VirtioDrivers
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, ok, warning
from inspector.windows.driver_store import REPOSITORY
from inspector.windows.files import flaw_of_file
from inspector.windows.registry import Registry
from inspector.windows.services import service
from parsers.place import ParseError, Place
from parsers.windows.authenticode import Authenticode, parse_authenticode
from parsers.windows.pe_version import parse_pe_version

_DEVICES: Final = (("1001", "1042"), ("1004", "1048"), ("1000", "1041"), ("1002", "1045"), ("1003", "1043"))
"""Disk, SCSI adapter, network card, memory balloon, console: transitional and modern."""
_CATALOGS: Final = r"\Windows\System32\CatRoot\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}"
_MAJORS: Final = range(101, 110)
_UNSET: Final = 58000
_SEQUENCE: Final = b"\x30"
_OEM: Final = re.compile(r"(?i)oem\d{1,5}\.cat")
_MAX_CATALOG: Final = 4 << 20
_MAX_CATALOGS: Final = 64 << 20
"""Bytes of catalogues of one guest; one has some ten thousand."""


@rule("windows-virtio-drivers-are-recent", "The virtio drivers are no older than the cloud recommends", "windows")
def windows_virtio_drivers_are_recent(facts: Facts, *, minimum: int, release: int) -> Verdict:
    r"""Of each device's packages the newest counts: a signed one, by its date, then its version. Windows takes it, too.

    The cloud numbers its own drivers in the fourth part, which has to be `minimum` or more. Red Hat's packages, which
    are numbered otherwise there, are held against the `release` of Red Hat Enterprise Linux that both kinds name in the
    second part. The file that a service names says nothing: Windows may replace it when it starts.

    Why: older drivers are slower, and have faults that have been mended since.

    Fix: install the cloud's package of virtio drivers, or a newer one of Red Hat's (virtio-win).

    Reads: DriverDatabase\DriverPackages of SYSTEM and DRIVERS (Version), DriverStore\FileRepository; of Windows 7 and
    Server 2008 R2 C:\Windows\INF\oem*.inf (DriverVer); the versions of the .sys files

    References: Alibaba Cloud, diagnosis of Windows on ECS, driver integrity (58017; it asks it of Red Hat's packages
    too); Microsoft, How Windows Ranks Drivers, INF DriverVer directive; virtio-win, build scripts (STAMPINF_VERSION).
    """
    asked = list(_asked(facts))
    if not asked:
        seen = Evidence(facts[Guest].place(REPOSITORY), "no package")
        return warning("no package tells the version of a virtio driver", seen, *_running(facts, {"viostor"}))
    running = _running(facts, {item.service for item in asked})
    if old := [evidence for item in asked if (evidence := _age(item, minimum, release))]:
        return warning("virtio drivers are older than the cloud recommends, or tell no version", *old, *running)
    packages = {item.package: None for item in asked if item.package}
    return ok("the virtio drivers are recent", *(Evidence(item.place, item.title) for item in packages), *running)


class _Asked(NamedTuple):
    """A device that has a driver: the package that Windows takes for it, its service, and where its id stands."""

    package: DriverPackage | None
    service: str
    place: Place


def _asked(facts: Facts) -> Iterator[_Asked]:
    for numbers in _DEVICES:
        if matches := facts[VirtioDrivers].of(*numbers):
            packages = [match.package for match in matches if match.package]
            newest = max(packages, key=lambda it: (not it.unsigned, it.date or (), it.version or ()), default=None)
            name = next((match.service for match in matches if match.service), "")
            yield _Asked(newest, name, matches[0].place)


def _age(item: _Asked, minimum: int, release: int) -> Evidence | None:
    """Say what is too old about a package, or not known; None where nothing is."""
    if item.package is None:
        return Evidence(item.place, f"no package tells the version of {item.service or 'its driver'}")
    flaw = _flaw(item.package.version, minimum, release)
    return Evidence(item.package.place, f"{item.package.title}: {flaw}") if flaw else None


def _flaw(version: tuple[int, int, int, int] | None, minimum: int, release: int) -> str | None:
    if version is None:
        return "it tells no version"
    _, second, third, fourth = version
    if third not in _MAJORS:
        return "it is not numbered as virtio drivers are"
    if fourth >= minimum:
        return None
    if fourth >= _UNSET:
        return f"build {minimum} wanted"
    return None if second >= release else f"Red Hat's of release {release} wanted, {second} found"


def _running(facts: Facts, names: Iterable[str]) -> Iterator[Evidence]:
    """Give the versions of the files of services, where they can be told."""
    for name in sorted(names):
        try:
            found = service(facts[Registry], name) if name else None
            version = parse_pe_version(facts[Guest].open(found.file)) if found else None
        except (UnknownFact, ParseError):
            continue
        if found and version:
            yield Evidence(facts[Guest].place(found.file), f"file version {version}")


@rule("windows-virtio-packages-are-whole", "The packages of the virtio drivers are whole", "windows")
def windows_virtio_packages_are_whole(facts: Facts) -> Verdict:
    r"""The INF file of each is in the driver store, and its catalogue, with the signatures, where Windows looks it up.

    Why: a driver whose catalogue is gone is one without a signature, which 64-bit Windows does not load (0xc0000428);
    without its INF file a package cannot be installed for the devices of the instance.

    Fix: install the package anew (`pnputil /add-driver viostor.inf /install`, before Windows 10 1607 and Server 2016
    `pnputil -i -a viostor.inf`).

    Reads: DriverStore\FileRepository, C:\Windows\INF, CatRoot\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}

    References: Microsoft, Catalog files and digital signatures (they are put into CatRoot with the package), Driver
    Store.
    """
    packages = {item for match in facts[VirtioDrivers].matches if (item := match.package) and _is_published(item)}
    if not packages:
        raise NotApplicable("no package of a virtio driver is published")
    looked = [seen for item in sorted(packages, key=lambda it: it.published) for seen in _parts(facts, item)]
    if bad := [evidence for flaw, evidence in looked if flaw]:
        return warning("packages of virtio drivers are not whole", *bad)
    return ok("the packages of the virtio drivers are whole", *(evidence for _, evidence in looked))


def _is_published(package: DriverPackage) -> bool:
    """Tell whether it is a third party's, and not one that was written by hand for one start."""
    return package.published.lower().startswith("oem") and package.published.lower().endswith(".inf")


def _parts(facts: Facts, package: DriverPackage) -> Iterator[tuple[str | None, Evidence]]:
    """Say what is wrong with each file of a package (None: nothing), with what was seen."""
    base = package.published[: -len(".inf")]
    paths = [rf"\Windows\INF\{package.published}"]
    if package.name and package.inf:
        paths.append(rf"{REPOSITORY}\{package.name}\{package.inf}")
    heads = {**dict.fromkeys(paths, b""), rf"{_CATALOGS}\{base}.cat": _SEQUENCE}
    for path, head in heads.items():
        flaw = flaw_of_file(facts[Guest], path, head, "catalogue")
        yield flaw, Evidence(facts[Guest].place(path), flaw or "there")


@rule(
    "windows-virtio-drivers-match-their-signatures",
    "The files of the virtio drivers are those that were signed",
    "windows",
)
def windows_virtio_drivers_match_their_signatures(facts: Facts) -> Verdict:
    r"""The digest of each file is in its own signature, or in a catalogue of a third party's package.

    Windows itself found a signature when it staged the packages (`SignerScore`); whether it is trusted is not asked.

    Why: 64-bit Windows loads no driver whose file was replaced or changed after it was signed (0xc0000428), which a
    file that was copied over an older one is the usual case of.

    Fix: install the driver with its INF file and its catalogue (`pnputil /add-driver viostor.inf /install`, before
    Windows 10 1607 and Server 2016 `pnputil -i -a viostor.inf`), not by copying the .sys file.

    Reads: the .sys files of the services, DriverDatabase\DriverPackages (SignerScore),
    CatRoot\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}\oem*.cat

    References: Microsoft, Windows Authenticode Portable Executable Signature Format; Catalog files and digital
    signatures; Driver Signing Policy; setupapi.h (SIGNERSCORE_UNSIGNED).
    """
    services = {match.service.lower() for match in facts[VirtioDrivers].matches if match.service}
    found = [item for name in sorted(services) if (item := service(facts[Registry], name))]
    files = {item.name: item.file for item in found if facts[Guest].is_file(item.file)}
    if not files:
        raise NotApplicable("no file of a virtio driver is there")
    catalogs = _Catalogs(facts[Guest])
    packages = {match.package: None for match in facts[VirtioDrivers].matches if match.package}
    first = {f"{item.published[: -len('.inf')]}.cat" for item in packages if _is_published(item)}
    looked = [_vouched(facts[Guest], path, catalogs, sorted(first)) for path in files.values()]
    unsigned = [Evidence(it.unsigned, f"{it.title} was staged without a signature") for it in packages if it.unsigned]
    if bad := [*unsigned, *(evidence for is_good, evidence in looked if not is_good)]:
        return warning("files of virtio drivers are not those that were signed", *bad)
    return ok("the files of the virtio drivers are those that were signed", *(evidence for _, evidence in looked))


class _Catalogs:
    """The catalogues of third parties' packages, each read when it is first asked for."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._room = _MAX_CATALOGS
        self._read: dict[str, bytes] = {}

    def all(self) -> list[str]:
        """Return their names: thousands of files lie beside them."""
        try:
            return [entry.name for entry in self._guest.listdir(_CATALOGS) if _OEM.fullmatch(entry.name)]
        except NotFound:
            return []

    def holder(self, found: Authenticode, names: Iterable[str]) -> str | None:
        """Return the first one of these that holds a digest; None where none does."""
        return next((name for name in names if found.is_in(self._content(name))), None)

    def _content(self, name: str) -> bytes:
        if name not in self._read:
            try:
                content = self._guest.read_bytes(rf"{_CATALOGS}\{name}", _MAX_CATALOG)
            except NotFound:
                content = b""
            self._room -= len(content)
            if self._room < 0:
                message = f"catalogues of at most {_MAX_CATALOGS} bytes wanted, more found"
                raise ParseError(self._guest.place(_CATALOGS), message)
            self._read[name] = content
        return self._read[name]


def _vouched(guest: Guest, path: str, catalogs: _Catalogs, first: list[str]) -> tuple[bool, Evidence]:
    """Tell whether a signature holds the digest of a file, with what was seen; `first` are the likely catalogues."""
    place = guest.place(path)
    try:
        found = parse_authenticode(guest.open(path))
    except ParseError as error:
        return False, Evidence(place, f"it has no digest: {error.message}")
    if found.is_in(found.certificates):
        return True, Evidence(place, "its digest is in its own signature")
    if name := catalogs.holder(found, first):
        return True, Evidence(place, f"its digest is in {name}")
    names = catalogs.all()
    if name := catalogs.holder(found, names):
        return True, Evidence(place, f"its digest is in {name}")
    what = "its own signature is of another file" if found.certificates else "it has no signature of its own"
    return False, Evidence(place, f"{what}, and none of {len(names)} catalogues holds its digest")


RULES = (
    windows_virtio_drivers_are_recent,
    windows_virtio_packages_are_whole,
    windows_virtio_drivers_match_their_signatures,
)
