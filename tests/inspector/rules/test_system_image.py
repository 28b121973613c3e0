from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture, DiskContent
from inspector.guest import Guest
from inspector.rules.rule import Rule
from inspector.rules.system_image import (
    architecture_is_supported,
    image_holds_a_system,
    image_holds_one_system,
    system_matches_declared,
)
from inspector.verdict import Evidence, NotApplicable, Status
from parsers.place import Place
from tests.inspector.boots import facts as golden_facts

ROOT = Evidence(Place("/etc", volume="sda1"), "the root of a system on ext4")
OTHER_ROOT = Evidence(Place("/etc", volume="sda2"), "the root of a system on ext4")
MEDIUM = Evidence(Place("disk.raw", offset=32769), "an image of an optical medium (iso9660)")
UNREAD = Evidence(Place("sda3", volume="sda3"), "xfs is not read so far")
DATA = Evidence(Place("sda4", volume="sda4"), "ext4 without a system")


def facts(
    *roots: Evidence, medium: Evidence | None = None, unread: bool = False, others: tuple[Evidence, ...] = (DATA,)
) -> Facts:
    return Facts({DiskContent: DiskContent(roots, medium, (UNREAD,) if unread else (), others)})


def test_a_root_is_a_system_whatever_else_there_is() -> None:
    assert image_holds_a_system(facts(ROOT)).status is Status.OK
    assert image_holds_a_system(facts(ROOT, medium=MEDIUM, unread=True)).status is Status.OK


def test_a_medium_and_a_data_disk_fail_with_their_places() -> None:
    verdict = image_holds_a_system(facts(medium=MEDIUM))
    assert (verdict.status, verdict.evidence[0]) == (Status.FAILED, MEDIUM)
    verdict = image_holds_a_system(facts())
    assert (verdict.status, verdict.evidence) == (Status.FAILED, (DATA,))
    # The advised fix: the disk of an installed system.
    assert image_holds_a_system(facts(ROOT)).status is Status.OK


def test_a_volume_that_cannot_be_read_may_hold_the_system() -> None:
    verdict = image_holds_a_system(facts(unread=True))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert verdict.evidence[0] == UNREAD


def test_a_second_system_is_a_warning() -> None:
    assert image_holds_one_system(facts(ROOT)).status is Status.OK
    verdict = image_holds_one_system(facts(ROOT, OTHER_ROOT))
    assert (verdict.status, verdict.evidence) == (Status.WARNING, (ROOT, OTHER_ROOT))
    for unclear in (facts(ROOT, unread=True), facts(), facts(unread=True)):
        verdict = image_holds_one_system(unclear)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("machine", "status"),
    [("x86_64", Status.OK), ("aarch64", Status.OK), ("i386", Status.WARNING), ("s390x", Status.FAILED)],
)
def test_the_machine_is_one_that_the_cloud_has(machine: str, status: Status) -> None:
    made = Facts({Architecture: Architecture(machine, 64, Place("/sbin/init"))})
    verdict = architecture_is_supported(made, supported=["x86_64", "aarch64"], limited=["i386"])
    assert verdict.status is status
    assert verdict.evidence[0].place == Place("/sbin/init")


@pytest.mark.parametrize("judged", [image_holds_a_system, image_holds_one_system], ids=lambda item: str(item.name))
def test_unknown_is_never_ok(judged: Rule) -> None:
    verdict = judged(Facts({DiskContent: UnknownFact("the disk cannot be read")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_an_unknown_architecture_is_never_ok() -> None:
    made = Facts({Architecture: UnknownFact("no program tells the architecture")})
    verdict = architecture_is_supported(made, supported=["x86_64"], limited=[])
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("platform", "architecture", "status"),
    [
        ("linux", "any", Status.OK),
        ("any", "x86_64", Status.OK),
        ("linux", "x86_64", Status.OK),
        ("windows", "any", Status.FAILED),
        ("linux", "aarch64", Status.FAILED),
    ],
)
def test_what_is_declared_is_what_the_image_holds(platform: str, architecture: str, status: Status) -> None:
    verdict = system_matches_declared(golden_facts(), platform=platform, architecture=architecture)
    assert (verdict.status, verdict.known, bool(verdict.evidence)) == (status, True, True)


def test_without_a_declaration_there_is_nothing_to_compare_and_without_a_guest_nothing_is_ok() -> None:
    with pytest.raises(NotApplicable, match="declared"):
        system_matches_declared(golden_facts(), platform="any", architecture="any")
    missing = UnknownFact("no root file system")
    for platform, architecture in (("linux", "any"), ("any", "x86_64")):
        made = Facts({Guest: missing, Architecture: missing})
        verdict = system_matches_declared(made, platform=platform, architecture=architecture)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
