from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.luks import Luks, parse_luks
from tests.corpus import corpus
from tests.oracles import needs
from tests.parsers.volume.file_source import FileSource

UUID = "1e1d5d5b-9a6e-4b4e-a4a4-000000000001"
PBKDF = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")


def cryptsetup(*arguments: str, key: str = "") -> str:
    return subprocess.run(
        ["cryptsetup", "-q", *arguments], input=key, check=True, capture_output=True, text=True
    ).stdout


def formatted(folder: Path, version: int, *arguments: str) -> Path:
    path = folder / "volume"
    with path.open("wb") as file:
        file.truncate(20 << 20)
    cryptsetup("luksFormat", "--type", f"luks{version}", "--uuid", UUID, *PBKDF, *arguments, str(path), "-", key="one")
    return path


def add_key(path: Path, slot: int) -> None:
    first, second = path.with_name("first"), path.with_name("second")
    first.write_text("one")
    second.write_text("two")
    options = ("--key-file", str(first), "--key-slot", str(slot))
    cryptsetup("luksAddKey", *PBKDF, *options, str(path), str(second))


def agrees(found: Luks, dump: str) -> None:
    """Compare with what `luksDump` prints."""
    said = [line.split(":", 1) for line in dump.splitlines() if ":" in line]
    fields = {key.strip(): value.strip() for key, value in reversed(said)}
    assert fields["Version"] == str(found.version)
    assert fields["UUID"] == found.uuid
    if found.version == 1:
        assert f"{fields['Cipher name']}-{fields['Cipher mode']}" == found.cipher
        assert int(fields["MK bits"]) == found.key_size * 8
        assert int(fields["Payload offset"]) * 512 == found.payload_offset
        enabled = [line.split()[2].rstrip(":") for line in dump.splitlines() if line.endswith("ENABLED")]
    else:
        assert fields["cipher"] == found.cipher
        assert fields["offset"] == f"{found.payload_offset} [bytes]"
        assert fields["Key"] == f"{found.key_size * 8} bits"
        assert fields["sector"] == f"{found.sector_size} [bytes]"
        slots = dump.partition("Keyslots:\n")[2].partition("Tokens:")[0]
        enabled = [line.split(":")[0].strip() for line in slots.splitlines() if line.endswith(": luks2")]
    assert [int(number) for number in enabled] == [slot.number for slot in found.slots]


@needs("cryptsetup")
@pytest.mark.parametrize(
    ("version", "arguments"),
    [
        (1, ()),
        (1, ("--cipher", "aes-cbc-essiv:sha256", "--key-size", "128", "--hash", "sha512")),
        (2, ()),
        (2, ("--label", "my disk", "--subsystem", "sub", "--sector-size", "4096")),
        (2, ("--key-size", "256", "--luks2-metadata-size", "32k", "--luks2-keyslots-size", "1m")),
    ],
)
def test_headers_read_as_cryptsetup_reads_them(tmp_path: Path, version: int, arguments: tuple[str, ...]) -> None:
    path = formatted(tmp_path, version, *arguments)
    add_key(path, 5)
    found = parse_luks(FileSource(path))
    agrees(found, cryptsetup("luksDump", str(path)))
    assert [slot.number for slot in found.slots] == [0, 5]
    assert all(slot.kdf.startswith("pbkdf2") for slot in found.slots)
    assert found.problems == ()
    if "--label" in arguments:
        assert (found.label, found.subsystem) == ("my disk", "sub")


@needs("cryptsetup")
def test_tokens_are_named(tmp_path: Path) -> None:
    path = formatted(tmp_path, 2)
    token = tmp_path / "token"
    token.write_text('{"type": "clevis", "keyslots": []}')
    cryptsetup("token", "import", "--json-file", str(token), str(path))
    assert parse_luks(FileSource(path)).tokens == ("clevis",)


@needs("cryptsetup")
def test_the_second_header_stands_in_for_the_first(tmp_path: Path) -> None:
    path = formatted(tmp_path, 2)
    whole = path.read_bytes()[: 1 << 20]
    for spot in (0, 5000, 9):
        raw = bytearray(whole)
        raw[spot] ^= 1
        found = parse_luks(Memory(bytes(raw)))
        assert found.uuid == UUID
        assert len(found.problems) == 1
    raw = bytearray(whole)
    raw[5000] ^= 1
    raw[0x4000 + 5000] ^= 1
    with pytest.raises(ParseError, match="checksum"):
        parse_luks(Memory(bytes(raw)))


@needs("cryptsetup")
def test_damage_raises_nothing_else(tmp_path: Path) -> None:
    dice = random.Random(9)
    for version in (1, 2):
        whole = formatted(tmp_path, version).read_bytes()[: 1 << 16]
        for _ in range(200):
            raw = bytearray(whole[: dice.choice([len(whole), dice.randrange(len(whole))])])
            for _ in range(dice.randrange(1, 4)):
                spot = dice.choice([0, 0x4000]) + dice.choice([dice.randrange(600), dice.randrange(6000)])
                if spot < len(raw):
                    raw[spot] = dice.randrange(256)
            try:
                parse_luks(Memory(bytes(raw)))
            except ParseError:
                continue


@pytest.mark.parametrize(
    "json", [b"", b"[]", b"{", b'{"keyslots": 3}', b'{"a":' * 5000, b"\xff\xfe", b'{"segments": {"0": {}}}']
)
def test_json_that_is_none_is_refused(json: bytes) -> None:
    with pytest.raises(ParseError, match="LUKS2 metadata wanted"):
        parse_luks(Memory(header(json)))


def header(json: bytes) -> bytes:
    """Return the first header of LUKS2 with this metadata and a good checksum."""
    import hashlib
    import struct

    size = 0x8000
    binary = struct.pack(
        ">6sHQQ48s32s64s40s48sQ184s64s", b"LUKS\xba\xbe", 2, size, 1, b"label", b"sha256", b"", UUID.encode(), b"", 0,
        b"", b"",
    ).ljust(4096, b"\0")  # fmt: skip
    whole = (binary + json).ljust(size, b"\0")[:size]
    digest = hashlib.sha256(whole).digest()
    return whole[:448] + digest + whole[480:]


def test_what_a_header_may_leave_out() -> None:
    found = parse_luks(
        Memory(header(b'{"keyslots": {"x": {"type": "luks2"}}, "config": {"requirements": {"mandatory": ["a"]}}}'))
    )
    assert (found.slots, found.cipher, found.label, found.requirements) == ((), "", "label", ("a",))


def test_what_is_no_luks_is_refused() -> None:
    for size in (0, 100, 4096, 1 << 20):
        with pytest.raises(ParseError):
            parse_luks(Memory(bytes(size)))


@pytest.mark.corpus
def test_the_known_header() -> None:
    found = parse_luks(FileSource(corpus("known/images/ul/ul-fs-luks1.raw.xz")))
    assert (found.version, found.uuid) == (1, "e5f398d9-39da-4b6a-9ac3-e085a9394e7c")
