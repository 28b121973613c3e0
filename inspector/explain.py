"""What `rules`, `explain` and `profiles` tell about what is judged, taken from the rules and profiles themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from inspector.errors import UsageError
from inspector.profile import Check, Profile, load_profile, profile_names
from inspector.rules import rules
from inspector.rules.rule import Rule
from inspector.suggestion import suggestion

_WIDTH: Final = 96


class UnknownNameError(UsageError):
    """Neither a rule nor a check has that name."""


def rule_lines() -> Iterator[str]:
    """One line per rule: its name and its title."""
    width = max((len(name) for name in rules()), default=0)
    for name, rule in sorted(rules().items()):
        yield f"{name:<{width}}  {rule.title}"


def profile_lines() -> Iterator[str]:
    """One line per profile: its name, how much it checks, and its title."""
    for name in profile_names():
        profile = load_profile(name)
        count = sum(len(check.rules) for check in profile.checks)
        yield f"{name:<12}  {len(profile.checks)} checks of {count} rules: {profile.title}"


def explain_lines(name: str) -> Iterator[str]:
    """Everything about a rule, or about a check (under our name or the vendor's) and its rules.

    Raises:
        UnknownNameError: with a suggestion where a name is close.
    """
    known = rules()
    if name in known:
        return _rule(known[name])
    checks = _checks()
    ids = {check.id.lower(): name for name, uses in checks.items() for _, check in uses}
    folded = ids | {check.lower(): check for check in checks}
    if name.lower() in folded:
        return _check(checks[folded[name.lower()]])
    raise UnknownNameError(f"no rule or check is called {name!r}{suggestion(name, [*known, *checks])}")


def _profiles() -> list[Profile]:
    return [load_profile(name) for name in profile_names()]


def _checks() -> dict[str, list[tuple[Profile, Check]]]:
    found: dict[str, list[tuple[Profile, Check]]] = {}
    for profile in _profiles():
        for check in profile.checks:
            found.setdefault(check.name, []).append((profile, check))
    return found


def _rule(rule: Rule) -> Iterator[str]:
    yield f"{rule.name}: {rule.title}"
    yield ""
    for section, text in rule.sections.items():
        yield from _paragraph(section, text)
    yield from _paragraph("Guests", rule.os)
    yield from _by_profile(
        (profile, f"check {_named(check)}{_settings(profile, rule)}")
        for profile in _profiles()
        for check in profile.checks
        if rule.name in check.rules
    )


def _named(check: Check) -> str:
    """A check under our name and the vendor's."""
    return f"{check.name} ({check.id})" if check.id != check.name else check.name


def _settings(profile: Profile, rule: Rule) -> str:
    given = [f"{key} = {value}" for key, value in profile.parameters.get(rule.name, {}).items()]
    levels = [f"{seen.upper()} counts as {level}" for seen, level in profile.levels.get(rule.name, {}).items()]
    return "".join(f", {item}" for item in [*given, *levels])


def _check(uses: list[tuple[Profile, Check]]) -> Iterator[str]:
    _, first = uses[0]
    yield f"{first.name} ({first.id}): {first.title}"
    yield ""
    yield from _by_profile((profile, ", ".join(check.rules)) for profile, check in uses)
    for name in dict.fromkeys(name for _, check in uses for name in check.rules):
        yield ""
        rule = rules()[name]
        yield f"{name}: {rule.title}"
        yield from _paragraph("Why", rule.why)
        yield from _paragraph("Fix", rule.fix)


def _by_profile(texts: Iterable[tuple[Profile, str]]) -> Iterator[str]:
    """What profiles say: once, where several say the same."""
    profiles: dict[str, list[str]] = {}
    for profile, text in texts:
        profiles.setdefault(text, []).append(profile.name)
    for text, names in profiles.items():
        yield from _paragraph("Profile" if len(names) == 1 else "Profiles", f"{', '.join(names)}: {text}")


def _paragraph(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"  {head + ':':<12}",
        subsequent_indent=" " * 14,
        break_on_hyphens=False,
        break_long_words=False,
    )
