from __future__ import annotations

import json
from pathlib import Path

from tests.inspector.cli.conftest import call


def test_json_has_what_the_contract_names(disk: Path) -> None:
    view = json.loads(call("show", "--format", "json", disk).stdout)
    assert list(view)[:4] == ["image", "partition_table", "partitions", "volumes"]
    assert {"guest", "mounts", "kernels", "reason", "problems"} <= view.keys()
    assert view["image"] == {"path": str(disk), "format": "raw", "virtual_size": 24 << 20, "file_size": 24 << 20}
    assert view["partition_table"]["scheme"] == "none"
    (volume,) = view["volumes"]
    assert {key: volume[key] for key in ("device", "size", "type", "uuid", "label", "reason")} == {
        "device": "sda",
        "size": 24 << 20,
        "type": "ext4",
        "uuid": "aaaaaaaa-0000-4000-8000-000000000001",
        "label": "top",
        "reason": None,
    }
    assert 0 < volume["used"] < volume["total"] <= volume["size"]
    assert volume["backend"] == "native"
    assert view["guest"]["os"] == "linux"
    assert view["mounts"] == [{"path": "/", "device": "sda", "reason": None}]
    assert view["kernels"] == [
        {
            "version": "6.1.0-1",
            "image": "/boot/vmlinuz-6.1.0-1",
            "modules": "/lib/modules/6.1.0-1",
            "initramfs": None,
        }
    ]


def test_text_is_a_readable_tree(disk: Path) -> None:
    text = call("show", disk).stdout.decode()
    assert text.startswith(f"{disk}: raw, 24.0 MiB virtual, 24.0 MiB file\nstorage:\n  sda: 24.0 MiB, ext4, ")
    assert 'label "top", ' in text
    assert " %), on /, native\n" in text
    assert "  6.1.0-1 (no initramfs)\n" in text


def test_a_disk_without_a_guest_is_shown_all_the_same(tmp_path: Path) -> None:
    blank = tmp_path / "blank.raw"
    with blank.open("wb") as stream:
        stream.truncate(8 << 20)
    done = call("show", "--format", "json", blank)
    view = json.loads(done.stdout)
    assert done.returncode == 0
    assert view["guest"] is None
    assert view["reason"].startswith("no root file system was found")
    assert b"guest: none (no root file system" in call("show", blank).stdout
