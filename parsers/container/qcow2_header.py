"""What a qcow2 file says about itself: header, header extensions, internal snapshots.

Layout: QEMU's docs/interop/qcow2.txt (versions 2 and 3), all big-endian. Names of fields are the specification's.
Nothing here reads guest data; `parsers.container.qcow2` does. Names of other files (backing file, external data
file) are returned as text and never followed.
Not done: bitmaps, the LUKS header behind the full disk encryption pointer, and the check of every refcount.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.container.qcow2_consistency import consistency
from parsers.container.qcow2_features import (
    EXTENDED_L2,
    EXTERNAL_DATA,
    INCOMPATIBLE_COMPRESSION,
    NAMES,
    Feature,
    feature_names,
)
from parsers.container.qcow2_snapshot import Qcow2Snapshot, snapshots
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

MAGIC: Final = b"QFI\xfb"
V2_HEADER_LENGTH: Final = 72
V3_HEADER_LENGTH: Final = 104
MIN_CLUSTER_BITS: Final = 9
MAX_CLUSTER_BITS: Final = 21
MAX_L1_BYTES: Final = 32 << 20  # QEMU's own limit; a larger table is a broken or a hostile one
MAX_NAME_LENGTH: Final = 1023
MAX_EXTENSIONS: Final = 1024

COMPRESSION: Final = {0: "zlib", 1: "zstd"}
CRYPT: Final = {0: None, 1: "aes", 2: "luks"}

_HEADER: Final = Struct(">4sIQIIQIIQQIIQ")
_HEADER_V3: Final = Struct(">QQQII")
_EXTENSION: Final = Struct(">II")  # type, length

_BACKING_FORMAT: Final = 0xE2792ACA
_DATA_FILE: Final = 0x44415441
_FEATURE_NAMES: Final = 0x6803F857
_EXTENSION_NAMES: Final = {
    _BACKING_FORMAT: "backing file format",
    _DATA_FILE: "external data file name",
    _FEATURE_NAMES: "feature name table",
    0x23852875: "bitmaps",
    0x0537BE77: "full disk encryption",
}


class _Header(msgspec.Struct, frozen=True):
    """The fields of `_HEADER` under the specification's names; those of `_HEADER_V3` as version 2 implies them."""

    magic: bytes
    version: int
    backing_file_offset: int
    backing_file_size: int
    cluster_bits: int
    size: int
    crypt_method: int
    l1_size: int
    l1_table_offset: int
    refcount_table_offset: int
    refcount_table_clusters: int
    nb_snapshots: int
    snapshots_offset: int
    incompatible_features: int = 0
    compatible_features: int = 0
    autoclear_features: int = 0
    refcount_order: int = 4
    header_length: int = V2_HEADER_LENGTH


class HeaderExtension(msgspec.Struct, frozen=True):
    """One header extension; `name` is the specification's, or None where it has none; `length` in bytes."""

    type: int
    name: str | None
    length: int


class Qcow2(msgspec.Struct, frozen=True):
    """The facts of a qcow2 header.

    Attributes:
        virtual_size: bytes of the guest's disk.
        file_size: bytes of the qcow2 file itself.
        compression: "zlib" or "zstd".
        encryption: None, "aes" or "luks".
        features: every feature bit that is set, unknown ones included.
        unknown_incompatible: those of them that forbid a reader to go on.
        dirty: refcounts may be stale (an unclean shutdown with lazy refcounts); the data can be read.
        corrupt: a writer found broken metadata.
        backing_file, backing_format, data_file: names as the header gives them, text only.
        snapshot_count: what the header says; `snapshots` those that could be read.
        truncated: the file ends before what it says it holds.
    """

    version: int
    cluster_bits: int
    virtual_size: int
    file_size: int
    header_length: int
    l1_offset: int
    l1_entries: int
    refcount_table_offset: int
    refcount_table_clusters: int
    refcount_bits: int
    compression: str
    encryption: str | None
    features: tuple[Feature, ...]
    unknown_incompatible: tuple[Feature, ...]
    extensions: tuple[HeaderExtension, ...]
    snapshot_count: int
    snapshots: tuple[Qcow2Snapshot, ...]
    backing_file: str | None
    backing_format: str | None
    data_file: str | None
    problems: tuple[Problem, ...] = ()
    truncated: bool = False

    @property
    def cluster_size(self) -> int:
        """Bytes of a cluster."""
        return 1 << self.cluster_bits

    @property
    def dirty(self) -> bool:
        """The dirty bit."""
        return self._has("dirty")

    @property
    def corrupt(self) -> bool:
        """The corrupt bit."""
        return self._has("corrupt")

    @property
    def external_data(self) -> bool:
        """Guest clusters lie in another file."""
        return self._has(NAMES[EXTERNAL_DATA])

    @property
    def extended_l2(self) -> bool:
        """L2 entries carry a bitmap of 32 subclusters."""
        return self._has(NAMES[EXTENDED_L2])

    def _has(self, name: str) -> bool:
        return any(feature.name == name and feature.known for feature in self.features)


