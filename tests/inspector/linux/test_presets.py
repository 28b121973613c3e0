"""When a first boot comes, and what it enables: machine-id(5), systemd.preset(5), and `systemctl preset-all` itself."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.linux.presets import MACHINE_ID, first_boot, preset_enables
from parsers.place import Place
from tests.host_tree import guest_of_folder
from tests.memory_tree import Link, guest_of
from tests.oracles import needs

LIB = "/usr/lib/systemd/system-preset"
ETC = "/etc/systemd/system-preset"
UNITS = ("a.service", "b.service", "ab.service", "c.socket", "d.timer")
PATTERNS = ("*", "a.service", "a*", "?.service", "[ab].service", "[!a]*", "c.socket", "*.timer", "gone.service")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({}, Place(MACHINE_ID)),
        ({MACHINE_ID: "uninitialized\n"}, Place(MACHINE_ID, 1)),
        ({MACHINE_ID: ""}, None),
        ({MACHINE_ID: "0123456789abcdef0123456789abcdef\n"}, None),
    ],
    ids=["missing", "uninitialized", "empty", "set"],
)
def test_what_makes_the_next_boot_a_first_one(files: dict[str, Any], place: Place | None) -> None:
    assert first_boot(guest_of({"/etc/passwd": "", **files})) == place


def test_the_first_line_that_fits_counts_and_files_of_etc_hide_others() -> None:
    files = {
        f"{LIB}/90-x.preset": "# comment\nenable a.service\ndisable *\n",
        f"{LIB}/99-x.preset": "enable *\n",
    }
    assert preset_enables(guest_of(files), "a.service") == Place(f"{LIB}/90-x.preset", 2)
    assert preset_enables(guest_of(files), "b.service") is None
    hidden: dict[str, Any] = {**files, f"{ETC}/90-x.preset": Link("/dev/null")}
    assert preset_enables(guest_of(hidden), "b.service") == Place(f"{LIB}/99-x.preset", 1)
    assert preset_enables(guest_of({"/etc/passwd": ""}), "b.service") == Place(MACHINE_ID)


def test_a_disabled_unit_says_that_a_first_boot_enables_it() -> None:
    files = {
        "/usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        f"{LIB}/90-x.preset": "enable a.service\n",
    }
    assert "a first boot" in state(files).reason
    assert not state(files).enabled
    assert "a first boot" not in state({**files, MACHINE_ID: ""}).reason
    assert "a first boot" not in state({**files, f"{LIB}/90-x.preset": "disable *\n"}).reason


def state(files: dict[str, Any]) -> Any:
    return collect_services(Facts({Guest: guest_of(files)})).state("a.service")


def unit_text(unit: str) -> str:
    kind = unit.rpartition(".")[2]
    own = {
        "service": "[Service]\nExecStart=/bin/true",
        "socket": "[Socket]\nListenStream=1",
        "timer": "[Timer]\nOnBootSec=1",
    }
    return f"[Unit]\nDescription=x\n{own[kind]}\n[Install]\nWantedBy=multi-user.target\n"


@needs("systemctl")
@pytest.mark.parametrize("seed", range(4))
def test_systemctl_enables_the_same_units(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for number in range(8):
        root = tmp_path / str(number)
        lib = root / "usr/lib/systemd/system"
        lib.mkdir(parents=True)
        for unit in UNITS:
            (lib / unit).write_text(unit_text(unit))
        for _ in range(chance.randint(0, 3)):
            folder = root / chance.choice([LIB, LIB, ETC]).lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            lines = [
                f"{chance.choice(['enable', 'disable', 'enable', '#'])} {chance.choice(PATTERNS)}" for _ in range(3)
            ]
            (folder / chance.choice(["10-a.preset", "50-b.preset", "90-c.preset"])).write_text("\n".join(lines) + "\n")
        guest = guest_of_folder(root)
        ours = {unit for unit in UNITS if preset_enables(guest, unit)}
        asked = ["systemctl", f"--root={root}", "preset-all", "--preset-mode=enable-only"]
        subprocess.run(asked, check=True, capture_output=True)
        wants = root / "etc/systemd/system/multi-user.target.wants"
        assert ours == ({path.name for path in wants.iterdir()} if wants.is_dir() else set())
