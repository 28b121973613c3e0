"""Collects `CloudInit`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.cloud_init import MARKER, CloudInit, Seed, Version
from inspector.facts.packages import Packages
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.programs import program_flaw
from inspector.linux.units import UnitFiles
from parsers.linux.cloud_init import (
    CloudConfig,
    CloudConfigFile,
    DsIdentifyConfig,
    merge_cloud_config,
    parse_cloud_config,
    parse_ds_identify,
    shell_datasources,
)
from parsers.linux.package import Package
from parsers.linux.systemd import parse_unit, split_words
from parsers.network.interface import Configuration
from parsers.place import Place
from parsers.yaml_document import Scalar

CONFIG: Final = "/etc/cloud/cloud.cfg"
PROGRAMS: Final = ("/usr/bin/cloud-init", "/usr/local/bin/cloud-init")
_IDENTIFY_CONFIG: Final = "/etc/cloud/ds-identify.cfg"
_GENERATORS: Final = (
    "/etc/systemd/system-generators/cloud-init-generator",
    "/usr/local/lib/systemd/system-generators/cloud-init-generator",
    "/usr/lib/systemd/system-generators/cloud-init-generator",
    "/lib/systemd/system-generators/cloud-init-generator",
)
_IDENTIFY: Final = ("/usr/lib/cloud-init/ds-identify", "/usr/libexec/cloud-init/ds-identify")
_MODULES: Final = (
    "/usr/lib/python3*/dist-packages/cloudinit/version.py",
    "/usr/lib/python3*/site-packages/cloudinit/version.py",
    "/usr/local/lib/python3*/dist-packages/cloudinit/version.py",
    "/usr/local/lib/python3*/site-packages/cloudinit/version.py",
    "/usr/lib/python2*/dist-packages/cloudinit/version.py",
    "/usr/lib/python2*/site-packages/cloudinit/version.py",
)
_SOURCES: Final = ("sources/DataSource*.py", "sources/DataSource*.py[co]", "../DataSource*.py")
"""The modules of data sources: in cloud-init's package, and beside it (cloudinit.sources.list_sources)."""
_VERSION: Final = re.compile(r"^(?:__VERSION__|_VERSION)\s*=\s*[\"']([0-9][^\"']*)[\"']", re.MULTILINE)
_SEEDS: Final = {"nocloud": "NoCloud", "nocloud-net": "NoCloud"}
_SEED_FOLDERS: Final = ("/var/lib/cloud/seed", "/writable/system-data/var/lib/cloud/seed")
_UPGRADED: Final = "/var/lib/cloud/data/upgraded-network"
_SYSTEM_CONF: Final = (
    "/usr/lib/systemd/system.conf",
    "/etc/systemd/system.conf",
    "/usr/lib/systemd/system.conf.d/*.conf",
    "/etc/systemd/system.conf.d/*.conf",
)
_SHARED: Final = "/run/cloud-init/share/"
_COMMANDS: Final = ("cloud-init", "cloud_init", "cloudinit")
_TEXT_LIMIT: Final = 1 << 20
_FILES_MAX: Final = 256


def collect_cloud_init(facts: Facts) -> CloudInit:
    """Read everything of cloud-init; a guest without it gives a fact as well, which says so."""
    guest = facts[Guest]
    programs = _first(guest, *PROGRAMS)
    present = tuple(path for path in (programs, CONFIG) if path and guest.is_file(path))
    missing = tuple(path for path in (PROGRAMS[0] if not programs else None, CONFIG) if path and path not in present)
    package = _package(facts)
    config = merge_cloud_config(_config_files(guest))
    kernel, reason = _kernel(facts)
    return CloudInit(
        programs=present,
        missing=missing,
        package=package,
        version=_version(guest, package),
        config=config,
        units=tuple(_units(guest, facts[Services])) if programs else (),
        generator=_generator(guest),
        identify=_identify(guest),
        identify_config=_identify_config(guest),
        shell=shell_datasources(_shell_texts(guest)),
        environment=_environment(guest),
        marker=_place_of_file(guest, MARKER),
        force=_place_of_file(guest, "/etc/cloud/cloud-init.enabled"),
        kernel=kernel,
        kernel_reason=reason,
        seeds=tuple(_seeds(guest)),
        upgraded_network=_place_of_file(guest, _UPGRADED),
        system_network=_system_network(config),
        dmi=not guest.exists("/usr/lib/aarch64-linux-gnu"),
        flaw=program_flaw(guest, programs) if programs else None,
        sources=tuple(_sources(guest)),
    )


def _first(guest: Guest, *paths: str) -> str | None:
    return next((path for path in paths if guest.is_file(path)), None)


def _place_of_file(guest: Guest, path: str) -> Place | None:
    return Place(path) if guest.is_file(path) else None


def _package(facts: Facts) -> Package | None:
    try:
        return facts[Packages].find("cloud-init")
    except UnknownFact:
        return None  # The program itself decides whether it is installed; the version is then read from its module.


def _kernel(facts: Facts) -> tuple[DefaultKernel | None, UnknownFact | None]:
    try:
        return facts[DefaultKernel], None
    except UnknownFact as reason:
        return None, reason


def _version(guest: Guest, package: Package | None) -> Version | None:
    if package is not None and package.version:
        return Version(package.full_version, package.place)
    for path in (path for pattern in _MODULES for path in guest.glob(pattern)):
        text = guest.read_text(path, _TEXT_LIMIT)
        match = _VERSION.search(text)
        if match:
            return Version(match[1], Place(path, text.count("\n", 0, match.start()) + 1))
    return None


