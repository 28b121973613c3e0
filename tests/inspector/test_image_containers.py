"""Images in VHD, VHDX, VMDK, VDI and in an OVA: the same disk in each, and nothing opened but what is allowed."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from inspector.backing import AllowedFiles
from inspector.disks.disk import Disk
from inspector.disks.storage import Storage, joined
from inspector.errors import InspectorError
from inspector.facts import Facts
from inspector.image import DISK_NAME, open_image
from inspector.rules.image import (
    image_format_accepted,
    image_format_unambiguous,
    image_header_clean,
    image_stands_alone,
)
from inspector.target import Target
from inspector.verdict import Status
from inspector.view.overview import overview, overview_text
from parsers.container.detect import Format
from parsers.partition.table import PartitionTable, Scheme
from tests.oracles import needs
from tests.parsers.container.test_vhd_footer import footer, header
from tests.partition_builder import boot_record
from tests.qcow2_builder import Qcow2Builder
from tests.vhdx_log_builder import Data, entry, with_log
from tests.vmdk_builder import descriptor, sparse
from tests.volumes import storage_at

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
qemu = needs("qemu-img", "mke2fs")
KINDS = {"vpc": Format.VHD, "vhdx": Format.VHDX, "vmdk": Format.VMDK, "vdi": Format.VDI, "qcow2": Format.QCOW2}
ACCEPTED = ("raw", "qcow2", "vhd", "vmdk")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file system that every container holds."""
    path = tmp_path_factory.mktemp("raw") / "disk.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "here", str(path), "8M"], check=True, capture_output=True)
    with path.open("r+b") as file:  # something in the last block of every container
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xa5" * 4096)
    return path


def converted(raw: Path, folder: Path, kind: str, options: str = "") -> Path:
    path = folder / f"disk.{kind}"
    words = ["-o", options] if options else []
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, *words, str(raw), str(path)], check=True)
    return path


def refused(path: str | Path, allowed: AllowedFiles | None = None) -> str:
    with pytest.raises(InspectorError) as caught:
        open_image(path, allowed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def archive(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("_", "."))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@qemu
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_disk_in_every_container(raw: Path, tmp_path: Path, kind: str) -> None:
    path = converted(raw, tmp_path, kind, "force_size=on" if kind == "vpc" else "")
    disk = storage_at(path)
    image = disk.system_disk.image
    assert (image.format, image.resembles, image.problems, image.member) == (KINDS[kind], None, (), None)
    assert image.source.name == DISK_NAME
    assert image.source.read_at(0, image.virtual_size) == raw.read_bytes()
    assert [(volume.type, volume.label) for volume in disk.volumes] == [("ext4", "here")]
    assert image.container is not None
    facts = Facts({Storage: disk})
    wanted = Status.OK if KINDS[kind] in ACCEPTED else Status.WARNING
    assert image_format_accepted(facts, accepted=ACCEPTED).status is wanted
    for rule in (image_format_unambiguous, image_header_clean, image_stands_alone):
        assert rule(facts).status is Status.OK
    view = overview(Target((str(path),)))
    assert "container: " in overview_text(view)
    image.close()


@qemu
def test_what_show_tells(raw: Path, tmp_path: Path) -> None:
    view = overview(Target((str(converted(raw, tmp_path, "vmdk", "subformat=streamOptimized")),)))
    assert view["image"]["format"] == "vmdk"
    assert view["container"]["create_type"] == "streamOptimized"
    assert view["container"]["extents"][0]["kind"] == "SPARSE"
    assert "container: create type streamOptimized, grain size 65536, compressed, adapter ide" in overview_text(view)
    view = overview(Target((str(converted(raw, tmp_path, "vhdx")),)))
    assert view["container"]["logical_sector_size"] == 512
    view = overview(Target((str(converted(raw, tmp_path, "vpc", "subformat=fixed")),)))
    assert view["container"]["kind"] == "fixed"


@qemu
def test_extents_beside_a_descriptor(raw: Path, tmp_path: Path) -> None:
    path = converted(raw, tmp_path, "vmdk", "subformat=monolithicFlat")
    assert "refused: the disk lies in other files ('disk-flat.vmdk')" in refused(path)
    assert "refused" in refused(path, AllowedFiles(tmp_path, frozenset({"other"})))
    with open_image(path, AllowedFiles(tmp_path, frozenset({"disk-flat.vmdk"}))) as image:
        assert image.source.read_at(0, image.virtual_size) == raw.read_bytes()
        assert image.bytes_read > image.virtual_size
        disk = Disk("sda", image, PartitionTable(Scheme.NONE, 512), ())
        verdict = image_stands_alone(Facts({Storage: joined((disk,))}))
        assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "disk-flat.vmdk")
    words = [sys.executable, "-m", "inspector", "show", "--allow-file", "disk-flat.vmdk", "--allow-folder"]
    done = subprocess.run([*words, str(tmp_path), str(path)], check=True, capture_output=True, text=True, cwd=ROOT)
    assert 'label "here"' in done.stdout


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside", "link", "absent", "nbd://x", "/dev/zero"])
def test_extents_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "allowed"
    folder.mkdir()
    (tmp_path / "outside").write_bytes(bytes(4096))
    (folder / "link").symlink_to("/etc/hostname")
    path = folder / "disk.vmdk"
    path.write_text(descriptor(f'RW 1 FLAT "{name}" 0', kind="monolithicFlat"))
    assert "under" in refused(path, AllowedFiles(folder, frozenset({name})))
    path.write_text(descriptor('RW 1 FLAT "disk.vmdk" 0', kind="monolithicFlat"))
    assert "needs itself" in refused(path, AllowedFiles(folder, frozenset({"disk.vmdk"})))


