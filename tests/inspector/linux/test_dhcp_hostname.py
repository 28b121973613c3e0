"""The names that DHCP clients are told to send."""

from __future__ import annotations

import pytest

from inspector.guest import Guest
from inspector.linux.dhcp_hostname import sent_names
from parsers.place import ParseError, Place
from tests.facts_of import facts_of
from tests.memory_tree import File

EL = "/etc/sysconfig/network-scripts/ifcfg-eth0"
SUSE = "/etc/sysconfig/network/dhcp"
PROFILE = "/etc/NetworkManager/system-connections/eth0.nmconnection"
DHCLIENT = "/etc/dhcp/dhclient.conf"


def sent(path: str, text: str) -> list[tuple[str, Place]]:
    return list(sent_names(facts_of({"/etc/passwd": "", path: text})[Guest]))


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        (EL, "BOOTPROTO=dhcp\nDHCP_HOSTNAME=db7\n", 2),
        (EL, 'DHCP_HOSTNAME="db7" # old\n', 1),
        ("/etc/sysconfig/network/ifcfg-eth0", "DHCLIENT_HOSTNAME_OPTION='db7'\n", 1),
        (SUSE, 'DHCLIENT_HOSTNAME_OPTION="db7"\n', 1),
        (PROFILE, "[ipv4]\nmethod=auto\ndhcp-hostname=db7\n", 3),
        (DHCLIENT, 'send host-name "db7";\n', 1),
        ("/etc/dhcpcd.conf", "duid\nhostname db7\n", 2),
    ],
)
def test_every_client_has_its_setting(path: str, text: str, line: int) -> None:
    ((name, place),) = sent(path, text)
    assert (name, place.path, place.line) == ("db7", path, line)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (EL, "#DHCP_HOSTNAME=db7\nDHCP_HOSTNAME=\n"),
        (SUSE, 'DHCLIENT_HOSTNAME_OPTION="AUTO"\n'),
        (PROFILE, "[ipv4]\ndhcp-send-hostname=true\n"),
        (DHCLIENT, "send host-name = gethostname();\n"),
        (DHCLIENT, 'send host-name "<hostname>";\n'),
        ("/etc/dhcpcd.conf", "hostname\n#hostname db7\n"),
    ],
)
def test_defaults_send_no_name_of_the_source(path: str, text: str) -> None:
    assert sent(path, text) == []


def test_a_file_that_is_too_large_is_not_passed_over() -> None:
    guest = facts_of({"/etc/passwd": "", DHCLIENT: File("#" * (1 << 20) + "\n")})[Guest]
    with pytest.raises(ParseError):
        list(sent_names(guest))
