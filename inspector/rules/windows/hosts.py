r"""The file hosts, which Windows asks before any name server.

Source: Microsoft's documentation, "TCP/IP and NBT configuration parameters" (DataBasePath, the folder of the file), and
the file's own head: an address, then names, and a comment behind `#`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.services import TCPIP
from parsers.linux.hosts import HostEntry, parse_hosts

_FOLDER: Final = r"%SystemRoot%\System32\drivers\etc"
_MAX_SIZE: Final = 16 << 20
"""Bytes of a file; lists that block advertisements have some."""
_MARK: Final = "\ufeff"
_SHOWN: Final = 16


@rule("windows-hosts-names-no-server", "The file hosts names no server that an instance asks", "windows")
def windows_hosts_names_no_server(facts: Facts, *, domains: Sequence[str]) -> Verdict:
    r"""Entries with a name within one of `domains`; names of other servers are not judged.

    Why: an address that was set for the source's network, or to block the server, keeps an instance from its updates,
    its licence, the time, or the services of the cloud.

    Fix: take the lines that are named out of the file.

    Reads: C:\Windows\System32\drivers\etc\hosts, or where Services\Tcpip\Parameters\DataBasePath says

    References: Microsoft, TCP/IP and NBT configuration parameters for Windows (DataBasePath); How to reset the Hosts
    file back to the default.
    """
    guest = facts[Guest]
    path = rf"{facts[Registry].text(TCPIP, 'DataBasePath') or _FOLDER}\hosts"
    try:
        found = parse_hosts(guest.read_text(path, _MAX_SIZE).removeprefix(_MARK), path)
    except NotFound:
        return ok("no name has an address of its own", Evidence(guest.place(path), "does not exist"))
    bad = [
        Evidence(guest.place(path, entry.place.line), f"{entry.address} {name}")
        for entry in found.entries
        for name in _named(entry, domains)
    ]
    if bad:
        return warning("servers that an instance asks have an address of their own", *bad[:_SHOWN])
    return ok("no such server has an address of its own", Evidence(guest.place(path), f"entries: {len(found.entries)}"))


def _named(entry: HostEntry, domains: Sequence[str]) -> list[str]:
    """Return the names of an entry that lie within one of the domains."""
    return [
        name for name in entry.names if any(f".{name.lower().rstrip('.')}".endswith(f".{domain}") for domain in domains)
    ]


RULES = (windows_hosts_names_no_server,)
