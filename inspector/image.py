"""An image file, opened read-only, as the guest's disk.

The format is what the bytes say, never what the name says. Nothing that an image names is opened: a backing file, an
external data file or an extent is refused, unless it is allowed (see `inspector.backing`).
A disk in an OVA is read in place; where there are several, `machine.ova:disk2.vmdk` chooses one.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import msgspec

from inspector.backing import AllowedFiles, FileChain
from inspector.errors import InspectorError
from inspector.image_file import ImageFile, open_file
from parsers.container.detect import Format, detect
from parsers.container.qcow2_header import Qcow2
from parsers.partition import Scheme, parse_partition_table
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, Window

if TYPE_CHECKING:
    from parsers.container.qcow2 import Qcow2Disk
    from parsers.container.vdi import Vdi, VdiDisk
    from parsers.container.vhd import VhdDisk
    from parsers.container.vhd_footer import Vhd
    from parsers.container.vhdx import Vhdx, VhdxDisk
    from parsers.container.vmdk import Vmdk, VmdkDisk

    Container = Qcow2 | Vdi | Vhd | Vhdx | Vmdk
    ContainerDisk = Qcow2Disk | VdiDisk | VhdDisk | VhdxDisk | VmdkDisk

__all__ = ["DISK_NAME", "AllowedFiles", "Image", "ImageFile", "open_image"]

_READ: Final = frozenset({Format.QCOW2, Format.VDI, Format.VHD, Format.VHDX, Format.VMDK})
_CONVERTIBLE: Final = frozenset({Format.QCOW, Format.QED, Format.PARALLELS})
_PACKED: Final = frozenset({Format.GZIP, Format.XZ, Format.BZIP2, Format.ZSTD, Format.ZIP, Format.SEVENZIP})
_ADVICE: Final = {
    Format.EWF: "ewf image, which is not read so far: convert it with ewfexport -f raw",
    Format.WIM: "wim archive of files, and no disk: apply it to the volume of a disk first",
    Format.TEXT: "a disk image wanted, a text file found",
    Format.ISO9660: "iso9660 image: the medium of an installer, not a system disk",
}
_ARCHIVES: Final = frozenset({Format.TAR, Format.OVA})
_DISK_SUFFIXES: Final = (".vmdk", ".vhd", ".vhdx", ".vdi", ".qcow2", ".img", ".raw")
_MAX_NAMED: Final = 10

DISK_NAME: Final = "sda"
"""What places call a guest's only disk, so that a finding reads the same in whichever container the disk came."""


class Image(msgspec.Struct, frozen=True):
    """An image as opened.

    Attributes:
        path: as the user gave it.
        virtual_size, file_size: bytes of the guest's disk and of the file that holds it.
        source: the guest's disk.
        container: what the file says about itself; None for a raw disk.
        member: the name of the disk's file in an archive (format "ova"), which is what `container` is about.
        problems: what is wrong with the container.
        resembles: another format, whose signature the bytes carry as well.
    """

    path: str
    format: Format
    virtual_size: int
    file_size: int
    source: Source
    container: Container | None
    problems: tuple[Problem, ...]
    resembles: Format | None
    chain: FileChain
    member: str | None = None

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


def open_image(path: str | os.PathLike[str], allowed: AllowedFiles | None = None, name: str = DISK_NAME) -> Image:
    """Open the disk image at `path`; `InspectorError` says in one line why it cannot be inspected.

    `allowed` are the other files that the image may lean on; without it there are none. Places call the disk `name`.
    """
    text = os.fspath(path)
    file, member = _open_file(path)
    chain = FileChain(file, allowed, name)
    try:
        return _open(text, chain, member)
    except ParseError as error:
        chain.close()
        where = "" if error.place.offset is None else f" (at byte {error.place.offset})"
        raise InspectorError(f"{text}: {error.message}{where}") from error
    except InspectorError as error:
        chain.close()
        raise InspectorError(f"{text}: {error}") from error


def _open_file(path: str | os.PathLike[str]) -> tuple[ImageFile, str | None]:
    """Open `path`, or, where there is no such file, the archive before its last colon; return the member behind it."""
    try:
        return open_file(path), None
    except InspectorError:
        archive, _, member = os.fspath(path).rpartition(":")
        if not archive or not member:
            raise
        try:
            return open_file(archive), member
        except InspectorError:
            pass
        raise


