from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.boot.grubenv import parse_grubenv
from parsers.place import Place
from tests.corpus import corpus

needs_editenv = pytest.mark.skipif(not shutil.which("grub-editenv"), reason="grub-editenv (grub-common) is absent")


def pairs(text: str) -> list[str]:
    return [f"{variable.name}={variable.value}" for variable in parse_grubenv(text).variables]


@needs_editenv
def test_grub_editenv_agrees(tmp_path: Path) -> None:
    path = tmp_path / "grubenv"
    subprocess.run(["grub-editenv", path, "create"], check=True)
    values = [
        "saved_entry=1>2",
        "a=",
        "b=x=y",
        "c=back\\slash",
        "d=  blanks  ",
        "e=#no comment",
        "kernelopts=root=UUID=a ro",
    ]
    for value in values:
        subprocess.run(["grub-editenv", path, "set", value], check=True)
    block = parse_grubenv(path.read_text(), "grubenv")
    assert (block.valid, block.problems) == (True, ())
    assert pairs(path.read_text()) == values
    listed = subprocess.run(["grub-editenv", path, "list"], check=True, capture_output=True, text=True).stdout
    assert listed.splitlines() == values


def test_places_and_the_last_value_count() -> None:
    text = "# GRUB Environment Block\na=1\nb=x\\\ny\na=2\njunk\n"
    block = parse_grubenv(text + "#" * (1024 - len(text)))
    assert block.valid
    assert [(variable.place.line, variable.name, variable.value) for variable in block.variables] == [
        (2, "a", "1"), (3, "b", "x\ny"), (5, "a", "2"),
    ]  # fmt: skip
    found = block.get("a")
    assert found is not None
    assert found.value == "2"
    assert block.get("c") is None
    assert [problem.place for problem in block.problems] == [Place("/boot/grub/grubenv", 6)]


def test_what_grub_would_not_load_is_said() -> None:
    assert not parse_grubenv("saved_entry=0\n").valid
    assert not parse_grubenv("").valid
    short = parse_grubenv("# GRUB Environment Block\nsaved_entry=0\n")
    assert "a multiple of 1024 bytes wanted" in short.problems[0].message


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "entry"),
    [("gb-grubenv.2", "title"), ("gb-grubenv.4", "Linux, with Fedora 2.6.38.8-32.fc15.x86_64")],
)
def test_blocks_of_the_corpus(name: str, entry: str) -> None:
    block = parse_grubenv(corpus(f"known/configs/grubenv/{name}").read_text())
    assert block.valid
    found = block.get("saved_entry")
    assert found is not None
    assert found.value == entry


@pytest.mark.corpus
def test_continued_values_of_the_corpus() -> None:
    text = corpus("known/configs/grubenv/al-grubenv-conf").read_text()
    assert pairs(text)[2:] == ["dummy1=abc\\xyz", "dummy2=abc\nxyz", "dummy3=abc\\uvw\nxyz"]


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(3)
    for _ in range(300):
        parse_grubenv("".join(chance.choice(["#", "=", "\\", "\n", "a", "\udc80", "\0"]) for _ in range(50)))


def test_a_long_line_with_a_backslash_at_its_end_costs_no_time() -> None:
    block = parse_grubenv("# GRUB Environment Block\na=" + "x" * 1_000_000 + "\\")
    assert len(block.variables) == 1
