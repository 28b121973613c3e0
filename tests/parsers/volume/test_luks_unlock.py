"""Volumes opened with a key, held against what cryptsetup and QEMU encrypted."""

from __future__ import annotations

import random
import re
import subprocess
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume import luks_unlock
from parsers.volume.luks import Kdf, Luks, parse_luks
from parsers.volume.luks_unlock import LuksVolume, WrongKeyError, unlock, volume_key
from tests.disk_images import Damaged
from tests.oracles import needs
from tests.parsers.volume.file_source import FileSource

pytest.importorskip("cryptography", reason="the extra `luks` is not installed: nothing was unlocked")

MIB = 1 << 20
KEY = b"a key\nwith a line\0and a NUL"
FAST = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
ARGON = ("--pbkdf-force-iterations", "4", "--pbkdf-memory", "4096", "--pbkdf-parallel", "2")
CIPHERS = {
    "argon2id": ("--pbkdf", "argon2id", *ARGON),
    "argon2i": ("--pbkdf", "argon2i", *ARGON),
    "pbkdf2-sha512": (*FAST, "--hash", "sha512", "--key-size", "256"),
    "sectors of 4096": (*FAST, "--sector-size", "4096"),
    "cbc-essiv": (*FAST, "--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"),
}
QEMU = {
    "as it comes": "",
    "cbc-essiv": "cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,cipher-alg=aes-128",
    "xts-plain": "ivgen-alg=plain,hash-alg=sha1",
    "cbc-plain64": "cipher-mode=cbc,cipher-alg=aes-256,hash-alg=sha512",
}


def cryptsetup(*arguments: str | Path, cwd: Path | None = None) -> str:
    command = ["cryptsetup", "-q", "--disable-locks", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def encrypted(folder: Path, *options: str, size: int = 2 * MIB) -> tuple[Path, bytes]:
    """Encrypt random data in place, as LUKS2; return the volume, and the data that was kept."""
    plain = random.Random(11).randbytes(size)
    volume, key = folder / "volume", folder / "key"
    volume.write_bytes(plain + bytes(32 * MIB))
    key.write_bytes(KEY)
    words = ("--encrypt", "--force-offline-reencrypt", "--type", "luks2", "--reduce-device-size", "32M")
    cryptsetup("reencrypt", *words, *options, "--key-file", key, volume, cwd=folder)
    return volume, plain


def opened(volume: Path, key: bytes = KEY) -> LuksVolume:
    source = FileSource(volume)
    return unlock(source, parse_luks(source), key)


@needs("cryptsetup")
@pytest.mark.parametrize("kind", CIPHERS)
def test_what_cryptsetup_encrypted_is_what_it_was(tmp_path: Path, kind: str) -> None:
    path, plain = encrypted(tmp_path, *CIPHERS[kind])
    volume = opened(path)
    assert volume.size >= len(plain)
    assert volume.read_at(0, len(plain)) == plain
    chance = random.Random(1)
    for _ in range(100):
        offset = chance.randrange(len(plain))
        size = chance.randrange(min(9000, len(plain) - offset))
        assert volume.read_at(offset, size) == plain[offset : offset + size]
    with pytest.raises(ParseError):
        volume.read_at(volume.size, 1)
    said = cryptsetup("luksDump", "--dump-volume-key", "--key-file", tmp_path / "key", path)
    digits = "".join(re.findall(r"\b[0-9a-f]{2}\b", said.partition("MK dump:")[2]))
    source = FileSource(path)
    assert volume_key(source, parse_luks(source), KEY).hex() == digits


def _run_where_time_is_told(command: list[str]) -> None:
    """QEMU measures its derivations by processor time, which a virtual machine's kernel does not tell each time."""
    for _ in range(20):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if "accurate CPU usage" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr


@needs("qemu-img")
@pytest.mark.slow  # QEMU takes a second to measure each derivation
@pytest.mark.parametrize("options", QEMU.values(), ids=QEMU)
def test_what_qemu_encrypted_is_what_it_was(tmp_path: Path, options: str) -> None:
    plain = random.Random(12).randbytes(MIB)
    (tmp_path / "plain").write_bytes(plain)
    (tmp_path / "key").write_text("secret")
    settings = ",".join(filter(None, ("key-secret=s", "iter-time=10", options)))
    command = ["qemu-img", "convert", "-f", "raw", "-O", "luks", "--object", f"secret,id=s,file={tmp_path}/key"]
    path = tmp_path / "volume"
    _run_where_time_is_told([*command, "-o", settings, f"{tmp_path}/plain", str(path)])
    assert opened(path, b"secret").read_at(0, MIB) == plain


@needs("cryptsetup")
def test_any_of_several_keys_opens_and_no_other(tmp_path: Path) -> None:
    path, plain = encrypted(tmp_path, *FAST, size=MIB)
    (tmp_path / "second").write_bytes(b"another")
    cryptsetup("luksAddKey", *FAST, "--key-slot", "7", "--key-file", tmp_path / "key", path, tmp_path / "second")
    for key in (KEY, b"another"):
        assert opened(path, key).read_at(0, MIB) == plain
    for key in (b"", b"anothe", KEY + b"\n"):
        with pytest.raises(WrongKeyError, match="this one opens none"):
            opened(path, key)
    with pytest.raises(ParseError, match="at most 8388608 bytes"):
        opened(path, bytes((8 << 20) + 1))
    assert opened(path).name == "volume"
    source = FileSource(path)
    assert unlock(source, parse_luks(source), KEY, "luks-x").name == "luks-x"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Luks]:
    """A volume of LUKS1, whose header has no checksum, with its header."""
    path, key = (tmp_path_factory.mktemp("luks") / name for name in ("volume", "key"))
    path.write_bytes(bytes(4 * MIB))
    key.write_bytes(KEY)
    options = ("--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-size", "256")
    cryptsetup("luksFormat", *options, path, key)
    data = path.read_bytes()
    return data, parse_luks(Memory(data))


