"""Units made of init scripts: as systemd-sysv-generator(8) itself makes them of the same folders."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.files import File, Link
from inspector.collectors.services import collect_services
from inspector.facts import Facts
from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest
from parsers.place import Place
from tests.host_tree import guest_of_folder
from tests.memory_tree import guest_of

GENERATOR: Final = Path("/usr/lib/systemd/system-generators/systemd-sysv-generator")
LIB: Final = "/usr/lib/systemd/system"
HEADER: Final = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: {}\n# Default-Start: 2 3 4 5\n### END INIT INFO\n"
TARGETS: Final = {
    f"{LIB}/default.target": Link("graphical.target"),
    f"{LIB}/graphical.target": "[Unit]\nRequires=multi-user.target\n",
    f"{LIB}/multi-user.target": "[Unit]\nDescription=x\n",
}
FILES: Final = {
    **TARGETS,
    "/etc/machine-id": "",
    str(GENERATOR): File("x", 0o755),
    "/etc/init.d/ssh": File(HEADER.format("sshd"), 0o755),
    "/etc/rc2.d/S02ssh": Link("../init.d/ssh"),
}


def state(files: dict[str, Any], unit: str) -> UnitState:
    return collect_services(Facts({Guest: guest_of(files)})).state(unit)


def test_a_unit_goes_by_every_name_that_its_script_provides() -> None:
    for unit in ("ssh.service", "sshd.service"):
        found = state(FILES, unit)
        assert (found.state, found.enabled, found.place) == (Enablement.GENERATED, True, Place("/etc/rc2.d/S02ssh"))
    native = {**FILES, f"{LIB}/sshd.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"}
    assert not state(native, "sshd.service").enabled


def test_links_of_a_runlevel_count_where_its_target_is_reached() -> None:
    graphical = {**FILES, "/etc/rc5.d/S02ssh": FILES["/etc/rc2.d/S02ssh"]}
    del graphical["/etc/rc2.d/S02ssh"]
    assert state(graphical, "ssh.service").enabled
    text_only = state({**graphical, f"{LIB}/default.target": Link("multi-user.target")}, "ssh.service")
    assert (text_only.enabled, text_only.place) == (False, Place("/etc/rc5.d/S02ssh"))
    single = {**graphical, "/etc/rcS.d/S02ssh": Link("../init.d/ssh")}
    del single["/etc/rc5.d/S02ssh"]
    assert not state(single, "ssh.service").enabled


@pytest.mark.skipif(not GENERATOR.is_file(), reason="systemd-sysv-generator is not installed")
@pytest.mark.parametrize("seed", range(3))
def test_the_generator_makes_the_same_units(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for number in range(10):
        root = tmp_path / str(number)
        folder = root / "etc/init.d"
        folder.mkdir(parents=True)
        for name in ("one", "two.sh", "three"):
            path = folder / name
            provided = [name, f"{name[:3]}-alias", f"{name[:3]}-alias.sh $network", "$named"]
            path.write_text(HEADER.format(chance.choice([*provided, *(["four three"] if name == "one" else [])])))
            path.chmod(chance.choice([0o755, 0o755, 0o644]))
            for level in chance.sample("12345S", 2):
                (root / f"etc/rc{level}.d").mkdir(exist_ok=True)
                prefix = chance.choice(["S01", "S20", "K01"])
                (root / f"etc/rc{level}.d/{prefix}{name}").symlink_to(f"../init.d/{name}")
        late = generated(root)
        guest = guest_of_folder(root)
        services = collect_services(Facts({Guest: guest}))
        names = ("one", "two", "three", "four", "one-alias", "two-alias", "thr-alias", "five")
        ours = {name for name in names if services.state(f"{name}.service").state is Enablement.GENERATED}
        assert ours == {name for name in names if (late / f"{name}.service").exists()}
        assert {name for name in ours if services.state(f"{name}.service").started} == {
            name
            for name in ours
            for target in ("multi-user", "graphical")
            if (late / f"{target}.target.wants" / (late / f"{name}.service").resolve().name).exists()
        }


def generated(root: Path) -> Path:
    """Run the host's generator on the folders of a guest, and give that guest one."""
    folders = [root / "out" / name for name in ("normal", "early", "late")]
    for folder in folders:
        folder.mkdir(parents=True)
    environment = {"SYSTEMD_SYSVINIT_PATH": str(root / "etc/init.d"), "SYSTEMD_SYSVRCND_PATH": str(root / "etc")}
    empty = root / "empty"
    empty.mkdir()
    subprocess.run(
        [str(GENERATOR), *map(str, folders)],
        check=True, capture_output=True, env={**environment, "SYSTEMD_UNIT_PATH": str(empty)},
    )  # fmt: skip
    for path, node in TARGETS.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(node, Link):
            target.symlink_to(node.target)
        else:
            target.write_text(str(node))
    own = root / str(GENERATOR).lstrip("/")
    own.parent.mkdir(parents=True)
    own.write_text("x")
    own.chmod(0o755)
    return folders[2]