def _open(path: str, chain: FileChain, member: str | None) -> Image:
    file = chain.files[0]
    found = detect(file)
    if found in _ARCHIVES and (found is Format.OVA or member is not None):
        return _archived(path, chain, member)
    if member is not None:
        raise InspectorError(f"an archive that holds {member!r} wanted, {found} found")
    if found is Format.RAW:
        return _raw(path, chain, None)
    if found in _READ:
        return _container(path, chain, found)
    # A partition table in the very sector where another format has its header: a disk made to look like that format,
    # or one that carries what an ISO left behind.
    if _is_disk(file, 64 * 512 if found is Format.ISO9660 else 0):
        return _raw(path, chain, found)
    raise InspectorError(_advice(found))


def _container(path: str, chain: FileChain, found: Format) -> Image:
    file = chain.files[0]
    looks_raw = _is_disk(file, 0)
    try:
        disk = _open_container(found, file, chain)
    except ParseError:
        # Rather a disk that begins like a qcow2 than a broken qcow2, when a partition table follows.
        if looks_raw:
            return _raw(path, chain, found)
        raise
    # A fixed VHD has both by right: it is a disk and a footer.
    looks_raw = looks_raw and getattr(disk.info, "kind", None) != "fixed"
    resembles = Format.RAW if looks_raw else None
    return Image(path, found, disk.size, file.size, disk, disk.info, disk.info.problems, resembles, chain)


def _open_container(found: Format, file: Source, chain: FileChain) -> ContainerDisk:
    """Return the guest's disk in `file`; each reader is loaded when it is needed."""
    if found is Format.QCOW2:
        return chain.open_qcow2(file, chain.disk)
    if found is Format.VMDK:
        return chain.open_vmdk(file, chain.disk)
    if found is Format.VHDX:
        from parsers.container.vhdx import open_vhdx

        return open_vhdx(file, name=chain.disk)
    if found is Format.VDI:
        from parsers.container.vdi import open_vdi

        return open_vdi(file, name=chain.disk)
    from parsers.container.vhd import open_vhd

    return open_vhd(file, name=chain.disk)


def _archived(path: str, chain: FileChain, member: str | None) -> Image:
    """Open the one disk in an archive, or the one that is asked for, where it lies."""
    from parsers.container.tar import tar_members

    file = chain.files[0]
    members = {item.name: item for item in tar_members(file) if item.size}
    windows = {name: Window(file, item.offset, item.size, name) for name, item in members.items()}
    if member is not None:
        disks = [name for name in windows if name == member]
        if not disks:
            raise InspectorError(f"a member called {member!r} wanted, {_named(list(windows))} found")
    else:
        disks = [name for name, window in windows.items() if _is_disk_file(name, window)]
    if len(disks) != 1:
        asked = f"choose one ({path}:NAME)" if disks else "none of its members looks like one"
        raise InspectorError(f"an archive with one disk wanted, {_named(disks)} found: {asked}")
    window = windows[disks[0]]
    found = detect(window)
    if found is Format.RAW:
        raw = Window(file, members[disks[0]].offset, window.size, chain.disk)
        return Image(path, Format.OVA, raw.size, file.size, raw, None, (), None, chain, disks[0])
    if found not in _READ:
        raise InspectorError(f"{disks[0]!r}: {_advice(found)}")
    disk = _open_container(found, window, chain)
    problems = disk.info.problems
    return Image(path, Format.OVA, disk.size, file.size, disk, disk.info, problems, None, chain, disks[0])


def _is_disk_file(name: str, window: Source) -> bool:
    return detect(window) in _READ or name.lower().endswith(_DISK_SUFFIXES)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return (", ".join(repr(name) for name in names[:_MAX_NAMED]) or "none") + more


def _raw(path: str, chain: FileChain, resembles: Format | None) -> Image:
    file = chain.files[0]
    problems = []
    if file.size < 512:
        raise InspectorError(f"a disk of at least one sector wanted, {file.size} bytes found")
    if file.size % 512:
        problems.append(Problem(Place(file.name), f"a size in sectors of 512 wanted, {file.size} bytes found"))
    if resembles is not None:
        problems.append(Problem(Place(file.name, offset=0), f"a raw disk that begins like {resembles}"))
    file.name = chain.disk
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
        return f"{found} image, which is not read so far: convert it with qemu-img convert -O qcow2"
    if found in _PACKED:
        return f"{found} file, which is not read so far: unpack it first"
    if found in _ARCHIVES:
        return f"{found} archive, and no OVA, which begins with an .ovf: unpack the disk inside it first, or name it"
    return _ADVICE[found]
