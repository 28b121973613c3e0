"""The real Debian guest: its golden report, the same answer from every flavour, and the kernel's view of every file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.disk import MIB
from fixtures.guest.flavours import FLAVOURS
from tests.guest import guest
from tests.oracles import needs

pytestmark = [pytest.mark.guest, pytest.mark.slow]

GOLDEN: Final = Path(__file__).parent / "golden"
MBR_ROOT: Final = (MIB, 4095 * MIB)
GPT_PARTITIONS: Final = {"/": (578 * MIB, 3517 * MIB), "/boot": (66 * MIB, 512 * MIB)}


def inspector(*arguments: str | Path, statuses: tuple[int, ...] = (0, 1)) -> str:
    command = [sys.executable, "-m", "inspector", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in statuses, done.stderr
    assert done.stderr == ""
    return done.stdout


CHANGING: Final = {
    r"6\.1\.\d+-\d+-cloud-amd64": "6.1.0-NN-cloud-amd64",
    r"\b\d+\.\d+\S*\+deb12u\d+": "VERSION",
    r"debian 12\.\d+": "debian 12.N",
    r"(/var/lib/dpkg/status):\d+": r"\1:N",
    r"\b\d+ (%|MiB|of \d+ inodes|sectors|files)": r"N \1",
    r"N of \d+ inodes": "N inodes",
}
"""What another day's packages change in a report."""


def without_releases(report: str) -> str:
    for changing, constant in CHANGING.items():
        report = re.sub(changing, constant, report)
    return report


def explained(report: dict[str, Any]) -> str:
    """Return one line for every rule, the good ones too, and one for each of its pieces of evidence."""
    lines = []
    for check in report["checks"]:
        for rule in check["rules"]:
            lines.append(f"{check['name']} [{rule['status']}]  {rule['rule']}: {rule['message']}\n")
            for item in rule["evidence"]:
                where = item["path"] if item["line"] is None else f"{item['path']}:{item['line']}"
                lines.append(f"    {where} ({item['volume']})  {item['seen']}\n")
    return "".join(lines)


def golden(name: str, report: str) -> str:
    """Return a report as it was read by a person; REWRITE_GOLDEN=1 writes it anew, to be read once more."""
    path = GOLDEN / name
    if os.environ.get("REWRITE_GOLDEN") == "1":
        path.write_text(report)
        pytest.skip(f"{path.name} was written anew: read it, line by line")
    return path.read_text()


@pytest.mark.parametrize("name", ["mbr", "gpt"])
def test_the_evidence_for_every_rule_is_what_was_read_by_eye(name: str) -> None:
    report = json.loads(inspector("check", guest(f"{name}.raw"), "--format", "json"))
    evidence = without_releases(explained(report))
    assert evidence == golden(f"{name}.rules.txt", evidence)


@pytest.mark.parametrize("name", ["mbr", "gpt"])
def test_the_report_is_the_one_that_was_read_by_eye(name: str) -> None:
    report = without_releases(inspector("check", guest(f"{name}.raw"), "--fail-on", "never", statuses=(0,)))
    assert report == golden(f"{name}.txt", report)


def test_the_facts_of_the_header_are_right() -> None:
    mbr = json.loads(inspector("check", guest("mbr.raw"), "--format", "json"))["guest"]
    kernel = mbr.pop("kernel")
    assert re.fullmatch(r"6\.1\.0-\d+-cloud-amd64", kernel)
    assert mbr == {
        "os": "linux",
        "distro": "debian",
        "version": "12",
        "product": "Debian GNU/Linux 12 (bookworm)",
        "architecture": "x86_64",
        "rtc_mode": "utc",
        "boot_mode": "bios",
        "hostname": "guest",
    }
    gpt = json.loads(inspector("check", guest("gpt.raw"), "--format", "json"))["guest"]
    assert gpt == mbr | {"kernel": kernel, "boot_mode": "both"}


