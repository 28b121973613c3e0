"""Runit: the directory that is watched, files `down`, and who else may be the init."""

from __future__ import annotations

from typing import Any

from fixtures.files import File, Link
from fixtures.kernel import elf
from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.facts.services import Enablement, Services
from inspector.guest import Guest
from inspector.linux.runit import Runit
from parsers.place import Place
from tests.memory_tree import guest_of

RUN = File("#!/bin/sh\nexec sshd -D\n", 0o755)
VOID: dict[str, Any] = {
    "/sbin/init": Link("../usr/bin/runit-init"),
    "/usr/bin/runit-init": File(elf(), 0o755),
    "/bin/sh": File(elf(), 0o755),
    "/etc/sv/sshd/run": RUN,
    "/etc/sv/crond/run": RUN,
    "/etc/runit/runsvdir/default/sshd": Link("/etc/sv/sshd"),
}
LINK = "/etc/runit/runsvdir/default/sshd"


def services(files: dict[str, Any]) -> Services:
    return collect_services(Facts({Guest: guest_of(files)}))


def test_a_link_in_the_watched_directory_starts_a_service() -> None:
    found = services(VOID)
    assert found.manager == "runit"
    assert (found.state("sshd").enabled, found.state("sshd").place) == (True, Place(LINK))
    assert found.working("sshd", "sshd").enabled
    assert found.state("crond").state is Enablement.DISABLED
    assert not found.state("gone").installed


def test_a_file_down_keeps_it_from_starting() -> None:
    found = services({**VOID, "/etc/sv/sshd/down": ""}).state("sshd")
    assert (found.state, found.place) == (Enablement.DISABLED, Place(f"{LINK}/down"))


def test_a_script_that_cannot_run_does_not_work() -> None:
    flat = services({**VOID, "/etc/sv/sshd/run": "#!/bin/sh\n"}).working("sshd")
    assert (flat.enabled, flat.place) == (False, Place(f"{LINK}/run"))


def test_a_link_to_nothing_starts_nothing() -> None:
    assert not services({**VOID, f"{LINK[:-4]}gone": Link("/etc/sv/gone")}).state("gone").installed


def test_the_kernel_may_name_another_runlevel() -> None:
    guest = guest_of({**VOID, "/etc/runit/runsvdir/single/crond": Link("/etc/sv/crond")})
    runit = Runit(guest, ("ro", "single"))
    assert (runit.state("sshd").enabled, runit.state("crond").enabled) == (False, True)


def test_debian_watches_etc_service() -> None:
    files = {path: node for path, node in VOID.items() if "runsvdir" not in path}
    assert services({**files, "/etc/service/sshd": Link("/etc/sv/sshd")}).state("sshd").enabled


def test_systemd_beside_runit_is_the_init_where_the_link_says_so() -> None:
    files = {**VOID, "/sbin/init": Link("/lib/systemd/systemd"), "/lib/systemd/systemd": File(elf(), 0o755)}
    assert services(files).manager == "systemd"
