"""`python -m benchmarks`: speed, memory and bytes read, ours and the peers', on the guest made by `make guest`."""

from __future__ import annotations

import argparse
import json
import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.ntfs_volume import make_volume
from benchmarks.windows import make_disks, make_real_disk, size_of_hive
from fixtures.guest.layout import BTRFS_ZSTD, LAYOUTS, LVM_XFS, MBR, MIB, Layout

ROOT: Final = Path(__file__).resolve().parents[1]
GUEST: Final = ROOT / ".cache" / "guest"
PEERS_VENV: Final = ROOT / ".cache" / "bench-venv"
OWN_VENV: Final = ROOT / ".cache" / "bench-own"
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
WALKS: Final = {
    MBR: {
        "pytsk3": "pytsk3, with each entry",
        "pytsk3-by-path": "pytsk3, each by its path",
        "pyfsext": "libfsext-python",
    },
    LVM_XFS: {"pyfsxfs": "libfsxfs-python"},
    BTRFS_ZSTD: {"dissect.btrfs": "dissect.btrfs"},
}
"""The guest's disks, and the peers that read the file system of their root, as `walk_peers` and as people call them."""
NTFS: Final = {"pyfsntfs": "libfsntfs-python"}
HIVES: Final = {
    "parsers": "inspector (parsers)",
    "pyregf": "libregf-python",
    "python-registry": "python-registry",
    "dissect.regf": "dissect.regf",
    "regipy": "regipy",
    "parsers-value": "inspector, one value alone",
}
"""The libraries that walk a hive, as `walk_hive` and as people call them."""
HIVE_VALUE: Final = (r"Services\Tcpip", "Start")


@dataclass(frozen=True)
class Run:
    """What one process took: seconds of wall time, its peak resident memory in bytes, and seconds of processor time."""

    seconds: float
    memory: int
    output: str
    cpu: float


def run(command: list[str]) -> Run:
    """Run a process and measure it and its children."""
    # The kernel counts the peak of the process that starts another one, which is ours, as that one's, too (proc(5)).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaint:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=complaint)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaint.seek(0)
        if process.returncode not in {0, 1}:
            problem = complaint.read().strip()[-500:]
            raise SystemExit(f"{' '.join(command)} failed with {process.returncode}: {problem}")
        text = output.read()
    return Run(seconds, usage.ru_maxrss * 1024, text, usage.ru_utime + usage.ru_stime)


def median(command: list[str], repeats: int) -> Run:
    """Run `repeats` times after one run that warms the caches; return the median time and the largest memory."""
    run(command)
    runs = [run(command) for _ in range(repeats)]
    seconds, memory = statistics.median(r.seconds for r in runs), max(r.memory for r in runs)
    return Run(seconds, memory, runs[-1].output, min(r.cpu for r in runs))


def walk(command: list[str], repeats: int) -> tuple[float, int]:
    """Return the median seconds that a walk itself says it took, and how many files it saw."""
    first = 1 if repeats > 1 else 0  # to warm the cache; not for what takes minutes and runs once
    found = [json.loads(run(command).output) for _ in range(first + repeats)][first:]
    return statistics.median(f["seconds"] for f in found), found[0]["count"]


def peers() -> Path:
    """Return the `bin` of the peers' environment; make it unless it is there with these requirements."""
    stamp = PEERS_VENV / "requirements.txt"
    if not stamp.is_file() or stamp.read_text() != REQUIREMENTS.read_text():
        print(f"bench: installing the peers into {PEERS_VENV} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS_VENV)], check=True)
        _pip(PEERS_VENV, "-r", str(REQUIREMENTS))
        stamp.write_text(REQUIREMENTS.read_text())
    return PEERS_VENV / "bin"


def own() -> Path:
    """Return the `bin` of an environment in which this project is installed as a user installs it."""
    print(f"bench: installing this project into {OWN_VENV} ...", flush=True)
    if not (OWN_VENV / "bin" / "python").is_file():
        subprocess.run([sys.executable, "-m", "venv", str(OWN_VENV)], check=True)
    _pip(OWN_VENV, str(ROOT))  # what it needs and has not yet
    _pip(OWN_VENV, "--force-reinstall", "--no-deps", str(ROOT))  # the project itself, though its version is the same
    return OWN_VENV / "bin"


def _pip(venv: Path, *arguments: str) -> None:
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)


