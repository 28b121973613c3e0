"""What is installed in Windows: the lists of the machine and of its users, and what cannot be read of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from fixtures.windows.golden import (
    CURRENT,
    MACHINE,
    PACKAGES,
    SERVICING,
    SOFTWARE,
    UNINSTALL,
    changed,
    package,
)
from fixtures.windows.hive import Data, Keys
from fixtures.windows.hive_log import dirty, old_log
from fixtures.windows.pe import program
from inspector.collectors import COLLECTORS, windows_software
from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_packages import ServicingPackages
from inspector.facts.windows_software import Profile, WindowsSoftware
from inspector.guest import Guest, Mount
from inspector.windows.registry import UNFINISHED
from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import open_hive
from tests.memory_tree import MemoryTree
from tests.windows import CONFIG, PER_USER, Changes, golden, hive

pytestmark = pytest.mark.corpus

OF_32_BITS: Final = rf"WOW6432Node\{UNINSTALL}"
PROFILES: Final = rf"{CURRENT}\ProfileList"
ADMINISTRATOR: Final = f"{MACHINE}-500"
OTHER: Final = f"{MACHINE}-1001"
USERS: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"


def found(software: Keys | None = None, files: Changes | None = None) -> WindowsSoftware:
    return golden(software=software, files=files)[WindowsSoftware]


def names(software: WindowsSoftware, owner: str | None = None) -> dict[str, int | None]:
    """Name -> bits, of the machine or of a user."""
    return {it.name: it.bits for it in software.programs if (it.owner.sid if it.owner else None) == owner}


def told(software: WindowsSoftware) -> list[tuple[str | None, str]]:
    return [(problem.place.key or problem.place.path, problem.message) for problem in software.problems]


def test_the_golden_guest() -> None:
    software = found()
    assert software.problems == ()
    assert names(software) == {
        "AddressBook": 64, "Virtio-win-driver-installer": 64, "Cloudbase-Init 1.1.6": 64, "Microsoft Edge Update": 32,
        "Example Runtime 4.8": 32, "Update for Example Runtime (KB5000042)": 32,
    }  # fmt: skip
    assert names(software, ADMINISTRATOR) == {"GitKraken": None}
    assert [(it.name, it.state_name) for it in software.updates] == [
        ("Package_for_RollupFix", "superseded"), ("Package_for_RollupFix", "installed"),
        ("Package_for_ServicingStack_2110", "installed"),
    ]  # fmt: skip
    assert {it.entry.place.volume for it in software.programs} == {"sda2"}


def test_the_native_view_of_a_32_bit_windows() -> None:
    software = found({"WOW6432Node": None}, {"/Windows/System32/ntoskrnl.exe": program("i386")})
    assert software.problems == ()
    assert set(names(software).values()) == {32}


def test_32_bit_programs_of_arm() -> None:
    assert names(found({rf"WowAA32Node\{UNINSTALL}\x": {"DisplayName": "x"}}))["x"] == 32


def test_without_the_kernel_the_native_view_is_not_known() -> None:
    software = found(files={"/Windows/System32/ntoskrnl.exe": None})
    assert names(software)["Cloudbase-Init 1.1.6"] is None
    reason = r"for which architecture Windows is cannot be told: \Windows\System32\ntoskrnl.exe does not exist"
    assert told(software) == [(r"\Windows\System32\ntoskrnl.exe", reason)]


def test_every_user_of_the_list_of_profiles_is_asked() -> None:
    hives = {
        "/Users/ann/NTUSER.DAT": hive({rf"{USERS}\x": {"DisplayName": "Ann's"}}),
        f"{CONFIG}/DEFAULT": hive({rf"{USERS}\x": {"DisplayName": "The system's"}}),
        "/Users/Default/NTUSER.DAT": hive({rf"{USERS}\x": {"DisplayName": "Nobody's"}}),
        "/Users/gone/NTUSER.DAT": hive({rf"{USERS}\x": {"DisplayName": "Of one who is not in the list"}}),
    }
    software = found({rf"{PROFILES}\{OTHER}": {"ProfileImagePath": r"%SystemDrive%\Users\ann"}}, hives)
    assert software.problems == ()
    owners = {it.name: it.owner for it in software.programs if it.owner}
    assert owners == {
        "GitKraken": Profile(ADMINISTRATOR, r"C:\Users\Administrator"),
        "Ann's": Profile(OTHER, r"%SystemDrive%\Users\ann"),
        "The system's": Profile("S-1-5-18", r"%systemroot%\system32\config\systemprofile"),
    }
    assert sorted(owner.name for owner in owners.values() if owner) == ["Administrator", "ann", "systemprofile"]


def test_hives_whose_last_write_was_cut_off_are_read_and_told() -> None:
    files = {f"{CONFIG}/SOFTWARE": hive(changed(SOFTWARE, {})), "/Users/Administrator/NTUSER.DAT": hive(PER_USER)}
    software = found(files={path: dirty(content, 8, 7) for path, content in files.items()})
    assert told(software) == [
        (path, UNFINISHED) for path in (r"C:\Windows\System32\config\SOFTWARE", r"C:\Users\Administrator\NTUSER.DAT")
    ]
    assert {problem.place.volume for problem in software.problems} == {"sda2"}
    assert (len(software.programs), len(software.updates)) == (7, 3)


def test_what_stands_in_the_logs_alone_is_read() -> None:
    before, after = hive({USERS: {}}), hive(PER_USER)
    files: Changes = {
        "/Users/Administrator/NTUSER.DAT": dirty(before, 8, 7),
        "/Users/Administrator/NTUSER.DAT.LOG1": old_log(before, after),
    }
    software = found(files=files)
    assert (software.problems, names(software, ADMINISTRATOR)) == ((), {"GitKraken": None})


def test_a_linux_guest_has_none() -> None:
    tree = MemoryTree({"/etc/os-release": ""})
    with pytest.raises(UnknownFact, match="a Linux guest has no registry"):
        Facts({Guest: Guest([Mount("/", None, tree, tree.root)])}, COLLECTORS)[WindowsSoftware]


def test_a_profile_that_is_listed_twice_is_read_once() -> None:
    software = found({rf"{PROFILES}\{ADMINISTRATOR}.bak": {"ProfileImagePath": r"C:\USERS\Administrator"}})
    assert software.problems == ()
    assert names(software, ADMINISTRATOR) == {"GitKraken": None}


def test_a_mandatory_profile() -> None:
    files: Changes = {"/Users/Administrator/NTUSER.DAT": None, "/Users/Administrator/NTUSER.MAN": hive(PER_USER)}
    assert names(found(files=files), ADMINISTRATOR) == {"GitKraken": None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "NTUSER.DAT does not exist"),
        (b"", "512 bytes wanted, the source ends at byte 0"),
        (b"regf" + bytes(5000), "wanted"),
    ],
    ids=["absent", "empty", "broken"],
)
def test_the_hive_of_a_user_that_cannot_be_read_is_a_problem(content: bytes | None, message: str) -> None:
    software = found(files={"/Users/Administrator/NTUSER.DAT": content})
    (problem,) = software.problems
    assert message in problem.message
    assert "NTUSER.DAT" in f"{problem.place} {problem.message}"
    assert len(names(software)) == 6


@pytest.mark.parametrize(
    ("sid", "values", "message"),
    [
        (OTHER, {}, "the folder of a profile wanted, none found"),
        (OTHER, {"ProfileImagePath": 5}, "a text wanted, 4 bytes of REG_DWORD found"),
        (OTHER, {"ProfileImagePath": r"\\server\profiles\ann"}, r"\\server\profiles\ann"),
        ("S-1-5/21", {"ProfileImagePath": r"C:\Users\ann"}, "no profile of S-1-5 "),
    ],
)
def test_a_profile_that_leads_nowhere_is_a_problem(sid: str, values: dict[str, Data], message: str) -> None:
    software = found({rf"{PROFILES}\{sid}": values})
    (problem,) = software.problems
    assert message in problem.message
    assert names(software, ADMINISTRATOR) == {"GitKraken": None}


def test_without_profiles_the_users_are_not_known() -> None:
    assert told(found({PROFILES: None})) == [(PROFILES, "the programs of users are not known")]


def test_without_the_list_of_the_machine_that_is_a_problem() -> None:
    software = found({UNINSTALL: None})
    assert told(software) == [(UNINSTALL, "the list of the machine's programs wanted, no such key found")]
    assert len(names(software)) == 3
    assert found({"WOW6432Node": None}).problems == ()  # as a server may do without WOW64


@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_hive_nothing_is_known(content: bytes | None) -> None:
    with pytest.raises((UnknownFact, ParseError)):
        found(files={f"{CONFIG}/SOFTWARE": content})


def test_damaged_values_are_problems_and_hide_no_program() -> None:
    software = found({rf"{UNINSTALL}\x": {"DisplayName": 1, "Publisher": "P"}})
    assert told(software) == [(rf"{UNINSTALL}\x\DisplayName", "a text wanted, 4 bytes of REG_DWORD found")]
    assert software.problems[0].place.volume == "sda2"
    (program,) = [it for it in software.programs if it.entry.key == "x"]
    assert (program.name, program.entry.publisher) == ("x", "P")


def test_a_program_that_cannot_be_read_leaves_no_list_without_it() -> None:
    content = bytearray(hive(changed(SOFTWARE, {})))
    key = open_hive(Memory(bytes(content))).key(rf"{UNINSTALL}\virtio-win-installer")
    assert key
    at = content.index(b"nk", key.place.offset)
    content[at : at + 2] = b"??"
    software = found(files={f"{CONFIG}/SOFTWARE": bytes(content)})
    assert (UNINSTALL, "3 subkeys wanted, 2 could be read") in told(software)
    assert set(names(software)) == {
        "AddressBook", "Cloudbase-Init 1.1.6", "Example Runtime 4.8", "Microsoft Edge Update",
        "Update for Example Runtime (KB5000042)",
    }  # fmt: skip
    assert len(software.updates) == 3


@pytest.mark.parametrize("name", [b"Uninstall", b"Windows", b"Software"])
def test_a_list_that_is_not_found_by_its_name_is_not_taken_for_none(name: bytes) -> None:
    damaged = bytearray(hive(PER_USER))
    damaged[damaged.index(name)] ^= 1
    software = found(files={"/Users/Administrator/NTUSER.DAT": bytes(damaged)})
    assert [message for _, message in told(software)] == ["a key that is found by its name wanted"]
    assert names(software, ADMINISTRATOR) == {}


PATHS: Final = {f"{CONFIG}/SOFTWARE": UNINSTALL, "/Users/Administrator/NTUSER.DAT": USERS}


@pytest.mark.parametrize("path", PATHS)
def test_damage_of_a_list_takes_no_program_out_of_it_unsaid(path: str) -> None:
    content = hive(changed(SOFTWARE, {}) if "SOFTWARE" in path else PER_USER)
    top = open_hive(Memory(content)).key(PATHS[path])
    assert top
    cells = [top.place.offset or 0, *(key.place.offset or 0 for key in top.subkeys())]
    wanted = len(found().programs)
    chance = random.Random(5)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(cells[0] + 96, max(cells) + 200)] = chance.randrange(256)
        software = found(files={path: bytes(damaged)})
        assert len(software.programs) >= wanted or software.problems


def test_a_list_without_end_is_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_software, "_MAX_PROGRAMS", 2)
    software = found()
    assert len(software.programs) == 4  # two, and one more of each other list
    assert {message for _, message in told(software)} == {"fewer than 2 programs wanted, as many found"}
    monkeypatch.setattr(windows_software, "_MAX_PROFILES", 1)
    assert (rf"{PROFILES}\{ADMINISTRATOR}", "at most 1 profiles wanted, more found") in told(found())


INSTALLED: Final[dict[str, Data]] = {
    "CurrentState": 0x70,
    "InstallTimeHigh": 0x01DA5C9F,
    "InstallTimeLow": 0x12345678,
}


def test_when_an_update_was_installed() -> None:
    (path,) = package("Package_for_KB5000001", "10.0.1.2")
    (update,) = [it for it in found({path: INSTALLED}).updates if it.name == "KB5000001"]
    since = timedelta(microseconds=0x01DA5C9F12345678 // 10)
    assert update.installed_at == int((datetime(1601, 1, 1, tzinfo=UTC) + since).timestamp())


def test_what_is_wrong_with_one_update_hides_no_other() -> None:
    (first,), (second,), (third,) = (package(f"Package_for_KB500000{number}", "10.0.1.2") for number in (1, 2, 3))
    keys: Keys = {
        first: {"CurrentState": "x"},
        second: {"CurrentState": 0x70, "InstallTimeHigh": "x"},
        third: {"CurrentState": None, "InstallClient": "DISM"},
    }
    software = found(keys)
    assert {it.name: it.state for it in software.updates if it.name.startswith("KB")} == {
        "KB5000001": None, "KB5000002": 0x70, "KB5000003": None,
    }  # fmt: skip
    assert [message.partition(": ")[2] or message for _, message in told(software)] == [
        "a REG_DWORD wanted, 4 bytes of REG_SZ found", "a REG_DWORD wanted, 4 bytes of REG_SZ found",
        "the state of an update wanted, none found",
    ]  # fmt: skip


def test_an_update_whose_name_is_none_of_a_package_is_told() -> None:
    odd = rf"{PACKAGES}\Package_for_KB5000001~amd64"
    software = found({odd: {"CurrentState": 0x70}})
    assert told(software) == [(odd, "the identity of a package wanted, Package_for_KB5000001~amd64 found")]
    assert golden(software={odd: {"CurrentState": 0x70}})[ServicingPackages].count == 5


def test_no_rule_minds_when_an_update_was_installed() -> None:
    (path,) = package("Package_for_KB5000001", "10.0.1.2")
    facts = golden(software={path: {"CurrentState": 0x70, "InstallTimeLow": "x", "InstallTimeHigh": 1}})
    assert facts[ServicingPackages].count == 5


def test_without_updates_that_is_a_problem() -> None:
    assert told(found({PACKAGES: None})) == [
        (rf"{SERVICING}\Packages", "which updates are installed is not told")
    ]  # fmt: skip


LINKS: Final = (rf"{UNINSTALL}\AddressBook", next(iter(package("Package_for_RollupFix", "20348.2113.1.9"))))


@pytest.mark.parametrize("path", LINKS, ids=["program", "update"])
def test_a_link_to_another_key_is_not_followed_and_told(path: str) -> None:
    content = bytearray(hive(changed(SOFTWARE, {})))
    key = open_hive(Memory(bytes(content))).key(path)
    assert key
    content[content.index(b"nk", key.place.offset) + 2] |= 0x10
    software = found(files={f"{CONFIG}/SOFTWARE": bytes(content)})
    assert (path, f"{path} is a link to another key, which is not followed") in told(software)
    assert "AddressBook" in names(software) or "Uninstall" in path
    assert [it.state for it in software.updates] == [0x50, None if "RollupFix" in path else 0x70, 0x70]
