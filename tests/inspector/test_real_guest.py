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

from fixtures.guest.flavours import FLAVOURS
from fixtures.guest.layout import GROUP, LAYOUTS, MIB, FileSystem, Layout
from tests.guest import guest
from tests.oracles import needs

pytestmark = [pytest.mark.guest, pytest.mark.slow]

GOLDEN: Final = Path(__file__).parent / "golden"
NAMES: Final = tuple(layout.name for layout in LAYOUTS)


def inspector(*arguments: str | Path, statuses: tuple[int, ...] = (0, 1)) -> str:
    command = [sys.executable, "-m", "inspector", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in statuses, done.stderr
    assert done.stderr == ""
    return done.stdout


CHANGING: Final = {
    r"6\.1\.\d+-\d+-cloud-amd64": "6.1.0-NN-cloud-amd64",
    r"\b\d+\.\d+\S*\+deb12u\d+": "VERSION",
    r"(debian|Debian GNU/Linux) 12\.\d+": r"\1 12.N",
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


@pytest.mark.parametrize("name", NAMES)
def test_the_evidence_for_every_rule_is_what_was_read_by_eye(name: str) -> None:
    report = json.loads(inspector("check", guest(f"{name}.raw"), "--format", "json"))
    evidence = without_releases(explained(report))
    assert evidence == golden(f"{name}.rules.txt", evidence)


@pytest.mark.parametrize("name", NAMES)
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
    for name, boot_mode in (("gpt", "both"), ("lvm-xfs", "both"), ("btrfs-zstd", "bios")):
        other = json.loads(inspector("check", guest(f"{name}.raw"), "--format", "json"))["guest"]
        assert other == mbr | {"kernel": kernel, "boot_mode": boot_mode}


def statuses(name: str) -> dict[str, str]:
    report = json.loads(inspector("check", guest(f"{name}.raw"), "--format", "json"))
    found = {rule["rule"]: rule["status"] for check in report["checks"] for rule in check["rules"]}
    return found | {item["name"]: "not applicable" for item in report["not_applicable"]}


LOGICAL: Final = {
    "root-partition-is-last": "WARNING",  # nor does a logical volume grow with its partition
    "system-volumes-are-not-logical": "WARNING",
    "ext4-features-are-accepted": "not applicable",
}
BTRFS: Final = {"system-file-systems-are-accepted": "WARNING", "ext4-features-are-accepted": "not applicable"}


@pytest.mark.parametrize(("name", "plain", "differs"), [("lvm-xfs", "gpt", LOGICAL), ("btrfs-zstd", "mbr", BTRFS)])
def test_the_verdicts_are_those_of_the_guest_on_ext4(name: str, plain: str, differs: dict[str, str]) -> None:
    wanted, found = statuses(plain) | differs, statuses(name)
    other = {rule: status for rule, status in found.items() if status != wanted.get(rule)}
    assert {rule: wanted.get(rule) for rule in other} == dict.fromkeys(other, "not applicable")
    assert set(other.values()) <= {"OK"}  # of rules that are about volumes and subvolumes


def comparable(image: Path) -> dict[str, Any]:
    report = json.loads(inspector("check", image, "--format", "json"))
    del report["image"], report["disks"], report["cost"]
    return dict(report)


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_flavour_of_qcow2_gives_the_answer_of_the_raw_disk(name: str) -> None:
    text = json.dumps(comparable(guest(f"mbr-{name}.qcow2")), sort_keys=True)
    assert text.replace(f"mbr-{name}.qcow2", "mbr.raw") == json.dumps(comparable(guest("mbr.raw")), sort_keys=True)


def test_few_bytes_are_read_for_the_verdicts() -> None:
    image = guest("mbr-zlib.qcow2")
    read = json.loads(inspector("check", image, "--format", "json"))["cost"]["bytes_read"]
    assert read <= 0.08 * image.stat().st_size


UNTOUCHED: Final = {
    "ext4": "noload",
    "xfs": "norecovery,nouuid",
    "btrfs": "rescue=nologreplay",
}
"""Options with which the kernel replays no journal."""


@contextmanager
def mounted(image: Path, layout: Layout, root: Path) -> Iterator[Path]:
    """Mount the file systems of a raw disk below `root`, but for the ESP, which not every kernel can mount."""
    done: list[Path] = []
    try:
        for system in layout.file_systems:
            if system.kind not in UNTOUCHED:
                continue
            target = root / system.mount.lstrip("/")
            where = f"loop,ro,offset={system.start * MIB},sizelimit={system.size * MIB}"
            subvolume = f",subvol={system.subvolume}" if system.subvolume else ""
            options = f"{where},{UNTOUCHED[system.kind]}{subvolume}"
            subprocess.run(["mount", "-t", system.kind, "-o", options, str(image), str(target)], check=True)
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
@pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)
def test_every_file_is_what_the_kernel_says_it_is(layout: Layout, tmp_path: Path) -> None:
    image = guest(f"{layout.name}.raw")
    # the ESP is asked of mtools below
    ours = {path: entry for path, entry in our_view(image).items() if not path.startswith("/boot/efi/")}
    with mounted(image, layout, tmp_path) as root:
        theirs = kernel_view(root)
        figures = os.statvfs(root)
    if layout.at("/boot/efi"):
        for files in (ours, theirs):
            files.pop("/boot/efi")
    assert len(theirs) > 15_000
    assert sorted(ours) == sorted(theirs)
    assert {path: (ours[path], seen) for path, seen in theirs.items() if ours[path] != seen} == {}
    if layout.root.kind == "btrfs":  # and what was read there was compressed
        used = (figures.f_blocks - figures.f_bfree) * figures.f_frsize
        assert used < 0.7 * sum(entry["size"] for entry in theirs.values() if entry["type"] == "file")


@needs("blkid")
@pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)
def test_every_volume_is_what_blkid_says_it_is(layout: Layout) -> None:
    image = guest(f"{layout.name}.raw")
    shown = json.loads(inspector("show", "--format", "json", image))["volumes"]
    ours = {volume["device"]: (volume["type"], volume["uuid"], volume["label"]) for volume in shown}
    assert {shown_name(system): blkid(image, system) for system in layout.file_systems}.items() <= ours.items()


def shown_name(system: FileSystem) -> str:
    return f"{GROUP}/{system.logical}" if system.logical else system.device.replace("/dev/vda", "sda")


def blkid(image: Path, system: FileSystem) -> tuple[str | None, str | None, str | None]:
    where = ("-O", str(system.start * MIB), "-S", str(system.size * MIB))
    done = subprocess.run(["blkid", "-p", "-o", "export", *where, image], capture_output=True, text=True, check=True)
    said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return said.get("TYPE"), said.get("UUID"), said.get("LABEL")


@needs("mcopy")
@pytest.mark.parametrize("name", ["gpt", "lvm-xfs"])
def test_every_file_of_the_esp_is_what_mtools_says_it_is(name: str, tmp_path: Path) -> None:
    image = guest(f"{name}.raw")
    ours = {p: e["sha256"] for p, e in our_view(image, "--volume", "sda2").items() if e["type"] == "file"}
    subprocess.run(["mcopy", "-s", "-i", f"{image}@@{2 * MIB}", "::/EFI", str(tmp_path)], check=True)
    theirs = {
        f"/{path.relative_to(tmp_path)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert ours == theirs
    assert len(theirs) == 3
