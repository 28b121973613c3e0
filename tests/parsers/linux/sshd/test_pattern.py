from __future__ import annotations

import pytest

from parsers.linux.sshd.pattern import list_matches, pattern_matches


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("root", True), ("r*", True), ("r??t", True), ("r?t", False), ("r[o]ot", False), ("ROOT", False)],
)
def test_stars_and_question_marks_alone_are_signs(pattern: str, fits: bool) -> None:
    assert pattern_matches("root", pattern) is fits


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [("root", True), ("a,b", True), ("!root,*", False), ("*,!x", True), ("!x", False), ("", False)],
)
def test_what_is_excluded_outweighs_the_rest(patterns: str, fits: bool) -> None:
    assert list_matches({"root", "b"}, patterns) is fits
