"""Arrays and volume groups made by mdadm and lvm, and read back by a kernel, inside the libguestfs appliance.

This takes minutes under software emulation, so that what was made is kept for as long as the scripts stay the same.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.parsers.volume.file_source import FileSource

CACHE = Path(
    os.environ.get("INSPECTOR_VOLUMES_CACHE", Path(tempfile.gettempdir()) / f"inspector-volumes-{os.getuid()}")
)
MIB = 1 << 20
SLOT = 24 * MIB
_GROUPS = {**dict.fromkeys("bcdef", 200 * MIB), "g": 32 * MIB, "h": 160 * MIB}
DISKS = {"md": {"m": 170 * SLOT}, "lvm": _GROUPS, "sample": {"m": 170 * SLOT, **_GROUPS}}
SCRIPTS = {
    "md": ["oracle_md.sh"],
    "lvm": ["oracle_lvm.sh"],
    "sample": [
        "oracle_md.sh r0orig r1v0.90 r10f2x3 r5left-symmetric stale",
        "oracle_lvm.sh linear striped oldmirror raid1 raid5 raid6 raid10",
    ],
}
"""Kind -> the scripts that are run, with their arguments; "sample" is what every run of the tests looks at."""


@functools.cache
def made(kind: str) -> Path:
    """Return the folder with the disks of a kind, and with what the appliance said of them in "said"."""
    script = _script(kind)
    folder = CACHE / f"{kind}-{hashlib.sha256(script).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            scratch = CACHE / f"{kind}.part"
            shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
            scratch.mkdir()
            (scratch / "said").write_text(_run(kind, script, scratch))
            scratch.rename(folder)
    return folder


def _script(kind: str) -> bytes:
    """Each script in a shell of its own, with its arguments."""
    text = ""
    for call in SCRIPTS[kind]:
        name, *arguments = call.split()
        text += f"(\nset -- {' '.join(arguments)}\n{(Path(__file__).parent / name).read_text()})\n"
    return text.encode()


def disk(kind: str, letter: str) -> FileSource:
    """Return one disk of what was made, by its letter."""
    return FileSource(made(kind) / letter, letter)


def lines(kind: str, word: str) -> list[list[str]]:
    """Return the fields of the lines that the appliance said after `word`."""
    said = (made(kind) / "said").read_text().splitlines()
    return [line.split(" ")[1:] for line in said if line.startswith(f"{word} ")]


def _run(kind: str, script: bytes, folder: Path) -> str:
    (folder / "a").write_bytes(random.Random(3).randbytes(64 * MIB))
    (folder / "s").write_bytes(script.ljust(-(-len(script) // 512) * 512, b"\n"))
    for letter, size in DISKS[kind].items():
        with (folder / letter).open("wb") as file:
            file.truncate(size)
    # By label: the kernel of the appliance names disks in the order in which it happens to find them.
    adds = [f"add {folder / letter} format:raw label:{letter}" for letter in ("a", *DISKS[kind], "s")]
    run = f'debug sh "head -c {len(script)} /dev/disk/guestfs/s > /tmp/s.sh; sh /tmp/s.sh"'
    done = subprocess.run(
        ["guestfish"],
        input="\n".join((*adds, "run", run)),
        env={**os.environ, "LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    (folder / "a").unlink()
    return done.stdout
