"""The format is what the bytes say; qemu-img, tar and the packers write the samples."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from inspector.image_file import open_file
from parsers.container.detect import Format, detect
from parsers.source import Memory
from tests.corpus import corpus, entries
from tests.oracles import needs
from tests.qcow2_builder import Qcow2Builder

QEMU = {
    "qcow2": Format.QCOW2,
    "qcow": Format.QCOW,
    "vmdk": Format.VMDK,
    "vdi": Format.VDI,
    "vhdx": Format.VHDX,
    "vpc": Format.VHD,
    "qed": Format.QED,
    "parallels": Format.PARALLELS,
    "raw": Format.RAW,
}
CORPUS = [
    entry
    for entry in (*entries("known"), *entries("hostile"))
    if entry.get("format") in {"raw", "qcow2", "qcow", "vmdk"} and entry["size"] < 64 << 20
]


def found(data: bytes) -> Format:
    return detect(Memory(data, "disk"))


@needs("qemu-img")
@pytest.mark.parametrize("kind", QEMU)
def test_what_qemu_img_writes_is_recognised(tmp_path: Path, kind: str) -> None:
    image = tmp_path / "disk.raw"
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(image), "2M"], check=True)
    assert found(image.read_bytes()) is QEMU[kind]


@needs("qemu-img")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("vpc", "subformat=fixed"),
        ("vpc", "subformat=fixed,force_size=on"),
        ("vpc", "subformat=dynamic"),
        ("vmdk", "subformat=streamOptimized"),
        ("vmdk", "subformat=monolithicFlat"),
        ("vmdk", "subformat=twoGbMaxExtentSparse"),
        ("vhdx", "subformat=fixed"),
        ("vdi", "static=on"),
    ],
)
def test_subformats_are_recognised(tmp_path: Path, kind: str, options: str) -> None:
    raw, image = tmp_path / "disk.raw", tmp_path / "disk.img"
    raw.write_bytes(random.Random(1).randbytes(1 << 20))
    subprocess.run(["qemu-img", "convert", "-O", kind, "-o", options, str(raw), str(image)], check=True)
    assert found(image.read_bytes()) is QEMU[kind]


def tar(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("disk.raw", b"abc")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (tar("disk.raw"), Format.TAR),
        (tar("appliance.ovf"), Format.OVA),
        (gzip.compress(b"disk", mtime=0), Format.GZIP),
        (lzma.compress(b"disk"), Format.XZ),
        (bz2.compress(b"disk"), Format.BZIP2),
        (b"\x28\xb5\x2f\xfd\x04\x00", Format.ZSTD),
        (zipped(), Format.ZIP),
        (b"COWD" + bytes(2048), Format.VMDK),
        (b"\xbe\xba\xfe\xca" + bytes(2048), Format.VMDK),
        (b"# Disk DescriptorFile\nversion=1\n", Format.VMDK),
        (b"\n# a comment\n# Disk DescriptorFile\r\nversion=1\n", Format.VMDK),
        (Qcow2Builder().build(), Format.QCOW2),
        (b"QFI\xfb\0\0\0\x01", Format.QCOW),
        (b"QFI\xfb\0\0\0\x09", Format.QCOW2),
        (b"EVF\t\r\n\xff\0\x01\x01\0\0\0", Format.EWF),
        (b"EVF2\r\n\x81\0\x02\x01", Format.EWF),
        (b"plain text\n# Disk DescriptorFile\n" * 20, Format.TEXT),
        (b"<!DOCTYPE html>\r\n" * 1000, Format.TEXT),
        (("\u00e9" * 5000).encode(), Format.TEXT),  # an even number of bytes, and one of which only a half was read
        ((" " + "\u00e9" * 5000).encode(), Format.TEXT),
        (("\ufeff" + "Windows\r\n" * 40).encode("utf-16-le"), Format.TEXT),
        (b"line\r\n" * 100_000 + b"\0", Format.TEXT),  # of which not all is read
    ],
    # not the bytes, which hold the time of day: every worker has to collect the same names
    ids=lambda value: str(value) if isinstance(value, Format) else "data",
)
def test_packed_and_other_formats_are_named(data: bytes, wanted: Format) -> None:
    assert found(data) is wanted


@needs("wimlib-imagex")
def test_what_wimlib_writes_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    image = tmp_path / "install.wim"
    subprocess.run(["wimlib-imagex", "capture", "--quiet", str(tmp_path / "folder"), str(image)], check=True)
    assert found(image.read_bytes()) is Format.WIM


@needs("genisoimage")
def test_an_iso_9660_image_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    image = tmp_path / "disk.iso"
    subprocess.run(["genisoimage", "-quiet", "-o", str(image), str(tmp_path / "file")], check=True)
    assert found(image.read_bytes()) is Format.ISO9660


def mbr(boot_code: bytes) -> bytes:
    slot = struct.pack("<B3xB3xII", 0x80, 0x83, 2048, 2048)
    return boot_code.ljust(446, b"\0") + slot + bytes(48) + b"\x55\xaa" + bytes(2 << 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n\0",
        mbr(b"text"),
        b"text" * 200 + bytes(4096),
        b"text" * 0x4000 + bytes(64) + b"_BHRfS_M" + bytes(4096),
        b"less than a sector",
        b"\xff\xfe\0\xd8",
        b"latin 1: \xe9t\xe9",
        bytes(1 << 20),
        mbr(b"\xeb\x63\x90"),
        mbr(b"BZh9 boots"),
        mbr(b"\x1f\x8b\x08\xff"),
        mbr(b"\xfa" + b"ustar"),
        b"BZh91AY&S\0",
        bytes(257) + b"ustar" + bytes(1 << 12),
        bytes(4096) + b"conectix" + bytes(504),
        bytes(0x8001) + b"CD001" + bytes(1 << 14),
        b"LUKS\xba\xbe" + bytes(4096),
        b"hsqs" + bytes(4096),
    ],
    ids=range(19),
)
def test_what_is_no_other_format_is_raw(data: bytes) -> None:
    assert found(data) is Format.RAW


@pytest.mark.corpus
@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["file"].rpartition("/")[2])
def test_corpus_images_are_what_they_are(entry: dict[str, str]) -> None:
    part = "known" if entry in entries("known") else "hostile"
    file = open_file(corpus(f"{part}/{entry['file']}"))
    wanted = {Format(entry["format"])}
    if part == "hostile" and file.size < 72:
        wanted.add(Format.RAW)
    if file.size > 0x8006 and file.read_at(0x8001, 5) == b"CD001":
        wanted = {Format.ISO9660}
    assert detect(file) in wanted
