r"""Entries of `Uninstall`: as regipy and hivexget read them of real hives and of made ones, and damaged ones."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fixtures.windows.hive import Data, Expand, Typed
from fixtures.windows.programs import CLOUDBASE_INIT, programs
from parsers.place import ParseError, Problem
from parsers.source import Memory
from parsers.windows.registry import Key, open_hive
from parsers.windows.uninstall_entry import MAX_TEXT, UninstallEntry, parse_uninstall_entry
from tests.corpus import corpus
from tests.oracles import needs
from tests.windows import hive

pytestmark = pytest.mark.corpus

UNINSTALL: Final = r"Microsoft\Windows\CurrentVersion\Uninstall"
REAL: Final = {
    "hv-pl-NTUSER-WIN7.DAT": ("Software\\", ["Google Chrome"]),
    "hv-pl-regf_NTUSER.DAT": ("Software\\", ["Spotify"]),
    "hv-rp-ntuser_software_partial": (
        "", ["Python 3.7 distorm3-3.3.4", "GitKraken", "Microsoft OneDrive", "Python 3.7.0 (Anaconda3 5.3.0 64-bit)",
             "Microsoft Visual Studio Code (User)"],
    ),
    "hv-rp-transactions_NTUSER.DAT": ("Software\\", ["Microsoft OneDrive"]),
}  # fmt: skip
FIELDS: Final = {
    "name": "DisplayName", "version": "DisplayVersion", "publisher": "Publisher", "install_date": "InstallDate",
    "location": "InstallLocation", "comments": "Comments", "url": "URLInfoAbout", "parent": "ParentKeyName",
    "parent_name": "ParentDisplayName",
}  # fmt: skip


def key_of(content: bytes, path: str) -> Key:
    key = open_hive(Memory(content)).key(path)
    assert key
    return key


def entry(values: Mapping[str, Data], name: str = "x") -> tuple[UninstallEntry, tuple[Problem, ...]]:
    return parse_uninstall_entry(key_of(hive({rf"{UNINSTALL}\{name}": values}), rf"{UNINSTALL}\{name}"))


def as_regipy_has_it(file: Path, path: str) -> list[dict[str, str]]:
    """The entries of a list, by regipy."""
    registry = pytest.importorskip("regipy.registry", reason="not installed: regipy")
    found = []
    for key in registry.RegistryHive(str(file)).get_key(path).iter_subkeys():
        values = {value.name.lower(): value.value for value in key.iter_values()} if key.values_count else {}
        texts = {field: values.get(name.lower()) or "" for field, name in FIELDS.items()}
        flags = {name: str(bool(values.get(name))) for name in ("windowsinstaller", "systemcomponent")}
        found.append({"key": key.name, **texts, **flags})
    return found


def as_we_have_it(content: bytes, path: str) -> list[dict[str, str]]:
    found = []
    for key in key_of(content, path).all_subkeys():
        ours, problems = parse_uninstall_entry(key)
        assert problems == ()
        flags = {"windowsinstaller": str(ours.is_msi), "systemcomponent": str(ours.is_system_component)}
        found.append({"key": ours.key, **{field: getattr(ours, field) for field in FIELDS}, **flags})
    return found


@pytest.mark.parametrize("name", REAL)
def test_real_users(name: str, tmp_path: Path) -> None:
    above, names = REAL[name]
    content = corpus(f"known/hives/{name}.hive.xz").read_bytes()
    ours = as_we_have_it(content, above + UNINSTALL)
    assert [one["name"] for one in ours] == names
    file = tmp_path / "hive"
    file.write_bytes(content)
    assert ours == as_regipy_has_it(file, rf"\{above}{UNINSTALL}")


@pytest.mark.parametrize("view", ["", "WOW6432Node\\"], ids=["native", "wow"])
def test_the_golden_programs(view: str, tmp_path: Path) -> None:
    content = hive(programs(UNINSTALL))
    file = tmp_path / "hive"
    file.write_bytes(content)
    ours = as_we_have_it(content, view + UNINSTALL)
    assert len(ours) == 3
    assert ours == as_regipy_has_it(file, rf"\{view}{UNINSTALL}")


@needs("hivexget")
def test_hivexget_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "hive"
    file.write_bytes(hive(programs(UNINSTALL)))
    path = rf"{UNINSTALL}\{CLOUDBASE_INIT}"
    ours, _ = parse_uninstall_entry(key_of(file.read_bytes(), path))
    for field in ("name", "version", "publisher", "install_date", "location", "url"):
        done = subprocess.run(["hivexget", file, path, FIELDS[field]], capture_output=True, text=True, check=True)
        assert getattr(ours, field) == done.stdout.rstrip("\n")


def test_a_product_of_windows_installer_has_its_code() -> None:
    code = "{A1B2C3D4-0000-4000-8000-00000000000F}"
    assert entry({"WindowsInstaller": 1}, code)[0].product_code == code
    bundle, _ = entry({"WindowsInstaller": 0}, code)  # as bundles have keys that are no product codes
    assert (bundle.product_code, bundle.is_msi) == ("", False)
    odd, _ = entry({"WindowsInstaller": 1}, "Product")
    assert (odd.product_code, odd.is_msi) == ("", True)


def test_what_programs_and_features_hides_and_shows_below_another() -> None:
    assert entry({"DisplayName": "x"})[0].hidden is None
    assert entry({"DisplayName": "x", "SystemComponent": 0})[0].hidden is None
    assert entry({"DisplayName": "x", "SystemComponent": 1})[0].hidden == "system component"
    assert entry({"Publisher": "x"})[0].hidden == "no display name"
    assert entry({"DisplayName": "x", "ParentKeyName": "p", "ParentDisplayName": "The p"})[0].updates == "The p"
    assert entry({"DisplayName": "x", "ParentKeyName": "p"})[0].updates == "p"
    assert entry({"DisplayName": "x", "ParentDisplayName": "The p"})[0].updates == ""


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("DisplayName", 5, "a text wanted, 4 bytes of REG_DWORD found"),
        ("Publisher", ["a", "b"], "a text wanted, 10 bytes of REG_MULTI_SZ found"),
        ("DisplayVersion", b"1.0", "a text wanted, 3 bytes of REG_BINARY found"),
        ("DisplayName", "x" * MAX_TEXT, f"at most {MAX_TEXT} bytes of text wanted, {2 * MAX_TEXT + 2} found"),
        ("SystemComponent", "1", "a REG_DWORD wanted, 4 bytes of REG_SZ found"),
        ("WindowsInstaller", Typed(4, b"\1"), "a REG_DWORD wanted, 1 bytes of REG_DWORD found"),
        ("WindowsInstaller", Typed(11, b"\1" + bytes(7)), "a REG_DWORD wanted, 8 bytes of REG_QWORD found"),
    ],
)
def test_a_value_of_another_type_is_a_problem_and_hides_nothing_else(name: str, data: Data, message: str) -> None:
    found, problems = entry({"Comments": "said", name: data})
    assert [(problem.place.key, problem.message) for problem in problems] == [
        (rf"{UNINSTALL}\x\{name}", message)
    ]  # fmt: skip
    assert (found.comments, found.name, found.is_msi, found.is_system_component) == ("said", "", False, False)


def test_texts_of_any_kind() -> None:
    raw = Typed(1, "a\0b".encode("utf-16-le"))
    found, problems = entry({"DisplayName": raw, "Publisher": Expand("%x%"), "Comments": Typed(1, b"\0\xd8"),
                             "DisplayVersion": Typed(1, b"")})  # fmt: skip
    assert (found.name, found.publisher, found.comments, found.version, problems) == ("a", "%x%", "\ud800", "", ())


def test_a_damaged_list_of_values_is_told_once() -> None:
    content = bytearray(hive({rf"{UNINSTALL}\x": {"DisplayName": "x"}}))
    at = key_of(bytes(content), rf"{UNINSTALL}\x").place.offset
    assert at
    key = content.index(b"nk", at)
    content[key + 36 : key + 40] = (1 << 30).to_bytes(4, "little")  # the number of values
    found, problems = parse_uninstall_entry(key_of(bytes(content), rf"{UNINSTALL}\x"))
    assert found.hidden == "no display name"
    (problem,) = problems
    assert "the hive has no room for them" in problem.message


def test_no_damage_lets_anything_but_a_parse_error_out() -> None:
    content = hive(programs(UNINSTALL))
    chance = random.Random(6)
    at = content.index(b"Uninstall")
    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 8)):
            damaged[chance.randrange(at - 200, len(content))] = chance.randrange(256)
        try:
            for path in (UNINSTALL, rf"WOW6432Node\{UNINSTALL}"):
                key = open_hive(Memory(bytes(damaged))).key(path)
                for one in key.subkeys() if key else ():
                    found, problems = parse_uninstall_entry(one)
                    assert isinstance(found.name, str)
                    assert all(isinstance(problem, Problem) for problem in problems)
        except ParseError:
            continue
