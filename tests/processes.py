"""Processes that a test starts: which there are, and waiting for the end of one; pytest's time-out ends what hangs."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path


def children(pid: int | None = None) -> set[int]:
    """Return the children of a process, by default of this one; those that nobody has reaped are among them."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
        found |= set(map(int, (task / "children").read_text().split()))
    return found


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process; a zombie has ended, and a container's init may be slow to reap it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
