from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import sys
from pathlib import Path

from fixtures.disk import tool
from tests.inspector.cli.conftest import BIG, call
from tests.oracles import needs

FIELDS = ["path", "type", "mode", "uid", "gid", "size", "mtime", "target", "inode", "flags", "volume", "sha256"]


def listed(*arguments: str | Path) -> list[dict[str, object]]:
    done = call("ls", "--format", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    data = json.loads(done.stdout)
    assert isinstance(data, list)
    return data


def test_every_file_has_the_metadata_and_the_hash_of_the_one_it_was_made_of(disk: Path, files: Path) -> None:
    entries = {str(entry["path"]): entry for entry in listed("-R", "--sha256", disk, "/")}
    del entries["/lost+found"]
    expected = {"/" + str(path.relative_to(files)): path for path in files.rglob("*")}
    assert entries.keys() == expected.keys()
    for name, path in expected.items():
        entry, truth = entries[name], path.lstat()
        assert list(entry) == FIELDS
        assert entry["mode"] == stat.S_IMODE(truth.st_mode)
        assert (entry["uid"], entry["gid"]) == (truth.st_uid, truth.st_gid)
        assert entry["volume"] == "sda"
        if path.is_symlink():
            assert (entry["type"], entry["target"], entry["sha256"]) == ("symlink", str(path.readlink()), None)
        elif path.is_dir():
            assert (entry["type"], entry["target"], entry["sha256"]) == ("directory", None, None)
        else:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert (entry["type"], entry["size"], entry["sha256"]) == ("file", truth.st_size, digest)
    assert entries["/big"]["mtime"] == "2023-11-14T22:13:21.000000000Z"


def test_names_that_are_no_utf8_keep_their_bytes_in_json(disk: Path) -> None:
    done = call("ls", "--format", "json", disk)
    assert done.stdout.isascii()
    assert b'"/na\\udcffme\\u001b[2J"' in done.stdout
    assert "/na\udcffme\x1b[2J" in [entry["path"] for entry in json.loads(done.stdout)]


def test_text_is_safe_for_a_terminal(disk: Path) -> None:
    for arguments in (("ls",), ("ls", "-l"), ("ls", "-R"), ("ls", "-lR", "--sha256")):
        text = call(*arguments, disk, "/").stdout.decode()
        assert all(char.isprintable() or char == "\n" for char in text)
        assert "/na\\xffme\\x1b[2J\n" in text
        assert "/new\\x0aline\n" in text


def test_one_directory_sorted(disk: Path) -> None:
    done = call("ls", disk, "/deep")
    assert done.stdout == b"/deep/dangling\n/deep/dirlink\n/deep/er\n/deep/link\n"


def test_the_long_form(disk: Path) -> None:
    lines = call("ls", "-l", disk, "deep//./").stdout.decode().splitlines()
    assert lines[0].startswith("lrwxrwxrwx ")
    assert lines[0].endswith(" /deep/dangling -> /nowhere")
    passwd = call("ls", "-l", disk, "/etc/passwd").stdout.decode()
    assert passwd.startswith("-rwSr----- ")


def test_a_link_to_a_directory_is_entered_and_one_to_a_file_shown(disk: Path) -> None:
    assert call("ls", disk, "/deep/dirlink").stdout == b"/deep/dirlink/still\n"
    assert call("ls", "-R", disk, "/deep/dirlink").stdout == b"/deep/dirlink/still\n/deep/dirlink/still/file\n"
    assert call("ls", disk, "/deep/link").stdout == b"/deep/link\n"


def test_hashes_are_printed_as_sha256sum_does(disk: Path) -> None:
    done = call("ls", "--sha256", disk, "/big")
    assert done.stdout.decode() == f"{hashlib.sha256(BIG).hexdigest()}  /big\n"


def test_an_empty_directory_is_an_empty_array(disk: Path) -> None:
    assert listed(disk, "/root") == []
    assert call("ls", disk, "/root").stdout == b""


def test_one_volume_alone(disk: Path) -> None:
    assert call("ls", "--volume", "sda", disk, "/deep/er").stdout == b"/deep/er/still\n"
    done = call("ls", "--volume", "sda9", disk, "/")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.decode() == f"inspector: {disk}: no volume is called sda9; there is sda\n"


def test_a_path_that_is_not_there(disk: Path) -> None:
    done = call("ls", disk, "/nowhere/at/all")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.decode() == f"inspector: {disk}: /nowhere/at/all does not exist\n"


def test_a_reader_that_leaves_is_no_error(disk: Path) -> None:
    command = f"{sys.executable} -m inspector ls -R {disk} / | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout.splitlines()[0] == b"/big"


@needs("mke2fs")
def test_a_disk_without_a_system_is_read_by_its_volume(tmp_path: Path) -> None:
    data = tmp_path / "data.raw"
    subprocess.run([tool("mke2fs"), "-q", "-t", "ext4", data, "4M"], check=True)
    assert call("ls", data).stderr.endswith(b": no root file system was found; --volume reads one by itself: sda\n")
    assert call("ls", "--volume", "sda", data).stdout == b"/lost+found\n"
