"""VMDK files and descriptors, put together by hand from the specification."""

from __future__ import annotations

import struct

AT_END = (1 << 64) - 1


def descriptor(
    *extents: str,
    kind: str | None = "monolithicSparse",
    parent: str = "ffffffff",
    more: str = "",
    cid: str = "1a2b3c4d",
) -> str:
    """A descriptor with these extents."""
    create = f'createType="{kind}"\n' if kind else ""
    return (
        f"# Disk DescriptorFile\nversion=1\nCID={cid}\nparentCID={parent}\n{create}{more}\n# Extent description\n"
        + "".join(f"{extent}\n" for extent in extents)
        + '\n# The Disk Data Base\nddb.adapterType = "lsilogic"\n'
    )


def sparse_header(
    *,
    capacity: int = 2048,
    version: int = 1,
    flags: int = 3,
    grain: int = 128,
    described: tuple[int, int] = (1, 20),
    entries: int = 512,
    redundant: int = 21,
    directory: int = 26,
    overhead: int = 128,
    unclean: int = 0,
    line_ends: bytes = b"\n \r\n",
    compression: int = 0,
) -> bytes:
    """The header of a sparse extent, everything in sectors."""
    return struct.pack(
        "<4sIIQQQQIQQQB4sH",
        b"KDMV",
        version,
        flags,
        capacity,
        grain,
        *described,
        entries,
        redundant,
        directory,
        overhead,
        unclean,
        line_ends,
        compression,
    ).ljust(512, b"\0")


def sparse(
    header: bytes | None = None,
    text: str | None = None,
    table: tuple[int, ...] = (0, 31, 0, 1),
    directory: int = 27,
    tail: bytes = b"\5" * 65536,
) -> bytes:
    """A whole file: header, descriptor at sector 1, directory at 21 and 26, table at 27, `tail` from sector 31 on."""
    described = (text if text is not None else descriptor('RW 2048 SPARSE "disk.vmdk"')).encode()
    out = (header or sparse_header()) + described.ljust(20 * 512, b"\0")
    out += struct.pack("<I", directory).ljust(5 * 512, b"\0")
    out += struct.pack("<I", directory).ljust(512, b"\0")
    out += struct.pack(f"<{len(table)}I", *table).ljust(4 * 512, b"\0")
    return out + tail


def with_footer(data: bytes) -> bytes:
    """Return a stream-optimized file whose directory is named by a footer, as VMware's own tools write it."""
    end = data.ljust(-(-len(data) // 512) * 512, b"\0")
    head = bytearray(data[:512])
    foot = bytes(head)
    head[56:64] = struct.pack("<Q", AT_END)
    marker = struct.pack("<QII", 1, 0, 3).ljust(512, b"\0")
    return bytes(head) + end[512:] + marker + foot + bytes(512)
