from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.facts.services import Services
from inspector.linux.foreign_agents import AGENTS, Agent
from inspector.rules.agents import (
    RULES,
    cloud_assistant_runs,
    foreign_agents_are_not_started,
    qemu_guest_agent_is_absent,
    security_center_agent_runs,
)
from inspector.rules.rule import Rule
from inspector.verdict import Status, Verdict
from tests.facts_of import facts_of
from tests.inspector.rules.units import INSTALL, TARGETS, UNITS, WANTS, facts, places
from tests.memory_tree import File, Link

ASSISTANT = {"/usr/local/share/aliyun-assist/2.2.3/aliyun-service": File("\x7fELF", 0o755)}
AEGIS = {"/usr/local/aegis/aegis_client/aegis_12/AliYunDun": File("\x7fELF", 0o755)}
OWN: list[tuple[Rule, dict[str, Any], str, str]] = [
    (cloud_assistant_runs, ASSISTANT, "aliyun.service", "/usr/local/share/aliyun-assist"),
    (security_center_agent_runs, AEGIS, "aegis.service", "/usr/local/aegis"),
]


@pytest.mark.parametrize(("rule", "binary", "unit", "folder"), OWN, ids=[agent[2] for agent in OWN])
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
    script, shell = File("#!/bin/sh\n", 0o755), File("\x7fELF", 0o755)
    linked = Link("../init.d/aegis")
    scripts: dict[str, Any] = {"/etc/init.d/aegis": script, "/etc/rc3.d/S80aegis": linked, "/bin/sh": shell}
    assert security_center_agent_runs(facts_of({**AEGIS, **scripts})).status is Status.OK


def test_of_several_versions_the_newest_that_can_run_is_named() -> None:
    folder = "/usr/local/share/aliyun-assist"
    old, new, broken = (f"{folder}/{version}/aliyun-service" for version in ("2.2.3.857", "2.2.3.1001", "2.2.4.1"))
    files = {old: File("\x7fELF", 0o755), new: File("\x7fELF", 0o755), broken: File("\x7fELF", 0o644)}
    verdict = cloud_assistant_runs(facts("aliyun.service", **files))
    assert (verdict.status, places(verdict)[0]) == (Status.OK, new)
    assert cloud_assistant_runs(facts("aliyun.service", **{broken: files[broken]})).status is Status.WARNING


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


def test_what_a_guest_agent_refuses_is_told() -> None:
    settings = {
        "/etc/sysconfig/qemu-ga": "# x\nBLACKLIST_RPC=guest-exec,guest-file-open\n",
        "/etc/qemu/qemu-ga.conf": f"[general]\nallow-rpcs={','.join(f'guest-{n}' for n in range(9))}\n",
    }
    verdict = qemu_guest_agent_is_absent(facts(**{"/usr/bin/qemu-ga": "x"}, **settings))
    assert verdict.status is Status.WARNING
    assert places(verdict) == ["/usr/bin/qemu-ga", "/etc/qemu/qemu-ga.conf:2", "/etc/sysconfig/qemu-ga:2"]
    assert verdict.evidence[1].seen.endswith("guest-7 and 1 more")
    assert verdict.evidence[2].seen == "it refuses guest-exec, guest-file-open"
    assert qemu_guest_agent_is_absent(facts(**settings)).status is Status.OK


def test_a_database_that_is_not_read_does_not_hide_that_the_program_is_absent() -> None:
    made = facts_of({**TARGETS}, given={Packages: UnknownFact("rpm is not read so far")})
    assert qemu_guest_agent_is_absent(made).status is Status.OK


# -- agents of others


