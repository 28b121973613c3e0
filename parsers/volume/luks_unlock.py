"""Opens a LUKS volume with a passphrase: derives the key of a slot, merges the volume key, and decrypts sectors.

Specifications: LUKS1 On-Disk Format Specification 1.2.3; LUKS2 On-Disk Format Specification 1.1.1; RFC 8018 (PBKDF2);
RFC 9106 (Argon2); IEEE 1619 (XTS); Linux Documentation/admin-guide/device-mapper/dm-crypt.rst (sector numbers, ESSIV).
AES in XTS and in CBC, with the sector numbers plain, plain64 and ESSIV. What a header asks of the derivation is
bounded, since a hostile one would ask for hours.

Wants the package `cryptography`, which nothing else does: without it, `ImportError` comes from here alone.
Not done: other ciphers, integrity, hardware encryption (OPAL), and volumes in the middle of being encrypted anew.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from parsers.place import ParseError, Place
from parsers.source import Source, check_range
from parsers.volume.luks import Digest, Kdf, KeySlot, Luks, Material

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

SECTOR: Final = 512
_SECTOR_SIZES: Final = (512, 1024, 2048, 4096)
_HASHES: Final = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160"})
_KEY_SIZES: Final = {"xts": (32, 64), "cbc": (16, 24, 32)}
_MAX_STRIPES: Final = 4000  # what both specifications ask for
_MAX_SLOTS: Final = 32
_MAX_ITERATIONS: Final = 20_000_000  # of all slots together: some ten seconds
_MAX_MEMORY: Final = 4 << 20  # KiB, as cryptsetup(8) has it
_MAX_PASSES: Final = 32 << 20  # KiB times passes, of all slots together
_MAX_LANES: Final = 4
_MAX_PASSPHRASE: Final = 8 << 20  # of a key file, as cryptsetup(8) has it
_WORD: Final = (1 << 32) - 1


class WrongKeyError(ParseError):
    """No slot opens with the passphrase."""


class Budget:
    """What may be spent on deriving keys, whatever the headers of one or several volumes ask for."""

    def __init__(self) -> None:
        self._iterations = _MAX_ITERATIONS
        self._passes = _MAX_PASSES

    def spend(self, kdf: Kdf, place: Place) -> None:
        """Count a derivation; raise `ParseError` where it is too much."""
        if kdf.type == "pbkdf2":
            self._iterations -= kdf.cost
        else:
            self._passes -= kdf.cost * kdf.memory
        if kdf.cost < 1 or min(self._iterations, self._passes) < 0 or kdf.memory > _MAX_MEMORY:
            memory = f" over {kdf.memory} KiB" if kdf.memory else ""
            raise ParseError(place, f"a bounded cost of derivation wanted, {kdf.cost} of {kdf.type}{memory} found")


def unlock(
    source: Source, luks: Luks, passphrase: bytes, name: str | None = None, budget: Budget | None = None
) -> LuksVolume:
    """Return the decrypted volume; `budget` is what several volumes share.

    Raises:
        WrongKeyError: the passphrase opens no slot.
        ParseError: the header is broken, asks for too much, or for what is not supported.
    """
    return LuksVolume(source, luks, volume_key(source, luks, passphrase, budget), name)


def volume_key(source: Source, luks: Luks, passphrase: bytes, budget: Budget | None = None) -> bytes:
    """Return the key of the volume, which its digest says is the right one; raises as `unlock`."""
    place = Place(source.name)
    if luks.obstacle:
        raise ParseError(place, luks.obstacle)
    if len(passphrase) > _MAX_PASSPHRASE:
        raise ParseError(place, f"a key of at most {_MAX_PASSPHRASE} bytes wanted, {len(passphrase)} found")
    budget = budget or Budget()
    flaws: list[ParseError] = []
    for slot in luks.slots[:_MAX_SLOTS]:
        try:
            if key := _open_slot(source, luks, slot, passphrase, budget):
                return key
        except ParseError as error:
            flaws.append(error)
    if flaws:
        raise ParseError(flaws[0].place, flaws[0].message)
    raise WrongKeyError(place, "a key that opens a slot wanted, this one opens none")


def _open_slot(source: Source, luks: Luks, slot: KeySlot, passphrase: bytes, budget: Budget) -> bytes | None:
    kdf, material = slot.derivation, slot.material
    digests = [digest for digest in luks.digests if slot.number in digest.slots]
    if kdf is None or material is None or not digests:
        return None
    place = Place(source.name, offset=material.offset)
    if not 0 < slot.key_size <= 64 or not 0 < material.stripes <= _MAX_STRIPES:
        raise ParseError(place, f"a key of up to 64 bytes wanted, {slot.key_size} in {material.stripes} parts found")
    key = _derived(kdf, passphrase, material.key_size, budget, place)
    decrypt = _decryption(material.cipher, key, place)
    split = _read_material(source, material, slot.key_size, place)
    pieces = (decrypt(number, split[at : at + SECTOR]) for number, at in enumerate(range(0, len(split), SECTOR)))
    found = _merged(b"".join(pieces)[: slot.key_size * material.stripes], slot.key_size, material.hash, place)
    return found if any(_is_right(digest, found, budget, place) for digest in digests) else None


def _read_material(source: Source, material: Material, key_size: int, place: Place) -> bytes:
    size = -(-key_size * material.stripes // SECTOR) * SECTOR
    if key_size * material.stripes > material.size or material.offset + size > source.size:
        message = f"key material inside the volume wanted, {size} bytes at {material.offset} found"
        raise ParseError(place, message)
    return source.read_at(material.offset, size)


def _derived(kdf: Kdf, passphrase: bytes, size: int, budget: Budget, place: Place) -> bytes:
    budget.spend(kdf, place)
    if not 0 < size <= 64 or not kdf.salt:
        raise ParseError(place, f"a key of up to 64 bytes and a salt wanted, {size} and {len(kdf.salt)} found")
    if kdf.type == "pbkdf2":
        return hashlib.pbkdf2_hmac(_hash(kdf.hash, place), passphrase, kdf.salt, kdf.cost, size)
    return _argon2(kdf, passphrase, size, place)


def _argon2(kdf: Kdf, passphrase: bytes, size: int, place: Place) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf import argon2

    variants: dict[str, type[argon2.Argon2i | argon2.Argon2id]] = {
        "argon2i": argon2.Argon2i,
        "argon2id": argon2.Argon2id,
    }
    variant = variants.get(kdf.type)
    if variant is None:
        raise ParseError(place, f"a derivation with pbkdf2, argon2i or argon2id wanted, {kdf.type} found")
    if not 1 <= kdf.lanes <= _MAX_LANES or kdf.memory < 8 * kdf.lanes or len(kdf.salt) < 8:
        raise ParseError(place, f"Argon2 of 1 to {_MAX_LANES} lanes wanted, {kdf.lanes} over {kdf.memory} KiB found")
    try:
        deriver = variant(salt=kdf.salt, length=size, iterations=kdf.cost, lanes=kdf.lanes, memory_cost=kdf.memory)
        return deriver.derive(passphrase)
    except MemoryError as error:
        raise ParseError(
            place, f"{kdf.memory >> 10} MiB for the derivation of the key wanted, not available"
        ) from error
    except (UnsupportedAlgorithm, ValueError, OverflowError) as error:
        raise ParseError(place, f"a derivation with {kdf.type} is not possible: {str(error)[:200]}") from error


def _is_right(digest: Digest, key: bytes, budget: Budget, place: Place) -> bool:
    """Tell whether this is the key that the digest is of."""
    return bool(digest.value) and hmac.compare_digest(
        _derived(digest.kdf, key, len(digest.value), budget, place), digest.value
    )


def _hash(name: str, place: Place) -> str:
    if name not in _HASHES or name not in hashlib.algorithms_available:
        raise ParseError(place, f"a hash of {', '.join(sorted(_HASHES))} wanted, {name} found")
    return name


def _merged(split: bytes, size: int, hash_name: str, place: Place) -> bytes:
    """Put a key together that was split against recovery from bad sectors (LUKS1, 2.4): diffused sums of all parts."""
    hashed = _hash(hash_name, place)
    total = 0
    for at in range(0, len(split) - size, size):
        total ^= int.from_bytes(split[at : at + size], "big")
        total = int.from_bytes(_diffused(total.to_bytes(size, "big"), hashed), "big")
    return (total ^ int.from_bytes(split[-size:], "big")).to_bytes(size, "big")


def _diffused(data: bytes, hash_name: str) -> bytes:
    step = hashlib.new(hash_name, usedforsecurity=False).digest_size
    pieces = []
    for number, at in enumerate(range(0, len(data), step)):
        piece = data[at : at + step]
        digest = hashlib.new(hash_name, number.to_bytes(4, "big") + piece, usedforsecurity=False).digest()
        pieces.append(digest[: len(piece)])
    return b"".join(pieces)


Decryption = Callable[[int, bytes], bytes]
"""Decrypts the sector of a number, which counts 512 bytes."""


def _decryption(cipher: str, key: bytes, place: Place) -> Decryption:
    """Return how sectors are decrypted with a cipher as cryptsetup spells it ("aes-xts-plain64")."""
    name, _, rest = cipher.partition("-")
    mode, _, numbering = rest.partition("-")
    if name != "aes" or mode not in _KEY_SIZES or not numbering:
        raise ParseError(place, f"a cipher of aes-xts or aes-cbc wanted, {cipher} found")
    if len(key) not in _KEY_SIZES[mode]:
        raise ParseError(place, f"a key of {_KEY_SIZES[mode]} bytes for {cipher} wanted, {len(key)} found")
    vector = _vectors(numbering, key, place)

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    algorithm = algorithms.AES(key)
    make: Callable[[bytes], modes.XTS | modes.CBC] = modes.XTS if mode == "xts" else modes.CBC

    def decrypt(number: int, data: bytes) -> bytes:
        chosen: Cipher[modes.XTS | modes.CBC] = Cipher(algorithm, make(vector(number)))
        decryptor = chosen.decryptor()
        return decryptor.update(data) + decryptor.finalize()

    return decrypt


def _vectors(numbering: str, key: bytes, place: Place) -> Callable[[int], bytes]:
    """Return how the number of a sector becomes the cipher's start."""
    if numbering == "plain64":
        return lambda number: (number & (1 << 64) - 1).to_bytes(16, "little")
    if numbering == "plain":
        return lambda number: (number & _WORD).to_bytes(16, "little")
    kind, _, hash_name = numbering.partition(":")
    if kind != "essiv":
        raise ParseError(place, f"sectors numbered by plain, plain64 or essiv wanted, {numbering} found")
    digest = hashlib.new(_hash(hash_name, place), key).digest()
    if len(digest) not in (16, 24, 32):
        raise ParseError(place, f"a hash as long as a key wanted, {hash_name} found")

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salted = Cipher(algorithms.AES(digest), modes.ECB())  # noqa: S305 - what ESSIV is made of
    return lambda number: salted.encryptor().update((number & (1 << 64) - 1).to_bytes(16, "little"))


