"""What the signature of a PE file is about: its digest, and where the signature lies, within the file or not.

Specification: Microsoft, "Windows Authenticode Portable Executable Signature Format", "Calculating the PE Image Hash";
PE Format, "The Attribute Certificate Table". The digest leaves out the checksum, the entry of the data directory for
the certificates, and these themselves, which stand at the end; what is no multiple of eight bytes is filled up, as
signing does. A signature, within the file or in a catalogue (.cat), holds the digest as it is. Not done: files whose
sections do not lie behind each other, page hashes, and any trust in a certificate.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from parsers.boot.pe import parse_pe, parse_pe_directory
from parsers.place import ParseError, Place
from parsers.source import Source

MAX_SIZE: Final = 64 << 20
MAX_CERTIFICATES: Final = 1 << 20
_CERTIFICATES: Final = 4
_PIECE: Final = 1 << 20
_CHECKSUM: Final = 24 + 64
_DIRECTORY: Final = {0x10B: 24 + 96 + 8 * _CERTIFICATES, 0x20B: 24 + 112 + 8 * _CERTIFICATES}


class Authenticode(msgspec.Struct, frozen=True):
    """The digests of a PE file by SHA-1 and SHA-256, and its own signatures; none: b""."""

    sha1: bytes
    sha256: bytes
    certificates: bytes

    def is_in(self, signature: bytes) -> bool:
        """Tell whether a signature, or a catalogue, holds one of the digests."""
        return self.sha256 in signature or self.sha1 in signature


def parse_authenticode(source: Source) -> Authenticode:
    """Digest a PE file of at most 64 MiB. Raises ParseError where it is none, or its signatures are not at its end."""
    if source.size > MAX_SIZE:
        raise ParseError(Place(source.name), f"at most {MAX_SIZE} bytes wanted, {source.size} found")
    parse_pe(source)
    start = int.from_bytes(source.read_at(60, 4), "little")
    directory = start + _DIRECTORY[int.from_bytes(source.read_at(start + 24, 2), "little")]
    end, size = parse_pe_directory(source, _CERTIFICATES) or (source.size, 0)
    if end + size != source.size or size > MAX_CERTIFICATES or end < directory + 8:
        place = Place(source.name, offset=directory)
        raise ParseError(
            place, f"certificates at the end, byte {source.size}, wanted, bytes {end} to {end + size} found"
        )
    digests = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    for first, last in ((0, start + _CHECKSUM), (start + _CHECKSUM + 4, directory), (directory + 8, end)):
        for at in range(first, last, _PIECE):
            piece = source.read_at(at, min(_PIECE, last - at))
            for digest in digests:
                digest.update(piece)
    for digest in digests:
        digest.update(bytes(-end % 8))
    return Authenticode(digests[0].digest(), digests[1].digest(), source.read_at(end, size))
