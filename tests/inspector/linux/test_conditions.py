from __future__ import annotations

import pytest

from inspector.linux.conditions import unmet_condition
from parsers.linux.systemd import parse_unit
from tests.memory_tree import Dir, File, Link, guest_of

GUEST = guest_of(
    {"/etc/full": "x", "/etc/empty": "", "/etc/run": File("x", 0o755), "/etc/link": Link("gone"), "/srv": Dir()}
)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("ConditionPathExists=/etc/full", True),
        ("ConditionPathExists=/etc/gone", False),
        ("ConditionPathExists=!/etc/gone", True),
        ("ConditionPathExists=!/etc/full", False),
        ("AssertPathExists=/etc/gone", False),
        ("ConditionPathExists=/etc/gone\nConditionPathExists=", True),
        ("ConditionPathExists=|/etc/gone\nConditionPathExists=|/etc/full", True),
        ("ConditionPathExists=|/etc/gone\nConditionPathExists=|!/etc/full", False),
        ("ConditionPathExists=|/etc/gone\nConditionKernelCommandLine=|quiet", True),
        ("ConditionPathExists=|/etc/full\nConditionPathExists=/etc/gone", False),
        ("ConditionPathExistsGlob=/etc/f*", True),
        ("ConditionPathExistsGlob=/etc/z*", False),
        ("ConditionPathIsDirectory=/srv", True),
        ("ConditionPathIsDirectory=/etc/full", False),
        ("ConditionPathIsSymbolicLink=/etc/link", True),
        ("ConditionPathIsSymbolicLink=/etc/gone", False),
        ("ConditionFileNotEmpty=/etc/full", True),
        ("ConditionFileNotEmpty=/etc/empty", False),
        ("ConditionFileIsExecutable=/etc/run", True),
        ("ConditionFileIsExecutable=/etc/full", False),
        ("ConditionDirectoryNotEmpty=/etc", True),
        ("ConditionDirectoryNotEmpty=/srv", False),
        ("ConditionPathExists=/run/x", True),
        ("ConditionPathExists=/etc/%i", True),
        ("ConditionVirtualization=!container", True),
    ],
)
def test_conditions_on_files_are_evaluated(condition: str, holds: bool) -> None:
    unmet = unmet_condition(GUEST, parse_unit(f"[Unit]\n{condition}\n", "/u"))
    assert (unmet is None) is holds
    if unmet is not None:
        assert unmet.place.path == "/u"
