"""Modules that the cloud asks for, on the golden guest in memory."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.golden import GOLDEN, KERNEL
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel, Kernels
from inspector.guest import Guest
from inspector.rules.kernel_modules import RULES, kernel_shows_fw_cfg, wanted_modules_are_not_blocked
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.place import Place
from tests.facts_of import facts_of
from tests.inspector.boots import facts

WANTED = ["iso9660", "vfat", "udf"]
CIS = "/etc/modprobe.d/cis.conf"
CONFIG = f"/boot/config-{KERNEL}"
BUILTIN = f"/usr/lib/modules/{KERNEL}/modules.builtin"
OPTION = "CONFIG_FW_CFG_SYSFS=m"


def judge(rule: Rule, change: dict[str, Any] | None = None) -> tuple[Status, list[str]]:
    verdict = ask(rule, change)
    return verdict.status, [str(item.place) for item in verdict.evidence]


def ask(rule: Rule, change: dict[str, Any] | None = None, made: Facts | None = None) -> Verdict:
    return rule(made or facts(change or {}), **({"modules": WANTED} if rule.parameters else {}))


def config(old: str, new: str) -> dict[str, Any]:
    text = GOLDEN[CONFIG]
    assert isinstance(text, str)
    assert old in text
    return {CONFIG: text.replace(old, new)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    assert judge(rule)[0] is Status.OK


@pytest.mark.parametrize("line", ["blacklist udf", "install vfat /bin/true", "install iso9660 /bin/false"])
def test_a_blocked_module_is_a_warning_and_taking_the_line_out_makes_it_ok(line: str) -> None:
    status, places = judge(wanted_modules_are_not_blocked, {CIS: f"# hardened\n{line}\n"})
    assert status is Status.WARNING
    assert places[0].startswith(f"{CIS}:2")
    assert judge(wanted_modules_are_not_blocked, {CIS: "# hardened\n"})[0] is Status.OK
    assert judge(wanted_modules_are_not_blocked, {CIS: "blacklist floppy\n"})[0] is Status.OK


def test_what_is_part_of_the_kernel_cannot_be_blocked() -> None:
    builtin = {BUILTIN: "kernel/fs/fat/vfat.ko\n"}
    assert judge(wanted_modules_are_not_blocked, {CIS: "blacklist vfat\n", **builtin})[0] is Status.OK
    assert judge(wanted_modules_are_not_blocked, {CIS: "blacklist vfat\nblacklist udf\n", **builtin})[0] is (
        Status.WARNING
    )


def test_a_kernel_without_fw_cfg() -> None:
    assert judge(kernel_shows_fw_cfg, config(OPTION, "# CONFIG_FW_CFG_SYSFS is not set"))[0] is Status.WARNING
    assert judge(kernel_shows_fw_cfg, config(f"{OPTION}\n", "")) == (Status.WARNING, [CONFIG])
    assert judge(kernel_shows_fw_cfg, config(OPTION, "CONFIG_FW_CFG_SYSFS=y"))[0] is Status.OK


def test_fw_cfg_may_be_blocked_as_a_module_alone() -> None:
    block = {CIS: "blacklist qemu_fw_cfg\n"}
    assert judge(kernel_shows_fw_cfg, block)[0] is Status.WARNING
    assert judge(kernel_shows_fw_cfg, block | config(OPTION, "CONFIG_FW_CFG_SYSFS=y"))[0] is Status.OK


@pytest.mark.parametrize(
    ("file", "line"),
    [("modules.builtin", "kernel/drivers/firmware/qemu_fw_cfg.ko"), ("modules.dep", "kernel/x/qemu_fw_cfg.ko.xz:")],
)
def test_the_lists_of_modules_tell_as_well(file: str, line: str) -> None:
    path = f"/usr/lib/modules/{KERNEL}/{file}"
    text = GOLDEN[path]
    assert isinstance(text, str)
    change = {CONFIG: None, path: f"{text}{line}\n"}
    lines = text.count("\n") + 1
    assert judge(kernel_shows_fw_cfg, change) == (Status.OK, [f"{path}:{lines}"])
    blocked = judge(kernel_shows_fw_cfg, change | {CIS: "install qemu_fw_cfg /bin/true\n"})[0]
    assert blocked is (Status.OK if file == "modules.builtin" else Status.WARNING)


def test_a_kernel_from_before_the_driver_is_not_asked_for_it() -> None:
    made = facts(config(f"{OPTION}\n", ""))
    old = replace(made[DefaultKernel], version="3.10.0-1160.el7.x86_64")
    given: dict[type[Any], object] = {DefaultKernel: old, Kernels: Kernels(())}
    with pytest.raises(NotApplicable):
        kernel_shows_fw_cfg(facts_of(GOLDEN, given=given))


def test_without_its_configuration_nothing_is_known_of_a_kernel() -> None:
    verdict = ask(kernel_shows_fw_cfg, {CONFIG: None})
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("noun", [DefaultKernel, Guest], ids=lambda noun: noun.__name__)
def test_unknown_is_never_ok(rule: Rule, noun: type[Any]) -> None:
    verdict = ask(rule, made=facts_of(GOLDEN, given={noun: UnknownFact("not readable", Place("/x"))}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
