"""The head of an ELF file: class, byte order and machine.

Specification: System V ABI, "ELF Header"; machine numbers of the ELF registry (elf.h). Sections, segments and the
interpreter are not read.
"""

from __future__ import annotations

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


def _machine(number: int, bits: int, order: str) -> str:
    name = _MACHINES.get(number, f"machine {number}")
    if name == "mips" and bits == 64:
        name = "mips64"
    if bits == 32:
        name = _NARROW.get(name, name)
    return _LITTLE.get(name, name) if order == "little" else name
