from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parsers.boot.kernel_config import parse_kernel_config
from parsers.place import Place

TEXT = """\
# Linux/x86 6.1 Kernel Configuration
CONFIG_VIRTIO=m
# CONFIG_VIRTIO_BLK is not set
CONFIG_VIRTIO_BLK_SCSI=y
CONFIG_LOCALVERSION="-x y"
 CONFIG_INDENTED=y
CONFIG_HZ=250
CONFIG_VIRTIO=y
"""


def test_options_and_their_places() -> None:
    config = parse_kernel_config(TEXT, "c")
    assert [(option.place, option.name, option.value) for option in config.options] == [
        (Place("c", 2), "CONFIG_VIRTIO", "m"),
        (Place("c", 3), "CONFIG_VIRTIO_BLK", "n"),
        (Place("c", 4), "CONFIG_VIRTIO_BLK_SCSI", "y"),
        (Place("c", 5), "CONFIG_LOCALVERSION", '"-x y"'),
        (Place("c", 7), "CONFIG_HZ", "250"),
        (Place("c", 8), "CONFIG_VIRTIO", "y"),
    ]
    found = config.get("CONFIG_VIRTIO")
    assert found is not None
    assert found.value == "y"
    assert config.get("CONFIG_NONE") is None


def test_only_what_is_wanted_is_read() -> None:
    config = parse_kernel_config(TEXT, "c", ["CONFIG_VIRTIO_BLK", "CONFIG_NONE"])
    assert [option.place.line for option in config.options] == [3]
    assert parse_kernel_config("CONFIG_A=y\r\n# CONFIG_B is not set\r\n", "c").get("CONFIG_B") is not None


@pytest.mark.parametrize("path", sorted(Path("/boot").glob("config-*")), ids=str)
def test_grep_agrees_on_the_configurations_of_this_machine(path: Path) -> None:
    config = parse_kernel_config(path.read_text(), str(path))
    lines = subprocess.run(["grep", "-nE", "^(# )?CONFIG_", path], capture_output=True, text=True, check=True).stdout
    wanted = {int(line.split(":")[0]) for line in lines.splitlines()}
    assert {option.place.line for option in config.options} == wanted
    assert len(wanted) > 1000
