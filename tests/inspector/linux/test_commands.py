from __future__ import annotations

import pytest

from fixtures.kernel import elf
from inspector.facts.services import Enablement, UnitState
from inspector.linux.commands import required_units, service_flaw
from parsers.linux.systemd import parse_unit
from parsers.place import Place
from tests.memory_tree import File, guest_of

UNIT = "/usr/lib/systemd/system/a.service"
START = "[Service]\nExecStart=/usr/sbin/sshd -D\n"
GUEST = guest_of(
    {
        "/etc/passwd": "root:x:0:0:::\n",
        "/etc/there": "",
        "/usr/bin/false": File(elf(), 0o755),
        **{f"/usr/sbin/{name}": File(elf(), 0o755) for name in ("sshd", "true")},
    }
)


def flaw(text: str, *required: UnitState) -> tuple[int | None, str] | None:
    found = service_flaw(GUEST, parse_unit(text, UNIT), UNIT, ("sshd",), required)
    return (found.place.line, found.seen) if found else None


@pytest.mark.parametrize(
    "more",
    [
        "",
        "ExecStartPre=-/opt/gone\n",
        "ExecStartPre=-/bin/false\n",
        "ExecStartPre=/opt/%i\n",
        "ExecStartPre=@true true\n",
        "EnvironmentFile=-/etc/gone\n",
        "EnvironmentFile=/etc/there\n",
        "EnvironmentFile=/run/gone\n",
        "User=root\n",
        "User=1000\n",
        "User=new\nDynamicUser=yes\n",
        "PrivateNetwork=no\n",
        "ExecStart=\nExecStart=/usr/sbin/true --run sshd\n",
    ],
)
def test_nothing_speaks_against_a_service(more: str) -> None:
    assert flaw(START + more) is None


@pytest.mark.parametrize(
    ("more", "line", "seen"),
    [
        ("ExecStart=\n", None, "ExecStart= wanted"),
        ("ExecStart=\nExecStart=/usr/sbin/true\n", 4, "ExecStart=/usr/sbin/true: sshd wanted"),
        ("ExecStart=\nExecStart=/opt/sshd\n", 4, "ExecStart=/opt/sshd: no such file"),
        ("ExecStartPre=/usr/bin/false\n", 3, "ExecStartPre=/usr/bin/false, which always fails"),
        ("ExecStartPre=/opt/gone\n", 3, "ExecStartPre=/opt/gone: no such file"),
        ("ExecStartPre=!gone\n", 3, "gone lies in none of"),
        ("EnvironmentFile=/etc/gone\n", 3, "EnvironmentFile=/etc/gone, which does not exist"),
        ("User=nobody\n", 3, "User=nobody, who does not exist"),
        ("PrivateNetwork=yes\n", 3, "PrivateNetwork=yes cuts it off"),
    ],
)
def test_what_keeps_a_service_from_its_work(more: str, line: int | None, seen: str) -> None:
    found = flaw(START + more)
    assert found is not None
    assert found[0] == line
    assert found[1].startswith(seen)


def test_a_unit_that_must_start_with_it_is_gone() -> None:
    text = START + "[Unit]\nRequires=b.service c.target\nBindsTo=d.device\n"
    assert required_units(parse_unit(text, UNIT)) == ("b.service",)
    for state, bad in ((Enablement.MASKED, True), (Enablement.ABSENT, True), (Enablement.STATIC, False)):
        found = flaw(text, UnitState("b.service", state, Place("x"), ""))
        assert found == ((4, f"Requires=b.service, which is {state}") if bad else None)
