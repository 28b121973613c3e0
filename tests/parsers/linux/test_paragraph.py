from __future__ import annotations

from parsers.linux.paragraph import field, paragraphs


def test_paragraphs_know_their_lines() -> None:
    text = "\n\nA: 1\nB: 2\n\n \t\n\nA: 3\n \n"
    assert [(line, found.strip()) for line, found in paragraphs(text)] == [(3, "A: 1\nB: 2"), (8, "A: 3")]


def test_the_first_field_of_the_name_counts() -> None:
    text = "A: 1 \n B: not a field\nB:2\nB: 3\nLast: x"
    assert [field(text, name) for name in ("A", "B", "Last", "C", "as")] == ["1", "2", "x", "", ""]