def foreign(made: Facts) -> tuple[Status, list[str]]:
    verdict = foreign_agents_are_not_started(made, own=["alibaba"])
    return verdict.status, places(verdict)


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.home)
def test_every_agent_is_found_by_its_files_its_packages_and_its_units(agent: Agent) -> None:
    def judge(made: Facts) -> Verdict:
        return foreign_agents_are_not_started(made, own=[])

    assert judge(facts()).status is Status.OK
    for pattern in agent.files:
        path = pattern.replace("*", "7")
        verdict = judge(facts(**{path: "x"}))
        assert (verdict.status, places(verdict)) == (Status.WARNING, [path])
    for name in agent.packages:
        stanza = f"Package: {name}\nStatus: install ok installed\nVersion: 1\n"
        verdict = judge(facts(**{"/var/lib/dpkg/status": stanza}))
        assert (verdict.status, places(verdict)) == (Status.WARNING, ["/var/lib/dpkg/status:1"])
        removed = stanza.replace("install ok installed", "deinstall ok config-files")
        assert judge(facts(**{"/var/lib/dpkg/status": removed})).status is Status.OK
    for unit in agent.units:
        verdict = judge(facts(f"{unit}.service"))
        assert (verdict.status, places(verdict)) == (Status.WARNING, [f"{WANTS}/{unit}.service"])
    assert foreign_agents_are_not_started(
        facts(**{agent.files[0].replace("*", "7"): "x"}), own=[agent.home]
    ).status is (Status.OK)


TOOLS = {"/usr/bin/vmtoolsd": File("\x7fELF", 0o755)}
VMWARE = "vmtoolsd.service"
WAITING = "[Unit]\nConditionVirtualization=vmware\n[Service]\nExecStart=/usr/bin/vmtoolsd\n"


def test_an_agent_that_nothing_starts_does_no_harm() -> None:
    started = facts(VMWARE, **TOOLS)
    assert foreign(started) == (Status.WARNING, [f"{WANTS}/{VMWARE}", "/usr/bin/vmtoolsd"])
    disabled = facts(**TOOLS, **{f"{UNITS}/{VMWARE}": INSTALL})
    assert foreign(disabled) == (Status.OK, [f"{UNITS}/{VMWARE}"])
    masked = facts(VMWARE, **TOOLS, **{f"/etc/systemd/system/{VMWARE}": Link("/dev/null")})
    assert foreign(masked) == (Status.OK, [f"/etc/systemd/system/{VMWARE}"])


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("vmware", Status.OK),
        ("kvm", Status.WARNING),
        ("yes", Status.WARNING),
        ("!container", Status.WARNING),
        ("|vmware", Status.WARNING),
        ("", Status.WARNING),
    ],
)
def test_an_agent_may_wait_for_its_own_hypervisor(condition: str, status: Status) -> None:
    files: dict[str, Any] = {**TOOLS, f"{UNITS}/{VMWARE}": WAITING.replace("=vmware", f"={condition}")}
    made = facts(**files, **{f"{WANTS}/{VMWARE}": Link(f"{UNITS}/{VMWARE}")})
    assert foreign(made)[0] is status


def test_a_drop_in_may_take_the_condition_back() -> None:
    files: dict[str, Any] = {**TOOLS, f"{UNITS}/{VMWARE}": WAITING, f"{WANTS}/{VMWARE}": Link(f"{UNITS}/{VMWARE}")}
    reset = {f"/etc/systemd/system/{VMWARE}.d/any.conf": "[Unit]\nConditionVirtualization=\n"}
    assert foreign(facts(**files))[0] is Status.OK
    assert foreign(facts(**files, **reset))[0] is Status.WARNING


def test_an_agent_that_an_init_script_starts_is_found() -> None:
    scripts: dict[str, Any] = {"/etc/init.d/vmware-tools": "#!/bin/sh\n"}
    assert foreign(facts_of({**TOOLS, **scripts}))[0] is Status.OK
    linked = {"/etc/rc3.d/S19vmware-tools": Link("../init.d/vmware-tools")}
    assert foreign(facts_of({**TOOLS, **scripts, **linked}))[0] is Status.WARNING


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    made = facts_of({**TARGETS, **ASSISTANT, **AEGIS}, given={Services: UnknownFact("no service manager")})
    verdict = rule(made, **({"own": []} if rule.parameters else {}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
