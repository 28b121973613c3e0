from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parsers.network.netplan_node import Flaw, boolean_of, items_of, mapping_of, only, shape, text_of
from parsers.yaml_document import Mapping, Node, parse_yaml


def node(text: str) -> Node:
    root = parse_yaml(text, "/x").root
    assert root is not None
    return root


def test_what_is_there() -> None:
    assert (text_of(node("5")), boolean_of(node("Yes")), boolean_of(node("off"))) == ("5", True, False)
    assert [text_of(item) for item in items_of(node("[a, b]"))] == ["a", "b"]
    assert only(mapping_of(node("{a: 1}")), "a", "b").get("a") is not None


def test_nothing_is_no_mistake() -> None:
    assert (text_of(None), boolean_of(None), items_of(None)) == (None, False, ())


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (mapping_of, "[]", "a mapping wanted, a list found"),
        (text_of, "{}", "a scalar wanted, a mapping found"),
        (boolean_of, "maybe", "true or false wanted, maybe found"),
        (items_of, "''", "a list wanted, nothing found"),
        (lambda it: only(it, "a"), "{b: 1}", "a wanted, b found"),
    ],
)
def test_a_mistake_has_its_place(read: Callable[[Any], object], text: str, message: str) -> None:
    with pytest.raises(Flaw, match=message) as caught:
        read(node(text))
    assert caught.value.problem.place.line == 1


def test_long_values_are_cut() -> None:
    assert len(shape(node("x" * 500))) == 80
    assert isinstance(node("{}"), Mapping)
