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
from inspector.linux.units import UnitFiles
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


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Guest, Path]:
    """The guest, and a copy of what systemctl reads of it."""
    tree, root = open_image(str(guest("mbr.raw"))), tmp_path_factory.mktemp("root")
    for path in COPIED:
        if tree.is_dir(path):
            copy(tree, path, root)
    (root / "lib").symlink_to("usr/lib")
    return tree, root


def asked(root: Path, names: list[str]) -> list[str]:
    command = ["systemctl", f"--root={root}", "is-enabled", *names]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[:-1]


@needs("systemctl")
def test_every_unit_has_the_state_that_systemctl_tells(units: tuple[Guest, Path]) -> None:
    tree, root = units
    services = collect_services(Facts({Guest: tree}))
    listed = {entry.name for path in (LIB, ETC) for entry in tree.listdir(path) if entry.name.endswith(KINDS)}
    names = sorted(listed)
    found = {unit: str(services.state(unit).state) for unit in names}
    told = asked(root, names)
    assert len(told) == len(names) > 150
    wrong = {unit: (found[unit], state) for unit, state in zip(names, told, strict=True) if found[unit] != state}
    assert wrong == {}


@needs("systemctl")
def test_so_has_every_alias_that_a_unit_asks_for(units: tuple[Guest, Path]) -> None:
    """An alias is a unit where `systemctl enable` linked it, and no unit at all where it did not."""
    tree, root = units
    services, files = collect_services(Facts({Guest: tree})), UnitFiles(tree)
    aliases = {alias for unit in files.names() for alias in files.text(unit).words("Install", "Alias")}
    assert {"sshd.service", "dbus-org.freedesktop.network1.service", "ctrl-alt-del.target"} <= aliases
    found = {alias: str(services.state(alias).state) for alias in aliases}
    told = {alias: next(iter(asked(root, [alias])), "absent") for alias in aliases}
    assert {alias: (found[alias], told[alias]) for alias in aliases if found[alias] != told[alias]} == {}
