from __future__ import annotations

import re
from typing import Any

import pytest

from fixtures.files import Dir, File, Link
from fixtures.windows.golden import CLOUDBASE_CONF, POWERSHELL, SERVICES, drive_c
from fixtures.windows.hive import Data, Keys
from fixtures.windows.version import versioned
from inspector.profile import load_profile
from inspector.rules.windows import vminit
from inspector.rules.windows.vminit import (
    RULES,
    windows_host_name_has_one_owner,
    windows_user_data_can_run,
    windows_vminit_left_nothing,
    windows_vminit_works,
)
from inspector.verdict import Status
from tests.windows import CONFIG, Changes, golden

pytestmark = pytest.mark.corpus

PLUGINS = (
    "StartDepend", "OpenRDP", "NetworkClean", "ConfigDisk", "ExtendVolume", "CloudinitUserData", "ConfigHostname",
    "ConfigWsus", "ConfigKms", "ConfigNtp",
)  # fmt: skip
"""As the vendor's documentation has them, in the order in which they run."""
VMINIT = rf"{SERVICES}\vminit"
FOLDER = "/ProgramData/aliyun/vminit"
SHOWN = r"C:\ProgramData\aliyun\vminit"
POLICY = r"Policies\Microsoft\Windows\PowerShell"
RUN_ONCE = r"Microsoft\Windows\CurrentVersion\RunOnce"
OF_32_BITS = r"WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnce"
WITH_NAME = "cloudbaseinit.plugins.common.sethostname.SetHostNamePlugin"


def test_each_of_the_ten_plugins_has_its_rules_in_the_profile_of_its_cloud() -> None:
    assert vminit.__doc__
    table = {line.split()[0]: line.split()[1:] for line in vminit.__doc__.splitlines() if line.startswith("    ")}
    assert tuple(table) == PLUGINS
    judged = {rule for check in load_profile("ecs").checks for rule in check.rules}
    assert {plugin for plugin, rules in table.items() if not rules or set(rules) - judged} == set()
    told = {rule for rules in table.values() for rule in rules}
    assert {rule.name for rule in RULES} - told == {"windows-vminit-works"}


@pytest.mark.parametrize(
    ("values", "status", "key"),
    [
        (None, Status.WARNING, VMINIT),
        ({"Start": 4}, Status.FAILED, rf"{VMINIT}\Start"),
        ({"Start": 3}, Status.WARNING, rf"{VMINIT}\Start"),
    ],
    ids=["gone", "disabled", "manual"],
)
def test_a_vminit_that_is_not_started(values: dict[str, Data] | None, status: Status, key: str) -> None:
    verdict = windows_vminit_works(golden({VMINIT: values}))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, key)