def check(image: Path, own_bin: Path, peer_bin: Path, repeats: int) -> None:
    """Compare the verdicts of `inspector check` with four facts from the peer, process against process."""
    ours = median([str(own_bin / "inspector"), "check", "--format", "json", str(image)], repeats)
    theirs = median(
        [str(peer_bin / "target-query"), "-q", "-f", "os,version,hostname,architecture", str(image)], repeats
    )
    report = json.loads(ours.output)
    cost, size = report["cost"], image.stat().st_size
    print(f"{image.name} ({size / MIB:.0f} MiB), whole process, median of {repeats} runs, warm cache")
    print(f"{'':34}{'seconds':>10}{'peak MiB':>10}")
    print(f"{'inspector check':34}{ours.seconds:>10.3f}{ours.memory / MIB:>10.0f}")
    print(f"{'target-query (4 facts)':34}{theirs.seconds:>10.3f}{theirs.memory / MIB:>10.0f}")
    print(f"inspector is {theirs.seconds / ours.seconds:.1f} times faster;", end=" ")
    print(f"inside the inspection {cost['seconds']:.3f} s;", end=" ")
    print(f"read {cost['bytes_read'] / MIB:.1f} MiB, {100 * cost['bytes_read'] / size:.1f} % of the file")
    print(f"verdict {report['verdict']}: {report['summary']}; peer: {theirs.output.strip()}\n")


def layouts(own_bin: Path, repeats: int) -> None:
    """Compare the check of the same guest on every layout of disk, in turns, so that all meet the same load."""
    disks = [GUEST / f"{layout.name}.raw" for layout in LAYOUTS]
    runs: dict[Path, list[Run]] = {disk: [] for disk in disks}
    for _ in range(repeats + 1):
        for disk in disks:
            runs[disk].append(run([str(own_bin / "inspector"), "check", "--format", "json", str(disk)]))
    print(f"inspector check on every layout, whole process, median of {repeats} runs, warm cache")
    print(f"{'':34}{'seconds':>10}{'peak MiB':>10}{'read MiB':>10}{'to ' + disks[0].name:>12}")
    plain = 0.0
    for disk, (_, *measured) in runs.items():
        seconds, memory = statistics.median(r.seconds for r in measured), max(r.memory for r in measured)
        plain = plain or seconds
        read = json.loads(measured[0].output)["cost"]["bytes_read"]
        print(f"{disk.name:34}{seconds:>10.3f}{memory / MIB:>10.0f}{read / MIB:>10.1f}{seconds / plain:>12.2f}")
    print()


def walks(layout: Layout, theirs: dict[str, str], own_bin: Path, peer_bin: Path, repeats: int) -> None:
    """Compare a full walk with metadata over the root of a disk."""
    disk, root = GUEST / f"{layout.name}.raw", layout.root
    where = [str(root.start * MIB), str(root.size * MIB), *([root.subvolume] if root.subvolume else ())]
    _walks(disk, root.kind, where, theirs, own_bin, peer_bin, repeats)


def ntfs(own_bin: Path, peer_bin: Path, repeats: int) -> None:
    """Compare a full walk of an NTFS volume with the guest's files."""
    disk = GUEST / "ntfs.raw"
    if not make_volume(GUEST / f"{MBR.name}.raw", disk):
        print("no NTFS volume was walked: making it wants root, FUSE and ntfs-3g\n")
        return
    _walks(disk, "ntfs", ["0", str(disk.stat().st_size)], NTFS, own_bin, peer_bin, repeats)


def _walks(
    disk: Path, kind: str, where: list[str], theirs: dict[str, str], own_bin: Path, peer_bin: Path, repeats: int
) -> None:
    where = [str(disk), *where]
    ours, peer = (str(Path(__file__).with_name(f"walk_{whose}.py")) for whose in ("ours", "peers"))
    rows = {"inspector (parsers)": walk([str(own_bin / "python"), ours, kind, *where], repeats)}
    for name, title in theirs.items():
        rows[title] = walk([str(peer_bin / "python"), peer, name, *where], repeats)
    print(f"{disk.name}, full walk of its {kind} with metadata, inside the process, median of {repeats} runs")
    print(f"{'':34}{'seconds':>10}{'files':>10}")
    for title, (seconds, count) in rows.items():
        print(f"{title:34}{seconds:>10.3f}{count:>10}")
    print()


