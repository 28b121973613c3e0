"""Merging by a file's own rules; cloud-init itself is asked in test_cloud_init."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.linux.cloud_merge import DEFAULT, MergeError, Mergers, merge, without_rules
from parsers.yaml_document import Mapping, parse_yaml, plain


def read(text: str) -> Mapping:
    root = parse_yaml(text, "/x.cfg").root
    assert isinstance(root, Mapping)
    return root


def merged(winner: str, other: str) -> Any:
    rest, how = without_rules(read(other))
    return plain(merge(read(winner), rest, how))


def test_by_default_the_winner_keeps_its_lists_and_mappings_are_filled_up() -> None:
    assert merged("a: [1]\nb: {c: 1}\n", "a: [2]\nb: {c: 2, d: 3}\n") == {"a": [1], "b": {"c": 1, "d": 3}}
    assert without_rules(read("a: 1\n"))[1] == DEFAULT


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("dict(recurse_list)+list(append)", {"a": [1, 2, 3], "t": "x"}),
        ("dict(recurse_list)+list(prepend)", {"a": [2, 3, 1], "t": "x"}),
        ("dict(recurse_list)+list(no_replace)", {"a": [1], "t": "x"}),
        ("dict(recurse_list)+list()", {"a": [2], "t": "x"}),
        ("dict(recurse_str)+str(append)", {"a": [1], "t": "xy"}),
        ("dict(replace)", {"a": [2, 3], "t": "y"}),
        ("list(append)", {"a": [1], "t": "x"}),
    ],
)
def test_the_rules_of_a_file(how: str, expected: dict[str, Any]) -> None:
    assert merged("a: [1]\nt: x\n", f"a: [2, 3]\nt: y\nmerge_how: '{how}'\n") == expected


def test_rules_may_be_a_list() -> None:
    text = "a: [2]\nmerge_type:\n - [dict, recurse_list]\n - {name: m_list, settings: [append]}\n"
    assert merged("a: [1]\n", text) == {"a": [1, 2]}


def test_nothing_means_the_default_and_the_rules_are_not_part_of_the_result() -> None:
    assert without_rules(read("merge_how: ''\na: 1\n"))[1] == DEFAULT
    rest, how = without_rules(read("merge_how: ~\nmerge_type: 'list()'\n"))
    assert (plain(rest), how) == ({}, Mergers(None, frozenset(), None))


@pytest.mark.parametrize("how", ["wat()", "list", "5", "{a: b}", "[x]", "[[]]", "[{name: dict}]"])
def test_rules_that_cannot_be_followed(how: str) -> None:
    with pytest.raises(MergeError) as error:
        without_rules(read(f"a: 1\nmerge_how: {how}\n"))
    assert error.value.place.line == 2


def test_a_long_text_is_not_taken_apart() -> None:
    with pytest.raises(MergeError):
        merged("a: [1]\n", f"a: {'x' * 100_000}\nmerge_how: 'dict(recurse_str)+list(append)'\n")
