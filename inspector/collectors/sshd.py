"""Collects `Sshd`: the program, sshd_config with what it includes, host keys, and the units that start it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.cloud_init import CloudInit
from inspector.facts.packages import Packages
from inspector.facts.services import Services, UnitState
from inspector.facts.sshd import UNITS, HostKey, Sshd
from inspector.guest import Guest, NotFound
from inspector.linux.sshd_options import Word, command_line, with_settings
from inspector.linux.units import CONFIG as CONFIG_UNITS
from inspector.linux.units import UnitFiles
from inspector.linux.vendor_files import effective_path
from inspector.verdict import Evidence
from parsers.filesystem.tree import FileType
from parsers.linux.os_release import OsRelease
from parsers.linux.sshd import DEBIAN_12, NEWEST, Release, SshdConfig, parse_sshd_config
from parsers.linux.systemd import split_words
from parsers.place import Place

CONFIG: Final = "/etc/ssh/sshd_config"
PROGRAMS: Final = ("/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd")
BLOCKER: Final = "/etc/ssh/sshd_not_to_be_run"
OPTIONS: Final = ("/etc/default/ssh", "/etc/sysconfig/sshd", "/etc/conf.d/sshd")

_PACKAGES: Final = ("openssh-server", "openssh", "openssh-server-common")
_RELEASE: Final = re.compile(r"(?:\d+:)?(\d{1,2})\.(\d{1,2})")
_BANNER: Final = re.compile(rb"OpenSSH_(\d{1,2})\.(\d{1,2})p\d")
_PROGRAM_LIMIT: Final = 4 << 20
_VENDORS: Final = {
    **dict.fromkeys(
        ("almalinux", "alinux", "amzn", "anolis", "centos", "fedora", "ol", "openEuler", "rhel", "rocky"), "redhat"
    ),
    **dict.fromkeys(("debian", "ubuntu"), "debian"),
    **dict.fromkeys(("opensuse", "sles", "suse", "opensuse-leap", "opensuse-tumbleweed"), "suse"),
    **{name: name for name in ("alpine", "arch")},
}
"""Whose patches sshd carries, by ID and ID_LIKE of os-release; what stands in no table patches in nothing known."""
_TRIED: Final[tuple[Release, ...]] = (DEBIAN_12, (5, 3), (6, 6), (7, 4), (8, 0), (8, 7), (9, 9), NEWEST)
"""Where the release cannot be told, a line is wrong if it is wrong for all of these."""
_SOCKET_GENERATORS: Final = (
    "/usr/lib/systemd/system-generators/sshd-socket-generator",
    "/etc/systemd/system-generators/sshd-socket-generator",
)
_GENERATED: Final = "addresses.conf"
_DEFAULT_KEYS: Final = tuple(f"/etc/ssh/ssh_host_{kind}_key" for kind in ("rsa", "ecdsa", "ed25519"))
_SSHD_OPTS: Final = re.compile(r"\s*(?:export\s+)?(?:SSHD_OPTS|OPTIONS)=(.*)")
_USUAL: Final = frozenset({"-D", "-e", "-De"})
_KEY_MAKERS: Final = (
    "sshd-keygen.service",
    "sshd-keygen.target",
    "sshd-keygen@ed25519.service",
    "sshd-keygen@rsa.service",
    "sshdgenkeys.service",
    "ssh-host-keys.service",
    "regenerate_ssh_host_keys.service",
)
_OF_A_TEMPLATE: Final = ("sshd-keygen@", "sshd-keygen.target")
_MAKES_KEYS: Final = re.compile(r"\bssh-keygen\s+-A\b|\bsshd-keygen\b|\bsshd-gen-keys-start\b")


def collect_sshd(facts: Facts) -> Sshd:
    """Read everything about sshd; a guest without it gives an `Sshd` without a program."""
    guest, services = facts[Guest], facts[Services]
    program = next((path for path in PROGRAMS if guest.is_file(path)), None)
    release, source = _release(facts, guest, program)
    path = effective_path(guest, CONFIG)
    vendor = _vendor(facts)
    units = tuple(services.working(unit, "sshd") for unit in UNITS)
    words = _options(guest, services, units)
    config = _config(guest, path, release, vendor, words)
    return Sshd(
        program,
        config,
        path,
        release,
        source,
        tuple(word.text for word in words),
        words[0].place if words else None,
        _keys(guest, config),
        _key_makers(facts, guest, services, units),
        units,
        BLOCKER if guest.exists(BLOCKER) else None,
        _sockets(guest, units, config),
        vendor,
    )


def _release(facts: Facts, guest: Guest, program: str | None) -> tuple[Release | None, Evidence]:
    """The release as the package database says it, else as the program itself does."""
    try:
        package = facts[Packages].first(*_PACKAGES)
    except UnknownFact as missing:  # the program says it too
        package, reason = None, missing.reason
    else:
        reason = f"the package database knows none of {', '.join(_PACKAGES)}"
    if package and (match := _RELEASE.match(package.full_version)):
        return (int(match[1]), int(match[2])), Evidence(package.place, f"{package.name} {package.full_version}")
    if program is None:
        return None, Evidence(Place(PROGRAMS[0]), reason)
    content = guest.open(program)
    found = _BANNER.search(content.read_at(0, min(content.size, _PROGRAM_LIMIT)))
    if found is None:
        return None, Evidence(Place(program), f"it does not say its release, and {reason}")
    return (int(found[1]), int(found[2])), Evidence(Place(program, offset=found.start()), found[0].decode())


def _config(
    guest: Guest, path: str, release: Release | None, vendor: str, words: tuple[Word, ...]
) -> SshdConfig | None:
    def read_included(pattern: str) -> list[tuple[str, str | None]]:
        return [
            (found, guest.read_text(found) if guest.exists(found) else None)
            for found in guest.glob(pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}")
            if not guest.is_dir(found)
        ]

    try:
        text = guest.read_text(path)
    except NotFound:
        return None
    releases = _TRIED if release is None else (release,)
    read = (
        with_settings(parse_sshd_config(text, path, read_included, tried, vendor), words, tried, vendor)
        for tried in releases
    )
    return min(read, key=lambda config: len(config.problems))


def _vendor(facts: Facts) -> str:
    """Whose patches the program carries; "" where the distribution cannot be told, or is not in the table."""
    try:
        family = facts[OsRelease].family
    except UnknownFact:
        return ""
    return next((_VENDORS[name] for name in family if name in _VENDORS), "")


def _options(guest: Guest, services: Services, units: tuple[UnitState, ...]) -> tuple[Word, ...]:
    """What the command line of the unit says, or what the environment files add to it."""
    for unit in units:
        if services.manager == "systemd" and unit.enabled and unit.path and unit.unit.endswith(".service"):
            given = command_line(guest, UnitFiles(guest).text(unit.unit))
            if own := tuple(word for word in given if word.text not in _USUAL):
                return own
    for path in OPTIONS:
        try:
            lines = guest.read_text(path).split("\n")
        except NotFound:
            continue
        for number, line in enumerate(lines, start=1):
            if (match := _SSHD_OPTS.fullmatch(line)) and (words := split_words(match[1])):
                return tuple(Word(word, Place(path, number)) for part in words for word in part.split())
    return ()


def _keys(guest: Guest, config: SshdConfig | None) -> tuple[HostKey, ...]:
    lines = config.every("HostKey") if config else []
    wanted = [(item.arguments[0], item.place) for item in lines if item.arguments[0].lower() != "none"]
    return tuple(_key(guest, path, place) for path, place in wanted or [(path, Place(path)) for path in _DEFAULT_KEYS])


def _key(guest: Guest, path: str, place: Place) -> HostKey:
    try:
        stat = guest.stat(path if path.startswith("/") else f"/{path}")
    except NotFound:
        return HostKey(path, place, exists=False)
    return HostKey(path, place, stat.type is FileType.FILE, stat.mode, stat.uid, stat.size)


def _key_makers(facts: Facts, guest: Guest, services: Services, units: tuple[UnitState, ...]) -> tuple[Evidence, ...]:
    """Units that make keys before sshd starts, and commands of its own unit that do."""
    left = services.manager == "systemd" and _left_to_cloud_init(facts, UnitFiles(guest))
    names = [unit for unit in _KEY_MAKERS if not (left and unit.startswith(_OF_A_TEMPLATE))]
    states = [services.state(unit) for unit in names]
    found = [Evidence(state.place, f"{state.unit}: {state.reason}") for state in states if state.enabled]
    if services.manager != "systemd":
        return (*found, *_making_scripts(guest, units))
    files = UnitFiles(guest)
    for unit in units:
        if unit.enabled and unit.path and unit.unit.endswith(".service"):
            commands = files.text(unit.unit).all("Service", "ExecStartPre")
            found += [Evidence(item.place, item.value) for item in commands if _MAKES_KEYS.search(item.value)]
    return tuple(found)


def _left_to_cloud_init(facts: Facts, files: UnitFiles) -> bool:
    """Whether a drop-in of Red Hat's cloud-init keeps the template from making keys, which it does where that runs."""
    conditions = files.text("sshd-keygen@.service").all("Unit", "ConditionPathExists")
    if not any(item.value.startswith("!") and item.value.endswith("/cloud-init.target") for item in conditions):
        return False
    try:
        return facts[CloudInit].runs
    except UnknownFact:  # which the rule on keys tells of
        return False


