from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from parsers.boot.grubenv import parse_grubenv
from parsers.place import Place
from tests.corpus import corpus, entries
from tests.parsers import augeas

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


KNOWN: Final = tuple(entry for entry in entries("known") if entry["file"].startswith("configs/grubenv/"))
NO_BLOCK: Final = {
    "in-grubenv-GRUBENV_WITHOUT_TUNED_PARAMS": "the block without its first line and its filling",
    "in-grubenv-GRUBEDITENVLIST_ERROR": "what grub2-editenv says of a broken block",
    "gb-grubenv.4": "a byte too many, which only grub-editenv minds",
    "al-grubenv-conf": "36 bytes too many",
}
"""Samples that are no whole block, and what they are; the lens does not look at the size."""


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=[entry["id"] for entry in KNOWN])
def test_augeas_reads_the_same(entry: dict[str, Any]) -> None:
    """But for the backslashes before a backslash and a line end, which its lens leaves in the values."""
    block = parse_grubenv(corpus(f"known/{entry['file']}").read_text())
    nodes = augeas.tree(entry)
    names = [value for path, value in nodes if path.endswith("/name")]
    values = [re.sub(r"\\(.)", r"\1", value or "", flags=re.DOTALL) for path, value in nodes if path.endswith("/value")]
    assert [(it.name, it.value) for it in block.variables] == list(zip(names, values, strict=True))
    assert block.valid is entry["id"].startswith(("al-", "gb-"))
    assert bool(block.problems) is (entry["id"] in NO_BLOCK)


ASSERTED: Final = (
    ("in-grubby-GRUBENV_WITHOUT_PARAMS", None, None),
    (
        "in-grubby-GRUBENV_WITH_PARAMS",
        "console=tty0 console=ttyS0,115200 noapic",
        "transparent_hugepages=never",
    ),
)
"""What insights-core finds in lists of variables: id, `kernelopts`, `tuned_params`."""


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "kernelopts", "tuned_params"), ASSERTED)
def test_insights_finds_the_same(name: str, kernelopts: str | None, tuned_params: str | None) -> None:
    block = parse_grubenv(corpus(f"known/configs/grubby/{name}").read_text())
    found = [it.value if (it := block.get(key)) else None for key in ("kernelopts", "tuned_params")]
    assert found == [kernelopts, tuned_params]
    saved = block.get("saved_entry")
    assert saved is not None
    assert saved.value == "1234567890abcdefffffffffffffffff-5.14.0-570.30.1.el9_6.x86_64"


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(3)
    for _ in range(300):
        parse_grubenv("".join(chance.choice(["#", "=", "\\", "\n", "a", "\udc80", "\0"]) for _ in range(50)))


def test_a_long_line_with_a_backslash_at_its_end_costs_no_time() -> None:
    block = parse_grubenv("# GRUB Environment Block\na=" + "x" * 1_000_000 + "\\")
    assert len(block.variables) == 1
