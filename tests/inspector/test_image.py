"""Opening an image: what is refused in one line, what is read, and that nothing else of the host is opened."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.image import DISK_NAME, Image, open_image
from parsers.container.detect import Format
from parsers.place import ParseError
from tests.corpus import corpus, entries
from tests.oracles import needs
from tests.partition_builder import boot_record, gpt_disk, mbr_disk
from tests.qcow2_builder import Qcow2Builder

ROOT = Path(__file__).parents[2]
REFUSED = [entry["file"] for entry in entries("hostile") if entry["outcome"] == "refuse"]
NAMING = [name for name in REFUSED if "backing" in name]


def stored(tmp_path: Path, data: bytes | bytearray, name: str = "disk.img") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def refused(path: str | Path) -> str:
    with pytest.raises(InspectorError) as caught:
        open_image(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_raw_disk(tmp_path: Path) -> None:
    with open_image(stored(tmp_path, mbr_disk(100, (0x80, 0x83, 1, 50)))) as image:
        assert (image.format, image.virtual_size, image.file_size) == (Format.RAW, 51200, 51200)
        assert (image.container, image.problems, image.resembles) == (None, (), None)
        assert image.source.name == DISK_NAME
        before = image.bytes_read
        assert image.source.read_at(510, 2) == b"\x55\xaa"
        assert image.bytes_read == before + 2


def test_a_qcow2_whatever_it_is_called(tmp_path: Path) -> None:
    builder = Qcow2Builder(data=b"\x07" * 65536)
    builder.entries = [(builder.data_offset, 0)]
    image = open_image(stored(tmp_path, builder.build(), "disk.raw"))
    assert (image.format, image.virtual_size) == (Format.QCOW2, 1 << 20)
    assert image.container is not None
    assert image.source.name == DISK_NAME
    assert image.source.read_at(0, 4) == b"\x07" * 4


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "a FIFO found" in refused(fifo)
    assert "a directory found" in refused(tmp_path)
    assert "a character device found" in refused("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        refused(tmp_path / "socket")
    assert "No such file" in refused(tmp_path / "absent")
    (tmp_path / "loop").symlink_to("loop")
    assert "symbolic links" in refused(tmp_path / "loop")
    assert "cannot be opened" in refused("a\0b")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, bytes(512))
    path.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            assert "cannot be opened" in refused(path)
        finally:
            os.seteuid(0)
    else:
        assert "Permission denied" in refused(path)


def test_files_that_hold_no_disk(tmp_path: Path) -> None:
    assert "an empty file found" in refused(stored(tmp_path, b""))
    assert "at least one sector" in refused(stored(tmp_path, b"QFI"))
    assert "a disk image wanted, a text file found" in refused(stored(tmp_path, b"some text\n" * 100))
    cut = open_image(stored(tmp_path, bytes(1000)))
    assert cut.format is Format.RAW
    assert "sectors of 512" in cut.problems[0].message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"QED\0" + bytes(2048), "qed image, which is not read so far: convert it with qemu-img convert -O qcow2"),
        (b"\x28\xb5\x2f\xfd" + bytes(2048), "zstd file, which is not read so far: unpack it first"),
        (bytes(0x8000) + b"\x01CD001\x01" + bytes(121) + b"\x00\x08\x08\x00" + bytes(4096), "iso9660 image"),
        (b"EVF\t\r\n\xff\0" + bytes(2048), "convert it with ewfexport -f raw"),
        (b"MSWIM\0\0\0" + bytes(2048), "apply it to the volume of a disk first"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    assert message in refused(stored(tmp_path, data, "disk.qcow2"))


def test_a_truncated_qcow2_says_so(tmp_path: Path) -> None:
    whole = Qcow2Builder(data=bytes(65536)).build()
    assert "truncated" in refused(stored(tmp_path, whole[:100_000]))
    image = open_image(stored(tmp_path, whole[: 3 * 65536 + 100]))
    assert image.container is not None
    assert image.container.truncated
    with pytest.raises(ParseError, match="truncated"):
        image.source.read_at(0, 512)


def test_a_sparse_file_of_10_tib_opens_at_once(tmp_path: Path) -> None:
    path = tmp_path / "huge.raw"
    with path.open("wb") as file:
        file.truncate(10 << 40)
    image = open_image(path)
    assert image.virtual_size == 10 << 40
    assert image.bytes_read < 1 << 20


def test_a_file_that_shrinks_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = stored(tmp_path, bytes(1 << 20))
    image = open_image(path)
    os.truncate(path, 4096)
    with pytest.raises(ParseError, match="cut short"):
        image.source.read_at(0, 1 << 20)


def test_a_raw_disk_that_begins_like_a_qcow2_is_said_to(tmp_path: Path) -> None:
    disk = mbr_disk(4096, (0x80, 0x83, 2048, 1024))
    disk[:8] = struct.pack(">4sI", b"QFI\xfb", 9)
    image = open_image(stored(tmp_path, disk))
    assert (image.format, image.resembles) == (Format.RAW, Format.QCOW2)
    assert "begins like qcow2" in image.problems[0].message


@pytest.mark.parametrize(
    ("magic", "kind"), [(b"KDMV", Format.VMDK), (b"# Disk DescriptorFile\n", Format.VMDK), (b"QED\0", Format.QED)]
)
def test_a_disk_made_to_look_like_another_format_is_raw_and_said_to(tmp_path: Path, magic: bytes, kind: Format) -> None:
    disk = mbr_disk(4096, (0x80, 0x83, 2048, 1024))
    disk[: len(magic)] = magic
    image = open_image(stored(tmp_path, disk))
    assert (image.format, image.resembles) == (Format.RAW, kind)


@needs("qemu-img")
def test_a_fixed_vhd_with_partitions_is_a_vhd(tmp_path: Path) -> None:
    raw = stored(tmp_path, mbr_disk(8192, (0x80, 0x83, 2048, 1024)))
    image = tmp_path / "disk.vhd"
    subprocess.run(["qemu-img", "convert", "-O", "vpc", "-o", "subformat=fixed", str(raw), str(image)], check=True)
    with open_image(image) as opened:
        assert (opened.format, opened.resembles, opened.problems) == (Format.VHD, None, ())
        assert opened.source.read_at(510, 2) == b"\x55\xaa"


def test_a_qcow2_header_that_names_a_host_file_is_refused_on_a_raw_disk_too(tmp_path: Path) -> None:
    """A raw disk stays raw however its first bytes are made up, and the name in them is never followed."""
    disk = mbr_disk(4096, (0x80, 0x83, 2048, 1024))
    disk[:446] = Qcow2Builder(backing=b"/etc/passwd").build()[:446]
    image = open_image(stored(tmp_path, disk))
    assert (image.format, image.resembles) == (Format.RAW, Format.QCOW2)
    assert image.source.read_at(510, 2) == b"\x55\xaa"


def test_a_qcow2_with_a_partition_table_in_its_header_is_said_to(tmp_path: Path) -> None:
    data = bytearray(Qcow2Builder().build())
    data[440:512] = boot_record((0x80, 0x83, 2, 100))[440:]
    image = open_image(stored(tmp_path, data))
    assert (image.format, image.resembles) == (Format.QCOW2, Format.RAW)


def test_what_an_iso_left_on_a_disk_does_not_make_it_one(tmp_path: Path) -> None:
    descriptor = b"\x01CD001\x01" + bytes(121) + b"\x00\x08\x08\x00"
    disk = gpt_disk(4096, (2048, 3000))
    disk[0x8000 : 0x8000 + len(descriptor)] = descriptor
    image = open_image(stored(tmp_path, disk))
    assert (image.format, image.resembles) == (Format.RAW, Format.ISO9660)
    hybrid = mbr_disk(4096, (0x80, 0x17, 64, 4000))
    hybrid[0x8000 : 0x8000 + len(descriptor)] = descriptor
    assert "iso9660" in refused(stored(tmp_path, hybrid))


def test_a_closed_image_is_closed(tmp_path: Path) -> None:
    image: Image = open_image(stored(tmp_path, bytes(512)))
    image.close()
    image.close()
    with pytest.raises(ParseError):
        image.source.read_at(0, 1)


def test_a_refused_image_leaves_no_file_open(tmp_path: Path) -> None:
    path = stored(tmp_path, Qcow2Builder(backing=b"/etc/passwd").build())
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the count of descriptors
    for _ in range(20):
        refused(path)
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208 - as above


@pytest.mark.corpus
@pytest.mark.parametrize("name", REFUSED)
def test_hostile_images_are_refused_by_name_of_the_cause(name: str) -> None:
    with pytest.raises((InspectorError, ParseError)) as caught:
        open_image(corpus(f"hostile/{name}")).source.read_at(0, 512)
    assert len(str(caught.value)) > 20


CHILD = """
import sys
from inspector.errors import InspectorError
from inspector.image import open_image
from parsers.partition import parse_partition_table
from isal import isal_zlib
import os
os.access("/nonexistent/ready", os.F_OK)
for path in sys.argv[1:]:
    try:
        parse_partition_table(open_image(path).source)
    except InspectorError as error:
        print(error)
