"""VMDK disks, compared with what qemu-img reads, and what is refused of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.image_file import open_file
from parsers.container.vmdk import open_vmdk, vmdk_extent_files
from parsers.place import ParseError
from parsers.source import Memory
from tests.corpus import corpus
from tests.disk_images import MIB, as_raw, assert_same, assert_survives, random_image
from tests.oracles import needs
from tests.vmdk_builder import descriptor, sparse, sparse_header, with_footer

qemu = needs("qemu-img", "qemu-io")


@qemu
@pytest.mark.parametrize(
    "kind",
    ["monolithicSparse", "streamOptimized", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"],
)
@pytest.mark.parametrize("size", [20 * MIB, 9 * MIB + 7 * 512])
def test_it_reads_as_qemu_reads_it(tmp_path: Path, kind: str, size: int) -> None:
    image = tmp_path / "disk.vmdk"
    raw = random_image(image, "vmdk", f"subformat={kind}", size)
    file = open_file(image)
    names = vmdk_extent_files(file)
    assert bool(names) == (kind not in {"monolithicSparse", "streamOptimized"})
    disk = open_vmdk(file, name="sda", files={name: open_file(tmp_path / name) for name in names})
    assert_same(disk, raw)
    assert (disk.name, disk.info.create_type, disk.info.files) == ("sda", kind, names)
    assert (disk.info.problems, disk.info.truncated, disk.info.dirty) == ((), False, False)
    assert disk.info.compressed == (kind == "streamOptimized")


@qemu
@pytest.mark.parametrize("kind", ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
def test_a_disk_in_three_parts(tmp_path: Path, kind: str) -> None:
    image = tmp_path / "disk.vmdk"
    raw = random_image(image, "vmdk", f"subformat={kind}", 5 << 30)
    file = open_file(image)
    names = vmdk_extent_files(file)
    assert len(names) == 3
    disk = open_vmdk(file, files={name: open_file(tmp_path / name) for name in names})
    edges = disk._ends[:-1]
    with raw.open("rb") as wanted:
        for offset in (*range(0, disk.size - MIB, 61 * MIB), *(edge - MIB // 2 for edge in edges)):
            wanted.seek(offset)
            assert disk.read_at(offset, MIB) == wanted.read(MIB)
        wanted.seek(disk.size - 400 * 512)
        assert disk.read_at(disk.size - 400 * 512, 400 * 512) == wanted.read()


@qemu
def test_a_stream_whose_directory_is_named_by_a_footer(tmp_path: Path) -> None:
    plain, image = tmp_path / "plain.vmdk", tmp_path / "disk.vmdk"
    random_image(plain, "vmdk", "subformat=streamOptimized", 9 * MIB)
    image.write_bytes(with_footer(plain.read_bytes()))
    assert_same(open_vmdk(open_file(image)), as_raw(image, "vmdk"))


@qemu
@pytest.mark.corpus
@pytest.mark.parametrize("name", ["dv/dv-ext2-vmdk", "os/os-4fs-vmdk"])
def test_disks_of_other_programs(tmp_path: Path, name: str) -> None:
    image = corpus(f"known/images/{name}.vmdk.xz")
    link = tmp_path / "disk.vmdk"
    link.symlink_to(image)
    assert_same(open_vmdk(open_file(image)), as_raw(link, "vmdk"))


def test_flat_extents_at_offsets_and_zeros() -> None:
    text = descriptor('RW 2 FLAT "a.vmdk" 3', "RW 1 ZERO", 'RW 1 VMFS "b.vmdk"', kind="vmfs")
    files = {"a.vmdk": Memory(bytes(1536) + b"\1" * 1024), "b.vmdk": Memory(b"\2" * 512)}
    file = Memory(text.encode())
    assert vmdk_extent_files(file) == ("a.vmdk", "b.vmdk")
    disk = open_vmdk(file, files=files)
    assert disk.read_at(0, disk.size) == b"\1" * 1024 + bytes(512) + b"\2" * 512
    assert disk.read_at(1000, 600) == b"\1" * 24 + bytes(512) + b"\2" * 64
    assert disk.info.adapter == "lsilogic"
    with pytest.raises(ParseError, match="truncated"):
        open_vmdk(file, files={**files, "a.vmdk": Memory(bytes(2559))})
    with pytest.raises(ParseError, match=r"'b\.vmdk'"):
        open_vmdk(file, files={"a.vmdk": files["a.vmdk"]})


FLAT = 'RW 2048 FLAT "/etc/passwd" 0'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (descriptor(FLAT, kind="monolithicFlat"), "refused: the disk lies in other files ('/etc/passwd')"),
        (descriptor(*(f'RW 1 FLAT "{n}"' for n in range(9)), kind="twoGbMaxExtentFlat"), "'4' and 4 more)"),
        (descriptor('RW 2048 FLAT "../../x" 0', kind="vmfs"), "'../../x'"),
        (descriptor('RW 2048 FLAT "/dev/sda" 0', kind="fullDevice"), "'fullDevice' found"),
        (descriptor('RW 2048 FLAT "/dev/sda" 0', kind="partitionedDevice"), "'partitionedDevice' found"),
        (descriptor('RW 2048 VMFSRDM "x-rdm.vmdk"', kind="vmfsRawDeviceMap"), "'vmfsRawDeviceMap' found"),
        (descriptor('RW 2048 VMFSSPARSE "x"', kind="vmfsSparse"), "'vmfsSparse' found"),
        (descriptor('RW 2048 SESPARSE "x"', kind="seSparse"), "'seSparse' found"),
        (descriptor(FLAT, kind="custom"), "'custom' found"),
        (descriptor(FLAT, kind=None), "createType"),
        (descriptor(kind="monolithicFlat"), "extents wanted"),
        (descriptor(FLAT, kind="monolithicFlat", parent="12345678"), "whose name is not named"),
        (descriptor(FLAT, kind="vmfs", more='parentFileNameHint="/base"'), "whose name is '/base'"),
        (descriptor("RW 999999999999999999 ZERO", kind="vmfs"), "at most 64 TiB"),
        (descriptor("RW 0 ZERO", kind="vmfs"), "at most 64 TiB"),
        ("# Disk DescriptorFile\n" + "#" * 70_000, "descriptor of less than"),
    ],
)
def test_descriptors_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        open_vmdk(Memory(text.encode()))
    assert message in caught.value.message
    assert caught.value.message.count("\n") == 0


@pytest.mark.parametrize(
    ("extent", "message"),
    [
        ('NOACCESS 1 FLAT "x"', "may not be read"),
        ("RW 1 FLAT", "name of an extent's file"),
        ('RW 1 FLAT ""', "name of an extent's file"),
        ('RW 1 VMFSRDM "x"', "VMFSRDM found"),
        ('RW 1 SESPARSE "x"', "SESPARSE found"),
        ('RW 1 FLAT "x" 99999999999', "truncated"),
        ('RW 1 SPARSE "x"', "'KDMV' wanted"),
        ('RW 1 SPARSE "sparse"', "a part of 512 bytes wanted"),
    ],
)
def test_extents_that_are_refused(extent: str, message: str) -> None:
    files = {"x": Memory(bytes(4096)), "sparse": Memory(sparse())}
    with pytest.raises(ParseError) as caught:
        open_vmdk(Memory(descriptor(extent, kind="vmfs").encode()), files=files)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (descriptor('RW 2048 FLAT "/etc/passwd" 0'), "one sparse extent wanted, FLAT found"),
        (descriptor('RW 1 SPARSE "a"', 'RW 1 SPARSE "b"'), "SPARSE, SPARSE found"),
        (descriptor('RW 2048 FLAT "/etc/passwd" 0', kind="monolithicFlat"), "in a sparse file, 'monolithicFlat' found"),
        (descriptor('RW 2048 SPARSE "a"', parent="00000001", more='parentFileNameHint="/base.vmdk"'), "'/base.vmdk'"),
        ("", "a part of a disk in several files"),
    ],
)
def test_sparse_files_that_are_refused(text: str, message: str) -> None:
    file = Memory(sparse(text=text))
    with pytest.raises(ParseError) as caught:
        open_vmdk(file, files={"/etc/passwd": Memory(bytes(4096))})
    assert message in caught.value.message
    assert vmdk_extent_files(file) == ()


def test_extents_of_esx_servers() -> None:
    for magic, name in ((b"COWD", "COWD"), (b"\xbe\xba\xfe\xca", "SEsparse")):
        with pytest.raises(ParseError, match=f"refused: a {name} extent"):
            open_vmdk(Memory(magic + bytes(4096)))


def test_a_size_that_differs_from_the_header_is_a_problem() -> None:
    disk = open_vmdk(Memory(sparse(text=descriptor('RW 2047 SPARSE "disk.vmdk"'))))
    assert disk.size == 1 << 20
    assert "as in the header" in disk.info.problems[0].message
    assert open_vmdk(Memory(sparse(sparse_header(unclean=1)))).info.dirty
    assert json.dumps(disk.info.files) == "[]"


@qemu
@pytest.mark.parametrize("kind", ["monolithicSparse", "streamOptimized"])
def test_damaged_images_are_errors(tmp_path: Path, kind: str) -> None:
    image = tmp_path / "disk.vmdk"
    random_image(image, "vmdk", f"subformat={kind}", 8 * MIB)
    data = image.read_bytes()
    assert_survives(data, [(4, 75), (512, 400), (21 * 512, 3000), (65536, len(data) - 65536)], open_vmdk)
