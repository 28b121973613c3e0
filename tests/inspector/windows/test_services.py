from __future__ import annotations

import pytest

from fixtures.windows.hive import Data, Keys, Typed
from inspector.facts import UnknownFact
from inspector.windows import services as module
from inspector.windows.registry import Registry
from inspector.windows.services import service, services, unmet
from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import open_hive
from tests.windows import hive, windows_of

pytestmark = pytest.mark.corpus

KEY = r"ControlSet001\Services\x"


def registry_with(values: dict[str, Data], **below: dict[str, Data]) -> Registry:
    keys: Keys = {KEY: values, **{rf"{KEY}\{name}": found for name, found in below.items()}}
    return Registry(windows_of(keys))


@pytest.mark.parametrize(
    ("values", "file"),
    [
        ({"Type": 1}, r"\Windows\System32\drivers\x.sys"),
        ({"Type": 1, "ImagePath": r"system32\drivers\y.sys"}, r"\Windows\system32\drivers\y.sys"),
        ({"Type": 1, "ImagePath": r"\??\C:\a b\y.sys"}, r"\??\C:\a b\y.sys"),
        ({"Type": 16, "ImagePath": r'"C:\a b\y.exe" -k'}, r"C:\a b\y.exe"),
        ({"Type": 16, "ImagePath": r'"C:\a b\y.exe'}, r"C:\a b\y.exe"),
        ({"Type": 16, "ImagePath": r'"C:\a b\y" -k'}, r"C:\a b\y.exe"),
        ({"Type": 16, "ImagePath": r"C:\a\y -k"}, r"C:\a\y.exe"),
        ({"Type": 16, "ImagePath": "y.exe -k"}, r"\Windows\System32\y.exe"),
        ({"Type": 32, "ImagePath": r"system32\y.exe"}, r"\Windows\system32\y.exe"),
        ({"Type": 16, "ImagePath": r'" C:\a\y.exe "'}, r"C:\a\y.exe"),
        ({"Type": 32, "ImagePath": "svchost.exe", "ServiceDll": r"C:\a\y.dll "}, r"C:\a\y.dll"),
        ({"Type": 8, "ImagePath": r"System32\drivers\y.sys"}, r"\Windows\System32\drivers\y.sys"),
        ({"Type": 32, "ImagePath": "svchost.exe", "ServiceDll": "y.dll"}, r"\Windows\System32\y.dll"),
        ({"Type": 16, "ImagePath": r"C:\a b\y.exe -k"}, r"C:\a b\y.exe"),
    ],
)
def test_files(values: dict[str, Data], file: str) -> None:
    found = service(registry_with(values), "X")
    assert found is not None
    assert found.file == file


@pytest.mark.parametrize(
    "values",
    [
        {"Start": "0"},
        {"Start": Typed(5, bytes(4))},
        {"Start": Typed(11, bytes(8))},
        {"Type": b"\1"},
        {"ImagePath": 1},
        {"ImagePath": ["a"]},
        {"DependOnService": 1},
        {"Group": b"x"},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_not_taken_for_none(values: dict[str, Data]) -> None:
    with pytest.raises(UnknownFact, match="wanted"):
        service(registry_with(values), "x")


def test_the_programs_that_a_path_without_quotes_may_mean() -> None:
    found = service(registry_with({"Type": 16, "ImagePath": r"C:\a b\y -k"}), "x")
    assert found is not None
    assert found.programs == (r"C:\a.exe", r"C:\a b\y.exe", r"C:\a b\y -k.exe")


def test_one_service_that_cannot_be_read_hides_no_other() -> None:
    registry = Registry(windows_of({KEY: {"Start": "0"}, rf"{KEY}2": {"Start": 2}}))
    found = services(registry)
    assert [it.name for it in found.readable] == ["x2"]
    with pytest.raises(UnknownFact, match="a REG_DWORD wanted"):
        found.tell()


def test_what_a_service_depends_on_and_cannot_have() -> None:
    depends: Keys = {KEY: {"Start": 2, "DependOnService": ["+group", "y", "gone"]}, rf"{KEY[:-1]}y": {"Start": 4}}
    registry = Registry(windows_of(depends))
    found = service(registry, "x")
    assert found is not None
    assert [(place.key, seen) for place, seen in unmet(registry, found)] == [
        (rf"{KEY[:-1]}y\Start", "y, on which x depends: disabled"),
        (rf"{KEY}\DependOnService", "gone, which is not there"),
    ]


def test_what_the_system_puts_before_start() -> None:
    found = service(registry_with({"Start": 0}, StartOverride={"0": 3}), "x")
    assert found is not None
    assert (found.start, found.start_override) == (0, 3)


def test_a_list_of_one() -> None:
    found = service(registry_with({"DependOnService": "RpcSs"}), "x")
    assert found is not None
    assert found.depends == ("RpcSs",)


def test_services_with_more_values_than_any_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_with({"Start": 0, "Type": 1})
    assert [it.name for it in services(registry).items] == ["x"]
    monkeypatch.setattr(module, "_MAX_VALUES", 2)
    with pytest.raises(ParseError, match="at most 2 values"):
        services(registry)


def test_without_services_nothing_is_known() -> None:
    with pytest.raises(UnknownFact, match="no services"):
        services(Registry(windows_of({r"ControlSet001\Control": {}})))


@pytest.mark.parametrize("name", [KEY, rf"{KEY}\Parameters"])
def test_a_service_behind_a_link_is_not_known(name: str) -> None:
    content = bytearray(hive({"Select": {"Current": 1}, KEY: {"Start": 2}, rf"{KEY}\Parameters": {}}))
    key = open_hive(Memory(bytes(content))).key(name)
    assert key is not None
    content[4096 + key.offset + 6] |= 0x10
    with pytest.raises(UnknownFact, match="is a link"):
        services(Registry(windows_of({}, files={"/Windows/System32/config/SYSTEM": bytes(content)})))