@pytest.mark.parametrize("content", [None, b"", b"text"], ids=["gone", "empty", "text"])
def test_a_vminit_without_its_program(content: bytes | None) -> None:
    verdict = windows_vminit_works(golden(files={f"{FOLDER}/vminit.exe": content}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, rf"{SHOWN}\vminit.exe")


@pytest.mark.parametrize(
    ("files", "software", "place"),
    [
        ({POWERSHELL: None}, {}, r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"),
        ({"/Windows/System32/cmd.exe": b""}, {}, r"C:\Windows\System32\cmd.exe"),
        ({POWERSHELL: "text"}, {}, r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"),
        ({}, {POLICY: {"EnableScripts": 0}}, rf"{POLICY}\EnableScripts"),
        ({}, {POLICY: {"EnableScripts": 1, "ExecutionPolicy": "AllSigned"}}, rf"{POLICY}\ExecutionPolicy"),
    ],
)
def test_what_keeps_scripts_from_running(files: Any, software: Keys, place: str) -> None:
    verdict = windows_user_data_can_run(golden(software=software, files=files))
    found = verdict.evidence[0].place
    assert (verdict.status, found.key or found.path) == (Status.WARNING, place)


def test_what_cannot_be_read_hides_no_fault() -> None:
    files: Changes = {f"{CONFIG}/SOFTWARE": b"regf", POWERSHELL: None}
    assert windows_user_data_can_run(golden(files=files)).message == "scripts of users cannot run"
    there: Changes = {f"{FOLDER}/user-data/x": "", f"{FOLDER}/log": Link("nowhere")}
    assert windows_vminit_left_nothing(golden(files=there)).status is Status.WARNING
    unnamed: Keys = {rf"{SERVICES}\cloudbase-init": {"ImagePath": "x.exe"}}
    named: Keys = {RUN_ONCE: {"name": "Rename-Computer x"}}
    verdict = windows_host_name_has_one_owner(golden(unnamed, named))
    assert (verdict.message, verdict.known) == ("several programs name the machine", True)
    verdict = windows_host_name_has_one_owner(golden(unnamed))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("policy", ["RemoteSigned", "Unrestricted", None])
def test_policies_that_let_scripts_run(policy: str | None) -> None:
    values: dict[str, Data] = {"EnableScripts": 1, "ExecutionPolicy": policy}
    assert windows_user_data_can_run(golden(software={POLICY: values})).status is Status.OK


@pytest.mark.parametrize("name", ["userdata.ps1", "i-0001/script.bat"])
def test_user_data_that_are_kept_are_named_and_not_shown(name: str) -> None:
    verdict = windows_vminit_left_nothing(golden(files={f"{FOLDER}/user-data/{name}": "secret"}))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].place.path == rf"{SHOWN}\user-data\{name.partition('/')[0]}"
    assert verdict.evidence[0].seen == "user data are kept"


def test_an_empty_folder_of_user_data_holds_none() -> None:
    assert windows_vminit_left_nothing(golden(files={f"{FOLDER}/user-data": Dir()})).status is Status.OK


def test_errors_of_the_newest_log() -> None:
    old, new = File("no_system_disk", mtime=1), File("started\nplugin: install_virtio_error (5)\ndone\n", mtime=2)
    verdict = windows_vminit_left_nothing(golden(files={f"{FOLDER}/log/z.log": old, f"{FOLDER}/log/a.log": new}))
    place = verdict.evidence[0].place
    assert (verdict.status, place.path, place.line) == (Status.WARNING, rf"{SHOWN}\log\a.log", 2)
    assert [it.seen for it in verdict.evidence] == ["install_virtio_error"]
    mended = {f"{FOLDER}/log/z.log": old, f"{FOLDER}/log/a.log": File("started\ndone\n", mtime=2)}
    assert windows_vminit_left_nothing(golden(files=mended)).status is Status.OK


def test_a_log_in_utf_16_and_a_long_one() -> None:
    wide = "started\r\nsysprep_not_ready\r\n".encode("utf-16")
    verdict = windows_vminit_left_nothing(golden(files={f"{FOLDER}/log/a.log": wide}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "sysprep_not_ready")
    long = b"line\n" * 1_000_000 + b"meta_server_error\n"
    verdict = windows_vminit_left_nothing(golden(files={f"{FOLDER}/log/a.log": long}))
    assert (verdict.evidence[0].place.line, verdict.evidence[0].seen) == (None, "meta_server_error")


def test_a_folder_where_the_log_should_be_is_no_log() -> None:
    assert windows_vminit_left_nothing(golden(files={f"{FOLDER}/log/old": Dir()})).status is Status.OK
    files: Any = {f"{FOLDER}/log/old": Dir(), f"{FOLDER}/log/a.log": "no_system_disk"}
    assert windows_vminit_left_nothing(golden(files=files)).evidence[0].seen == "no_system_disk"


CONF = "[DEFAULT]\nplugins=cloudbaseinit.plugins.common.mtu.MTUPlugin"


@pytest.mark.parametrize(
    ("system", "software", "files", "place", "line"),
    [
        ({}, {}, {CLOUDBASE_CONF: f"{CONF},{WITH_NAME}\n"}, drive_c(CLOUDBASE_CONF), 2),
        ({}, {}, {CLOUDBASE_CONF: "[DEFAULT]\n"}, drive_c(CLOUDBASE_CONF), None),
        (
            {rf"{SERVICES}\Amazon EC2Launch": {"Type": 0x10, "Start": 2}}, {}, {},
            rf"{SERVICES}\Amazon EC2Launch\Start", None,
        ),
        ({}, {RUN_ONCE: {"name": "powershell Rename-Computer x -Restart"}}, {}, rf"{RUN_ONCE}\name", None),
        ({}, {OF_32_BITS: {"name": "powershell Rename-Computer x"}}, {}, rf"{OF_32_BITS}\name", None),
        ({}, {RUN_ONCE: {"name": "wmic computersystem where x call rename y"}}, {}, rf"{RUN_ONCE}\name", None),
    ],
)  # fmt: skip
def test_several_that_name_the_machine(system: Keys, software: Keys, files: Any, place: str, line: int | None) -> None:
    verdict = windows_host_name_has_one_owner(golden(system, software, files))
    assert (verdict.status, verdict.message) == (Status.WARNING, "several programs name the machine")
    assert verdict.evidence[0].place.key == rf"{SERVICES}\vminit\Start"
    found = verdict.evidence[1].place
    assert (found.key or found.path, found.line) == (place, line)
    alone = {rf"{SERVICES}\vminit": {"Start": 4}, **system}
    assert windows_host_name_has_one_owner(golden(alone, software, files)).status is Status.OK


@pytest.mark.parametrize(("version", "again"), [((2, 0, 1, 2), True), ((2, 0, 1, 6), False), ((2, 0, 1, 8), False)])
def test_an_old_vminit_restarts_for_ever(version: tuple[int, int, int, int], again: bool) -> None:
    files = {f"{FOLDER}/vminit.exe": versioned(version)}
    verdict = windows_host_name_has_one_owner(golden(software={RUN_ONCE: {"x": "Rename-Computer y"}}, files=files))
    assert verdict.status is Status.WARNING
    assert bool(re.search("again and again", verdict.message)) == again
    assert windows_host_name_has_one_owner(golden(files=files)).status is Status.OK


def test_nobody_who_names_the_machine() -> None:
    facts = golden({rf"{SERVICES}\vminit": None}, {RUN_ONCE: {"other": r"C:\Windows\x.exe"}})
    assert windows_host_name_has_one_owner(facts).status is Status.OK
