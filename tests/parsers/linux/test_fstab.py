"""fstab: by hand, against findmnt, and against the corpus."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from parsers.linux.fstab import Fstab, FstabEntry, parse_fstab
from parsers.place import Place, Problem
from tests.corpus import corpus, entries

NASTY = r"""# static file system information
UUID=aaaa-bbbb / ext4 errors=remount-ro 0 1
LABEL=a\040b /mnt/my\040disk ext4 rw,x=a\054b 0 2
UUID="ab-cd" /quoted ext4
LABEL="a b" /cut ext4 rw 0 0
/dev/sda1 /only-two
/dev/sda1 /3 ext4
/dev/sda1 /5 ext4 rw 1
/dev/sda1 /7 ext4 rw 1 2 3 four # five
/dev/sda1 /note ext4 rw # note
/dev/sda1 /note2 ext4 rw 1 # note
/dev/sda1 /neg ext4 rw -1 +2
/dev/sda1 /hex ext4 rw 0x1 0
/dev/sda1 /2a ext4 rw 1 2a
BLANKS
  # indented comment
none none swap sw 0 0
//srv/s\040hare /cifs cifs _netdev,credentials=/root/c
srv:/export /nfs nfs4 rw,_netdev 0 0
tmpfs /tmp tmpfs size=1g,mode=1777 0 0
/srv /bind none bind
/dev/sda1 /trail/ ext4 rw
/dev/sda1 /back\ ext4 rw
/dev/sda1 /esc\134a\99\0401 ext4 rw
/dev/sda1 /empty ext4 ,rw,, 0 0
/dev/sda1 /comma ext4 context="a,b",rw 0 0
x
""".replace("BLANKS", "\t  /dev/sda1\t \t/blanks\text4  rw 0\t0  ")


def of_findmnt(table: Path) -> tuple[list[dict[str, Any]], list[int]]:
    if shutil.which("findmnt") is None:
        pytest.skip("findmnt (util-linux) is not installed: fstab was not compared with libmount")
    columns = "SOURCE,TARGET,FSTYPE,OPTIONS,FREQ,PASSNO"
    done = subprocess.run(
        ["findmnt", "--tab-file", str(table), "--json", "--list", "-o", columns],
        capture_output=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    found = json.loads(done.stdout.decode("utf-8", "surrogateescape"))["filesystems"] if done.stdout else []
    return found, [int(number) for number in re.findall(rb"parse error at line (\d+)", done.stderr)]


def as_findmnt(entry: FstabEntry) -> dict[str, Any]:
    return {
        "source": entry.device,
        "target": entry.mount_point,
        "fstype": entry.kind,
        "options": list(entry.options),
        "freq": entry.frequency,
        "passno": entry.pass_number,
    }


def split_options(found: dict[str, Any]) -> dict[str, Any]:
    options = re.findall(r'(?:"[^"]*"|[^,])+', found["options"] or "")
    return {**found, "options": options}


def compare(table: Path, fstab: Fstab) -> None:
    found, bad = of_findmnt(table)
    assert [as_findmnt(entry) for entry in fstab.entries] == [split_options(one) for one in found]
    assert [problem.place.line for problem in fstab.problems] == bad


def test_the_fields_of_a_line() -> None:
    fstab = parse_fstab("\nUUID=aa /home ext4 rw,noatime 1 2\n")
    assert fstab.entries == (FstabEntry(Place("/etc/fstab", 2), "UUID=aa", "/home", "ext4", ("rw", "noatime"), 1, 2),)
    assert fstab.problems == ()


def test_missing_fields_have_their_defaults() -> None:
    assert parse_fstab("proc /proc proc").entries[0] == FstabEntry(Place("/etc/fstab", 1), "proc", "/proc", "proc")


def test_a_bad_line_is_reported_and_the_rest_is_read() -> None:
    fstab = parse_fstab("a /a ext4\nbroken\nb /b ext4 rw # note\nc /c ext4\n", "/x")
    assert [entry.device for entry in fstab.entries] == ["a", "c"]
    assert fstab.problems == (
        Problem(Place("/x", 2), "3 fields wanted, 1 found"),
        Problem(Place("/x", 3), "a number wanted in field 5, # found"),
    )


def test_octal_escapes_are_bytes() -> None:
    entry = parse_fstab(r"a /caf\303\251\040x\377 ext4").entries[0]
    assert entry.mount_point == "/café x\udcff"


def test_options_can_be_asked_for() -> None:
    entry = parse_fstab('a / ext4 rw,x-systemd.device-timeout=5,context="a,b"').entries[0]
    assert entry.has("nofail", "rw")
    assert entry.has("x-systemd.device-timeout")
    assert not entry.has("ro")
    assert entry.option("context") == "a,b"
    assert entry.option("rw") is None


def test_the_last_of_two_mounts_is_the_one_that_is_seen() -> None:
    fstab = parse_fstab("a /x ext4\nb /x/ ext4\nc / ext4")
    assert [entry.device for point in ("/x", "/") if (entry := fstab.at(point))] == ["b", "c"]
    assert fstab.at("/y") is None


def test_findmnt_reads_the_same(tmp_path: Path) -> None:
    table = tmp_path / "fstab"
    table.write_text(NASTY)
    compare(table, parse_fstab(NASTY))


def test_findmnt_reads_the_same_of_random_lines(tmp_path: Path) -> None:
    chance = random.Random(41)
    pieces = ["/a", "UUID=x", "ext4", "0", "1", "-2", "2a", "#", "#x", "rw", ",", "\\040", "\\", '"', "é", "none", "\r"]
    blanks = [" ", "\t", "  ", "\x0b", "\x0c", " \t"]
    lines = ["/dev/sda1 / ext4"]  # libmount takes a table that begins with two numbers for /proc/self/mountinfo
    for _ in range(600):
        fields = ["".join(chance.choices(pieces, k=chance.randint(1, 2))) for _ in range(chance.randint(0, 7))]
        lines.append(
            chance.choice(["", "", " "])
            + "".join(field + chance.choices(blanks, [8, 4, 2, 1, 1, 2])[0] for field in fields)
        )
    text = "\n".join(lines) + "\n"
    table = tmp_path / "fstab"
    table.write_bytes(text.encode("utf-8", "surrogateescape"))
    compare(table, parse_fstab(text))


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(42)
    for _ in range(300):
        raw = bytes(chance.choices(b"\x00\t \n\\0127#/a=\xff\xc3\r\x85", k=chance.randint(0, 200)))
        fstab = parse_fstab(raw.decode("utf-8", "surrogateescape"))
        assert len(fstab.entries) + len(fstab.problems) <= raw.count(b"\n") + 1


CORPUS = [entry for entry in entries("known") if "libmount_2.38.1" in entry.get("expected", {})]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["id"])
def test_corpus(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    expected = entry["expected"]["libmount_2.38.1"]
    assert [as_findmnt(found) for found in parse_fstab(text).entries] == [split_options(one) for one in expected]


AUGEAS = [
    entry
    for entry in entries("known")
    if entry["file"].startswith("configs/fstab/") and "tree" in entry["expected"].get("augeas_1.14", {})
]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", AUGEAS, ids=lambda entry: entry["id"])
def test_corpus_against_augeas(entry: dict[str, Any]) -> None:
    """Augeas splits options at their sign, so that only their names are compared; it has no other difference."""
    found = parse_fstab(corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape"))
    assert found.problems == ()
    for number, one in enumerate(found.entries, start=1):
        nodes = [node for node in entry["expected"]["augeas_1.14"]["tree"] if node[0].startswith(f"/{number}/")]
        fields = {node[0].split("/")[2]: node[1] for node in nodes if len(node) == 2}
        options = tuple(node[1] for node in nodes if re.fullmatch(rf"/{number}/opt(\[\d+\])?", node[0]))
        assert (one.device, one.mount_point) == (fields["spec"], fields["file"])
        assert one.kind == fields["vfstype"] or one.kind.split(",")[0] in fields["vfstype"]
        assert tuple(option.partition("=")[0] for option in one.options) == options
        assert (str(one.frequency), str(one.pass_number)) == (fields.get("dump", "0"), fields.get("passno", "0"))
    assert not any(
        node[0].startswith(f"/{len(found.entries) + 1}/") for node in entry["expected"]["augeas_1.14"]["tree"]
    )


MOUNTS = ["in-mount-PROC_MOUNT_DOC", "in-mount-PROC_MOUNT_QUOTES", "in-mount-MOUNT_DOC", "in-mount-MOUNT_ERR_DATA"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", MOUNTS)
def test_corpus_tables_of_mounts_are_read_as_findmnt_reads_them(name: str) -> None:
    """/proc/mounts has the format of fstab; what mount(8) prints has not, and both see the same bad lines in it."""
    path = corpus(f"known/configs/mount/{name}")
    compare(path, parse_fstab(path.read_text("utf-8", "surrogateescape")))
