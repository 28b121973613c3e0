from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.boot.grub.syntax import MAX_DEPTH, Command, For, Function, If, While, parse_script
from tests.corpus import corpus, entries, need_corpus

oracle = pytest.mark.skipif(not shutil.which("grub-script-check"), reason="grub-script-check (grub-common) is absent")

GOOD = [
    "menuentry a { linux /x }\n",
    "if true; then echo a; fi\n",
    "if ! true; then echo; elif true; then echo b; else echo c; fi\n",
    "if\ntrue\nthen\n# note\n\necho\nfi\n",
    "for x in a b; do echo $x; done\n",
    "for x in a\n\ndo echo; done\n",
    "for x in; do echo; done\n",
    "while false; do echo; done\n",
    "until true; do echo\ndone\n",
    "echo if then fi\n",
    "echo a#b # c\n",
    "time x\n",
    "echo a \\\n b\n",
    "submenu x $y 'z' {\n menuentry q {\n echo \n }\n}\n",
    "a=b c=d\n",
    '"" x\n',
    "echo \"a\\\"b\" 'a'\\''b'\n",
    'echo ${a}b$c"$d" $1 $@ $* $? $#\n',
    "echo 'a>b'\n",
    "echo;\n",
    "menuentry a { echo; };\n",
]
BAD = [
    "menuentry 'a' {\nlinux /x\n",
    "if true\nthen\nfi\n",
    "if true; then fi\n",
    "if true; then; echo; fi\n",
    "if true; then echo; else fi\n",
    "fi\n",
    "}\n",
    "a | b\n",
    "a & b\n",
    "a && b\n",
    "a;;b\n",
    "echo ;\n;\n",
    "echo 'x\n",
    'echo "x\n',
    'echo "${a"\n',
    "echo ${}\n",
    "echo $\n",
    'echo "a $ b"\n',
    "set a=b}\n",
    "echo a{b\n",
    "for x; do echo; done\n",
    "for x in a b do echo; done\n",
    "for in in in; do echo $in; done\n",
    "function f () { echo; }\n",
    "function if { echo; }\n",
    "function f { }\n",
    "menuentry a { }\n",
    "menuentry a { ; echo; }\n",
    "menuentry a { echo; } extra\n",
    "menuentry a\n{\necho\n}\n",
    "case x in\n",
    "select\n",
    "[[ a ]]\n",
    "in x\n",
    "{ echo; }\n",
    "echo a<b\n",
    "while true do echo; done\n",
    "while true; do; echo; done\n",
    "echo }a\n",
]


def flaws(text: str) -> list[str]:
    return [f"{problem.place.line}: {problem.message}" for problem in parse_script(text, "x")[1]]


@pytest.mark.parametrize("text", GOOD)
def test_good_scripts_are_read(text: str) -> None:
    assert flaws(text) == []


@pytest.mark.parametrize("text", BAD)
def test_bad_scripts_are_problems(text: str) -> None:
    assert flaws(text) != []


def checked(text: str, folder: Path) -> bool:
    path = folder / "script.cfg"
    path.write_text(text, errors="surrogateescape")
    return subprocess.run(["grub-script-check", path], capture_output=True, check=False).returncode == 0


@oracle
@pytest.mark.parametrize("text", GOOD + BAD)
def test_grub_script_check_agrees(text: str, tmp_path: Path) -> None:
    assert checked(text, tmp_path) == (not flaws(text))


@oracle
def test_grub_script_check_agrees_on_damaged_scripts(tmp_path: Path) -> None:
    text = "".join(GOOD[:12])
    chance = random.Random(2)
    for _ in range(150):
        at = chance.randrange(len(text))
        damaged = text[:at] + chance.choice(["", ";", "}", "fi", "'", '"', "{", "then", "\n"]) + text[at + 1 :]
        # a bare word where nothing else stood: GRUB wants at least one command, which is no matter of syntax
        assert checked("true\n" + damaged, tmp_path) == (not flaws(damaged)), damaged


@oracle
@pytest.mark.corpus
def test_grub_script_check_agrees_on_the_corpus(tmp_path: Path) -> None:
    need_corpus()
    names = [
        entry["file"] for entry in entries("known") if entry["file"].startswith(("configs/grub2/", "configs/grub/"))
    ]
    assert len(names) > 30
    for name in names:
        text = corpus(f"known/{name}").read_text(errors="surrogateescape")
        assert checked("true\n" + text, tmp_path) == (not flaws(text)), name


def test_statements_know_their_lines() -> None:
    text = "# note\nset a=1\n\nif true; then\n  b\nfi\nfunction f {\n  c \\\n    d\n}\n"
    text += "for i in 1; do x; done\nuntil y; do z; done\n"
    script, problems = parse_script(text, "x")
    assert problems == ()
    assert [statement.line for statement in script] == [2, 4, 7, 11, 12]
    assert [type(statement) for statement in script] == [Command, If, Function, For, While]
    function = script[2]
    assert isinstance(function, Function)
    assert [word.line for word in function.body[0].words] == [8, 9]  # type: ignore[union-attr]  # a command, as above


def test_a_broken_statement_costs_no_more_than_itself() -> None:
    script, problems = parse_script("set a=1\necho )\nbad | pipe\nset b=2\n", "g.cfg")
    assert [str(problem) for problem in problems] == ["g.cfg:3: the end of a command wanted, '|' found"]
    assert len(script) == 3


def test_nesting_is_bounded() -> None:
    deep = MAX_DEPTH + 1
    text = "if true; then\n" * deep + "echo\n" + "fi\n" * deep
    assert "nested statements" in flaws(text)[0]
    assert "nested statements" in flaws("menuentry a {\n" * 5000)[0]


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(7)
    pieces = [
        "if ",
        "then",
        "fi",
        "{",
        "}",
        "'",
        '"',
        "$",
        "${",
        "\\",
        "\n",
        ";",
        "a",
        " ",
        "#",
        "|",
        "for x in",
        "do",
        "done",
    ]
    for _ in range(500):
        parse_script("".join(chance.choice(pieces) for _ in range(chance.randrange(60))), "x")
