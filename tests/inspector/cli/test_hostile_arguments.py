"""What a user can hand to the program instead of a disk image: one line, the right status, no traceback, no waiting."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.inspector.cli.conftest import ROOT, Done, call, run
from tests.oracles import needs
from tests.processes import children

COMMANDS = (("check",), ("cat",))


def one_line(done: Done | subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode()
    assert text.count("\n") == 1, text
    assert text.startswith("inspector: ")
    assert "Traceback" not in text
    return text.removeprefix("inspector: ").rstrip("\n")


def arguments(command: tuple[str, ...], image: Path) -> tuple[str | Path, ...]:
    return (*command, image, "/etc/passwd") if command[0] in {"stat", "cat"} else (*command, image)


@pytest.fixture
def thing(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "thing"
    match request.param:
        case "empty":
            path.touch()
        case "directory":
            path.mkdir()
        case "text":
            path.write_text("hello\n")
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listener:
                listener.bind("thing")
        case "device":
            path = Path("/dev/zero")
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    "thing", ["empty", "directory", "text", "fifo", "socket", "device", "absent"], indirect=True, ids=str
)
def test_what_is_no_image_is_refused_in_one_line(command: tuple[str, ...], thing: Path) -> None:
    done = call(*arguments(command, thing))
    assert (done.returncode, done.stdout) == (3, b"")
    assert one_line(done).count(str(thing)) == 1


def test_a_file_that_may_not_be_read(disk: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.raw"
    shutil.copyfile(disk, secret)
    secret.chmod(0)
    wrapper: tuple[str, ...] = ()
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything, and setpriv is not installed")
        # the way there must be open to somebody else, or it is the folder that is refused
        wrapper = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        if subprocess.run([*wrapper, sys.executable, "-c", "import inspector"], check=False, cwd=ROOT).returncode:
            pytest.skip("the project lies where nobody else may read it")
        shutil.move(secret, secret := Path("/tmp") / f"inspector-secret-{os.getpid()}.raw")
    try:
        done = run("show", secret, wrapper=wrapper, cwd=ROOT)
    finally:
        secret.unlink()
    assert done.returncode == 3
    assert one_line(done) == f"{secret}: cannot be opened: Permission denied"


def test_ten_tebibytes_of_nothing_take_no_time(tmp_path: Path) -> None:
    huge = tmp_path / "huge.raw"
    with huge.open("wb") as stream:
        try:
            stream.truncate(10 << 40)
        except OSError:
            pytest.skip("this file system holds no sparse file of 10 TiB")
    done = call("show", huge)
    assert done.returncode == 0
    assert b"10.0 TiB" in done.stdout
    assert call("check", huge).returncode == 1  # else its limit on time had ended it


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chekc",), "no command is called 'chekc'; did you mean 'check'?"),
        (("check",), "Missing argument 'IMAGES...'"),
        (("check", "--format", "xml", "x"), "'xml' is not one of"),
        (("check", "--fail-on", "sometimes", "x"), "'sometimes' is not one of"),
        (("check", "--profile", "esc", "x"), "no profile is called 'esc'; did you mean 'ecs'?"),
        (("check", "--timeout", "0", "x"), "--timeout"),
        (("explain", "sshd-config-vald"), "did you mean 'sshd-config-valid'?"),
        (("completion", "tcsh"), "'tcsh' is not one of"),
        (("check", "--output", "/nowhere/at/all", "x"), "/nowhere/at/all cannot be written: No such file or directory"),
        (("check", "--output", "/dev/full", "x"), None),
    ],
)
def test_wrong_usage_is_status_two(arguments: tuple[str, ...], message: str | None, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert b"Traceback" not in done.stderr
    if message is None:
        assert done.returncode == 3  # nothing was to be written: the image was the error
    else:
        assert done.returncode == 2
        assert message in done.stderr.decode()


@pytest.mark.parametrize("arguments", [["show", "DISK"], ["rules"], ["--version"], ["show", "--help"]], ids=" ".join)
def test_output_that_cannot_be_written_is_said_in_one_line(disk: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "inspector", *(str(disk) if word == "DISK" else word for word in arguments)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == b"inspector: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&- >&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_changes_no_status(disk: Path, closed: str) -> None:
    for arguments, status in ((f"show {disk}", 0), (f"show {disk}.none", 3), ("rules", 0), ("explain nobody", 2)):
        shell = ["sh", "-c", f"exec {sys.executable} -m inspector {arguments} {closed}"]
        done = subprocess.run(shell, capture_output=True, check=False, cwd=ROOT)
        assert (done.returncode, b"Traceback" in done.stderr) == (status, False)
        assert done.stderr.count(b"\n") == (status > 0 and "2>" not in closed)


SLOW = """
import sys, time
import inspector.view.overview as overview

