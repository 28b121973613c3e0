"""What starts without systemd: start links of the default runlevel, upstart's overrides, scripts that can be run."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Link
from fixtures.kernel import elf
from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.facts.services import Enablement, Services
from inspector.guest import Guest
from inspector.linux.init_scripts import default_runlevel
from parsers.place import Place
from tests.memory_tree import guest_of

SCRIPT = File("#!/bin/sh\n", 0o755)
SHELL = {"/bin/sh": File(elf(), 0o755)}
START = {"/etc/rc3.d/S55sshd": Link("../init.d/sshd"), "/etc/init.d/sshd": SCRIPT, **SHELL}
JOB = "start on runlevel [2345]\n\nexec /usr/sbin/sshd -D\n"


def services(files: dict[str, Any]) -> Services:
    return collect_services(Facts({Guest: guest_of(files)}))


@pytest.mark.parametrize(
    ("files", "level", "place"),
    [
        ({"/etc/inittab": "# id:5:initdefault:\nid:3:initdefault:\n"}, "3", Place("/etc/inittab", 2)),
        ({"/etc/inittab": "id:S:initdefault:\n"}, "S", Place("/etc/inittab", 1)),
        ({"/etc/init/rc-sysinit.conf": "task\nenv DEFAULT_RUNLEVEL=2\n"}, "2", Place("/etc/init/rc-sysinit.conf", 2)),
        ({"/etc/inittab": "id:5:initdefault:\n", "/etc/init/rc-sysinit.conf": "env DEFAULT_RUNLEVEL=2\n"}, "5",
         Place("/etc/inittab", 1)),
        ({"/etc/init/rcS.conf": "start on startup\n"}, "3", Place("/etc/init/rcS.conf")),
    ],
)  # fmt: skip
def test_the_runlevel_that_is_booted_into(files: dict[str, Any], level: str, place: Place) -> None:
    found = default_runlevel(guest_of(files))
    assert found is not None
    assert (found.seen, found.place) == (level, place)


def test_no_file_need_name_a_runlevel() -> None:
    assert default_runlevel(guest_of({"/etc/passwd": ""})) is None


def test_a_start_link_counts_in_the_runlevel_that_is_booted_into() -> None:
    assert services(START).state("sshd").enabled  # no runlevel is named
    assert services({**START, "/etc/inittab": "id:3:initdefault:\n"}).state("sshd").enabled
    other = services({**START, "/etc/inittab": "id:5:initdefault:\n"}).state("sshd")
    assert (other.enabled, other.place) == (False, Place("/etc/rc3.d/S55sshd"))
    assert "none in runlevel 5" in other.reason


def test_an_override_takes_events_back_and_gives_others() -> None:
    job = {"/etc/init.d/rc": SCRIPT, "/etc/init/ssh.conf": JOB}
    assert services(job).state("ssh").place == Place("/etc/init/ssh.conf", 1)
    off = services({**job, "/etc/init/ssh.override": "# by hand\nmanual\n"}).state("ssh")
    assert (off.state, off.place) == (Enablement.DISABLED, Place("/etc/init/ssh.override", 2))
    again = services({**job, "/etc/init/ssh.override": "manual\nstart on net-device-up\n"}).state("ssh")
    assert (again.enabled, again.place) == (True, Place("/etc/init/ssh.override", 2))


def test_a_script_that_cannot_be_run_does_not_work() -> None:
    assert services(START).working("sshd").enabled
    flat = services({**START, "/etc/init.d/sshd": "#!/bin/sh\n"}).working("sshd")
    assert (flat.enabled, flat.place) == (False, Place("/etc/init.d/sshd"))
    openrc = {"/etc/runlevels/default/sshd": Link("/etc/init.d/sshd"), "/etc/init.d/sshd": SCRIPT}
    found = services(openrc).working("sshd")
    assert (found.enabled, "interpreter" in found.reason) == (False, True)
    assert services({**openrc, **SHELL}).working("sshd").enabled


def test_a_job_whose_program_is_gone_does_not_work() -> None:
    job = {"/etc/init.d/rc": SCRIPT, "/etc/init/ssh.conf": JOB}
    gone = services(job).working("ssh")
    assert (gone.enabled, gone.place) == (False, Place("/etc/init/ssh.conf", 3))
    assert services({**job, "/usr/sbin/sshd": File(elf(), 0o755)}).working("ssh").enabled


EL6: dict[str, Any] = {
    "/etc/init/rcS.conf": "start on startup\nexec /etc/rc.d/rc.sysinit\n",
    "/etc/init/rc.conf": "start on runlevel [0123456]\nexec /etc/rc.d/rc $RUNLEVEL\n",
    "/etc/inittab": "id:3:initdefault:\n",
    "/etc/rc.d/init.d/sshd": File("#!/bin/sh\n", 0o755),
    "/bin/sh": File(elf(), 0o755),
    "/etc/init.d": Link("rc.d/init.d"),
    "/etc/rc3.d/S55sshd": Link("../init.d/sshd"),
}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"/etc/init/rc.conf": None}, Place("/etc/init/rc.conf")),
        ({"/etc/init/rc.override": "# x\nmanual\n"}, Place("/etc/init/rc.override", 2)),
    ],
)
def test_without_its_job_rc_upstart_runs_no_scripts(change: dict[str, Any], place: Place) -> None:
    assert services(EL6).state("sshd.service").enabled
    files = {path: node for path, node in {**EL6, **change}.items() if node is not None}
    state = services(files).state("sshd.service")
    assert (state.enabled, state.place) == (False, place)
    plain = {path: node for path, node in files.items() if not path.startswith("/etc/init/rc")}
    assert services(plain).state("sshd.service").enabled, "init of System V runs them by inittab"
