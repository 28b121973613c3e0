"""The pages of docs/ that are made of the code: every rule, and which profile asks for what.

`python -m inspector.documentation docs` writes them; a test fails when they are stale.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from inspector.profile import Check, Profile, load_profile, profile_names
from inspector.rules import rules
from inspector.rules.rule import Rule

_NOTE: Final = "<!-- made by `make docs`: change the code, not this page -->"
_SHORT: Final = 60
_MARKUP: Final = re.compile(r"[|<>*]|\\(?=[!-/:-@\[-`{-~])")
"""What would be markup outside of code: a backslash before a sign of punctuation among it."""


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "rules.md": "".join(f"{line}\n" for line in _rules_page()),
        "profiles.md": "".join(f"{line}\n" for line in _profiles_page()),
    }


@functools.cache
def _profiles() -> tuple[Profile, ...]:
    return tuple(map(load_profile, profile_names()))


def _rules_page() -> Iterator[str]:
    yield from ("# Rules", "", _NOTE, "")
    yield "Each rule is one true sentence about a good guest. `inspector explain RULE` prints the same."
    for name, rule in sorted(rules().items()):
        yield from ("", f"## {name}", "", f"{_text(rule.title)}.", "")
        for section, text in rule.sections.items():
            yield f"- **{section}:** {_text(text)}"
        yield f"- **Guests:** {rule.os}"
        yield f"- **Checks:** {'; '.join(_uses(rule))}"


def _uses(rule: Rule) -> Iterator[str]:
    for profile in _profiles():
        for check in profile.checks:
            if rule.name in check.rules:
                vendor = f" ({check.id})" if check.id and check.id != check.name else ""
                yield f"{check.name}{vendor} in `{profile.name}`"


def _profiles_page() -> Iterator[str]:
    yield from ("# Profiles", "", _NOTE)
    for profile in _profiles():
        yield from ("", f"## {profile.name}", "", f"{_text(profile.title)}. Checks: {len(profile.checks)}.", "")
        yield from ("| check | vendor's id | what it says | rules |", "|---|---|---|---|")
        for check in profile.checks:
            yield f"| {check.name} | {check.id} | {_text(check.title)} | {'<br>'.join(_rule_cell(profile, check))} |"


def _rule_cell(profile: Profile, check: Check) -> Iterator[str]:
    for name in check.rules:
        given = [f"{key} = {_value(value)}" for key, value in profile.parameters.get(name, {}).items()]
        levels = [f"{seen.upper()} counts as {level}" for seen, level in profile.levels.get(name, {}).items()]
        settings = f" ({'; '.join([*given, *levels])})" if given or levels else ""
        yield f"[{name}](rules.md#{name}){settings}"


def _value(value: Any) -> str:
    """A threshold as it is, a table by its size."""
    if isinstance(value, dict):
        return f"a table of {len(value)}"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _text(text if len(text) <= _SHORT else f"{len(value)} values")


def _text(text: str) -> str:
    """One line of Markdown; what stands in code stays as it is."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else _MARKUP.sub(r"\\\g<0>", part) for part in parts)


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
