from __future__ import annotations

import pytest

from fixtures.files import Dir, Link, Node
from fixtures.windows.pe import program
from inspector.facts.platform import Architecture
from inspector.guest import Guest
from inspector.windows.files import flaw_of_file, flaw_of_program, restoring
from parsers.place import Place
from tests.windows import golden

pytestmark = pytest.mark.corpus

FILE = "/x/file.sys"
LONG = program(content=b"\xc3" * 5000)


@pytest.mark.parametrize(
    ("node", "flaw"),
    [
        (None, "does not exist"),
        (Link("gone.sys"), "does not exist"),
        (Dir(), "is no file, but a directory"),
        (b"", "is empty"),
        (bytes(4096), "is no program: MZ wanted"),
        (LONG[:4000], "is cut off: 5000 bytes wanted"),
        (program("aarch64"), "is for aarch64, Windows for x86_64"),
        (program("i386"), "is for i386, Windows for x86_64"),
        (LONG, None),
        (Link(r"C:\Windows\explorer.exe"), None),
    ],
)
def test_what_keeps_a_file_from_being_loaded(node: Node | None, flaw: str | None) -> None:
    found = flaw_of_program(golden(files={FILE: node}), r"C:\x\file.sys")
    assert (found or "").startswith(flaw or "")
    assert (found is None) is (flaw is None)


@pytest.mark.parametrize(
    ("windows", "machines"),
    [("x86_64", {"x86_64", "i386"}), ("aarch64", {"aarch64", "x86_64", "i386"}), ("i386", {"i386"})],
)
def test_the_machines_whose_programs_a_windows_runs(windows: str, machines: set[str]) -> None:
    found = set()
    for machine in ("x86_64", "i386", "aarch64"):
        facts = golden(files={FILE: program(machine)})
        facts._known[Architecture] = Architecture(windows, 64, Place("kernel"))
        if flaw_of_program(facts, r"C:\x\file.sys", any_machine=True) is None:
            found.add(machine)
    assert found == machines


@pytest.mark.parametrize(
    ("node", "flaw"),
    [
        (None, "does not exist"),
        (Dir(), "is no file, but a directory"),
        (b"", "is empty"),
        (b"re", "is no hive: 72 65 67 66 wanted, 72 65 found"),
        (b"REGF" * 99, "is no hive: 72 65 67 66 wanted, 52 45 47 46 found"),
        (b"regf", None),
        (b"regf" * 99, None),
    ],
)
def test_how_a_file_begins(node: Node | None, flaw: str | None) -> None:
    assert flaw_of_file(golden(files={FILE: node})[Guest], r"C:\x\file.sys", b"regf", "hive") == flaw


def test_a_file_of_windows_is_put_back_by_windows_and_another_by_its_product() -> None:
    guest = golden()[Guest]
    for path in (r"%SystemRoot%\System32\a.dll", r"\Windows\System32\a.dll", r"c:\WINDOWS\System32\a.dll"):
        assert "sfc /scannow" in restoring(guest, path)
        assert r"\System32\a.dll by" in restoring(guest, path)
    assert restoring(guest, r"D:\av\a.exe").startswith(r"install again what D:\av\a.exe belongs to")
