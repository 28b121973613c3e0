"""A small guest on a disk made by mke2fs, whose files are compared with the directory they were made of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from inspector.cli import cli
from tests.oracles import missing

ROOT = Path(__file__).parents[3]
BIG = bytes(range(256)) * 12_000
EVIL = b"a\x1b[31mb\xc3\xa9\xff\n\tc\x9b2J\n"


def run(
    *arguments: str | bytes | Path, wrapper: Sequence[str] = (), **options: object
) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a user does."""
    command = [*wrapper, sys.executable, "-m", "inspector", *map(os.fsdecode, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    return subprocess.run(command, capture_output=True, check=False, env=environment, **options)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class Done:
    """How a command ended, in the words of `subprocess`."""

    returncode: int
    stdout: bytes
    stderr: bytes


def call(*arguments: str | bytes | Path) -> Done:
    """Run the program in this process, which is faster; its inspections fork all the same."""
    done = CliRunner().invoke(cli, list(map(os.fsdecode, arguments)), prog_name="inspector")
    return Done(done.exit_code, done.stdout_bytes, done.stderr_bytes)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that became the guest."""
    top = tmp_path_factory.mktemp("guest")
    for folder in ("etc", "boot", "lib/modules/6.1.0-1/kernel", "deep/er/still", "root"):
        (top / folder).mkdir(parents=True)
    (top / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    (top / "etc/fstab").write_text("UUID=aaaaaaaa-0000-4000-8000-000000000001 / ext4 defaults 0 1\n")
    (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (top / "etc/evil").write_bytes(EVIL)
    (top / "boot/vmlinuz-6.1.0-1").write_bytes(b"")
    (top / "big").write_bytes(BIG)
    (top / "deep/er/still/file").write_text("found\n")
    (top / "deep/link").symlink_to("er/still/file")
    (top / "deep/dirlink").symlink_to("/deep/er")
    (top / "deep/dangling").symlink_to("/nowhere")
    Path(os.fsdecode(bytes(top) + b"/na\xffme\x1b[2J")).write_text("odd\n")
    (top / "new\nline").write_text("")
    (top / "etc/passwd").chmod(0o4640)
    os.utime(top / "big", ns=(1_700_000_000_123_456_789, 1_700_000_001_000_000_000))
    return top


@pytest.fixture(scope="session")
def disk(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if absent := missing("mke2fs"):
        pytest.skip(f"not installed: {', '.join(absent)}")
    image = tmp_path_factory.mktemp("disk") / "disk.raw"
    with image.open("wb") as stream:
        stream.truncate(24 << 20)
    uuid = "aaaaaaaa-0000-4000-8000-000000000001"
    command = ["/sbin/mke2fs", "-q", "-t", "ext4", "-U", uuid, "-L", "top", "-I", "256", "-d", str(files), str(image)]
    subprocess.run(command, check=True)
    return image
