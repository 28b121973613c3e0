"""A guest whose systemd starts some units, for tests of the rules about services."""

from __future__ import annotations

from typing import Any

from inspector.facts import Facts
from inspector.verdict import Verdict
from tests.facts_of import facts_of
from tests.memory_tree import Link

UNITS = "/usr/lib/systemd/system"
WANTS = "/etc/systemd/system/multi-user.target.wants"
TARGETS: dict[str, Any] = {
    "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    f"{UNITS}/multi-user.target": "[Unit]\n",
    f"{UNITS}/default.target": Link("multi-user.target"),
}
INSTALL = "[Service]\nExecStart=-/bin/true aliyun aegis\n[Install]\nWantedBy=multi-user.target\n"


def facts(*enabled: str, **files: Any) -> Facts:
    """Return the facts of a guest that starts the units `enabled`, and holds `files`."""
    made: dict[str, Any] = dict(TARGETS)
    for unit in enabled:
        made[f"{UNITS}/{unit}"] = INSTALL
        made[f"{WANTS}/{unit}"] = Link(f"{UNITS}/{unit}")
    return facts_of(made | files)


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]
