"""An NTFS file system as a `Tree`.

Every file is open to everybody (mode 0777, user 0), as ntfs-3g shows it by default: whom Windows lets in is not
worked out. Names are looked up without regard to case; where two differ in case alone, the one that was asked for
exactly goes first. The files of the format itself ($MFT, ...) are not listed, but found by name. So are alternate
data streams, as Windows spells them (`file:stream`): the number of such an inode has the stream's own above that of
its file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final

from parsers.filesystem.ntfs.attribute import ENCRYPTED, Attribute, Type, size_of, value_of
from parsers.filesystem.ntfs.boot import BootSector
from parsers.filesystem.ntfs.consistency import contradictions
from parsers.filesystem.ntfs.content import open_attribute
from parsers.filesystem.ntfs.hibernation import read_hibernation
from parsers.filesystem.ntfs.index import Directory, Entry
from parsers.filesystem.ntfs.interix import MAX_SIZE, MIN_SIZE, Special, parse_interix
from parsers.filesystem.ntfs.name import DOS, UpperCase, parse_file_name, shown, stored
from parsers.filesystem.ntfs.records import Inode, Records
from parsers.filesystem.ntfs.reparse import PLAIN, TYPES, WOF, ReparsePoint, link_target, parse_reparse_point
from parsers.filesystem.ntfs.security import read_security_descriptor
from parsers.filesystem.ntfs.state import VolumeState, log_trouble, read_volume_state
from parsers.filesystem.ntfs.usage import measure_usage
from parsers.filesystem.ntfs.volume import Volume
from parsers.filesystem.ntfs.wof import STREAM, expand
from parsers.filesystem.tree import DirEntry, FileType, Stat, Stream, Usage
from parsers.place import ParseError, Place, Problem, UnsupportedError
from parsers.source import Source

_ROOT: Final = 5
_UPPER_CASE: Final = 10
_UPPER_CASE_SIZE: Final = 128 << 10
_FIRST_USER: Final = 16  # records below belong to the format
_LONGEST_NAME: Final = 255
_MAX_REPARSE: Final = 16 << 10
_MAX_XATTR: Final = 64 << 10
_MAX_XATTRS: Final = 1 << 20  # of one file, together
_INDEX: Final = "$I30"
_INFORMATION: Final = struct.Struct("<QQQQI")
_REPARSE: Final = 0x400
_SYSTEM: Final = 0x4
_ELSEWHERE: Final = 0x40_1000  # offline, or recalled when it is read
_FLAGS: Final = (
    (0x20, "archive"),
    (0x800, "compressed"),
    (0x4000, "encrypted"),
    (0x2, "hidden"),
    (0x2000, "not-indexed"),
    (0x1000, "offline"),
    (0x1, "read-only"),
    (0x40_0000, "recall"),
    (0x400, "reparse-point"),
    (0x200, "sparse"),
    (0x4, "system"),
    (0x100, "temporary"),
)
_NUMBER: Final = (1 << 48) - 1
_EPOCH: Final = 116_444_736_000_000_000  # 1970 in units of 100 ns since 1601
_NAMESPACE: Final = 65  # byte of a name that tells what kind of name it is
_DIRECTORY, _FILE = Special(FileType.DIRECTORY), Special(FileType.FILE)
_KEPT_DIRECTORIES: Final = 16


class NtfsTree:
    """A file system that is open for reading; made by `open_ntfs`."""

    root = _ROOT

    def __init__(self, source: Source, boot: BootSector) -> None:
        self._volume = Volume(source, boot)
        self._records = Records(self._volume)
        self._upper = UpperCase(self._read_upper_case)
        self._directories: dict[int, Directory] = {}
        self.boot = boot
        self._directory(_ROOT)
        self._log = log_trouble(self._records)

    @property
    def name(self) -> str:
        """Name of the volume."""
        return self._volume.name

    @property
    def stated_size(self) -> int:
        """Bytes that the boot sector says the file system has, the copy of that sector apart."""
        return self.boot.sectors * self.boot.sector_size

    @cached_property
    def state(self) -> VolumeState:
        """Label, version and flags of the volume; that they cannot be read is one of its errors."""
        state = read_volume_state(self._records)
        if state.modified_by_chkdsk:
            self._volume.report(0, "chkdsk has changed the volume")
        return state

    @cached_property
    def usage(self) -> Usage | None:
        """How full it is; None where the bitmap cannot be read, or is too large to be read at a glance."""
        try:
            return measure_usage(self._records)
        except ParseError as error:
            self._volume.report(error.place.offset or 0, f"usage unknown: {error.message}")
            return None

    @cached_property
    def hibernation(self) -> Problem | None:
        """That a session of Windows sleeps on the volume, and will write to it when it wakes as if nothing was."""
        try:
            inode = self.lookup(_ROOT, "hiberfil.sys")
            text = None if inode is None else read_hibernation(self.open(inode))
        except ParseError as error:
            return Problem(error.place, f"whether Windows is hibernated is not known: {error.message}")
        return Problem(Place(self.name), text) if text else None

    @property
    def unclean(self) -> Problem | None:
        """That Windows is hibernated, or that the log was not closed."""
        return self.hibernation or self._log

    @property
    def unreplayed_journal(self) -> bool:
        """Whether what is read may be out of date: a log that was not closed, a session that sleeps."""
        return self.unclean is not None

    @property
    def recorded_errors(self) -> tuple[Problem, ...]:
        """The flags of the volume that ask for chkdsk."""
        return self.state.errors

    @cached_property
    def contradictions(self) -> tuple[Problem, ...]:
        """Copies of metadata that differ, and what else does not agree."""
        return contradictions(self._records)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far."""
        unclean, errors, wrong = self.unclean, self.recorded_errors, self.contradictions  # which may find more
        return ((unclean,) if unclean else ()) + errors + wrong + self._volume.problems

    def stat(self, inode: int) -> Stat:
        """Return the metadata of a file."""
        file = self._records.get(inode & _NUMBER)
        born, modified, changed, accessed, flags = self._information(file)
        stream = self._stream(file, inode) if inode > _NUMBER else None
        special = self._special(file, flags) if stream is None else _FILE
        return Stat(
            inode=inode,
            type=special.type,
            mode=0o777,
            uid=0,
            gid=0,
            size=self._size(file, special) if stream is None else size_of(self._volume, stream),
            links=self._links(file),
            mtime=(modified - _EPOCH) * 100,
            atime=(accessed - _EPOCH) * 100,
            ctime=(changed - _EPOCH) * 100,
            btime=(born - _EPOCH) * 100,
            rdev=special.rdev,
            flags=_names(flags),
        )

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the file of a name, long or short, in any case, or a stream of it; walks the b-tree."""
        found = self._find(directory, name)
        if found is not None or ":" not in name:
            return found
        name, _, stream = name.partition(":")
        base = self._find(directory, name)
        key = self._key(stream)
        if not key or base is None:  # the type alone (`file::$DATA`) is that of the content
            return None if key is None else base
        for index, item in enumerate(self._streams(self._records.get(base)), 1):
            if self._upper.key(item.name) == key:
                return index << 48 | base
        return None

    def _find(self, directory: int, name: str) -> int | None:
        wanted = stored(name)
        if not wanted or len(wanted) > _LONGEST_NAME:
            return None
        opened = self._directory(directory)
        opened.broken = None
        key = self._upper.key(wanted)
        best: Entry | None = None
        for entry in opened.walk(key, self._upper):
            if self._upper.key(entry.name) != key:
                break
            if entry.name == wanted:
                best = entry
                break
            best = best or entry
        if best is None:
            if opened.broken:
                raise opened.broken
            return None
        return self._records.resolve(best.reference).number

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries, without short names that go with long ones.

        Where some could not be read, or lead to files that are gone, the others are given first, then `ParseError`
        is raised.
        """
        opened = Directory(self._records, self._records.get(directory))
        broken: ParseError | None = None
        for entry in opened.walk():
            name, number = entry.name, entry.reference & _NUMBER
            if entry.is_dos or (number < _FIRST_USER and number != _ROOT) or name == ".":
                continue
            try:
                file = self._records.resolve(entry.reference)
                if "/" in name or "\0" in name or name == "..":
                    raise self._error(file, f"a name of a file wanted, {shown(name)!a} found")
                special = self._special(file, entry.flags)
            except ParseError as error:
                self._volume.report(error.place.offset or 0, f"{error.message} (of {shown(name)!a})")
                broken = broken or error
                continue
            yield DirEntry(shown(name), number, special.type)
        if opened.broken or broken:
            raise opened.broken or broken  # type: ignore[misc]  # one of them is there

    def readlink(self, inode: int) -> str:
        r"""Return the target of a symbolic link or junction.

        A relative one has `/` between its names; an absolute one is spelt as Windows does (`C:\Users`).
        """
        file = self._records.get(inode)
        target = self._special(file, _REPARSE | _SYSTEM).target
        if target is None:
            raise self._error(file, "a symbolic link wanted, none found")
        return target

    def open(self, inode: int) -> Source:
        """Return the content of a regular file, expanded where it is compressed in any way."""
        file = self._records.get(inode & _NUMBER)
        if inode > _NUMBER:
            return open_attribute(self._records, file, self._stream(file, inode))
        if file.is_directory:
            raise self._error(file, "a regular file wanted, a directory found")
        data = file.find(Type.DATA)
        if data is None:
            raise self._error(file, "the content of a file wanted, none found")
        content = open_attribute(self._records, file, data)
        point = self._reparse_point(file)
        if point is None:
            return content
        if point.tag in PLAIN and not self._information(file)[4] & _ELSEWHERE:
            return content
        if point.tag == WOF:
            return self._expand(file, point, content)
        raise UnsupportedError(Place(content.name), f"content that lies in the file wanted, {point.kind} found")

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the alternate data streams of up to 64 KiB, as ntfs-3g shows them: `user.` and the name.

        There may be a thousand of them; those behind the first MiB are left out, which is among the problems.
        """
        if inode > _NUMBER:
            return {}
        file = self._records.get(inode)
        found: dict[str, bytes] = {}
        left = _MAX_XATTRS
        for item in self._streams(file):
            size = size_of(self._volume, item)
            if size <= min(_MAX_XATTR, left):
                found[f"user.{shown(item.name)}"] = self._read(file, item)
                left -= size
            elif size <= _MAX_XATTR:
                self._volume.report(file.record.offset, f"record {inode}: streams of over {_MAX_XATTRS} bytes left out")
        return found

    def streams(self, inode: int) -> tuple[Stream, ...]:
        """Return the alternate data streams."""
        if inode > _NUMBER:
            return ()
        file = self._records.get(inode)
        return tuple(Stream(shown(item.name), size_of(self._volume, item)) for item in self._streams(file))

    def reparse_point(self, inode: int) -> ReparsePoint | None:
        """Return the reparse point of a file; None where it has none."""
        return self._reparse_point(self._records.get(inode))

    def security_descriptor(self, inode: int) -> bytes:
        """Return the security descriptor of a file, self-relative."""
        return read_security_descriptor(self._records, self._records.get(inode & _NUMBER))

    def short_name(self, inode: int) -> str | None:
        """Return the name of a file in the format 8.3, where it has one besides its own."""
        file = self._records.get(inode)
        names = (parse_file_name(value_of(self._volume, item)) for item in file.all(Type.FILE_NAME))
        return next((shown(name.name) for name in names if name and name.is_dos), None)

    def _directory(self, number: int) -> Directory:
        """Return a directory; some are kept, for they are asked again and again."""
        found = self._directories.pop(number, None)
        if found is None:
            found = Directory(self._records, self._records.get(number))
            if len(self._directories) >= _KEPT_DIRECTORIES:
                del self._directories[next(iter(self._directories))]
        self._directories[number] = found
        return found

    def _information(self, file: Inode) -> tuple[int, int, int, int, int]:
        """Return the four times, in the format's order, and the flags."""
        information = file.find(Type.STANDARD_INFORMATION)
        value = value_of(self._volume, information) if information else b""
        if len(value) < _INFORMATION.size:
            raise self._error(file, "times and flags wanted, none found")
        return _INFORMATION.unpack_from(value)

    def _links(self, file: Inode) -> int:
        """Count the names of a file; its short one is not a link of its own."""
        count = 0
        for item in file.all(Type.FILE_NAME):
            value = value_of(self._volume, item)
            if len(value) > _NAMESPACE and value[_NAMESPACE] != DOS:
                count += 1
        return count or 1

    def _size(self, file: Inode, special: Special) -> int:
        if special.rdev is not None:
            return 0
        if special.type is FileType.SYMLINK:
            return len((special.target or "").encode("utf-8", "surrogateescape"))
        if file.is_directory:
            index = file.find(Type.INDEX_ALLOCATION, _INDEX) or file.find(Type.INDEX_ROOT, _INDEX)
        else:
            index = file.find(Type.DATA)
        return size_of(self._volume, index) if index else 0

    def _special(self, file: Inode, flags: int) -> Special:
        """Tell what a file is; the flags say where that has to be looked for."""
        point = self._reparse_point(file) if flags & _REPARSE else None
        if point and point.tag in TYPES:
            return Special(TYPES[point.tag], link_target(point))
        if file.is_directory:
            return _DIRECTORY
        data = file.find(Type.DATA) if flags & _SYSTEM and point is None else None
        if data and not data.flags & ENCRYPTED and MIN_SIZE <= size_of(self._volume, data) <= MAX_SIZE:
            special = parse_interix(self._read(file, data))
            if special:
                return special
        return _FILE

    def _reparse_point(self, file: Inode) -> ReparsePoint | None:
        attribute = file.find(Type.REPARSE_POINT)
        return parse_reparse_point(self._read(file, attribute, _MAX_REPARSE)) if attribute else None

    def _key(self, stream: str) -> str | None:
        """Return what a stream's name is compared by; None for no name. Its type may stand behind it."""
        name = stored(stream)
        return self._upper.key(name).removesuffix(":$DATA") if name else None

    def _stream(self, file: Inode, inode: int) -> Attribute:
        """Return the stream that the number of an inode means."""
        streams = self._streams(file)
        index = inode >> 48
        if index > len(streams):
            raise self._error(file, f"{index} streams wanted, {len(streams)} found")
        return streams[index - 1]

    def _streams(self, file: Inode) -> list[Attribute]:
        """Return the named streams, without the one in which a CompactOS file hides its content."""
        named = [item for item in file.all(Type.DATA) if item.name]
        if any(item.name == STREAM for item in named):
            point = self._reparse_point(file)
            if point and point.tag == WOF:
                named = [item for item in named if item.name != STREAM]
        return named

    def _expand(self, file: Inode, point: ReparsePoint, content: Source) -> Source:
        compressed = file.find(Type.DATA, STREAM)
        if compressed is None:
            raise UnsupportedError(Place(content.name), f"the stream {STREAM} wanted, a file of another provider found")
        return expand(open_attribute(self._records, file, compressed), point.algorithm, content.size, content.name)

    def _read(self, file: Inode, attribute: Attribute, most: int = _MAX_XATTR) -> bytes:
        source = open_attribute(self._records, file, attribute)
        if source.size > most:
            raise self._error(file, f"an attribute of up to {most} bytes wanted, {source.size} found")
        return source.read_at(0, source.size)

    def _read_upper_case(self) -> bytes:
        file = self._records.get(_UPPER_CASE)
        data = file.find(Type.DATA)
        if data is None:
            raise self._error(file, "a table of upper case wanted, none found")
        return self._read(file, data, _UPPER_CASE_SIZE)

    def _error(self, file: Inode, message: str) -> ParseError:
        return self._volume.error(file.record.offset, f"record {file.number}: {message}")


@lru_cache(maxsize=256)
def _names(flags: int) -> tuple[str, ...]:
    return tuple(name for bit, name in _FLAGS if flags & bit)
