from __future__ import annotations

import pytest

from fixtures.files import Link, Node
from fixtures.golden import ROOT_UUID
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.guest import Guest
from inspector.rules.root_options import (
    fstab_hides_no_system_files,
    fstab_types_are_known,
    root_arguments_fit_file_system,
    root_is_mounted_to_be_used,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.linux.fstab import Fstab
from tests.inspector.boots import CFG, LINUX_LINE, arguments, facts


def places(verdict: Verdict) -> list[str]:
    return [f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence]


def root(options: str, *lines: str) -> dict[str, Node | None]:
    return {"/etc/fstab": "\n".join([f"UUID={ROOT_UUID} / ext4 {options} 0 1", *lines, ""])}


@pytest.mark.parametrize(
    ("argument", "status"),
    [
        ("rootfstype=xfs", Status.FAILED),
        ("rootfstype=xfs,ext4", Status.OK),
        ("rootfstype=ext3 rootfstype=ext4", Status.OK),
        ("rootflags=subvol=@", Status.FAILED),
        ("rootflags=noatime,subvolid=256", Status.FAILED),
        ("rootflags=bogus", Status.WARNING),
        ("rootflags=data=ordered,commit=30,X-mount.mkdir", Status.OK),
    ],
)
def test_the_arguments_must_fit_the_root(argument: str, status: Status) -> None:
    verdict = root_arguments_fit_file_system(facts(arguments(argument)))
    assert verdict.status is status
    assert places(verdict) == [f"{CFG}:{LINUX_LINE}"]


def test_without_the_arguments_nothing_is_judged() -> None:
    with pytest.raises(NotApplicable):  # the advised fix
        root_arguments_fit_file_system(facts())


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("defaults", Status.OK),
        ("errors=remount-ro,x-systemd.growfs,discard", Status.OK),
        ("ro,rw", Status.OK),
        ("users,exec", Status.OK),
        ("ro", Status.WARNING),
        ("erors=remount-ro", Status.WARNING),
        ("subvol=@", Status.FAILED),
        ("noexec", Status.FAILED),
        ("users", Status.FAILED),
    ],
)
def test_the_root_must_be_of_use(options: str, status: Status) -> None:
    verdict = root_is_mounted_to_be_used(facts(root(options)))
    assert verdict.status is status
    assert places(verdict) == ["/etc/fstab:1"]


def test_system_files_may_not_be_hidden() -> None:
    verdict = fstab_hides_no_system_files(
        facts(root("defaults", "tmpfs /tmp tmpfs defaults 0 0", "none /usr/ tmpfs rw 0 0"))
    )
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:3"])
    # the line taken out
    assert fstab_hides_no_system_files(facts(root("defaults", "tmpfs /tmp tmpfs defaults 0 0"))).status is Status.OK
    with pytest.raises(NotApplicable):
        fstab_hides_no_system_files(facts())


def test_a_root_that_is_never_mounted_anew_stays_read_only() -> None:
    unit = "/etc/systemd/system/systemd-remount-fs.service"
    masked: dict[str, Node | None] = {unit: Link("/dev/null")}
    verdict = root_is_mounted_to_be_used(facts(masked))
    assert (verdict.status, places(verdict)[0]) == (Status.WARNING, unit)
    assert root_is_mounted_to_be_used(facts(masked | arguments("rw"))).status is Status.OK
    # systemctl unmask
    assert root_is_mounted_to_be_used(facts()).status is Status.OK


def test_types_without_a_device_must_be_known() -> None:
    verdict = fstab_types_are_known(facts(root("defaults", "proc /proc procfs defaults 0 0")))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/fstab:2"])
    for line in ("proc /proc proc defaults 0 0", "x /mnt foo nofail 0 0", "x /mnt fuse.foo defaults 0 0"):
        helper: dict[str, Node | None] = {"/usr/sbin/mount.fuse": ""}
        assert fstab_types_are_known(facts(root("defaults", line) | helper)).status is Status.OK
    with pytest.raises(NotApplicable):
        fstab_types_are_known(facts())
    assert not fstab_types_are_known(Facts({Guest: UnknownFact("none")})).known


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    for rule in (root_arguments_fit_file_system, root_is_mounted_to_be_used, fstab_hides_no_system_files):
        verdict = rule(Facts({Fstab: reason, DefaultKernel: reason}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
    with pytest.raises(NotApplicable):
        root_is_mounted_to_be_used(facts({"/etc/fstab": "# nothing\n"}))
