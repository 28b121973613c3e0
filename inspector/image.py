"""An image file, opened read-only, as the guest's disk.

The format is what the bytes say, never what the name says. Nothing that an image names is opened: a backing file or
an external data file is refused (see `parsers.container.qcow2`).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from inspector.errors import InspectorError
from parsers.container.detect import Format, detect
from parsers.container.qcow2 import open_qcow2
from parsers.container.qcow2_header import Qcow2
from parsers.partition import Scheme, parse_partition_table
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range

_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
)
_CONVERTIBLE: Final = frozenset(
    {Format.QCOW, Format.VMDK, Format.VHD, Format.VHDX, Format.VDI, Format.QED, Format.PARALLELS}
)
_PACKED: Final = frozenset({Format.GZIP, Format.XZ, Format.BZIP2, Format.ZSTD, Format.ZIP, Format.SEVENZIP})
_ARCHIVES: Final = frozenset({Format.TAR, Format.OVA})


DISK_NAME: Final = "sda"
"""What places call the guest's disk, so that a finding reads the same in whichever container the disk came."""


class ImageFile:
    """A file of the host as a `Source`; `bytes_read` counts what was read of it."""

    def __init__(self, descriptor: int, name: str, size: int) -> None:
        self.name = name
        self.size = size
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


@dataclass(frozen=True, slots=True)
class Image:
    """An image as opened.

    Attributes:
        path: as the user gave it.
        virtual_size, file_size: bytes of the guest's disk and of the file that holds it.
        source: the guest's disk.
        container: what the file says about itself; None for a raw disk.
        problems: what is wrong with the container.
        resembles: another format, whose signature the bytes carry as well.
    """

    path: str
    format: Format
    virtual_size: int
    file_size: int
    source: Source
    container: Qcow2 | None
    problems: tuple[Problem, ...]
    resembles: Format | None
    file: ImageFile

    @property
    def bytes_read(self) -> int:
        """How much of the image file was read so far."""
        return self.file.bytes_read

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def open_image(path: str | os.PathLike[str]) -> Image:
    """Open the disk image at `path`; `InspectorError` says in one line why it cannot be inspected."""
    file = open_file(path)
    try:
        return _open(os.fspath(path), file)
    except ParseError as error:
        file.close()
        where = "" if error.place.offset is None else f" (at byte {error.place.offset})"
        raise InspectorError(f"{os.fspath(path)}: {error.message}{where}") from error
    except InspectorError:
        file.close()
        raise


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


def _open(path: str, file: ImageFile) -> Image:
    found = detect(file)
    if found is Format.QCOW2:
        return _qcow2(path, file)
    if found is not Format.RAW and not (found is Format.ISO9660 and _is_disk(file, 64 * 512)):
        raise InspectorError(f"{path}: {_advice(found)}")
    return _raw(path, file, None if found is Format.RAW else found)


def _qcow2(path: str, file: ImageFile) -> Image:
    try:
        disk = open_qcow2(file, name=DISK_NAME)
    except ParseError:
        # Rather a disk that begins like a qcow2 than a broken qcow2, when a partition table follows.
        if _is_disk(file, 0):
            return _raw(path, file, Format.QCOW2)
        raise
    resembles = Format.RAW if _is_disk(file, 0) else None
    info = disk.info
    return Image(path, Format.QCOW2, disk.size, file.size, disk, info, info.problems, resembles, file)


def _raw(path: str, file: ImageFile, resembles: Format | None) -> Image:
    problems = []
    if file.size < 512:
        raise InspectorError(f"{path}: a disk of at least one sector wanted, {file.size} bytes found")
    if file.size % 512:
        problems.append(Problem(Place(file.name), f"a size in sectors of 512 wanted, {file.size} bytes found"))
    if resembles is not None:
        problems.append(Problem(Place(file.name, offset=0), f"a raw disk that begins like {resembles}"))
    file.name = DISK_NAME
    return Image(path, Format.RAW, file.size, file.size, file, None, tuple(problems), resembles, file)


def _is_disk(file: ImageFile, first: int) -> bool:
    """Tell whether the file as it is has a partition table, whose partitions all begin behind byte `first`."""
    table = parse_partition_table(file)
    return (
        table.scheme is not Scheme.NONE
        and bool(table.partitions)
        and all(first < partition.offset < file.size for partition in table.partitions)
    )


def _advice(found: Format) -> str:
    if found in _CONVERTIBLE:
        return f"{found} image; only raw and qcow2 are read so far: convert it with qemu-img convert -O qcow2"
    if found in _PACKED:
        return f"{found} file; only raw and qcow2 are read so far: unpack it first"
    if found in _ARCHIVES:
        return f"{found} archive; only raw and qcow2 are read so far: unpack the disk inside it first"
    return f"{found} image: the medium of an installer, not a system disk"
