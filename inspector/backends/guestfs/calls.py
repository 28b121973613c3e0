"""The calls of libguestfs that take a path or give a name, as C has them: a name is bytes.

libguestfs' Python bindings pass every name through UTF-8, and one name in a directory that is no UTF-8 makes the whole
directory unreadable. They hand out the handle (`c_pointer`) "to allow other libraries to interwork", and that is what
is used here. Structures: guestfs(3), whose C interface is kept binary compatible.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable, Sequence
from typing import Any, Final

from inspector.backends.guestfs.messages import MAX_ENTRIES, Status

_LIBRARY: Final = "libguestfs.so.0"
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_POINTER: Final = ctypes.c_void_p


class _Dirent(ctypes.Structure):
    _fields_ = (("ino", ctypes.c_int64), ("ftyp", ctypes.c_char), ("name", ctypes.c_char_p))


class _Direntlist(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint32), ("val", ctypes.POINTER(_Dirent)))


class _Statns(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int64)
        for name in (
            "dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", "atime_sec",
            "atime_nsec", "mtime_sec", "mtime_nsec", "ctime_sec", "ctime_nsec", "spare1", "spare2", "spare3",
            "spare4", "spare5", "spare6",
        )
    )  # fmt: skip


class _StatnsList(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint32), ("val", ctypes.POINTER(_Statns)))


class _Xattr(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("length", ctypes.c_uint32), ("value", ctypes.c_void_p))


class _XattrList(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint32), ("val", ctypes.POINTER(_Xattr)))


class CallError(Exception):
    """libguestfs says that a call failed. `absent`: because there is no such path."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


class Calls:
    """The calls on one handle, given as the number that `c_pointer` returns. Each raises `CallError`."""

    def __init__(self, handle: int) -> None:
        self._library = ctypes.CDLL(_LIBRARY)
        self._free = ctypes.CDLL(None).free
        self._free.argtypes = (_POINTER,)
        self._free.restype = None
        self._handle = _POINTER(handle)

    def names(self, path: bytes) -> list[bytes]:
        """Return the names in a directory, "." and ".." left out."""
        pointer = self._call("guestfs_readdir", _POINTER, ctypes.c_char_p(path))
        try:
            found = ctypes.cast(pointer, ctypes.POINTER(_Direntlist)).contents
            if found.len > MAX_ENTRIES:
                raise CallError(f"at most {MAX_ENTRIES} names in a directory wanted, {found.len} found")
            names = (found.val[number].name for number in range(found.len))
            return [name for name in names if name not in {b".", b".."}]
        finally:
            self._release("guestfs_free_dirent_list", pointer)

    def stat(self, path: bytes) -> Status:
        """Return the metadata of a path itself."""
        pointer = self._call("guestfs_lstatns", _POINTER, ctypes.c_char_p(path))
        try:
            status = _status(ctypes.cast(pointer, ctypes.POINTER(_Statns)).contents)
        finally:
            self._release("guestfs_free_statns", pointer)
        if status is None:
            raise CallError("metadata that stat(2) can give wanted, negative numbers found")
        return status

    def stats(self, path: bytes, names: Sequence[bytes]) -> list[Status | None]:
        """Return the metadata of names in a directory; None for one that has none."""
        listed = (ctypes.c_char_p * (len(names) + 1))(*names, None)
        pointer = self._call("guestfs_lstatnslist", _POINTER, ctypes.c_char_p(path), listed)
        try:
            found = ctypes.cast(pointer, ctypes.POINTER(_StatnsList)).contents
            if found.len != len(names):
                raise CallError(f"metadata of {len(names)} names wanted, of {found.len} found")
            return [_status(found.val[number]) for number in range(found.len)]
        finally:
            self._release("guestfs_free_statns_list", pointer)

    def readlink(self, path: bytes) -> bytes:
        """Return the target of a symbolic link."""
        return self._text("guestfs_readlink", path)

    def flags(self, path: bytes) -> bytes:
        """Return the inode flags in the letters of lsattr(1)."""
        return self._text("guestfs_get_e2attrs", path)

    def read(self, path: bytes, offset: int, size: int) -> bytes:
        """Return bytes of a file, fewer at its end."""
        length = ctypes.c_size_t()
        pointer = self._call(
            "guestfs_pread",
            _POINTER,
            ctypes.c_char_p(path),
            ctypes.c_int(size),
            ctypes.c_int64(offset),
            ctypes.byref(length),
        )
        try:
            return ctypes.string_at(pointer, min(length.value, size))
        finally:
            self._free(pointer)

    def xattrs(self, path: bytes) -> dict[bytes, bytes]:
        """Return the extended attributes of a path itself."""
        pointer = self._call("guestfs_lgetxattrs", _POINTER, ctypes.c_char_p(path))
        try:
            found = ctypes.cast(pointer, ctypes.POINTER(_XattrList)).contents
            items = [found.val[number] for number in range(found.len)]
            return {item.name: ctypes.string_at(item.value, item.length) if item.length else b"" for item in items}
        finally:
            self._release("guestfs_free_xattr_list", pointer)

    def _text(self, function: str, path: bytes) -> bytes:
        pointer = self._call(function, _POINTER, ctypes.c_char_p(path))
        try:
            return ctypes.string_at(pointer)
        finally:
            self._free(pointer)

    def _call(self, name: str, kind: Any, *arguments: Any) -> Any:
        function: Callable[..., Any] = getattr(self._library, name)
        function.restype = kind  # type: ignore[attr-defined]  # a function of ctypes
        result = function(self._handle, *arguments)
        if result is None:
            raise self._error()
        return result

    def _error(self) -> CallError:
        message = self._library.guestfs_last_error
        message.restype = ctypes.c_char_p
        text: bytes = message(self._handle) or b"libguestfs does not say why"
        number: int = self._library.guestfs_last_errno(self._handle)
        return CallError(text.decode("utf-8", "backslashreplace"), absent=number in _ABSENT)

    def _release(self, name: str, pointer: Any) -> None:
        function = getattr(self._library, name)
        function.argtypes = (_POINTER,)
        function.restype = None
        function(pointer)


def _status(item: _Statns) -> Status | None:
    """None for a name that could not be asked for (inode -1), or one that a broken file system made up."""
    if min(item.dev, item.ino, item.mode, item.nlink, item.uid, item.gid, item.rdev, item.size) < 0:
        return None
    return Status(
        item.dev, item.ino, item.mode, item.nlink, item.uid, item.gid, item.rdev, item.size,
        (item.atime_sec, item.atime_nsec), (item.mtime_sec, item.mtime_nsec), (item.ctime_sec, item.ctime_nsec),
    )  # fmt: skip
