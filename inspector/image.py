"""An image file, opened read-only, as the guest's disk.

The format is what the bytes say, never what the name says. Nothing that an image names is opened: a backing file or
an external data file is refused, unless it is allowed (see `inspector.backing`).
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final, Self

import msgspec

from inspector.backing import AllowedFiles, FileChain
from inspector.errors import InspectorError
from inspector.image_file import ImageFile, open_file
from parsers.container.detect import Format, detect
from parsers.container.qcow2_header import Qcow2
from parsers.partition import Scheme, parse_partition_table
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

__all__ = ["DISK_NAME", "AllowedFiles", "Image", "ImageFile", "open_image"]

_CONVERTIBLE: Final = frozenset(
    {Format.QCOW, Format.VMDK, Format.VHD, Format.VHDX, Format.VDI, Format.QED, Format.PARALLELS}
)
_PACKED: Final = frozenset({Format.GZIP, Format.XZ, Format.BZIP2, Format.ZSTD, Format.ZIP, Format.SEVENZIP})
_ARCHIVES: Final = frozenset({Format.TAR, Format.OVA})

DISK_NAME: Final = "sda"
"""What places call the guest's disk, so that a finding reads the same in whichever container the disk came."""


class Image(msgspec.Struct, frozen=True):
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
    chain: FileChain

    @property
    def bytes_read(self) -> int:
        """How much was read so far of the image's file, and of those that it needs."""
        return sum(file.bytes_read for file in self.chain.files)

    def close(self) -> None:
        """Close the file; reading is an error afterwards."""
        self.chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def open_image(path: str | os.PathLike[str], allowed: AllowedFiles | None = None) -> Image:
    """Open the disk image at `path`; `InspectorError` says in one line why it cannot be inspected.

    `allowed` are the other files that the image may lean on; without it there are none.
    """
    text = os.fspath(path)
    chain = FileChain(open_file(path), allowed)
    try:
        return _open(text, chain)
    except ParseError as error:
        chain.close()
        where = "" if error.place.offset is None else f" (at byte {error.place.offset})"
        raise InspectorError(f"{text}: {error.message}{where}") from error
    except InspectorError as error:
        chain.close()
        raise InspectorError(f"{text}: {error}") from error


def _open(path: str, chain: FileChain) -> Image:
    file = chain.files[0]
    found = detect(file)
    if found is Format.QCOW2:
        return _qcow2(path, chain)
    if found is Format.RAW:
        return _raw(path, chain, None)
    # A partition table in the very sector where another format has its header: a disk made to look like that format,
    # or one that carries what an ISO left behind. A fixed VHD alone has both by right: it is a disk and a footer.
    if found is not Format.VHD and _is_disk(file, 64 * 512 if found is Format.ISO9660 else 0):
        return _raw(path, chain, found)
    raise InspectorError(_advice(found))


def _qcow2(path: str, chain: FileChain) -> Image:
    file = chain.files[0]
    looks_raw = _is_disk(file, 0)
    try:
        disk = chain.open_qcow2(file, DISK_NAME)
    except ParseError:
        # Rather a disk that begins like a qcow2 than a broken qcow2, when a partition table follows.
        if looks_raw:
            return _raw(path, chain, Format.QCOW2)
        raise
    info = disk.info
    resembles = Format.RAW if looks_raw else None
    return Image(path, Format.QCOW2, disk.size, file.size, disk, info, info.problems, resembles, chain)


def _raw(path: str, chain: FileChain, resembles: Format | None) -> Image:
    file = chain.files[0]
    problems = []
    if file.size < 512:
        raise InspectorError(f"a disk of at least one sector wanted, {file.size} bytes found")
    if file.size % 512:
        problems.append(Problem(Place(file.name), f"a size in sectors of 512 wanted, {file.size} bytes found"))
    if resembles is not None:
        problems.append(Problem(Place(file.name, offset=0), f"a raw disk that begins like {resembles}"))
    file.name = DISK_NAME
    return Image(path, Format.RAW, file.size, file.size, file, None, tuple(problems), resembles, chain)


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