def parse_qcow2(file: Source) -> Qcow2:
    """Read the header and what hangs on it; raise `ParseError` where it contradicts the specification.

    A header that asks for more than this package reads (a backing file, unknown features) is returned all the
    same: `open_qcow2` refuses it.
    """
    head = _read_header(file)
    cluster_size = 1 << head.cluster_bits
    _check_tables(file, head, cluster_size)
    extensions, contents = _extensions(file, head, cluster_size)
    features = feature_names(
        (head.incompatible_features, head.compatible_features, head.autoclear_features),
        contents.get(_FEATURE_NAMES, b""),
    )
    listed, flaw = snapshots(file, head.snapshots_offset, head.nb_snapshots)
    info = Qcow2(
        version=head.version,
        cluster_bits=head.cluster_bits,
        virtual_size=head.size,
        file_size=file.size,
        header_length=head.header_length,
        l1_offset=head.l1_table_offset,
        l1_entries=head.l1_size,
        refcount_table_offset=head.refcount_table_offset,
        refcount_table_clusters=head.refcount_table_clusters,
        refcount_bits=1 << head.refcount_order,
        compression=_compression(file, head),
        encryption=CRYPT[head.crypt_method],
        features=features,
        unknown_incompatible=tuple(f for f in features if f.kind == "incompatible" and not f.known),
        extensions=extensions,
        snapshot_count=head.nb_snapshots,
        snapshots=listed,
        backing_file=_backing_file(file, head, cluster_size),
        backing_format=_text(contents.get(_BACKING_FORMAT)),
        data_file=_text(contents.get(_DATA_FILE)),
    )
    problems, truncated = consistency(file, info)
    return replace(
        info,
        problems=(*_header_problems(file, head, cluster_size), *([flaw] if flaw else ()), *problems),
        truncated=truncated,
    )


def _fail(file: Source, offset: int, message: str) -> ParseError:
    return ParseError(Place(file.name, offset=offset), message)


def _read_header(file: Source) -> _Header:
    """Return the header's fields, those of version 3 with the values that version 2 implies."""
    if file.size < V2_HEADER_LENGTH:
        raise _fail(file, 0, f"a qcow2 header of {V2_HEADER_LENGTH} bytes wanted, the file ends at byte {file.size}")
    fields = _HEADER.unpack(file.read_at(0, V2_HEADER_LENGTH))
    head = _Header(*fields)
    if head.magic != MAGIC:
        raise _fail(file, 0, f"qcow2 magic {MAGIC.hex(' ')} wanted, {head.magic.hex(' ')} found")
    if head.version not in (2, 3):
        raise _fail(file, 4, f"qcow2 version 2 or 3 wanted, {head.version} found")
    if not MIN_CLUSTER_BITS <= head.cluster_bits <= MAX_CLUSTER_BITS:
        raise _fail(file, 20, f"cluster_bits of 9 to 21 wanted, {head.cluster_bits} found")
    if head.crypt_method not in CRYPT:
        raise _fail(file, 32, f"crypt_method 0, 1 or 2 wanted, {head.crypt_method} found")
    if head.version == 2:
        return head
    if file.size < V3_HEADER_LENGTH:
        raise _fail(file, 72, f"a qcow2 v3 header of 104 bytes wanted, the file ends at byte {file.size}")
    head = _Header(*fields, *_HEADER_V3.unpack(file.read_at(V2_HEADER_LENGTH, _HEADER_V3.size)))
    if not V3_HEADER_LENGTH <= head.header_length <= 1 << head.cluster_bits:
        raise _fail(file, 100, f"header_length of 104 to one cluster wanted, {head.header_length} found")
    if head.refcount_order > 6:
        raise _fail(file, 96, f"refcount_order of 0 to 6 wanted, {head.refcount_order} found")
    return head


