"""The ifcfg files of the corpus: what augeas's Shellvars lens found in each, and what those assignments mean.

Three samples of insights-core hold a path alone, a command to the lens and to us, and are left out; the readers agree
on all others. Not compared: values that only a running shell knows ($NAME, `command`).
"""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from parsers.linux.shell_assignments import parse_assignments
from parsers.network.ifcfg import interface_name, parse_redhat_ifcfg
from parsers.network.interface import Method
from tests.corpus import corpus, entries
from tests.parsers.augeas import shell_variables, unquoted

SAMPLES: Final = tuple(entry for entry in entries("known") if "/ifcfg/" in entry["file"] and shell_variables(entry))
REDHAT: Final = tuple(entry for entry in SAMPLES if "opensuse" not in entry["id"] and "wk-suse" not in entry["id"])


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SAMPLES, ids=[entry["id"] for entry in SAMPLES])
def test_augeas_reads_the_same_assignments(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    ours = parse_assignments(text, "/x")
    theirs = {
        name: value
        for name, value in ((n, unquoted(v)) for n, v in dict(shell_variables(entry)).items())
        if value is not None
    }
    assert theirs
    different = {name: (ours.value(name), value) for name, value in theirs.items() if ours.value(name) != value}
    assert different == {}


def meant(values: dict[str, str]) -> Method | None:
    """What sysconfig.txt and nm-settings-ifcfg-rh(5) say these assignments do about IPv4; None where neither does."""
    if any(values.get(key) for key in ("MASTER", "BRIDGE", "TEAM_MASTER")):
        return Method.NONE
    protocol = values.get("BOOTPROTO", "").lower()
    addresses = [key for key in values if re.fullmatch(r"IPADDR\d*", key) and values[key]]
    if protocol in {"dhcp", "bootp"}:
        return Method.DHCP
    if protocol in {"", "none", "static"}:
        return Method.STATIC if addresses else Method.NONE
    return None


@pytest.mark.corpus
@pytest.mark.parametrize("entry", REDHAT, ids=[entry["id"] for entry in REDHAT])
def test_the_method_that_red_hats_files_mean(entry: dict[str, Any]) -> None:
    values = {name: unquoted(value) or "" for name, value in dict(shell_variables(entry)).items()}
    name = re.sub(r"^.*ifcfg-", "", entry["id"])
    path = f"/etc/sysconfig/network-scripts/ifcfg-{name}"
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    found = parse_redhat_ifcfg(text, path)
    if interface_name(path) is None:
        assert found.profiles == ()
        return
    (profile,) = found.profiles
    method = meant(values)
    if method is not None:
        assert profile.ipv4 is method
    else:
        assert profile.ipv4 not in {Method.DHCP, Method.STATIC} or found.problems
    assert profile.at_boot is (values.get("ONBOOT", "yes").lower() not in {"no", "false", "n", "f", "off", "0"})
