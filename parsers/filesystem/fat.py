"""FAT12, FAT16 and FAT32 with long names: the EFI system partition, and old data disks.

Specification: Microsoft FAT32 File System Specification 1.03 ("fatgen103"). Names are decoded as Linux shows
them with its defaults: long names, else short names of code page 437 with the case that Windows NT records.

The structures (boot sector, directory entries, long names, dates) are decoded by `pyfatfs`, which is used in this
file alone. Its class `PyFat` is not used: it turns every copy of the whole table into lists before the first
file can be read (seconds for a large volume), follows chains without counting, gives up a directory for one broken
long name, and warns on the terminal. The table and the chains are therefore read here, page by page and bounded.

Times are what the volume's clock showed; no time zone is recorded, so they are taken as UTC. Not done: writing,
the second copy of the table, exFAT.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC
from functools import cached_property
from typing import Final

import msgspec
from pyfatfs.BootSectorHeader import BootSectorHeader, FAT12BootSectorHeader, FAT32BootSectorHeader
from pyfatfs.EightDotThree import EightDotThree
from pyfatfs.FATDirectoryEntry import FATDirectoryEntry, FATLongDirectoryEntry

from parsers.filesystem.fat_table import Content, Geometry, Table
from parsers.filesystem.tree import DirEntry, FileType, Stat, Usage
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_ENTRY: Final = 32
_ENTRY_LAYOUT: Final = struct.Struct(FATDirectoryEntry.FAT_DIRECTORY_LAYOUT)
_LONG_LAYOUT: Final = struct.Struct(FATLongDirectoryEntry.FAT_LONG_DIRECTORY_LAYOUT)
_ROOT: Final = 1  # a number that no entry has: inodes are positions of entries, and byte 32 is in the boot sector
_PAGE: Final = 4096
_MAX_DIRECTORY: Final = 2 << 20  # the specification's 65,536 entries
_MAX_KEPT_ENTRIES: Final = 1 << 16
_MAX_PROBLEMS: Final = 100
_LOWER_BASE: Final = 0x08
_LOWER_EXTENSION: Final = 0x10


class _Name(msgspec.Struct, frozen=True):
    """An entry of a directory: how it is shown, its other name, and where its 32 bytes stand."""

    shown: str
    short: str
    inode: int
    type: FileType


def open_fat(source: Source) -> FatTree:
    """Open a FAT volume; reads the boot sector and one page of the table. Raises `ParseError` where it is none."""
    return FatTree(source)


class FatTree:
    """The files of a FAT volume. A file has no owner; its mode is what Linux shows by default."""

    root = _ROOT
    unreplayed_journal = False

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source
        self._geometry = _geometry(source)
        self._table = Table(source, self._geometry)
        self._directories: dict[int, tuple[_Name, ...]] = {}
        self._kept = 0
        self._problems: list[Problem] = []
        self._check()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far."""
        return tuple(self._problems)

    @cached_property
    def label(self) -> str | None:
        """Volume label in the root directory."""
        for raw, _ in self._raw_entries(self.root):
            if raw[0] != 0xE5 and raw[11] & 0x18 == 0x08 and raw[11] & 0x3F != 0x0F:
                return raw[:11].decode("cp437").rstrip() or None
        return None

    @cached_property
    def usage(self) -> Usage | None:
        """Clusters in all and free ones: those that FAT32 records, else counted in a table of up to 32 MiB."""
        free = self._free_clusters()
        if free is None:
            return None
        size = self._geometry.cluster_bytes
        return Usage(total=self._geometry.clusters * size, free=free * size, available=free * size)

    def stat(self, inode: int) -> Stat:
        """Return the metadata of an entry."""
        if inode == _ROOT:
            return Stat(_ROOT, FileType.DIRECTORY, 0o755, 0, 0, self._geometry.root_bytes, 1, 0)
        entry = self._entry(inode)
        directory = entry.is_directory()
        flags = {"hidden": entry.is_hidden(), "read-only": entry.is_read_only(), "system": entry.is_system()}
        return Stat(
            inode=inode,
            type=FileType.DIRECTORY if directory else FileType.FILE,
            mode=0o555 if entry.is_read_only() else 0o755,
            uid=0,
            gid=0,
            size=0 if directory else entry.filesize,
            links=1,
            mtime=_nanoseconds(entry.get_mtime()),
            atime=_nanoseconds(entry.get_atime()),
            btime=_nanoseconds(entry.get_ctime()) + min(entry.crttimetenth, 199) * 10_000_000,
            flags=tuple(name for name, is_set in flags.items() if is_set),
        )

    def lookup(self, directory: int, name: str) -> int | None:
        """Find a long or short name in a directory, without regard to case."""
        wanted = name.casefold()
        return next(
            (
                entry.inode
                for entry in self._names(directory)
                if wanted in (entry.shown.casefold(), entry.short.casefold())
            ),
            None,
        )

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries of a directory in its own order."""
        for entry in self._names(directory):
            yield DirEntry(entry.shown, entry.inode, entry.type)

    def readlink(self, inode: int) -> str:
        """Raise `ParseError`: FAT has no symbolic links."""
        raise ParseError(self._place(inode), "a symbolic link wanted, FAT has none")

    def open(self, inode: int) -> Source:
        """Return the content of a file."""
        entry = self._entry(inode)
        if entry.is_directory():
            raise ParseError(self._place(inode), "a regular file wanted, a directory found")
        return Content(self._source, self._geometry, self._table, _cluster(entry, self._geometry), entry.filesize)

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return nothing: FAT has no extended attributes."""
        self.stat(inode)
        return {}

    def _place(self, inode: int) -> Place:
        return Place(self.name, offset=inode * _ENTRY)

    def _report(self, offset: int, message: str) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(Problem(Place(self.name, offset=offset), message))

    def _check(self) -> None:
        geometry = self._geometry
        end = geometry.data + geometry.clusters * geometry.cluster_bytes
        if end > self._source.size:
            self._report(0, f"{end} bytes wanted by the boot sector, the volume has {self._source.size}")
        if self._source.read_at(geometry.state, 1)[0] & 1:
            self._report(geometry.state, "not cleanly unmounted: the dirty flag of the boot sector is set")
        if geometry.bits == 12:
            return
        second, offset = self._table[1], geometry.table + geometry.bits // 8
        top = 0x8000 if geometry.bits == 16 else 0x0800_0000
        if not second & top:
            self._report(offset, "not cleanly unmounted: the clean bit of the table is not set")
        if not second & top >> 1:
            self._report(offset, "the table records a disk error")

    def _free_clusters(self) -> int | None:
        geometry = self._geometry
        if geometry.information:
            raw = self._source.read_at(geometry.information, 512)
            free = int.from_bytes(raw[488:492], "little")
            if raw[:4] == b"RRaA" and raw[484:488] == b"rrAa" and free <= geometry.clusters:
                return free
        return self._table.count_free()

    def _entry(self, inode: int) -> FATDirectoryEntry:
        offset = inode * _ENTRY
        if offset < self._geometry.root:
            raise ParseError(self._place(inode), "a directory entry wanted, a place before the root directory given")
        return _decode(self._source.read_at(offset, _ENTRY))

    def _names(self, directory: int) -> Iterator[_Name]:
        """Give the names of a directory as far as the caller reads; those that were read to the end are kept."""
        known = self._directories.get(directory)
        if known is not None:
            yield from known
            return
        names: list[_Name] = []
        for entry in self._read_directory(directory):
            names.append(entry)
            yield entry
        if self._kept + len(names) > _MAX_KEPT_ENTRIES:
            self._directories.clear()
            self._kept = 0
        self._directories[directory] = tuple(names)
        self._kept += len(names)

    def _read_directory(self, directory: int) -> Iterator[_Name]:
        long: list[bytes] = []
        for raw, offset in self._raw_entries(directory):
            if raw[0] == 0xE5:
                long = []
            elif raw[11] & 0x3F == 0x0F:
                if raw[0] & 0x40:
                    long = []
                long.append(raw)
            elif raw[11] & 0x08:
                long = []
            else:
                if found := self._name(raw, offset, long):
                    yield found
                long = []

    def _name(self, raw: bytes, offset: int, long: list[bytes]) -> _Name | None:
        short = EightDotThree()
        short.set_byte_name(raw[:11])
        checksum = short.checksum()
        plain = str(short)
        if plain in (".", ".."):
            return None
        shown = None
        if long:
            shown = _long_name(long, checksum)
            if shown is None:
                self._report(offset, f"the long name of {plain!r} is broken")
        shown = shown or _with_case(plain, raw[12])
        if shown in (".", "..") or "/" in shown or "\0" in shown:
            self._report(offset, f"{shown!r} is no name of a file")
            return None
        kind = FileType.DIRECTORY if raw[11] & FATDirectoryEntry.ATTR_DIRECTORY else FileType.FILE
        return _Name(shown, plain, offset // _ENTRY, kind)

    def _raw_entries(self, directory: int) -> Iterator[tuple[bytes, int]]:
        """Give the 32 bytes of each entry up to the end mark, and where they stand."""
        for start, data in self._blocks(directory):
            for at in range(0, len(data) - _ENTRY + 1, _ENTRY):
                if data[at] == 0:
                    return
                yield data[at : at + _ENTRY], start + at

    def _blocks(self, directory: int) -> Iterator[tuple[int, bytes]]:
        geometry = self._geometry
        if directory == _ROOT:
            cluster = geometry.root_cluster
        else:
            entry = self._entry(directory)
            if not entry.is_directory():
                raise ParseError(self._place(directory), "a directory wanted, a file found")
            # A directory that names cluster 0 means the root: ".." of its children does.
            cluster = _cluster(entry, geometry) or geometry.root_cluster
        if not cluster:
            for offset in range(geometry.root, geometry.root + geometry.root_bytes, _PAGE):
                size = min(_PAGE, geometry.root + geometry.root_bytes - offset)
                yield offset, self._source.read_at(offset, size)
            return
        read = 0
        for number in self._table.chain(cluster):
            offset = geometry.data + (number - 2) * geometry.cluster_bytes
            yield offset, self._source.read_at(offset, geometry.cluster_bytes)
            read += geometry.cluster_bytes
            if read >= _MAX_DIRECTORY + geometry.cluster_bytes:
                raise ParseError(Place(self.name, offset=offset), "a directory of at most 65536 entries wanted")


def _geometry(source: Source) -> Geometry:
    boot = source.read_at(0, 512)
    short = FAT12BootSectorHeader()
    short.parse_header(boot)
    bpb: BootSectorHeader = short
    if not short["BPB_FATSz16"]:
        bpb = FAT32BootSectorHeader()
        bpb.parse_header(boot)
    _check_boot_sector(source, bpb)
    sector = bpb["BPB_BytsPerSec"]
    wide = "BPB_FATSz32" in bpb
    table_bytes = (bpb["BPB_FATSz32"] if wide else bpb["BPB_FATSz16"]) * sector
    table = bpb["BPB_RsvdSecCnt"] * sector
    root = table + bpb["BPB_NumFATs"] * table_bytes
    root_bytes = -(-bpb["BPB_RootEntCnt"] * _ENTRY // sector) * sector
    cluster_bytes = bpb["BPB_SecPerClus"] * sector
    end = (bpb["BPB_TotSec16"] or bpb["BPB_TotSec32"]) * sector
    clusters = (end - root - root_bytes) // cluster_bytes
    if clusters < 1:
        raise ParseError(Place(source.name, offset=19), f"room for clusters wanted, the volume ends at byte {end}")
    if root + root_bytes > source.size:
        raise ParseError(
            Place(source.name, offset=22), f"{root + root_bytes} bytes wanted by the table, {source.size} found"
        )
    bits = 32 if wide else 16 if clusters > 4084 else 12
    # A table that is too short for the volume bounds it.
    clusters = min(clusters, table_bytes * 8 // bits - 2)
    if clusters < 1:
        raise ParseError(Place(source.name, offset=22), f"a table of 3 entries wanted, {table_bytes} bytes found")
    information = bpb["BPB_FSInfo"] * sector if wide else 0
    return Geometry(
        bits=bits,
        table=table,
        table_bytes=table_bytes,
        root=root,
        root_bytes=root_bytes,
        root_cluster=bpb["BPB_RootClus"] if wide else 0,
        data=root + root_bytes,
        cluster_bytes=cluster_bytes,
        clusters=clusters,
        information=information if sector <= information <= table - 512 else 0,
        state=65 if wide else 37,
    )


def _check_boot_sector(source: Source, bpb: BootSectorHeader) -> None:
    def want(offset: int, name: str, wanted: str, *, good: bool) -> None:
        if not good:
            raise ParseError(Place(source.name, offset=offset), f"{wanted} wanted, {bpb[name]} found")

    sector, cluster = bpb["BPB_BytsPerSec"], bpb["BPB_SecPerClus"]
    want(11, "BPB_BytsPerSec", "sectors of 512 to 4096 bytes", good=sector in (512, 1024, 2048, 4096))
    want(13, "BPB_SecPerClus", "1 to 128 sectors per cluster", good=0 < cluster <= 128 and not cluster & cluster - 1)
    want(14, "BPB_RsvdSecCnt", "a reserved sector", good=bpb["BPB_RsvdSecCnt"] > 0)
    want(16, "BPB_NumFATs", "a table", good=bpb["BPB_NumFATs"] > 0)


def _decode(raw: bytes) -> FATDirectoryEntry:
    values = dict(zip(FATDirectoryEntry.FAT_DIRECTORY_VARS, _ENTRY_LAYOUT.unpack(raw), strict=True))
    return FATDirectoryEntry(**values)


def _cluster(entry: FATDirectoryEntry, geometry: Geometry) -> int:
    # The upper half means something else on FAT12 and FAT16.
    cluster: int = entry.get_cluster()
    return cluster & 0x0FFF_FFFF if geometry.bits == 32 else cluster & 0xFFFF


def _nanoseconds(moment: object) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[attr-defined]  # untyped library


def _with_case(name: str, flags: int) -> str:
    base, dot, extension = name.partition(".")
    return (
        (base.lower() if flags & _LOWER_BASE else base)
        + dot
        + (extension.lower() if flags & _LOWER_EXTENSION else extension)
    )


def _long_name(raw: list[bytes], checksum: int) -> str | None:
    """Put the entries of a long name together, the last part first as they stand; None where they do not fit."""
    entry = FATLongDirectoryEntry()
    for position, piece in enumerate(raw):
        wanted = len(raw) - position
        if piece[0] != wanted | (0x40 if position == 0 else 0) or piece[13] != checksum or any(piece[26:28]):
            return None
        entry.add_lfn_entry(*_LONG_LAYOUT.unpack(piece))
    units = b"".join(
        part["LDIR_Name1"] + part["LDIR_Name2"] + part["LDIR_Name3"]
        for part in sorted(entry.lfn_entries.values(), key=lambda part: part["LDIR_Ord"] & 0x3F)
    )
    # Decoded here, since half of a surrogate pair is no error in a name.
    name = units.decode("utf-16-le", "surrogatepass").split("\0", 1)[0].rstrip("\uffff")
    return name.encode("utf-8", "replace").decode("utf-8") or None
