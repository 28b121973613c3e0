"""VMDK: a guest's disk in one sparse file, or in extents that a descriptor names.

Specification: VMware, Virtual Disk Format 5.0. Read: monolithicSparse and streamOptimized, which hold their own
descriptor; and, where the caller opened and gives the extents' files, monolithicFlat, twoGbMaxExtentFlat,
twoGbMaxExtentSparse and vmfs (flat). Nothing that a descriptor names is opened here.
Refused: a disk that differs from another one (parentCID), extents of an ESX server (COWD, SEsparse), raw devices
(fullDevice, partitionedDevice, vmfsRDM), and a part of a disk in several files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

import msgspec

from parsers.container.vmdk_descriptor import (
    MAX_LENGTH,
    VmdkDescriptor,
    VmdkExtent,
    parse_vmdk_descriptor,
)
from parsers.container.vmdk_sparse import MAGIC, MAX_SIZE, SparseExtent, SparseHeader, parse_sparse_header
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, Window, check_range

_EMBEDDED: Final = frozenset({"monolithicSparse", "streamOptimized"})
_SPLIT: Final = frozenset({"monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse", "vmfs"})
_FLAT: Final = frozenset({"FLAT", "VMFS"})
_ESX_MAGICS: Final = {b"COWD": "COWD", b"\xbe\xba\xfe\xca": "SEsparse"}


class Vmdk(msgspec.Struct, frozen=True):
    """The facts of a VMDK; sizes in bytes.

    Attributes:
        create_type: as the descriptor calls the kind of disk.
        extents: what the descriptor names.
        files: the names of other files that hold the disk.
        grain_size: of a sparse disk in one file; None for others.
        adapter: the disk controller that the descriptor names, "ide" or "lsilogic".
        dirty: the disk was not closed cleanly.
    """

    create_type: str
    virtual_size: int
    grain_size: int | None
    compressed: bool
    adapter: str | None
    extents: tuple[VmdkExtent, ...]
    files: tuple[str, ...]
    dirty: bool
    truncated: bool
    problems: tuple[Problem, ...]


def vmdk_extent_files(file: Source) -> tuple[str, ...]:
    """Return the names of the other files that the disk in `file` lies in; none for one in a single file.

    Raises `ParseError` where the descriptor is refused or broken.
    """
    if file.read_at(0, min(4, file.size)) == MAGIC or _esx(file):
        return ()
    descriptor = _descriptor(file, 0, file.size)
    _refuse(file, descriptor, _SPLIT)
    return _files(descriptor)


def open_vmdk(file: Source, *, name: str | None = None, files: Mapping[str, Source] | None = None) -> VmdkDisk:
    """Return the guest's disk in the VMDK `file`; `name` is what a `Place` calls it, the file's name by default.

    `files` are the extents' files by the names that the descriptor gives them (`vmdk_extent_files`).
    Raises `ParseError` when a structure is broken, for the variants that are refused, and where a file is not given.
    """
    name = file.name if name is None else name
    if kind := _esx(file):
        raise _fail(file, 0, f"refused: a {kind} extent of an ESX server")
    if file.read_at(0, min(4, file.size)) == MAGIC:
        return _sparse(file, name)
    descriptor = _descriptor(file, 0, file.size)
    _refuse(file, descriptor, _SPLIT)
    wanted = _files(descriptor)
    given = files or {}
    absent = [repr(item) for item in wanted if item not in given]
    if absent:
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        raise ParseError(
            Place(file.name),
            f"refused: the disk lies in other files ({', '.join(absent[:5])}{more}), which were not allowed",
        )
    parts = []
    problems = list(descriptor.problems)
    for extent in descriptor.extents:
        part = _part(extent, given)
        if isinstance(part, SparseExtent):
            problems += part.header.problems
        if part is not None and part.size < extent.size:
            message = f"an extent of {extent.size} bytes wanted, {extent.file!r} gives {part.size}: truncated"
            raise ParseError(extent.place, message)
        parts.append((extent.size, part))
    headers = [part.header for _, part in parts if isinstance(part, SparseExtent)]
    return VmdkDisk(name, _facts(descriptor, wanted, headers, tuple(problems)), parts)


class VmdkDisk:
    """The guest's disk as a `Source`: its extents one after another; `info` holds the facts."""

    def __init__(self, name: str, info: Vmdk, parts: list[tuple[int, Source | None]]) -> None:
        self.name = name
        self.info = info
        self._ends = list(accumulate(size for size, _ in parts))
        self._parts = [part for _, part in parts]
        self.size = self._ends[-1]

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the guest's bytes."""
        check_range(self, offset, size)
        found = []
        end = offset + size
        number = bisect_right(self._ends, offset)
        while offset < end:
            start = self._ends[number - 1] if number else 0
            length = min(self._ends[number], end) - offset
            part = self._parts[number]
            found.append(bytes(length) if part is None else part.read_at(offset - start, length))
            offset += length
            number += 1
        return found[0] if len(found) == 1 else b"".join(found)


