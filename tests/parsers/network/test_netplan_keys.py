from __future__ import annotations

import pytest

from parsers.network.netplan import KINDS, merge_netplan, parse_netplan
from parsers.network.netplan_keys import keys_of


@pytest.mark.parametrize("section", KINDS)
def test_every_section_has_the_keys_of_all(section: str) -> None:
    assert {"dhcp4", "addresses", "renderer"} <= keys_of(section)


@pytest.mark.parametrize(
    ("section", "key"), [("ethernets", "id"), ("bridges", "peers"), ("vlans", "interfaces"), ("bonds", "wat")]
)
def test_a_key_of_another_section_is_a_problem(section: str, key: str) -> None:
    assert key not in keys_of(section)
    further = "id: 5, link: e, " if section == "vlans" else ""
    text = f"network: {{{section}: {{x: {{{further}{key}: []}}}}, dummy-devices: {{e: {{}}}}}}"
    found = merge_netplan([parse_netplan(text, "/x")])
    assert found.fatal is None
    assert [it.message for it in found.problems] == [f"a key of {section} wanted, {key} found"]
