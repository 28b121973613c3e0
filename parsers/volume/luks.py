"""LUKS 1 and 2: what the header of an encrypted volume says, without a key.

Specifications: LUKS1 On-Disk Format Specification 1.2.3; LUKS2 On-Disk Format Specification 1.1.1. Of LUKS2 both
copies of the header are read and the newer one that is whole counts, as cryptsetup does.

`parsers.volume.luks_unlock` opens a volume with a key. Not done: detached headers, which the volume knows nothing of.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_MAGIC_1: Final = b"LUKS\xba\xbe"
_MAGIC_2: Final = b"SKUL\xba\xbe"
_HEADER_1: Final = struct.Struct(">6sH32s32s32sII20s32sI40s")
_SLOT_1: Final = struct.Struct(">II32sII")
_SLOTS_1: Final = 8
_ACTIVE: Final = 0x00AC71F3
_INACTIVE: Final = 0x0000DEAD
_HEADER_2: Final = struct.Struct(">6sHQQ48s32s64s40s48sQ184s64s")
_BINARY_2: Final = 4096
_CSUM_AT: Final = 448
_SIZES_2: Final = tuple(0x4000 << shift for shift in range(9))
_SUMS: Final = ("sha256", "sha512", "sha1")


class Kdf(msgspec.Struct, frozen=True):
    """How a key is derived from a passphrase: "pbkdf2" of `hash`, or "argon2i" and "argon2id" with `memory` KiB.

    `cost` are iterations, or passes over the memory.
    """

    type: str
    salt: bytes
    cost: int
    hash: str = ""
    memory: int = 0
    lanes: int = 1


class Material(msgspec.Struct, frozen=True):
    """Where a slot keeps the volume key: split into `stripes` with `hash`, and encrypted with a key of `key_size`."""

    offset: int
    size: int
    stripes: int
    hash: str
    cipher: str
    key_size: int


class KeySlot(msgspec.Struct, frozen=True):
    """A slot in use: its number, how the key is derived ("pbkdf2", "argon2id"), its cipher and its key's bytes.

    `derivation` and `material` are None where a slot is of a kind that no passphrase opens.
    """

    number: int
    kdf: str
    cipher: str
    key_size: int
    derivation: Kdf | None = None
    material: Material | None = None


class Digest(msgspec.Struct, frozen=True):
    """What a volume key must give, and the slots that hold this key."""

    kdf: Kdf
    value: bytes
    slots: tuple[int, ...]


class Luks(msgspec.Struct, frozen=True):
    """The header of an encrypted volume.

    Attributes:
        version: 1 or 2.
        cipher: of the data, as cryptsetup spells it ("aes-xts-plain64").
        key_size: bytes of the volume key; 0 where no slot says it.
        payload_offset: byte at which the encrypted data begins.
        payload_size: its bytes; None for all that follow.
        iv_offset: number of the first sector, as the cipher counts them.
        digests: by which a volume key is told to be the right one.
        obstacle: why the data cannot be read even with the key; None where it can.
        slots: key slots that are in use.
        tokens: types of LUKS2 tokens ("systemd-tpm2", "clevis").
        requirements: what a reader must know of (LUKS2, "online-reencrypt").
    """

    version: int
    uuid: str | None
    label: str | None
    subsystem: str | None
    cipher: str
    hash: str | None
    key_size: int
    sector_size: int
    payload_offset: int
    slots: tuple[KeySlot, ...]
    tokens: tuple[str, ...]
    requirements: tuple[str, ...]
    problems: tuple[Problem, ...]
    payload_size: int | None = None
    iv_offset: int = 0
    digests: tuple[Digest, ...] = ()
    obstacle: str | None = None


class _Area(msgspec.Struct):
    encryption: str = ""
    offset: str = ""
    size: str = ""
    key_size: int = 0


class _Kdf(msgspec.Struct):
    type: str
    salt: bytes = b""
    hash: str = ""
    iterations: int = 0
    time: int = 0
    memory: int = 0
    cpus: int = 1


class _Split(msgspec.Struct):
    type: str = ""
    stripes: int = 0
    hash: str = ""


class _Slot(msgspec.Struct):
    type: str
    key_size: int = 0
    area: _Area = msgspec.field(default_factory=_Area)
    kdf: _Kdf | None = None
    af: _Split = msgspec.field(default_factory=_Split)


class _Segment(msgspec.Struct):
    type: str
    offset: str = "0"
    size: str = "dynamic"
    iv_tweak: str = "0"
    encryption: str = ""
    sector_size: int = 512
    flags: list[str] = []
    integrity: dict[str, msgspec.Raw] | None = None


class _Token(msgspec.Struct):
    type: str


class _Digest(msgspec.Struct):
    type: str = ""
    hash: str = ""
    salt: bytes = b""
    digest: bytes = b""
    iterations: int = 0
    keyslots: list[str] = []
    segments: list[str] = []


class _Config(msgspec.Struct):
    requirements: dict[str, list[str]] = {}


class _Json(msgspec.Struct):
    keyslots: dict[str, _Slot] = {}
    segments: dict[str, _Segment] = {}
    tokens: dict[str, _Token] = {}
    digests: dict[str, _Digest] = {}
    config: _Config = msgspec.field(default_factory=_Config)


class _Copy(msgspec.Struct, frozen=True):
    """One of the two headers of LUKS2, whose checksum was good."""

    sequence: int
    uuid: str | None
    label: str | None
    subsystem: str | None
    json: _Json


def parse_luks(source: Source) -> Luks:
    """Decode the header of a LUKS volume.

    Raises:
        ParseError: there is none, or it is broken (of LUKS2: both copies are).
    """
    if source.size < _HEADER_1.size + _SLOTS_1 * _SLOT_1.size:
        raise ParseError(Place(source.name), f"a header of LUKS wanted, a volume of {source.size} bytes found")
    raw = source.read_at(0, 8)
    if raw[:6] == _MAGIC_1 and raw[6:] == b"\0\1":
        return _parse_1(source)
    return _parse_2(source)


def _parse_1(source: Source) -> Luks:
    raw = source.read_at(0, _HEADER_1.size + _SLOTS_1 * _SLOT_1.size)
    _, _, name, mode, digest, payload, key_size, check, salt, iterations, uuid = _HEADER_1.unpack_from(raw)
    cipher = f"{_text(name)}-{_text(mode)}"
    slots, problems = [], []
    for number in range(_SLOTS_1):
        offset = _HEADER_1.size + number * _SLOT_1.size
        state, cost, own_salt, material, stripes = _SLOT_1.unpack_from(raw, offset)
        place = Place(source.name, offset=offset)
        if state not in (_ACTIVE, _INACTIVE):
            problems.append(Problem(place, f"a key slot in use or free wanted, state {state:#010x} found"))
        if state != _ACTIVE:
            continue
        hashed = _text(digest) or ""
        kdf = Kdf("pbkdf2", own_salt, cost, hashed)
        area = Material(material * 512, stripes * key_size, stripes, hashed, cipher, key_size)
        slots.append(KeySlot(number, f"pbkdf2-{hashed}", cipher, key_size, kdf, area))
        if material * 512 + stripes * key_size > source.size:
            problems.append(Problem(place, f"key material inside {source.size} bytes wanted, sector {material} found"))
    return Luks(
        version=1,
        uuid=_text(uuid),
        label=None,
        subsystem=None,
        cipher=cipher,
        hash=_text(digest),
        key_size=key_size,
        sector_size=512,
        payload_offset=payload * 512,
        slots=tuple(slots),
        tokens=(),
        requirements=(),
        problems=tuple(problems),
        digests=(Digest(Kdf("pbkdf2", salt, iterations, _text(digest) or ""), check, tuple(range(_SLOTS_1))),),
    )


def _parse_2(source: Source) -> Luks:
    problems: list[Problem] = []
    copies = []
    size = 0
    try:
        size, first = _copy(source, 0, _MAGIC_1)
        copies.append(first)
    except ParseError as error:
        problems.append(Problem(error.place, error.message))
    for offset in [size] if size else _SIZES_2:
        try:
            copies.append(_copy(source, offset, _MAGIC_2)[1])
            break
        except ParseError as error:
            if size or offset == _SIZES_2[-1]:
                problems.append(Problem(error.place, error.message))
    if not copies:
        raise ParseError(problems[0].place, problems[0].message)
    newest = max(copies, key=lambda copy: copy.sequence)
    if any(copy.sequence != newest.sequence for copy in copies):
        problems.append(Problem(Place(source.name), "two headers of one age wanted, an older one found"))
    return _luks2(newest, problems)


def _copy(source: Source, offset: int, magic: bytes) -> tuple[int, _Copy]:
    place = Place(source.name, offset=offset)
    if offset + _BINARY_2 > source.size:
        raise ParseError(place, "a header of LUKS2 wanted, the volume ends before it")
    head = _HEADER_2.unpack_from(source.read_at(offset, _BINARY_2))
    found, version, size, sequence, label, algorithm, _, uuid, subsystem, own_offset, _, csum = head
    if found != magic or version != 2 or own_offset != offset:
        raise ParseError(place, f"a header of LUKS2 wanted, {found.hex(' ')} found")
    if size not in _SIZES_2 or offset + size > source.size:
        raise ParseError(place, f"a header of 16 KiB to 4 MiB inside the volume wanted, {size} bytes found")
    name = _text(algorithm)
    if name not in _SUMS:
        raise ParseError(place, f"a checksum of {', '.join(_SUMS)} wanted, {name} found")
    raw = source.read_at(offset, size)
    digest = hashlib.new(name, raw[:_CSUM_AT] + bytes(len(csum)) + raw[_CSUM_AT + len(csum) :]).digest()
    if csum[: len(digest)] != digest:
        raise ParseError(place, f"checksum {digest[:8].hex()}... wanted, {csum[:8].hex()}... found")
    try:
        json = msgspec.json.decode(raw[_BINARY_2:].split(b"\0", 1)[0], type=_Json)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        message = f"LUKS2 metadata wanted, {str(error)[:200]}"
        raise ParseError(Place(source.name, offset=offset + _BINARY_2), message) from error
    return size, _Copy(sequence, _text(uuid), _text(label), _text(subsystem), json)


def _luks2(copy: _Copy, problems: list[Problem]) -> Luks:
    json = copy.json
    # While a volume is encrypted anew, copies of segments stand beside them under their own flags.
    segments = [item for _, item in sorted(json.segments.items()) if item.type == "crypt" and not item.flags]
    data = segments[0] if segments else None
    slots = tuple(
        _slot(int(number), slot)
        for number, slot in sorted(json.keyslots.items(), key=lambda item: (len(item[0]), item[0]))
        if _is_number(number)
    )
    requirements = tuple(item for items in json.config.requirements.values() for item in items)
    return Luks(
        version=2,
        uuid=copy.uuid,
        label=copy.label,
        subsystem=copy.subsystem,
        cipher=data.encryption if data else "",
        hash=next((digest.hash for digest in json.digests.values() if digest.hash), None),
        key_size=next((slot.key_size for slot in slots if slot.key_size), 0),
        sector_size=data.sector_size if data else 512,
        payload_offset=_number(data.offset) if data else 0,
        slots=slots,
        tokens=tuple(token.type for token in json.tokens.values()),
        requirements=requirements,
        problems=tuple(problems),
        payload_size=_number(data.size) if data and _is_number(data.size) else None,
        iv_offset=_number(data.iv_tweak) if data else 0,
        digests=_digests(json),
        obstacle=_obstacle(json, requirements),
    )


def _slot(number: int, slot: _Slot) -> KeySlot:
    kdf, area, split = slot.kdf, slot.area, slot.af
    derivation = material = None
    if slot.type == "luks2" and kdf and split.type == "luks1" and _is_number(area.offset) and _is_number(area.size):
        cost = kdf.iterations if kdf.type == "pbkdf2" else kdf.time
        derivation = Kdf(kdf.type, kdf.salt, cost, kdf.hash, kdf.memory, kdf.cpus)
        key_size = area.key_size or slot.key_size
        material = Material(int(area.offset), int(area.size), split.stripes, split.hash, area.encryption, key_size)
    return KeySlot(number, kdf.type if kdf else slot.type, area.encryption, slot.key_size, derivation, material)


def _digests(json: _Json) -> tuple[Digest, ...]:
    """The digests of the keys that data is encrypted with."""
    return tuple(
        Digest(
            Kdf("pbkdf2", digest.salt, digest.iterations, digest.hash),
            digest.digest,
            tuple(int(number) for number in digest.keyslots if _is_number(number)),
        )
        for digest in json.digests.values()
        if digest.type == "pbkdf2" and digest.segments
    )


def _obstacle(json: _Json, requirements: tuple[str, ...]) -> str | None:
    if requirements:
        return f"what it requires is not supported: {', '.join(requirements)}"
    if len(json.segments) != 1:
        return f"one segment wanted, {len(json.segments)} found"
    (segment,) = json.segments.values()
    if segment.type != "crypt" or segment.flags:
        return f"a segment that is encrypted wanted, {segment.type} found"
    return "a segment with integrity checksums is not read" if segment.integrity is not None else None


def _number(text: str) -> int:
    return int(text) if _is_number(text) else 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _text(raw: bytes) -> str | None:
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape") or None
