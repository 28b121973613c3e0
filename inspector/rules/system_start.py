"""Whether the system starts once its root is mounted: its first programs, what they mount, and the target."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.platform import Architecture
from inspector.facts.services import Enablement, Services, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.init_scripts import INITTAB, MULTI_USER, RC_SYSINIT, default_runlevel
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, paths_of, warning
from parsers.filesystem.tree import FileType
from parsers.linux.elf import elf_interpreter, parse_elf
from parsers.place import ParseError, Place

_INITS: Final = ("/sbin/init", "/etc/init", "/bin/init")
"""Where the kernel, and an initial RAM disk, look for it."""
_LOADERS: Final = {
    "x86_64": ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
    "i386": ("/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1"),
    "aarch64": ("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"),
}
"""The path that the programs of a machine name, by the ABI of its GNU libc, and by that of musl."""
_ELF_HEAD: Final = 64
_LIBCS: Final = {
    "x86_64": ("/lib/x86_64-linux-gnu", "/lib64", "/lib"),
    "i386": ("/lib/i386-linux-gnu", "/lib"),
    "aarch64": ("/lib/aarch64-linux-gnu", "/lib64", "/lib"),
}


@rule(
    "system-programs-exist", "The programs that start the system are there: init, the shell, the loader, the C library"
)
def system_programs_exist(facts: Facts) -> Verdict:
    """Each is a regular file that can be executed, for one and the same machine. Links are followed.

    Why: without init the kernel panics; without the loader, the C library or a shell no program starts.

    Fix: reinstall the package that the file belongs to, for instance from a rescue system with
    `apt install --reinstall systemd-sysv dash libc6` or `dnf reinstall systemd bash glibc`.

    Reads: /sbin/init, /bin/sh, the loader and the C library of the architecture: their metadata and first bytes.

    References: file-hierarchy(7), ld.so(8)
    """
    guest = facts[Guest]
    machine = _machine(facts)
    programs = [_first(guest, _inits(facts)), "/bin/sh", *_libraries(guest, machine)]
    found = [(path, _flaw(guest, path, machine)) for path in programs]
    bad = [Evidence(Place(path), flaw) for path, flaw in found if flaw]
    if bad:
        return failed(f"the system does not start without {paths_of(bad)}", *bad)
    return ok(
        "the programs that start the system are there",
        *(Evidence(Place(path), guest.realpath(path)) for path in programs),
    )


def _machine(facts: Facts) -> str | None:
    try:
        return facts[Architecture].machine
    except UnknownFact:  # no program is there: each of them is told of
        return None


def _inits(facts: Facts) -> tuple[str, ...]:
    try:
        named = facts[DefaultKernel].value("init")
    except UnknownFact:
        named = None
    return (named,) if named and named.startswith("/") else _INITS


def _first(guest: Guest, paths: tuple[str, ...]) -> str:
    return next(filter(guest.exists, paths), paths[0])


def _libraries(guest: Guest, machine: str | None) -> list[str]:
    """The loader and the C library; a system of static programs, which is busybox alone, has neither."""
    if machine not in _LOADERS:
        return []
    named = _interpreter(guest, "/bin/sh")
    loader = named if named in _LOADERS[machine] else _first(guest, _LOADERS[machine])
    if "musl" in loader:  # the loader is the library
        return [loader]
    if named is None and not guest.exists(loader) and _is_busybox(guest):
        return []
    paths = [f"{folder}/libc.so.6" for folder in _LIBCS[machine]]
    multiarch = guest.is_dir(posixpath.dirname(paths[0]))  # Debian's; with others it lies beside the loader
    return [
        loader,
        next(filter(guest.exists, paths), paths[0] if multiarch else f"{posixpath.dirname(loader)}/libc.so.6"),
    ]


def _interpreter(guest: Guest, path: str) -> str | None:
    """The loader that a program names; None where it names none, or is no program."""
    try:
        source = guest.open(path)
        return elf_interpreter(source) if source.size >= _ELF_HEAD else None
    except (NotFound, ParseError):  # which the rule tells of the program itself
        return None


def _is_busybox(guest: Guest) -> bool:
    return guest.exists("/bin/sh") and guest.realpath("/bin/sh").endswith("/busybox")


def _flaw(guest: Guest, path: str, machine: str | None) -> str | None:
    """Why a program or a library cannot be used; None where nothing speaks against it."""
    try:
        stat = guest.stat(path)
    except NotFound:
        return _why_absent(guest, path)
    if stat.type is not FileType.FILE:
        return f"a regular file wanted, {stat.type} found"
    if not stat.size:
        return "it is empty"
    if not stat.mode & 0o111 and not path.endswith("/libc.so.6"):
        return f"an executable file wanted, mode {stat.mode & 0o7777:04o} found"
    source = guest.open(path)
    if source.read_at(0, min(2, source.size)) == b"#!":
        return None
    try:
        found = parse_elf(source).machine
    except ParseError as error:
        return error.message
    return None if machine in {None, found} else f"a program for {machine} wanted, one for {found} found"


def _why_absent(guest: Guest, path: str) -> str:
    try:
        if guest.lstat(path).type is FileType.SYMLINK:
            return f"it leads to {guest.readlink(path)}, which is not there"
    except NotFound:
        pass
    return "it is not there"


_KERNEL_FOLDERS: Final = ("/dev", "/proc", "/sys")


@rule("kernel-mount-points-exist", "What the kernel mounts at /dev, /proc, /sys and /run has its mount points")
def kernel_mount_points_exist(facts: Facts) -> Verdict:
    """They are empty directories of the root; what copies a running system often leaves them out.

    Why: the root is mounted read-only when they are needed, so that nothing can make them, and init cannot start.

    Fix: make them: `mkdir -m 755 /dev /run; mkdir -m 555 /proc /sys`.

    Reads: the directories.

    References: file-hierarchy(7)
    """
    guest = facts[Guest]
    wanted = [*_KERNEL_FOLDERS, *(["/run"] if facts[Services].manager == "systemd" else [])]
    bad = [path for path in wanted if not guest.is_dir(path)]
    if bad:
        return failed(
            f"{', '.join(bad)} not there", *(Evidence(Place(path), "a directory wanted, none found") for path in bad)
        )
    return ok("every mount point of the kernel is there", *(Evidence(Place(path), "a directory") for path in wanted))


_GOOD: Final = frozenset({"multi-user.target", "graphical.target"})
_BAD: Final = frozenset(
    f"{name}.target"
    for name in (
        "basic", "emergency", "exit", "final", "halt", "hibernate", "hybrid-sleep", "initrd", "initrd-switch-root",
        "kexec", "local-fs", "poweroff", "reboot", "rescue", "runlevel0", "runlevel1", "runlevel6", "shutdown", "sleep",
        "soft-reboot", "suspend", "suspend-then-hibernate", "sysinit", "system-update", "umount",
    )
)  # fmt: skip
_ESSENTIAL: Final = ("sysinit.target", "basic.target", "local-fs.target", "systemd-udevd.service")
"""What every start of the system requires; masked, they fail it."""
_SUFFIXES: Final = (".target", ".service", ".mount", ".socket", ".timer", ".path")


@rule("default-target-starts-the-system", "The default target starts the system, not a rescue shell or a shutdown")
def default_target_starts_the_system(facts: Facts) -> Verdict:
    """The target is that of `systemd.unit=` among the kernel's arguments, else what default.target leads to.

    Why: in another target there is no network and no sshd; where the target is masked or missing, systemd stops in its
    emergency mode.

    Fix: run `systemctl set-default multi-user.target`, `systemctl unmask` what is masked, and take `systemd.unit=` and
    `systemd.mask=` out of /etc/default/grub.

    Without systemd, name runlevel 3 (Debian and Ubuntu: 2) in the line initdefault of /etc/inittab.

    Reads: the unit files of the target and of what it requires, the kernel arguments of the default entry; without
    systemd /etc/inittab and /etc/init/rc-sysinit.conf.

    References: systemd(1), systemd.special(7), kernel-command-line(7), inittab(5)
    """
    services = facts[Services]
    if services.manager == "sysv":
        return _runlevel(facts[Guest])
    if services.manager != "systemd":
        raise NotApplicable(f"the system is started by {services.manager}")
    asked, masks = _asked(facts)
    start = services.state(asked.seen.partition("=")[2] if asked else "default.target")
    target = start.path.rpartition("/")[2] if start.path else start.unit
    needed = [start, *(services.state(unit) for unit in _needs(target))]
    evidence = [*([asked] if asked else []), Evidence(start.place, f"{start.unit} is {target}, {start.state}")]
    if start.state is Enablement.ABSENT:
        return failed(f"{start.unit} is not there", *evidence)
    masked = [
        *_masked(needed, services),
        *(mask for unit, mask in masks if unit in {target, *_needs(target), *_ESSENTIAL}),
    ]
    if masked:
        return failed("what starts the system is masked", *masked)
    if lost := [state for state in needed if state.state is Enablement.ABSENT]:
        return failed(
            f"{lost[0].unit} is not there", *evidence, *(Evidence(state.place, state.reason) for state in lost)
        )
    if target in _BAD:
        return failed(f"systemd starts {target}", *evidence)
    if target not in _GOOD:
        return warning(f"whether {target} starts all of the system is not known", *evidence)
    return ok(f"systemd starts {target}", *evidence)


def _runlevel(guest: Guest) -> Verdict:
    """Judge the runlevel of a system without systemd."""
    level = default_runlevel(guest)
    if level is None:
        if guest.is_file(INITTAB):
            return warning("init asks for a runlevel at the console", Evidence(Place(INITTAB), "no line initdefault"))
        nowhere = (Evidence(Place(path), "no such file, or it names none") for path in (INITTAB, RC_SYSINIT))
        return failed("nothing names the runlevel that init starts", *nowhere)
    seen = Evidence(level.place, f"runlevel {level.seen}")
    if level.seen not in MULTI_USER:
        return failed(f"init {_NO_SERVER.get(level.seen, 'starts a single user mode')}", seen)
    return ok(f"init starts runlevel {level.seen}", seen)


_NO_SERVER: Final = {"0": "halts at once", "6": "restarts without end"}


def _needs(target: str) -> tuple[str, ...]:
    return ("multi-user.target",) if target == "graphical.target" else ()


def _masked(needed: list[UnitState], services: Services) -> Iterator[Evidence]:
    for state in (*needed, *map(services.state, _ESSENTIAL)):
        if state.masked:
            yield Evidence(state.place, f"{state.unit}: {state.reason}")


def _asked(facts: Facts) -> tuple[Evidence | None, list[tuple[str, Evidence]]]:
    """What the kernel's arguments say: the unit to start, and the units that they mask.

    A name without the suffix of a unit is passed over, as systemd does it. Where the arguments are not known, the
    rules about GRUB say so.
    """
    try:
        kernel = facts[DefaultKernel]
    except UnknownFact:
        return None, []
    units = [unit for unit in map(_unquoted, kernel.values("systemd.unit")) if unit.endswith(_SUFFIXES)]
    asked = Evidence(kernel.place, f"systemd.unit={units[-1]}") if units else None
    masks = [_unquoted(unit) for unit in kernel.values("systemd.mask")]
    return asked, [(unit, Evidence(kernel.place, f"systemd.mask={unit}")) for unit in masks]


def _unquoted(value: str) -> str:
    return value.strip('"')


RULES = (default_target_starts_the_system, kernel_mount_points_exist, system_programs_exist)
