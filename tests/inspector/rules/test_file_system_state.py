from __future__ import annotations

import pytest

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules.file_system_state import (
    file_systems_cleanly_unmounted,
    file_systems_consistent,
    file_systems_fit_their_volumes,
    file_systems_without_recorded_errors,
    system_volumes_readable,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status
from parsers.place import Place, Problem
from tests.memory_tree import MemoryTree
from tests.volumes import SIZE, storage_of, volume_of

ERROR = Problem(Place("sda1", offset=1428), "2 errors were recorded")
UNCLEAN = Problem(Place("sda1"), "the journal needs recovery; replayed in memory: 1 transactions, 2 blocks")
FLAW = Problem(Place("sda1", offset=4096), "inode 12: checksum 1 wanted, 2 found")
ALL = pytest.mark.parametrize(
    "rule",
    [
        file_systems_without_recorded_errors,
        file_systems_cleanly_unmounted,
        file_systems_consistent,
        system_volumes_readable,
    ],
    ids=lambda rule: rule.name,
)


class Ext(MemoryTree):
    """A tree that says how it fared."""

    def __init__(
        self, errors: tuple[Problem, ...] = (), unclean: Problem | None = None, flaws: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__({"/etc/fstab": ""})
        self.recorded_errors = errors
        self.unclean = unclean
        self.problems = (*((unclean,) if unclean else ()), *errors, *flaws)


def facts(*volumes: Volume) -> Facts:
    return Facts({Storage: storage_of(*volumes), Guest: UnknownFact("no root file system")})


def with_mount(mount: Mount, *volumes: Volume) -> Facts:
    tree = MemoryTree({"/etc/fstab": ""})
    return Facts({Storage: storage_of(*volumes), Guest: Guest([Mount("/", None, tree, tree.root), mount])})


SWAP = volume_of(None, 2, "swap")
XFS = volume_of(None, 3, "xfs", reason="xfs is not read so far")


@ALL
def test_ok(rule: Rule) -> None:
    verdict = rule(facts(volume_of(Ext()), SWAP))
    assert verdict.status is Status.OK
    assert [item.place for item in verdict.evidence] == [Place("sda1", volume="sda1")]


@ALL
def test_a_plain_tree_is_ok(rule: Rule) -> None:
    assert rule(facts(volume_of({"/x": ""}))).status is Status.OK


@pytest.mark.parametrize(
    ("rule", "tree", "status", "problem"),
    [
        (file_systems_without_recorded_errors, Ext(errors=(ERROR,)), Status.FAILED, ERROR),
        (file_systems_cleanly_unmounted, Ext(unclean=UNCLEAN), Status.WARNING, UNCLEAN),
        (file_systems_consistent, Ext(flaws=(FLAW,)), Status.WARNING, FLAW),
    ],
    ids=["errors", "unclean", "flaws"],
)
def test_a_finding_is_at_its_byte_of_the_volume_and_only_there(
    rule: Rule, tree: Ext, status: Status, problem: Problem
) -> None:
    given = facts(volume_of(tree))
    verdict = rule(given)
    assert (verdict.status, verdict.known) == (status, True)
    assert verdict.evidence[0].place == Place("sda1", offset=problem.place.offset, volume="sda1")
    assert verdict.evidence[0].seen == problem.message
    for other in (file_systems_without_recorded_errors, file_systems_cleanly_unmounted, file_systems_consistent):
        assert other is rule or other(given).status is Status.OK


def test_a_journal_that_waits_is_a_warning_whoever_says_so() -> None:
    tree = MemoryTree({"/x": ""}, unreplayed_journal=True)
    verdict = file_systems_cleanly_unmounted(facts(volume_of(tree)))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].place.volume == "sda1"


@pytest.mark.parametrize("tree", [Ext(errors=(ERROR,)), Ext(unclean=UNCLEAN), Ext(flaws=(FLAW,))])
def test_the_advised_fix_makes_it_ok(tree: Ext) -> None:
    rules = (file_systems_without_recorded_errors, file_systems_cleanly_unmounted, file_systems_consistent)
    assert not all(rule(facts(volume_of(tree))).status is Status.OK for rule in rules)
    assert all(rule(facts(volume_of(Ext()))).status is Status.OK for rule in rules)


@ALL
def test_unknown_is_never_ok(rule: Rule) -> None:
    for given in (facts(SWAP), facts(), facts(volume_of(Ext()), XFS), facts(XFS)):
        assert rule(given).status is Status.WARNING
    verdict = rule(facts(volume_of(Ext()), XFS))
    assert verdict.evidence[0].place == Place("sda3", volume="sda3")
    assert verdict.evidence[0].seen == "xfs is not read so far"
    assert not rule(Facts({Storage: UnknownFact("no disk"), Guest: UnknownFact("no root")})).known


def test_a_mount_that_cannot_be_read_is_a_warning_once() -> None:
    gone = Mount("/srv", None, None, 0, "UUID=1 is not in the image")
    verdict = system_volumes_readable(with_mount(gone, volume_of(Ext())))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].place == Place("/srv")
    same = Mount("/srv", XFS, None, 0, "xfs is not read so far")
    assert len(system_volumes_readable(with_mount(same, volume_of(Ext()), XFS)).evidence) == 1


def test_a_volume_that_is_read_now_makes_it_ok() -> None:
    assert system_volumes_readable(facts(volume_of(Ext()), volume_of({"/x": ""}, 3))).status is Status.OK


class Long(MemoryTree):
    """A tree that says how long it is."""

    def __init__(self, size: int, flaws: tuple[Problem, ...] = ()) -> None:
        super().__init__({"/x": ""})
        self.stated_size = size
        self.problems = flaws


def test_a_file_system_that_is_cut_off_fails_once_until_its_volume_has_its_size_back() -> None:
    end = Problem(Place("sda1", offset=SIZE), "a file system of more bytes wanted")
    given = facts(volume_of(Long(SIZE + 1, (end,))), volume_of({"/x": ""}, 4))
    verdict = file_systems_fit_their_volumes(given)
    assert (verdict.status, verdict.evidence[0].place) == (Status.FAILED, Place("sda1", volume="sda1"))
    assert verdict.evidence[0].seen == f"a volume of {SIZE + 1} bytes wanted, {SIZE} found"
    assert file_systems_consistent(given).status is Status.OK
    whole = file_systems_fit_their_volumes(facts(volume_of(Long(SIZE)), volume_of({"/x": ""}, 4)))
    assert (whole.status, [item.place.path for item in whole.evidence]) == (Status.OK, ["sda1"])


def test_how_long_what_cannot_be_read_is_nobody_knows() -> None:
    for given in (facts(XFS), facts(volume_of(Long(SIZE)), XFS)):
        assert not file_systems_fit_their_volumes(given).known
    with pytest.raises(NotApplicable):
        file_systems_fit_their_volumes(facts(volume_of({"/x": ""})))
