from __future__ import annotations

import json
from pathlib import Path

from tests.inspector.cli.conftest import call
from tests.inspector.cli.test_ls import FIELDS

MORE = ["links", "atime", "ctime", "btime", "rdev", "xattrs", "streams", "security"]


def test_json_has_the_fields_of_ls_and_more(disk: Path) -> None:
    data = json.loads(call("stat", "--format", "json", disk, "/big").stdout)
    assert list(data) == FIELDS + MORE
    assert (data["path"], data["type"], data["links"]) == ("/big", "file", 1)
    assert data["xattrs"] == {}


def test_a_link_is_not_followed(disk: Path) -> None:
    text = call("stat", disk, "/deep/link").stdout.decode()
    assert "    type: symlink\n" in text
    assert "  target: er/still/file\n" in text


def test_the_mode_is_octal_for_a_person(disk: Path) -> None:
    assert "    mode: 4640\n" in call("stat", disk, "/etc/passwd").stdout.decode()


def test_a_name_of_odd_bytes_can_be_asked_for(disk: Path) -> None:
    done = call("stat", disk, b"/na\xffme\x1b[2J")
    assert done.returncode == 0
    assert b"    path: /na\\xffme\\x1b[2J\n" in done.stdout