"""


@needs("strace")
@pytest.mark.corpus
def test_no_other_file_is_opened(tmp_path: Path) -> None:
    """Every system call that names a file, or makes a connection, after the imports: the images' own opens only."""
    images = [str(corpus(f"hostile/{name}")) for name in NAMING]
    for number, name in enumerate([b"/etc/shadow", b"file:///etc/passwd", b"self.img", b"host_device:/dev/zero"]):
        images.append(str(stored(tmp_path, Qcow2Builder(backing=name).build(), f"backing{number}.img")))
    outside = Qcow2Builder(incompatible=4, extensions=struct.pack(">II", 0x44415441, 16) + b"/etc/hostname\0\0\0")
    images.append(str(stored(tmp_path, outside.build(), "data.img")))
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-qq", "-e", "trace=%file,%network,%process", "-o", str(log)]
    result = subprocess.run(
        [*command, sys.executable, "-c", CHILD, *images], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert len(result.stdout.splitlines()) == len(images)
    _, _, after = log.read_text().partition("/nonexistent/ready")
    calls = re.findall(r"^\d+ +(\w+)\((?:AT_FDCWD, )?(.*)$", after, re.MULTILINE)
    assert [rest.split('"')[1] for call, rest in calls if call == "openat"] == images
    others = [(call, rest) for call, rest in calls if call not in {"openat", "exit_group", "exit"}]
    assert [(call, rest) for call, rest in others if '""' not in rest] == []  # "": a file that is open already
