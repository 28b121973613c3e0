from __future__ import annotations

import random

import pytest

from parsers.place import ParseError
from parsers.volume.lvm2_text import parse_lvm2_text


def test_sections_values_and_comments() -> None:
    text = """
    # a comment with } and "
    vg { # another
        id = "a-b"
        seqno = 12
        share=-3.5
        tags = ["one", 'two', 3,]
        empty = []
        "quoted name" { x = 1 }
        0name { }
    }
    description = "says \\"hello\\" to C:\\\\ and # is no comment"
    """
    assert parse_lvm2_text(text) == {
        "vg": {
            "id": "a-b", "seqno": 12, "share": -3.5, "tags": ["one", "two", 3], "empty": [],
            "quoted name": {"x": 1}, "0name": {},
        },
        "description": 'says "hello" to C:\\ and # is no comment',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a = ", "a value wanted, the end found"),
        ("a { b = 1", "} wanted, the end found"),
        ("a = [1, 2", ", or ] wanted"),
        ("a = [[1]]", "a value wanted"),
        ("}", "a name wanted, } found"),
        ('a = "never ends', "a name, a value or a bracket wanted"),
        ("\n\na 1", "= wanted, 1 found"),
        ("a {" * 20, "at most 12 levels"),
        ("a = " + "9" * 30, "at most 20 digits"),
    ],
)
def test_what_breaks_the_grammar_is_told_with_its_line(text: str, wanted: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_lvm2_text(text, "sda2")
    assert wanted in str(caught.value)
    assert caught.value.place.line == text.rstrip("= ").count("\n") + 1


def test_a_text_that_no_area_holds_is_refused() -> None:
    with pytest.raises(ParseError, match="characters wanted"):
        parse_lvm2_text("x" * (9 << 20))


def test_damage_raises_nothing_else() -> None:
    whole = 'vg { id = "a\\"b" tags = ["x", 1, 2.5] sub { y = -1 # c\n } }\n' * 5
    dice = random.Random(3)
    for _ in range(500):
        raw = list(whole)
        for _ in range(dice.randrange(1, 8)):
            raw[dice.randrange(len(raw))] = dice.choice("{}[]=,\"\\#\n\0 a1.'é")
        try:
            parse_lvm2_text("".join(raw[: dice.randrange(len(raw))]))
        except ParseError:
            continue
