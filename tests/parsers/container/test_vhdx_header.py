"""What a VHDX's headers, region tables and metadata say, one field at a time."""

from __future__ import annotations

import struct
import subprocess
import uuid

import pytest

from parsers.container.vhdx import open_vhdx
from parsers.container.vhdx_header import parse_header, parse_layout
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs
from tests.vhdx_log_builder import current_header, sealed

pytestmark = needs("qemu-img")
MIB = 1 << 20
METADATA, REGIONS = b"metadata", (196608, 262144)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("vhdx") / "disk.vhdx"
    command = ["qemu-img", "create", "-q", "-f", "vhdx", "-o", "block_size=1M", str(path), "8M"]
    subprocess.run(command, check=True)
    return path.read_bytes()


def changed(data: bytes, *patches: tuple[int, bytes]) -> Memory:
    """Put patches into the file, and the right checksums where there are any."""
    whole = bytearray(data)
    for at, patch in patches:
        whole[at : at + len(patch)] = patch
    for at, length in ((65536, 4096), (131072, 4096), (REGIONS[0], 65536), (REGIONS[1], 65536)):
        whole[at : at + length] = sealed(bytes(whole[at : at + length]))
    return Memory(bytes(whole))


def refused(source: Memory) -> str:
    with pytest.raises(ParseError) as caught:
        open_vhdx(source)
    return caught.value.message


def item(data: bytes, guid: str) -> tuple[int, int]:
    """Return where a metadata item's entry is, and where the item."""
    start = data.index(METADATA)
    entry = data.index(uuid.UUID(guid).bytes_le, start)
    return entry, start + struct.unpack_from("<I", data, entry + 16)[0]


FILE_PARAMETERS = "caa16737-fa36-4d43-b3b6-33f0aa44e76b"
DISK_SIZE = "2fa54224-cd1b-4876-b211-5dbed83bf4b8"
LOGICAL = "8141bf1d-a96f-4709-ba47-f233a8faab5f"
DISK_ID = "beca12ab-b2e6-4523-93ef-c309e000c746"


def test_the_facts(plain: bytes) -> None:
    header, creator = parse_header(Memory(plain))
    layout = parse_layout(Memory(plain))
    assert creator.startswith("QEMU")
    assert (header.offset, header.log_guid) == (current_header(plain), None)
    assert (layout.block_size, layout.virtual_size, layout.logical_sector_size) == (MIB, 8 * MIB, 512)
    assert uuid.UUID(layout.disk_id)


def test_one_of_two_headers_is_enough(plain: bytes) -> None:
    other = {65536: 131072, 131072: 65536}
    for broken in (65536, 131072):
        whole = bytearray(plain)
        whole[broken + 8] ^= 1
        header, _ = parse_header(Memory(bytes(whole)))
        assert header.offset == other[broken]
        assert "checksum" in header.problems[0].message
    both = Memory(plain[:65536] + bytes(69632) + plain[135168:])
    assert "a header wanted" in refused(both)


def test_headers_that_contradict_each_other(plain: bytes) -> None:
    same = struct.pack("<Q", 5)
    source = changed(plain, (65536 + 8, same), (131072 + 8, same), (65536 + 70, b"\7"))
    assert "contradict" in refused(source)


def test_one_of_two_region_tables_is_enough(plain: bytes) -> None:
    whole = bytearray(plain)
    whole[REGIONS[0] + 5] ^= 1
    info = open_vhdx(Memory(bytes(whole))).info
    assert "region table" in info.problems[0].message
    whole[REGIONS[1] + 5] ^= 1
    assert "both are broken" in refused(Memory(bytes(whole)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (66, struct.pack("<H", 2), "version 1 wanted"),
        (48, bytes(15) + b"\1" + struct.pack("<H", 1), "log version 0"),
        (48, bytes(15) + b"\1" + struct.pack("<HHI", 0, 1, 4096), "boundary of 1 MiB"),
        (48, bytes(15) + b"\1" + struct.pack("<HHI", 0, 1, 64 * MIB), "truncated"),
    ],
)
def test_headers_that_are_refused(plain: bytes, field: int, value: bytes, message: str) -> None:
    assert message in refused(changed(plain, (current_header(plain) + field, value)))


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (16, bytes(15) + b"\1" + bytes(12) + b"\1", "unknown required region"),
        (32, struct.pack("<Q", MIB + 1), "boundary of 1 MiB"),
        (32, struct.pack("<Q", 1 << 50), "truncated"),
        (40, struct.pack("<I", 0), "boundary of 1 MiB"),
        (8, struct.pack("<I", 1), "not both found"),
        (8, struct.pack("<I", 3000), "both are broken"),
    ],
)
def test_region_tables_that_are_refused(plain: bytes, at: int, value: bytes, message: str) -> None:
    assert message in refused(changed(plain, *((table + at, value) for table in REGIONS)))


