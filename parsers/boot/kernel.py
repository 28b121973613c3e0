r"""The image of a Linux kernel: what kind it is, and the version that it says it has.

x86: Linux kernel, Documentation/arch/x86/boot.rst: "HdrS" at 0x202, protocol version at 0x206, and at 0x20E the offset
of the version text less 0x200. arm64: Documentation/arch/arm64/booting.rst: "ARM\x64" at 0x38. EFI zboot images:
"MZ" with "zimg" at 4. Other architectures' images are ELF or bare compressed data.

Deliberately not done: the version of a kernel other than x86, which lies in compressed data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from parsers.place import ParseError, Place
from parsers.source import Source

HEAD_SIZE: Final = 0x264
MAX_BANNER: Final = 512

_SECTOR: Final = 512
_PARAGRAPH: Final = 16
_DEFAULT_SETUP: Final = 4

_RELEASE: Final = re.compile(r"[0-9]+\.[0-9]+[^\s]*")
_MACHINES: Final = {3: "i386", 62: "x86_64", 183: "aarch64", 243: "riscv64", 21: "ppc64", 22: "s390x", 258: "loongarch"}


@dataclass(frozen=True, slots=True)
class KernelImage:
    """A kernel image.

    Attributes:
        kind: "bzImage", "zImage", "arm64", "zboot", "elf" or "gzip".
        architecture: as uname -m gives it, where the image says it.
        banner: the version text ("6.1.0-50-cloud-amd64 (debian-kernel@...) #1 SMP ..."); None where it is not to be
            read without decompressing.
        place: where the banner lies.
        size: bytes that the image must have at least, by its own header; None where the header does not say it.
    """

    path: str
    kind: str
    architecture: str | None
    banner: str | None
    place: Place
    size: int | None = None

    @property
    def version(self) -> str | None:
        """The release, as uname -r gives it."""
        match = _RELEASE.match(self.banner or "")
        return match.group() if match else None


def parse_kernel_image(source: Source, path: str) -> KernelImage:
    """Recognise a kernel image; raise `ParseError` where it is none that is known."""
    head = source.read_at(0, min(HEAD_SIZE, source.size))
    place = Place(path)
    if head[0x202:0x206] == b"HdrS" and head[0x1FE:0x200] == b"\x55\xaa" and len(head) == HEAD_SIZE:
        return _x86(source, head, path)
    if head[0x38:0x3C] == b"ARM\x64":
        return KernelImage(path, "arm64", "aarch64", None, place)
    if head[:2] == b"MZ" and head[4:8] == b"zimg":
        return KernelImage(path, "zboot", None, None, place)
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        machine = int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")
        return KernelImage(path, "elf", _MACHINES.get(machine), None, place)
    if head[:2] == b"\x1f\x8b":
        return KernelImage(path, "gzip", None, None, place)
    raise ParseError(Place(path, offset=0), f"a kernel image wanted, {head[:8]!r} found")


def _x86(source: Source, head: bytes, path: str) -> KernelImage:
    protocol = int.from_bytes(head[0x206:0x208], "little")
    kind = "bzImage" if head[0x211] & 1 else "zImage"
    pointer = int.from_bytes(head[0x20E:0x210], "little")
    offset = pointer + 0x200
    place = Place(path, offset=offset)
    # XLF_KERNEL_64 of xloadflags, protocol 2.12 and later.
    architecture = ("x86_64" if head[0x236] & 1 else "i386") if protocol >= 0x20C else None
    size = _x86_size(head)
    if protocol < 0x200 or not pointer:
        return KernelImage(path, kind, architecture, None, place, size)
    if offset >= source.size:
        raise ParseError(place, f"the version text wanted, the file ends at byte {source.size}")
    raw = source.read_at(offset, min(MAX_BANNER, source.size - offset))
    text, end, _ = raw.partition(b"\0")
    if not end:
        raise ParseError(place, f"a version text of at most {MAX_BANNER} bytes wanted, more found")
    return KernelImage(path, kind, architecture, text.decode("ascii", "backslashreplace"), place, size)


def _x86_size(head: bytes) -> int:
    """The real-mode code with its boot sector, and the protected-mode code behind it (setup_sects, syssize)."""
    setup = head[0x1F1] or _DEFAULT_SETUP
    return (setup + 1) * _SECTOR + int.from_bytes(head[0x1F4:0x1F8], "little") * _PARAGRAPH
