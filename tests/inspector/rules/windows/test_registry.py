from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT, SERVICING
from fixtures.windows.hive import Data, Keys, merged
from inspector.guest import Guest
from inspector.rules.windows.registry import (
    windows_control_set_is_good,
    windows_hives_are_small_enough,
    windows_hives_are_written_completely,
    windows_hives_load,
)
from inspector.verdict import Status
from parsers.source import Memory
from parsers.windows.lsa_policy import ACCOUNTS
from parsers.windows.registry import open_hive
from tests.corpus import corpus
from tests.windows import CONFIG, Changes, golden, hive

pytestmark = pytest.mark.corpus

FOLDER = r"C:\Windows\System32\config"


@pytest.mark.parametrize("name", ["SOFTWARE", "SAM", "SECURITY", "DEFAULT"])
@pytest.mark.parametrize(("content", "seen"), [(None, "does not exist"), (b"", "wanted"), (b"regf" * 2000, "wanted")])
def test_a_hive_that_does_not_load(name: str, content: bytes | None, seen: str) -> None:
    verdict = windows_hives_load(golden(files={f"{CONFIG}/{name}": content}))
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place.path == rf"{FOLDER}\{name}"
    assert seen in verdict.evidence[0].seen


@pytest.mark.parametrize(
    ("system", "software", "files", "place"),
    [
        ({r"ControlSet001\Services": None}, {}, {}, rf"{FOLDER}\SYSTEM ControlSet001\Services"),
        ({}, {CURRENT: None}, {}, rf"{FOLDER}\SOFTWARE {CURRENT}"),
        ({}, {}, {f"{CONFIG}/SAM": {"SAM": {}}}, rf"{FOLDER}\SAM SAM\Domains\Account\Users"),
    ],
)
def test_a_hive_without_what_windows_starts_with(
    system: Keys, software: Keys, files: dict[str, Keys], place: str
) -> None:
    changes: Changes = {path: hive(keys) for path, keys in files.items()}
    verdict = windows_hives_load(golden(system, software, changes))
    assert (verdict.status, str(verdict.evidence[0].place)) == (Status.FAILED, place)


@pytest.mark.parametrize(
    ("system", "software", "security", "place"),
    [
        ({r"ControlSet001\Enum": None}, {}, {}, rf"{FOLDER}\SYSTEM ControlSet001\Enum"),
        ({}, {SERVICING: None}, {}, rf"{FOLDER}\SOFTWARE {SERVICING}"),
        ({}, {}, {rf"{ACCOUNTS}\S-1-5-6": None}, rf"{FOLDER}\SECURITY {ACCOUNTS}\S-1-5-6"),
        ({}, {}, {rf"{ACCOUNTS}\S-1-5-20": None}, rf"{FOLDER}\SECURITY {ACCOUNTS}\S-1-5-20"),
    ],
)
def test_what_devices_updates_and_services_need(system: Keys, software: Keys, security: Keys, place: str) -> None:
    verdict = windows_hives_load(golden(system, software, security=security))
    assert (verdict.status, [str(item.place) for item in verdict.evidence]) == (Status.FAILED, [place])
    assert windows_hives_load(golden()).status is Status.OK


def test_a_hive_that_has_grown() -> None:
    large = golden(files={f"{CONFIG}/SAM": corpus("known/hives/hv-rp-SAM.hive.xz").read_bytes() + bytes(2 << 20)})
    verdict = windows_hives_are_small_enough(large, largest_mib=2)
    assert (verdict.status, verdict.known, len(verdict.evidence)) == (Status.WARNING, True, 1)
    assert verdict.evidence[0].place.path == rf"{FOLDER}\SAM"
    assert windows_hives_are_small_enough(large, largest_mib=3).status is Status.OK


def test_rights_that_everyone_has_not() -> None:
    verdict = windows_hives_load(golden(security={rf"{ACCOUNTS}\S-1-1-0": None}))
    assert (verdict.status, [item.place.key for item in verdict.evidence]) == (Status.WARNING, [rf"{ACCOUNTS}\S-1-1-0"])