def slow(*_):
    sys.stderr.write("never seen")
    time.sleep(600)

overview.overview = slow
from inspector.cli import main
sys.argv = ["inspector", "show", "image"]
print("ready", flush=True)
main()
"""


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGINT, 130, b"inspector: interrupted\n"), (signal.SIGTERM, 143, b"")],
)
def test_a_signal_ends_it_in_one_line_and_leaves_no_child(number: signal.Signals, status: int, said: bytes) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        child = wait_for_child(process.pid)
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == status
    assert (out, err) == (b"", said)
    assert not Path(f"/proc/{child}").exists()


def wait_for_child(pid: int) -> int:
    while not (found := children(pid)):
        time.sleep(0.01)
    return found.pop()


def test_ctrl_c_on_a_terminal_reaches_both_and_ends_in_one_line() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", SLOW])  # noqa: S606 - the child of a terminal
    data = b""
    while not data.endswith(b"ready\r\n"):
        data += os.read(terminal, 100)
    wait_for_child(pid)
    os.write(terminal, b"\x03")
    data = b""
    with contextlib.suppress(OSError):  # nobody has the terminal open any more
        while True:
            data += os.read(terminal, 100)
    status = os.waitpid(pid, 0)[1]  # before the terminal is closed, which would hang up on a process that just ends
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert data.replace(b"^C", b"") == b"inspector: interrupted\r\n"


FORKING = """
import os, signal, sys
os.register_at_fork({moment}=lambda: os.kill(os.getpid(), signal.SIGINT))
from inspector.cli import main
sys.argv = ["inspector", "show", sys.argv[1]]
main()
"""


@pytest.mark.parametrize("moment", ["before", "after_in_parent"])
def test_ctrl_c_while_it_forks_is_not_lost(disk: Path, moment: str) -> None:
    """What a hook of a fork raises is told and ignored by Python; threading and random have such hooks."""
    command = [sys.executable, "-c", FORKING.format(moment=moment), str(disk)]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"inspector: interrupted\n")


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_is_obeyed_while_the_arguments_are_read(number: str, status: int) -> None:
    script = """
import os, signal
import inspector.cli
inspector.cli.cli.parse_args = lambda *_: os.kill(os.getpid(), signal.NUMBER)
inspector.cli.main()
"""
    command = [sys.executable, "-c", script.replace("NUMBER", number)]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    said = b"inspector: interrupted\n" if number == "SIGINT" else b""
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", said)


def test_signals_that_the_caller_ignores_are_ignored(disk: Path) -> None:
    script = 'trap "" INT TERM; exec "$@"'
    command = [sys.executable, "-c", FORKING.format(moment="before"), str(disk)]
    done = subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_that_reaches_the_child_as_it_is_forked_makes_no_noise(disk: Path) -> None:
    """The parent decides about Ctrl-C; here the signal has reached the child alone."""
    command = [sys.executable, "-c", FORKING.format(moment="after_in_child"), str(disk)]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@needs("strace")
def test_browsing_opens_no_file_of_the_host_but_the_image_and_the_program(disk: Path, tmp_path: Path) -> None:
    log = tmp_path / "trace"
    wrapper = ("strace", "-f", "-qq", "-e", "trace=openat,open", "-o", str(log))
    done = run("cat", disk, "/deep/dangling", wrapper=wrapper)
    assert done.returncode == 3
    assert "nowhere" not in log.read_text()
