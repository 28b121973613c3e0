from __future__ import annotations

import pytest

from fixtures.files import Dir, File, Link, Node
from fixtures.kernel import elf
from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture
from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.rules.system_start import (
    RULES,
    default_target_starts_the_system,
    kernel_mount_points_exist,
    system_programs_exist,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.place import Place
from tests.inspector.boots import CFG, LINUX_LINE, arguments, facts
from tests.memory_tree import guest_of

SYSTEMD = "/usr/lib/systemd/systemd"
LOADER = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"
UNITS = "/usr/lib/systemd/system"
DEFAULT = "/etc/systemd/system/default.target"
Change = dict[str, Node | None]


def places(verdict: Verdict) -> list[str]:
    return [f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence]


def target(name: str) -> Change:
    return {f"{UNITS}/{name}": f"[Unit]\nDescription={name}\n", DEFAULT: Link(f"{UNITS}/{name}")}


def test_the_golden_guest_is_ok() -> None:
    for rule in RULES:
        verdict = rule(facts())
        assert verdict.status is Status.OK, verdict
    assert places(system_programs_exist(facts())) == [
        "/sbin/init", "/bin/sh", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6",
    ]  # fmt: skip


PROGRAMS: list[tuple[Change, str]] = [
    ({"/usr/sbin/init": None}, "/sbin/init"),
    ({"/usr/sbin/init": Link("/lib/systemd/gone")}, "/sbin/init"),
    ({SYSTEMD: File(elf(), 0o644)}, "/sbin/init"),
    ({SYSTEMD: File(b"", 0o755)}, "/sbin/init"),
    ({SYSTEMD: File(bytes(4096), 0o755)}, "/sbin/init"),
    ({"/usr/sbin/init": Dir()}, "/sbin/init"),
    ({"/usr/bin/dash": None}, "/bin/sh"),
    ({"/usr/bin/dash": File(elf(machine=183), 0o755)}, "/bin/sh"),
    ({LOADER: None}, "/lib64/ld-linux-x86-64.so.2"),
    ({LIBC: None}, "/lib/x86_64-linux-gnu/libc.so.6"),
    ({LIBC: b""}, "/lib/x86_64-linux-gnu/libc.so.6"),
    (arguments("init=/sbin/gone"), "/sbin/gone"),
]


@pytest.mark.parametrize(("change", "place"), PROGRAMS)
def test_a_program_that_cannot_start_is_found(change: Change, place: str) -> None:
    verdict = system_programs_exist(facts(change))
    assert verdict.status is Status.FAILED
    assert place in places(verdict)
    # the package reinstalled, or the argument taken out
    assert system_programs_exist(facts()).status is Status.OK


def test_a_library_that_is_gone_is_named_where_the_family_has_it() -> None:
    verdict = system_programs_exist(facts({"/usr/lib/x86_64-linux-gnu": None}))
    assert (verdict.status, places(verdict)[-1]) == (Status.FAILED, "/lib64/libc.so.6")


def test_other_kinds_of_systems_are_taken() -> None:
    script: Change = {"/usr/sbin/init": File("#!/bin/sh\nexec /lib/systemd/systemd\n", 0o755)}
    assert system_programs_exist(facts(script)).status is Status.OK
    musl: dict[str, Node] = {
        "/sbin/init": Link("/bin/busybox"), "/bin/sh": Link("/bin/busybox"), "/bin/busybox": File(elf(), 0o755),
    }  # fmt: skip
    machine = Architecture("x86_64", 64, Place("/bin/busybox"))
    loader: dict[str, Node] = {"/lib/ld-musl-x86_64.so.1": File(elf(), 0o755)}
    for more in ({}, loader):
        found = Facts({Guest: guest_of(musl | more), Architecture: machine})
        assert system_programs_exist(found).status is Status.OK


@pytest.mark.parametrize("path", ["/dev", "/proc", "/sys", "/run"])
def test_a_missing_mount_point_is_found(path: str) -> None:
    verdict = kernel_mount_points_exist(facts({path: None}))
    assert (verdict.status, places(verdict)) == (Status.FAILED, [path])
    # mkdir
    assert kernel_mount_points_exist(facts({path: Dir()})).status is Status.OK


@pytest.mark.parametrize("name", ["rescue", "emergency", "poweroff", "reboot", "halt", "kexec", "runlevel1", "basic"])
def test_a_target_that_is_no_system_fails(name: str) -> None:
    verdict = default_target_starts_the_system(facts(target(f"{name}.target")))
    assert verdict.status is Status.FAILED
    asked = arguments(f"systemd.unit={name}.target") | {f"{UNITS}/{name}.target": "[Unit]\nDescription=x\n"}
    verdict = default_target_starts_the_system(facts(asked))
    assert verdict.status is Status.FAILED
    assert f"{CFG}:{LINUX_LINE}" in places(verdict)


BAD: list[tuple[Change, str]] = [
    ({DEFAULT: Link("/dev/null")}, DEFAULT),
    ({DEFAULT: Link(f"{UNITS}/gone.target")}, DEFAULT),
    ({"/etc/systemd/system/multi-user.target": Link("/dev/null")}, "/etc/systemd/system/multi-user.target"),
    ({"/etc/systemd/system/systemd-udevd.service": Link("/dev/null")}, "/etc/systemd/system/systemd-udevd.service"),
    ({"/etc/systemd/system/basic.target": Link("/dev/null")}, "/etc/systemd/system/basic.target"),
    (arguments("systemd.mask=graphical.target"), f"{CFG}:{LINUX_LINE}"),
    (arguments("systemd.unit=gone.target"), f"{CFG}:{LINUX_LINE}"),
]


@pytest.mark.parametrize(("change", "place"), BAD)
def test_a_target_that_is_masked_or_missing_fails(change: Change, place: str) -> None:
    verdict = default_target_starts_the_system(facts(change))
    assert verdict.status is Status.FAILED
    assert place in places(verdict)


def test_the_default_target_that_was_set_again_is_ok() -> None:
    for change in (
        target("multi-user.target"),
        target("runlevel5.target") | {f"{UNITS}/runlevel5.target": Link("graphical.target")},
    ):
        assert default_target_starts_the_system(facts(change)).status is Status.OK
    # systemd passes over what is no name of a unit
    assert default_target_starts_the_system(facts(arguments("systemd.unit=halt"))).status is Status.OK


def test_a_target_of_ones_own_is_a_warning() -> None:
    verdict = default_target_starts_the_system(facts(target("appliance.target")))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)


