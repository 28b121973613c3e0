"""A file of the host, opened read-only as a `Source`. Nothing but a regular file or a block device is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from inspector.errors import InspectorError
from parsers.place import ParseError, Place
from parsers.source import check_range

_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
)


class ImageFile:
    """A file of the host as a `Source`; `bytes_read` counts what was read of it."""

    def __init__(self, descriptor: int, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.identity = os.fstat(descriptor)[1:3]  # inode and device: the same file by whatever name
        self.bytes_read = 0
        self._descriptor = descriptor

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file; `ParseError` outside it, or where the host cannot read it."""
        check_range(self, offset, size)
        data = self._read(offset, size)
        while len(data) < size:
            more = self._read(offset + len(data), size - len(data))
            if not more:
                raise ParseError(
                    Place(self.name, offset=offset), f"{size} bytes wanted, {len(data)} found: the file was cut short"
                )
            data += more
        self.bytes_read += size
        return data

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise ParseError(Place(self.name, offset=offset), f"the host cannot read it: {error.strerror}") from error

    def close(self) -> None:
        """Close the file; reading is an error afterwards."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()


def open_file(path: str | os.PathLike[str]) -> ImageFile:
    """Open a regular file or a block device for reading; anything else is an `InspectorError`, without waiting."""
    text = os.fspath(path)
    try:
        # A FIFO without a writer would block an open that is not told otherwise.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise InspectorError(f"{text}: cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise InspectorError(f"{text!r}: cannot be opened: {error}") from error
    try:
        size = _size(descriptor, text)
    except BaseException:
        os.close(descriptor)
        raise
    return ImageFile(descriptor, Path(text).name or text, size)


def _size(descriptor: int, path: str) -> int:
    mode = os.fstat(descriptor).st_mode
    kind = next((name for test, name in _KINDS if test(mode)), None)
    if kind is not None:
        raise InspectorError(f"{path}: a disk image wanted, {kind} found")
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
    except OSError as error:
        raise InspectorError(f"{path}: its size cannot be told: {error.strerror}") from error
    if size == 0:
        raise InspectorError(f"{path}: a disk image wanted, an empty file found")
    return size
