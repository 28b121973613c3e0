"""What rpm's header says of a package and of its files.

Tags: rpm's manual, "Tags" (rpm.org/docs, also `rpm --querytags`).
Not done: scripts, dependencies, changelogs.
"""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.linux.package import Package
from parsers.linux.rpm.header import Header
from parsers.place import ParseError

_NAME, _VERSION, _RELEASE, _EPOCH, _SUMMARY = 1000, 1001, 1002, 1003, 1004
_INSTALL_TIME, _VENDOR, _LICENCE, _PACKAGER, _URL, _ARCHITECTURE = 1008, 1011, 1014, 1015, 1020, 1022
_SOURCE_RPM: Final = 1044
_OLD_FILE_NAMES, _FILE_SIZES, _FILE_MODES, _FILE_DIGESTS, _FILE_LINKS = 1027, 1028, 1030, 1035, 1036
_FILE_FLAGS, _FILE_USERS, _FILE_GROUPS = 1037, 1039, 1040
_FOLDER_INDICES, _BASE_NAMES, _FOLDERS = 1116, 1117, 1118
_LONG_FILE_SIZES, _DIGEST_ALGORITHM = 5008, 5011
_ALGORITHMS: Final = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
"""As OpenPGP numbers them; MD5 where a header of old says nothing."""
MAX_PATHS: Final = 256 << 20
"""Characters of all paths of a package: a long folder may be named once and used by every file."""


class RpmFile(msgspec.Struct, frozen=True):
    """A file of a package, as it was installed.

    Attributes:
        mode: type and permissions, as in `st_mode`.
        size: bytes.
        digest: hexadecimal; "" for what is no regular file. algorithm: "sha256", "md5"...
        target: of a symbolic link.
        flags: bits of RPMFILE: 1 configuration, 2 documentation, 64 ghost (not part of the package's content)...
    """

    path: str
    mode: int
    size: int
    user: str
    group: str
    digest: str = ""
    algorithm: str = ""
    target: str = ""
    flags: int = 0


def package_of(header: Header) -> Package:
    """Return the package of a header. Raise `ParseError` where it has no name or version."""
    name, version = header.text(_NAME), header.text(_VERSION)
    if not name or not version:
        raise ParseError(header.place, "a package with a name and a version wanted, one without found")
    return Package(
        header.place,
        name,
        version,
        header.text(_RELEASE),
        header.number(_EPOCH),
        architecture=header.text(_ARCHITECTURE),
        source=header.text(_SOURCE_RPM),
        licence=header.text(_LICENCE),
        vendor=header.text(_VENDOR),
        packager=header.text(_PACKAGER),
        summary=header.text(_SUMMARY),
        url=header.text(_URL),
        installed_at=header.number(_INSTALL_TIME),
    )


def files_of(header: Header) -> tuple[RpmFile, ...]:
    """Return the files of a package. Raise `ParseError` where the arrays of them do not fit together."""
    paths = _paths(header)
    count = len(paths)
    algorithm = _ALGORITHMS.get(header.number(_DIGEST_ALGORITHM) or 1, "")
    columns = (
        header.numbers(_FILE_MODES),
        header.numbers(_LONG_FILE_SIZES) or header.numbers(_FILE_SIZES),
        header.texts(_FILE_USERS),
        header.texts(_FILE_GROUPS),
        header.texts(_FILE_DIGESTS),
        header.texts(_FILE_LINKS),
        header.numbers(_FILE_FLAGS),
    )
    for column in columns:
        if len(column) != count:
            raise ParseError(header.place, f"{count} values, one for each file, wanted, {len(column)} found")
    return tuple(
        RpmFile(path, mode, size, user, group, digest, algorithm if digest else "", target, flags)
        for path, mode, size, user, group, digest, target, flags in zip(paths, *columns, strict=True)
    )


def _paths(header: Header) -> tuple[str, ...]:
    names, folders, indices = header.texts(_BASE_NAMES), header.texts(_FOLDERS), header.numbers(_FOLDER_INDICES)
    if not names:
        return header.texts(_OLD_FILE_NAMES)
    if len(indices) != len(names) or max(indices) >= len(folders):
        raise ParseError(header.place, f"a folder for each of {len(names)} files wanted, none for some found")
    if sum(len(folders[index]) for index in indices) > MAX_PATHS:
        raise ParseError(header.place, f"paths of at most {MAX_PATHS} characters wanted, longer ones found")
    return tuple(folders[index] + name for index, name in zip(indices, names, strict=True))
