"""When a first boot comes, and what it enables: machine-id(5), systemd.preset(5), and `systemctl preset-all` itself."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inspector.collectors import COLLECTORS
from inspector.facts import Facts
from inspector.facts.services import Enablement, Services
from inspector.guest import Guest
from inspector.linux.presets import MACHINE_ID, FirstBoot, first_boot
from inspector.linux.units import CONFIG, UnitFiles
from parsers.place import Place
from tests.host_tree import guest_of_folder
from tests.memory_tree import Link, guest_of
from tests.oracles import needs

LIB = "/usr/lib/systemd/system-preset"
ETC = "/etc/systemd/system-preset"
UNITS = ("a.service", "b.service", "ab.service", "c.socket", "d.timer", "t@.service")
PATTERNS = (
    "*", "a.service", "a*", "?.service", "[ab].service", "[!a]*", "c.socket", "*.timer", "gone.service", "t@.service",
    "t@.service x y", "t@*",
)  # fmt: skip


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


@pytest.mark.parametrize(("release", "begins"), [(246, False), (247, True), (None, True)])
def test_uninitialized_makes_a_first_boot_since_systemd_247(release: int | None, *, begins: bool) -> None:
    files = {"/etc/passwd": "", MACHINE_ID: "uninitialized\n"}
    assert (first_boot(guest_of(files), release=lambda: release) is not None) is begins
    assert first_boot(guest_of({"/etc/passwd": ""}), release=lambda: release) == Place(MACHINE_ID)


def test_the_argument_of_the_kernel_overrides_the_file() -> None:
    set_once = guest_of({"/etc/passwd": "", MACHINE_ID: "0123456789abcdef0123456789abcdef\n"})
    assert first_boot(set_once, ("ro", "systemd.condition-first-boot=yes")) == Place(MACHINE_ID)
    assert first_boot(guest_of({"/etc/passwd": ""}), ("systemd.condition_first_boot=no",)) is None


def enabling(guest: Guest, unit: str) -> Place | None:
    action, place = FirstBoot(guest, Place(MACHINE_ID)).action(unit)
    return place if action == "enable" else None


def test_the_first_line_that_fits_counts_and_files_of_etc_hide_others() -> None:
    files = {
        f"{LIB}/90-x.preset": "# comment\nenable\ta.service\n disable *\n",
        f"{LIB}/99-x.preset": "enable *\n",
    }
    assert enabling(guest_of(files), "a.service") == Place(f"{LIB}/90-x.preset", 2)
    assert enabling(guest_of(files), "b.service") is None
    hidden: dict[str, Any] = {**files, f"{ETC}/90-x.preset": Link("/dev/null")}
    assert enabling(guest_of(hidden), "b.service") == Place(f"{LIB}/99-x.preset", 1)
    assert enabling(guest_of({"/etc/passwd": ""}), "b.service") == Place(MACHINE_ID)


DISABLED = {
    "/usr/lib/systemd/system/default.target": "[Unit]\nDescription=x\n",
    "/usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n",
    f"{LIB}/90-x.preset": "enable a.service\n",
}


def test_a_disabled_unit_starts_where_a_first_boot_enables_it() -> None:
    found = state(DISABLED)
    assert (found.state, found.enabled, found.place) == (Enablement.DISABLED, True, Place(f"{LIB}/90-x.preset", 1))
    assert MACHINE_ID in found.reason
    assert state({**DISABLED, f"{LIB}/90-x.preset": "# none\n"}).place == Place(MACHINE_ID)
    assert not state({**DISABLED, MACHINE_ID: ""}).enabled
    assert not state({**DISABLED, f"{LIB}/90-x.preset": "disable *\n"}).enabled
    assert state({**DISABLED, "/etc/systemd/system/a.service": Link("/dev/null")}).masked


def test_systemd_before_247_takes_uninitialized_for_an_empty_id() -> None:
    dpkg = "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n"
    files = {**DISABLED, MACHINE_ID: "uninitialized\n", "/etc/os-release": "ID=debian\n"}
    old = {**files, "/var/lib/dpkg/status": dpkg.format("241-7~deb10u8")}
    assert not state(old).enabled
    assert state({**files, "/var/lib/dpkg/status": dpkg.format("252.22-1~deb12u1")}).enabled


@pytest.mark.parametrize(
    ("release", "disabled"),
    [("ID=fedora\nVERSION_ID=43\n", True), ("ID=fedora\nVERSION_ID=38\n", False),
     ('ID="rhel"\nVERSION_ID="10.0"\n', True),
     ("ID=almalinux\nVERSION_ID=9.4\n", False), ("ID=debian\nVERSION_ID=12\n", False), ("ID=fedora\n", False)],
)  # fmt: skip
def test_only_where_presets_are_applied_in_full_they_disable_what_is_enabled(release: str, *, disabled: bool) -> None:
    link = "/etc/systemd/system/default.target.wants/a.service"
    files = {
        **DISABLED,
        link: Link("/usr/lib/systemd/system/a.service"),
        f"{LIB}/90-x.preset": "disable *\n",
        "/etc/os-release": release,
    }
    found = state(files)
    assert (found.state, found.enabled) == (Enablement.ENABLED, not disabled)
    assert found.place == (Place(f"{LIB}/90-x.preset", 1) if disabled else Place(link))
    assert state({**files, MACHINE_ID: ""}).enabled


def state(files: dict[str, Any]) -> Any:
    return Facts({Guest: guest_of(files)}, COLLECTORS)[Services].state("a.service")


def unit_text(unit: str) -> str:
    kind = unit.rpartition(".")[2]
    own = {
        "service": "[Service]\nExecStart=/bin/true",
        "socket": "[Socket]\nListenStream=1",
        "timer": "[Timer]\nOnBootSec=1",
    }
    also = {"a.service": "Also=b.service\n", "t@.service": "DefaultInstance=z\n"}.get(unit, "")
    return f"[Unit]\nDescription=x\n{own[kind]}\n[Install]\nWantedBy=multi-user.target\n{also}"


@needs("systemctl")
@pytest.mark.parametrize("seed", range(8))
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
        wants = root / "etc/systemd/system/multi-user.target.wants"
        for mode, full in (("enable-only", False), ("full", True)):
            wants.mkdir(parents=True, exist_ok=True)
            for unit in chance.sample(UNITS, 2):
                link = wants / unit.replace("@.", "@x.")
                link.unlink(missing_ok=True)
                link.symlink_to(f"/usr/lib/systemd/system/{unit}")
            files = UnitFiles(guest_of_folder(root))
            links = FirstBoot(guest_of_folder(root), Place(MACHINE_ID), full=full).links(files, CONFIG)
            asked = ["systemctl", f"--root={root}", "preset-all", f"--preset-mode={mode}"]
            subprocess.run(asked, check=True, capture_output=True)
            told = {path.name for path in wants.iterdir()} if wants.is_dir() else set()
            assert {pull.unit for pull in links.get("multi-user.target", [])} == told, (mode, number)
