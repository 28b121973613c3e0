from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.disk import Layout, build_disk
from fixtures.golden import GOLDEN, KERNEL
from inspector.console.json_line import json_text
from inspector.errors import InspectorError
from inspector.target import Target
from inspector.view.overview import overview, overview_text
from tests.oracles import needs


@needs("mke2fs", "debugfs", "sfdisk", "qemu-img")
def test_the_disk_of_a_guest(tmp_path: Path) -> None:
    view = overview(Target((str(build_disk(GOLDEN, tmp_path / "disk.qcow2", "qcow2", layout=Layout())),)))
    assert json.loads(json_text(view)) == view
    assert view["image"]["format"] == "qcow2"
    assert view["image"]["virtual_size"] > view["image"]["file_size"]
    numbers = [part["number"] for part in view["partitions"]]
    assert [volume["device"] for volume in view["volumes"]] == [f"sda{number}" for number in numbers]
    assert view["guest"]["product"] == "Debian GNU/Linux 12 (bookworm)"
    assert view["guest"]["kernel"] == KERNEL
    assert [mount["path"] for mount in view["mounts"]] == ["/"]
    (kernel,) = [kernel for kernel in view["kernels"] if kernel["version"] == KERNEL]
    assert kernel["image"] == f"/boot/vmlinuz-{KERNEL}"
    assert kernel["initramfs"] == f"/boot/initrd.img-{KERNEL}"
    text = overview_text(view)
    assert "guest: Debian GNU/Linux 12 (bookworm)\n" in text
    assert f"\n  {KERNEL}\n" in text


@needs("mke2fs", "debugfs", "sfdisk")
def test_a_root_that_does_not_exist_is_an_error_but_no_root_is_shown(tmp_path: Path) -> None:
    disk = build_disk({"/data/x": "1"}, tmp_path / "disk.raw", "raw")
    view = overview(Target((str(disk),)))
    assert (view["guest"], view["mounts"], view["kernels"]) == (None, [], [])
    assert view["reason"].startswith("no root file system was found")
    with pytest.raises(InspectorError, match="no volume is called sdz"):
        overview(Target((str(disk),), "sdz"))


def test_the_words_of_the_disk_are_escaped() -> None:
    node = {
        "name": "sda1", "kind": "partition", "size": 1 << 30, "type": "ext4", "uuid": None, "label": "\x1b[2J",
        "partition": {"number": 1, "type": "0x83", "uuid": None, "name": "x\x07", "bootable": True}, "mounts": ["/"],
        "used": 512, "total": 2048, "backend": "native", "reason": None, "problems": [], "children": [],
    }  # fmt: skip
    torn = {**node, "name": "sda2", "total": None, "backend": None, "reason": "torn", "problems": ["bad\x9b"]}
    table = {"scheme": "gpt", "sector_size": 512, "disk_id": "id", "hybrid": True}
    disk = {
        "name": "sda", "kind": "disk", "size": 1 << 40, "partition_table": table, "mounts": [], "problems": [],
        "children": [node, torn],
    }  # fmt: skip
    image = {"path": "a\nb", "format": "raw", "virtual_size": 1536, "file_size": 10}
    view = {
        "disks": [{"name": "sda", "image": image, "container": None}],
        "stack": [disk],
        "volumes": [],
        "guest": None,
        "reason": "two roots",
        "mounts": [],
        "kernels": [],
        "problems": [
            {"path": "sda2", "volume": None, "message": "bad\x9b"},
            {"path": "image", "volume": None, "message": "cut"},
        ],
    }
    assert overview_text(view) == (
        "a\\x0ab: raw, 1.5 KiB virtual, 10 B file\n"
        "storage:\n"
        "  sda: 1.0 TiB, hybrid gpt, sectors of 512 bytes, id id\n"
        '  ├─ sda1: 1.0 GiB, ext4, named "x\\x07", bootable, label "\\x1b[2J", '
        "512 B of 2.0 KiB used (25 %), on /, native\n"
        '  └─ sda2: 1.0 GiB, ext4, named "x\\x07", bootable, label "\\x1b[2J", on /\n'
        "        ! not read: torn\n"
        "        ! bad\\u009b\n"
        "guest: none (two roots)\n"
        "problems:\n"
        "  image: cut\n"
    )
