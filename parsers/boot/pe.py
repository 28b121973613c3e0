"""The head of a PE executable: for which machine an EFI loader is, whether it is an EFI application, its sections.

Specification: Microsoft PE Format, "MS-DOS Stub", "COFF File Header", "Optional Header", "Section Table". Signatures
are not read; of the resources `parsers.windows.pe_version` reads the version.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source, check_range

_MACHINES: Final = {
    0x014C: "i386",
    0x01C0: "arm",
    0x01C2: "arm",
    0x01C4: "arm",
    0x8664: "x86_64",
    0xAA64: "aarch64",
    0x5032: "riscv32",
    0x5064: "riscv64",
    0x6232: "loongarch32",
    0x6264: "loongarch64",
    0x0200: "ia64",
    0x0EBC: "ebc",
}
_EFI_APPLICATION: Final = 10
_CERTIFICATES: Final = 4
_MAX_SECTIONS: Final = 96
_HEAD: Final = 24
_SECTION: Final = 40
_DIRECTORIES: Final = {0x10B: 96, 0x20B: 112}
"""Kind of optional header -> where its data directories begin; their number stands before them."""


class Pe(msgspec.Struct, frozen=True):
    """A PE file: its machine as `uname -m` would call it, and the subsystem (10: an EFI application)."""

    machine: str
    subsystem: int

    @property
    def is_efi_application(self) -> bool:
        """Whether firmware can start it as a loader."""
        return self.subsystem == _EFI_APPLICATION


class PeSection(msgspec.Struct, frozen=True):
    """A section: its name without the NULs, and the bytes of the file that it has; what is only in memory is not.

    `address` is where it lies in memory, relative to the image's own address.
    """

    name: str
    offset: int
    size: int
    address: int = 0


def parse_pe(source: Source) -> Pe:
    """Read the head of a PE file. Raises ParseError where it is none."""
    start, head = _head(source)
    number = int.from_bytes(head[4:6], "little")
    magic = int.from_bytes(head[24:26], "little")
    if magic not in _DIRECTORIES:
        raise ParseError(Place(source.name, offset=start + 24), f"an optional header wanted, {magic:#x} found")
    subsystem = int.from_bytes(head[24 + 68 : 24 + 70], "little")
    return Pe(_MACHINES.get(number, f"machine {number:#06x}"), subsystem)


def parse_pe_sections(source: Source) -> tuple[PeSection, ...]:
    """Read the table of sections, each of which lies within the file. Raises ParseError where one does not."""
    start, head = _head(source)
    count, optional = int.from_bytes(head[6:8], "little"), int.from_bytes(head[20:22], "little")
    if count > _MAX_SECTIONS:
        raise ParseError(
            Place(source.name, offset=start + 6), f"at most {_MAX_SECTIONS} sections wanted, {count} found"
        )
    table = source.read_at(start + _HEAD + optional, count * _SECTION)
    sections: list[PeSection] = []
    for at in range(0, len(table), _SECTION):
        name = table[at : at + 8].rstrip(b"\0").decode("ascii", "backslashreplace")
        in_memory, address, size, offset = struct.unpack_from("<4I", table, at + 8)
        size = min(in_memory, size) if in_memory else size
        if size:
            check_range(source, offset, size)
        sections.append(PeSection(name, offset, size, address))
    return tuple(sections)


def check_pe_whole(source: Source) -> None:
    """Raise ParseError unless the file has all its sections, and its certificates, whose place is one in the file."""
    parse_pe_sections(source)
    if certificates := parse_pe_directory(source, _CERTIFICATES):
        check_range(source, *certificates)


def parse_pe_directory(source: Source, number: int) -> tuple[int, int] | None:
    """Return address and size of a data directory, both in memory (2: the resources); None where the file has none.

    Raises ParseError where the file is no PE file.
    """
    start, head = _head(source)
    optional_size, magic = int.from_bytes(head[20:22], "little"), int.from_bytes(head[24:26], "little")
    if magic not in _DIRECTORIES:
        raise ParseError(Place(source.name, offset=start + _HEAD), f"an optional header wanted, {magic:#x} found")
    at = _DIRECTORIES[magic]
    if at + 8 * (number + 1) > optional_size:
        return None
    count = int.from_bytes(source.read_at(start + _HEAD + at - 4, 4), "little")
    if number >= count:
        return None
    address, size = struct.unpack("<II", source.read_at(start + _HEAD + at + 8 * number, 8))
    return (address, size) if address and size else None


def _head(source: Source) -> tuple[int, bytes]:
    """Return where the COFF header begins, and that header with the optional one behind it as far as it is read."""
    dos = source.read_at(0, 64)
    if dos[:2] != b"MZ":
        raise ParseError(Place(source.name, offset=0), f"MZ wanted, {dos[:2].hex(' ')} found")
    start = int.from_bytes(dos[60:64], "little")
    head = source.read_at(start, _HEAD + 70)
    if head[:4] != b"PE\0\0":
        raise ParseError(Place(source.name, offset=start), f"PE wanted, {head[:4].hex(' ')} found")
    return start, head
