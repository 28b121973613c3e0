"""Device elements: published ones, those of a real store, and damaged ones."""

from __future__ import annotations

import random
import struct
import uuid
from contextlib import suppress

import pytest

from parsers.boot.bcd_device import BcdDevice, BcdDeviceKind, parse_bcd_device
from parsers.place import ParseError, Place

HERE = Place("BCD", key="Element")
NO_OPTIONS = bytes(16)
MBR = bytes.fromhex(
    # of a Windows 8.1 on an MBR disk, where bcdedit printed "partition=C:" (mistyprojects.co.uk, "Devices Partition -
    # Data"): its partition starts at sector 718848, and its disk's signature is b3eba8f1
    "00000000000000000000000000000000 06000000 00000000 48000000 00000000 0000f01500000000 0000000000000000"
    "00000000 01000000 f1a8ebb3 000000000000000000000000 00000000000000000000000000000000"
)
PARTITION = "8e0f2c38-e4ea-47ba-b7fc-9d8c74dccf0b"
DISK = "0b2394a9-095e-487d-8d48-719ecd4d78ca"


def device(kind: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("<IIII", kind, flags, 16 + len(body), 0) + body


def gpt(partition: str = PARTITION, disk: str = DISK) -> bytes:
    ids = [uuid.UUID(text).bytes_le for text in (partition, disk)]
    return device(6, ids[0] + struct.pack("<II", 0, 0) + ids[1] + bytes(16))


def ram_disk(path: str, parent: bytes, options: bytes = NO_OPTIONS) -> bytes:
    file = parent + path.encode("utf-16-le") + b"\0\0"
    return options + device(0, struct.pack("<IQQI", 3, 0, 0, 0) + struct.pack("<III", 1, 12 + len(file), 5) + file, 1)


def test_a_published_partition_of_an_mbr_disk() -> None:
    found = parse_bcd_device(MBR, HERE)
    assert found == BcdDevice(BcdDeviceKind.PARTITION, "mbr", "b3eba8f1", offset=718848 * 512)
    assert str(found) == "partition byte 368050176 of disk b3eba8f1"


def test_a_partition_of_a_gpt_disk() -> None:
    found = parse_bcd_device(NO_OPTIONS + gpt(), HERE)
    assert found == BcdDevice(BcdDeviceKind.PARTITION, "gpt", DISK, PARTITION)
    assert str(found) == f"partition {PARTITION} of disk {DISK}"


def test_a_ram_disk_tells_its_file_and_where_that_is() -> None:
    options = uuid.UUID("733b62e7-f608-11eb-825c-c112f60133ab").bytes_le
    found = parse_bcd_device(ram_disk(r"\Recovery\Winre.wim", gpt(), options), HERE)
    assert (found.kind, found.path, found.options) == (
        BcdDeviceKind.RAM_DISK, r"\Recovery\Winre.wim", "{733b62e7-f608-11eb-825c-c112f60133ab}",
    )  # fmt: skip
    assert found.parent == BcdDevice(BcdDeviceKind.PARTITION, "gpt", DISK, PARTITION)
    boot = parse_bcd_device(ram_disk(r"\sources\boot.wim", device(5, bytes(56))), HERE)
    assert str(boot) == r"ramdisk \sources\boot.wim on boot"


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        (device(5, bytes(56)), BcdDeviceKind.BOOT, "boot"),
        (device(8, struct.pack("<II", 0, 0x12000002)), BcdDeviceKind.LOCATE, "locate by element 12000002"),
        (device(8, b""), BcdDeviceKind.LOCATE, "locate"),
        (device(0, struct.pack("<II", 0, 1) + bytes(16)), BcdDeviceKind.DISK, "disk"),
        (device(0, struct.pack("<I", 6) + bytes(60)), BcdDeviceKind.VIRTUAL_DISK, "vhd"),
        (device(0, struct.pack("<I", 9)), BcdDeviceKind.OTHER, "other"),
        (device(4, bytes(16)), BcdDeviceKind.OTHER, "other"),
        (device(6, bytes(16) + struct.pack("<II", 6, 1) + bytes(16)), BcdDeviceKind.VIRTUAL_DISK, "vhd"),
        (device(6, bytes(16) + struct.pack("<II", 0, 2) + bytes(16)), BcdDeviceKind.PARTITION, "partition"),
    ],
)
def test_other_devices_are_named(raw: bytes, kind: BcdDeviceKind, text: str) -> None:
    found = parse_bcd_device(NO_OPTIONS + raw, HERE)
    assert (found.kind, str(found)) == (kind, text)
    assert (found.partition, found.disk, found.offset) == (None, None, None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "32 bytes wanted"),
        (MBR[:31], "32 bytes wanted"),
        (MBR[:80], "a device of 16 to 64 bytes wanted, 72 found"),
        (MBR[:24] + b"\1\0\0\0" + MBR[28:], "1 found"),
        (NO_OPTIONS + device(6, bytes(8)), "a partition of 40 bytes wanted"),
        (NO_OPTIONS + device(0, struct.pack("<I", 3)), "the file of a RAM disk wanted"),
    ],
)
def test_what_is_broken_is_said(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_bcd_device(data, HERE)


def test_ram_disks_within_ram_disks_end() -> None:
    inner = device(5, b"")
    for _ in range(200):
        inner = ram_disk("x", inner)[16:]
    assert parse_bcd_device(NO_OPTIONS + inner, HERE).kind is BcdDeviceKind.RAM_DISK


def test_damage_raises_nothing_else() -> None:
    dice = random.Random(1)
    for sample in (MBR, ram_disk(r"\boot.wim", gpt())):
        for _ in range(1000):
            data = bytearray(sample)
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.choice((0, 1, 3, 6, 255, dice.randrange(256)))
            with suppress(ParseError):
                str(parse_bcd_device(bytes(data[: dice.randrange(len(data) + 1)]), HERE))
