"""sudoers: by hand, and hundreds of files as `visudo -c` of sudo 1.9.13 (Debian 12) judges them.

`cases.txt` holds one file per line (escapes as in Python) behind the judgement of visudo: `+` valid, `-` not. Where
visudo is installed, the judgements are asked for again.
"""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from parsers.linux.sudoers import Sudoers, parse_sudoers
from tests.corpus import corpus
from tests.oracles import needs

CASES = [
    (line[0] == "+", line[2:])
    for line in (Path(__file__).parent / "cases.txt").read_text().split("\n")
    if line[:2] in {"+ ", "- "}
]


def text_of(case: str) -> str:
    return case.encode("latin-1").decode("unicode_escape") + "\n"


def accepted(policy: Sudoers) -> bool:
    """Whether visudo would: an alias that nobody defined is worth a warning to it, and no more."""
    return not policy.problems and all("which nothing defines" in remark.message for remark in policy.remarks)


def test_the_files_are_judged_as_visudo_judged_them() -> None:
    assert len(CASES) > 600
    assert [case for valid, case in CASES if accepted(parse_sudoers(text_of(case))) is not valid] == []


@needs("visudo")
def test_the_judgements_are_those_of_visudo(tmp_path: Path) -> None:
    path = tmp_path / "sudoers"
    for valid, case in random.Random(7).sample(CASES, 150):
        path.write_bytes(text_of(case).encode("latin-1"))
        done = subprocess.run(["visudo", "-c", "-f", str(path)], capture_output=True, check=False)
        assert (done.returncode == 0) is valid, case


SAMPLES = ("in-sudoers-SUDOERS_NO_INCLUDE",)


@pytest.mark.corpus
@pytest.mark.parametrize("name", SAMPLES)
def test_files_of_other_projects_can_be_read(name: str) -> None:
    policy = parse_sudoers(corpus(f"known/configs/sudoers/{name}").read_text())
    assert (policy.problems, policy.remarks) == ((), ())
    assert [grant.users for grant in policy.grants] == [("%wheel",)]


def places(policy: Sudoers) -> list[str]:
    return [str(problem.place) for problem in policy.problems]


def test_grants_keep_their_users_and_places() -> None:
    policy = parse_sudoers('# x\nroot, "a b" ALL=(ALL) ALL\n%wheel,#12 ALL = NOPASSWD: \\\n  /bin/ls\n')
    assert [(str(grant.place), grant.users) for grant in policy.grants] == [
        ("/etc/sudoers:2", ("root", "a b")),
        ("/etc/sudoers:3", ("%wheel", "#12")),
    ]


def test_each_mistake_is_named_with_its_line_and_the_rest_is_read() -> None:
    policy = parse_sudoers("root ALL\na ALL=ALL\nb ALL=(ALL) \\\n \\\n ls\nDefaults nope\nX ALL=Y\n")
    assert places(policy) == ["/etc/sudoers:1", "/etc/sudoers:5"]
    assert [str(remark.place) for remark in policy.remarks] == ["/etc/sudoers:6", "/etc/sudoers:7", "/etc/sudoers:7"]
    assert [grant.users for grant in policy.grants] == [("a",), ("X",)]


def test_a_second_alias_of_a_name_is_a_mistake_across_files() -> None:
    def read(path: str, folder: bool) -> list[tuple[str, str | None]]:
        assert (path, folder) == ("/etc/sudoers.d", True)
        return [("/etc/sudoers.d/a", "User_Alias A = x\n"), ("/etc/sudoers.d/b", "A ALL=ALL\nHost_Alias A = h\n")]

    policy = parse_sudoers("User_Alias A = y\n#includedir /etc/sudoers.d\nA ALL=ALL\n", read_included=read)
    assert places(policy) == ["/etc/sudoers.d/a:1"]
    assert policy.remarks == ()
    assert policy.files == ("/etc/sudoers", "/etc/sudoers.d/a", "/etc/sudoers.d/b")


