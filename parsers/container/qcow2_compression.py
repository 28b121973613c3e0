"""Compressed clusters of a qcow2 file: raw deflate or zstd, each expanding to exactly one cluster.

Specification: QEMU's docs/interop/qcow2.txt, "Compressed Clusters Descriptor". The stored length is rounded up to
sectors, so that the data may be followed by rubbish or by the beginning of the next cluster's stream: whoever
decompresses must stop when the cluster is full. No more than one cluster is ever produced.
"""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

Inflate = Callable[[bytes, int], bytes]

_WINDOW_BITS: Final = -12  # raw deflate with a window of 4 KiB, as QEMU writes and reads it
_MAX_FRAMES: Final = 4096


class BadCluster(Exception):  # noqa: N818 - becomes a ParseError, which needs the place that the caller knows
    """Compressed data that does not expand to a cluster; the argument says why."""


@functools.cache
def inflater(compression: str) -> Inflate:
    """Return the function that expands compressed data to a cluster of the given size, or raises `BadCluster`."""
    return _zstd() if compression == "zstd" else _deflate()


def deflate_module() -> Any:
    """Return the fastest module that reads deflate as `zlib` does."""
    try:
        from isal import isal_zlib
    except ImportError:  # an architecture without wheels: slower, not different
        return zlib
    return isal_zlib


def _deflate() -> Inflate:
    module = deflate_module()

    def inflate(data: bytes, size: int) -> bytes:
        try:
            cluster: bytes = module.decompressobj(wbits=_WINDOW_BITS).decompress(data, size)
        except module.error as error:
            raise BadCluster(f"broken deflate data ({error})") from error
        return _whole(cluster, size)

    return inflate


def _zstd() -> Inflate:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    def inflate(data: bytes, size: int) -> bytes:
        # A writer may use several frames for one cluster; what follows a full cluster is not looked at.
        cluster = b""
        for _ in range(_MAX_FRAMES):
            frame = zstd.ZstdDecompressor()
            try:
                cluster += frame.decompress(data, size - len(cluster))
            except zstd.ZstdError as error:
                raise BadCluster(f"broken zstd data ({error})") from error
            if len(cluster) >= size or not frame.eof:
                break
            data = frame.unused_data
        return _whole(cluster, size)

    return inflate


def _whole(cluster: bytes, size: int) -> bytes:
    if len(cluster) != size:
        raise BadCluster(f"{size} bytes of a cluster wanted, its data gives {len(cluster)}")
    return cluster
