"""Chunks that wimlib compressed: resources of a Windows image are laid out as the streams of CompactOS files are."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

_TABLE = 48  # of the header: where the table of resources lies
_ENTRY = 50
_COMPRESSED = 4


def resources(folder: Path, kind: str, chunk: int) -> dict[str, bytes]:
    """Return the files of a folder under their names, each compressed; without those that do not shrink."""
    image = folder.with_suffix(".wim")
    image.unlink(missing_ok=True)
    subprocess.run(
        ["wimlib-imagex", "capture", folder, image, f"--compress={kind}", f"--chunk-size={chunk}", "--no-acls"],
        check=True, capture_output=True,
    )  # fmt: skip
    raw = image.read_bytes()
    size, offset = struct.unpack_from("<QQ", raw, _TABLE)
    found = {}
    for at in range(offset, offset + (size & (1 << 56) - 1), _ENTRY):
        flags_size, place = struct.unpack_from("<QQ", raw, at)
        if flags_size >> 56 & _COMPRESSED:
            found[raw[at + 30 : at + 50]] = raw[place : place + (flags_size & (1 << 56) - 1)]
    names = {hashlib.sha1(path.read_bytes(), usedforsecurity=False).digest(): path.name for path in folder.iterdir()}
    return {names[digest]: data for digest, data in found.items() if digest in names}