UPSTART: Change = {"/etc/systemd": None, "/usr/lib/systemd/system": None, "/usr/sbin/init": File(elf(), 0o755),
                   "/etc/init.d/rc": "#!/bin/sh\n"}  # fmt: skip


@pytest.mark.parametrize(
    ("inittab", "status"),
    [
        ("id:3:initdefault:\n", Status.OK),
        ("id:1:initdefault:\n", Status.FAILED),
        ("id:S:initdefault:\n", Status.FAILED),
        ("id:0:initdefault:\n", Status.FAILED),
        ("id:6:initdefault:\n", Status.FAILED),
    ],
)
def test_without_systemd_the_runlevel_decides(inittab: str, status: Status) -> None:
    verdict = default_target_starts_the_system(facts({**UPSTART, "/etc/inittab": inittab}))
    assert (verdict.status, places(verdict)) == (status, ["/etc/inittab:1"])


def test_a_runlevel_that_nothing_names_is_asked_for() -> None:
    verdict = default_target_starts_the_system(facts({**UPSTART, "/etc/inittab": "# empty\n"}))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/inittab"])
    verdict = default_target_starts_the_system(facts(UPSTART))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/inittab", "/etc/init/rc-sysinit.conf"])
    named = {**UPSTART, "/etc/init/rc-sysinit.conf": "env DEFAULT_RUNLEVEL=2\n"}
    assert default_target_starts_the_system(facts(named)).status is Status.OK


def test_the_loader_is_the_one_that_the_shell_names() -> None:
    loader = "/lib/ld-musl-x86_64.so.1"
    shell = File(elf(interpreter=loader), 0o755)
    musl: dict[str, Node] = {"/sbin/init": Link("/bin/busybox"), "/bin/sh": Link("/bin/busybox"), "/bin/busybox": shell}
    given = {Architecture: Architecture("x86_64", 64, Place("/bin/busybox"))}
    verdict = system_programs_exist(Facts({Guest: guest_of(musl), **given}))
    assert (verdict.status, places(verdict)) == (Status.FAILED, [loader])
    whole = guest_of({**musl, loader: File(elf(), 0o755)})
    assert system_programs_exist(Facts({Guest: whole, **given})).status is Status.OK


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    for rule in RULES:
        verdict = rule(Facts({Guest: reason, Services: reason}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert system_programs_exist(Facts({Guest: guest_of({"/etc/fstab": ""})})).status is Status.FAILED
    with pytest.raises(NotApplicable):
        default_target_starts_the_system(Facts({Services: Services("openrc", pytest.fail)}))