def _check_tables(file: Source, head: _Header, cluster_size: int) -> None:
    """Check the L1 table: everything that is read of the guest is read through it."""
    offset, length = head.l1_table_offset, head.l1_size * 8
    extended = head.incompatible_features >> EXTENDED_L2 & 1
    reach = cluster_size * (cluster_size >> (4 if extended else 3))
    wanted = -(-head.size // reach)
    if head.l1_size < wanted:
        raise _fail(file, 36, f"{wanted} L1 entries wanted for {head.size} bytes, {head.l1_size} found")
    if length > MAX_L1_BYTES:
        raise _fail(file, 36, f"an L1 table of at most 32 MiB wanted, {length} bytes found")
    if not head.l1_size:
        return
    if offset % cluster_size:
        raise _fail(file, 40, f"an L1 table on a cluster boundary wanted, offset {offset} found")
    if offset == 0:
        raise _fail(file, 40, "an L1 table behind the header wanted, it overlaps the header")
    if offset + length > file.size:
        raise _fail(
            file, 40, f"L1 table at bytes {offset} to {offset + length}, but the file ends at {file.size}: truncated"
        )
    if extended and head.cluster_bits < 14:
        raise _fail(file, 20, f"clusters of at least 16 KiB wanted with extended L2, {cluster_size} bytes found")


def _header_problems(file: Source, head: _Header, cluster_size: int) -> Iterator[Problem]:
    """Yield what is wrong but not needed for reading."""
    place = Place(file.name, offset=48)
    offset = head.refcount_table_offset
    if offset % cluster_size or offset == 0:
        yield Problem(place, f"a refcount table on a cluster boundary wanted, offset {offset} found")
    elif not head.refcount_table_clusters:
        yield Problem(place, "a refcount table wanted, none found")
    elif offset + head.refcount_table_clusters * cluster_size > file.size:
        yield Problem(place, f"the refcount table at byte {offset} reaches past the end of the file: truncated")
    elif offset < head.l1_table_offset + head.l1_size * 8 and head.l1_table_offset < offset + cluster_size:
        yield Problem(place, "the refcount table overlaps the L1 table")
    if head.header_length % 8:
        yield Problem(Place(file.name, offset=100), f"a header_length in eights wanted, {head.header_length} found")
    if head.size % 512:
        yield Problem(Place(file.name, offset=24), f"a size in sectors of 512 wanted, {head.size} bytes found")


def _compression(file: Source, head: _Header) -> str:
    kind = 0
    if head.header_length > V3_HEADER_LENGTH:
        kind = file.read_at(V3_HEADER_LENGTH, 1)[0]
    flagged = bool(head.incompatible_features >> INCOMPATIBLE_COMPRESSION & 1)
    if kind not in COMPRESSION:
        raise _fail(file, V3_HEADER_LENGTH, f"compression type 0 (zlib) or 1 (zstd) wanted, {kind} found")
    if flagged != bool(kind):
        raise _fail(file, V3_HEADER_LENGTH, f"compression type {kind} contradicts its feature bit ({int(flagged)})")
    return COMPRESSION[kind]


def _extensions(file: Source, head: _Header, cluster_size: int) -> tuple[tuple[HeaderExtension, ...], dict[int, bytes]]:
    """Walk the header extensions, which end at the first cluster, at the backing file's name, or with type 0."""
    end = min(cluster_size, file.size)
    if head.backing_file_offset:
        end = min(end, head.backing_file_offset)
    at = head.header_length
    found: list[HeaderExtension] = []
    contents: dict[int, bytes] = {}
    while at + 8 <= end and len(found) < MAX_EXTENSIONS:
        kind, length = _EXTENSION.unpack(file.read_at(at, 8))
        if kind == 0:
            break
        if length > end - at - 8:
            raise _fail(file, at, f"a header extension of at most {end - at - 8} bytes wanted, {length} found")
        if kind in (_BACKING_FORMAT, _DATA_FILE, _FEATURE_NAMES):
            contents[kind] = file.read_at(at + 8, length)
        found.append(HeaderExtension(kind, _EXTENSION_NAMES.get(kind), length))
        at += 8 + (length + 7 & ~7)
    return tuple(found), contents


def _backing_file(file: Source, head: _Header, cluster_size: int) -> str | None:
    offset, length = head.backing_file_offset, head.backing_file_size
    if offset == 0:
        return None
    if length > MAX_NAME_LENGTH or offset + length > cluster_size:
        raise _fail(file, 8, f"a backing file name inside the first cluster wanted, {length} bytes at {offset} found")
    return _text(file.read_at(offset, length))


def _text(name: bytes | None) -> str | None:
    return None if name is None else name.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