def hive(own_bin: Path, peer_bin: Path, repeats: int) -> None:
    """Compare a full walk of a real SYSTEM hive of the shared corpus, which may be absent."""
    packed = ROOT.parent / "shared" / "corpus" / "known" / "hives" / "hv-rp-SYSTEM.hive.xz"
    if not packed.is_file():
        print("no hive was walked: ../shared/corpus is absent\n")
        return
    script = str(Path(__file__).with_name("walk_hive.py"))
    with tempfile.NamedTemporaryFile() as file:
        file.write(lzma.decompress(packed.read_bytes()))
        file.flush()
        print(
            f"{packed.stem} ({Path(file.name).stat().st_size / MIB:.1f} MiB), every key and value with its data,",
            end=" ",
        )
        print(f"inside the process, median of {repeats} runs")
        print(f"{'':34}{'seconds':>10}{'keys+values':>12}")
        for name, title in HIVES.items():
            python = (own_bin if name.startswith("parsers") else peer_bin) / "python"
            wanted = (rf"ControlSet001\{HIVE_VALUE[0]}", HIVE_VALUE[1]) if name.endswith("value") else ()
            once = name == "regipy"  # it takes minutes
            seconds, count = walk([str(python), script, name, file.name, *wanted], 1 if once else repeats)
            print(f"{title:34}{seconds:>10.4f}{count:>12}")
    print()


def windows(own_bin: Path, linux: Path, repeats: int) -> None:
    """Compare the check of Windows guests with that of the Linux one, in turns, and ask a large hive for one value."""
    disks = make_disks(GUEST)
    if disks is None:
        print("no Windows guest was checked: making it wants root, FUSE, ntfs-3g and ../shared/corpus\n")
        return
    guest, registry = disks
    real = make_real_disk(GUEST)
    if isinstance(real, str):
        print(f"no Windows guest with a real SYSTEM hive was checked: {real}")
    runs: dict[Path, list[Run]] = {disk: [] for disk in (guest, real, linux) if isinstance(disk, Path)}
    for _ in range(repeats + 1):
        for disk, measured in runs.items():
            measured.append(run([str(own_bin / "inspector"), "check", "--format", "json", str(disk)]))
    print(
        f"inspector check of Windows guests and of the Linux one, in turns, whole process, {repeats} runs, warm cache"
    )
    print(f"{'':34}{'seconds':>10}{'least CPU':>10}{'peak MiB':>10}{'read MiB':>10}{'checks':>10}")
    for disk, (_, *measured) in runs.items():
        report = json.loads(measured[0].output)
        seconds, memory = statistics.median(r.seconds for r in measured), max(r.memory for r in measured)
        read, checks = report["cost"]["bytes_read"] / MIB, report["summary"]["total"]
        cpu = min(r.cpu for r in measured)
        print(f"{disk.name:34}{seconds:>10.3f}{cpu:>10.3f}{memory / MIB:>10.0f}{read:>10.1f}{checks:>10}")
    script = str(Path(__file__).with_name("registry_value.py"))
    command = [
        str(own_bin / "python"),
        script,
        str(registry),
        rf"HKLM\SYSTEM\CurrentControlSet\{HIVE_VALUE[0]}",
        HIVE_VALUE[1],
    ]
    seconds, count = walk(command, repeats)
    print(
        f"one value of a SYSTEM hive of {size_of_hive():.1f} MiB, inside NTFS, inside qcow2, inside the process:",
        end=" ",
    )
    print(f"{1000 * seconds:.1f} ms, {count / 1024:.0f} KiB read\n")


def main() -> int:
    """Print all comparisons; a guest that was not built gets one line and status 1."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--repeats", type=int, default=7, help="measured runs of each command (default 7)")
    repeats = arguments.parse_args().repeats
    image = GUEST / "mbr-zlib.qcow2"
    if not all(path.is_file() for path in (image, *(GUEST / f"{layout.name}.raw" for layout in LAYOUTS))):
        print("bench: there is no guest to measure on; `make guest` builds it (as root)", file=sys.stderr)
        return 1
    own_bin, peer_bin = own(), peers()
    check(image, own_bin, peer_bin, repeats)
    layouts(own_bin, repeats)
    for layout, theirs in WALKS.items():
        walks(layout, theirs, own_bin, peer_bin, repeats)
    ntfs(own_bin, peer_bin, repeats)
    hive(own_bin, peer_bin, repeats)
    windows(own_bin, image, repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