def test_more_extents_than_files_may_be_open(tmp_path: Path) -> None:
    names = [f"part{number}" for number in range(60)]
    for name in names:
        (tmp_path / name).write_bytes(bytes(512))
    path = tmp_path / "disk.vmdk"
    path.write_text(descriptor(*(f'RW 1 FLAT "{name}" 0' for name in names), kind="twoGbMaxExtentFlat"))
    assert "at most 48 files" in refused(path, AllowedFiles(tmp_path, frozenset(names)))


@pytest.mark.parametrize(
    ("data", "kind"),
    [(footer() + header() + b"\xff" * 512 + footer(), Format.VHD), (sparse(), Format.VMDK)],
    ids=["vhd", "vmdk"],
)
def test_a_container_with_a_partition_table_in_its_header_is_said_to(tmp_path: Path, data: bytes, kind: Format) -> None:
    whole = bytearray(data)
    whole[440:512] = boot_record((0x80, 0x83, 2, 100))[440:]
    path = tmp_path / "disk.img"
    if kind is Format.VHD:
        whole[440:512] = bytes(72)
        assert open_image(_stored(path, whole)).resembles is None
        return
    image = open_image(_stored(path, whole))
    assert (image.format, image.resembles) == (kind, Format.RAW)
    whole[4] = 9  # no VMDK any more: a raw disk that begins like one
    image = open_image(_stored(path, whole))
    assert (image.format, image.resembles) == (Format.RAW, kind)


def _stored(path: Path, data: bytes | bytearray) -> Path:
    path.write_bytes(data)
    return path


@qemu
def test_a_log_that_was_replayed_is_a_warning(raw: Path, tmp_path: Path) -> None:
    path = converted(raw, tmp_path, "vhdx", "block_size=1M")
    data = path.read_bytes()
    written = with_log(data, [(0, entry(1, 0, [Data(len(data) - 4096, bytes(4096))], flushed=len(data)))])
    verdict = image_header_clean(Facts({Storage: storage_at(_stored(path, written))}))
    assert verdict.status is Status.WARNING
    assert "not closed cleanly" in verdict.message
    fixed = tmp_path / "fixed.vhdx"
    fixed.write_bytes(written)
    subprocess.run(["qemu-img", "check", "-q", "-r", "all", str(fixed)], check=True)
    assert image_header_clean(Facts({Storage: storage_at(fixed)})).status is Status.OK


@qemu
def test_a_cut_file_is_failed(raw: Path, tmp_path: Path) -> None:
    for kind in ("vpc", "vhdx", "vdi"):
        path = converted(raw, tmp_path, kind, {"vpc": "force_size=on", "vhdx": "block_size=1M"}.get(kind, ""))
        data = path.read_bytes()
        disk = storage_at(_stored(path, data[: -512 if kind == "vpc" else -MIB]))
        verdict = image_header_clean(Facts({Storage: disk}))
        assert (verdict.status, verdict.message) == (Status.FAILED, "the image file is truncated"), kind


@qemu
@pytest.mark.parametrize("kind", ["vmdk", "qcow2", "vhdx", "raw"])
def test_an_ova_is_read_in_place(raw: Path, tmp_path: Path, kind: str) -> None:
    options = "subformat=streamOptimized" if kind == "vmdk" else ""
    inner = converted(raw, tmp_path, kind, options).read_bytes()
    members = {"m_ovf": b"<Envelope/>", "m_mf": b"SHA256", f"disk1_{kind}": inner}
    path = archive(tmp_path / "machine.ova", **members)
    with open_image(path) as image:
        assert (image.format, image.member) == (Format.OVA, f"disk1.{kind}")
        assert image.source.name == DISK_NAME
        assert image.source.read_at(0, image.virtual_size) == raw.read_bytes()
    view = overview(Target((str(path),)))
    assert view["container"]["member"] == f"disk1.{kind}"
    assert f"member disk1.{kind}" in overview_text(view)
    assert image_format_accepted(Facts({Storage: storage_at(path)}), accepted=ACCEPTED).status is Status.WARNING


