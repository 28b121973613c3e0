"""An initramfs: the kernel modules and programs in it, and small files, read as a stream and never unpacked to disk.

Format: Linux kernel, Documentation/driver-api/early-userspace/buffer-format.rst: any number of newc cpio archives,
each plain or compressed, with NULs between them. Early microcode is such an archive in front; what is plain is skipped
without being read, and the reading stops where everything that is sought was found.

Bounded in members and decompressed bytes. Deliberately not done: sections of unified kernel images, and an archive
behind the one in which the search ended.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parsers.boot.cpio import MAGICS, Member, members
from parsers.boot.decompress import Input, Output, compression_of, decompressed
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

MAX_DECOMPRESSED: Final = 1024 * 1024 * 1024
MAX_MEMBERS: Final = 200_000
MAX_ARCHIVES: Final = 64
MAX_TEXT: Final = 256 * 1024
MAX_TEXTS: Final = 200

_REGULAR, _SYMLINK = 0o100000, 0o120000
_INIT: Final = (b"init", b"./init", b"/init")
_MAX_LINKS: Final = 8
_MAX_TARGET: Final = 4096
_MAX_PROGRAMS: Final = 20_000
_MODULES: Final = re.compile(r"(?:usr/)?lib/modules/([^/]+)/")
_BIN: Final = re.compile(rb"(?:\./)?/?(?:usr/)?(?:s?bin|lib/systemd)/([^/]+)\Z")
_SUFFIXES: Final = (b".ko", b".ko.gz", b".ko.xz", b".ko.zst", b".ko.bz2", b".ko.lzma")


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive of an initramfs: where it begins, and how it is compressed ("none", "zstd", ...)."""

    offset: int
    compression: str


@dataclass(frozen=True, slots=True)
class InitramfsModule:
    """A kernel module in an initramfs. `name` as lsmod gives it; `kernel` the directory below lib/modules."""

    name: str
    kernel: str
    path: str


