from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import UnknownFact
from inspector.facts.rtc import RtcMode
from parsers.linux.adjtime import ClockMode
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import Dir

UTC = "0.0 0 0.0\n0\nUTC\n"


@pytest.mark.parametrize(
    ("files", "mode", "place"),
    [
        ({"/etc/adjtime": UTC}, ClockMode.UTC, Place("/etc/adjtime", 3)),
        ({"/etc/adjtime": UTC.replace("UTC", "LOCAL")}, ClockMode.LOCAL, Place("/etc/adjtime", 3)),
        ({"/etc/adjtime": "0.0 0 0.0\n"}, ClockMode.UTC, Place("/etc/adjtime")),
        ({}, ClockMode.UTC, Place("/etc/adjtime")),
        ({"/etc/default/rcS": "# x\nUTC=no\n"}, ClockMode.LOCAL, Place("/etc/default/rcS", 2)),
        ({"/etc/default/rcS": "UTC=yes\n"}, ClockMode.UTC, Place("/etc/default/rcS", 1)),
        ({"/etc/adjtime": UTC, "/etc/default/rcS": "UTC=no\n"}, ClockMode.UTC, Place("/etc/adjtime", 3)),
        ({"/etc/sysconfig/clock": 'ZONE="x"\nUTC=false\n'}, ClockMode.LOCAL, Place("/etc/sysconfig/clock", 2)),
        ({"/etc/sysconfig/clock": 'HWCLOCK="--localtime"\n'}, ClockMode.LOCAL, Place("/etc/sysconfig/clock", 1)),
        ({"/etc/sysconfig/clock": 'HWCLOCK="-u"\n'}, ClockMode.UTC, Place("/etc/sysconfig/clock", 1)),
        ({"/etc/sysconfig/clock": 'ZONE="x"\n'}, ClockMode.UTC, Place("/etc/adjtime")),
        ({"/etc/conf.d/hwclock": 'clock="local"\n'}, ClockMode.UTC, Place("/etc/adjtime")),  # it is OpenRC's
        (
            {"/etc/conf.d/hwclock": '# x\nclock="local"\n', "/etc/runlevels": Dir(), "/etc/adjtime": UTC},
            ClockMode.LOCAL,
            Place("/etc/conf.d/hwclock", 2),
        ),
    ],
)
def test_the_file_that_decides(files: dict[str, Any], mode: ClockMode, place: Place) -> None:
    found = facts_of({"/etc/passwd": "", **files})[RtcMode]
    assert (found.mode, found.place) == (mode, place)


@pytest.mark.parametrize("node", ["0 0 0\n0\nlocal\n", Dir()])
def test_what_cannot_be_read_is_unknown(node: Any) -> None:
    with pytest.raises(UnknownFact):
        facts_of({"/etc/adjtime": node})[RtcMode]
