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
    assert (verdict.status, places(verdict)[0]) == (Status.WARNING, f"{WANTS}/{unit}")
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
    assert verdict.evidence[0].place.path == "/etc/machine-id"
    assert "a first one" in verdict.evidence[0].seen
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


def test_rules_count_for_the_service_that_loads_them_alone() -> None:
    saved = {
        "/etc/sysconfig/iptables": "*filter\n:INPUT DROP [0:0]\n",
        "/etc/sysconfig/ip6tables": "*filter\n-A INPUT -j REJECT\n",
        "/etc/iptables/rules.v4": ":INPUT DROP [0:0]\n",
        "/etc/nftables.conf": "table inet filter { chain input { type filter hook input priority 0; policy drop; } }\n",
    }
    assert places(firewall_is_off(facts("iptables.service", **saved)))[1:] == ["/etc/sysconfig/iptables:2"]
    assert places(firewall_is_off(facts("ip6tables.service", **saved)))[1:] == ["/etc/sysconfig/ip6tables:2"]
    assert places(firewall_is_off(facts("nftables.service", **saved)))[1:] == ["/etc/nftables.conf:1"]


def test_included_files_of_nftables_are_read_and_other_hooks_are_not() -> None:
    saved = {
        "/etc/sysconfig/nftables.conf": '# include "/etc/nftables/no.nft"\ninclude "/etc/nftables/m*.nft"\n',
        "/etc/nftables/no.nft": "chain a {\n hook input drop\n}\n",
        "/etc/nftables/main.nft": "table inet x {\n chain o {\n  type filter hook output priority 0; policy drop;\n }\n"
        " chain i {\n  type filter hook input priority 0\n  policy accept\n  # drop\n  ip saddr 10.0.0.1 drop\n }\n}\n",
    }
    assert places(firewall_is_off(facts("nftables.service", **saved)))[1:] == ["/etc/nftables/main.nft:9"]


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({}, "the default zone public wanted, no such file"),
        (
            {"/usr/lib/firewalld/zones/public.xml": '<zone><service name="ssh"/></zone>'},
            "the zone public lets in ssh",
        ),
        (
            {
                "/usr/lib/firewalld/zones/public.xml": '<zone><service name="ssh"/></zone>',
                "/etc/firewalld/zones/public.xml": '<zone><service name="http"/></zone>',
            },
            "the zone public lets in http, and no SSH",
        ),
        (
            {
                "/etc/firewalld/firewalld.conf": "DefaultZone=drop\n",
                "/usr/lib/firewalld/zones/drop.xml": '<zone target="DROP"></zone>',
            },
            "the zone drop lets in nothing, and no SSH",
        ),
    ],
)
def test_the_default_zone_of_firewalld_is_shown(files: dict[str, Any], shown: str) -> None:
    verdict = firewall_is_off(facts("firewalld.service", **files))
    assert (verdict.status, verdict.evidence[-1].seen) == (Status.WARNING, shown)


def test_suse_shows_whether_ssh_gets_in() -> None:
    path = "/etc/sysconfig/SuSEfirewall2"
    verdict = firewall_is_off(facts("SuSEfirewall2.service", **{path: 'FW_SERVICES_EXT_TCP=""\n'}))
    assert verdict.evidence[-1].seen == "nothing lets in SSH from outside"
    verdict = firewall_is_off(facts("SuSEfirewall2.service", **{path: 'FW_CONFIGURATIONS_EXT="sshd"\n'}))
    assert places(verdict)[1:] == [f"{path}:1"]


@pytest.mark.parametrize(
    ("service", "path", "text"),
    [
        ("iptables", "/etc/iptables/rules-save", ":INPUT DROP [0:0]\n"),
        ("nftables", "/etc/nftables.nft", "chain i { type filter hook input priority 0; policy drop; }\n"),
    ],
)
def test_openrc_starts_firewalls_too(service: str, path: str, text: str) -> None:
    files: dict[str, Any] = {
        f"/etc/init.d/{service}": "#!/sbin/openrc-run\n",
        f"/etc/runlevels/default/{service}": Link(f"/etc/init.d/{service}"),
        path: text,
    }
    verdict = firewall_is_off(facts_of(files))
    assert (verdict.status, places(verdict)) == (
        Status.WARNING,
        [f"/etc/runlevels/default/{service}", f"{path}:1"],
    )
    del files[f"/etc/runlevels/default/{service}"]
    assert firewall_is_off(facts_of(files)).status is Status.OK


def test_the_policy_of_ufw_is_shown() -> None:
    files = {"/etc/ufw/ufw.conf": "ENABLED=yes\n", "/etc/default/ufw": 'IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\n'}
    assert places(firewall_is_off(facts("ufw.service", **files)))[-1] == "/etc/default/ufw:2"


def test_what_keeps_ufw_off_is_its_own_setting() -> None:
    conf = "/etc/ufw/ufw.conf"
    off = firewall_is_off(facts("ufw.service", **{conf: "# x\nENABLED=no\n"}))
    assert (off.status, places(off)) == (Status.OK, [f"{conf}:2"])
    without = firewall_is_off(facts("ufw.service"))
    assert (without.status, places(without)) == (Status.OK, [conf])
    masked = {"/etc/systemd/system/ufw.service": Link("/dev/null"), conf: "ENABLED=yes\n"}
    assert places(firewall_is_off(facts("ufw.service", **masked))) == ["/etc/systemd/system/ufw.service"]