def test_included_files_are_found_beside_the_one_that_names_them_and_loops_end() -> None:
    asked: list[str] = []

    def read(path: str, _folder: bool) -> list[tuple[str, str | None]]:
        asked.append(path)
        return [(path, "@include self\n" if path.endswith("self") else None)]

    policy = parse_sudoers('@include "a b"\n@include /x/self\n@include c\\ d\n@include h.%h\n', read_included=read)
    assert asked[0] == "/etc/a b"
    assert asked[-1] == "/etc/c d"
    assert set(asked[1:-1]) == {"/x/self"}
    assert places(policy) == ["/etc/sudoers:1", "/x/self:1", "/etc/sudoers:3"]
    assert "128 levels" in policy.problems[1].message
    assert len(policy.remarks) == 1


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("@includedir /etc/sudoers.d", (1, 9, 1)),
        ("Cmd_Alias X = /bin/ls", (1, 9, 0)),
        ("root ALL=TIMEOUT=5m ALL", (1, 8, 20)),
        ("root ALL=CWD=/ ALL", (1, 9, 3)),
        ("root ALL=NOINTERCEPT: ALL", (1, 9, 8)),
        ("root ALL=^/bin/.*$", (1, 9, 10)),
    ],
)
def test_an_older_sudo_knows_less(text: str, since: tuple[int, int, int]) -> None:
    before = (since[0], since[1], since[2] - 1)
    assert places(parse_sudoers(f"{text}\n", release=before)) == ["/etc/sudoers:1"]
    assert places(parse_sudoers(f"{text}\n", release=since)) == []


def test_no_text_takes_long_or_escapes_as_an_exception() -> None:
    for piece in (
        "!",
        "a,",
        "!a,",
        '"',
        "\\",
        "\\\n",
        "(",
        ":",
        "sha224:a,",
        "/a ",
        "0:",
        "^",
        "Defaults !",
        "1d",
        " ",
    ):
        for head in ("", "root ALL=", "Defaults ", "User_Alias A=", "root ALL=("):
            parse_sudoers(head + piece * 30_000)
    chance = random.Random(8)
    for _ in range(300):
        raw = bytes(chance.choices(b'\x00\t \n\\#%+!=:,()"/AaD\xff', k=chance.randint(0, 200)))
        parse_sudoers(raw.decode("utf-8", "surrogateescape"))


def test_a_backslash_does_not_continue_a_comment_behind_an_entry() -> None:
    policy = parse_sudoers("a ALL=ALL # x \\\nb ALL=ALL # y \\\nc ALL\n")
    assert [(str(grant.place), grant.users) for grant in policy.grants] == [
        ("/etc/sudoers:1", ("a",)),
        ("/etc/sudoers:2", ("b",)),
    ]
    assert places(policy) == ["/etc/sudoers:3"]
    endless = parse_sudoers("a ALL=ALL # \\\n" * 60_000)
    assert [problem.message for problem in endless.problems] == ["at most 100 comments wanted that end in a backslash"]


@needs("visudo")
def test_visudo_names_the_same_lines(tmp_path: Path) -> None:
    """Tables of several entries. visudo looks for unknown settings and aliases only where it could read every line."""
    path = tmp_path / "sudoers"
    chance = random.Random(5)
    whole = [case for _, case in CASES if not re.search(r"\\[ \t]*\n", text_of(case))]
    for _ in range(150):
        text = "".join(text_of(case) for case in chance.choices(whole, k=chance.randint(2, 6)))
        path.write_bytes(text.encode("latin-1"))
        done = subprocess.run(["visudo", "-c", "-f", str(path)], capture_output=True, check=False)
        policy = parse_sudoers(text)
        assert (done.returncode == 0) is accepted(policy), text
        said = {
            int(match[1]) for match in re.finditer(rb"sudoers:(\d+):\d+: (?!unused|[A-Z][a-z]+_Alias \")", done.stderr)
        }
        ours = {it.place.line for it in policy.problems}
        settings = {it.place.line for it in policy.remarks if "which nothing defines" not in it.message}
        assert said == (ours or settings), text
