from __future__ import annotations

import pytest

from fixtures.files import File, Link
from inspector.boot.kernel_arguments import is_doubtful, is_hazard
from tests.memory_tree import guest_of

GUEST = guest_of({
    "/lib/systemd/systemd": File("", 0o755),
    "/sbin/init": Link("/lib/systemd/systemd"),
    "/opt/start": File("", 0o755),
    "/bin/sh": File("", 0o755),
    "/bin/true": File("", 0o755),
    "/bin/busybox": File("", 0o755),
    "/busy/init": Link("/bin/busybox"),
})  # fmt: skip


@pytest.mark.parametrize(
    "argument",
    [
        "single", "S", "s", "1", "-s", "-b", "emergency", "rescue", "recovery", "break", "break=mount", "rd.break",
        "rd.break=pre-mount", "systemd.unit=rescue.target", 'systemd.unit="emergency.target"', "init=", "init=/bin/sh",
        "init=/gone", "init=/bin/true", "rdinit=/bin/sh", "boot=nfs", "boot=live", "systemd.run=/bin/true", "pci=off",
        "mem=64M", "mem=0x1000000", "mem=65536k", "0", "6", "rdbreak", "rdbreak=mount", "rd.cmdline=ask",
        "systemd.confirm_spawn", "systemd.confirm_spawn=yes", "systemd.confirm_spawn=tty1",
        "rd.systemd.unit=emergency.service",
    ],
)  # fmt: skip
def test_what_keeps_the_system_from_starting(argument: str) -> None:
    assert is_hazard(argument, GUEST)


@pytest.mark.parametrize(
    "argument",
    [
        "3", "5", "ro", "SYSTEMD.UNIT=rescue.target", "systemd_unit=rescue.target", "systemd.unit=multi-user.target",
        "init=/sbin/init", "init=/lib/systemd/systemd", "init=/busy/init", "rdinit=/init", "boot=local",
        "rd.systemd.unit=initrd.target", "systemd.confirm_spawn=no", "rd.cmdline=x", "rd.shell=0",
        "boot=UUID=0b7c6d5e", "pci=noaer", "mem=16G", "mem=256M", "mem=nopentium", "panic=10", "maxcpus=1", "nomodeset",
    ],
)  # fmt: skip
def test_what_does_not(argument: str) -> None:
    assert not is_hazard(argument, GUEST)
    assert not is_doubtful(argument, GUEST)


def test_a_program_that_is_no_known_init_is_doubtful() -> None:
    assert is_doubtful("init=/opt/start", GUEST)
    assert not is_hazard("init=/opt/start", GUEST)
    assert not is_doubtful("init=/bin/sh", GUEST)
