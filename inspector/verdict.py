"""What a rule says: a status, a sentence, and the evidence for it.

A verdict without evidence cannot be made, `OK` included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from parsers.place import ParseError, Place, Problem


class Status(StrEnum):
    """How a rule, a check or a report came out."""

    OK = "OK"
    WARNING = "WARNING"
    FAILED = "FAILED"


_SEVERITY = {Status.OK: 0, Status.WARNING: 1, Status.FAILED: 2}


def worst(statuses: Iterable[Status]) -> Status:
    """Return the most severe of `statuses`; at least one is wanted."""
    return max(statuses, key=_SEVERITY.__getitem__)


def at_least(status: Status, limit: Status) -> bool:
    """Tell whether `status` is as severe as `limit`."""
    return _SEVERITY[status] >= _SEVERITY[limit]


class Evidence(msgspec.Struct, frozen=True):
    """What was seen, and where."""

    place: Place
    seen: str

    @classmethod
    def of(cls, problem: Problem | ParseError) -> Evidence:
        """Return what a parser found wrong as evidence."""
        return cls(problem.place, problem.message)


def paths_of(items: Iterable[Evidence]) -> str:
    """Return the paths of evidence for a sentence, each once."""
    return ", ".join(dict.fromkeys(item.place.path for item in items))


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one rule. `known` is False where a fact that the rule needs could not be had.

    `fix` is what to do where that is not what the rule advises.
    """

    status: Status
    message: str
    evidence: tuple[Evidence, ...]
    known: bool = True
    fix: str | None = None

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"a verdict needs evidence: {self.message}")
        if self.status is Status.OK and not self.known:
            raise ValueError(f"what is not known cannot be OK: {self.message}")


class NotApplicable(Exception):  # noqa: N818 - not an error: the rule does not concern this guest
    """Raised by a rule that does not concern this guest; the argument is the reason."""


def _once(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Return each piece of evidence once: several things may go wrong at one place."""
    return tuple(dict.fromkeys(evidence))


def ok(message: str, *evidence: Evidence) -> Verdict:
    """Everything that the rule speaks of was read and is good."""
    return Verdict(Status.OK, message, _once(evidence))


def warning(message: str, *evidence: Evidence, fix: str | None = None) -> Verdict:
    """It works, but less well than it should."""
    return Verdict(Status.WARNING, message, _once(evidence), fix=fix)


def failed(message: str, *evidence: Evidence, fix: str | None = None) -> Verdict:
    """The guest may not boot, get no network, or let nobody in."""
    return Verdict(Status.FAILED, message, _once(evidence), fix=fix)


def unknown(reason: str, *evidence: Evidence) -> Verdict:
    """What the rule speaks of could not be read; `evidence` defaults to the image as a whole."""
    return Verdict(Status.WARNING, reason, _once(evidence) or (Evidence(Place("image"), reason),), known=False)


def together(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict on several things of one kind, by their names: as bad as the worst, with the evidence of all such."""
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))
    status = worst(verdict.status for verdict in verdicts.values())
    found = {name: verdict for name, verdict in verdicts.items() if verdict.status is status}
    messages: dict[str, list[str]] = {}
    for name, verdict in found.items():
        messages.setdefault(verdict.message, []).append(name)
    message = "; ".join(f"{', '.join(names)}: {text}" for text, names in messages.items())
    evidence = tuple(item for verdict in found.values() for item in verdict.evidence)
    return Verdict(status, message, evidence, known=all(verdict.known for verdict in found.values()))
