"""Inspects images that were damaged on purpose, and says where the program, not the image, is at fault."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from fixtures.mutation import Range, mutated, mutation
from fixtures.seal import find_seals, reseal
from inspector import inspect_image
from inspector.errors import InspectorError
from inspector.image_file import ImageFile
from inspector.inspection import inspect_isolated
from inspector.isolate import Limits
from inspector.report import Report
from inspector.target import Target
from inspector.verdict import Status

MIB: Final = 1 << 20
LIMITS: Final = Limits(memory=1024 * MIB, cpu=60, wall=60.0)
DAMAGED: Final = Limits(memory=512 * MIB, cpu=10, wall=60.0)
"""A small guest takes a tenth of a second and 60 MiB: no damage may make it a hundred times as much."""
BROKEN: Final = re.compile(
    r"internal error|this rule broke|processor time|took more than|of memory|killed by|no report"
)
"""What the program says when it, and not the image, is at fault or over its limit."""


def judged(path: Path, limits: Limits = LIMITS) -> Report | InspectorError:
    """Inspect as the command does, in a limited child; fail where the program is at fault."""
    report = inspected(path, limits)
    if isinstance(report, InspectorError):
        assert not re.search(rf"\n|{BROKEN.pattern}", str(report)), report
        return report
    said = [rule.message for check in report.checks for rule in check.rules]
    said += [problem.message for problem in report.problems]
    assert [message for message in said if BROKEN.search(message)] == []
    assert report.summary.total == len(report.checks) > 0
    return report


def inspected(path: Path, limits: Limits) -> Report | InspectorError:
    try:
        return inspect_isolated(Target((str(path),)), limits=limits)
    except InspectorError as error:
        return error


def ranges_read(path: Path) -> list[Range]:
    """Inspect in this process and return what was read of the file."""
    seen: set[Range] = set()
    read_at = ImageFile.read_at

    def recorded(file: ImageFile, offset: int, size: int) -> bytes:
        seen.add(Range(offset, size))
        return read_at(file, offset, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFile, "read_at", recorded)
        inspect_image(str(path))
    return sorted((area for area in seen if area.size), key=lambda area: (area.start, area.size))


def ranges_kept(path: Path) -> list[Range]:
    """Return where a sparse file holds data."""
    found, position, size = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            try:
                start = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            position = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append(Range(start, position - start))
    return found


def survive(path: Path, seeds: range, look: Callable[[Report], None] | None = None, *, sealed: bool = False) -> None:
    """Damage an image in a way for each of `seeds`, and inspect it; `look` is shown each report.

    Where it is `sealed`, the checksums of what was damaged are put right, as somebody would who does it on purpose.
    """
    read, kept = ranges_read(path), ranges_kept(path)
    putting_right = partial(reseal, find_seals(path, read)) if sealed else None
    assert len(read) > 5
    before = digest(path, kept)
    for seed in seeds:
        with mutated(path, mutation(seed, path, read, kept), putting_right):
            try:
                report = judged(path, DAMAGED)
                if look and isinstance(report, Report):
                    look(report)
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise
    assert digest(path, kept) == before


def digest(path: Path, ranges: Sequence[Range]) -> str:
    """Return the SHA-256 of parts of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for area in ranges:
            file.seek(area.start)
            found.update(file.read(area.size))
    return found.hexdigest()


def better(clean: Report, damaged: Report) -> list[str]:
    """Return the checks that damage turned to OK: never, where whatever is read has a checksum."""
    before = {check.name: check.status for check in clean.checks}
    return [check.name for check in damaged.checks if check.status is Status.OK and before[check.name] is not Status.OK]
