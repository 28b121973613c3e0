"""What startpar(8) passes over, which starts the init scripts of Debian and SUSE beside each other.

`startpar -M start` runs the scripts that /etc/init.d/.depend.start lists *and* that have a start link: a link that was
made by hand, without insserv(8), starts nothing. The script `rc` asks for it where there are such files, unless it is
told to run one script after another (sysv-rc's /etc/init.d/rc; `CONCURRENCY` in /etc/default/rcS; `RUN_PARALLEL` in
SUSE's /etc/sysconfig/boot). Not done: kernel arguments that take parallel starting back for one boot.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.guest import Guest, NotFound
from inspector.verdict import Evidence
from parsers.linux.init_script import parse_depend
from parsers.place import Place

_DEPEND: Final = "/etc/init.d/.depend.{}"
_PROGRAMS: Final = ("/lib/startpar/startpar", "/sbin/startpar")
_LEGACY: Final = "/etc/init.d/.legacy-bootordering"
_RC: Final = "/etc/init.d/rc"
_ASKED: Final = re.compile(r"^[^#\n]*\bstartpar\b", re.MULTILINE)
_ONE_BY_ONE: Final = {
    _RC: re.compile(r"^[ \t]*CONCURRENCY=[\"']?none\b(?![^\n]*\|\|)", re.MULTILINE),
    "/etc/default/rcS": re.compile(r"^[ \t]*CONCURRENCY=[\"']?none\b", re.MULTILINE),
    "/etc/sysconfig/boot": re.compile(r"^[ \t]*RUN_PARALLEL=[\"']?no\b", re.MULTILINE),
}
_LIMIT: Final = 1 << 20


def left_out(guest: Guest, script: str, link: str) -> Evidence | None:
    """Return why a script with a start link is not started all the same; None where it is."""
    if not _starts_in_parallel(guest):
        return None
    path = _DEPEND.format("boot" if link.startswith(("/etc/rcS.d/", "/etc/init.d/boot.d/")) else "start")
    if script in parse_depend(_text(guest, path)):
        return None
    return Evidence(Place(path), f"startpar starts what is listed here, and {script} is not, in spite of {link}")


def _starts_in_parallel(guest: Guest) -> bool:
    if not all(_text(guest, _DEPEND.format(when)) for when in ("boot", "start", "stop")):
        return False
    program = next((path for path in _PROGRAMS if guest.is_file(path)), None)
    if program is None or not guest.stat(program).mode & 0o111 or guest.exists(_LEGACY):
        return False
    if any(pattern.search(_text(guest, path)) for path, pattern in _ONE_BY_ONE.items()):
        return False
    return _ASKED.search(_text(guest, _RC)) is not None


def _text(guest: Guest, path: str) -> str:
    try:
        return guest.read_text(path, limit=_LIMIT)
    except NotFound:
        return ""
