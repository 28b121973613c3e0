"""Backing and data files: opened by the very name that was allowed, under the folder that was given, or not at all."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.backing import MAX_FILES, AllowedFiles
from inspector.errors import InspectorError
from inspector.image import open_image
from tests.oracles import needs
from tests.qcow2_builder import Qcow2Builder, extension

ROOT = Path(__file__).parents[2]
qemu = needs("qemu-img", "qemu-io")


def overlay(folder: Path, name: str, backing: str, **fields: bytes) -> Path:
    path = folder / name
    path.write_bytes(Qcow2Builder(backing=backing.encode(), **fields).build())  # type: ignore[arg-type]  # extensions
    return path


def opened(path: Path, folder: Path, *names: str) -> bytes:
    image = open_image(path, AllowedFiles(folder, frozenset(names)))
    content = image.source.read_at(0, image.source.size)
    image.close()
    return content


def refused(path: Path, folder: Path, *names: str) -> str:
    with pytest.raises(InspectorError) as caught:
        opened(path, folder, *names)
    return str(caught.value)


@qemu
@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_a_chain_reads_as_qemu_reads_it(tmp_path: Path, kind: str) -> None:
    chance = random.Random(1)
    previous, previous_kind = tmp_path / "base.img", kind
    command = ["qemu-img", "create", "-q", "-f"]
    subprocess.run([*command, kind, str(previous), "4M"], check=True)
    names = [previous.name]
    for number in range(3):
        writes = [
            f"write -q -P {number * 9 + n + 1} {chance.randrange(4000) * 512} {chance.randrange(1, 190) * 1024}"
            for n in range(8)
        ]
        arguments = [word for write in writes for word in ("-c", write)]
        subprocess.run(["qemu-io", "-f", previous_kind, *arguments, str(previous)], check=True, capture_output=True)
        image = tmp_path / f"layer{number}.qcow2"
        options = ["-b", previous.name, "-F", previous_kind, str(image), "6M" if number == 1 else "5M"]
        subprocess.run([*command, "qcow2", *options], check=True, cwd=tmp_path)
        names.append(image.name)
        previous, previous_kind = image, "qcow2"
    raw = tmp_path / "whole.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(previous), str(raw)], check=True)
    assert opened(previous, tmp_path, *names) == raw.read_bytes()
    assert "refused: the image has a backing file, 'base.img'" in refused(previous, tmp_path, *names[1:])
    assert "refused" in refused(previous, tmp_path)


@qemu
@pytest.mark.parametrize("raw_flag", ["on", "off"])
def test_an_external_data_file_reads_as_qemu_reads_it(tmp_path: Path, raw_flag: str) -> None:
    image = tmp_path / "disk.qcow2"
    options = f"data_file={tmp_path}/data.bin,data_file_raw={raw_flag}"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, str(image), "4M"], check=True)
    writes = ["-c", "write -q -P 7 100k 700k", "-c", "write -q -P 9 0 512", "-c", "write -q -z 1M 128k"]
    subprocess.run(["qemu-io", "-f", "qcow2", *writes, str(image)], check=True, capture_output=True)
    raw = tmp_path / "whole.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(image), str(raw)], check=True)
    assert opened(image, tmp_path, f"{tmp_path}/data.bin") == raw.read_bytes()
    assert "external data file" in refused(image, tmp_path, "data.bin")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/hostname",
        "../outside.raw",
        "sub/../../outside.raw",
        "link",
        "folder-link/hostname",
        "absent",
        "nbd://x",
        "a\0b",
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "allowed"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "outside.raw").write_bytes(bytes(1 << 20))
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "folder-link").symlink_to("/etc")
    message = refused(overlay(folder, "disk.qcow2", name), folder, name.split("\0", maxsplit=1)[0])
    assert "under" in message


def test_a_folder_that_does_not_exist_allows_nothing(tmp_path: Path) -> None:
    refused(overlay(tmp_path, "disk.qcow2", "base.raw"), tmp_path / "absent", "base.raw")


def test_an_image_that_needs_itself_is_refused(tmp_path: Path) -> None:
    assert "needs itself" in refused(overlay(tmp_path, "self.qcow2", "self.qcow2"), tmp_path, "self.qcow2")
    (tmp_path / "other.qcow2").symlink_to("self.qcow2")
    assert "needs itself" in refused(overlay(tmp_path, "self.qcow2", "other.qcow2"), tmp_path, "other.qcow2")


def test_a_circle_is_refused(tmp_path: Path) -> None:
    names = [f"{number}.qcow2" for number in range(3)]
    for number, name in enumerate(names):
        overlay(tmp_path, name, names[(number + 1) % 3])
    assert "needs itself" in refused(tmp_path / names[0], tmp_path, *names)


def test_a_long_chain_is_refused(tmp_path: Path) -> None:
    names = [f"{number}.qcow2" for number in range(MAX_FILES + 2)]
    for name, backing in itertools.pairwise(names):
        overlay(tmp_path, name, backing)
    assert f"at most {MAX_FILES} files" in refused(tmp_path / names[0], tmp_path, *names)


def test_a_backing_file_said_to_be_raw_is_raw_whatever_it_begins_with(tmp_path: Path) -> None:
    base = Qcow2Builder(backing=b"/etc/hostname").build()
    (tmp_path / "base.raw").write_bytes(base)
    path = overlay(tmp_path, "disk.qcow2", "base.raw", extensions=extension(0xE2792ACA, b"raw"))
    assert opened(path, tmp_path, "base.raw")[:4096] == base[:4096]


def test_a_backing_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base").write_bytes(b"KDMV" + bytes(2048))
    assert "vmdk found" in refused(overlay(tmp_path, "disk.qcow2", "base"), tmp_path, "base")
    path = overlay(tmp_path, "disk.qcow2", "base", extensions=extension(0xE2792ACA, b"luks"))
    assert "luks found" in refused(path, tmp_path, "base")


def test_a_backing_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "a directory found" in refused(overlay(tmp_path, "disk.qcow2", "folder"), tmp_path, "folder")


def test_what_is_read_of_the_backing_file_counts(tmp_path: Path) -> None:
    (tmp_path / "base.raw").write_bytes(b"\x01" * (1 << 20))
    path = overlay(tmp_path, "disk.qcow2", "base.raw")
    with open_image(path, AllowedFiles(tmp_path, frozenset({"base.raw"}))) as image:
        before = image.bytes_read
        image.source.read_at(0, 1000)
        assert image.bytes_read - before >= 1000


@pytest.mark.slow
@needs("strace")
def test_the_command_never_touches_what_a_header_names(tmp_path: Path) -> None:
    """From the command line, in the child process and out of it: no system call bears the name of the bait."""
    (tmp_path / "bait.raw").write_bytes(bytes(1 << 20))
    bait = str(tmp_path / "bait.raw")
    data_file = Qcow2Builder(incompatible=4, extensions=extension(0x44415441, bait.encode()))
    images = {
        "absolute": Qcow2Builder(backing=bait.encode()).build(),
        "relative": Qcow2Builder(backing=b"bait.raw").build(),
        "winding": Qcow2Builder(backing=b"../../" + bait.encode()).build(),
        "url": Qcow2Builder(backing=b"file://" + bait.encode()).build(),
        "json": Qcow2Builder(backing=b'json:{"driver":"raw","file":{"filename":"%s"}}' % bait.encode()).build(),
        "data": data_file.build(),
    }
    paths = []
    for name, content in images.items():
        path = tmp_path / f"{name}.qcow2"
        path.write_bytes(content)
        paths.append(str(path))
    log = tmp_path / "strace.log"
    trace = ["strace", "-f", "-qq", "-s", "400", "-e", "trace=%file,%network", "-o", str(log)]
    result = subprocess.run(
        [*trace, sys.executable, "-m", "inspector", "check", *paths],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 3
    assert result.stderr.count("refused: ") == len(paths)
    calls = log.read_text()
    assert all(path in calls for path in paths)
    assert "bait" not in calls
    assert "connect(" not in calls


@qemu
@pytest.mark.parametrize("command", [["check"], ["show"], ["ls", "--volume", "sda"], ["stat", "--volume", "sda"]])
def test_each_command_takes_allowed_files(command: list[str], tmp_path: Path) -> None:
    subprocess.run(["mke2fs", "-q", "-t", "ext4", tmp_path / "base.raw", "4M"], check=True, capture_output=True)
    make = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "disk.qcow2"]
    subprocess.run(make, check=True, cwd=tmp_path)
    path = ["/lost+found"] if command[0] == "stat" else []

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "inspector", *command, *options, str(tmp_path / "disk.qcow2"), *path]
        return subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)

    assert run().returncode == 3
    assert run("--allow-file", "base.raw").returncode == 2
    done = run("--allow-file", "base.raw", "--allow-folder", str(tmp_path))
    wanted = {"check": "image-stands-alone: the image has a backing file", "show": "ext4"}
    assert wanted.get(command[0], "lost+found") in done.stdout
    assert done.returncode == (1 if command[0] == "check" else 0)
