"""Which services start: by hand, and against `systemctl --root=DIR is-enabled`."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inspector.collectors.services import collect_services
from inspector.facts import Facts, UnknownFact
from inspector.facts.services import Enablement, Services, UnitState
from inspector.guest import Guest
from parsers.place import ParseError, Place
from tests.host_tree import guest_of_folder
from tests.memory_tree import Dir, File, Link, guest_of
from tests.oracles import needs

ETC = "/etc/systemd/system"
LIB = "/usr/lib/systemd/system"
WANTED = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
STATIC = "[Service]\nExecStart=/bin/true\n"
BASE: dict[str, Any] = {
    "/etc/machine-id": "",
    f"{LIB}/graphical.target": "[Unit]\nRequires=multi-user.target\n",
    f"{LIB}/multi-user.target": "[Unit]\nRequires=basic.target\n",
    f"{LIB}/basic.target": "[Unit]\nWants=sockets.target timers.target\n",
    f"{LIB}/sockets.target": "[Unit]\n",
    f"{LIB}/timers.target": "[Unit]\n",
    f"{LIB}/rescue.target": "[Unit]\n",
    f"{LIB}/default.target": Link("graphical.target"),
}
WANTS = f"{ETC}/multi-user.target.wants"


def services(files: dict[str, Any], base: dict[str, Any] | None = None) -> Services:
    return collect_services(Facts({Guest: guest_of({**(BASE if base is None else base), **files})}))


def enabled(unit: str, target: str = "multi-user.target", text: str = WANTED) -> dict[str, Any]:
    return {f"{LIB}/{unit}": text, f"{ETC}/{target}.wants/{unit}": Link(f"{LIB}/{unit}")}


def state(files: dict[str, Any], unit: str = "x.service") -> UnitState:
    return services(files).state(unit)


def test_a_link_enables_a_unit_and_is_the_place() -> None:
    found = state(enabled("x.service"))
    assert (found.state, found.enabled, found.masked) == (Enablement.ENABLED, True, False)
    assert (found.place, found.path) == (Place(f"{WANTS}/x.service"), f"{LIB}/x.service")
    assert found.reason == "multi-user.target pulls it in"


def test_a_name_without_a_suffix_is_a_service() -> None:
    assert services(enabled("x.service")).state("x") == state(enabled("x.service"))


def test_a_unit_without_a_link_is_disabled_or_static() -> None:
    disabled = state({f"{LIB}/x.service": WANTED})
    assert (disabled.state, disabled.enabled, disabled.place) == (
        Enablement.DISABLED,
        False,
        Place(f"{LIB}/x.service"),
    )
    assert state({f"{LIB}/x.service": STATIC}).state is Enablement.STATIC


@pytest.mark.parametrize("mask", [Link("/dev/null"), File(""), Link("../../../dev/null")])
def test_a_mask_wins_over_the_links(mask: Any) -> None:
    found = state({**enabled("x.service"), f"{ETC}/x.service": mask})
    assert (found.state, found.masked, found.enabled) == (Enablement.MASKED, True, False)
    assert found.place == Place(f"{ETC}/x.service")


def test_a_unit_that_is_not_there_is_absent() -> None:
    found = state({})
    assert (found.state, found.installed, found.enabled, found.path) == (Enablement.ABSENT, False, False, None)
    assert state({f"{ETC}/x.service": Link("/gone/x.service")}).place == Place(f"{ETC}/x.service")


def test_a_link_to_a_unit_that_is_not_there_enables_nothing() -> None:
    assert not state({f"{WANTS}/x.service": Link(f"{LIB}/x.service")}).enabled


def test_a_link_below_a_target_that_nothing_reaches_enables_without_starting() -> None:
    found = state(enabled("x.service", "rescue.target"))
    assert (found.state, found.enabled) == (Enablement.ENABLED, False)


def test_another_default_target_reaches_other_units() -> None:
    files = {**enabled("x.service"), f"{ETC}/default.target": Link(f"{LIB}/rescue.target")}
    assert not state(files).enabled
    assert state({**files, **enabled("x.service", "rescue.target")}).enabled


def test_an_alias_stands_for_the_unit() -> None:
    files = {**enabled("ssh.service"), f"{ETC}/sshd.service": Link(f"{LIB}/ssh.service")}
    found = state(files, "sshd.service")
    assert (found.state, found.enabled, found.path) == (Enablement.ALIAS, True, f"{LIB}/ssh.service")
    by_alias = {
        f"{LIB}/ssh.service": STATIC,
        f"{ETC}/sshd.service": Link(f"{LIB}/ssh.service"),
        f"{WANTS}/sshd.service": Link("x"),
    }
    assert state(by_alias, "ssh.service").enabled


def test_a_mask_of_the_unit_masks_its_alias() -> None:
    files = {f"{ETC}/sshd.service": Link(f"{LIB}/ssh.service"), **enabled("ssh.service")}
    assert state({**files, f"{ETC}/ssh.service": Link("/dev/null")}, "sshd.service").masked


def test_a_socket_starts_its_service_on_first_use() -> None:
    socket = "[Socket]\nListenStream=22\n[Install]\nWantedBy=sockets.target\n"
    files = {f"{LIB}/ssh.service": WANTED, **enabled("ssh.socket", "sockets.target", socket)}
    found = state(files, "ssh.service")
    assert (found.state, found.enabled, found.reason) == (Enablement.DISABLED, True, "ssh.socket activates it")
    named = {
        f"{LIB}/other.service": STATIC,
        **enabled("ssh.socket", "sockets.target", socket + "[Socket]\nService=other.service\n"),
    }
    assert state(named, "other.service").enabled
    assert state(named, "other.service").place == Place(f"{LIB}/ssh.socket", 6)
    per_connection = {
        f"{LIB}/ssh@.service": STATIC,
        **enabled("ssh.socket", "sockets.target", socket + "[Socket]\nAccept=yes\n"),
    }
    assert state(per_connection, "ssh@.service").enabled


def test_a_timer_starts_its_service() -> None:
    timer = "[Timer]\nOnBootSec=5\n[Install]\nWantedBy=timers.target\n"
    assert state({f"{LIB}/x.service": STATIC, **enabled("x.timer", "timers.target", timer)}).enabled


def test_an_instance_of_a_template() -> None:
    files = {f"{LIB}/getty@.service": WANTED, f"{WANTS}/getty@tty1.service": Link(f"{LIB}/getty@.service")}
    assert state(files, "getty@tty1.service").enabled
    assert state(files, "getty@tty1.service").state is Enablement.ENABLED
    assert not state(files, "getty@tty2.service").enabled
    assert state(files, "getty@.service").state is Enablement.INDIRECT
    default = {**files, f"{LIB}/getty@.service": WANTED + "DefaultInstance=tty1\n"}
    assert state(default, "getty@.service").state is Enablement.ENABLED


def test_the_text_of_a_reached_service_pulls_in_others_with_its_line() -> None:
    files = {
        **enabled("a.service", text="[Unit]\nDescription=a\nWants=x.service\n" + WANTED),
        f"{LIB}/x.service": STATIC,
    }
    assert state(files).place == Place(f"{LIB}/a.service", 3)
    reset = {**files, f"{ETC}/a.service.d/no.conf": "[Unit]\nWants=\n"}
    assert not state(reset).enabled
    drop_in = {f"{LIB}/x.service": STATIC, f"{ETC}/multi-user.target.d/x.conf": "[Unit]\nRequires=x.service\n"}
    assert state(drop_in).place == Place(f"{ETC}/multi-user.target.d/x.conf", 2)


def test_a_link_to_null_takes_a_vendors_link_back() -> None:
    files = {f"{LIB}/x.service": STATIC, f"{LIB}/multi-user.target.wants/x.service": Link("../x.service")}
    assert state(files).enabled
    assert not state({**files, f"{WANTS}/x.service": Link("/dev/null")}).enabled


GENERATORS = "/usr/lib/systemd/system-generators"


def test_cloud_inits_generator_pulls_in_its_target_unless_it_is_disabled() -> None:
    files = {
        **enabled("cloud-init.service", "cloud-init.target"),
        f"{LIB}/cloud-init.target": "[Unit]\n",
        f"{GENERATORS}/cloud-init-generator": File("#!/bin/sh\n", 0o755),
    }
    assert state(files, "cloud-init.service").enabled
    assert not state({**files, "/etc/cloud/cloud-init.disabled": ""}, "cloud-init.service").enabled
    masked = {**files, "/etc/systemd/system-generators/cloud-init-generator": Link("/dev/null")}
    assert not state(masked, "cloud-init.service").enabled


def test_netplans_generator_starts_networkd_unless_another_renders() -> None:
    files = {f"{LIB}/systemd-networkd.service": WANTED, f"{GENERATORS}/netplan": File("x", 0o755)}
    plan = "network:\n  ethernets: {}\n"
    assert not state(files, "systemd-networkd.service").enabled
    assert state({**files, "/etc/netplan/1.yaml": plan}, "systemd-networkd.service").place == Place(
        "/etc/netplan/1.yaml"
    )
    other = plan + "  renderer: NetworkManager\n"
    assert not state({**files, "/etc/netplan/1.yaml": other}, "systemd-networkd.service").enabled


def test_rc_local_is_started_where_it_can_be_executed() -> None:
    files = {f"{LIB}/rc-local.service": STATIC, f"{GENERATORS}/systemd-rc-local-generator": File("x", 0o755)}
    assert state({**files, "/etc/rc.local": File("#!/bin/sh\n", 0o755)}, "rc-local.service").enabled
    assert not state({**files, "/etc/rc.local": File("#!/bin/sh\n", 0o644)}, "rc-local.service").enabled


def test_an_init_script_becomes_a_unit_where_it_has_none() -> None:
    files = {
        f"{GENERATORS}/systemd-sysv-generator": File("x", 0o755),
        "/etc/init.d/old": File("#!/bin/sh\n", 0o755),
        "/etc/rc3.d/S01old": Link("../init.d/old"),
    }
    found = state(files, "old.service")
    assert (found.state, found.enabled, found.place) == (Enablement.GENERATED, True, Place("/etc/rc3.d/S01old"))
    assert not state({**files, f"{LIB}/old.service": WANTED}, "old.service").enabled
    assert state({**files, f"{ETC}/old.service": Link("/dev/null")}, "old.service").masked
    assert not services({k: v for k, v in files.items() if "rc3" not in k}).state("old").enabled
    assert services(files).working("old").enabled is False, "no /bin/sh to run it"
    assert services({**files, "/bin/sh": File("x", 0o755)}).working("old").enabled
    assert (
        not services({**files, "/bin/sh": File("x", 0o755), "/etc/init.d/old": File("", 0o755)}).working("old").enabled
    )
    flat = state({**files, "/etc/init.d/old": "#!/bin/sh\n"}, "old.service")
    assert (flat.enabled, flat.installed, flat.place) == (False, True, Place("/etc/init.d/old"))


def test_circles_of_aliases_and_of_wants_end() -> None:
    files = {
        f"{ETC}/a.service": Link("b.service"),
        f"{ETC}/b.service": Link("a.service"),
        **enabled("c.service", text="[Unit]\nWants=d.service a.service\n"),
        f"{LIB}/d.service": "[Unit]\nWants=c.service d.service\n",
    }
    assert not state(files, "a.service").enabled
    assert state(files, "d.service").enabled


def test_a_default_target_that_is_missing_reaches_nothing() -> None:
    base = {path: node for path, node in BASE.items() if "default" not in path}
    assert not services(enabled("x.service"), base).state("x.service").enabled


def test_few_directories_are_read_for_one_unit() -> None:
    # The text of a service is not needed for one that a link enables: broken ones go unnoticed.
    files = {**BASE, **enabled("x.service"), **enabled("broken.service")}
    guest = guest_of(files, broken=frozenset({f"{LIB}/broken.service"}))
    found = collect_services(Facts({Guest: guest}))
    with pytest.raises(ParseError):
        guest.read_text(f"{LIB}/broken.service")
    with pytest.raises(ParseError):
        found.state("broken.service")


def test_sysv() -> None:
    found = services(
        {"/etc/init.d/sshd": "", "/etc/rc.d/rc3.d/S55sshd": Link("../init.d/sshd"), "/etc/init.d/cups": ""}, {}
    )
    assert found.manager == "sysv"
    assert found.state("sshd.service").place == Place("/etc/rc.d/rc3.d/S55sshd")
    assert found.state("sshd").enabled
    assert found.state("cups").state is Enablement.DISABLED
    assert found.state("gone").state is Enablement.ABSENT


def test_upstart() -> None:
    job = "description x\nstart on runlevel [2345]\nexec /bin/x\n"
    files = {"/etc/init.d/rc": "", "/etc/init/a.conf": job, "/etc/init/b.conf": job, "/etc/init/b.override": "manual\n"}
    found = services({**files, "/etc/init/c.conf": "exec x\n"}, {})
    assert (found.state("a").enabled, found.state("a").place) == (True, Place("/etc/init/a.conf", 2))
    assert (found.state("b").enabled, found.state("b").place) == (False, Place("/etc/init/b.override", 1))
    assert not found.state("c").enabled


def test_openrc() -> None:
    files = {
        "/etc/init.d/sshd": "",
        "/etc/init.d/acpid": "",
        "/etc/runlevels/default/sshd": Link("/etc/init.d/sshd"),
    }
    found = services(files, {})
    assert found.manager == "openrc"
    assert (found.state("sshd").enabled, found.state("acpid").enabled) == (True, False)
    assert not found.state("gone").installed


def test_no_service_manager_is_unknown() -> None:
    with pytest.raises(UnknownFact):
        services({"/etc/passwd": ""}, {})


def test_another_init_than_systemd_counts() -> None:
    files = {**enabled("x.service"), "/sbin/init": File("\x7fELF", 0o755), "/etc/init.d/x": ""}
    assert services(files).manager == "sysv"
    systemd = {**files, "/sbin/init": Link("../lib/systemd/systemd"), "/lib/systemd/systemd": ""}
    assert services(systemd).manager == "systemd"


def test_an_init_that_is_not_known_is_unknown() -> None:
    files = {"/sbin/init": Link("../usr/bin/dinit"), "/usr/bin/dinit": File("\x7fELF", 0o755), "/etc/init.d/x": ""}
    with pytest.raises(UnknownFact, match="dinit"):
        services(files, {})


def test_the_first_that_is_enabled() -> None:
    found = services({**enabled("b.service"), f"{LIB}/a.service": WANTED})
    first = found.first_enabled("a.service", "b.service")
    assert first is not None
    assert first.unit == "b.service"
    assert found.first_enabled("a.service") is None


UNITS = ("a.service", "b.service", "c.socket", "d@.service", "e.target")
LINKS = (
    "a.service",
    "b.service",
    "c.socket",
    "d@one.service",
    "d@.service",
    "alias.service",
    "e.target",
    "gone.service",
)


INSTALL = (
    "",
    "[Install]\nWantedBy=multi-user.target\n",
    "[Install]\nAlso=b.service\n",
    "[Install]\nAlias=alias.service\n",
    "[Install]\nWantedBy=\n",
    "[Install]\nWantedBy=multi-user.target\nAlias=alias.service\n",
    "[Install]\nWantedBy=multi-user.target\nDefaultInstance=one\n",
)


def random_tree(root: Path, chance: random.Random) -> None:
    for unit in UNITS:
        if chance.random() < 0.85:
            text = "[Unit]\nDescription=x\n"
            text += "[Service]\nExecStart=/bin/true\n" if "service" in unit else ""
            text += "[Socket]\nListenStream=1\n" if "socket" in unit else ""
            path = root / chance.choice([LIB, LIB, ETC]).lstrip("/") / unit
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + chance.choice(INSTALL))
    for _ in range(chance.randint(0, 5)):
        random_link(root, chance)


def random_link(root: Path, chance: random.Random) -> None:
    unit = chance.choice(LINKS)
    source = "d@.service" if unit.startswith("d@") else unit
    folder = chance.choice([ETC, ETC, ETC, LIB])
    depends = f"{folder}/x.target.{chance.choice(['wants', 'requires'])}/{unit}"
    path, target = chance.choice(
        [(depends, f"{LIB}/{source}")] * 3
        + [
            (f"{ETC}/{unit}", "/dev/null"),
            (f"{folder}/alias.service", f"{LIB}/a.service"),
            (f"{ETC}/other.service", f"{LIB}/b.service"),
            (f"{ETC}/{unit}", f"/opt/{unit}"),
        ]
    )
    if target.startswith("/opt"):
        (root / "opt").mkdir(exist_ok=True)
        (root / "opt" / unit).write_text(STATIC)
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink() and not place.exists():
        place.symlink_to(target)


@needs("systemctl")
@pytest.mark.parametrize("seed", range(6))
def test_systemctl_gives_the_same_states(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for number in range(12):
        root = tmp_path / str(number)
        (root / "etc/systemd/system").mkdir(parents=True)
        (root / "usr/lib/systemd/system").mkdir(parents=True)
        random_tree(root, chance)
        found = collect_services(Facts({Guest: guest_of_folder(root)}))
        for unit in (*LINKS, "other.service"):
            asked = ["systemctl", f"--root={root}", "is-enabled", unit]
            word = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or "absent"
            assert (unit, found.state(unit).state) == (unit, word), tree_of(root)


def tree_of(root: Path) -> str:
    lines = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            lines.append(f"{path.relative_to(root)} -> {path.readlink()}")
        elif path.is_file():
            lines.append(f"{path.relative_to(root)}: {path.read_text()!r}")
    return "\n".join(lines)


def test_a_state_is_unknown_where_the_folders_cannot_be_read() -> None:
    guest = guest_of({**BASE, ETC: Dir()}, broken=frozenset({LIB}))
    with pytest.raises(ParseError):
        collect_services(Facts({Guest: guest})).state("x.service")


def test_dependencies_and_drop_ins_without_end_are_refused() -> None:
    many = {f"{LIB}/basic.target": "[Unit]\nWants=" + "a.target " * 25_000 + "\nRequires=" + "b.target " * 3_000}
    assert not state(many).enabled
    drop_ins = {f"{ETC}/basic.target.d/{number}.conf": "[Unit]\n" for number in range(257)}
    with pytest.raises(ParseError, match="at most 256 drop-ins wanted, 257 found"):
        state({f"{LIB}/x.service": STATIC, **drop_ins})
    with pytest.raises(ParseError, match="at most"):
        state({f"{LIB}/x.service": STATIC, f"{LIB}/basic.target": "[Unit]\nWants=" + "a " * 130_999})


def test_a_condition_that_does_not_hold_keeps_an_enabled_unit_from_starting() -> None:
    files = enabled("ssh.service", text="[Unit]\nConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n" + WANTED)
    assert state(files, "ssh.service").enabled
    found = state({**files, "/etc/ssh/sshd_not_to_be_run": ""}, "ssh.service")
    assert (found.state, found.enabled, found.place) == (Enablement.ENABLED, False, Place(f"{LIB}/ssh.service", 2))
    drop_in = {**enabled("x.service"), f"{ETC}/x.service.d/no.conf": "[Unit]\nConditionPathExists=/gone\n"}
    assert state(drop_in).place == Place(f"{ETC}/x.service.d/no.conf", 2)


def test_hostile_units_end_in_a_state_or_in_a_parse_error() -> None:
    chance = random.Random(11)
    names = [
        "a.service",
        "b.socket",
        "c@.service",
        "c@x.service",
        "default.target",
        "multi-user.target",
        "d.timer",
        "@",
        ".",
    ]
    sections = ["[Unit]\n", "[Install]\n", "[Socket]\n"]
    keys = [
        "Wants=",
        "Requires=",
        "Alias=",
        "Service=",
        "Accept=yes\n",
        "DefaultInstance=",
        "ConditionPathExists=|/etc\n",
    ]
    words = [*sections, *keys, "ConditionPathExists=!/a/../..\n", "\\\n", "\0", "\udcff", "\n", " ", *names]
    for _ in range(150):
        files: dict[str, Any] = dict(BASE) if chance.random() < 0.5 else {f"{ETC}/x": ""}
        for _ in range(chance.randint(1, 12)):
            folder = chance.choice([ETC, LIB, f"{ETC}/multi-user.target.wants", f"{LIB}/a.service.d", f"{ETC}/.wants"])
            target = Link(chance.choice([*names, "/dev/null", ".", "..", "/", "/etc/systemd/system/a.service"]))
            text = "".join(chance.choices(words, k=chance.randint(0, 20)))
            name = chance.choice([*names[:-2], "x.conf", "y.wants"])
            if all(not path.startswith(f"{folder}/{name}/") for path in files):
                files[f"{folder}/{name}"] = chance.choice([target, text, Dir()])
        parents = {path for path, node in files.items() if not isinstance(node, Dir)}
        files = {path: node for path, node in files.items() if not any(path.startswith(f"{p}/") for p in parents)}
        found = services(files, {})
        for unit in (*names, "", "x" * 300):
            try:
                found.state(unit)
            except (ParseError, UnknownFact):
                continue
