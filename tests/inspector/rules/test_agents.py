from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import UnknownFact
from inspector.facts.packages import Packages
from inspector.facts.services import Services
from inspector.rules.agents import (
    RULES,
    cloud_assistant_runs,
    qemu_guest_agent_is_absent,
    security_center_agent_runs,
)
from inspector.rules.rule import Rule
from inspector.verdict import Status
from tests.facts_of import facts_of
from tests.inspector.rules.units import INSTALL, TARGETS, UNITS, WANTS, facts, places
from tests.memory_tree import File, Link

ASSISTANT = {"/usr/local/share/aliyun-assist/2.2.3/aliyun-service": File("\x7fELF", 0o755)}
AEGIS = {"/usr/local/aegis/aegis_client/aegis_12/AliYunDun": File("\x7fELF", 0o755)}
AGENTS: list[tuple[Rule, dict[str, Any], str, str]] = [
    (cloud_assistant_runs, ASSISTANT, "aliyun.service", "/usr/local/share/aliyun-assist"),
    (security_center_agent_runs, AEGIS, "aegis.service", "/usr/local/aegis"),
]


@pytest.mark.parametrize(("rule", "binary", "unit", "folder"), AGENTS, ids=[agent[2] for agent in AGENTS])
def test_an_agent_wants_its_program_and_its_unit(rule: Rule, binary: dict[str, Any], unit: str, folder: str) -> None:
    missing = rule(facts())
    assert (missing.status, places(missing)) == (Status.WARNING, [folder])
    without_program = rule(facts(unit, **{f"{folder}/empty": ""}))
    assert (without_program.status, places(without_program)) == (Status.WARNING, [folder])
    disabled = rule(facts(**binary, **{f"{UNITS}/{unit}": INSTALL}))
    assert (disabled.status, places(disabled)) == (Status.WARNING, [f"{UNITS}/{unit}"])
    without_unit = rule(facts(**binary))
    assert without_unit.status is Status.WARNING
    fixed = rule(facts(unit, **binary))
    assert (fixed.status, places(fixed)) == (Status.OK, [*binary, f"{WANTS}/{unit}"])


def test_an_agent_that_an_init_script_starts_is_ok() -> None:
    scripts: dict[str, Any] = {"/etc/init.d/aegis": "#!/bin/sh\n", "/etc/rc3.d/S80aegis": Link("../init.d/aegis")}
    assert security_center_agent_runs(facts_of({**AEGIS, **scripts})).status is Status.OK


def test_no_guest_agent_is_ok() -> None:
    assert qemu_guest_agent_is_absent(facts()).status is Status.OK


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"/usr/sbin/qemu-ga": "\x7fELF"}, "/usr/sbin/qemu-ga"),
        ({"/usr/bin/qemu-ga": "\x7fELF"}, "/usr/bin/qemu-ga"),
        (
            {"/var/lib/dpkg/status": "Package: qemu-guest-agent\nStatus: install ok installed\nVersion: 1:7.2\n"},
            "/var/lib/dpkg/status:1",
        ),
    ],
)
def test_a_guest_agent_is_a_warning_and_removing_it_makes_it_ok(files: dict[str, str], place: str) -> None:
    verdict = qemu_guest_agent_is_absent(facts(**files))
    assert (verdict.status, places(verdict)) == (Status.WARNING, [place])
    removed = {path: text.replace("install ok installed", "deinstall ok config-files") for path, text in files.items()}
    kept = {path: text for path, text in removed.items() if not path.startswith("/usr")}
    assert qemu_guest_agent_is_absent(facts(**kept)).status is Status.OK


def test_a_started_guest_agent_is_a_warning() -> None:
    verdict = qemu_guest_agent_is_absent(facts("qemu-guest-agent.service"))
    assert (verdict.status, places(verdict)) == (Status.WARNING, [f"{WANTS}/qemu-guest-agent.service"])


def test_a_database_that_is_not_read_does_not_hide_that_the_program_is_absent() -> None:
    made = facts_of({**TARGETS}, given={Packages: UnknownFact("rpm is not read so far")})
    assert qemu_guest_agent_is_absent(made).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    made = facts_of({**TARGETS, **ASSISTANT, **AEGIS}, given={Services: UnknownFact("no service manager")})
    verdict = rule(made)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
