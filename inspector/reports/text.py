"""The report for a person: header, one line per check, totals, then what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

from inspector.console.printable import printable
from inspector.report import CheckResult, EvidenceInfo, ProblemInfo, Report, RuleResult
from inspector.verdict import Status
from parsers.place import Place

_RULER: Final = "-" * 60
_NAME_WIDTH: Final = 26
_COLOURS: Final = {Status.OK: "\x1b[32m", Status.WARNING: "\x1b[33m", Status.FAILED: "\x1b[31m"}
_RESET: Final = "\x1b[0m"
_SYSTEMS: Final = {"linux": "Linux", "windows": "Windows"}
_MAX_SEEN: Final = 400
_MAX_CHECKS_BESIDE: Final = 4
_WIDTH: Final = 100
_MAX_PLACES: Final = 16


_Finding = tuple[list[str], list[RuleResult]]
"""Names of checks, and the rules of them that say one thing."""


def render_text(report: Report, colour: bool) -> str:  # noqa: FBT001 - every format has this signature
    """Return the report in lines; the guest's words are escaped."""
    return "\n".join(_lines(report, colour=colour)) + "\n"


def _lines(report: Report, *, colour: bool) -> Iterator[str]:
    guest = report.guest
    system = guest.product or guest.distro or _SYSTEMS.get(guest.os or "")
    yield _RULER
    yield f"    OS: {_word(system)}   Kernel: {_word(guest.kernel)}"
    modes = f"RTC-Mode: {_word(guest.rtc_mode)}   Boot-Mode: {_word(guest.boot_mode)}"
    yield f"    Arch: {_word(guest.architecture)}   {modes}"
    yield _RULER
    yield "Image check result"
    for check in report.checks:
        yield f"{check.name:<{_NAME_WIDTH}}{_badge(check.status, colour=colour)}"
    total = report.summary
    yield (
        f"        Total checks: {total.total}   Success: {total.ok}   Failed: {total.failed}   Warning: {total.warning}"
    )
    yield _RULER
    for checks, rules in _findings(report.checks):
        yield from _told(checks, rules, colour=colour)
    if report.not_applicable:
        yield "Not applicable"
        for item in report.not_applicable:
            yield f"    {item.name}: {printable(item.reason)}"
    if report.problems:
        yield "Problems of the image"
        for problem in report.problems:
            yield f"    {_place(problem)}  {_cut(problem.message)}"


def _findings(checks: Iterable[CheckResult]) -> Iterable[_Finding]:
    """Give what is not OK; rules that could not be judged for one and the same reason are told once."""
    groups: dict[tuple[str, ...], _Finding] = {}
    for check in checks:
        for rule in check.rules:
            if rule.status is not Status.OK:
                key = (check.name, rule.rule) if rule.known else ("", rule.status, rule.message, rule.fix)
                checked, rules = groups.setdefault(key, ([], []))
                if check.name not in checked:
                    checked.append(check.name)
                rules.append(rule)
    return groups.values()


def _told(checks: list[str], rules: list[RuleResult], *, colour: bool) -> Iterator[str]:
    first, *others = rules
    doubt = "" if first.known else " (unknown)"
    name = f"{first.rule} and {len(others)} more" if others else first.rule
    many = len(checks) > _MAX_CHECKS_BESIDE
    beside = f"{len(checks)} checks" if many else ", ".join(checks)
    yield f"{beside} {_badge(first.status, colour=colour)}{doubt}  {name}: {_cut(first.message)}"
    if many:
        yield from wrap(", ".join(checks), _WIDTH, initial_indent="    ", subsequent_indent="    ")
    seen = list(dict.fromkeys(_seen(item, first.message) for rule in rules for item in rule.evidence))
    shown = seen[:_MAX_PLACES] if others else seen
    yield from shown
    if more := len(seen) - len(shown):
        yield f"    and {more} more, which the JSON report has"
    yield f"    fix: {first.fix}"


def _seen(item: EvidenceInfo, message: str) -> str:
    return f"    {_place(item)}" + ("" if item.seen == message else f"  {_cut(item.seen)}")


def _badge(status: Status, *, colour: bool) -> str:
    return f"[{_COLOURS[status]}{status}{_RESET}]" if colour else f"[{status}]"


def _word(value: str | None) -> str:
    return printable(value) if value else "unknown"


def _place(item: EvidenceInfo | ProblemInfo) -> str:
    return printable(str(Place(item.path, item.line, item.key, item.offset)))


def _cut(text: str) -> str:
    """One line, not without end: a guest chooses how long its lines are. The JSON report has it whole."""
    safe = printable(text)
    return safe if len(safe) <= _MAX_SEEN else f"{safe[:_MAX_SEEN]}..."
