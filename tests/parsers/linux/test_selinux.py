"""SELinux configuration: by hand, against libselinux, and against the corpus."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from parsers.linux.selinux import SelinuxMode, parse_selinux_config
from parsers.place import Place, Problem
from tests.corpus import corpus, entries

CASES = [
    "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
    "SELINUX=permissive",
    "SELINUX=disabled # comment\n",
    "SELINUX=enforcing\nSELINUX=disabled\n",
    "SELINUX=bogus\nSELINUX=permissive\n",
    "SELINUX=\nSELINUX=permissive\n",
    " SELINUX=enforcing\n",
    "SELINUX = enforcing\n",
    "SELINUX= enforcing\n",
    "SELINUX=\tdisabled\r\n",
    "SELINUX=EnforcingX\n",
    'SELINUX="enforcing"\n',
    "selinux=enforcing\n",
    "#SELINUX=enforcing\nSELINUX=disabled\n",
    "SELINUXTYPE=a\nSELINUXTYPE=b\n",
    "SELINUXTYPE= mls  \n",
    "SELINUXTYPE=targeted # comment\n",
    "",
]
_ASK = """
import ctypes, json, sys
library = ctypes.CDLL("libselinux.so.1")
mode, policy = ctypes.c_int(99), ctypes.c_char_p()
found = library.selinux_getenforcemode(ctypes.byref(mode)) == 0
library.selinux_getpolicytype(ctypes.byref(policy))
modes = {1: "enforcing", 0: "permissive", -1: "disabled"}
print(json.dumps([modes[mode.value] if found else None, policy.value.decode()]))
"""


def test_the_mode_and_the_policy_have_their_places() -> None:
    config = parse_selinux_config("# SELinux\nSELINUX=enforcing\nSELINUXTYPE=targeted\nREQUIREUSERS=0\n")
    assert (config.mode, config.mode_place) == (SelinuxMode.ENFORCING, Place("/etc/selinux/config", 2))
    assert (config.policy, config.policy_place) == ("targeted", Place("/etc/selinux/config", 3))
    assert config.problems == ()


def test_a_wrong_mode_and_a_stray_line_are_reported() -> None:
    config = parse_selinux_config("SELINUX=off\nnonsense\n", "/s")
    assert config.mode is None
    assert config.problems == (
        Problem(Place("/s", 1), "enforcing, permissive or disabled wanted, off found"),
        Problem(Place("/s", 2), "SELINUX= or SELINUXTYPE= wanted, nonsense found"),
    )


@pytest.mark.parametrize("text", CASES)
def test_libselinux_reads_the_same(text: str, tmp_path: Path) -> None:
    if shutil.which("unshare") is None or os.geteuid() != 0 or not Path("/etc/selinux").is_dir():
        pytest.skip("root, unshare and /etc/selinux are wanted: SELinux's config was not compared with libselinux")
    (tmp_path / "config").write_bytes(text.encode())
    script = f'mount --bind {tmp_path} /etc/selinux && exec {sys.executable} -c "$0"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, _ASK], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no libselinux or no mount namespace here, not compared: {done.stderr.decode()[-120:]}")
    config = parse_selinux_config(text)
    assert json.loads(done.stdout) == [config.mode, config.policy or "targeted"]


def variables(entry: dict[str, Any]) -> dict[str, str]:
    tree = entry["expected"].get("augeas_1.14", {}).get("tree", [])
    return {node[0].strip("/"): node[1] for node in tree if len(node) == 2 and node[0].startswith("/SELINUX")}


KNOWN = [entry for entry in entries("known") if entry["file"].startswith("configs/selinux/") and variables(entry)]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_corpus(entry: dict[str, Any]) -> None:
    """What augeas finds by its lens for shell variables; SELINUX=DISABLED in capitals means the same to libselinux."""
    config = parse_selinux_config(corpus(f"known/{entry['file']}").read_text())
    expected = variables(entry)
    assert config.mode == (expected["SELINUX"].lower() if "SELINUX" in expected else None)
    assert config.policy == expected.get("SELINUXTYPE")


OTHERS: Final = (
    "in-selinux-SESTATUS_OUT",  # what sestatus prints
    "in-selinux-GRUB2_TEMPLATE",
    "in-selinux-BOOT_DISABLED",  # words of insights-core's own
    "in-selinux-RUNTIME_NOT_ENFORCING",
)


@pytest.mark.corpus
@pytest.mark.parametrize("name", OTHERS)
def test_corpus_files_that_are_no_configuration_have_no_mode(name: str) -> None:
    config = parse_selinux_config(corpus(f"known/configs/selinux/{name}").read_text())
    assert config.mode is None
    assert config.problems