class LuksVolume:
    """The decrypted data of a LUKS volume as a `Source`."""

    def __init__(self, source: Source, luks: Luks, key: bytes, name: str | None = None) -> None:
        self.name = name or source.name
        place = Place(source.name, offset=luks.payload_offset)
        sector = luks.sector_size
        left = source.size - luks.payload_offset
        size = left if luks.payload_size is None else luks.payload_size
        if sector not in _SECTOR_SIZES or luks.payload_offset % SECTOR:
            raise ParseError(place, f"sectors of 512 to 4096 bytes wanted, {sector} found")
        if not 0 <= size <= left:
            raise ParseError(place, f"encrypted data inside {source.size} bytes wanted, {size} found")
        self.size = size // sector * sector
        self._source = source
        self._start = luks.payload_offset
        self._sector = sector
        self._first = luks.iv_offset
        self._decrypt = _decryption(luks.cipher, key, place)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return decrypted bytes; whole sectors are read of the volume."""
        check_range(self, offset, size)
        skip = offset % self._sector
        start = offset - skip
        end = -(-(offset + size) // self._sector) * self._sector
        raw = self._source.read_at(self._start + start, end - start)
        return b"".join(self._sectors(start, raw))[skip : skip + size]

    def _sectors(self, start: int, raw: bytes) -> Iterator[bytes]:
        for at in range(0, len(raw), self._sector):
            number = self._first + (start + at) // SECTOR
            yield self._decrypt(number, raw[at : at + self._sector])
