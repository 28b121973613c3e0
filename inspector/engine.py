"""From an image to a report: open the disk, find the guest, ask every rule of the profile."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from inspector.collectors import COLLECTORS
from inspector.disks.disk import Disk
from inspector.disks.storage import Storage, open_storage
from inspector.errors import InspectorError
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.identity import guest_family, identify_guest
from inspector.mounts import Roots, find_guest, find_roots
from inspector.profile import Check, Profile, load_profile, verify
from inspector.report import (
    SCHEMA_VERSION,
    CheckResult,
    Cost,
    DiskInfo,
    EvidenceInfo,
    Exemption,
    ImageInfo,
    ProblemInfo,
    Report,
    RuleResult,
    Summary,
    Tool,
)
from inspector.rules import find_rule
from inspector.rules.rule import Rule
from inspector.target import Target
from inspector.verdict import Evidence, NotApplicable, Status, Verdict, unknown, worst
from inspector.version import VERSION
from parsers.place import Place, Problem

_MAX_PROBLEMS: Final = 1000
_READ_FIRST: Final = "make what could not be read readable, and check the image again."
_SHUT_DOWN: Final = "start the system, shut it down cleanly, take the image then, and check it again."


def inspect_machine(target: Target, profile: str | Profile = "ecs") -> Report:
    """Inspect the images of a machine by a profile, or by that of a name.

    Raises:
        InspectorError: one of them cannot be inspected.
    """
    started = time.perf_counter()
    chosen = load_profile(profile) if isinstance(profile, str) else profile
    storage = open_storage(target)
    facts = open_facts(storage, target.root)
    checks, exemptions = judge(facts, chosen)
    statuses = [check.status for check in checks]
    return Report(
        schema_version=SCHEMA_VERSION,
        tool=Tool("inspector", VERSION),
        profile=chosen.name,
        image=_image(storage.system_disk),
        guest=identify_guest(facts),
        verdict=worst([Status.OK, *statuses]) if checks else Status.WARNING,
        summary=Summary(len(statuses), *(statuses.count(s) for s in (Status.OK, Status.WARNING, Status.FAILED))),
        checks=checks,
        not_applicable=exemptions,
        problems=_problems(storage),
        disks=[DiskInfo(disk.name, _image(disk)) for disk in storage.disks],
        cost=Cost(round(time.perf_counter() - started, 4), storage.bytes_read),
    )


def open_facts(storage: Storage, root: str | None = None) -> Facts:
    """Return the facts of the guest on `storage`, not yet collected."""
    given: dict[type, Any] = {Storage: storage}
    try:
        if not root:
            given[Roots] = find_roots(storage)
        given[Guest] = find_guest(storage, root, given.get(Roots))
    except UnknownFact as missing:
        given[Guest] = missing
    return Facts(given, COLLECTORS)


def _image(disk: Disk) -> ImageInfo:
    image = disk.image
    return ImageInfo(image.path, image.format, image.virtual_size, image.file_size)


def judge(facts: Facts, profile: Profile) -> tuple[list[CheckResult], list[Exemption]]:
    """Ask the rules of every check; those that do not concern the guest are returned apart.

    What is about the other family of systems is left out: it would only be in the way.
    """
    if not profile.verified:
        verify(profile, profile.name)
    family = guest_family(facts)
    if family is not None and family not in profile.systems:
        judged = " and ".join(sorted(map(str.title, profile.systems)))
        raise InspectorError(f"the profile {profile.name} judges {judged} guests, and this is a {family.title()} guest")
    checks: list[CheckResult] = []
    exemptions: list[Exemption] = []
    for check in profile.checks:
        results, exempt = _judge_check(check, facts, profile, family)
        if results:
            checks.append(CheckResult(check.name, check.id, check.title, worst(r.status for r in results), results))
            exemptions += exempt
        elif exempt:
            exemptions.append(Exemption(check.name, "; ".join(dict.fromkeys(item.reason for item in exempt))))
    return checks, exemptions


def _judge_check(
    check: Check, facts: Facts, profile: Profile, family: str | None
) -> tuple[list[RuleResult], list[Exemption]]:
    results: list[RuleResult] = []
    exempt: list[Exemption] = []
    for name in check.rules:
        rule = find_rule(name, family)
        if rule is None or rule.os not in {"any", family or rule.os}:
            continue
        try:
            verdict = _ask(rule, facts, profile)
        except NotApplicable as reason:
            exempt.append(Exemption(name, str(reason)))
            continue
        results.append(_result(rule, _levelled(_trusted(verdict, rule, facts), profile, name), facts))
    return results, exempt


def _ask(rule: Rule, facts: Facts, profile: Profile) -> Verdict:
    try:
        return rule(facts, **profile.parameters.get(rule.name, {}))
    except (NotApplicable, MemoryError):
        raise
    except Exception as error:  # one broken rule must not take the others' verdicts away
        return unknown(f"this rule broke, please report it: {type(error).__name__}: {error}")


def _trusted(verdict: Verdict, rule: Rule, facts: Facts) -> Verdict:
    """Nothing is OK that was read from a volume whose journal holds newer contents."""
    stale = _stale_volumes(facts)
    places = [item.place for item in verdict.evidence] if stale else []
    touched = sorted({volume for place in places if (volume := _volume(place, facts)) in stale})
    if not touched:
        return verdict
    note = f"read from {', '.join(touched)}, not unmounted cleanly: what was written last may be lacking"
    if verdict.status is Status.OK:
        return Verdict(Status.WARNING, note, verdict.evidence, known=False, fix=_SHUT_DOWN)
    fix = rule.fix if verdict.known else None
    return Verdict(verdict.status, f"{verdict.message} ({note})", verdict.evidence, known=False, fix=fix)


def _stale_volumes(facts: Facts) -> frozenset[str]:
    return frozenset(volume.name for volume in facts[Storage].volumes if volume.tree and volume.tree.unreplayed_journal)


def _levelled(verdict: Verdict, profile: Profile, rule: str) -> Verdict:
    key = verdict.status.value.lower() if verdict.known else "unknown"
    status = profile.levels.get(rule, {}).get(key, verdict.status)
    return replace(verdict, status=status)


def _result(rule: Rule, verdict: Verdict, facts: Facts) -> RuleResult:
    evidence = [_evidence(item, facts) for item in verdict.evidence]
    fix = verdict.fix or (rule.fix if verdict.known else _READ_FIRST)
    return RuleResult(rule.name, verdict.status, verdict.known, verdict.message, fix, evidence)


def _evidence(item: Evidence, facts: Facts) -> EvidenceInfo:
    place = item.place
    return EvidenceInfo(place.path, place.line, place.key, place.offset, _volume(place, facts), item.seen)


def _volume(place: Place, facts: Facts) -> str | None:
    """The volume of a place: what it says, or for a guest path the volume it lies on."""
    if place.volume or not place.path.startswith("/"):
        return place.volume
    try:
        return facts[Guest].volume_of(place.path)
    except UnknownFact:
        return None


def _problems(storage: Storage) -> list[ProblemInfo]:
    return [_problem(problem) for problem in list(_all_problems(storage))[:_MAX_PROBLEMS]]


def _all_problems(storage: Storage) -> Iterable[Problem]:
    yield from storage.problems
    for volume in storage.volumes:
        if volume.reason:
            yield Problem(volume.place, volume.reason)
        if volume.tree:
            yield from volume.tree.problems


def _problem(problem: Problem) -> ProblemInfo:
    place = problem.place
    return ProblemInfo(place.path, place.line, place.key, place.offset, place.volume, problem.message)
