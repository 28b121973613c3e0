"""The names that DHCP clients are told to send, which a server may give back as the guest's own.

Of ifcfg files `DHCP_HOSTNAME` (Red Hat) and `DHCLIENT_HOSTNAME_OPTION` (SUSE), of NetworkManager's profiles
`dhcp-hostname` (nm-settings-keyfile(5)), of dhclient.conf(5) `host-name`, of dhcpcd.conf(5) `hostname`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inspector.guest import Guest
from inspector.linux.network_files import texts
from parsers.place import Place

_MAX: Final = 253
_SUSE: Final = r"""[ \t]*DHCLIENT_HOSTNAME_OPTION=["']?([^"'#\s]+)"""
_DHCLIENT: Final = r"""[ \t]*(?:send|supersede)[ \t]+host-name[ \t]+"([^"<]+)"[ \t]*;"""
_SETTINGS: Final = tuple(
    (pattern, re.compile(setting))
    for pattern, setting in (
        ("/etc/sysconfig/network-scripts/ifcfg-*", r"""[ \t]*DHCP_HOSTNAME=["']?([^"'#\s]+)"""),
        ("/etc/sysconfig/network/ifcfg-*", _SUSE),
        ("/etc/sysconfig/network/dhcp", _SUSE),
        ("/etc/NetworkManager/system-connections/*", r"[ \t]*dhcp-hostname[ \t]*=[ \t]*([^\s;#]+)"),
        ("/etc/dhcp/dhclient.conf", _DHCLIENT),
        ("/etc/dhclient.conf", _DHCLIENT),
        ("/etc/dhcpcd.conf", r"[ \t]*hostname[ \t]+([^\s#]+)"),
    )
)
_OWN: Final = "AUTO"
"""In SUSE's files: the name that the machine has by then."""


def sent_names(guest: Guest) -> Iterator[tuple[str, Place]]:
    """Give each name that a client is told to send, with its line.

    Raises:
        ParseError: one of the files cannot be read.
    """
    for pattern, setting in _SETTINGS:
        for path, text in texts(guest, guest.glob(pattern)):
            for number, line in enumerate(text.split("\n"), start=1):
                match = setting.match(line)
                if match and match[1] != _OWN:
                    yield match[1][:_MAX], guest.place(path, number)
