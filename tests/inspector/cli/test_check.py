from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from fixtures.disk import build_disk
from fixtures.golden import GOLDEN
from inspector.cli import cli
from inspector.verdict import Status
from tests.inspector.cli.conftest import ROOT, run
from tests.oracles import needs

pytestmark = needs("mke2fs", "debugfs", "sfdisk")

SSHD = "/etc/ssh/sshd_config"
NINETEEN = [
    "Virtio", "Nvme", "Fstab", "Grub", "Dhcp", "Selinux", "OnlineResizeFS", "CloudAssistant", "CloudInit",
    "SecurityCenterAgent", "SupportMocInstanceTypes", "DiskUsage", "InodeUsage", "SystemFileAttribute", "CriticalUser",
    "QemuGuestAgent", "SshConfig", "Firewall", "LibDirectory",
]  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_disk(GOLDEN, tmp_path_factory.mktemp("good") / "good.raw", "raw")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {**GOLDEN, SSHD: "UsePAM yes\nPort 2222\nNonsense \x1b[2J\n"}
    return build_disk(files, tmp_path_factory.mktemp("bad") / "bad.raw", "raw")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_disk({**GOLDEN, SSHD: "Port 2222\n"}, tmp_path_factory.mktemp("odd") / "odd.raw", "raw")


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["check", *map(str, arguments)])


def test_a_good_guest(good: Path) -> None:
    done = check(good)
    assert (done.exit_code, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("[OK]")]
    assert names[:19] == NINETEEN
    assert f"Total checks: {len(names)}   Success: {len(names)}   Failed: 0   Warning: 0" in done.stdout


def test_a_bad_guest_names_the_line_and_the_fix(bad: Path) -> None:
    done = check(bad)
    assert done.exit_code == 1
    assert "SshConfig                 [FAILED]\n" in done.stdout
    assert "\nSshConfig [FAILED]  sshd-config-valid: sshd refuses one line of its configuration\n" in done.stdout
    assert f"\n    {SSHD}:3  a keyword of sshd 9.2 wanted, 'Nonsense' found\n    fix: " in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("limit", "image", "status"),
    [
        ("failed", "good", 0), ("failed", "odd", 0), ("failed", "bad", 1),
        ("warning", "good", 0), ("warning", "odd", 1), ("warning", "bad", 1),
        ("never", "odd", 0), ("never", "bad", 0),
    ],
)  # fmt: skip
def test_fail_on(limit: str, image: str, status: int, request: pytest.FixtureRequest) -> None:
    assert check("--fail-on", limit, request.getfixturevalue(image)).exit_code == status


def test_every_json_report_keeps_the_schema(good: Path, bad: Path, tmp_path: Path) -> None:
    blank = tmp_path / "blank.raw"
    with blank.open("wb") as stream:
        stream.truncate(64 << 20)
    schema = json.loads((resources.files("inspector.reports") / "report.schema.json").read_text())
    for profile in ("ecs", "ecs-tool"):
        done = check("--format", "json", "--profile", profile, good, bad, blank)
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        assert [report["image"]["path"] for report in reports] == [str(good), str(bad), str(blank)]
        for report in reports:
            jsonschema.validate(report, schema)
            assert report["profile"] == profile
            counted = [sum(check["status"] == status for check in report["checks"]) for status in Status]
            assert [report["summary"][key] for key in ("ok", "warning", "failed")] == counted
            assert all(rule["evidence"] for check in report["checks"] for rule in check["rules"])
        assert [report["verdict"] for report in reports][:2] == ["OK", "FAILED"]
        assert reports[2]["verdict"] != "OK"


def test_the_tool_profile_is_exactly_the_nineteen(good: Path) -> None:
    report = json.loads(check("--format", "json", "--profile", "ecs-tool", good).stdout)
    assert [check["name"] for check in report["checks"]] == NINETEEN


def test_the_same_image_gives_the_same_bytes(bad: Path) -> None:
    def output() -> object:
        data = json.loads(check("--format", "json", bad).stdout)
        del data["cost"]
        return json.dumps(data)

    assert output() == output()


def test_one_broken_image_does_not_keep_the_others_back(good: Path, bad: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    done = check(good, empty, tmp_path / "absent", bad)
    assert done.exit_code == 3
    assert done.stderr.splitlines() == [
        f"inspector: {empty}: a disk image wanted, an empty file found",
        f"inspector: {tmp_path / 'absent'}: cannot be opened: No such file or directory",
    ]
    assert [line for line in done.stdout.splitlines() if line.startswith("==>")] == [
        f"==> {good} <==",
        f"==> {bad} <==",
    ]
    assert "Failed: 1" in done.stdout


def test_the_report_goes_to_a_file_whole_or_not_at_all(good: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")
    done = check("--format", "json", "-o", target, good)
    assert (done.exit_code, done.stdout) == (0, "")
    assert json.loads(target.read_text())["verdict"] == "OK"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("place", ["absent/report", "."])
def test_an_output_that_cannot_be_written_is_wrong_usage(good: Path, tmp_path: Path, place: str) -> None:
    done = check("-o", tmp_path / place, good)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written: " in done.stderr


def test_a_root_that_is_not_there(good: Path) -> None:
    done = check("--root", "sda7", good)
    assert done.exit_code == 3
    assert "no volume is called sda7" in done.stderr


def test_limits_are_kept(good: Path) -> None:
    done = run("check", "--memory", "128", good)
    assert done.returncode in {0, 3}
    assert b"Traceback" not in done.stderr


def test_a_bar_on_a_terminal_and_only_there(good: Path, bad: Path, tmp_path: Path) -> None:
    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "inspector", "check", str(good), str(bad)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    shown = b""
    with (
        (tmp_path / "out").open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=writer, env=environment) as it,
    ):
        os.close(writer)
        with contextlib.suppress(OSError):  # nobody has the terminal open any more
            while True:  # at once: a terminal that nobody reads is soon full
                shown += os.read(reader, 4096)
    os.close(reader)
    assert it.returncode == 1
    assert b"0/2" in shown
    assert b"bad.raw" in shown
    assert b"\x1b" not in (tmp_path / "out").read_bytes()


def test_rich_is_not_imported_elsewhere(good: Path) -> None:
    program = (
        "import sys; from inspector.cli import cli; cli(sys.argv[1:], standalone_mode=False);"
        "sys.exit('rich' in sys.modules)"
    )
    command = [sys.executable, "-c", program, "check", str(good), str(good)]
    assert subprocess.run(command, capture_output=True, check=False, cwd=ROOT).returncode == 0
