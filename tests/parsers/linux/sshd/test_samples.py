"""The samples of sshd_config in the corpus: against augeas' trees; test_oracle.py asks sshd itself about them."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from parsers.linux.sshd import parse_sshd_config
from tests.corpus import corpus, entries
from tests.parsers import augeas

KNOWN: Final = tuple(entry for entry in entries("known") if entry["file"].startswith("configs/sshd_config/"))
RENAMED: Final = {"ChallengeResponseAuthentication": "KbdInteractiveAuthentication"}
"""Old name -> current one, which we report."""
PASSED_OVER: Final = {
    "Protocol": "sshd has passed over it since 7.6, and it is no directive to us",
    "UsePrivilegeSeparation": "out of date since 7.5, a remark of ours; its value takes the comment along in the lens",
    "APlusOption": "insights-core's invention, which sshd refuses",
    **dict.fromkeys(
        ("ForwardX11Trusted", "SendEnv", "Include"),
        "the sample is of ssh_config, the client's: sshd refuses the keyword, or finds the file missing",
    ),
}
"""Keywords that the lens takes and we do not report as directives, and why."""
Found = list[tuple[tuple[tuple[str, str], ...], str, tuple[str, ...]]]
"""Criteria of the block, keyword and arguments of each directive."""


def of_augeas(entry: dict[str, Any]) -> Found:
    found: Found = []
    criteria: dict[str, list[tuple[str, str]]] = {}
    nodes = [(re.sub(r"\[\d+\]", "", path), path.split("/")[1], value) for path, value in augeas.tree(entry)]
    for path, block, value in nodes:
        *_, parent, name = path.split("/")
        if parent == "Condition":
            criteria.setdefault(block, []).append((name.lower(), value or ""))
        elif parent == "Settings" or (not parent and value is not None):
            words = () if value is None else tuple(it.strip('"') for it in value.split())
            found.append((tuple(criteria.get(block, ())), name, words))
        elif not parent and name != "Match":
            found.append(((), name, ()))
        elif parent == "Subsystem":
            found[-1] = ((), parent, (name, str(value)))
        elif name.isdigit():
            found[-1] = ((), parent, (*found[-1][2], str(value)))
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=[entry["id"] for entry in KNOWN])
def test_augeas_finds_the_same_directives(entry: dict[str, Any]) -> None:
    config = parse_sshd_config(corpus(f"known/{entry['file']}").read_text("latin-1"))
    assert [(it.criteria, it.keyword, it.arguments) for it in config.directives] == [
        (criteria, RENAMED.get(name, name), words)
        for criteria, name, words in of_augeas(entry)
        if name not in PASSED_OVER
    ]
