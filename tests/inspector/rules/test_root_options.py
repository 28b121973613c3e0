from __future__ import annotations

import pytest

from fixtures.files import Node
from fixtures.golden import ROOT_UUID
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.rules.root_options import (
    fstab_hides_no_system_files,
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


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    for rule in (root_arguments_fit_file_system, root_is_mounted_to_be_used, fstab_hides_no_system_files):
        verdict = rule(Facts({Fstab: reason, DefaultKernel: reason}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
    with pytest.raises(NotApplicable):
        root_is_mounted_to_be_used(facts({"/etc/fstab": "# nothing\n"}))