def test_an_ova_of_several_disks_wants_a_choice(tmp_path: Path) -> None:
    one = Qcow2Builder(data=b"\1" * 65536)
    one.entries = [(one.data_offset, 0)]
    path = archive(tmp_path / "m.ova", m_ovf=b"x", a_qcow2=one.build(), b_vmdk=sparse(), c_iso=bytes(4096))
    message = refused(path)
    assert "'a.qcow2', 'b.vmdk' found: choose one" in message
    assert open_image(f"{path}:a.qcow2").source.read_at(0, 1) == b"\1"
    assert open_image(f"{path}:b.vmdk").virtual_size == 1 << 20
    assert "a member called 'd'" in refused(f"{path}:d")
    assert "No such file" in refused(f"{tmp_path}/absent.ova:a")
    assert "No such file" in refused(f"{path}:")
    plain = _stored(tmp_path / "disk.img", bytes(4096))
    assert "an archive that holds 'x' wanted, raw found" in refused(f"{plain}:x")


def test_archives_without_a_disk_that_can_be_read(tmp_path: Path) -> None:
    assert "none found: none of its members looks like one" in refused(archive(tmp_path / "m.ova", m_ovf=b"x"))
    packed = b"\x1f\x8b\x08" + bytes(100)
    assert "gzip file" in refused(archive(tmp_path / "m.ova", m_ovf=b"x", a_vmdk=packed))
    assert "tar archive, and no OVA" in refused(archive(tmp_path / "m.tar", a_txt=b"x" * 2000))
    outside = Qcow2Builder(backing=b"/etc/hostname").build()
    assert "refused" in refused(archive(tmp_path / "m.ova", m_ovf=b"x", a_qcow2=outside))
    flat = descriptor('RW 1 FLAT "/etc/hostname" 0', kind="monolithicFlat").encode()
    assert "refused" in refused(archive(tmp_path / "m.ova", m_ovf=b"x", a_vmdk=flat))
    whole = archive(tmp_path / "m.ova", m_ovf=b"x", a_vmdk=sparse()).read_bytes()
    assert "truncated" in refused(_stored(tmp_path / "cut.ova", whole[: 20 * 512]))


CHILD = """
import sys, os
from inspector.errors import InspectorError
from inspector.image import open_image
import parsers.container.tar, parsers.container.vdi, parsers.container.vhd, parsers.container.vhdx
import parsers.container.vmdk
"".encode("utf-16-be")
os.access("/nonexistent/ready", os.F_OK)
for path in sys.argv[1:]:
    try:
        open_image(path)
    except InspectorError as error:
        print(error)
"""

BAITS = [
    "/etc/hostname",
    "../bait",
    "bait",
    "/dev/sda",
    "file:///etc/passwd",
    "//host/share/x",
    "a\0b",
    "/proc/self/mem",
]


@needs("strace")
def test_nothing_that_is_named_is_opened(tmp_path: Path) -> None:
    (tmp_path / "bait").write_bytes(bytes(1 << 20))
    data = {}
    for number, name in enumerate(BAITS):
        for kind in ("monolithicFlat", "vmfs", "fullDevice", "twoGbMaxExtentSparse", "streamOptimized"):
            extent = f'RW 2048 {"SPARSE" if "Sparse" in kind else "FLAT"} "{name}" 0'
            data[f"{number}-{kind}"] = descriptor(extent, kind=kind).encode()
        text = descriptor(f'RW 2048 FLAT "{name}" 0', kind="monolithicFlat")
        data[f"{number}-embedded"] = sparse(text=text)
        parent = descriptor('RW 2048 SPARSE "x"', parent="00000001", more=f'parentFileNameHint="{name}"')
        data[f"{number}-parent"] = sparse(text=parent)
        data[f"{number}-vhd"] = footer(4) + header(parent=name) + footer(4)
    paths = [str(_stored(tmp_path / f"{name}.img", content)) for name, content in data.items()]
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-qq", "-e", "trace=%file,%network,%process", "-o", str(log)]
    words = [*command, sys.executable, "-c", CHILD, *paths]
    result = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    assert len(result.stdout.splitlines()) == len(paths)
    _, _, after = log.read_text().partition("/nonexistent/ready")
    calls = re.findall(r"^\d+ +(\w+)\((?:AT_FDCWD, )?(.*)$", after, re.MULTILINE)
    assert [rest.split('"')[1] for call, rest in calls if call == "openat"] == paths
    others = [(call, rest) for call, rest in calls if call not in {"openat", "exit_group", "exit"}]
    assert [(call, rest) for call, rest in others if '""' not in rest] == []
