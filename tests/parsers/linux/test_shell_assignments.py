from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.linux.shell_assignments import parse_assignments
from parsers.place import Place

CASES = [
    "A=1",
    "A=",
    "A='x y'  # note",
    'A="x y"',
    'A="x \\"y\\" \\$z \\\\ \\n"',
    "A=x\\ y",
    "A='a'\"b\"c",
    "A=a#b",
    "A=1 ; B=2; C=3",
    "export A=1",
    'A=x\nB="$A ${A}y"',
    "A='$B'",
    'A="two\nlines"',
    'A="joined \\\nlines"',
    "A=joined\\\nlines",
    "# A=0\n\n   A=5\n",
    'A="console=ttyS0,115200n8 net.ifnames=0"',
    "A=a\nA=b",
    'B="set"\nA="$C"',
    "A=~",
    "A=a,b:c/d@e%f+g-h.i[j]",
]
NAMES = ("A", "B", "C")


@pytest.mark.parametrize("text", CASES)
def test_sh_agrees(text: str, tmp_path: Path) -> None:
    if not shutil.which("sh"):
        pytest.skip("sh is absent: the reader was not held against it")
    path = tmp_path / "grub"
    path.write_text(text + "\n")
    show = "".join(f'printf "%s\\0" "${name}";' for name in NAMES)
    said = subprocess.run(
        ["env", "-i", "HOME=~", "/bin/sh", "-c", f". {path}; {show}"], capture_output=True, check=True
    )
    settings = parse_assignments(text + "\n", "grub")
    assert settings.problems == ()
    assert [settings.value(name) for name in NAMES] == said.stdout.decode().split("\0")[:-1]
    assert all(assignment.known for assignment in settings.assignments)


def test_later_files_build_upon_earlier_ones() -> None:
    first = parse_assignments('GRUB_CMDLINE_LINUX="a"\nX=$(date)\n', "/etc/default/grub")
    second = parse_assignments(
        'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b"\nY="$X"\nGRUB_CMDLINE_LINUX+=" c"\n', "/d/1.cfg", first
    )
    found = second.get("GRUB_CMDLINE_LINUX")
    assert found is not None
    assert (found.value, found.place) == ("a b c", Place("/d/1.cfg", 3))
    assert [a.known for a in second.assignments] == [True, False, True, False, True]
    assert second.get("NONE") is None
    assert second.value("NONE") == ""


def test_what_is_no_assignment_is_a_problem_and_the_rest_is_read() -> None:
    settings = parse_assignments(". /etc/other\nA=1\nif true; then B=2; fi\nC='open\n", "grub")
    assert [(problem.place.line, problem.message[:20]) for problem in settings.problems] == [
        (1, "an assignment wanted"),
        (3, "an assignment wanted"),
        (4, "closing ' wanted, en"),
    ]
    assert settings.value("A") == "1"
    unclosed = settings.get("C")
    assert unclosed is None or not unclosed.known


def test_growth_is_bounded() -> None:
    text = "A=xxxxxxxxxxxxxxxx\n" + "A=$A$A$A$A\n" * 40
    settings = parse_assignments(text, "grub")
    assert "at most 65536 characters wanted" in settings.problems[0].message
    assert not settings.assignments[-1].known
    assert "at most 5000 assignments wanted" in parse_assignments("A=\n" * 300_000, "grub").problems[0].message


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(3)
    pieces = ["A=", "B", "'", '"', "$", "${", "$(", "`", "\\", "\n", ";", " ", "#", ")", "}", "&", "|", "<", "x"]
    for _ in range(500):
        parse_assignments("".join(chance.choice(pieces) for _ in range(chance.randrange(40))), "grub")
