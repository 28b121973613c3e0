"""The configuration that a Linux kernel carries within itself, where it was built with CONFIG_IKCONFIG.

Linux kernel, kernel/configs.c and init/Kconfig ("IKCONFIG"): between the marks `IKCFG_ST` and `IKCFG_ED` lies the
configuration, compressed with gzip, somewhere in the kernel proper. That one is a payload of the image, compressed
itself: x86, Documentation/arch/x86/boot.rst, `payload_offset` and `payload_length` (protocol 2.08); EFI zboot images,
include/linux/pe.h and drivers/firmware/efi/libstub/zboot-header.S, offset and size at 8 and 12; others as a whole.

The payload is read as a stream and bounded; nothing is kept of it but what the marks enclose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parsers.boot.decompress import Input, compression_of, decompressed
from parsers.place import ParseError, Place
from parsers.source import Memory, Source, Window

MAX_KERNEL: Final = 512 * 1024 * 1024
MAX_PACKED: Final = 1024 * 1024
MAX_TEXT: Final = 4 * 1024 * 1024

_START: Final = b"IKCFG_ST"
_END: Final = b"IKCFG_ED"
_HEAD: Final = 0x250
_PIECE: Final = 1024 * 1024
_SECTOR: Final = 512


def find_ikconfig(source: Source, path: str) -> str | None:
    """Return the configuration that a kernel image holds; None where it holds none.

    Raises:
        ParseError: the payload is broken or in a compression that is not read, or what the marks enclose is broken.
    """
    packed = _between(_kernel(_payload(source)), Place(path))
    if packed is None:
        return None
    stream = decompressed(Input(Memory(packed, path)), "gzip", MAX_TEXT)
    text = b""
    while not stream.ended():
        text += stream.piece()
    return text.decode("utf-8", "replace")


def _payload(source: Source) -> Source:
    """Return the part of an image that holds the kernel proper."""
    head = source.read_at(0, min(_HEAD, source.size))
    if head[0x202:0x206] == b"HdrS" and len(head) == _HEAD and int.from_bytes(head[0x206:0x208], "little") >= 0x208:
        setup = ((head[0x1F1] or 4) + 1) * _SECTOR
        offset, size = (int.from_bytes(head[at : at + 4], "little") for at in (0x248, 0x24C))
        return Window(source, setup + offset, size) if size else source
    if head[:2] == b"MZ" and head[4:8] == b"zimg":
        return Window(source, int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little"))
    return source


def _kernel(payload: Source) -> Iterator[bytes]:
    """Give the kernel proper in pieces, decompressed where it is compressed."""
    data = Input(payload)
    compression = compression_of(data.peek(min(6, payload.size)))
    if compression is None:
        while piece := data.piece():
            yield piece
            if data.position > MAX_KERNEL:
                raise ParseError(data.place, f"at most {MAX_KERNEL} bytes wanted in a kernel, more found")
        return
    stream = decompressed(data, compression, MAX_KERNEL)
    while not stream.ended():
        yield stream.piece()


def _between(pieces: Iterator[bytes], place: Place) -> bytes | None:
    """Return what lies between the marks; None where there is no first one."""
    window, found = b"", False
    for piece in pieces:
        window += piece
        if not found:
            start = window.find(_START)
            found = start >= 0
            window = window[start + len(_START) :] if found else window[-len(_START) :]
        if found and (end := window.find(_END)) >= 0:
            return window[:end]
        if found and len(window) > MAX_PACKED + _PIECE:
            raise ParseError(place, f"IKCFG_ED within {MAX_PACKED} bytes wanted, none found")
    if found:
        raise ParseError(place, "IKCFG_ED wanted, the end of the kernel found")
    return None
