"""`ls`, `stat` and `cat` as the command line calls them: each in a limited process, streamed to the output.

Nothing is held in memory: the child sends each piece as it has it, and the parent passes it on.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final

import msgspec

from inspector.console.json_line import json_text
from inspector.console.output import Write
from inspector.console.printable import printable
from inspector.console.stream import pass_on
from inspector.errors import InspectorError
from inspector.guest import Guest
from inspector.isolate import Send
from inspector.target import Target
from inspector.view.absence import with_hint
from inspector.view.listing import Listing, chunks, json_array, long_line, open_files, short_line, stat_lines

_BATCH: Final = 1 << 16


class Files(msgspec.Struct, frozen=True):
    """Which files: those of a machine's guest, or of one `volume`."""

    target: Target
    volume: str | None = None


class Form(msgspec.Struct, frozen=True):
    """What a listing holds and how it looks."""

    long: bool = False
    recursive: bool = False
    sha256: bool = False
    json: bool = False


def ls(files: Files, path: str, form: Form, write: Write) -> None:
    """Write the entries of a directory.

    Raises:
        InspectorError: after everything that could be read was written, where something could not.
    """

    def job(send: Send) -> None:
        guest = _open(files)
        listing = Listing(guest, hashes=form.sha256, life=lambda: send(b""))
        entries = listing.entries(path, recursive=form.recursive)
        line = long_line if form.long else short_line
        with with_hint(guest, path):
            _send_text(json_array(entries) if form.json else map(line, entries), send)
        if listing.errors:
            raise InspectorError(f"{len(listing.errors)} could not be read; the first: {listing.errors[0]}")

    pass_on(files.target, job, write)


def stat(files: Files, path: str, write: Write, *, json: bool) -> None:
    """Write the metadata of one path."""

    def job(send: Send) -> None:
        guest = _open(files)
        listing = Listing(guest)
        with with_hint(guest, path):
            entry = listing.stat(path)
        _send_text(iter([json_text(entry) + "\n" if json else stat_lines(entry)]), send)
        if listing.errors:
            raise InspectorError(str(listing.errors[0]))

    pass_on(files.target, job, write)


def cat(files: Files, path: str, write: Write, *, escape: bool) -> None:
    """Write the content of a file, byte by byte, or with `escape` as text without control characters."""

    def job(send: Send) -> None:
        guest = _open(files)
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        with with_hint(guest, path):
            content = guest.open(path)
        for chunk in chunks(content):
            send(printable(decoder.decode(chunk), keep="\n\t").encode() if escape else chunk)
        if escape:
            send(printable(decoder.decode(b"", final=True), keep="\n\t").encode())

    pass_on(files.target, job, write)


def _open(files: Files) -> Guest:
    return open_files(files.target, files.volume)


def _send_text(pieces: Iterator[str], send: Send) -> None:
    """Send text in frames of some size: one per line would cost more than the lines."""
    batch: list[str] = []
    length = 0
    for piece in pieces:
        batch.append(piece)
        length += len(piece)
        if length >= _BATCH:
            send("".join(batch).encode("utf-8", "backslashreplace"))
            batch.clear()
            length = 0
    send("".join(batch).encode("utf-8", "backslashreplace"))
