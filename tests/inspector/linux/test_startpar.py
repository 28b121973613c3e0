"""Which start links startpar(8) passes over: it starts what insserv(8) wrote down alone."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Link
from fixtures.kernel import elf
from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.facts.services import UnitState
from inspector.guest import Guest
from parsers.place import Place
from tests.memory_tree import guest_of

RC = "#! /bin/sh\nCONCURRENCY=makefile\ntest -x /lib/startpar/startpar || CONCURRENCY=none\nstartpar -M $1\n"
START = "/etc/init.d/.depend.start"
FILES: dict[str, Any] = {
    "/etc/inittab": "id:2:initdefault:\n",
    "/etc/init.d/rc": File(RC, 0o755),
    "/etc/init.d/ssh": File("#!/bin/sh\n", 0o755),
    "/etc/rc2.d/S02ssh": Link("../init.d/ssh"),
    "/lib/startpar/startpar": File(elf(), 0o755),
    "/etc/init.d/.depend.boot": "TARGETS = hostname.sh networking\nnetworking: hostname.sh\n",
    START: "TARGETS = rsyslog\n",
    "/etc/init.d/.depend.stop": "TARGETS = rsyslog\n",
}


def ssh(files: dict[str, Any]) -> UnitState:
    present = {path: node for path, node in files.items() if node is not None}
    return collect_services(Facts({Guest: guest_of(present)})).state("ssh.service")


def test_a_link_that_insserv_does_not_know_starts_nothing_and_running_insserv_mends_it() -> None:
    found = ssh(FILES)
    assert (found.enabled, found.place) == (False, Place(START))
    assert "/etc/rc2.d/S02ssh" in found.reason
    assert ssh({**FILES, START: "TARGETS = rsyslog ssh\nssh: rsyslog\n"}).place == Place("/etc/rc2.d/S02ssh")
    assert ssh({**FILES, START: "TARGETS = rsyslog\nrsyslog: ssh\n"}).enabled


@pytest.mark.parametrize(
    "change",
    [
        {"/etc/init.d/.depend.boot": ""},
        {"/etc/init.d/.depend.stop": None},
        {"/etc/init.d/.legacy-bootordering": ""},
        {"/lib/startpar/startpar": None},
        {"/lib/startpar/startpar": File(elf(), 0o644)},
        {"/etc/default/rcS": "CONCURRENCY=none\n"},
        {"/etc/sysconfig/boot": 'RUN_PARALLEL="no"\n'},
        {"/etc/init.d/rc": File(RC.replace("=makefile", "=none"), 0o755)},
        {"/etc/init.d/rc": File("#! /bin/sh\n# no startpar here\n", 0o755)},
    ],
)
def test_one_script_after_another_every_link_counts(change: dict[str, Any]) -> None:
    assert ssh({**FILES, **change}).enabled


def test_what_runs_before_every_runlevel_is_listed_apart() -> None:
    files = {**FILES, "/etc/rc2.d/S02ssh": None, "/etc/rcS.d/S02ssh": Link("../init.d/ssh")}
    assert ssh(files).place == Place("/etc/init.d/.depend.boot")
    assert ssh({**files, "/etc/init.d/.depend.boot": "TARGETS = ssh\n"}).enabled
