"""cloud-init in the overview; the modules of the installed cloud-init are the sources of the guest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.files import Files
from fixtures.golden import GOLDEN
from inspector.facts import UnknownFact
from inspector.facts.cloud_init import CloudInit
from inspector.view.cloud_init import cloud_init_facts, cloud_init_lines
from parsers.place import Place
from tests.facts_of import facts_of

INSTALLED = Path("/usr/lib/python3/dist-packages/cloudinit/config")
FOLDER = "/usr/lib/python3.11/site-packages/cloudinit/config"
CONFIG = "/etc/cloud/cloud.cfg"
LISTS = (
    "cloud_init_modules: [ [growpart, once-per-instance], mine, write-files ]\ncloud_config_modules: [ runcmd, wat ]\n"
)


def shown(change: dict[str, Any]) -> dict[str, Any] | None:
    files: Files = {path: node for path, node in {**GOLDEN, **change}.items() if node is not None}
    return cloud_init_facts(facts_of(files))


def modules(view: dict[str, Any] | None) -> dict[str, tuple[str, str, bool]]:
    assert view is not None
    return {it["name"]: (it["stage"], it["frequency"], it["present"]) for it in view["modules"]}


def test_the_golden_guest() -> None:
    view = shown({})
    assert view is not None
    assert (view["version"], view["runs"], view["datasources"]) == ("22.4.2-1+deb12u2", True, ["AliYun", "None"])
    found = modules(view)
    assert found["growpart"] == ("network", "always", True)
    assert found["ntp"] == ("config", "once-per-instance", True)
    assert found["scripts_per_once"] == ("final", "once", True)
    assert list(cloud_init_lines(view)) == [
        "cloud-init: 22.4.2-1+deb12u2, data sources AliYun, None",
        "  network stage, always: migrator, bootcmd, growpart, resizefs, update_hostname, update_etc_hosts",
        "  network stage, once-per-instance: seed_random, write_files, disk_setup, mounts, set_hostname, ca_certs, "
        "rsyslog, users_groups, ssh",
        "  config stage, once-per-instance: locale, set_passwords, grub_dpkg, apt_configure, ntp, timezone, runcmd",
        "  final stage, always: scripts_per_boot, final_message",
        "  final stage, once-per-instance: package_update_upgrade_install, scripts_vendor, scripts_per_instance, "
        "scripts_user, ssh_authkey_fingerprints, keys_to_console",
        "  final stage, once: scripts_per_once",
    ]


def test_the_guests_own_modules_and_lists_come_before_the_table() -> None:
    sources = {
        f"{FOLDER}/cc_growpart.py": "frequency = PER_ALWAYS\n",
        f"{FOLDER}/cc_mine.py": "frequency = PER_ONCE\n",
        f"{FOLDER}/cc_write_files.py": 'meta = {\n    "frequency": PER_ALWAYS,\n}\n',
    }
    view = shown({CONFIG: LISTS, **sources})
    assert modules(view) == {
        "growpart": ("network", "once-per-instance", True),
        "mine": ("network", "once", True),
        "write_files": ("network", "always", True),
        "runcmd": ("config", "once-per-instance", False),
        "wat": ("config", "once-per-instance", False),
    }
    assert list(cloud_init_lines(view))[-1] == "  in no stage, as this release has no such module: runcmd, wat"


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="cloud-init is not installed")
def test_every_module_of_a_real_cloud_init_is_there() -> None:
    sources: dict[str, Any] = {f"{FOLDER}/{path.name}": path.read_text() for path in INSTALLED.glob("cc_*.py")}
    assert all(present for _, _, present in modules(shown(sources)).values())


def test_a_guest_without_cloud_init_or_with_one_that_cannot_be_read() -> None:
    assert shown({"/usr/bin/cloud-init": None}) is None
    assert list(cloud_init_lines(None)) == []
    broken = facts_of(GOLDEN, given={CloudInit: UnknownFact("the folder is damaged", Place("/etc/cloud"))})
    view = cloud_init_facts(broken)
    assert list(cloud_init_lines(view)) == ["cloud-init: not known (the folder is damaged)"]


def test_one_that_is_switched_off_is_said_to_be() -> None:
    view = shown({"/etc/cloud/cloud-init.disabled": "", "/etc/cloud/cloud.cfg.d/90_datasource.cfg": ""})
    assert next(cloud_init_lines(view)) == "cloud-init: 22.4.2-1+deb12u2, does not run, any data source"
