"""YAML: PyYAML's own safe loader is the oracle of meaning; bombs end in a flaw."""

from __future__ import annotations

import time

import pytest
import yaml

from parsers.place import Place
from parsers.yaml_document import Document, Mapping, Scalar, Sequence, parse_yaml, plain
from tests.parsers.damaged_text import damaged_texts


def read(text: str) -> Document:
    return parse_yaml(text, "/x.yaml")


SAMPLES = (
    "a: 1\nb: [x, 'y', \"z\", 3.5, ~, null, yes, No, on, 0x1f, 0o7, 017, 1_000]\n",
    "a: {b: {c: [1, {d: 2}]}}\n",
    "mac: 11:22:33:44:55:10\nmac2: 52:54:00:aa:bb:cc\nwhen: 2020-01-02\n",
    "base: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\nd:\n  <<: [*b, {z: 4, x: 9}]\n",
    "text: |\n  two\n  lines\nfolded: >-\n  a\n  b\n",
    "a: !!str 5\nb: !!int '7'\n? c\n: d\n",
    "- a\n- - b\n  - c\n",
    "just text\n",
    "",
    "# only a comment\n",
    "---\na: b\n...\n",
    "a: 1\na: 2\n",
    "'yes': yes\n1: one\ntrue: two\n",
    "a: !!set {x, y}\n",
)


@pytest.mark.parametrize("text", SAMPLES)
def test_the_safe_loader_agrees(text: str) -> None:
    ours = plain(read(text).root)
    theirs = yaml.load(text, Loader=yaml.CSafeLoader)
    theirs = {"a": dict.fromkeys(theirs["a"])} if text.startswith("a: !!set") else theirs
    assert ours == theirs
    assert read(text).flaw is None


@pytest.mark.parametrize(
    "text",
    [
        "a: [1, 2\n",
        "a: b: c\n",
        "\ta: b\n",
        "a: !!python/object/apply:os.system ['true']\n",
        "a: !wat b\n",
        "{a: b}: c\n",
        "a: *nothing\n",
        "--- a\n--- b\n",
        "a: !!int x\n",
        "a: 2020-99-99\n",
        "a: \x01\n",
        "<<: 5\n",
    ],
)
def test_what_the_safe_loader_refuses_is_refused(text: str) -> None:
    with pytest.raises((yaml.YAMLError, ValueError)):
        yaml.load(text, Loader=yaml.CSafeLoader)
    assert read(text).flaw is not None
    assert read(text).root is None


def test_nodes_know_their_lines() -> None:
    root = read("a: 1\nb:\n  - x\n  - c: y\n").root
    assert isinstance(root, Mapping)
    assert root.keys == {"a": Place("/x.yaml", 1), "b": Place("/x.yaml", 2)}
    items = root.get("b")
    assert isinstance(items, Sequence)
    assert [it.place.line for it in items.items] == [3, 4]
    first = items.items[0]
    assert isinstance(first, Scalar)
    assert first.text == "x"


def test_a_mistake_names_its_line() -> None:
    flaw = read("a: 1\nb: [\nc: 2\n").flaw
    assert flaw is not None
    assert flaw.place.line in (2, 3, 4)


def test_a_key_given_twice_is_reported() -> None:
    (problem,) = read("a: 1\nb: 2\na: 3\n").problems
    assert problem.place.line == 3


def test_several_documents_only_where_allowed() -> None:
    text = "a: 1\n---\nb: [\n"
    assert read(text).flaw is not None
    assert plain(parse_yaml(text, "/x", first=True).root) == {"a": 1}


def test_bytes_that_are_no_utf8_are_refused_with_their_line() -> None:
    flaw = read("a: 1\nb: \udcff\n").flaw
    assert flaw is not None
    assert flaw.place.line == 2
    assert "0xff" in flaw.message


def laughs(levels: int) -> str:
    lines = ["l0: &l0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]"]
    lines += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = (
    laughs(12),
    "a: &a [*a]\n",
    "&a [[*a]]",
    "[" * 100_000,
    "{a: " * 50_000,
    "- " * 50_000,
    "? " * 50_000,
    "a: &x {b: c}\n" + "".join(f"k{n}: {{<<: *x}}\n" for n in range(50_000)),
    "a: " + "1:" * 200_000 + "1\n",
    "a: " + "9" * 100_000 + "\n",
    "a: !!int " + "9" * 100_000 + "\n",
    "".join(f"a{n}: &a{n} x\n" for n in range(120_000)),
    "\n".join(["m0: &m0 {k: v}"] + [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: v}}" for n in range(1, 60)]),
)


@pytest.mark.parametrize("number", range(len(BOMBS)))
def test_bombs_are_bounded(number: int) -> None:
    start = time.process_time()
    read(BOMBS[number])
    assert time.process_time() - start < 10


def test_random_damage_never_escapes() -> None:
    for text in filter(None, SAMPLES):
        for damaged in damaged_texts(text, "{}[]:,&*!|>'\"%@`#-? \n\t\0\udc80x1~", 20):
            read(damaged)
