"""Upstart: which jobs start at boot, by the events that a boot brings (init(5) of upstart 1.12)."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File
from fixtures.kernel import elf
from inspector.facts import UnknownFact
from inspector.facts.services import Enablement, UnitState
from inspector.linux.upstart import Upstart
from inspector.verdict import Evidence
from parsers.place import Place
from tests.memory_tree import guest_of

RUNLEVEL = Evidence(Place("/etc/init/rc-sysinit.conf", 1), "2")


def jobs(texts: dict[str, str], more: dict[str, Any] | None = None) -> Upstart:
    return Upstart(guest_of({f"/etc/init/{name}": text for name, text in texts.items()} | (more or {})), RUNLEVEL)


def state(text: str, **others: str) -> UnitState:
    found = jobs({"x.conf": text, **{f"{name}.conf": other for name, other in others.items()}}).state("x.service")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("start", "starts"),
    [
        ("runlevel [2345]", True),
        ("runlevel [!06]", True),
        ("runlevel RUNLEVEL=2", True),
        ("runlevel [016]", False),
        ("filesystem and net-device-up IFACE!=lo", True),
        ("(filesystem and static-network-up) or failsafe-boot", True),
        ("control-alt-delete", False),
        ("filesystem and keyboard-request", False),
        ("(filesystem\n   and (never-heard-of\n   or startup))", True),
        ("started y", True),
        ("stopped y RESULT=failed", False),
        ("starting z", False),
        ("started gone", False),
        ("started off", False),
        ("told", True),
        ("socket PROTO=inet PORT=22", True),
    ],
)
def test_what_comes_true_at_boot(start: str, starts: bool) -> None:
    others = {
        "y": "start on startup\nemits told\n",
        "z": "start on started x\nexec true\n",
        "off": "start on startup\nmanual\n",
    }
    found = state(f'description "it\'s # x"\nstart on {start}\nstop on runlevel [06]\n', **others)
    assert (found.enabled, found.place) == (starts, Place("/etc/init/x.conf", 2))
    assert found.state is (Enablement.ENABLED if starts else Enablement.DISABLED)


def test_an_event_of_unknown_origin_is_unknown() -> None:
    with pytest.raises(UnknownFact, match="never-heard-of"):
        state("start on never-heard-of\n")


def test_a_script_within_a_job_says_nothing_of_its_start() -> None:
    text = "pre-start script\n  start on x\n  manual\nend script\nscript\nmanual\nend script\n"
    assert state("start on startup\n" + text).enabled
    assert state(text).state is Enablement.STATIC


def test_the_last_of_start_and_manual_counts() -> None:
    assert state("manual\nstart on startup\n").enabled
    off = state("start on startup\nmanual\n")
    assert (off.state, off.place) == (Enablement.DISABLED, Place("/etc/init/x.conf", 2))


def test_circles_and_depth_end() -> None:
    assert not state("start on started y\n", y="start on started x\n").enabled
    chain = {f"j{n}": f"start on started j{n + 1}\n" for n in range(200)}
    with pytest.raises(UnknownFact):
        state("start on started j0\n", **chain)
    with pytest.raises(UnknownFact):
        state("start on " + "(" * 400 + "startup\n")


def test_a_job_that_is_not_there() -> None:
    assert jobs({}).state("x.service") is None


def test_a_job_runs_its_program() -> None:
    text = {"x.conf": "start on startup\nexec /usr/sbin/x -D\n"}
    for more, place in (({}, Place("/etc/init/x.conf", 2)), ({"/usr/sbin/x": File(elf(), 0o755)}, None)):
        upstart = jobs(text, more)
        found = upstart.state("x.service")
        assert found is not None
        flaw = upstart.flaw(found)
        assert (flaw.place if flaw else None) == place
    shell = jobs({"x.conf": "start on startup\nexec $PROGRAM -D\n"})
    found = shell.state("x.service")
    assert found is not None
    assert shell.flaw(found) is None
