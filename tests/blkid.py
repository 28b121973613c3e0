"""What blkid(8) says of a volume: the oracle for types, UUIDs and labels."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
needs_blkid = pytest.mark.skipif(
    shutil.which("blkid", path=PATH) is None, reason="blkid (util-linux) is the oracle, and absent"
)


def blkid(path: Path, offset: int = 0, size: int = 0) -> dict[str, str]:
    """Return TYPE, UUID, VERSION and LABEL of a part of a file; TYPE is "ambivalent" where it cannot decide."""
    where = ["-O", str(offset), *(["-S", str(size)] if size else [])]
    done = subprocess.run(
        ["blkid", "-p", *where, "-o", "udev", path], capture_output=True, env={"PATH": PATH}, check=False
    )
    pairs = dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)
    answer = {
        name: re.sub(
            rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), pairs[key].encode()
        ).decode("utf-8", "surrogateescape").strip()
        for name, key in (
            ("TYPE", "ID_FS_TYPE"), ("UUID", "ID_FS_UUID_ENC"), ("VERSION", "ID_FS_VERSION"),
            ("LABEL", "ID_FS_LABEL_ENC"),
        )
        if key in pairs
    }  # fmt: skip
    return {"TYPE": "ambivalent"} if done.returncode == 8 else answer