def refused(small: tuple[bytes, Luks], luks: Luks, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        unlock(Memory(small[0]), luks, KEY)


def with_slot(luks: Luks, **changes: object) -> Luks:
    return replace(luks, slots=(replace(luks.slots[0], **changes),))


@needs("cryptsetup")
def test_what_a_header_asks_for_is_bounded(small: tuple[bytes, Luks], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(luks_unlock, "_MAX_ITERATIONS", 1_000_000)
    luks = small[1]
    assert luks.slots[0].derivation is not None
    started = time.process_time()
    for kdf in (
        replace(luks.slots[0].derivation, cost=1 << 32),
        replace(luks.slots[0].derivation, cost=0),
        Kdf("argon2id", b"salt" * 8, 1 << 30, memory=1 << 20),
        Kdf("argon2id", b"salt" * 8, 1, memory=1 << 32),
    ):
        refused(small, with_slot(luks, derivation=kdf), "a bounded cost of derivation wanted")
    slots = tuple(replace(luks.slots[0], number=number % 8) for number in range(64))
    dear = tuple(replace(slot, derivation=replace(luks.slots[0].derivation, cost=300_000)) for slot in slots)
    refused((small[0], luks), replace(luks, slots=dear, digests=(replace(luks.digests[0], value=b"x"),)), "bounded")
    assert time.process_time() - started < 10
    for kdf, message in (
        (Kdf("argon2d", b"salt" * 8, 1, memory=64), "argon2i or argon2id wanted, argon2d"),
        (Kdf("argon2id", b"salt" * 8, 1, memory=64, lanes=99), "1 to 4 lanes"),
        (Kdf("argon2id", b"salt", 1, memory=64), "lanes"),
        (Kdf("pbkdf2", b"salt", 1, "whirlpool"), "whirlpool found"),
        (Kdf("pbkdf2", b"", 1, "sha256"), "a salt wanted"),
    ):
        refused(small, with_slot(luks, derivation=kdf), message)


@needs("cryptsetup")
def test_key_material_is_checked(small: tuple[bytes, Luks]) -> None:
    luks = small[1]
    material = luks.slots[0].material
    assert material is not None
    for changed, message in (
        (replace(material, offset=len(small[0])), "key material inside"),
        (replace(material, size=100), "key material inside"),
        (replace(material, stripes=0), "in 0 parts"),
        (replace(material, stripes=1 << 30), "parts found"),
        (replace(material, cipher="serpent-xts-plain64"), "aes-xts or aes-cbc wanted, serpent"),
        (replace(material, cipher="aes-xts-random"), "plain, plain64 or essiv"),
        (replace(material, cipher="aes-cbc-essiv:sha1"), "a hash as long as a key"),
        (replace(material, key_size=16), "a key of"),
        (replace(material, hash="md5"), "md5 found"),
    ):
        refused(small, with_slot(luks, material=changed), re.escape(message))
    refused(small, with_slot(luks, key_size=0), "up to 64 bytes")
    refused(small, with_slot(luks, derivation=None), "opens none")
    refused(small, replace(luks, slots=()), "opens none")
    refused(small, replace(luks, digests=()), "opens none")
    refused(small, replace(luks, obstacle="no"), "no")


@needs("cryptsetup")
def test_the_data_is_checked(small: tuple[bytes, Luks]) -> None:
    data, luks = small
    for changed, message in (
        (replace(luks, sector_size=1000), "sectors of 512 to 4096"),
        (replace(luks, payload_offset=100), "sectors"),
        (replace(luks, payload_offset=len(data) + 512), "inside"),
        (replace(luks, payload_size=1 << 60), "inside"),
        (replace(luks, cipher="aes-gcm-random"), "aes-xts or aes-cbc"),
    ):
        with pytest.raises(ParseError, match=message):
            LuksVolume(Memory(data), changed, bytes(range(32)))
    assert LuksVolume(Memory(data), replace(luks, payload_size=1000), bytes(range(32))).size == 512


@needs("cryptsetup")
def test_damage_raises_nothing_else(small: tuple[bytes, Luks]) -> None:
    data, luks = small
    material = luks.slots[0].material
    assert material is not None
    areas = ((0, 592), (0, 592), (material.offset, material.size))
    whole = 0
    for seed in range(40):
        chance = random.Random(seed)
        start, size = chance.choice(areas)
        patches = [(start + chance.randrange(size), chance.randbytes(chance.choice((1, 2, 4)))) for _ in range(2)]
        source = Damaged(data, patches, len(data))
        try:
            header = parse_luks(source)
            if sum(slot.derivation.cost for slot in header.slots if slot.derivation) < 20_000:
                unlock(source, header, KEY).read_at(0, 512)
                whole += 1
        except ParseError:
            continue
    assert 0 < whole < 40
