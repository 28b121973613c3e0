"""Digests of PE files, which osslsigncode calculates, too, and what is no file with a digest."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.windows.pe import program
from fixtures.windows.version import versioned
from fixtures.windows.virtio import digest
from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.authenticode import MAX_SIZE, Authenticode, parse_authenticode
from tests.oracles import needs

FILES = {
    "64-bits": versioned((100, 86, 104, 58200), {"CompanyName": "Red Hat, Inc."}),
    "32-bits": program("i386", content=bytes(range(256)) * 9000),
    "not-aligned": program(content=b"\xc3" * 700) + b"end",
}


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@needs("osslsigncode", "openssl")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_signed_file_holds_the_digest_that_osslsigncode_calculates(name: str, algorithm: str, tmp_path: Path) -> None:
    plain, signed, key, certificate = (tmp_path / it for it in ("plain.sys", "signed.sys", "key.pem", "cert.pem"))
    plain.write_bytes(FILES[name])
    run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=test",
        "-keyout",
        key,
        "-out",
        certificate,
    )
    run("osslsigncode", "sign", "-h", algorithm, "-certs", certificate, "-key", key, "-in", plain, "-out", signed)
    found = parse_authenticode(Memory(signed.read_bytes()))
    before = parse_authenticode(Memory(FILES[name]))
    assert (before.sha1, before.sha256, before.certificates) == (found.sha1, found.sha256, b"")
    assert found.is_in(found.certificates)
    told = run("osslsigncode", "verify", "-in", signed)
    (line,) = {it.rpartition(":")[2].strip().lower() for it in told.splitlines() if "Calculated message digest" in it}
    assert line == getattr(found, algorithm).hex()
    changed = bytearray(signed.read_bytes())
    changed[0x400] ^= 1
    assert not parse_authenticode(Memory(bytes(changed))).is_in(found.certificates)


def test_the_digest_of_the_fixtures_is_the_same() -> None:
    content = FILES["64-bits"]
    found = parse_authenticode(Memory(content))
    assert found.sha256 == digest(content)
    assert found.is_in(b"catalogue" + digest(content))
    assert not found.is_in(hashlib.sha256(content).digest())


def damaged(offset: int, size: int) -> bytes:
    content = bytearray(FILES["64-bits"])
    struct.pack_into("<II", content, 0x80 + 24 + 112 + 32, offset, size)
    return bytes(content)


SIZE = len(FILES["64-bits"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ",
        FILES["64-bits"][:200],
        damaged(SIZE, 8),
        damaged(16, SIZE - 16),
        damaged(SIZE - 16, 8),
        damaged(1, 1),
    ],
)
def test_what_has_no_digest(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_authenticode(Memory(content))


def test_damage_ends_in_a_digest_or_in_an_error() -> None:
    for seed in range(400):
        rng = random.Random(seed)
        content = bytearray(FILES["64-bits"])
        for _ in range(rng.randrange(1, 6)):
            content[rng.randrange(0x200)] = rng.choice([0, 1, 0x7F, 0xFF, rng.randrange(256)])
        del content[rng.choice([len(content), rng.randrange(len(content))]) :]
        try:
            found = parse_authenticode(Memory(bytes(content), "a.sys"))
        except ParseError:
            continue
        assert (len(found.sha1), len(found.sha256)) == (20, 32), seed


def test_a_file_that_is_too_large() -> None:
    class Large(Memory):
        def __init__(self) -> None:
            super().__init__(b"MZ")
            self.size = MAX_SIZE + 1

    with pytest.raises(ParseError, match="at most 67108864 bytes wanted"):
        parse_authenticode(Large())


def test_certificates_at_the_end_are_left_out() -> None:
    content = damaged(SIZE, 16) + b"c" * 16
    plain = parse_authenticode(Memory(FILES["64-bits"]))
    assert parse_authenticode(Memory(content)) == Authenticode(plain.sha1, plain.sha256, b"c" * 16)