def comparable(image: Path) -> dict[str, Any]:
    report = json.loads(inspector("check", image, "--format", "json"))
    del report["image"], report["cost"]
    return dict(report)


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_flavour_of_qcow2_gives_the_answer_of_the_raw_disk(name: str) -> None:
    text = json.dumps(comparable(guest(f"mbr-{name}.qcow2")), sort_keys=True)
    assert text.replace(f"mbr-{name}.qcow2", "mbr.raw") == json.dumps(comparable(guest("mbr.raw")), sort_keys=True)


def test_few_bytes_are_read_for_the_verdicts() -> None:
    image = guest("mbr-zlib.qcow2")
    read = json.loads(inspector("check", image, "--format", "json"))["cost"]["bytes_read"]
    assert read <= 0.08 * image.stat().st_size


@contextmanager
def mounted(image: Path, parts: dict[str, tuple[int, int]], root: Path) -> Iterator[Path]:
    """Mount partitions of a raw disk read-only, without replaying a journal, each below `root`."""
    done: list[Path] = []
    try:
        for mount, (offset, size) in parts.items():
            target = root / mount.lstrip("/")
            target.mkdir(exist_ok=True)
            options = f"loop,ro,noload,offset={offset},sizelimit={size}"
            subprocess.run(["mount", "-t", "ext4", "-o", options, str(image), str(target)], check=True)
            done.append(target)
        yield root
    finally:
        for target in reversed(done):
            subprocess.run(["umount", str(target)], check=True)


_KINDS: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def kernel_view(root: Path) -> dict[str, dict[str, Any]]:
    """Return what the kernel says of every file below a mount point, under the names that `ls` uses."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            meta = path.lstat()
            kind = _KINDS[stat.S_IFMT(meta.st_mode)]
            found[f"/{path.relative_to(root)}"] = {
                "type": kind,
                "mode": stat.S_IMODE(meta.st_mode),
                "uid": meta.st_uid,
                "gid": meta.st_gid,
                "size": meta.st_size,
                "inode": meta.st_ino,
                "target": str(path.readlink()) if kind == "symlink" else None,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if kind == "file" else None,
            }
    return found


def our_view(image: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    listing = json.loads(inspector("ls", "-R", "--sha256", "--format", "json", image, "/", *arguments, statuses=(0,)))
    wanted = ("type", "mode", "uid", "gid", "size", "inode", "target", "sha256")
    return {entry["path"]: {key: entry[key] for key in wanted} for entry in listing}


@needs("mount", "umount")
@pytest.mark.skipif(os.geteuid() != 0, reason="not root: the kernel cannot be asked to mount the guest")
@pytest.mark.parametrize("name", ["mbr", "gpt"])
def test_every_file_is_what_the_kernel_says_it_is(name: str, tmp_path: Path) -> None:
    image = guest(f"{name}.raw")
    parts = {"/": MBR_ROOT} if name == "mbr" else GPT_PARTITIONS
    ours = our_view(image)
    if name == "gpt":  # the ESP is FAT, which not every kernel mounts; mtools is asked below
        ours = {path: entry for path, entry in ours.items() if not path.startswith("/boot/efi/")}
    with mounted(image, parts, tmp_path) as root:
        theirs = kernel_view(root)
    for files in (ours, theirs):
        files.pop("/boot/efi", None)
    assert len(theirs) > 15_000
    assert sorted(ours) == sorted(theirs)
    assert {path: (ours[path], seen) for path, seen in theirs.items() if ours[path] != seen} == {}


@needs("mcopy")
def test_every_file_of_the_esp_is_what_mtools_says_it_is(tmp_path: Path) -> None:
    image = guest("gpt.raw")
    ours = {p: e["sha256"] for p, e in our_view(image, "--volume", "sda2").items() if e["type"] == "file"}
    subprocess.run(["mcopy", "-s", "-i", f"{image}@@{2 * MIB}", "::/EFI", str(tmp_path)], check=True)
    theirs = {
        f"/{path.relative_to(tmp_path)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert ours == theirs
    assert len(theirs) == 3
