from __future__ import annotations

from pathlib import Path

import pytest

from inspector.profile import ProfileError, load_profile, profile_names
from inspector.verdict import Status

NINETEEN = [
    "Virtio",
    "Nvme",
    "Fstab",
    "Grub",
    "Dhcp",
    "Selinux",
    "OnlineResizeFS",
    "CloudAssistant",
    "CloudInit",
    "SecurityCenterAgent",
    "SupportMocInstanceTypes",
    "DiskUsage",
    "InodeUsage",
    "SystemFileAttribute",
    "CriticalUser",
    "QemuGuestAgent",
    "SshConfig",
    "Firewall",
    "LibDirectory",
]
AFTER = [
    "ImageFormat",
    "SystemImage",
    "BootMode",
    "KernelVersion",
    "RtcTimeMode",
    "PartitionTable",
    "FileSystemState",
    "DiskLayout",
    "Volumes",
    "FileSystemType",
    "OSVersion",
    "Identity",
    "Leftovers",
    "ForeignAgents",
    "CloudInitSettings",
    "NetworkSettings",
    "KernelModules",
    "PasswordLogin",
    "Accounts",
    "ReleaseFiles",
]
WINDOWS = [
    "BCD",
    "BootMgr",
    "Registry",
    "Disk",
    "Xen",
    "Server",
    "BootDrivers",
    "Sysprep",
    "Update",
    "WindowsStart",
    "DesktopConfig",
    "Vminit",
    "WindowsAccounts",
    "RemoteDesktop",
    "Hotfix",
    "WindowsServers",
    "WindowsNetwork",
    "Antivirus",
    "DriverPackages",
    "WindowsVolumes",
]
CHECK = '[[check]]\nname = "A"\ntitle = "A"\nrules = ["{}"]\n'


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text('title = "Mine"\n' + text)
    return str(path)


def test_ecs_has_the_nineteen_first_and_ecs_tool_exactly_those() -> None:
    assert [check.name for check in load_profile("ecs").checks] == NINETEEN + AFTER + WINDOWS
    assert [check.name for check in load_profile("ecs-tool").checks] == NINETEEN
    assert load_profile("ecs-tool").title != load_profile("ecs").title
    assert {"clone", "ecs", "ecs-tool", "nhn"} <= set(profile_names())


def test_ids_are_those_of_the_cloud() -> None:
    assert next(check for check in load_profile("ecs").checks if check.name == "Fstab").id == "GUESTOS.Fstab"


def test_a_file_is_a_profile_and_may_be_based_on_another(tmp_path: Path) -> None:
    text = 'base = "ecs"\nkeep = ["Fstab"]\n[levels.fstab-devices-exist]\nfailed = "warning"\nunknown = "failed"\n'
    profile = load_profile(written(tmp_path, text))
    assert [check.name for check in profile.checks] == ["Fstab"]
    assert profile.levels["fstab-devices-exist"] == {"failed": Status.WARNING, "unknown": Status.FAILED}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CHECK.format("fstab-device-exist"),
            "no rule is called 'fstab-device-exist'; did you mean 'fstab-devices-exist'",
        ),
        ("bases = 'ecs'", "unknown key 'bases'; did you mean 'base'"),
        ('base = "ecs"\nkeep = ["fstab"]', "no check is called 'fstab'; did you mean 'Fstab'"),
        ('base = "escs"', "no profile is called 'escs'; did you mean 'ecs'"),
        (CHECK.format("disk-usage-below-limit"), "disk-usage-below-limit wants the parameter"),
        (
            CHECK.format("fstab-devices-exist") + "[parameters.fstab-devices-exist]\nx = 1",
            "fstab-devices-exist has no parameter 'x'",
        ),
        (
            CHECK.format("fstab-devices-exist") + "[levels.fstab-devices-exist]\nfaild = 'OK'",
            "failed, warning or unknown",
        ),
        (CHECK.format("fstab-devices-exist") + "[levels.fstab-devices-exist]\nunknown = 'OK'", "unknown cannot be OK"),
        (CHECK.format("fstab-devices-exist") + "[levels.nothing]\nfailed = 'OK'", "no rule is called 'nothing'"),
        ("check = 3", "wrong kind"),
        ("[[check]]\nname = 'A'", "title"),
        ("[[check]]\nname = 'A'\ntitel = 'A'", "unknown key 'titel'; did you mean 'title'"),
        ("x = ", "Invalid value"),
    ],
)
def test_unknown_names_are_errors_with_a_suggestion(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load_profile(written(tmp_path, text))


def test_a_profile_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"nothing\.toml cannot be read: No such file or directory$"):
        load_profile(str(tmp_path / "nothing.toml"))


def test_the_families_that_a_profile_judges(tmp_path: Path) -> None:
    assert load_profile("ecs").systems == {"linux", "windows"}
    assert load_profile("ecs-tool").systems == {"linux"}
    assert load_profile(written(tmp_path, CHECK.format("fstab-parses"))).systems == {"linux"}
    assert load_profile(written(tmp_path, CHECK.format("partition-table-valid"))).systems == {"linux", "windows"}
    for wrong in ('["dos"]', "[]", '"linux"', '[["linux"]]', "1"):
        with pytest.raises(ProfileError, match=r"systems out of .* wanted, .* found"):
            load_profile(written(tmp_path, f"systems = {wrong}\n" + CHECK.format("fstab-parses")))


@pytest.mark.parametrize("name", profile_names())
def test_our_own_profiles_are_right_about_their_rules(name: str, tmp_path: Path) -> None:
    """They are not looked at when they are loaded, but are here: as the file of a user."""
    mine = written(tmp_path, f'base = "{name}"\n')
    assert load_profile(mine).checks == load_profile(name).checks


def test_a_base_may_have_a_base(tmp_path: Path) -> None:
    mine = load_profile(written(tmp_path, 'base = "nhn"\n' + CHECK.format("fstab-parses")))
    assert [check.name for check in mine.checks] == [*(check.name for check in load_profile("nhn").checks), "A"]
    own = tmp_path / "mine.toml"
    own.write_text(f'title = "x"\nbase = "{own}"\n')
    with pytest.raises(ProfileError, match="it is based on itself"):
        load_profile(str(own))
