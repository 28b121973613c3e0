from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.disk import Layout, build_disk
from fixtures.golden import GOLDEN, KERNEL
from inspector.console.json_line import json_text
from inspector.errors import InspectorError
from inspector.target import Target
from inspector.view.overview import overview, overview_text, size
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
    volume = {
        "device": "sda1", "size": 1 << 30, "type": "ext4", "uuid": None, "label": "\x1b[2J", "used": 512, "total": 2048,
        "members": [], "holder": None, "backend": "native", "reason": None,
    }  # fmt: skip
    view = {
        "image": {"path": "a\nb", "format": "raw", "virtual_size": 1536, "file_size": 10},
        "container": None,
        "partition_table": {"scheme": "gpt", "sector_size": 512, "disk_id": "id", "hybrid": True},
        "partitions": [
            {"number": 1, "offset": 0, "size": 1 << 40, "type": "0x83", "uuid": None, "name": "x\x07", "bootable": True}
        ],
        "volumes": [volume, {**volume, "device": "sda2", "total": None, "reason": "torn"}],
        "guest": None,
        "reason": "two roots",
        "mounts": [],
        "kernels": [],
        "problems": [{"path": "sda2", "message": "bad\x9b"}],
    }
    assert overview_text(view) == (
        "a\\x0ab: raw, 1.5 KiB virtual, 10 B file\n"
        "partition table: gpt, sectors of 512 bytes, id id, hybrid\n"
        '  1: 1.0 TiB at 0, type 0x83, "x\\x07", bootable\n'
        "volumes:\n"
        '  sda1: 1.0 GiB, ext4, label "\\x1b[2J", 512 B of 2.0 KiB used\n'
        '  sda2: 1.0 GiB, ext4, label "\\x1b[2J"\n'
        "    not read: torn\n"
        "guest: none (two roots)\n"
        "problems:\n"
        "  sda2: bad\\u009b\n"
    )


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 << 40, "10.0 TiB"),
        (1 << 70, "1024.0 EiB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown
