"""What `show` tells of the container."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from inspector.target import Target
from inspector.view.container import container_facts, container_lines
from inspector.view.overview import overview, overview_text
from parsers.container.qcow2_header import parse_qcow2
from parsers.source import Memory
from tests.oracles import needs
from tests.qcow2_builder import Qcow2Builder, extension


@needs("qemu-img")
def test_snapshots_are_those_that_qemu_img_lists(tmp_path: Path) -> None:
    image = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", str(image), "1M"], check=True)
    for name in ("before", "after \x1b[31m"):
        subprocess.run(["qemu-img", "snapshot", "-c", name, str(image)], check=True)
    told = json.loads(subprocess.check_output(["qemu-img", "info", "--output", "json", str(image)]))["snapshots"]
    view = overview(Target((str(image),)))
    found = view["container"]["snapshots"]
    assert [(s["id"], s["name"]) for s in found] == [(s["id"], s["name"]) for s in told]
    text = overview_text(view)
    assert "container: version 3, clusters of 65536 bytes, zlib, lazy refcounts\n" in text
    assert '  snapshot 1 "before" of ' in text
    assert "\x1b" not in text


def test_a_raw_disk_has_no_container(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(4096))
    view = overview(Target((str(path),)))
    assert view["container"] is None
    assert "container" not in overview_text(view)


def test_names_features_and_counts_are_told() -> None:
    builder = Qcow2Builder(
        incompatible=1 << 9,
        backing=b"base.raw",
        extensions=extension(0xE2792ACA, b"raw"),
        header={"nb_snapshots": 7, "snapshots_offset": 1 << 40},
    )
    facts = container_facts(parse_qcow2(Memory(builder.build())))
    assert facts is not None
    assert facts["extensions"] == [{"type": "0xe2792aca", "name": "backing file format", "length": 3}]
    assert list(container_lines(facts)) == [
        "container: version 3, clusters of 65536 bytes, zlib, incompatible feature 9",
        "  backing file base.raw",
        "  7 snapshots in all",
    ]
