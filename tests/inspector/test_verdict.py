from __future__ import annotations

import pytest

from inspector.verdict import Evidence, Status, Verdict, at_least, failed, ok, unknown, warning, worst
from parsers.place import Place

SEEN = Evidence(Place("/etc/fstab", 4), "x")


@pytest.mark.parametrize(("make", "status"), [(ok, Status.OK), (warning, Status.WARNING), (failed, Status.FAILED)])
def test_a_verdict_cannot_be_made_without_evidence(make, status: Status) -> None:  # type: ignore[no-untyped-def]
    assert make("so it is", SEEN).status is status
    assert make("so it is", SEEN).known
    with pytest.raises(ValueError, match="a verdict needs evidence"):
        make("so it is")


def test_what_is_unknown_is_a_warning_and_never_ok() -> None:
    verdict = unknown("no root file system")
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert verdict.evidence[0].seen == "no root file system"
    with pytest.raises(ValueError, match="cannot be OK"):
        Verdict(Status.OK, "x", (SEEN,), known=False)


def test_the_worst_counts() -> None:
    assert worst([Status.OK, Status.FAILED, Status.WARNING]) is Status.FAILED
    assert worst([Status.OK]) is Status.OK
    assert at_least(Status.FAILED, Status.WARNING)
    assert at_least(Status.WARNING, Status.WARNING)
    assert not at_least(Status.OK, Status.WARNING)


def test_evidence_is_given_once() -> None:
    seen, other = Evidence(Place("/a", 1), "x"), Evidence(Place("/a", 2), "x")
    for make in (ok, warning, failed, unknown):
        assert make("a sentence", seen, other, seen).evidence == (seen, other)