def _sources(guest: Guest) -> Iterator[str]:
    """Give the modules of data sources below every Python that has cloud-init, whichever of them runs it."""
    for folder in dict.fromkeys(posixpath.dirname(path) for pattern in _MODULES for path in guest.glob(pattern)):
        for pattern in _SOURCES:
            found = guest.glob(posixpath.normpath(f"{folder}/{pattern}"))
            yield from (path for path in found if guest.is_file(path))


def _config_files(guest: Guest) -> list[CloudConfigFile]:
    """Read cloud.cfg and the files of its directory, in the order in which they override one another."""
    files = [_parse(guest, CONFIG)] if guest.is_file(CONFIG) else []
    folder = f"{CONFIG}.d"
    root = files[0].root if files else None
    if root is not None and "conf_d" in root.entries:
        named = root.entries["conf_d"]
        folder = named.text.strip() if isinstance(named, Scalar) and named.value else ""
    if not folder or not guest.is_dir(folder):
        return files
    # A link that leads nowhere is no file, and passed over: some clouds put such links there on purpose.
    names = [entry.name for entry in guest.listdir(folder) if entry.name.endswith(".cfg")]
    if len(names) > _FILES_MAX:
        raise UnknownFact(f"at most {_FILES_MAX} files wanted, {len(names)} found", Place(folder))
    return files + [_parse(guest, path) for name in names if guest.is_file(path := f"{folder}/{name}")]


def _parse(guest: Guest, path: str) -> CloudConfigFile:
    return parse_cloud_config(guest.read_text(path, _TEXT_LIMIT), path)


def _shell_texts(guest: Guest) -> Iterator[tuple[str, str]]:
    """Give the files that ds-identify looks through: other than Python's, hidden ones are not among them."""
    for path in (CONFIG, *guest.glob(f"{CONFIG}.d/*.cfg")):
        if guest.is_file(path):
            yield guest.read_text(path, _TEXT_LIMIT), path


def _generator(guest: Guest) -> str | None:
    """Return the generator; one that is a link to /dev/null in an earlier directory was switched off."""
    path = next((path for path in _GENERATORS if guest.glob(path)), None)
    return path if path and guest.is_file(path) and guest.stat(path).mode & 0o111 else None


def _identify(guest: Guest) -> str | None:
    """Return ds-identify where it can be executed; the generator does without it otherwise."""
    path = _first(guest, *_IDENTIFY)
    return path if path and guest.stat(path).mode & 0o111 else None


def _identify_config(guest: Guest) -> DsIdentifyConfig:
    try:
        return parse_ds_identify(guest.read_text(_IDENTIFY_CONFIG, _TEXT_LIMIT), _IDENTIFY_CONFIG)
    except NotFound:
        return DsIdentifyConfig()


def _environment(guest: Guest) -> tuple[str, Place] | None:
    """Return KERNEL_CMDLINE from systemd's own configuration (systemd-system.conf(5))."""
    found: tuple[str, Place] | None = None
    for path in (path for pattern in _SYSTEM_CONF for path in guest.glob(pattern)):
        if not guest.is_file(path):
            continue
        unit = parse_unit(guest.read_text(path, _TEXT_LIMIT), path)
        for key in ("DefaultEnvironment", "ManagerEnvironment"):
            for assignment in unit.all("Manager", key):
                for word in split_words(assignment.value):
                    name, equals, value = word.partition("=")
                    if equals and name == "KERNEL_CMDLINE":
                        found = value, assignment.place
    return found


def _units(guest: Guest, services: Services) -> Iterator[UnitState]:
    """Give the units of the boot stages: since 24.3 cloud-init.service is called cloud-init-network.service.

    Where one process runs all stages, their units only tell it to, so that its own must be there.
    """
    yield services.working("cloud-init-local.service", *_COMMANDS)
    network = services.working("cloud-init-network.service", *_COMMANDS)
    yield network if network.installed else services.working("cloud-init.service", *_COMMANDS)
    yield services.working("cloud-config.service", *_COMMANDS)
    yield services.working("cloud-final.service", *_COMMANDS)
    main = services.working("cloud-init-main.service", *_COMMANDS)
    if main.installed or (services.manager == "systemd" and _asks_main(guest, network)):
        yield main


def _asks_main(guest: Guest, stage: UnitState) -> bool:
    if stage.path is None:
        return False
    return any(_SHARED in command.value for command in UnitFiles(guest).text(stage.unit).all("Service", "ExecStart"))


def _seeds(guest: Guest) -> Iterator[Seed]:
    for folder in _SEED_FOLDERS:
        for name, datasource in _SEEDS.items():
            path = f"{folder}/{name}"
            files = [file for file in ("meta-data", "user-data") if guest.is_file(f"{path}/{file}")]
            if files:
                yield Seed(path, datasource, len(files) == 2)
        if guest.is_dir(f"{folder}/config_drive"):
            yield Seed(f"{folder}/config_drive", "ConfigDrive", complete=True)


def _system_network(config: CloudConfig) -> Configuration | None:
    node = config.node("network")
    value = config.value("network")
    if node is None or value is None or (isinstance(value, dict) and value.get("config") == "disabled"):
        return None
    from parsers.network.cloud_config import network_of_cloud_config

    return network_of_cloud_config(node)
