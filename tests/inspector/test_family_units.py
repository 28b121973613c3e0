"""The units of the families' guests, aliases among them: enabled or not as `systemctl --root=DIR is-enabled` says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from fixtures.disk import build_tree
from fixtures.families import RECIPES, guest_of_family
from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.linux.units import CONFIG, UnitFiles
from tests.inspector.absence import missing_for
from tests.memory_tree import guest_of
from tests.oracles import needs

WITHOUT_SYSTEMD: Final = frozenset({"centos-6", "ubuntu-14.04", "alpine-3.20"})
NAMES: Final = [name for name in RECIPES if name not in WITHOUT_SYSTEMD]
READ: Final = ("/usr/lib/systemd/", "/etc/systemd/", "/etc/init.d", "/etc/rc", "/lib", "/usr/lib/systemd/systemd")


@needs("systemctl")
@pytest.mark.parametrize("name", NAMES)
def test_every_unit_has_the_state_that_systemctl_tells(name: str, tmp_path: Path) -> None:
    if missing := missing_for(name):
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    family = guest_of_family(name)
    build_tree(tmp_path, {path: node for path, node in family.files.items() if path.startswith(READ)})
    guest = guest_of(family.files)
    files, services = UnitFiles(guest), collect_services(Facts({Guest: guest}))
    names = sorted(
        {*files.names(), *(alias for unit in files.names() for alias in files.text(unit).words("Install", "Alias"))}
    )
    assert len(names) > 15
    found = {unit: str(services.state(unit).state) for unit in names}
    there = [unit for unit in names if found[unit] != "absent"]
    told = dict(zip(there, asked(tmp_path, there), strict=True))
    told |= {unit: next(iter(asked(tmp_path, [unit])), "absent") for unit in names if unit not in told}
    assert {unit: (found[unit], told[unit]) for unit in names if found[unit] != told[unit]} == {}
    assert any(path.startswith(f"{CONFIG}/") for path in family.files)


def asked(root: Path, units: list[str]) -> list[str]:
    """Return what systemctl says of each unit; nothing of one that is not there."""
    command = ["systemctl", f"--root={root}", "is-enabled", *units]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[:-1]