def _making_scripts(guest: Guest, units: tuple[UnitState, ...]) -> Iterator[Evidence]:
    """The init scripts of EL 6, of Alpine and Gentoo make keys before they start sshd."""
    for unit in units:
        if unit.enabled and unit.path:
            lines = enumerate(guest.read_text(unit.path).split("\n"), start=1)
            made = (Evidence(Place(unit.path, number), line.strip()) for number, line in lines if "ssh-keygen" in line)
            yield from itertools.islice(made, 1)


def _sockets(guest: Guest, units: tuple[UnitState, ...], config: SshdConfig | None) -> tuple[Evidence, ...]:
    """The ListenStream= lines of an enabled socket; it takes the connections even beside an enabled service.

    sshd-socket-generator gives the socket what sshd_config says, where that is not the default, in a drop-in
    addresses.conf: drop-ins of /etc decide where it writes none, or where they come behind it.
    """
    socket = next((unit for unit in units if unit.enabled and unit.unit.endswith(".socket")), None)
    if socket is None or socket.path is None:
        return ()
    lines = UnitFiles(guest).text(socket.unit).all("Socket", "ListenStream")
    if any(map(guest.exists, _SOCKET_GENERATORS)):
        default = config is None or not (config.every("Port") or config.every("ListenAddress"))
        own = [line.place.path.rpartition("/")[2] for line in lines if line.place.path.startswith(f"{CONFIG_UNITS}/")]
        if not any(default or name > _GENERATED for name in own):
            return ()
    return tuple(Evidence(line.place, line.value) for line in lines)
