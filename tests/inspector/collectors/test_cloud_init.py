"""Where cloud-init's parts lie in a guest."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Link
from fixtures.golden import GOLDEN
from inspector.facts import UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel
from inspector.facts.cloud_init import CloudInit
from parsers.place import Place
from tests.facts_of import facts_of

GRUB = Place("/boot/grub/grub.cfg", 89)
FOLDER = "/etc/cloud/cloud.cfg.d"


def collected(change: dict[str, Any], *arguments: str) -> CloudInit:
    files = {path: node for path, node in {**GOLDEN, **change}.items() if node is not None}
    image = BootFile(GRUB, "/vmlinuz", "/vmlinuz", "sda1", mounted=True, size=1)
    kernel = DefaultKernel("6.1", image, (), arguments, GRUB)
    return facts_of(files, given={DefaultKernel: kernel})[CloudInit]


def test_the_golden_guest() -> None:
    found = collected({})
    assert found.installed
    assert found.runs
    assert found.renders_network
    assert (found.missing, found.switches, found.seeds) == ((), (), ())
    assert found.version is not None
    assert found.version.numbers == (22, 4, 2)
    assert found.generator == "/usr/lib/systemd/system-generators/cloud-init-generator"
    assert found.identify == "/usr/lib/cloud-init/ds-identify"
    assert found.python is not None
    assert found.shell is not None
    assert found.python.names == found.shell.names == ("AliYun", "None")
    assert [it.unit for it in found.units] == [
        "cloud-init-local.service",
        "cloud-init.service",
        "cloud-config.service",
        "cloud-final.service",
    ]
    growpart = found.config.module("growpart")
    assert growpart is not None
    assert growpart.frequency == "always"


def test_a_guest_without_cloud_init_is_a_fact_too() -> None:
    found = collected({"/usr/bin/cloud-init": None, "/etc/cloud": None, "/etc/cloud/cloud.cfg": None})
    assert (found.installed, found.runs, found.units) == (False, False, ())
    assert "/usr/bin/cloud-init" in found.missing


@pytest.mark.parametrize(
    "program", [File("", 0o755), File("#!/opt/python\n", 0o755), File("#!/usr/bin/python3\n", 0o644)]
)
def test_a_program_that_cannot_be_run_runs_no_stage(program: File) -> None:
    found = collected({"/usr/bin/cloud-init": program})
    assert (found.installed, found.runs) == (True, False)
    assert found.flaw is not None
    assert found.flaw.place == Place("/usr/bin/cloud-init", found.flaw.place.line)


def test_stages_that_only_tell_one_process_to_go_on_need_that_process() -> None:
    units = "/usr/lib/systemd/system"
    shim = "[Service]\nExecStart=sh -c 'echo start | nc -Uu -W1 /run/cloud-init/share/network.sock | sh'\n"
    found = collected({f"{units}/cloud-init-network.service": shim})
    assert [(it.unit, it.installed) for it in found.units][-1] == ("cloud-init-main.service", False)
    own = collected({f"{units}/cloud-init-network.service": "[Service]\nExecStart=/usr/bin/cloud-init init\n"})
    assert "cloud-init-main.service" not in [it.unit for it in own.units]


def test_files_are_read_in_the_order_of_their_bytes() -> None:
    change = {
        f"{FOLDER}/9_a.cfg": "x: 9\n",
        f"{FOLDER}/B.cfg": "x: B\n",
        f"{FOLDER}/a.cfg": "x: a\n",
        f"{FOLDER}/.hidden.cfg": "y: hidden\n",
        f"{FOLDER}/z.yaml": "x: z\n",
        f"{FOLDER}/dangling.cfg": Link("/nowhere"),
        f"{FOLDER}/linked.cfg": Link("/etc/other.cfg"),
        "/etc/other.cfg": "z: 1\n",
    }
    found = collected(change)
    assert found.config.value("x") == "a"
    assert found.config.value("y") == "hidden"
    assert found.config.place("z") == Place(f"{FOLDER}/linked.cfg", 1)


def test_conf_d_names_another_directory_or_none() -> None:
    assert (
        collected({"/etc/cloud/cloud.cfg": "conf_d: /etc/mine\n", "/etc/mine/a.cfg": "x: 1\n"}).config.value("x") == 1
    )
    assert collected({"/etc/cloud/cloud.cfg": "conf_d: ''\n", f"{FOLDER}/a.cfg": "x: 1\n"}).config.value("x") is None


def test_bytes_that_are_no_text_are_a_flaw_and_a_file_too_long_leaves_all_open() -> None:
    found = collected({f"{FOLDER}/b.cfg": b"x: \xff\n"})
    assert [it.place for it in found.config.flaws] == [Place(f"{FOLDER}/b.cfg", 1)]
    with pytest.raises(UnknownFact, match="at most"):
        collected({f"{FOLDER}/a.cfg": "#" * (2 << 20)})


def test_the_list_of_datasources_is_read_by_the_shell_from_every_file() -> None:
    change = {f"{FOLDER}/95.cfg": "datasource_list: [ Ec2 ]", f"{FOLDER}/.96.cfg": "datasource_list: [ GCE ]\n"}
    found = collected(change)
    assert found.shell is not None
    assert found.shell.names == ("AliYun", "None")
    assert found.python is not None
    assert found.python.names == ("Ec2",)


def test_what_keeps_it_from_configuring_the_network() -> None:
    for change in (
        {f"{FOLDER}/99.cfg": "network: {config: disabled}\n"},
        {"/var/lib/cloud/data/upgraded-network": ""},
    ):
        assert collected(change).network_off
        assert not collected(change).renders_network
    assert collected({}, "network-config=disabled").network_off
    assert collected({f"{FOLDER}/99.cfg": "network: {version: 2}\n"}).network_off == ()


def test_seeds() -> None:
    found = collected(
        {
            "/var/lib/cloud/seed/nocloud/meta-data": "",
            "/var/lib/cloud/seed/nocloud-net/meta-data": "",
            "/var/lib/cloud/seed/nocloud-net/user-data": "",
            "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json": "{}",
        }
    )
    assert [(it.datasource, it.complete) for it in found.seeds] == [
        ("NoCloud", False),
        ("NoCloud", True),
        ("ConfigDrive", True),
    ]


def test_ds_identify_counts_only_where_it_can_be_executed() -> None:
    assert collected({"/usr/lib/cloud-init/ds-identify": File("", 0o644)}).identify is None


def test_without_kernel_the_rest_is_known() -> None:
    made = facts_of(GOLDEN, given={DefaultKernel: UnknownFact("no menu")})[CloudInit]
    assert made.runs
    assert not made.arguments_known
    assert made.kernel_reason is not None


@pytest.mark.parametrize(
    "text",
    [
        '[Manager]\nDefaultEnvironment=LANG=C "KERNEL_CMDLINE=a b" X=y\n',
        '[Manager]\nDefaultEnvironment="KERNEL_CMDLINE=a b"\n',
        "[Manager]\nManagerEnvironment='KERNEL_CMDLINE=a b'\n",
    ],
)
def test_the_environment_stands_for_the_arguments(text: str) -> None:
    found = collected({"/etc/systemd/system.conf": text}, "cloud-init=disabled")
    assert [word for word, _ in found.arguments] == ["a", "b"]
    assert found.switch is None
