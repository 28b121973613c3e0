"""Headers made by hand, whose digests rpm itself accepts (test_database.py), and damage to them."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import pytest

from fixtures.rpm import header
from parsers.linux.rpm.header import Header
from parsers.linux.rpm.package import files_of, package_of
from parsers.place import ParseError, Place

PLACE = Place("/var/lib/rpm/Packages", key="package 3")
BLOB = header(
    name="bash",
    version="5.1.8",
    release="9.el9",
    epoch=2,
    summary="The GNU Bourne Again shell",
    folders=["/usr/bin/", "/etc/"],
    base_names=["bash", "sh", "bashrc"],
    folder_indices=[0, 0, 1],
    file_modes=[0o100755, 0o120777, 0o100644],
    install_time=1_700_000_000,
)


def test_values_by_their_tags() -> None:
    found = Header(BLOB, PLACE)
    assert (found.text(1000), found.text(1004), found.text(1014)) == ("bash", "The GNU Bourne Again shell", "")
    assert (found.number(1003), found.number(1008), found.number(1009)) == (2, 1_700_000_000, None)
    assert found.texts(1117) == ("bash", "sh", "bashrc")
    assert found.numbers(1030) == (0o100755, 0o120777, 0o100644)
    assert 1000 in found
    assert 1014 not in found


def test_a_value_of_another_type_is_none() -> None:
    found = Header(BLOB, PLACE)
    assert (found.text(1003), found.texts(1000), found.numbers(1000)) == ("", (), ())


def test_what_installing_added_wins() -> None:
    # The first entry behind the region says once more what the second one of the region says.
    blob = bytearray(header(digest=False, name="old", version="1", install_time=5))
    count = struct.unpack_from(">I", blob)[0]
    last = 8 + 16 * (count - 1)
    struct.pack_into(">i", blob, last, 1003)
    assert Header(bytes(blob), PLACE).number(1003) == 5


def test_a_change_in_the_region_is_noticed() -> None:
    at = BLOB.index(b"bash\0")
    with pytest.raises(ParseError, match=r"package 3: sha256 [0-9a-f]{64} wanted, [0-9a-f]{64} found"):
        Header(BLOB[:at] + b"gash" + BLOB[at + 4 :], PLACE)


def test_a_header_of_old_has_no_region_and_no_digest() -> None:
    entry = struct.pack(">iIiI", 1000, 6, 0, 1)
    found = Header(struct.pack(">II", 1, 4) + entry + b"old\0", PLACE)
    assert found.text(1000) == "old"


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "a header of at least 8 bytes wanted, 0 found"),
        (BLOB[:-1], f"entries and .* bytes in a header of {len(BLOB) - 1} bytes found"),
        (BLOB + b"x", "bytes found"),
        (struct.pack(">II", 0, 0), "0 entries and 0 bytes"),
        (struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(100), "4294967295 entries"),
        (struct.pack(">IIiIiI", 1, 1, 1000, 6, 2, 1) + b"x", "tag 1000: 1 values of type 6 at 2 of 1 bytes found"),
        (struct.pack(">IIiIiI", 1, 1, 1000, 6, -1, 1) + b"x", "tag 1000"),
        (struct.pack(">IIiIiI", 1, 4, 1003, 4, 0, 2) + bytes(4), "tag 1003: 2 values of type 4"),
        (struct.pack(">IIiIiI", 1, 4, 1003, 77, 0, 1) + bytes(4), "tag 1003: 1 values of type 77"),
        (struct.pack(">IIiIiI", 1, 4, 63, 7, 0, 16) + bytes(4), "tag 63"),
        (struct.pack(">IIiIiI", 1, 16, 63, 7, 0, 16) + bytes(16), "a region of at most 16 bytes of entries wanted"),
    ],
)
def test_a_broken_structure_is_named(blob: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        Header(blob, PLACE)


def test_an_array_that_is_too_long_is_not_unfolded() -> None:
    count = (1 << 20) + 1
    found = Header(struct.pack(">IIiIiI", 1, count, 1030, 2, 0, count) + bytes(count), PLACE)
    assert found.number(1030) == 0
    with pytest.raises(ParseError, match="tag 1030: at most 1048576 values wanted, 1048577 found"):
        found.numbers(1030)


def test_a_string_without_an_end_is_named() -> None:
    entries = struct.pack(">iIiI", 1000, 6, 0, 1) + struct.pack(">iIiI", 1117, 8, 0, 2)
    found = Header(struct.pack(">II", 2, 3) + entries + b"a\0b", PLACE)
    assert found.text(1000) == "a"
    with pytest.raises(ParseError, match="tag 1117: 2 strings wanted, 1 found"):
        found.texts(1117)
    with pytest.raises(ParseError, match="tag 1000: a string with an end wanted"):
        Header(struct.pack(">IIiIiI", 1, 1, 1000, 6, 0, 1) + b"x", PLACE).text(1000)


@pytest.mark.parametrize("digest", [True, False])
def test_damage_raises_nothing_but_parse_errors_and_with_a_digest_changes_no_name(digest: bool) -> None:
    blob = header(digest=digest, name="bash", version="5", release="1", folders=["/"], base_names=["a", "b"],
                  folder_indices=[0, 0], file_modes=[1, 2], file_sizes=[1, 2], file_users=["r", "r"],
                  file_groups=["r", "r"], file_digests=["", ""], file_links=["", ""], file_flags=[0, 0])  # fmt: skip
    chance = random.Random(7)
    read = 0
    for _ in range(600):
        damaged = bytearray(blob)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        with suppress(ParseError):
            found = Header(bytes(damaged[: chance.choice([None, None, chance.randrange(len(blob))])]), PLACE)
            name = package_of(found).name
            files_of(found)
            read += 1
            # Damage may hit a digest's own entry, so that there is none; not both the digest and the name.
            assert name == "bash" or not digest
    assert read
