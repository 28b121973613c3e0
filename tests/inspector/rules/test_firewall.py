from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import UnknownFact
from inspector.facts.services import Services
from inspector.rules.firewall import firewall_is_off
from inspector.verdict import Status
from tests.facts_of import facts_of
from tests.inspector.rules.units import INSTALL, TARGETS, UNITS, WANTS, facts, places
from tests.memory_tree import Link


def test_no_firewall_is_ok() -> None:
    assert firewall_is_off(facts()).status is Status.OK


@pytest.mark.parametrize(
    "unit",
    [
        "firewalld.service",
        "nftables.service",
        "iptables.service",
        "netfilter-persistent.service",
        "SuSEfirewall2.service",
    ],
)
def test_a_started_firewall_is_a_warning_and_disabling_it_makes_it_ok(unit: str) -> None:
    verdict = firewall_is_off(facts(unit))
    assert (verdict.status, places(verdict)) == (Status.WARNING, [f"{WANTS}/{unit}"])
    disabled = firewall_is_off(facts(**{f"{UNITS}/{unit}": INSTALL}))
    assert (disabled.status, places(disabled)) == (Status.OK, [f"{UNITS}/{unit}"])
    masked = firewall_is_off(facts(unit, **{f"/etc/systemd/system/{unit}": Link("/dev/null")}))
    assert masked.status is Status.OK


@pytest.mark.parametrize("line", ["ENABLED=yes", 'ENABLED="yes"', " enabled=YES # on"])
def test_ufw_counts_where_its_setting_and_its_service_are_on(line: str) -> None:
    verdict = firewall_is_off(facts("ufw.service", **{"/etc/ufw/ufw.conf": f"# ufw\n{line}\n"}))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/ufw/ufw.conf:2", f"{WANTS}/ufw.service"])
    assert firewall_is_off(facts("ufw.service", **{"/etc/ufw/ufw.conf": "ENABLED=no\n"})).status is Status.OK
    assert firewall_is_off(facts(**{"/etc/ufw/ufw.conf": f"{line}\n"})).status is Status.OK


def test_saved_rules_that_refuse_are_shown() -> None:
    rules = (
        "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT\n"
    )
    verdict = firewall_is_off(facts("netfilter-persistent.service", **{"/etc/iptables/rules.v4": rules}))
    assert places(verdict)[1:] == ["/etc/iptables/rules.v4:2", "/etc/iptables/rules.v4:5"]
    nft = "table inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n }\n}\n"
    verdict = firewall_is_off(facts("nftables.service", **{"/etc/nftables.conf": nft}))
    assert places(verdict)[1:] == ["/etc/nftables.conf:3"]


def test_init_scripts_count_too() -> None:
    scripts: dict[str, Any] = {
        "/etc/init.d/iptables": "#!/bin/sh\n",
        "/etc/rc3.d/S08iptables": Link("../init.d/iptables"),
    }
    verdict = firewall_is_off(facts_of(scripts))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/rc3.d/S08iptables"])


def test_unknown_is_never_ok() -> None:
    verdict = firewall_is_off(facts_of(TARGETS, given={Services: UnknownFact("no service manager")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert not firewall_is_off(facts_of({"/etc/passwd": ""})).known


PRESETS = "/usr/lib/systemd/system-preset"


@pytest.mark.parametrize("identity", [None, "uninitialized\n"])
def test_a_disabled_firewall_that_the_first_boot_enables_is_a_warning_and_masking_it_makes_it_ok(
    identity: str | None,
) -> None:
    files = {**TARGETS, f"{UNITS}/nftables.service": INSTALL, "/etc/machine-id": identity}
    made = {path: node for path, node in files.items() if node is not None}
    verdict = firewall_is_off(facts_of(made))
    assert verdict.status is Status.WARNING
    assert places(verdict)[0] == f"{UNITS}/nftables.service"
    assert verdict.evidence[1].place.path == "/etc/machine-id"
    masked = {**made, "/etc/systemd/system/nftables.service": Link("/dev/null")}
    assert firewall_is_off(facts_of(masked)).status is Status.OK
    disabled = {**made, f"{PRESETS}/90-x.preset": "# x\ndisable nft*\nenable *\n"}
    assert firewall_is_off(facts_of(disabled)).status is Status.OK
    enabled = firewall_is_off(facts_of({**disabled, f"{PRESETS}/10-x.preset": "enable nftables.service\n"}))
    assert (enabled.status, places(enabled)[-1]) == (Status.WARNING, f"{PRESETS}/10-x.preset:1")
    etc = {**disabled, "/etc/systemd/system-preset/90-x.preset": "ignore other.service\n"}
    assert firewall_is_off(facts_of(etc)).status is Status.WARNING


def test_an_empty_machine_id_makes_no_first_boot() -> None:
    made = {**TARGETS, f"{UNITS}/nftables.service": INSTALL, "/etc/machine-id": ""}
    assert firewall_is_off(facts_of(made)).status is Status.OK
