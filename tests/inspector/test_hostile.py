"""Whatever an image holds, it ends in a verdict, a finding or one line: no traceback, no hang, no host file opened."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.disk import Ext, Layout, build_disk
from fixtures.golden import GOLDEN
from inspector import inspect_image
from inspector.errors import InspectorError
from inspector.report import Report
from inspector.target import Target
from inspector.verdict import Status
from inspector.view.browsing import Files, Form, ls
from inspector.view.overview import show
from tests.corpus import corpus, entries
from tests.inspector.damage import BROKEN, MIB, judged, survive
from tests.oracles import needs

HOSTILE: Final = tuple(entry for entry in entries("hostile") if entry["kind"] == "disk")
CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
"""What would let a file name of the guest drive the terminal."""

SEEDS: Final = 1200
"""Mutations of each format in the soak; the ordinary run takes every `STRIDE`th of them, odd and even ones alike."""
STRIDE: Final = 15
CHUNKS: Final = 4
CONTAINERS: Final = {
    "vpc": "force_size=on",
    "vhdx": "block_size=1M",
    "vmdk": "subformat=streamOptimized",
    "vdi": "static=off",
}
FORMATS: Final = ("raw", "qcow2", *CONTAINERS)


def status_of(report: Report, check: str) -> Status:
    return next(found.status for found in report.checks if found.name == check)


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize("entry", HOSTILE, ids=lambda entry: str(entry["id"]))
def test_a_hostile_image_of_the_corpus_ends_in_a_verdict_or_in_one_line(entry: dict[str, Any]) -> None:
    result = judged(corpus(f"hostile/{entry['file']}"))
    if entry["outcome"] == "refuse":
        assert isinstance(result, InspectorError) or (
            status_of(result, "ImageFormat") is Status.FAILED and result.guest.os is None
        )


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize("entry", HOSTILE, ids=lambda entry: str(entry["id"]))
def test_a_hostile_image_of_the_corpus_can_be_shown_and_listed_or_says_why_not(entry: dict[str, Any]) -> None:
    image = str(corpus(f"hostile/{entry['file']}"))
    shown = bytearray()
    said = [complaint(lambda: show(Target((image,)), shown.extend, json=True))]
    volumes = [volume["device"] for volume in json.loads(shown)["volumes"][:4]] if shown else []
    assert not (volumes and entry["outcome"] == "refuse")
    for volume in (None, *volumes):
        files, form = Files(Target((image,)), volume), Form(recursive=True, long=True)
        said.append(complaint(lambda files=files, form=form: ls(files, "/", form, bounded())))  # type: ignore[misc]
    assert [text for text in said if text and ("\n" in text or BROKEN.search(text))] == []


def complaint(command: Callable[[], None]) -> str | None:
    """Run a command and return its one line of complaint, if it has any."""
    try:
        command()
    except InspectorError as error:
        return str(error)
    return None


def bounded() -> Callable[[bytes], None]:
    """Return an output that takes no more than a listing of a million files would be."""
    left = [256 * MIB]

    def write(data: bytes) -> None:
        left[0] -= len(data)
        assert left[0] > 0
        assert not CONTROL.search(data)

    return write


def test_the_corpus_of_hostile_images_is_there_or_said_to_be_absent() -> None:
    corpus("hostile/expected.json")
    assert len(HOSTILE) >= 390


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The golden guest on a small disk, raw, as compressed qcow2, and in every other container."""
    folder = tmp_path_factory.mktemp("mutated")
    layout, ext = Layout(size=48 * MIB), Ext(inodes=1024)
    raw = build_disk(GOLDEN, folder / "disk.raw", "raw", layout=layout, ext=ext)
    return {
        **{kind: converted(raw, kind, options) for kind, options in CONTAINERS.items()},
        "raw": raw,
        "qcow2": build_disk(GOLDEN, folder / "disk.qcow2", compressed=True, layout=layout, ext=ext),
    }


def converted(raw: Path, kind: str, options: str) -> Path:
    path = raw.with_suffix(f".{kind}")
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, "-o", options, str(raw), str(path)], check=True)
    return path


@needs("mke2fs", "debugfs", "sfdisk", "qemu-img")
@pytest.mark.slow
@pytest.mark.parametrize("kind", CONTAINERS)
def test_the_verdicts_are_the_same_in_every_container(disks: dict[str, Path], kind: str) -> None:
    wanted, found = inspect_image(str(disks["raw"])), inspect_image(str(disks[kind]))
    assert found.guest == wanted.guest
    for check, same in zip(found.checks, wanted.checks, strict=True):
        assert check == same or (kind in {"vhdx", "vdi"} and check.name == "ImageFormat")


@needs("mke2fs", "debugfs", "sfdisk", "qemu-img")
@pytest.mark.slow
@pytest.mark.parametrize("image_format", FORMATS)
def test_a_sample_of_mutated_images_ends_in_verdicts_or_in_one_line(disks: dict[str, Path], image_format: str) -> None:
    survive(disks[image_format], range(0, SEEDS, STRIDE))


@needs("mke2fs", "debugfs", "sfdisk", "qemu-img")
@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("image_format", FORMATS)
def test_all_mutated_images_end_in_verdicts_or_in_one_line(
    disks: dict[str, Path], image_format: str, chunk: int
) -> None:
    survive(disks[image_format], range(chunk, SEEDS, CHUNKS))


def opened_files(images: list[Path], log: Path) -> set[str]:
    """Return the paths that `inspector check` and its children opened, as strace saw it."""
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,connect,execve", "-o", str(log)]
    command += [sys.executable, "-m", "inspector", "check", "--fail-on", "never", *map(str, images)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1, 3}
    assert "Traceback" not in done.stderr
    calls = log.read_text(errors="replace")
    assert not re.search(r"^\d+\s+connect\(", calls, re.MULTILINE)
    assert len(re.findall(r"^\d+\s+execve\(", calls, re.MULTILINE)) == 1
    return set(re.findall(r'open(?:at2?)?\((?:AT_FDCWD|\d+), "((?:[^"\\]|\\.)*)"', calls))


@needs("strace")
@pytest.mark.corpus
@pytest.mark.slow
def test_no_image_makes_us_open_another_file_of_the_host(disks: dict[str, Path], tmp_path: Path) -> None:
    wicked = [entry for entry in HOSTILE if entry["outcome"] != "no-crash"]
    images = [corpus(f"hostile/{entry['file']}") for entry in wicked]
    assert len(images) >= 37
    clean = opened_files(list(disks.values()), tmp_path / "clean.strace")
    ours = opened_files(images, tmp_path / "wicked.strace") - clean - {str(image) for image in images}
    # What the program itself loads for another answer: its modules and tables, never what an image names.
    program = tuple(str(Path(folder).resolve()) for folder in {sys.prefix, sys.base_prefix, os.getcwd()})  # noqa: PTH109
    strangers = {path for path in ours if not path.endswith((".py", ".pyc", ".so", ".toml", "__pycache__"))}
    strangers = {path for path in strangers if not path.startswith(program)}
    assert strangers == set()
    assert not Path("/tmp/pwned").exists()
