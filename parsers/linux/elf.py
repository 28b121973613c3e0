"""The head of an ELF file: class, byte order and machine; and the interpreter that a program asks for.

Specification: System V ABI, "ELF Header" and "Program Header" (PT_INTERP); machine numbers of the ELF registry (elf.h).
Sections and other segments are not read.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source

# e_machine -> name, by class and byte order where one number serves several machines (uname(1) calls them so).
_MACHINES: Final = {
    2: "sparc",
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    43: "sparc64",
    50: "ia64",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
    0x9026: "alpha",
}
_LITTLE: Final = {"mips": "mipsel", "ppc64": "ppc64le", "ppc": "ppcle", "mips64": "mips64el"}
_NARROW: Final = {"x86_64": "x32", "riscv64": "riscv32", "s390x": "s390", "loongarch64": "loongarch32"}


_INTERPRETER: Final = 3
_MAX_SEGMENTS: Final = 256
"""A program has some ten."""
_MAX_PATH: Final = 4096


class Elf(msgspec.Struct, frozen=True):
    """What an ELF file is for.

    Attributes:
        machine: as `uname -m` calls it ("x86_64", "aarch64", "i386", "ppc64le"), or "machine N".
        bits: 32 or 64.
        byte_order: "little" or "big".
        kind: e_type (1 object, 2 executable, 3 shared object, 4 core).
    """

    machine: str
    bits: int
    byte_order: str
    kind: int


def parse_elf(source: Source) -> Elf:
    """Read the head of an ELF file. Raises ParseError where it is none."""
    head = source.read_at(0, 20)
    place = Place(source.name, offset=0)
    if head[:4] != b"\x7fELF":
        raise ParseError(place, f"an ELF file wanted, {head[:4].hex(' ')} found")
    if head[4] not in (1, 2) or head[5] not in (1, 2):
        raise ParseError(place, f"an ELF class and byte order wanted, {head[4:6].hex(' ')} found")
    bits, order = 32 * head[4], "little" if head[5] == 1 else "big"
    kind, number = (int.from_bytes(head[at : at + 2], "little" if head[5] == 1 else "big") for at in (16, 18))
    return Elf(_machine(number, bits, order), bits, order, kind)


def elf_interpreter(source: Source) -> str | None:
    """Return the path of the loader that the kernel starts in a program's place; None for one that needs none.

    Raises ParseError where it is no ELF file, or its segments do not lie in it.
    """
    elf = parse_elf(source)
    order = "<" if elf.byte_order == "little" else ">"
    wide = elf.bits == 64
    head = source.read_at(0, 64 if wide else 52)
    (offset,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", head, 32 if wide else 28)
    size, count = struct.unpack_from(f"{order}HH", head, 54 if wide else 42)
    if count > _MAX_SEGMENTS:
        raise ParseError(Place(source.name, offset=0), f"at most {_MAX_SEGMENTS} segments wanted, {count} found")
    entry = struct.Struct(f"{order}I4xQ16xQ" if wide else f"{order}II8xI")
    if count and size < entry.size:
        raise ParseError(Place(source.name, offset=0), f"segments of {entry.size} bytes wanted, {size} found")
    table = source.read_at(offset, size * count)
    for index in range(count):
        kind, start, length = entry.unpack_from(table, index * size)
        if kind == _INTERPRETER:
            if length > _MAX_PATH:
                raise ParseError(Place(source.name, offset=start), f"a path wanted, {length} bytes found")
            return source.read_at(start, length).partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return None


def _machine(number: int, bits: int, order: str) -> str:
    name = _MACHINES.get(number, f"machine {number}")
    if name == "mips" and bits == 64:
        name = "mips64"
    if bits == 32:
        name = _NARROW.get(name, name)
    return _LITTLE.get(name, name) if order == "little" else name