@dataclass(frozen=True, slots=True)
class InitramfsFile:
    """The text of a small file in an initramfs."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class InitramfsProgram:
    """A program in an initramfs. `mode` as in stat(2); `size` None where another link has the content.

    `target` is where a symbolic link leads, None for anything else.
    """

    path: str
    mode: int
    size: int | None
    target: str | None = None

    @property
    def flaw(self) -> str | None:
        """Why it cannot be started; None where nothing speaks against it. A link is not followed."""
        kind = self.mode & 0o170000
        if kind == _SYMLINK:
            return None
        if kind != _REGULAR:
            return "no regular file"
        if self.size == 0:
            return "empty"
        return None if self.mode & 0o111 else "not executable"


@dataclass(frozen=True, slots=True)
class Initramfs:
    """What was found in an initramfs.

    Attributes:
        path: the file that was read.
        archives: those that were begun, in order.
        modules: the modules of what was read, in its order.
        files: `conf/modules` and what lies in modprobe.d.
        members: how many members were read.
        complete: whether everything was read; if not, all that was sought had been found.
        problems: what was broken; what lies behind it was not read.
        init: `/init`; None where it was not met with. It stands before the modules in an archive in the order of
            names, so that no reading that stops early has left it out.
        programs: those that were sought and found, in its order.
        started: what `/init` comes to where it is a link; None where that was not met with. systemd is such a program,
            and lies behind the modules in the order of names, so that the reading does not stop before it.
    """

    path: str
    archives: tuple[Archive, ...]
    modules: tuple[InitramfsModule, ...]
    files: tuple[InitramfsFile, ...]
    members: int
    complete: bool
    problems: tuple[Problem, ...] = ()
    init: InitramfsProgram | None = None
    programs: tuple[InitramfsProgram, ...] = ()
    started: InitramfsProgram | None = None

    @property
    def leads_nowhere(self) -> bool:
        """Whether `/init` is a link to a program that is certainly not there, as all was read."""
        if self.init is None or self.init.target is None or self.started is not None or not self.complete:
            return False
        return _BIN.match(_merged(self.init.target).encode("utf-8", "surrogateescape")) is not None

    @property
    def file_paths(self) -> tuple[str, ...]:
        """The paths of the files that were read."""
        return tuple(file.path for file in self.files)

    def module(self, name: str, kernel: str | None = None) -> InitramfsModule | None:
        """Return the module `name`, for the kernel version where one is given."""
        return next((m for m in self.modules if m.name == name and kernel in {None, m.kernel}), None)


def walk_initramfs(
    source: Source, archives: list[Archive] | None = None, *, limit: int = MAX_DECOMPRESSED
) -> Iterator[Member]:
    """Give every member of every archive; its content can be read until the next one is asked for.

    Each archive that is begun is appended to `archives`. `limit` bounds the decompressed bytes in all.

    Raises:
        ParseError: something is broken or not supported; the members before it were given.
    """
    data = Input(source)
    begun = [] if archives is None else archives
    while True:
        data.skip_nuls()
        if data.ended():
            return
        if len(begun) >= MAX_ARCHIVES:
            raise ParseError(data.place, f"at most {MAX_ARCHIVES} archives wanted, more found")
        head = data.peek(6)
        if head in MAGICS:
            begun.append(Archive(data.position, "none"))
            yield from members(data)
            continue
        compression = compression_of(head)
        if compression is None:
            raise ParseError(data.place, f"a cpio archive or compressed data wanted, {head!r} found")
        begun.append(Archive(data.position, compression))
        stream = decompressed(data, compression, limit)
        yield from _compressed(stream)
        limit -= stream.position


def _compressed(stream: Output) -> Iterator[Member]:
    while True:
        stream.skip_nuls()
        if stream.ended():
            return
        yield from members(stream)


def scan_initramfs(
    source: Source,
    path: str,
    wanted: frozenset[str] | None = None,
    kernel: str | None = None,
    *,
    programs: frozenset[str] = frozenset(),
    limit: int = MAX_DECOMPRESSED,
) -> Initramfs:
    """Find the modules in an initramfs, and read its module configuration.

    Args:
        source: the file.
        path: labels the result.
        wanted: names of modules as lsmod gives them; the reading stops when all of them were found, provided that the
            archive is in the order of names, so that no module configuration can follow, and that the end of the file
            does not look as if it had been cut off. None: read all.
        kernel: the version for which they are wanted; None: any.
        programs: names of files that are sought in the folders of programs, too.
        limit: decompressed bytes in all.
    """
    found = _scan(source, path, _Scan(wanted, kernel, programs), limit)
    if wanted is None or found.complete or found.problems or _ends_well(source, found.archives[-1]):
        return found
    return _scan(source, path, _Scan(None, kernel, programs), limit)


def _ends_well(source: Source, last: Archive) -> bool:
    """Tell by its last bytes whether a file that was not read to its end may have been cut off.

    GNU cpio fills an archive up to 512 bytes, whose number ends a gzip file (RFC 1952, ISIZE); an xz file ends with
    "YZ". Of other compressions nothing is told so.
    """
    if last.compression == "gzip":
        size = int.from_bytes(source.read_at(source.size - 4, 4), "little")
        return size > 0 and size % 512 == 0
    if last.compression == "xz":
        return source.read_at(source.size - 2, 2) == b"YZ"
    return True


def _scan(source: Source, path: str, scan: _Scan, limit: int) -> Initramfs:
    archives: list[Archive] = []
    problems: tuple[Problem, ...] = ()
    complete = False
    try:
        complete = scan.run(walk_initramfs(source, archives, limit=limit), archives, source.name)
    except ParseError as error:
        place = Place(path, offset=error.place.offset)
        problems = (Problem(place, error.message),)
    return Initramfs(
        path, tuple(archives), tuple(scan.modules), tuple(scan.files), scan.members, complete, problems, scan.init,
        tuple(scan.programs), scan.started,
    )  # fmt: skip


class _Scan:
    def __init__(self, wanted: frozenset[str] | None, kernel: str | None, programs: frozenset[str]) -> None:
        self._missing = None if wanted is None else set(wanted)
        self._programs = programs
        self._sought = set(programs)
        self._kernel = kernel
        self._linked: dict[tuple[int, int, int], list[str]] = {}
        self.modules: list[InitramfsModule] = []
        self.files: list[InitramfsFile] = []
        self.members = 0
        self.init: InitramfsProgram | None = None
        self.programs: list[InitramfsProgram] = []
        self._commands: dict[str, InitramfsProgram] = {}

    @property
    def started(self) -> InitramfsProgram | None:
        """What /init comes to, where it is a link."""
        found = self.init
        for _ in range(_MAX_LINKS):
            if found is None or found.target is None:
                break
            found = self._commands.get(_merged(posixpath.join(posixpath.dirname(found.path), found.target)))
        return None if found is self.init or (found and found.target is not None) else found

    def run(self, stream: Iterator[Member], archives: list[Archive], name: str) -> bool:
        """Look at the members; tell whether the end was reached."""
        previous, ordered, number = b"", True, 0
        for member in stream:
            self.members += 1
            if self.members > MAX_MEMBERS:
                raise ParseError(Place(name), f"at most {MAX_MEMBERS} members wanted, more found")
            path = member.name
            if number != len(archives):
                # An archive that begins behind "etc" says nothing of where module configuration would stand.
                previous, ordered, number = b"", path.removeprefix(b"./") < b"etc", len(archives)
            ordered = ordered and previous < path
            previous = path
            if self._look(member) and ordered and self._found_all():
                return False
        return True

    def _look(self, member: Member) -> bool:
        """Take in a member; tell whether module configuration in the order of names stands before it."""
        path = member.name
        if path.endswith(_SUFFIXES):
            self._module(member)
            return True
        where = _BIN.match(path)
        program = _program(member) if where or path in _INIT else None
        if where and program and len(self._commands) < _MAX_PROGRAMS:
            self._commands[_merged(program.path)] = program
        if path in _INIT:
            self.init = program
        elif path.endswith(b"conf/modules") or b"/modprobe.d/" in path or member.inode in self._linked:
            self._file(member)
        elif where and program and _text(where.group(1)) in self._programs:
            self.programs.append(program)
            self._sought.discard(_text(where.group(1)))
            return bool(self.modules)
        return where is not None and bool(self.modules)

    def _found_all(self) -> bool:
        if self._missing is None or self._missing or self._sought:
            return False
        return self.init is None or self.init.target is None or self.started is not None

    def _module(self, member: Member) -> None:
        if member.is_directory or (member.size == 0 and member.links < 2):
            return  # an empty file loads nothing
        path = _text(member.name)
        where = _MODULES.match(path)  # where modprobe looks; elsewhere a module belongs to no kernel
        kernel = where.group(1) if where else ""
        module = InitramfsModule(module_name(path.rpartition("/")[2]), kernel, path)
        self.modules.append(module)
        if self._missing and self._kernel in {None, kernel}:
            self._missing.discard(module.name)

    def _file(self, member: Member) -> None:
        if not member.is_file or len(self.files) >= MAX_TEXTS:
            return
        names = self._linked.pop(member.inode, []) if member.size else []
        if member.size == 0 and member.links > 1:
            self._linked.setdefault(member.inode, []).append(_text(member.name))
            return
        text = _text(member.read(MAX_TEXT))
        self.files += [InitramfsFile(name, text) for name in [*names, _text(member.name)]]


def _program(member: Member) -> InitramfsProgram:
    linked = member.size == 0 and member.links > 1
    link = member.mode & 0o170000 == _SYMLINK
    target = member.read(_MAX_TARGET).decode("utf-8", "surrogateescape") if link else None
    return InitramfsProgram(_text(member.name), member.mode, None if linked else member.size, target)


def _merged(path: str) -> str:
    """A path as it is where /bin, /sbin and /lib are links to the directories below /usr, and without its slash."""
    return posixpath.normpath(f"/{path}").lstrip("/").removeprefix("usr/")


def module_name(file_name: str) -> str:
    """Return the name of a module as lsmod gives it, from the name of its file ("virtio-rng.ko.xz")."""
    return file_name.partition(".ko")[0].replace("-", "_")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").removeprefix("./").removeprefix("/")