def _fail(file: Source, offset: int | None, message: str) -> ParseError:
    return ParseError(Place(file.name, offset=offset), message)


def _esx(file: Source) -> str | None:
    return _ESX_MAGICS.get(file.read_at(0, min(4, file.size)))


def _descriptor(file: Source, offset: int, length: int) -> VmdkDescriptor:
    data = file.read_at(offset, min(length, MAX_LENGTH)).split(b"\0", 1)[0]
    if len(data) == MAX_LENGTH:
        raise _fail(file, offset, f"a descriptor of less than {MAX_LENGTH} bytes wanted, more found")
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return parse_vmdk_descriptor(text, file.name)


def _refuse(file: Source, descriptor: VmdkDescriptor, kinds: frozenset[str]) -> None:
    """Raise `ParseError` for what is not read."""
    kind = descriptor.create_type
    if descriptor.parent_cid is not None or descriptor.parent is not None:
        parent = "not named" if descriptor.parent is None else repr(descriptor.parent)
        raise _fail(file, None, f"refused: the disk differs from another one, whose name is {parent}")
    if kind is None or not descriptor.extents:
        raise _fail(file, None, "a descriptor with createType and extents wanted, not both found")
    if kind not in kinds:
        where = "in a sparse file" if kinds is _EMBEDDED else "as a descriptor"
        raise _fail(file, None, f"refused: {', '.join(sorted(kinds))} wanted {where}, {kind[:100]!r} found")
    if not 0 < descriptor.size <= MAX_SIZE:
        raise _fail(file, None, f"a disk of at most 64 TiB wanted, extents of {descriptor.size} bytes found")


def _files(descriptor: VmdkDescriptor) -> tuple[str, ...]:
    return tuple(dict.fromkeys(extent.file for extent in descriptor.extents if extent.file and extent.kind != "ZERO"))


def _sparse(file: Source, name: str) -> VmdkDisk:
    """A sparse file that holds its own descriptor, whose one extent is the file itself whatever its name says."""
    header = parse_sparse_header(file)
    descriptor = _descriptor(file, header.descriptor_offset, header.descriptor_size)
    if descriptor.create_type is None and not descriptor.extents:
        raise _fail(file, 28, "refused: a part of a disk in several files, without a descriptor")
    _refuse(file, descriptor, _EMBEDDED)
    if [extent.kind for extent in descriptor.extents] != ["SPARSE"]:
        found = ", ".join(extent.kind for extent in descriptor.extents[:5])
        raise _fail(file, header.descriptor_offset, f"refused: one sparse extent wanted, {found} found")
    problems = [*header.problems, *descriptor.problems]
    if descriptor.size != header.size:
        message = f"an extent of {header.size} bytes wanted as in the header, {descriptor.size} found"
        problems.append(Problem(descriptor.extents[0].place, message))
    extent = SparseExtent(file, header, name)
    info = _facts(descriptor, (), [header], tuple(problems))
    return VmdkDisk(name, info, [(header.size, extent)])


def _part(extent: VmdkExtent, files: Mapping[str, Source]) -> Source | None:
    """Return an extent's content, None for zeros."""
    if extent.access == "NOACCESS":
        raise ParseError(extent.place, "refused: an extent that may not be read")
    if extent.kind == "ZERO":
        return None
    if extent.file is None or extent.file not in files:
        raise ParseError(extent.place, "the name of an extent's file wanted, none found")
    file = files[extent.file]
    if extent.kind in _FLAT:
        if extent.offset + extent.size > file.size:
            message = f"{extent.size} bytes at {extent.offset} wanted of {extent.file!r}, it has {file.size}: truncated"
            raise ParseError(extent.place, message)
        return Window(file, extent.offset, extent.size)
    if extent.kind == "SPARSE":
        header = parse_sparse_header(file)
        if header.size != extent.size:
            message = f"a part of {extent.size} bytes wanted, {extent.file!r} holds {header.size}"
            raise ParseError(extent.place, message)
        return SparseExtent(file, header)
    raise ParseError(extent.place, f"refused: flat or sparse extents wanted, {extent.kind[:100]} found")


def _facts(
    descriptor: VmdkDescriptor,
    files: tuple[str, ...],
    headers: list[SparseHeader],
    problems: tuple[Problem, ...],
) -> Vmdk:
    own = headers[0] if not files and headers else None
    return Vmdk(
        create_type=descriptor.create_type or "",
        virtual_size=own.size if own else descriptor.size,
        grain_size=own.grain_size if own else None,
        compressed=any(header.compressed for header in headers),
        adapter=descriptor.settings.get("ddb.adaptertype"),
        extents=descriptor.extents,
        files=files,
        dirty=any(header.dirty for header in headers),
        truncated=any(header.truncated for header in headers),
        problems=problems,
    )
