from __future__ import annotations

import re
from pathlib import Path

import pytest

from inspector.documentation import pages
from inspector.profile import load_profile, profile_names
from inspector.rules import rules

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_pages_are_those_of_the_code(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run make docs"


def test_every_rule_has_its_section_and_every_profile_its_table() -> None:
    made = pages()
    assert all(f"\n## {name}\n" in made["rules.md"] for name in rules())
    for name in profile_names():
        profile = load_profile(name)
        assert f"\n## {name}\n" in made["profiles.md"]
        assert all(f"| {check.name} | {check.id} |" in made["profiles.md"] for check in profile.checks)
    assert made["rules.md"].count("- **Why:**") == made["rules.md"].count("- **Fix:**") == len(rules())


def test_words_are_markup_only_where_they_are_meant_to_be() -> None:
    text = pages()["rules.md"]
    assert "`: > /etc/machine-id`" in text
    assert not re.search(r"`[^`\n]*\\[<>*|][^`\n]*`", text), "code holds no signs of escaping"
    plain = re.sub(r"`[^`\n]*`|\*\*\w+:\*\*", "", text).replace("\\\\", "")
    assert not re.search(r"(?<!\\)\*", plain), "no star outside of code begins an emphasis"


@pytest.mark.parametrize("name", sorted(name for name in rules() if rules()[name].os == "windows"))
def test_commands_of_windows_do_the_same_in_both_of_its_shells(name: str) -> None:
    for command in re.findall(r"`([^`]*)`", rules()[name].fix):
        assert not re.match(r"(?:sc|cat|where|sort|diff|curl)\b(?!\.exe)", command), "an alias of PowerShell"
        bare = re.sub(r'"[^"]*"', "", command)
        assert not re.match(r"\w+(?:\.exe)? .*[{}()]", bare), "PowerShell takes braces and parentheses for its own"
