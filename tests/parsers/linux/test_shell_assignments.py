"""Shell assignments: against sh, and the corpus against sh and augeas."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from parsers.linux.shell_assignments import parse_assignments
from parsers.place import Place
from tests.corpus import corpus, entries
from tests.parsers.augeas import shell_variables, unquoted

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


def of_sh(path: Path, names: Sequence[str]) -> list[str]:
    """Return the values that the variables `names` have in a shell that read a file."""
    if not shutil.which("sh"):
        pytest.skip("sh is absent: the reader was not held against it")
    show = "".join(f'printf "%s\\0" "${name}";' for name in names)
    command = ["env", "-i", "HOME=~", "PATH=/nowhere", "/bin/sh", "-c", f". {path}; {show}"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("text", CASES)
def test_sh_agrees(text: str, tmp_path: Path) -> None:
    path = tmp_path / "grub"
    path.write_text(text + "\n")
    settings = parse_assignments(text + "\n", "grub")
    assert settings.problems == ()
    assert [settings.value(name) for name in NAMES] == of_sh(path, NAMES)
    assert all(assignment.known for assignment in settings.assignments)


@pytest.mark.parametrize("value", ["$1", "a$$b", '"$@"', "$?", "${A:-x}", "$(date)", "`date`"])
def test_what_only_the_running_shell_knows_is_not_known(value: str) -> None:
    settings = parse_assignments(f"X={value}\nY=$X\nZ='{value}'\n", "grub")
    assert [item.known for item in settings.assignments] == [False, False, True]
    assert settings.problems == ()


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


FOLDERS: Final = (
    "configs/sysconfig/",
    "configs/kdump/in-sysconfig_",
    "configs/os-release/",
    "configs/network/in-sysconfig_",
    "configs/netmisc/nm-keys-",
    "configs/netmisc/nm-network-",
)
SAMPLES: Final = tuple(entry for entry in entries("known") if entry["file"].startswith(FOLDERS))
OTHER_FORMATS: Final = {
    "ag-etc-sysconfig-hwconf": "kudzu's list of the hardware, in a format of its own",
    "ag-etc-sysconfig-system-config-securitylevel": "options of lokkit, one to a line",
    "in-sysconfig_docker_storage_setup-DOCKER_STORAGE_SETUP2": "blanks around =, which no shell takes",
    "in-sysconfig_up2date-UP2DATE": "names such as retries[comment], which up2date itself reads, and no shell",
    **{
        entry["id"]: "the output of rpm, uname or dmesg, or /etc/redhat-release, which lies beside os-release"
        for entry in SAMPLES
        if re.search(r"RPMS|DMESG|UNAME|REDHAT_RELEASE", entry["id"])
    },
}
"""Samples that are no shell assignments, and why. Both readers say so: augeas' lens fits none of them."""
OTHER_LINES: Final = {
    "ag-etc-sysconfig-hsqldb": (25, "reads a file that the corpus has not; sh ends there"),
    "in-sysconfig_doc_examples-STONITH_CONFIG": (2, "retry-sleep is no name in a shell; the lens takes it for one"),
}
"""Samples with one line that is no assignment: its number, and where the readers differ on it."""


def read(entry: dict[str, Any]) -> str:
    return corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SAMPLES, ids=[entry["id"] for entry in SAMPLES])
def test_augeas_reads_the_same_of_the_corpus(entry: dict[str, Any]) -> None:
    ours = parse_assignments(read(entry), "/x")
    if entry["id"] in OTHER_FORMATS:
        assert ours.problems != ()
        assert shell_variables(entry) == []
        return
    if "augeas_1.14" in entry["expected"]:
        for one, (name, value) in zip(ours.assignments, shell_variables(entry), strict=True):
            assert one.name == name
            assert one.value == unquoted(value) or "$" in value
    line, _ = OTHER_LINES.get(entry["id"], (None, ""))
    assert [problem.place.line for problem in ours.problems] == ([line] if line else [])


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SAMPLES, ids=[entry["id"] for entry in SAMPLES])
def test_sh_reads_the_same_of_the_corpus(entry: dict[str, Any], tmp_path: Path) -> None:
    text = read(entry)
    if entry["id"] in OTHER_FORMATS:
        return
    ours = parse_assignments(text, "/x")
    line, _ = OTHER_LINES.get(entry["id"], (None, ""))
    kept = [it for number, it in enumerate(text.split("\n"), start=1) if number != line]
    path = tmp_path / "settings"
    path.write_text("\n".join(kept))
    assert not re.search(r"\$\(|`", text), "only assignments are given to the shell"
    names = sorted({it.name for it in ours.assignments})
    assert [ours.value(name) for name in names] == of_sh(path, names)
