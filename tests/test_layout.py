"""The house rules that a machine can hold."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import collectors
from inspector import rules as rules_package
from inspector.profile import load_profile, profile_names
from inspector.reports import REPORTS
from inspector.rules import find_rule, rules

ROOT = Path(__file__).parents[1]
PARSERS = sorted((ROOT / "parsers").rglob("*.py"))
SOURCES = [*PARSERS, *sorted((ROOT / "inspector").rglob("*.py"))]
PURE_IMPORTS = {
    "__future__", "array", "backports", "binascii", "bisect", "bz2", "codecs", "collections", "compression",
    "construct", "contextlib", "cryptography", "dataclasses", "datetime", "enum", "fnmatch", "functools",
    "google_crc32c", "hashlib", "hmac", "io", "ipaddress", "isal", "itertools", "lz4", "lzma", "math", "msgspec",
    "operator", "parsers", "posixpath", "pyfatfs", "re", "shlex", "string", "struct", "sys", "types", "typing",
    "unicodedata", "uuid", "warnings", "xml", "yaml", "zlib",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "eval", "exec", "input", "compile"}
MAX_LINES = 420


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", PARSERS, ids=name_of)
def test_parsers_are_pure(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert set(imported(tree)) <= PURE_IMPORTS
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & IMPURE_CALLS


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_is_a_drawer(path: Path) -> None:
    assert not {"utils", "helpers", "common", "misc"} & set(path.with_suffix("").parts)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_package_is_one(path: Path) -> None:
    assert (path.parent / "__init__.py").is_file()


def modules(folder: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__")


def test_every_rule_module_is_registered() -> None:
    assert [*rules_package.MODULES, "rule"] != []
    windows = [f"windows.{module}" for module in modules("inspector/rules/windows")]
    assert sorted([*rules_package.MODULES, "rule"]) == sorted([*modules("inspector/rules"), *windows])
    assert list(rules_package.MODULES) == sorted(rules_package.MODULES)


@pytest.mark.parametrize("module", rules_package.MODULES)
def test_every_rule_of_a_module_is_in_its_tuple(module: str) -> None:
    text = (ROOT / f"inspector/rules/{module.replace('.', '/')}.py").read_text()
    loaded = importlib.import_module(f"inspector.rules.{module}")
    assert re.findall(r"@rule\(\s*\"([a-z0-9-]+)\"", text) != []
    assert sorted(re.findall(r"@rule\(\s*\"([a-z0-9-]+)\"", text)) == sorted(rule.name for rule in loaded.RULES)


@pytest.mark.parametrize("module", rules_package.MODULES)
def test_no_module_of_rules_leans_on_another(module: str) -> None:
    """What several judge by is no rule, and has a home below `linux`, `windows` or `boot`."""
    text = (ROOT / f"inspector/rules/{module.replace('.', '/')}.py").read_text()
    assert re.findall(r"^from inspector\.rules\.(?!rule import)\S+", text, re.MULTILINE) == []


def test_no_two_rules_share_a_name() -> None:
    loaded = [importlib.import_module(f"inspector.rules.{module}") for module in rules_package.MODULES]
    assert len(rules()) == sum(len(module.RULES) for module in loaded)


def test_the_rules_about_windows_are_told_by_their_names() -> None:
    for rule in rules().values():
        told = (rule.name.startswith(rules_package.WINDOWS), ".windows." in rule.judge.__module__)
        assert told == (rule.os == "windows",) * 2
        assert find_rule(rule.name) is rule
        for family in ("linux", "windows"):
            assert rule.os not in {"any", family} or find_rule(rule.name, family) is rule


def test_a_guest_of_windows_wants_no_module_about_linux_alone() -> None:
    about = {rule.judge.__module__.partition(".rules.")[2] for rule in rules().values() if rule.os == "any"}
    assert about == rules_package.ABOUT_ANY


def test_every_rule_serves_a_profile() -> None:
    used = {rule for name in profile_names() for check in load_profile(name).checks for rule in check.rules}
    assert used == set(rules())


@pytest.mark.parametrize("folder", ["inspector/rules", "inspector/rules/windows", "inspector/collectors"])
def test_every_module_has_its_mirrored_test(folder: str) -> None:
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / folder).glob("test_*.py")}
    assert set(modules(folder)) - {"rule"} <= tests


@pytest.mark.parametrize("path", PARSERS, ids=name_of)
def test_every_parser_has_its_mirrored_test(path: Path) -> None:
    relative = path.relative_to(ROOT)
    if path.stem == "__init__" and not re.search(r"^(def|class) ", path.read_text(), re.MULTILINE):
        return
    folder = ROOT / "tests" / relative.parent
    # a package may be tested as one: parsers/filesystem/ext4/* by tests/parsers/filesystem/ext4/ or test_ext4*.py
    mirrored = [folder / f"test_{path.stem}.py", folder, *folder.parent.glob(f"test_{relative.parent.name}*.py")]
    nested = len(relative.parts) > 3
    assert mirrored[0].is_file() or (nested and any(item.exists() for item in mirrored[1:]))


def test_every_collector_is_registered() -> None:
    assert {target.partition(":")[0] for target in collectors.MODULES.values()} == set(modules("inspector/collectors"))
    assert len(list(collectors.COLLECTORS)) == len(collectors.MODULES)
    for noun in collectors.COLLECTORS:
        assert callable(collectors.COLLECTORS[noun])


def test_every_report_is_registered() -> None:
    assert sorted(REPORTS) == modules("inspector/reports")