@pytest.mark.parametrize("name", ["COMPONENTS", "DRIVERS"])
def test_a_hive_that_is_loaded_when_it_is_needed(name: str) -> None:
    path = f"{CONFIG}/{name}"
    for content in (b"", b"regf" * 2000):
        verdict = windows_hives_load(golden(files={path: content}))
        assert (verdict.status, verdict.known, verdict.evidence[0].place.path) == (
            Status.WARNING, True, rf"{FOLDER}\{name}",
        )  # fmt: skip
    assert windows_hives_load(golden(files={path: hive({"CanonicalData": {}})})).status is Status.OK


@pytest.mark.parametrize("name", ["SYSTEM", "SECURITY", "SAM"])
def test_real_hives_hold_what_windows_starts_with(name: str) -> None:
    """hivex writes them anew, for the last write to one of them was not completed."""
    real = merged(corpus(f"known/hives/hv-rp-{name}.hive.xz").read_bytes(), {"Added by a test": {}})
    assert windows_hives_load(golden(files={f"{CONFIG}/{name}": real})).status is Status.OK


@pytest.mark.parametrize("name", ["SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DEFAULT"])
@pytest.mark.parametrize("flaw", ["one byte short", "no first bin", "zeros at the end"])
def test_a_hive_that_windows_does_not_load_though_its_keys_can_be_read(name: str, flaw: str) -> None:
    guest = golden()[Guest]
    content = bytearray(guest.read_bytes(rf"{FOLDER}\{name}"))
    if flaw == "no first bin":
        content[4096] ^= 0xFF
    elif flaw == "zeros at the end":
        end = 4096 + int.from_bytes(content[40:44], "little")
        content[end - 4096 : end] = bytes(4096)
    else:
        del content[4095 + int.from_bytes(content[40:44], "little") :]
    verdict = windows_hives_load(golden(files={f"{CONFIG}/{name}": bytes(content)}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, rf"{FOLDER}\{name}")


@pytest.mark.parametrize("data", [None, "1", 0], ids=str)
def test_without_a_control_set_windows_does_not_start(data: Data) -> None:
    verdict = windows_hives_load(golden({"Select": {"Current": data, "Default": data}}))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)


def test_a_write_that_was_not_completed() -> None:
    folder = "known/hives/hv-yp-NewDirtyHive1"
    dirty: Changes = {f"{CONFIG}/SECURITY": corpus(f"{folder}.hive.xz").read_bytes()}
    logs: Changes = {
        f"{CONFIG}/SECURITY.LOG{number}": corpus(f"{folder}.NewDirtyHive.LOG{number}.log.xz").read_bytes()
        for number in (1, 2)
    }
    verdict = windows_hives_are_written_completely(golden(files=dirty))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    verdict = windows_hives_are_written_completely(golden(files={**dirty, **logs}))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(item.place.path, item.seen) for item in verdict.evidence] == [(rf"{FOLDER}\SECURITY", "replayed")]


def test_the_last_known_good_control_set_may_be_another_as_that_of_a_real_windows_7_is() -> None:
    select = open_hive(Memory(corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes())).key("Select")
    assert select
    values: dict[str, Data] = {value.name: value.number for value in select.values()}
    assert (values["Current"], values["LastKnownGood"]) == (1, 2)
    assert windows_control_set_is_good(golden({"Select": values})).status is Status.OK


def test_control_sets() -> None:
    verdict = windows_control_set_is_good(golden({"Select": {"Default": 2}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "ControlSet002")
    assert verdict.evidence[0].place.key == r"Select\Default"
    verdict = windows_control_set_is_good(golden({"Select": {"Current": 2}}))
    assert (verdict.status, verdict.evidence[1].seen) == (Status.WARNING, "2")
    verdict = windows_control_set_is_good(golden({"Select": {"Failed": 1}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, r"Select\Failed")
