from __future__ import annotations

import pytest

from fixtures.files import content_of
from fixtures.windows.hive import Expand, Keys, Typed
from inspector.facts import UnknownFact
from inspector.windows.registry import Registry, RegistryPathError
from parsers.place import Place
from parsers.source import Memory
from parsers.windows.registry import open_hive
from tests.windows import hive, windows_files, windows_of

pytestmark = pytest.mark.corpus

PROFILES = r"Microsoft\Windows NT\CurrentVersion\ProfileList"
SYSTEM: Keys = {
    r"ControlSet002\Services\Dhcp": {"Start": 2, "Name": "x", "Names": ["a", "b"], "Odd": Typed(4, b"\1")},
    r"ControlSet002\Hardware Profiles\Current": {"x": 1},
    "Select": {"Current": 2},
}
SOFTWARE: Keys = {
    r"Classes\.txt": {"": "txtfile"},
    rf"{PROFILES}\S-1-5-21-1": {"ProfileImagePath": Expand(r"%SystemDrive%\Users\ann")},
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    files = {
        "/Users/ann/NTUSER.DAT": hive({"Console": {"x": 1}}),
        "/Users/ann/AppData/Local/Microsoft/Windows/UsrClass.dat": hive({"Local": {"x": 2}}),
        "/Windows/System32/config/DEFAULT": hive({"Console": {"x": 3}}),
        "/Windows/System32/config/SYSTEM.LOG1": b"",
    }
    return Registry(windows_of(SYSTEM, SOFTWARE, files))


@pytest.mark.parametrize(
    ("path", "name", "number"),
    [
        (r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", "Start", 2),
        (r"hkey_local_machine\system\currentcontrolset\services\dhcp", "start", 2),
        (r"HKLM/SYSTEM/ControlSet002/Services/Dhcp", "Start", 2),
        (r"\SYSTEM\Select\\", "Current", 2),
        (r"HKCC", "x", 1),
        (r"HKU\S-1-5-21-1\Console", "x", 1),
        (r"HKU\S-1-5-21-1_Classes\Local", "x", 2),
        (r"HKU\.DEFAULT\Console", "x", 3),
        (r"HKLM\SYSTEM\CurrentControlSet\Services\none", "Start", None),
        (r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", "none", None),
    ],
)
def test_keys_by_the_names_of_windows(registry: Registry, path: str, name: str, number: int | None) -> None:
    assert registry.number(path, name) == number


def test_values_of_other_types(registry: Registry) -> None:
    dhcp = r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp"
    assert registry.text(dhcp, "Name") == "x"
    assert registry.string(registry.value(dhcp, "Name")) == "x"
    assert registry.string(None) == ""
    assert registry.texts(dhcp, "Names") == ("a", "b")
    assert registry.texts(dhcp, "none") == ()
    assert registry.text(r"HKCR\.txt", "") == "txtfile"


def test_a_place_names_the_cell_of_what_is_there(registry: Registry) -> None:
    dhcp, system = r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", r"C:\Windows\System32\config\SYSTEM"
    content = content_of(windows_files(SYSTEM, SOFTWARE)["/Windows/System32/config/SYSTEM"])
    for name, key, cell in (("start", r"Services\Dhcp\Start", b"vk"), (None, r"Services\Dhcp", b"nk")):
        place = registry.place(dhcp, name)
        assert place.offset is not None
        assert content[place.offset + 4 :][:2] == cell
        assert place == Place(system, key=rf"ControlSet002\{key}", offset=place.offset)
    assert registry.place(dhcp, "none") == Place(system, key=r"ControlSet002\Services\Dhcp\none")
    assert registry.place(dhcp + r"\none", "x") == Place(system, key=r"ControlSet002\Services\Dhcp\none\x")


@pytest.mark.parametrize(
    ("name", "reader"), [("Name", "number"), ("Start", "text"), ("Name", "texts"), ("Odd", "number")]
)
def test_a_value_of_another_type_is_not_known(registry: Registry, name: str, reader: str) -> None:
    with pytest.raises(UnknownFact, match=rf"Dhcp.{name}: a .* wanted, \d+ bytes of REG_"):
        getattr(registry, reader)(r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", name)


@pytest.mark.parametrize(
    "root",
    [
        r"HKLM:\SYSTEM", "HKLM:/SYSTEM", r"Registry::HKEY_LOCAL_MACHINE\SYSTEM", r"Computer\HKEY_LOCAL_MACHINE\SYSTEM",
        r"Microsoft.PowerShell.Core\Registry::HKLM\SYSTEM", r"\REGISTRY\Machine\System", r"\HKLM\SYSTEM\\",
    ],
)  # fmt: skip
def test_roots_as_powershell_regedit_and_the_kernel_write_them(registry: Registry, root: str) -> None:
    assert registry.number(rf"{root}\Select", "Current") is not None


@pytest.mark.parametrize("path", ["", "x", "HKLM", r"HKLM\HARDWARE\x", r"HKCU\Console", "HKU", r"HKU\S-1-5-21-9\x"])
def test_what_no_hive_holds_is_an_error(registry: Registry, path: str) -> None:
    with pytest.raises(RegistryPathError):
        registry.key(path)


@pytest.mark.parametrize("path", ["HKU", r"HKU\ann\Console"])
def test_the_users_are_named_where_another_was_asked_for(registry: Registry, path: str) -> None:
    with pytest.raises(RegistryPathError) as raised:
        registry.key(path)
    users = r".DEFAULT, S-1-5-18, S-1-5-19, S-1-5-20, S-1-5-21-1 (%SystemDrive%\Users\ann)"
    assert str(raised.value).endswith(f"; there are {users}")


def test_a_hive_that_is_not_there_is_not_known(registry: Registry) -> None:
    with pytest.raises(UnknownFact, match="SAM does not exist"):
        registry.key(r"HKLM\SAM\SAM")


@pytest.mark.parametrize("select", [{"Current": None}, {"Current": "1"}])
def test_without_a_current_control_set_nothing_below_it_is_known(select: dict[str, str | None]) -> None:
    broken = Registry(windows_of({"Select": select}))
    with pytest.raises(UnknownFact):
        broken.key(r"HKLM\SYSTEM\CurrentControlSet\Services")
    assert broken.key(r"HKLM\SYSTEM\Select") is not None


@pytest.mark.parametrize("number", [1, 0xFFFFFFFF])
def test_a_control_set_that_is_not_there_is_not_known(number: int) -> None:
    registry = Registry(windows_of({**SYSTEM, "Select": {"Current": number}}))
    with pytest.raises(UnknownFact, match="is current, and not there"):
        registry.value(r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", "Start")


@pytest.mark.parametrize("flag", [0x10, 0x40])  # KEY_SYM_LINK, KEY_PREDEF_HANDLE
@pytest.mark.parametrize("linked", [r"ControlSet002\Services", r"ControlSet002\Services\Dhcp"])
def test_what_lies_behind_a_link_is_not_known(linked: str, flag: int) -> None:
    content = bytearray(hive(SYSTEM))
    key = open_hive(Memory(bytes(content))).key(linked)
    assert key is not None
    content[4096 + key.offset + 6] |= flag
    registry = Registry(windows_of({}, files={"/Windows/System32/config/SYSTEM": bytes(content)}))
    with pytest.raises(UnknownFact, match="is a link"):
        registry.value(r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", "Nothing")


def test_the_control_set_is_that_of_the_next_start() -> None:
    registry = Registry(windows_of({**SYSTEM, "Select": {"Current": 1, "Default": 2}}))
    assert registry.number(r"HKLM\SYSTEM\CurrentControlSet\Services\Dhcp", "Start") == 2


def test_a_hive_whose_last_write_was_cut_off_is_not_known_where_whole_ones_are_wanted() -> None:
    content = bytearray(hive(SYSTEM))
    content[4:8] = (int.from_bytes(content[8:12], "little") + 1).to_bytes(4, "little")
    guest = windows_of({}, files={"/Windows/System32/config/SYSTEM": bytes(content)})
    assert Registry(guest).control_set == "ControlSet002"
    registry = Registry(guest, whole_only=True)
    for _ in range(2):
        with pytest.raises(UnknownFact, match="was not completed"):
            registry.hive("SYSTEM")
