from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

from tests.inspector.cli.conftest import BIG, EVIL, ROOT, call


def test_the_bytes_come_through_as_they_are(disk: Path) -> None:
    assert call("cat", disk, "/big").stdout == BIG
    assert call("cat", disk, "/etc/evil").stdout == EVIL
    assert call("cat", "--volume", "sda", disk, "/deep/dirlink/still/file").stdout == b"found\n"


def test_what_is_no_file(disk: Path) -> None:
    done = call("cat", disk, "/deep")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.decode() == f"inspector: {disk}: /deep: a regular file wanted, directory found\n"


def test_a_terminal_gets_no_control_characters(disk: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "inspector", "cat", str(disk), "/etc/evil"])  # noqa: S606 - on a terminal
    data = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side is closed
            break
        if not piece:
            break
        data += piece
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0
    assert data.replace(b"\r\n", b"\n") == "a\\x1b[31mbé\\xff\n\tc\\x9b2J\n".encode()
