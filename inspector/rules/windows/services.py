r"""Services of Windows that the cloud's initialiser needs, and the agents that come with the cloud.

Vminit's plugins and what each needs are from the vendor's documentation of Windows images ("Vminit"); start types of
services are Microsoft's defaults ("Guidance on disabling system services on Windows Server").
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Status, Verdict, failed, ok, warning
from inspector.windows.network_cards import with_cards
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_service
from inspector.windows.services import INTERFACES, SERVICES, Start, absent, service
from parsers.windows.registry import Key

_PARTMGR: Final = rf"{SERVICES}\partmgr\Parameters"
_ONLINE_ALL: Final = 1
_CORE: Final = {"nsi": True, "BFE": False, "Dnscache": False, "mpssvc": False}
"""Services of the network, and whether the DHCP client depends on them: without it no card has an address."""
_ON_DEMAND: Final = ("IKEEXT", "Netlogon", "Netman")
_SHOWN: Final = 16


@rule("windows-ip-helper-starts", "The service IP Helper is started", "windows")
def windows_ip_helper_starts(facts: Facts) -> Verdict:
    r"""Its start type and its program.

    Why: the plugin of Vminit that cleans the network of the source up uses it; without it the instance keeps the
    addresses of the source.

    Fix: `sc.exe config iphlpsvc start= auto`.

    Reads: Services\iphlpsvc

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean).
    """
    return judge_service(facts, "iphlpsvc", Start.AUTOMATIC)


@rule("windows-dhcp-client-starts", "The DHCP client is started", "windows")
def windows_dhcp_client_starts(facts: Facts) -> Verdict:
    r"""Its start type and its program.

    Why: without it no network card gets an address.

    Fix: `sc.exe config Dhcp start= auto`.

    Reads: Services\Dhcp

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean); Microsoft, DHCP client.
    """
    return judge_service(facts, "Dhcp", Start.AUTOMATIC)


@rule("windows-time-service-starts", "The service Windows Time can be started", "windows")
def windows_time_service_starts(facts: Facts) -> Verdict:
    r"""Automatic, or by hand: a trigger starts it then.

    Why: the plugin of Vminit that sets the time servers configures it; a clock that runs astray breaks log-ons and
    certificates.

    Fix: `sc.exe config W32Time start= auto`.

    Reads: Services\W32Time

    References: Alibaba Cloud, Initialization tools, Vminit (ConfigNtp).
    """
    return judge_service(facts, "W32Time", Start.MANUAL, required=False)


@rule("windows-core-network-services-start", "The services that every connection goes through are started", "windows")
def windows_core_network_services_start(facts: Facts) -> Verdict:
    r"""Base Filtering Engine, DNS client, Network Store Interface, Windows Defender Firewall.

    On demand there are also the keys of IPsec, the log-on to domains, and Network Connections.

    Why: the DHCP client and the DNS client depend on Network Store Interface, and do not start without it. The others
    are started on every Windows; to stop the firewall's service is not supported by Microsoft, and what remains of the
    network without it, or without Base Filtering Engine, is not documented. Those on demand are asked for by Azure.

    Fix: `reg add HKLM\SYSTEM\CurrentControlSet\Services\NAME /v Start /t REG_DWORD /d 2 /f` for the service that is
    named, of IKEEXT, Netlogon and Netman `/d 3`, and a restart. `sc.exe config` is refused for BFE, Dnscache and
    mpssvc: since Windows 10 administrators may change these in the registry alone.

    Reads: Services\BFE, Dnscache, nsi, mpssvc, IKEEXT, Netlogon, Netman

    References: Microsoft, Prepare a Windows VHD or VHDX to upload to Azure, "Check the Windows services"; Windows
    Firewall with Advanced Security Overview (on stopping its service).
    """
    unread = Unread()
    verdicts = []
    wanted = [(name, Start.AUTOMATIC, required) for name, required in _CORE.items()]
    for name, usual, required in [*wanted, *((name, Start.MANUAL, False) for name in _ON_DEMAND)]:
        with unread.kept():
            verdicts.append(judge_service(facts, name, usual, required=required))
    if bad := [verdict for verdict in verdicts if verdict.status is not Status.OK]:
        say = failed if any(verdict.status is Status.FAILED for verdict in bad) else warning
        fixes = dict.fromkeys(verdict.fix or windows_core_network_services_start.fix for verdict in bad)
        found = dict.fromkeys(item for verdict in bad for item in verdict.evidence)
        return say("; ".join(verdict.message for verdict in bad), *found, fix=" ".join(fixes))
    unread.tell()
    return ok("the services of the network are started", *(verdict.evidence[0] for verdict in verdicts))


@rule("windows-network-cards-use-dhcp", "No network card has a fixed address", "windows")
def windows_network_cards_use_dhcp(facts: Facts) -> Verdict:
    r"""The value EnableDHCP of every interface that TCP/IP knows, cards that are gone included.

    Why: a card that keeps the address of the source has no network in the cloud. Vminit from 2.0 on sets cards back to
    DHCP at the first boot.

    Fix: `netsh interface ipv4 set address name="NAME" source=dhcp`, and remove cards that are gone in the Device
    Manager (hidden devices).

    Reads: Services\Tcpip\Parameters\Interfaces

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean).
    """
    registry = facts[Registry]
    if registry.key(INTERFACES) is None:
        raise UnknownFact("the interfaces of TCP/IP are not told", registry.place(INTERFACES))
    good: list[Evidence] = []
    bad: list[Evidence] = []
    unread = Unread()
    with unread.kept():
        for key in registry.subkeys(INTERFACES):
            with unread.kept():
                is_fixed, seen = _interface(registry, key)
                (bad if is_fixed else good).append(seen)
    if bad:
        return warning("a network card has a fixed address", *with_cards(registry, bad[:_SHOWN]))
    unread.tell()
    return ok("no network card has a fixed address", *good[:_SHOWN] or [Evidence(registry.place(INTERFACES), "none")])


def _interface(registry: Registry, key: Key) -> tuple[bool, Evidence]:
    """Tell whether an interface has a fixed address, and what was seen."""
    dhcp, fixed = key.value("EnableDHCP"), key.value("IPAddress")
    place = registry.place(rf"{INTERFACES}\{key.name}", "EnableDHCP")
    listed = registry.wanted(fixed.texts, "a list of texts", fixed) if fixed else ()
    addresses = [text for text in listed if text not in {"", "0.0.0.0"}]  # noqa: S104 - what Windows writes for none
    number = registry.dword(dhcp) if dhcp else int(not addresses)
    if number == 0:
        return True, Evidence(place, f"a fixed address: {', '.join(addresses) or 'none'}")
    return False, Evidence(place, "DHCP" if dhcp else "not set, and no address")


@rule("windows-brings-new-disks-online", "Windows brings the data disks of an instance online", "windows")
def windows_brings_new_disks_online(facts: Facts) -> Verdict:
    r"""The policy for new disks (SAN policy): 1 is "online all".

    The default of Server 2016 and of the larger editions of Server 2008 keeps disks on shared buses offline; where the
    value is not set the default of the release holds, which Microsoft documents for these alone.

    Why: data disks stay offline until somebody brings each of them online by hand; Vminit's plugins ConfigDisk and
    ExtendVolume do it at the first boot only.

    Fix: `diskpart`, then `san policy=OnlineAll`.

    Reads: Services\partmgr\Parameters\SanPolicy

    References: Microsoft, VDS_SAN_POLICY enumeration; diskpart, san; Alibaba Cloud, Initialization tools, Vminit
    (ConfigDisk). Where the value stands is known from a real hive.
    """
    registry = facts[Registry]
    number = registry.number(_PARTMGR, "SanPolicy")
    seen = Evidence(registry.place(_PARTMGR, "SanPolicy"), "not set" if number is None else str(number))
    if number == _ONLINE_ALL:
        return ok("new disks are brought online", seen)
    return warning("new disks may stay offline", seen)


@rule("windows-vminit-works", "Vminit, which prepares an instance at its first boot, is started", "windows")
def windows_vminit_works(facts: Facts) -> Verdict:
    r"""The service vminit and its program.

    Why: without it nobody sets the password, the host name, the network and the disks of an instance that was made of
    an image of one's own; a broken one keeps the instance from being prepared.

    Fix: install Vminit for the release of Windows by the vendor's guide, or remove what is left of it; where it is
    installed and not started, `sc.exe config vminit start= auto`.

    Reads: Services\vminit and its program

    References: Alibaba Cloud, Initialization tools, Vminit.
    """
    registry = facts[Registry]
    if service(registry, "vminit") is None:
        return warning("Vminit is not installed", absent(registry, "vminit"))
    return judge_service(facts, "vminit", Start.AUTOMATIC, of_windows=False)


@rule("windows-cloud-assistant-runs", "The agent of the cloud is installed and started", "windows")
def windows_cloud_assistant_runs(facts: Facts) -> Verdict:
    r"""The service AliyunService and its program.

    Why: without the agent the console can run no command in the instance, and sets no password while it runs.

    Fix: install the Cloud Assistant Agent by the vendor's guide, or `sc.exe config AliyunService start= auto`.

    Reads: Services\AliyunService and its program

    References: Alibaba Cloud, Install the Cloud Assistant Agent; Detect custom images and repair
    (GUESTOS.CloudAssistant).
    """
    return judge_service(facts, "AliyunService", Start.AUTOMATIC, required=False, of_windows=False)


RULES = (
    windows_brings_new_disks_online,
    windows_cloud_assistant_runs,
    windows_core_network_services_start,
    windows_dhcp_client_starts,
    windows_ip_helper_starts,
    windows_network_cards_use_dhcp,
    windows_time_service_starts,
    windows_vminit_works,
)
