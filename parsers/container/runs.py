"""Pieces of a disk that lie in one file, read with as few reads as they allow."""

from __future__ import annotations

from collections.abc import Iterable

from parsers.source import Source

FileRun = tuple[int | None, int]
"""Where a piece of the disk lies in the file (None: nowhere, it is zeros), and its length, both in bytes."""


def joined(runs: Iterable[FileRun]) -> list[FileRun]:
    """Join neighbours: zeros with zeros, and what lies side by side in the file."""
    found: list[FileRun] = []
    at: int | None = None
    length = 0
    for next_at, next_length in runs:
        if length and next_at == (None if at is None else at + length):
            length += next_length
            continue
        if length:
            found.append((at, length))
        at, length = next_at, next_length
    if length:
        found.append((at, length))
    return found


def read_runs(file: Source, runs: Iterable[FileRun]) -> bytes:
    """Return the bytes of `runs`, one after another; `ParseError` where one of them lies outside the file."""
    pieces = joined(runs)
    if len(pieces) == 1:
        at, length = pieces[0]
        return bytes(length) if at is None else file.read_at(at, length)
    return b"".join([bytes(length) if at is None else file.read_at(at, length) for at, length in pieces])
