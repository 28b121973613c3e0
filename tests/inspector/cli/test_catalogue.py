"""`rules`, `explain`, `profiles`, `schema`, `completion`, `--version`, `--help`: what the program tells of itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inspector.cli import COMMANDS, cli
from inspector.profile import load_profile, profile_names
from inspector.rules import rules
from inspector.version import VERSION
from tests.inspector.cli.conftest import ROOT


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="inspector")


def test_version() -> None:
    done = invoke("--version")
    assert (done.exit_code, done.stdout) == (0, f"inspector {VERSION}\n")


def test_help_names_every_command_and_every_command_has_a_file() -> None:
    text = invoke("--help").stdout
    assert all(f"  {name} " in text for name in COMMANDS)
    files = {path.stem for path in (ROOT / "inspector/cli").glob("*.py")} - {"__init__", "options"}
    assert files == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = invoke(name, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: inspector {name} ")


def test_rules_lists_every_rule_with_its_title() -> None:
    lines = invoke("rules").stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(rules())
    assert all(line.endswith(rules()[line.split()[0]].title) for line in lines)


def test_profiles() -> None:
    lines = invoke("profiles").stdout.splitlines()
    assert [line.split()[0] for line in lines] == profile_names()
    assert any(line.startswith("ecs-tool") and "19 checks" in line for line in lines)


@pytest.mark.parametrize("name", sorted(rules()))
def test_every_rule_is_explained(name: str) -> None:
    text = " ".join(invoke("explain", name).stdout.split())
    assert text.startswith(f"{name}: {rules()[name].title} ")
    for section, body in rules()[name].sections.items():
        assert f" {section}: {body} " in f"{text} "
    uses = [
        (profile, f"check {check.name}" + (f" ({check.id})" if check.id != check.name else ""))
        for profile in profile_names()
        for check in load_profile(profile).checks
        if name in check.rules
    ]
    assert uses
    assert all(
        re.search(rf" Profiles?: [a-z, -]*\b{profile}\b[a-z, -]*: {re.escape(use)}", text) for profile, use in uses
    )


def test_a_check_is_explained_by_its_rules_whatever_the_case() -> None:
    text = invoke("explain", "sshconfig").stdout
    (check,) = [check for check in load_profile("ecs").checks if check.name == "SshConfig"]
    assert text.startswith(f"SshConfig ({check.id}): {check.title}\n")
    assert all(f"\n{rule}: {rules()[rule].title}\n" in text for rule in check.rules)
    assert invoke("explain", check.id).stdout == text


def test_profiles_that_say_the_same_are_named_together() -> None:
    text = " ".join(invoke("explain", "Fstab").stdout.split())
    assert text.count("fstab-parses, fstab-names-root") == 1
    assert "Profiles: clone, ecs, ecs-tool, nhn: fstab-parses, " in text


def test_parameters_and_levels_are_told() -> None:
    assert "port = 22" in invoke("explain", "sshd-port-standard").stdout


def test_an_unknown_name_gets_a_suggestion() -> None:
    done = invoke("explain", "Sshconfg")
    assert done.exit_code == 2
    assert done.stderr == "inspector: no rule or check is called 'Sshconfg'; did you mean 'SshConfig'?\n"


def test_schema() -> None:
    assert json.loads(invoke("schema").stdout)["title"].startswith("Report of inspector")
    assert invoke("schema").stdout == (resources.files("inspector.reports") / "report.schema.json").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    text = invoke("completion", shell).stdout
    assert "_INSPECTOR_COMPLETE" in text


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("inspector ch", "check"),
        ("inspector check --profile ec", "ecs-tool"),
        ("inspector explain sshd-c", "sshd-config-valid"),
    ],
)
def test_completion_knows_commands_profiles_and_rules(words: str, wanted: str) -> None:
    environment = {
        "_INSPECTOR_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", "from inspector.cli import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=ROOT)
    assert f"plain,{wanted}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {"inspector.engine", "inspector.isolate", "msgspec", "rich", "json.decoder", "construct"}),
        (["ls", "--help"], {"inspector.engine", "inspector.rules", "rich", "yaml"}),
    ],
)
def test_nothing_is_imported_that_the_command_does_not_use(arguments: list[str], unwanted: set[str]) -> None:
    program = (
        "import sys; from inspector.cli import cli\n"
        "try: cli(sys.argv[1:])\n"
        "finally: print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert not unwanted & set(done.stderr.splitlines())


def test_a_command_of_the_future_is_not_guessed(tmp_path: Path) -> None:
    done = invoke("scan", str(tmp_path))
    assert done.exit_code == 2
    assert "no command is called 'scan'" in done.stderr