def test_regions_that_overlap_or_come_twice(plain: bytes) -> None:
    for first, length, message in ((16, 16, "two found"), (32, 8, "overlap")):
        patches = [(table + 32 + first, plain[table + first : table + first + length]) for table in REGIONS]
        assert message in refused(changed(plain, *patches))


@pytest.mark.parametrize(
    ("guid", "value", "message"),
    [
        (FILE_PARAMETERS, struct.pack("<I", 3 * MIB), "a power of two"),
        (FILE_PARAMETERS, struct.pack("<I", 512 * MIB), "a power of two"),
        (FILE_PARAMETERS, struct.pack("<II", MIB, 2), "refused: a differencing disk, whose parent is not named"),
        (DISK_SIZE, struct.pack("<Q", 0), "at most 64 TiB"),
        (DISK_SIZE, struct.pack("<Q", 1 << 60), "at most 64 TiB"),
        (DISK_SIZE, struct.pack("<Q", 1000), "at most 64 TiB"),
        (LOGICAL, struct.pack("<I", 520), "sectors of 512 or 4096"),
    ],
)
def test_metadata_that_is_refused(plain: bytes, guid: str, value: bytes, message: str) -> None:
    assert message in refused(changed(plain, (item(plain, guid)[1], value)))


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, bytes(15) + b"\1", "unknown required item"),
        (16, struct.pack("<I", 100), "inside its region"),
        (16, struct.pack("<I", 0xFFFFFFFF), "inside its region"),
        (20, struct.pack("<I", 3), "bytes wanted, 3 found"),
    ],
)
def test_metadata_tables_that_are_refused(plain: bytes, at: int, value: bytes, message: str) -> None:
    assert message in refused(changed(plain, (item(plain, DISK_SIZE)[0] + at, value)))


def test_other_broken_metadata(plain: bytes) -> None:
    start = plain.index(METADATA)
    assert "a metadata table wanted" in refused(changed(plain, (start, b"x")))
    assert "a metadata table wanted" in refused(changed(plain, (start + 10, b"\xff\xff")))
    assert "two found" in refused(changed(plain, (item(plain, DISK_ID)[0], uuid.UUID(DISK_SIZE).bytes_le)))
    assert "16 bytes" in refused(changed(plain, (item(plain, DISK_ID)[0] + 20, b"\x08")))
    user = (item(plain, DISK_ID)[0], bytes(15) + b"\1" + plain[item(plain, DISK_ID)[0] + 16 :][:8] + b"\5")
    assert parse_layout(changed(plain, user)).disk_id is None


def test_sectors_of_4096_bytes(plain: bytes) -> None:
    info = open_vhdx(changed(plain, (item(plain, LOGICAL)[1], struct.pack("<I", 4096)))).info
    assert info.logical_sector_size == 4096


def test_a_differencing_disk_is_refused_by_its_parents_names(plain: bytes) -> None:
    entry, _ = item(plain, DISK_ID)
    place = 200_000
    words = [("relative_path", "..\\base.vhdx"), ("absolute_win32_path", "C:\\base.vhdx")]
    texts = [word.encode("utf-16-le") for pair in words for word in pair]
    starts = [44 + sum(map(len, texts[:number])) for number in range(5)]
    locator = bytes(16) + struct.pack("<HH", 0, 2)
    for number in (0, 2):
        offsets = starts[number : number + 2]
        locator += struct.pack("<IIHH", *offsets, len(texts[number]), len(texts[number + 1]))
    locator += b"".join(texts)
    guid = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le
    patches = [
        (entry, guid + struct.pack("<II", place, len(locator))),
        (plain.index(METADATA) + place, locator),
        (item(plain, FILE_PARAMETERS)[1] + 4, b"\2"),
    ]
    message = refused(changed(plain, *patches))
    assert repr("..\\base.vhdx") in message
    assert repr("C:\\base.vhdx") in message


def test_a_file_that_was_cut(plain: bytes) -> None:
    assert "truncated" in refused(Memory(plain[:300_000]))
    assert "truncated" in refused(Memory(plain[: 2 * MIB]))
    assert "'vhdxfile' wanted" in refused(Memory(b"x" + plain[1:]))
