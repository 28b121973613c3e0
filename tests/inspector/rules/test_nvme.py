from __future__ import annotations

import pytest

from fixtures.golden import BUILTIN, golden_initramfs
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.drivers import DefaultDrivers
from inspector.rules.nvme import RULES, nvme_driver_boots, nvme_timeouts_are_long
from inspector.verdict import Status
from tests.inspector.boots import CFG, INITRD, LINUX_LINE, MODULES, changed, facts

TIMEOUT = 4294967295
IO = f"nvme_core.io_timeout={TIMEOUT}"
ADMIN = f"nvme_core.admin_timeout={TIMEOUT}"


def test_the_golden_guest_is_ok() -> None:
    verdict = nvme_driver_boots(facts())
    assert verdict.status is Status.OK
    assert {item.seen.split()[0] for item in verdict.evidence} == {"nvme", "nvme_core"}
    assert nvme_timeouts_are_long(facts(), timeout=TIMEOUT).status is Status.OK


@pytest.mark.parametrize("name", ["nvme", "nvme-core"])
def test_a_driver_that_is_not_in_the_initramfs_is_found(name: str) -> None:
    files = {INITRD: golden_initramfs(without=(name,))}
    verdict = nvme_driver_boots(facts(files))
    assert verdict.status is Status.FAILED
    assert [item.place.path for item in verdict.evidence] == [INITRD]
    builtin = "".join(f"kernel/drivers/nvme/host/{part}.ko\n" for part in (*BUILTIN, "nvme", "nvme-core"))
    assert nvme_driver_boots(facts(files | {f"{MODULES}/modules.builtin": builtin})).status is Status.OK


def test_a_blocked_driver_is_found() -> None:
    verdict = nvme_driver_boots(facts({"/etc/modprobe.d/a.conf": "blacklist nvme\n"}))
    assert (verdict.status, verdict.evidence[0].place.line) == (Status.FAILED, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{IO} {ADMIN}", "quiet"),
        (IO, ""),
        (ADMIN, "nvme_core.admin_timeout=60"),
        (IO, "nvme_core.io_timeout=many"),
        (IO, f"{IO} nvme_core.io_timeout=30"),
        (IO, f"nvme.io_timeout={TIMEOUT}"),
    ],
)
def test_short_timeouts_are_a_warning_at_the_line_of_the_kernel(old: str, new: str) -> None:
    verdict = nvme_timeouts_are_long(facts(changed(CFG, old, new)), timeout=TIMEOUT)
    assert verdict.status is Status.WARNING
    assert [(item.place.path, item.place.line) for item in verdict.evidence] == [(CFG, LINUX_LINE)]


def test_the_advised_fix_makes_it_ok() -> None:
    files = changed(CFG, f"{IO} {ADMIN}", f"nvme-core.io_timeout=30 {IO} {ADMIN}")
    assert nvme_timeouts_are_long(facts(files), timeout=TIMEOUT).status is Status.OK
    assert (
        nvme_timeouts_are_long(facts(changed(CFG, IO, "nvme_core.io_timeout=0xffffffff")), timeout=TIMEOUT).status
        == "OK"
    )


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    for rule in RULES:
        parameters = {"timeout": TIMEOUT} if rule.parameters else {}
        verdict = rule(Facts({DefaultDrivers: reason, DefaultKernel: reason}), **parameters)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
    verdict = nvme_driver_boots(facts({INITRD: golden_initramfs()[:-100]}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_driver_that_is_older_than_the_arguments_is_a_warning() -> None:
    dep = "kernel/drivers/nvme/host/nvme.ko:\n"
    verdict = nvme_timeouts_are_long(facts({f"{MODULES}/modules.dep": dep}), timeout=TIMEOUT)
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "nvme needs no nvme_core")
