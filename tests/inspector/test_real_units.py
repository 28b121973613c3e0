"""The units of the real Debian guest, every one: enabled or not as `systemctl --root=DIR is-enabled` says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from inspector import open_image
from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.guest import Guest
from parsers.filesystem.tree import FileType
from tests.guest import guest
from tests.oracles import needs

pytestmark = [pytest.mark.guest, pytest.mark.slow]

LIB: Final = "/usr/lib/systemd/system"
ETC: Final = "/etc/systemd/system"
COPIED: Final = (LIB, ETC, "/etc/init.d", *(f"/etc/rc{level}.d" for level in "0123456S"))
KINDS: Final = (".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".slice")


def copy(tree: Guest, path: str, root: Path) -> None:
    """Copy a folder of the guest, links as they are."""
    target = root / path.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    for entry in tree.listdir(path):
        inside = f"{path}/{entry.name}"
        kind = tree.lstat(inside).type
        if kind is FileType.DIRECTORY:
            copy(tree, inside, root)
        elif kind is FileType.SYMLINK:
            (target / entry.name).symlink_to(tree.readlink(inside))
        else:
            (target / entry.name).write_bytes(tree.read_bytes(inside))


@needs("systemctl")
def test_every_unit_has_the_state_that_systemctl_tells(tmp_path: Path) -> None:
    image = guest("mbr.raw")
    tree = open_image(str(image))
    for path in COPIED:
        if tree.is_dir(path):
            copy(tree, path, tmp_path)
    (tmp_path / "lib").symlink_to("usr/lib")
    services = collect_services(Facts({Guest: tree}))
    names = {entry.name for path in (LIB, ETC) for entry in tree.listdir(path) if entry.name.endswith(KINDS)}
    units = sorted(names)
    found = {unit: str(services.state(unit).state) for unit in units}
    command = ["systemctl", f"--root={tmp_path}", "is-enabled", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = done.stdout.split("\n")[:-1]
    assert len(told) == len(units), done.stderr
    assert len(units) > 150
    wrong = {unit: (found[unit], state) for unit, state in zip(units, told, strict=True) if found[unit] != state}
    assert wrong == {}
