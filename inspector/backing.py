"""Other files that an image names: a qcow2's backing file and external data file, the extents of a VMDK.

None is opened unless the user allows it by the very name that the header gives, and then only where that name leads
to a file under the folder that the user gives. Protocols (`json:`, `nbd://`) are not understood: to this program they
are odd file names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from inspector.errors import InspectorError
from inspector.image_file import ImageFile, open_file
from parsers.container.detect import Format, detect
from parsers.container.qcow2 import Qcow2Disk, refuse
from parsers.container.qcow2_header import parse_qcow2
from parsers.source import Source

if TYPE_CHECKING:
    from parsers.container.vmdk import VmdkDisk

MAX_FILES: Final = 48  # a disk of 90 GiB in parts of 2 GiB; an inspection may hold 64 files open


class AllowedFiles(msgspec.Struct, frozen=True):
    """What the user allows: these names, as headers give them, looked up under `folder`."""

    folder: Path
    names: frozenset[str]

    def find(self, name: str) -> Path:
        """Return where `name` leads; `InspectorError` where that is not under the folder."""
        try:
            folder = self.folder.resolve(strict=True)
            target = (folder / name).resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise InspectorError(f"{name!r}: there is no such file under {self.folder}") from error
        if not target.is_relative_to(folder):
            raise InspectorError(f"{name!r}: a file under {self.folder} wanted, it leads elsewhere")
        return target


class FileChain:
    """An image's own file, and those that were opened because it needs them; `files` holds all, the image's first.

    `disk` is what places call the guest's disk.
    """

    def __init__(self, file: ImageFile, allowed: AllowedFiles | None = None, disk: str = "sda") -> None:
        self.files = [file]
        self.disk = disk
        self._allowed = allowed

    def open_qcow2(self, file: Source, name: str) -> Qcow2Disk:
        """Return the guest's disk in `file`, called `name`.

        Raises:
            ParseError: the header is broken, or names a file that was not allowed.
            InspectorError: an allowed file cannot be opened, or the files lead round in a circle.
        """
        info = parse_qcow2(file)
        data = self._open(info.data_file) if info.external_data else None
        backing = self._backing(info.backing_file, info.backing_format)
        refuse(file, info, backing=backing is not None, data_file=data is not None)
        return Qcow2Disk(file, info, backing, data, name)

    def open_vmdk(self, file: Source, name: str) -> VmdkDisk:
        """Return the guest's disk in `file`, called `name`; raises as `open_qcow2` does."""
        from parsers.container.vmdk import open_vmdk, vmdk_extent_files  # few images are one

        opened = {wanted: self._open(wanted) for wanted in vmdk_extent_files(file)}
        return open_vmdk(file, name=name, files={wanted: part for wanted, part in opened.items() if part is not None})

    def close(self) -> None:
        """Close every file."""
        for file in self.files:
            file.close()

    def _backing(self, name: str | None, kind: str | None) -> Source | None:
        file = self._open(name)
        if file is None:
            return None
        found = detect(file) if kind is None else kind
        if found == Format.QCOW2:
            return self.open_qcow2(file, file.name)
        if found != Format.RAW:
            raise InspectorError(f"backing file {name!r}: raw or qcow2 wanted, {found} found")
        return file

    def _open(self, name: str | None) -> ImageFile | None:
        """Open a file that is allowed; None where it is not."""
        if name is None or self._allowed is None or name not in self._allowed.names:
            return None
        if len(self.files) >= MAX_FILES:
            raise InspectorError(f"{name!r}: at most {MAX_FILES} files of one image wanted, more found")
        file = open_file(self._allowed.find(name))
        if any(file.identity == other.identity for other in self.files):
            file.close()
            raise InspectorError(f"{name!r}: the image needs itself")
        self.files.append(file)
        return file
