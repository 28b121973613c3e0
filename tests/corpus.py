"""The shared corpus of real and hostile files, which lies beside the project and is never copied into it.

Unpacked files are kept sparse in a cache: some images are a terabyte long and nearly empty.
"""

from __future__ import annotations

import fcntl
import functools
import json
import lzma
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared" / "corpus"
CACHE = Path(os.environ.get("INSPECTOR_CORPUS_CACHE", Path(tempfile.gettempdir()) / f"inspector-corpus-{os.getuid()}"))
_BLOCK = 1 << 20


def need_corpus() -> None:
    """Skip the calling test where the corpus is absent; fail it where REQUIRE_CORPUS=1."""
    if ROOT.is_dir():
        return
    if os.environ.get("REQUIRE_CORPUS") == "1":
        pytest.fail("REQUIRE_CORPUS=1, but ../shared/corpus is absent")
    pytest.skip("../shared/corpus is absent: nothing of it was tested")


@functools.cache
def entries(part: str) -> tuple[dict[str, Any], ...]:
    """Return the entries of `part` ("known" or "hostile"); none where the corpus is absent.

    For use at collection time; every entry has a "file" relative to its part.
    """
    path = ROOT / part / "expected.json"
    return tuple(json.loads(path.read_text())["entries"]) if path.is_file() else ()


def corpus(name: str) -> Path:
    """Return the unpacked file `name`, such as "known/images/x.raw.xz"; other files are returned as they lie."""
    need_corpus()
    packed = ROOT / name
    if packed.suffix != ".xz":
        return packed
    target = CACHE / name.removesuffix(".xz")
    if not _is_unpacked(target, packed):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            if not _is_unpacked(target, packed):  # by who had the lock before
                out.truncate()  # what a run that was killed left there
                with lzma.open(packed) as file:
                    write_sparse(file, out)
                part.replace(target)
    return target


def _is_unpacked(target: Path, packed: Path) -> bool:
    return target.is_file() and target.stat().st_mtime >= packed.stat().st_mtime


def write_sparse(file: Any, out: Any) -> None:
    """Copy what is left of `file` to `out`, with holes where it holds zeros."""
    size = 0
    while block := file.read(_BLOCK):
        if block.count(0) != len(block):
            out.seek(size)
            out.write(block)
        size += len(block)
    out.truncate(size)
